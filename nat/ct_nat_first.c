// SPDX-License-Identifier: GPL-2.0
/*
 * Several first packets of one flow: one decision.
 *
 * Overview
 *	Packets of one flow can be on their way before any of them has made it: two
 *	questions of a resolver, a SYN that is sent again, a train that is received at
 *	once, two processors. Rules may decide otherwise for each of them: a random
 *	one of several servers. So where a destination was translated, the packet's
 *	object is kept here, by what the packet was, and the next one that was the
 *	same takes over what was decided for it.
 *
 *	That holds for as long as that packet is on its way, no longer: its flow is
 *	found then, or it was dropped. It is seen by the count of references: one is
 *	the pool's, one is ours. A slot that is needed for another packet is taken; who
 *	comes too late is decided for anew, and, if that comes out otherwise, does
 *	not get the flow (ct_confirm.c). Of sources nothing is kept: that packet is
 *	rewritten at the last hook.
 *
 * Context
 *	Hooks, bottom halves off. Locks: a namespace's, innermost.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <net/netns/generic.h>

#include "ct_nat_engine.h"

#define FIRST_SLOTS	256

/**
 * struct ct_nat_firsts - those of a namespace
 * @lock: holds the rest
 * @used: there ever was one
 * @slot: by a keyed hash of what they were
 */
struct ct_nat_firsts {
	spinlock_t lock;	/* innermost, bottom halves off */
	bool used;
	struct ct_pending *slot[FIRST_SLOTS];
};

/* Is the packet on its way still? The pool refers to the object, and we do. */
static bool is_on_its_way(const struct ct_pending *p)
{
	return READ_ONCE(p->kind) == CT_PENDING_FIRST &&
	       refcount_read(&p->nfct.ct_general.use) > 2;
}

static unsigned int first_net_id;

/* Made before the namespace's first hook that translates */
static struct ct_nat_firsts *firsts_of(const struct ct_net *cnet)
{
	struct ct_nat_firsts **firsts = net_generic(cnet->net, first_net_id);

	return *firsts;
}

static struct ct_pending **slot_of(struct ct_nat_firsts *firsts,
				   const struct ct_net *cnet,
				   const struct ct_pending *p)
{
	struct ct_lookup_key id;

	ct_tuple_identify(&p->orig, cnet, &id);
	return &firsts->slot[id.hash % FIRST_SLOTS];
}

static bool is_twin(const struct ct_pending *other, const struct ct_pending *p)
{
	return other && other != p && is_on_its_way(other) &&
	       ct_tuple_equal(&other->orig, &p->orig);
}

/* What became of a packet */
static void take_over(struct ct_tuple *to, const struct ct_pending *twin)
{
	/*
	 * Its last hook may be writing the source just now, which nobody here wants
	 * to know; its destination is what it was when it was kept.
	 */
	data_race(*to = twin->bind.to);
}

static void put(struct ct_pending *p)
{
	if (p)
		nf_conntrack_put(&p->nfct.ct_general);
}

/**
 * ct_nat_first_find() - was anything decided for a packet of the same flow?
 * @cnet: the namespace
 * @p: what the packet refers to
 * @to: set to what that packet became; only its destination counts
 *
 * Context: hooks, bottom halves off.
 *
 * Return: true if it was.
 */
bool ct_nat_first_find(const struct ct_net *cnet, const struct ct_pending *p,
		       struct ct_tuple *to)
{
	struct ct_nat_firsts *firsts = firsts_of(cnet);
	struct ct_pending **slot;
	bool found;

	if (!READ_ONCE(firsts->used))
		return false;
	slot = slot_of(firsts, cnet, p);
	if (!READ_ONCE(*slot))
		return false;
	spin_lock(&firsts->lock);
	found = is_twin(*slot, p);
	if (found)
		take_over(to, *slot);
	spin_unlock(&firsts->lock);
	return found;
}

/**
 * ct_nat_first_keep() - a packet's destination was translated
 * @cnet: the namespace
 * @p: what the packet refers to
 * @to: set to what another packet of its flow has become meanwhile; the same
 *
 * Context: hooks, bottom halves off.
 *
 * Return: true if there is one: what was decided for that counts.
 */
bool ct_nat_first_keep(const struct ct_net *cnet, struct ct_pending *p,
		       struct ct_tuple *to)
{
	struct ct_nat_firsts *firsts = firsts_of(cnet);
	struct ct_pending **slot = slot_of(firsts, cnet, p), *old = NULL;
	bool found;

	spin_lock(&firsts->lock);
	found = is_twin(*slot, p);
	if (found) {
		take_over(to, *slot);
	} else if (*slot != p) {
		old = *slot;
		nf_conntrack_get(&p->nfct.ct_general);
		WRITE_ONCE(*slot, p);
		WRITE_ONCE(firsts->used, true);
	}
	spin_unlock(&firsts->lock);
	put(old);
	return found;
}

/**
 * ct_nat_first_begin() - a namespace will translate
 * @net: the namespace
 *
 * Context: process, sleeps; one at a time.
 *
 * Return: 0 or -ENOMEM.
 */
int ct_nat_first_begin(struct net *net)
{
	struct ct_nat_firsts **firsts = net_generic(net, first_net_id);

	if (*firsts)
		return 0;
	*firsts = kzalloc(sizeof(**firsts), GFP_KERNEL_ACCOUNT);
	if (!*firsts)
		return -ENOMEM;
	spin_lock_init(&(*firsts)->lock);
	return 0;
}

/* Its hooks are gone, and a grace period since. */
static void __net_exit first_net_exit(struct net *net)
{
	struct ct_nat_firsts **firsts = net_generic(net, first_net_id);
	int i;

	if (!*firsts)
		return;
	for (i = 0; i < FIRST_SLOTS; i++)
		put((*firsts)->slot[i]);
	kfree(*firsts);
}

static struct pernet_operations first_net_ops = {
	.exit = first_net_exit,
	.id = &first_net_id,
	.size = sizeof(struct ct_nat_firsts *),
};

/**
 * ct_nat_first_init() - room for all namespaces
 *
 * Context: process, sleeps.
 *
 * Return: 0 or an error.
 */
int ct_nat_first_init(void)
{
	return register_pernet_subsys(&first_net_ops);
}

/**
 * ct_nat_first_exit() - the end of it
 *
 * Context: process, sleeps. There are no hooks any more.
 */
void ct_nat_first_exit(void)
{
	unregister_pernet_subsys(&first_net_ops);
}
