// SPDX-License-Identifier: GPL-2.0
/*
 * The table: find and unlink.
 *
 * Overview
 *	Buckets are singly linked lists of nodes. Their number is a power of two
 *	and may change while packets flow: old and new table then live side by
 *	side (@next), and buckets move one at a time.
 *
 * Synchronisation
 *	Writers hold the stripe lock of the hash, which covers its bucket in
 *	every table. Readers are in an RCU read-side section. Objects are
 *	type-stable (see ct_flow.h): a reader may be led into another chain, by
 *	a node that was freed and used again or that moved to the new table. It
 *	notices by the end marker, which names bucket and table, and begins
 *	again; after CT_RESTARTS times it takes the stripe lock.
 *
 *	A node that moves is linked in the new table before it leaves the old
 *	one, and readers look in the old table first: they cannot miss it.
 *
 *	Inserters (ct_create.c) link into the newest table. ct_hash_resize() waits
 *	for an RCU grace period after it published @next and before it moves a
 *	bucket, so nobody links into a bucket that has moved already.
 *
 * Expiry hints
 *	@due tells the reaper (ct_gc.c) which buckets to look into. It may be early,
 *	never late: of a flow that ends within CT_VISIT it is no later than that
 *	end, and of any other no later than CT_VISIT from when somebody looked.
 *	So where an end is brought forward, but not to within CT_VISIT, the hint need
 *	not be changed. (Each segment with data does that to a TCP connection.)
 *	Whoever brings it to within CT_VISIT writes @expires, then, behind a full barrier, lowers
 *	@due. Whoever reviews a bucket, under its stripe, raises @due, then,
 *	behind a full barrier, reads @expires of all flows, and lowers @due again
 *	to the least. Whichever was first, one of the two sees the other.
 *
 *	ct_gc_sample(), which looks for flows that can be given up, uses the
 *	hints too: where one is early, somebody has been idle for long.
 *
 * Context
 *	Bottom halves off.
 */
#include <linux/module.h>

#include "ct_compat.h"
#include "ct_table.h"

#define CT_RESTARTS	16

static_assert(!(CT_BUCKETS_MIN & (CT_BUCKETS_MIN - 1)));

/* Written by ct_resize.c. */
struct ct_table __rcu *ct_table;

static spinlock_t stripes[CT_BUCKETS_MIN];

spinlock_t *ct_stripe(u32 hash)
{
	return &stripes[hash & (CT_BUCKETS_MIN - 1)];
}

/* Finding */

static struct ct_node *search_all(struct ct_net *cnet, const struct ct_lookup_key *id,
				  bool *lost)
{
	struct ct_table *t = rcu_dereference_raw(ct_table);
	struct ct_node *node;

	*lost = false;
	do {
		node = ct_table_search(t, cnet, id, lost);
		if (node || *lost)
			return node;
		/*
		 * What moved away from this table while it was searched is to
		 * be seen in the next: pairs with the releases in move_bucket().
		 */
		smp_rmb();
		t = rcu_dereference_raw(t->next);
	} while (unlikely(t));
	return NULL;
}

/* Right even while chains move: no node moves while the stripe is held. */
static struct ct_node *search_locked(struct ct_net *cnet,
				     const struct ct_lookup_key *id)
{
	struct ct_node *node;
	bool lost;

	spin_lock(ct_stripe(id->hash));
	node = search_all(cnet, id, &lost);
	spin_unlock(ct_stripe(id->hash));
	return node;
}

/**
 * ct_hash_find_slowly() - find a flow where anything is not plain
 * @cnet: its namespace
 * @id: its identity
 * @dir: set to the direction that the packet belongs to
 *
 * For ct_find(): there are two tables, a chain that moved, or a flow that died
 * as it was found.
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: as ct_hash_find().
 */
noinline struct ct_flow *ct_hash_find_slowly(struct ct_net *cnet,
					     const struct ct_lookup_key *id,
					     enum ip_conntrack_dir *dir)
{
	struct ct_node *node;
	struct ct_flow *flow;
	int tries;
	bool lost;

	for (tries = 0; tries < 2 * CT_RESTARTS; tries++) {
		if (likely(tries < CT_RESTARTS))
			node = search_all(cnet, id, &lost);
		else
			node = search_locked(cnet, id), lost = false;
		if (node) {
			flow = ct_node_lock(node, cnet, id, dir);
			if (likely(flow))
				return ct_own_way(flow, node, *dir);
			continue;	/* died meanwhile; is there another? */
		}
		if (likely(!lost))
			return NULL;
		ct_stat_inc(cnet, search_restart);
	}
	return NULL;
}
EXPORT_SYMBOL_CT_TEST(ct_hash_find_slowly);

/**
 * ct_hash_find() - find the flow of a packet
 * @cnet: its namespace
 * @id: its identity
 * @dir: set to the direction that the packet belongs to
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: the flow, alive, its lock held; the caller unlocks it, or hands it
 * to ct_flow_end_unlock(). %NULL if there is none.
 */
struct ct_flow *ct_hash_find(struct ct_net *cnet, const struct ct_lookup_key *id,
			     enum ip_conntrack_dir *dir)
{
	return ct_find(cnet, id, dir);
}
EXPORT_SYMBOL_CT(ct_hash_find);

/**
 * ct_hash_pick() - find a flow by its hash
 * @hash: the hash
 * @fits: is it this one? Called with its lock held
 * @arg: for it
 *
 * For who has kept no more of it than that. Where chains move meanwhile a flow may
 * be missed.
 *
 * Context: RCU read-side section, bottom halves off, no lock held.
 *
 * Return: the flow, alive, its lock held; %NULL if there is none.
 */
struct ct_flow *ct_hash_pick(u32 hash,
			     bool (*fits)(const struct ct_flow *flow,
					  const void *arg),
			     const void *arg)
{
	struct ct_table *t;
	struct ct_node *node;
	struct ct_flow *flow;

	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next)) {
		ct_for_each_node(node, t, hash & t->mask) {
			flow = ct_node_flow(node);
			if (ct_node_alias(node) ||
			    READ_ONCE(flow->hash) != hash)
				continue;
			ct_flow_lock(flow);
			if (ct_flow_alive(flow) && flow->hash == hash &&
			    fits(flow, arg))
				return flow;
			ct_flow_unlock(flow);
		}
		smp_rmb();	/* as in search_all() */
	}
	return NULL;
}

/**
 * ct_hash_peek() - look at a flow by its hash, without its lock
 * @hash: the hash
 *
 * Context: RCU read-side section.
 *
 * Return: its status, an estimate; 0 if no flow has that hash.
 */
u32 ct_hash_peek(u32 hash)
{
	const struct ct_table *t;
	struct ct_node *node;
	struct ct_flow *flow;
	u32 status;

	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next)) {
		ct_for_each_node(node, t, hash & t->mask) {
			flow = ct_node_flow(node);
			status = READ_ONCE(flow->status);
			if (!ct_node_alias(node) &&
			    READ_ONCE(flow->hash) == hash &&
			    !(status & IPS_DYING))
				return status;
		}
		smp_rmb();	/* as in search_all() */
	}
	return 0;
}

/* Inserting and unlinking */

/**
 * ct_stripes_lock() - lock the buckets of two hashes
 * @a: one hash
 * @b: the other
 */
void ct_stripes_lock(u32 a, u32 b)
{
	spinlock_t *first = min(ct_stripe(a), ct_stripe(b));
	spinlock_t *second = max(ct_stripe(a), ct_stripe(b));

	spin_lock(first);
	__release(first);	/* sparse cannot follow two locks or one */
	if (first != second) {
		spin_lock_nested(second, SINGLE_DEPTH_NESTING);
		__release(second);
	}
}

/**
 * ct_stripes_unlock() - undo ct_stripes_lock()
 * @a: one hash
 * @b: the other
 */
void ct_stripes_unlock(u32 a, u32 b)
{
	spinlock_t *first = min(ct_stripe(a), ct_stripe(b));
	spinlock_t *second = max(ct_stripe(a), ct_stripe(b));

	if (first != second) {
		__acquire(second);
		spin_unlock(second);
	}
	__acquire(first);
	spin_unlock(first);
}

/* Stripe held: the bucket is empty, so nobody is about to lower it. */
static void due_clear(struct ct_table *t, u32 hash)
{
	WRITE_ONCE(t->due[hash & t->mask], ct_now() + CT_NEVER);
}

/* Stripe held. Raises and lowers the hint in the order of review_bucket(). */
static noinline void due_renew(struct ct_table *t, u32 hash)
{
	u32 now = ct_now(), least = now + CT_NEVER, visit;
	struct ct_node *node;

	WRITE_ONCE(t->due[hash & t->mask], least);
	smp_mb();	/* pairs with that in ct_hash_expire_sooner() */
	ct_for_each_node(node, t, hash & t->mask) {
		if (ct_node_alias(node))
			continue;
		visit = ct_next_visit(READ_ONCE(ct_node_flow(node)->expires), now);
		if (ct_left(visit, least) < 0)
			least = visit;
	}
	ct_due_lower(t, hash, least);
}

/*
 * Stripe held: a node of a flow left its bucket. Where the hint was for that flow, it
 * is for those who are left now: whoever looks for the idle is led here in vain else.
 */
static void due_leave(struct ct_table *t, u32 hash, u32 expires)
{
	u32 b = hash & t->mask;

	if (ct_is_end(ct_node_next(t->head[b])))
		due_clear(t, hash);
	else if (READ_ONCE(t->due[b]) == expires)
		due_renew(t, hash);
}

static void unlink_node(const struct ct_node *node, u32 hash, u32 expires)
{
	struct ct_node __rcu **link;
	struct ct_node *here;
	struct ct_table *t;

	spin_lock(ct_stripe(hash));
	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next)) {
		for (link = &t->head[hash & t->mask];
		     !ct_is_end(here = ct_node_next(*link));
		     link = &here->next) {
			if (here != node)
				continue;
			rcu_assign_pointer(*link, ct_node_next(node->next));
			due_leave(t, hash, expires);
			goto out;
		}
	}
out:
	spin_unlock(ct_stripe(hash));
}

/**
 * ct_hash_unlink() - take a flow out of the table
 * @flow: the flow, dying, the caller's alone; it need not be linked
 *
 * Context: RCU read-side section, bottom halves off, no flow lock held.
 */
void ct_hash_unlink(struct ct_flow *flow)
{
	const struct ct_alias *alias = ct_flow_alias(flow);

	unlink_node(&flow->node, flow->hash, flow->expires);
	if (alias)
		unlink_node(&alias->node, alias->hash, flow->expires);
}
EXPORT_SYMBOL_CT_TEST(ct_hash_unlink);

/* Expiry */

/**
 * ct_hash_expire_sooner() - a flow's end was brought forward, to within CT_VISIT
 * @flow: the flow, its lock held, @expires written
 *
 * Context: RCU read-side section.
 */
void ct_hash_expire_sooner(const struct ct_flow *flow)
{
	struct ct_table *t;

	smp_mb();	/* pairs with that in review_bucket() */
	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next))
		ct_due_lower(t, flow->hash, flow->expires);
}
EXPORT_SYMBOL_CT(ct_hash_expire_sooner);

void ct_stripes_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stripes); i++)
		spin_lock_init(&stripes[i]);
}
