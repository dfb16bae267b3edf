// SPDX-License-Identifier: GPL-2.0
/*
 * The table: find, insert, unlink, reap, sample, resize.
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
 *	Inserters link into the newest table. ct_hash_resize() waits for an RCU
 *	grace period after it published @next and before it moves a bucket, so
 *	nobody links into a bucket that has moved already.
 *
 * Expiry hints
 *	@due tells ct_hash_reap() which buckets to look into. It may be early,
 *	never late: of a flow that ends within CT_VISIT it is no later than that
 *	end, and of any other no later than CT_VISIT from when somebody looked.
 *	So an end that is brought forward, but not to within CT_VISIT, is nobody's
 *	business. (Each segment with data does that to a TCP connection.) Whoever
 *	brings it nearer writes @expires, then, behind a full barrier, lowers
 *	@due. Whoever reviews a bucket, under its stripe, raises @due, then,
 *	behind a full barrier, reads @expires of all flows, and lowers @due again
 *	to the least. Whichever was first, one of the two sees the other.
 *
 *	ct_hash_sample(), which looks for flows that can be given up, uses the
 *	hints too: where one is early, somebody has been idle for long.
 *
 * Resizing
 *	ct_hash_resize() takes the memory, publishes the new table and moves the
 *	buckets, CT_MOVE_CHUNK of them at a time under resize_mutex. It lets the
 *	reaper in between two chunks, and where it is killed the reaper moves the
 *	rest. @moved says how far it has come.
 *
 * Context
 *	Bottom halves off, but for resize, init and exit, which sleep.
 */
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prefetch.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "ct_compat.h"
#include "ct_expire.h"
#include "ct_table.h"

#define CT_RESTARTS	16
#define CT_REAP_BATCH	16
#define CT_NEVER	0x40000000U	/* jiffies: an empty bucket's next visit */
#define CT_MOVE_CHUNK	0x4000U
#define CT_STRETCH	16U		/* buckets whose hints share a cache line */
#define CT_STRETCHES	8U		/* looked at side by side */
#define CT_SAMPLE_HINTS	0x4000U
#define CT_SAMPLE_SEEN	256U

static_assert(!(CT_BUCKETS_MIN & (CT_BUCKETS_MIN - 1)));

/* Written under resize_mutex. */
struct ct_table __rcu *ct_table;

static spinlock_t stripes[CT_BUCKETS_MIN];
static DEFINE_MUTEX(resize_mutex);
static u32 moved;	/* buckets of the old table that have; resize_mutex */

spinlock_t *ct_stripe(u32 hash)
{
	return &stripes[hash & (CT_BUCKETS_MIN - 1)];
}

static struct ct_table *newest_table(void)
{
	struct ct_table *t = rcu_dereference_raw(ct_table), *next;

	while ((next = rcu_dereference_raw(t->next)))
		t = next;
	return t;
}

/* Finding */

static struct ct_node *search_all(struct ct_net *cnet, const struct ct_id *id,
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

/* Sure even while chains move, for nothing moves under the lock. */
static struct ct_node *search_locked(struct ct_net *cnet,
				     const struct ct_id *id)
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
					     const struct ct_id *id,
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
 * to ct_flow_end(). %NULL if there is none.
 */
struct ct_flow *ct_hash_find(struct ct_net *cnet, const struct ct_id *id,
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

static void stripes_lock(u32 a, u32 b)
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

static void stripes_unlock(u32 a, u32 b)
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

/* Stripe held. Is there another live node of the same identity? */
static __always_inline bool is_taken(const struct ct_net *cnet,
				     const struct ct_node *node, u32 hash,
				     const struct in6_addr *addr)
{
	u8 senders = ct_node_senders(node);
	const struct ct_table *t;
	struct ct_node *other;

	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next)) {
		ct_for_each_node(other, t, hash & t->mask) {
			if (ct_node_found(other, cnet, &node->key, addr) &&
			    likely(ct_node_senders(other) & senders))
				return true;
		}
	}
	return false;
}

static void due_lower(struct ct_table *t, u32 hash, u32 expires)
{
	u32 *due = &t->due[hash & t->mask];
	u32 old = READ_ONCE(*due), seen;

	while (ct_left(expires, old) < 0) {
		seen = cmpxchg(due, old, expires);
		if (seen == old)
			break;
		old = seen;
	}
}

/* Stripe held: the bucket is empty, so nobody is about to lower it. */
static void due_clear(struct ct_table *t, u32 hash)
{
	WRITE_ONCE(t->due[hash & t->mask], ct_now() + CT_NEVER);
}

/* When to look at a flow next */
static u32 next_visit(u32 expires, u32 now)
{
	return ct_left(expires, now) < CT_VISIT ? expires : now + CT_VISIT;
}

/* Stripe held. Raises and lowers the hint in the order of review_bucket(). */
static noinline void due_renew(struct ct_table *t, u32 hash)
{
	u32 now = ct_now(), least = now + CT_NEVER, visit;
	struct ct_node *node;

	WRITE_ONCE(t->due[hash & t->mask], least);
	smp_mb();	/* pairs with that in ct_hash_hasten() */
	ct_for_each_node(node, t, hash & t->mask) {
		if (ct_node_alias(node))
			continue;
		visit = next_visit(READ_ONCE(ct_node_flow(node)->expires), now);
		if (ct_left(visit, least) < 0)
			least = visit;
	}
	due_lower(t, hash, least);
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

static void link_node(struct ct_table *t, struct ct_node *node, u32 hash)
{
	struct ct_node __rcu **head = &t->head[hash & t->mask];

	RCU_INIT_POINTER(node->next, ct_node_next(*head));
	rcu_assign_pointer(*head, node);
}

/* Stripe held: who ends the flow now can unlink it only when it is linked. */
static __always_inline void link_flow(struct ct_net *cnet, struct ct_table *t,
				      struct ct_flow *flow)
{
	ct_flow_publish(cnet, flow);
	link_node(t, &flow->node, flow->hash);
	due_lower(t, flow->hash, next_visit(flow->expires, ct_now()));
}

static noinline bool insert_with_alias(struct ct_net *cnet,
				       struct ct_flow *flow,
				       struct ct_alias *alias)
{
	struct ct_table *t;
	bool taken;

	stripes_lock(flow->hash, alias->hash);
	taken = is_taken(cnet, &flow->node, flow->hash,
			 ct_flow6(flow)->addr) ||
		is_taken(cnet, &alias->node, alias->hash,
			 ct_alias6(alias)->addr);
	if (!taken) {
		t = newest_table();
		link_flow(cnet, t, flow);
		link_node(t, &alias->node, alias->hash);
	}
	stripes_unlock(flow->hash, alias->hash);
	return !taken;
}

/**
 * ct_hash_insert() - publish and link a flow, and the alias that it may have
 * @cnet: its namespace
 * @flow: the flow, private; afterwards anyone may end it
 *
 * Context: RCU read-side section, bottom halves off. Takes stripe locks.
 *
 * Return: false if another flow has one of the places already; nothing was
 * linked then, and the flow is private still.
 */
bool ct_hash_insert(struct ct_net *cnet, struct ct_flow *flow)
{
	struct ct_alias *alias = ct_flow_alias(flow);
	spinlock_t *stripe = ct_stripe(flow->hash);
	bool taken;

	if (unlikely(alias))
		return insert_with_alias(cnet, flow, alias);
	spin_lock(stripe);
	taken = is_taken(cnet, &flow->node, flow->hash, ct_flow6(flow)->addr);
	if (likely(!taken))
		link_flow(cnet, newest_table(), flow);
	spin_unlock(stripe);
	return !taken;
}
EXPORT_SYMBOL_CT(ct_hash_insert);

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
 * ct_hash_hasten() - a flow's end was brought forward, to within CT_VISIT
 * @flow: the flow, its lock held, @expires written
 *
 * Context: RCU read-side section.
 */
void ct_hash_hasten(const struct ct_flow *flow)
{
	struct ct_table *t;

	smp_mb();	/* pairs with that in review_bucket() */
	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next))
		due_lower(t, flow->hash, flow->expires);
}
EXPORT_SYMBOL_CT(ct_hash_hasten);

/*
 * Look into a bucket: take out the flows whose time has come, at most a batch of
 * them, who are dying afterwards and the caller's; show the rest to @sample; and
 * note when to look again.
 */
static unsigned int review_bucket(struct ct_table *t, u32 b, u32 now,
				  struct ct_sample *sample,
				  struct ct_flow **dead)
{
	struct ct_node __rcu **link;
	u32 least = now + CT_NEVER;
	struct ct_node *node;
	unsigned int n = 0;

	spin_lock(ct_stripe(b));
	WRITE_ONCE(t->due[b], least);
	smp_mb();	/* pairs with that in ct_hash_hasten() */
	for (link = &t->head[b]; !ct_is_end(node = ct_node_next(*link));) {
		struct ct_flow *flow = ct_node_flow(node);
		u32 expires = READ_ONCE(flow->expires);

		if (ct_node_alias(node)) {
			link = &node->next;
			continue;
		}
		if (ct_left(expires, now) <= 0 && n < CT_REAP_BATCH &&
		    ct_flow_condemn_expired(flow, now)) {
			rcu_assign_pointer(*link, ct_node_next(node->next));
			dead[n++] = flow;
			continue;
		}
		expires = next_visit(READ_ONCE(flow->expires), now);
		if (ct_left(expires, least) < 0)
			least = expires;
		if (sample) {
			sample->seen++;
			sample->found += sample->visit(flow, sample);
		}
		link = &node->next;
	}
	due_lower(t, b, least);
	spin_unlock(ct_stripe(b));
	return n;
}

/* Bottom halves off, RCU. Returns true if there may be more. */
static bool reap_bucket(struct ct_table *t, u32 b, u32 now,
			struct ct_sample *sample)
{
	struct ct_flow *dead[CT_REAP_BATCH];
	unsigned int i, n;

	n = review_bucket(t, b, now, sample, dead);
	for (i = 0; i < n; i++)
		ct_flow_bury(dead[i]);
	return n == CT_REAP_BATCH;
}

static void reap_due_bucket(struct ct_table *t, u32 b, u32 now)
{
	bool more;

	do {
		local_bh_disable();
		rcu_read_lock();
		more = reap_bucket(t, b, now, NULL);
		rcu_read_unlock();
		local_bh_enable();
	} while (more);
}

static void reap_table(struct ct_table *t, u32 now)
{
	u32 b;

	for (b = 0; b <= t->mask; b++) {
		if (!(b & 0xfff))
			cond_resched();
		if (ct_left(READ_ONCE(t->due[b]), now) <= 0) {
			reap_due_bucket(t, b, now);
			cond_resched();
		}
	}
}

/* The bucket of a stretch where somebody has been idle for longest */
static u32 idlest_bucket(const struct ct_table *t, u32 b)
{
	u32 i, due, least = READ_ONCE(t->due[b]), found = b;

	for (i = 1; i < CT_STRETCH; i++) {
		due = READ_ONCE(t->due[b + i]);
		if (ct_left(due, least) < 0) {
			least = due;
			found = b + i;
		}
	}
	return found;
}

/*
 * One bucket of each of some stretches. What they need from memory is asked for
 * before it is needed, for all of them at once.
 */
static void sample_stretches(struct ct_table *t, u32 hand, u32 now,
			     struct ct_sample *sample)
{
	struct ct_node *node;
	u32 b[CT_STRETCHES];
	unsigned int i;

	for (i = 0; i < CT_STRETCHES; i++) {
		b[i] = idlest_bucket(t, (hand + i * CT_STRETCH) & t->mask);
		prefetch(&t->head[b[i]]);
	}
	for (i = 0; i < CT_STRETCHES; i++) {
		node = ct_node_next(t->head[b[i]]);
		if (!ct_is_end(node))
			prefetch(node);
	}
	for (i = 0; i < CT_STRETCHES; i++) {
		if (!ct_is_end(ct_node_next(t->head[b[i]])))
			reap_bucket(t, b[i], now, sample);
	}
}

/**
 * ct_hash_sample() - look at some flows, rather at those that are idle
 * @hand: where to begin, anywhere; set to where to go on
 * @sample: how many, and what to do with them
 * @now: the present
 *
 * Flows whose time has come are ended in passing. Where there are few, or few of
 * those that are looked for, it ends after CT_SAMPLE_HINTS hints, which are 1024
 * cache lines, or CT_SAMPLE_SEEN flows.
 *
 * Context: RCU read-side section, bottom halves off, no lock held.
 */
void ct_hash_sample(u32 *hand, struct ct_sample *sample, u32 now)
{
	struct ct_table *t = rcu_dereference_raw(ct_table);
	u32 step = CT_STRETCH * CT_STRETCHES, looked;
	u32 most = min(t->mask, CT_SAMPLE_HINTS - 1);

	*hand &= ~(CT_STRETCH - 1);
	for (looked = 0; looked <= most && sample->found < sample->wanted &&
	     sample->seen < CT_SAMPLE_SEEN; looked += step) {
		for (t = rcu_dereference_raw(ct_table); t;
		     t = rcu_dereference_raw(t->next))
			sample_stretches(t, *hand, now, sample);
		*hand += step;
	}
}

/* Size */

static struct ct_table *table_alloc(unsigned int buckets, u32 generation)
{
	struct ct_table *t;
	size_t size;
	u32 b;

	size = struct_size(t, head, buckets) +
	       array_size(buckets, sizeof(*t->due));
	if (size >> PAGE_SHIFT > totalram_pages() / 2)
		return NULL;	/* do not let the machine die of a typo */
	t = kvmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
		     __GFP_RETRY_MAYFAIL);
	if (!t)
		return NULL;
	t->mask = buckets - 1;
	t->generation = generation;
	RCU_INIT_POINTER(t->next, NULL);
	t->due = (u32 *)&t->head[buckets];
	for (b = 0; b < buckets; b++) {
		RCU_INIT_POINTER(t->head[b], ct_end_marker(t, b));
		t->due[b] = ct_now() + CT_NEVER;
		if (!(b & 0xffff))
			cond_resched();
	}
	return t;
}

/*
 * From the head: a reader at the node that moves goes on in the new chain and
 * finds a foreign end marker. The node is in the new chain before it leaves
 * the old (first release), and the old one ends before the next node moves.
 */
static void move_bucket(struct ct_table *old, struct ct_table *fresh, u32 b)
{
	struct ct_node *node, *next;

	spin_lock_bh(ct_stripe(b));
	for (node = ct_node_next(old->head[b]); !ct_is_end(node); node = next) {
		const struct ct_alias *alias = ct_node_alias(node);
		const struct ct_flow *flow = ct_node_flow(node);
		u32 hash = alias ? alias->hash : flow->hash;

		next = ct_node_next(node->next);
		link_node(fresh, node, hash);
		/* Pairs with smp_rmb() in search_all() and is_empty(). */
		rcu_assign_pointer(old->head[b], next);
		if (!alias) {
			smp_mb();	/* as in ct_hash_hasten() */
			due_lower(fresh, hash,
				  next_visit(READ_ONCE(flow->expires),
					     ct_now()));
		}
	}
	spin_unlock_bh(ct_stripe(b));
}

static struct ct_table *table_locked(void)
{
	return rcu_dereference_protected(ct_table,
					 lockdep_is_held(&resize_mutex));
}

/*
 * Move a chunk of buckets, where there are two tables. Returns true if there is
 * more to move. resize_mutex held.
 */
static bool move_chunk(void)
{
	struct ct_table *old = table_locked(), *fresh;
	u32 end;

	fresh = old ? rcu_dereference_protected(old->next,
						lockdep_is_held(&resize_mutex)) :
		      NULL;
	if (!fresh)
		return false;
	end = min(moved + CT_MOVE_CHUNK, old->mask + 1);
	for (; moved < end; moved++) {
		move_bucket(old, fresh, moved);
		if (!(moved & 0xff))
			cond_resched();
	}
	if (moved <= old->mask)
		return true;
	rcu_assign_pointer(ct_table, fresh);
	synchronize_rcu();	/* nobody looks at @old any more */
	kvfree(old);
	return false;
}

/*
 * resize_mutex held; held again where 0 is returned, but not where the caller
 * was killed meanwhile.
 */
static int move_all(void)
{
	while (move_chunk()) {
		mutex_unlock(&resize_mutex);
		if (fatal_signal_pending(current) ||
		    mutex_lock_killable(&resize_mutex)) {
			ct_expire_kick();	/* the reaper moves the rest */
			return -EINTR;
		}
	}
	return 0;
}

/* resize_mutex held, and one table */
static int begin_move(unsigned int buckets)
{
	struct ct_table *old = table_locked(), *fresh;

	if (!old)
		return -ENODEV;
	if (old->mask + 1 == buckets)
		return 0;
	fresh = table_alloc(buckets, old->generation + 1);
	if (!fresh)
		return -ENOMEM;
	moved = 0;
	rcu_assign_pointer(old->next, fresh);
	synchronize_rcu();	/* from here on all insert into @fresh */
	return 0;
}

/**
 * ct_hash_resize() - change the number of buckets
 * @buckets: as ct_hash_size() made it
 *
 * Packets flow meanwhile; none waits for more than one bucket. A change that
 * another began is brought to its end first.
 *
 * Context: process, sleeps.
 *
 * Return: 0; -ENOMEM, or -ENODEV where there is no table, and then nothing has
 * changed; -EINTR where the caller was killed: a change that has begun goes on
 * without it.
 */
int ct_hash_resize(unsigned int buckets)
{
	int err;

	if (mutex_lock_killable(&resize_mutex))
		return -EINTR;
	err = move_all();
	if (err)
		return err;
	err = begin_move(buckets);
	if (!err) {
		err = move_all();
		if (err)
			return err;
	}
	mutex_unlock(&resize_mutex);
	return err;
}
EXPORT_SYMBOL_CT_TEST(ct_hash_resize);

/**
 * ct_hash_reap() - end all flows whose time has come
 * @now: the present
 *
 * Looks only into buckets that are due. Where a resize is not at its end, goes
 * on with it a little.
 *
 * Context: process, may sleep.
 *
 * Return: true if there is more to do than to wait.
 */
bool ct_hash_reap(u32 now)
{
	struct ct_table *t;
	bool more;

	mutex_lock(&resize_mutex);
	for (t = table_locked(); t;
	     t = rcu_dereference_protected(t->next,
					   lockdep_is_held(&resize_mutex)))
		reap_table(t, now);
	more = move_chunk();
	mutex_unlock(&resize_mutex);
	return more;
}

/**
 * ct_hash_buckets() - number of buckets
 *
 * Context: any.
 *
 * Return: the number; 0 where there is no table.
 */
unsigned int ct_hash_buckets(void)
{
	const struct ct_table *t;
	unsigned int n;

	rcu_read_lock();
	t = rcu_dereference(ct_table);
	n = t ? t->mask + 1 : 0;
	rcu_read_unlock();
	return n;
}
EXPORT_SYMBOL_CT_TEST(ct_hash_buckets);

/**
 * ct_hash_size() - check and round a number of buckets that somebody asks for
 * @wanted: the number
 * @buckets: set to the power of two that it stands for
 *
 * Return: 0, or -EINVAL for none or more than CT_BUCKETS_MAX.
 */
int ct_hash_size(unsigned long wanted, unsigned int *buckets)
{
	if (!wanted || wanted > CT_BUCKETS_MAX)
		return -EINVAL;
	*buckets = roundup_pow_of_two(max_t(unsigned long, wanted,
					    CT_BUCKETS_MIN));
	return 0;
}
EXPORT_SYMBOL_CT_TEST(ct_hash_size);

/**
 * ct_hash_default() - number of buckets for this machine's memory
 *
 * One for each 16 KiB, at least CT_BUCKETS_MIN; at most 65536 up to 4 GiB of
 * memory, 262144 above.
 *
 * Return: the number, a power of two.
 */
unsigned int ct_hash_default(void)
{
	u64 bytes = (u64)totalram_pages() << PAGE_SHIFT;

	if (bytes > 4ULL << 30)
		return 262144;
	return rounddown_pow_of_two(clamp_t(u64, bytes >> 14, CT_BUCKETS_MIN,
					    65536));
}

/**
 * ct_hash_init() - make the table
 * @buckets: as ct_hash_size() made it
 *
 * Return: 0 or -ENOMEM.
 */
int ct_hash_init(unsigned int buckets)
{
	struct ct_table *t = table_alloc(buckets, 0);
	unsigned int i;

	if (!t)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(stripes); i++)
		spin_lock_init(&stripes[i]);
	mutex_lock(&resize_mutex);
	rcu_assign_pointer(ct_table, t);
	mutex_unlock(&resize_mutex);
	return 0;
}

/**
 * ct_hash_exit() - give the table back
 *
 * It is empty, and nobody uses it any more but for a resize, which is waited
 * for.
 */
void ct_hash_exit(void)
{
	struct ct_table *t, *fresh;

	mutex_lock(&resize_mutex);
	t = table_locked();
	fresh = rcu_dereference_protected(t->next,
					  lockdep_is_held(&resize_mutex));
	RCU_INIT_POINTER(ct_table, NULL);
	mutex_unlock(&resize_mutex);
	synchronize_rcu();
	kvfree(fresh);
	kvfree(t);
}
