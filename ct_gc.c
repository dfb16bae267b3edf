// SPDX-License-Identifier: GPL-2.0
/*
 * The reaper: flows whose time has come, and a look at others in passing.
 *
 * Overview
 *	It runs once a second while there are flows, and looks into the buckets that
 *	are due (see the hints in ct_hash.c). Who looks for flows that may be given up
 *	(ct_gc_sample()) ends those that are over on the way.
 *
 *	Where a resize is not at its end, the reaper goes on with it a little.
 *	Whoever wants the table to follow the number of flows is told that number.
 *
 * Context
 *	A work item; sampling: bottom halves off.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/prefetch.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "ct_compat.h"
#include "ct_expire.h"
#include "ct_gc.h"
#include "ct_table.h"

#define CT_REAP_BATCH	16
#define CT_STRETCH	16U		/* buckets whose hints share a cache line */
#define CT_STRETCHES	8U		/* looked at side by side */
#define CT_SAMPLE_HINTS	0x4000U
#define CT_SAMPLE_SEEN	256U

static struct workqueue_struct *reap_queue;

static DEFINE_MUTEX(follow_lock);	/* nothing is taken inside */
static bool (*follower)(unsigned long flows);	/* under it */

/* Buckets */

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
	smp_mb();	/* pairs with that in ct_hash_expire_sooner() */
	for (link = &t->head[b]; !ct_is_end(node = ct_node_next(*link));) {
		struct ct_flow *flow = ct_node_flow(node);
		u32 expires = READ_ONCE(flow->expires);

		if (ct_node_alias(node)) {
			link = &node->next;
			continue;
		}
		if (ct_left(expires, now) <= 0 && n < CT_REAP_BATCH &&
		    ct_flow_kill_expired(flow, now)) {
			rcu_assign_pointer(*link, ct_node_next(node->next));
			dead[n++] = flow;
			continue;
		}
		expires = ct_next_visit(READ_ONCE(flow->expires), now);
		if (ct_left(expires, least) < 0)
			least = expires;
		if (sample) {
			sample->seen++;
			sample->found += sample->visit(flow, sample);
		}
		link = &node->next;
	}
	ct_due_lower(t, b, least);
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
		ct_flow_free(dead[i]);
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
 * ct_gc_sample() - look at some flows, rather at those that are idle
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
void ct_gc_sample(u32 *hand, struct ct_sample *sample, u32 now)
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

/* The work item */

static void gc_reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(reap_work, gc_reap);

/* Returns true if it is to be told again even without flows. */
static bool gc_tell_follower(unsigned long flows)
{
	bool unfit;

	mutex_lock(&follow_lock);
	unfit = follower && follower(flows);
	mutex_unlock(&follow_lock);
	return unfit;
}

static void gc_reap(struct work_struct *work)
{
	bool more = ct_hash_tend(reap_table, ct_now()), unfit;
	unsigned long n = ct_flow_total();

	ct_flow_shrink(n);
	unfit = gc_tell_follower(n);
	if (more)
		queue_delayed_work(reap_queue, &reap_work, 0);
	else if (n || unfit)
		ct_gc_kick();
}

/**
 * ct_gc_follow() - tell somebody how many flows there are, once a second
 * @fn: whom; true if he wants to know again even without flows; %NULL for nobody.
 *	When this returns nobody is being told any more
 *
 * Context: process, sleeps.
 */
void ct_gc_follow(bool (*fn)(unsigned long flows))
{
	mutex_lock(&follow_lock);
	follower = fn;
	mutex_unlock(&follow_lock);
}

/**
 * ct_gc_kick() - see to it that the reaper runs
 *
 * It goes on by itself while there are flows, and lets the CPU sleep when
 * there are none.
 *
 * Context: any. Called for each new flow, hence cheap when it runs already.
 */
void ct_gc_kick(void)
{
	if (!delayed_work_pending(&reap_work))
		queue_delayed_work(reap_queue, &reap_work, HZ);
}
EXPORT_SYMBOL_CT(ct_gc_kick);

/**
 * ct_gc_queue() - have something done that the packet has no time for
 * @work: what
 * @delay: jiffies to wait
 *
 * Context: any. Does nothing where it waits already.
 */
void ct_gc_queue(struct delayed_work *work, unsigned long delay)
{
	queue_delayed_work(reap_queue, work, delay);
}

/**
 * ct_gc_init() - make the reaper
 *
 * Return: 0 or -ENOMEM.
 */
int ct_gc_init(void)
{
	reap_queue = alloc_workqueue("ip_conntrack", WQ_UNBOUND, 0);
	return reap_queue ? 0 : -ENOMEM;
}

/**
 * ct_gc_exit() - stop it
 *
 * No flow is left, and none can come.
 */
void ct_gc_exit(void)
{
	cancel_delayed_work_sync(&reap_work);
	destroy_workqueue(reap_queue);
}
