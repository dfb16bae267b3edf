// SPDX-License-Identifier: GPL-2.0
/*
 * Sources: how many flows one address, or one network, has.
 *
 * Overview
 *	While ip_conntrack_max_per_source is not 0, the flows of each source are
 *	counted, and a flow that its source may not have any more is not made.
 *	A source is the original source address of a flow, as far as the
 *	namespace's prefix lengths say (a /64 is one IPv6 site, RFC 6177).
 *
 *	A source is in a hash table of the kernel's for as long as it has flows,
 *	so there are never more of them than flows. A counted flow says so in
 *	its status, and only such a flow is counted out.
 *
 *	A source has the hashes of its youngest flows, CT_SOURCE_MANY at most, for
 *	ct_srclimit.c to choose one that may be given up. What is gone, or in use,
 *	when its turn has come is forgotten.
 *
 *	Turning the limit on counts the flows that are there already, turning it
 *	off forgets them all; the prefix lengths can be set only while it is off.
 *	So what is counted in under one length is never counted out under
 *	another.
 *
 * Context
 *	Counting: any, bottom halves off. A source's count is changed under a
 *	lock of its hash; these are the innermost locks here: they are taken with
 *	a flow's lock held. Setting: process, sleeps; one at a time in a namespace.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/inetdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/ipv6.h>

#include "ct_compat.h"
#include "ct_hash.h"
#include "ct_source.h"

#define CT_SOURCE_LOCKS	64
#define CT_SOURCE_FEW	8U	/* flows that each source has a place for */
#define CT_SOURCE_MANY	1024U	/* most that one has places for */

/**
 * struct source - a source that has flows
 * @node: its place in the table
 * @key: who
 * @count: how many flows; this and what follows under the lock of the key
 * @oldest: place of the oldest hash
 * @n: hashes
 * @room: places
 * @young: hashes of flows that may still be unanswered, as a ring
 * @few: the ring, while it is small
 * @rcu: for its end
 */
struct source {
	struct rhash_head node;
	struct ct_source_key key;
	unsigned int count;
	u16 oldest;
	u16 n;
	u16 room;
	u32 *young;
	u32 few[CT_SOURCE_FEW];
	struct rcu_head rcu;
};

static const struct rhashtable_params params = {
	.key_len = sizeof(struct ct_source_key),
	.key_offset = offsetof(struct source, key),
	.head_offset = offsetof(struct source, node),
	.automatic_shrinking = true,
};

static struct rhashtable sources;
static spinlock_t locks[CT_SOURCE_LOCKS];
static siphash_key_t lock_key __read_mostly;

/* Nobody can choose whose lock he shares. */
static spinlock_t *lock_of(const struct ct_source_key *who)
{
	return &locks[siphash(who, sizeof(*who), &lock_key) % CT_SOURCE_LOCKS];
}

/**
 * ct_source_of() - whose is a flow?
 * @cnet: its namespace
 * @key: its key
 * @addr: its IPv6 addresses, in the order of @key
 * @sender: which end of @key sent the first packet
 * @who: set to its source
 */
void ct_source_of(const struct ct_net *cnet, const struct ct_key *key,
		  const struct in6_addr *addr, u8 sender,
		  struct ct_source_key *who)
{
	memset(who, 0, sizeof(*who));
	who->net = cnet->number;
	if (key->kind & CT_KEY_IPV6) {
		who->family = NFPROTO_IPV6;
		ipv6_addr_prefix(&who->addr.in6, &addr[sender],
				 READ_ONCE(cnet->knobs.source_prefix6));
	} else {
		who->family = NFPROTO_IPV4;
		who->addr.ip = key->addr[sender] &
			inet_make_mask(READ_ONCE(cnet->knobs.source_prefix4));
	}
}

/* Lock held. More places, if there may be and there is memory. */
static void ring_grow(struct source *source, unsigned int limit)
{
	unsigned int i, most = min(limit, CT_SOURCE_MANY);
	unsigned int room = min(4U * source->room, most);
	u32 *ring;

	if (room <= source->room)
		return;
	ring = kmalloc_array(room, sizeof(*ring), GFP_ATOMIC | __GFP_NOWARN);
	if (!ring)
		return;
	for (i = 0; i < source->n; i++)
		ring[i] = source->young[(source->oldest + i) % source->room];
	if (source->young != source->few)
		kfree(source->young);
	source->young = ring;
	source->oldest = 0;
	source->room = room;
}

/* Lock held. There is one. */
static u32 ring_take(struct source *source)
{
	u32 hash = source->young[source->oldest];

	source->oldest = (source->oldest + 1) % source->room;
	source->n--;
	return hash;
}

/* Lock held. Forget the oldest ones, as far as they are answered, or gone. */
static void ring_tidy(struct source *source)
{
	unsigned int looks;
	u32 status;

	for (looks = 0; source->n && looks < CT_SOURCE_LOOKS; looks++) {
		status = ct_hash_peek(source->young[source->oldest]);
		if (status && !(status & IPS_ASSURED))
			break;
		ring_take(source);
	}
}

/* Lock held, RCU. Where there is no place the oldest is forgotten. */
static void ring_add(struct source *source, u32 hash, unsigned int limit)
{
	if (source->n == source->room)
		ring_tidy(source);
	if (source->n == source->room)
		ring_grow(source, limit);
	if (source->n == source->room)
		ring_take(source);
	source->young[(source->oldest + source->n) % source->room] = hash;
	source->n++;
}

static struct source *source_alloc(const struct ct_source_key *who)
{
	struct source *source;

	source = kmalloc(sizeof(*source), GFP_ATOMIC | __GFP_NOWARN);
	if (!source)
		return NULL;
	source->key = *who;
	source->count = 0;
	source->oldest = 0;
	source->n = 0;
	source->room = CT_SOURCE_FEW;
	source->young = source->few;
	return source;
}

/* Lock of the source held, RCU. As ct_source_add() */
static int count_in(const struct ct_source_key *who, u32 *hash,
		    unsigned int limit)
{
	struct source *source;

	source = rhashtable_lookup_fast(&sources, who, params);
	if (source && source->count >= limit) {
		if (!source->n)
			return -EDQUOT;
		*hash = ring_take(source);
		return -EAGAIN;
	}
	if (!source) {
		source = source_alloc(who);
		if (!source)
			return -ENOMEM;
		if (rhashtable_insert_fast(&sources, &source->node, params)) {
			kfree(source);
			return -ENOMEM;
		}
	}
	source->count++;
	ring_add(source, *hash, limit);
	return 0;
}

/**
 * ct_source_has() - whose is a flow that there is?
 * @cnet: its namespace
 * @flow: the flow, its lock held
 * @who: set to its source
 */
void ct_source_has(const struct ct_net *cnet, const struct ct_flow *flow,
		   struct ct_source_key *who)
{
	ct_source_of(cnet, &flow->node.key,
		     ct_flow_is_ipv6(flow) ? ct_flow6(flow)->addr : NULL,
		     !!(flow->status & CT_FLOW_ORIGIN), who);
}

/**
 * ct_source_add() - count a flow
 * @who: its source
 * @hash: its hash; where there are too many, and a flow that may be given up, its
 *	hash is put there instead
 * @limit: so many may be
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: 0; -EAGAIN with another's @hash; -EDQUOT where there are too many and none
 * may be given up; -ENOMEM.
 */
int ct_source_add(const struct ct_source_key *who, u32 *hash,
		  unsigned int limit)
{
	spinlock_t *lock = lock_of(who);
	int err;

	spin_lock(lock);
	err = count_in(who, hash, limit);
	spin_unlock(lock);
	return err;
}

/**
 * ct_source_uncount() - count a flow out
 * @cnet: its namespace
 * @key: its key
 * @addr: its IPv6 addresses, in the order of @key
 * @sender: which end of @key sent the first packet
 *
 * Context: bottom halves off.
 */
void ct_source_uncount(const struct ct_net *cnet, const struct ct_key *key,
		       const struct in6_addr *addr, u8 sender)
{
	struct ct_source_key who;
	struct source *source;

	ct_source_of(cnet, key, addr, sender, &who);
	rcu_read_lock();
	spin_lock(lock_of(&who));
	source = rhashtable_lookup_fast(&sources, &who, params);
	if (!WARN_ON_ONCE(!source) && !--source->count) {
		rhashtable_remove_fast(&sources, &source->node, params);
		if (source->young != source->few)
			kfree(source->young);
		kfree_rcu(source, rcu);
	}
	spin_unlock(lock_of(&who));
	rcu_read_unlock();
}

/**
 * ct_source_forget() - count a flow out that was counted in
 * @cnet: its namespace
 * @flow: the flow, its lock held, or private
 *
 * Context: bottom halves off.
 */
void ct_source_forget(const struct ct_net *cnet, const struct ct_flow *flow)
{
	ct_source_uncount(cnet, &flow->node.key,
			  ct_flow_is_ipv6(flow) ? ct_flow6(flow)->addr : NULL,
			  !!(flow->status & CT_FLOW_ORIGIN));
}

/* Setting */

/* Flow lock held. It is there already: no limit keeps it out. */
static void count_old(struct ct_net *cnet, struct ct_flow *flow)
{
	u32 hash = flow->hash;
	struct ct_source_key who;

	ct_source_has(cnet, flow, &who);
	if (!ct_source_add(&who, &hash, UINT_MAX))
		WRITE_ONCE(flow->status, flow->status | CT_FLOW_COUNTED);
}

static void recount(struct ct_net *cnet, bool in)
{
	struct ct_flow *flow;
	struct ct_walk walk;

	rcu_read_lock();
	ct_walk_begin(&walk, cnet, NFPROTO_UNSPEC);
	while ((flow = ct_walk_next_locked(&walk))) {
		if (in && !(flow->status & CT_FLOW_COUNTED)) {
			count_old(cnet, flow);
		} else if (!in && flow->status & CT_FLOW_COUNTED) {
			ct_source_forget(cnet, flow);
			WRITE_ONCE(flow->status,
				   flow->status & ~CT_FLOW_COUNTED);
		}
		ct_flow_unlock(flow);
		local_bh_enable();
		ct_walk_pause(&walk);
	}
	rcu_read_unlock();
}

/**
 * ct_source_set_limit() - set how many flows a source may have
 * @cnet: the namespace
 * @limit: so many; 0 for no limit
 *
 * Context: process, sleeps.
 *
 * Return: 0 or -EINTR.
 */
int ct_source_set_limit(struct ct_net *cnet, unsigned int limit)
{
	unsigned int old;

	if (mutex_lock_killable(&cnet->setting))
		return -EINTR;
	old = cnet->knobs.max_per_source;
	WRITE_ONCE(cnet->knobs.max_per_source, limit);
	if (!old != !limit) {
		/* Flows that were made under the old limit are in the table. */
		synchronize_rcu();
		/* Never less than there are, while flows begin: ct_room.c */
		if (atomic_read(&cnet->count))
			recount(cnet, limit);
	}
	mutex_unlock(&cnet->setting);
	return 0;
}

/**
 * ct_source_set_prefix() - set how much of an address makes a source
 * @cnet: the namespace
 * @prefix: the knob
 * @length: bits
 *
 * Context: process, sleeps.
 *
 * Return: 0, -EINTR, or -EBUSY while sources are counted.
 */
int ct_source_set_prefix(struct ct_net *cnet, u8 *prefix, u8 length)
{
	int err = 0;

	if (mutex_lock_killable(&cnet->setting))
		return -EINTR;
	if (!cnet->knobs.max_per_source) {
		WRITE_ONCE(*prefix, length);
	} else if (*prefix != length) {
		pr_notice("prefix length refused: sources are being counted; set ip_conntrack_max_per_source to 0 first\n");
		err = -EBUSY;
	}
	mutex_unlock(&cnet->setting);
	return err;
}

/**
 * ct_source_init() - make the table of sources
 *
 * Return: 0 or -ENOMEM.
 */
int ct_source_init(void)
{
	int i;

	get_random_bytes(&lock_key, sizeof(lock_key));
	for (i = 0; i < CT_SOURCE_LOCKS; i++)
		spin_lock_init(&locks[i]);
	return rhashtable_init(&sources, &params);
}

/**
 * ct_source_exit() - give it back
 *
 * No flow is left.
 */
void ct_source_exit(void)
{
	rhashtable_destroy(&sources);
}
