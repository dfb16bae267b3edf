// SPDX-License-Identifier: GPL-2.0
/*
 * The table's size: made, changed while packets flow, given back.
 *
 * Overview
 *	ct_hash_resize() takes the memory, publishes the new table and moves the
 *	buckets, CT_MOVE_CHUNK of them at a time under resize_mutex. It lets the
 *	reaper in between two chunks, and where it is killed the reaper moves the
 *	rest. @moved says how far it has come.
 *
 * Context
 *	Process, sleeps; buckets move with bottom halves off.
 */
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "ct_compat.h"
#include "ct_table.h"

#define CT_MOVE_CHUNK	0x4000U

static DEFINE_MUTEX(resize_mutex);
static u32 moved;	/* buckets of the old table that have; resize_mutex */

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
		ct_node_link(fresh, node, hash);
		/* Pairs with smp_rmb() in search_all() and is_empty(). */
		rcu_assign_pointer(old->head[b], next);
		if (!alias) {
			smp_mb();	/* as in ct_hash_expire_sooner() */
			ct_due_lower(fresh, hash,
				     ct_next_visit(READ_ONCE(flow->expires),
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
 * without it, once the caller has woken the reaper.
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
 * ct_hash_tend() - go over each table that there is, and on with a resize
 * @visit: called for each, which stays meanwhile
 * @now: for it
 *
 * Context: process, sleeps.
 *
 * Return: true if there are buckets left to move.
 */
bool ct_hash_tend(void (*visit)(struct ct_table *t, u32 now), u32 now)
{
	struct ct_table *t;
	bool more;

	mutex_lock(&resize_mutex);
	for (t = table_locked(); t;
	     t = rcu_dereference_protected(t->next,
					   lockdep_is_held(&resize_mutex)))
		visit(t, now);
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

	if (!t)
		return -ENOMEM;
	ct_stripes_init();
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
