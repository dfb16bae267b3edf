// SPDX-License-Identifier: GPL-2.0
/*
 * Walking: all flows, each once, whatever happens to the table meanwhile.
 *
 * Overview
 *	See struct ct_walk for the order. A walk collects the flows behind its
 *	position, a bucket at a time under the stripe lock, and gives them one
 *	by one with no lock but the flow's own. What it collected it may only
 *	look at within the same RCU read-side section; across sections it keeps
 *	its position and nothing else, so that nothing is pinned while a reader
 *	sleeps.
 *
 * Pauses
 *	What a walk costs does not depend on what it finds: a table may have
 *	millions of buckets with nothing in them, or with flows of others. So what
 *	is counted is what was looked at, and after CT_WALK_LOOKS of that, and one
 *	bucket more at most, others may run. That is where no flow is pinned: a
 *	batch that is begun ends early for it.
 *
 * Context
 *	Process, in an RCU read-side section, which ct_walk_next() may leave and
 *	enter again to let others run. No lock may be held.
 */
#include <linux/bitrev.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/prefetch.h>
#include <linux/sched.h>
#include <linux/siphash.h>

#include "ct_compat.h"
#include "ct_expire.h"
#include "ct_proto.h"
#include "ct_table.h"

#define CT_WALK_END	BIT_ULL(32)
#define CT_WALK_STRETCH	256
#define CT_WALK_AHEAD	8		/* buckets */

/**
 * ct_walk_begin() - begin a walk
 * @walk: to be set up
 * @cnet: flows of this namespace; %NULL for those of all namespaces that are
 *	ending (ct_net_set_ending())
 * @family: of this family; NFPROTO_UNSPEC for both
 */
void ct_walk_begin(struct ct_walk *walk, struct ct_net *cnet, u8 family)
{
	walk->cnet = cnet;
	walk->family = family;
	walk->rev = 0;
	walk->addr = 0;
	walk->given = 0;
	walk->looked = 0;
	ct_walk_resume(walk);
}
EXPORT_SYMBOL_CT(ct_walk_begin);

/**
 * ct_walk_resume() - go on with a walk in another RCU read-side section
 * @walk: the walk
 *
 * The next flow is the one behind the last that was given.
 */
void ct_walk_resume(struct ct_walk *walk)
{
	walk->next = walk->rev;
	walk->done = false;
	walk->n = 0;
	walk->i = 0;
}
EXPORT_SYMBOL_CT(ct_walk_resume);

/*
 * The section is left on every kernel: a grace period does not wait for the
 * whole table either.
 */
static void let_others_run(struct ct_walk *walk)
{
	walk->looked = 0;
	rcu_read_unlock();
	cond_resched();
	rcu_read_lock();
}

/**
 * ct_walk_pause() - let others run, now and then
 * @walk: the walk
 *
 * To be called after each flow of a walk that may be long. Every
 * CT_WALK_STRETCH flows the RCU read-side section is left and entered again.
 *
 * Context: process, in one RCU read-side section, no lock held, bottom halves
 * on.
 */
void ct_walk_pause(struct ct_walk *walk)
{
	if (++walk->given % CT_WALK_STRETCH)
		return;
	let_others_run(walk);
	ct_walk_resume(walk);
}
EXPORT_SYMBOL_CT(ct_walk_pause);

static bool is_behind(const struct ct_walk *walk, u32 rev, unsigned long addr)
{
	return rev > walk->rev || (rev == walk->rev && addr > walk->addr);
}

/*
 * Put a flow in its place behind entry @first. If there is no room the
 * highest falls off; returns false then.
 */
static bool batch_add(struct ct_walk *walk, unsigned int first,
		      struct ct_flow *flow, u32 rev)
{
	unsigned int i = walk->n;
	bool full = walk->n == CT_WALK_BATCH;

	if (full)
		i--;
	if (full && (rev > walk->batch[i].rev ||
		     (rev == walk->batch[i].rev && flow > walk->batch[i].flow)))
		return false;
	while (i > first && (walk->batch[i - 1].rev > rev ||
			     (walk->batch[i - 1].rev == rev &&
			      walk->batch[i - 1].flow > flow))) {
		walk->batch[i] = walk->batch[i - 1];
		i--;
	}
	walk->batch[i].flow = flow;
	walk->batch[i].rev = rev;
	if (!full)
		walk->n++;
	return !full;
}

static bool is_of_walk(const struct ct_walk *walk, const struct ct_flow *flow)
{
	return walk->cnet ? ct_flow_is_of(flow, walk->cnet) :
			    ct_flow_is_ending(flow);
}

static bool wanted(const struct ct_walk *walk, const struct ct_node *node)
{
	const struct ct_flow *flow = ct_node_flow(node);

	return !ct_node_alias(node) && ct_flow_alive(flow) &&
	       is_of_walk(walk, flow) &&
	       (!walk->family || walk->family == ct_flow_family(flow));
}

/* Finest bucket size while two tables live side by side. */
static u32 finest_mask(void)
{
	const struct ct_table *t;
	u32 mask = 0;

	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next))
		mask |= t->mask;
	return mask;
}

static bool is_empty(u32 hash)
{
	const struct ct_table *t;

	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next)) {
		if (!ct_is_end(ct_node_next(t->head[hash & t->mask])))
			return false;
		smp_rmb();	/* pairs with the releases in move_bucket() */
	}
	return true;
}

/*
 * Collect the flows of one bucket, or the first of them if it has more than
 * there is room for. Moves @next behind what was collected. The table may have
 * shrunk since the last bucket: then the beginning of this one has been
 * collected already.
 */
static void collect_bucket(struct ct_walk *walk)
{
	u32 mask = finest_mask(), hash = bitrev32(walk->next);
	u64 width = CT_WALK_END >> hweight32(mask);
	unsigned int first = walk->n;
	const struct ct_table *t;
	u64 from = walk->next;
	struct ct_node *node;
	bool fits = true;

	walk->next = (walk->next & ~(width - 1)) + width;
	walk->looked++;
	if (is_empty(hash))
		return;
	spin_lock_bh(ct_stripe(hash));
	for (t = rcu_dereference_raw(ct_table); t;
	     t = rcu_dereference_raw(t->next)) {
		ct_for_each_node(node, t, hash & t->mask) {
			struct ct_flow *flow = ct_node_flow(node);
			u32 rev = bitrev32(flow->hash);

			walk->looked++;
			if (wanted(walk, node) && rev >= from &&
			    !((flow->hash ^ hash) & mask) &&
			    is_behind(walk, rev, (unsigned long)flow) &&
			    !batch_add(walk, first, flow, rev))
				fits = false;
		}
	}
	spin_unlock_bh(ct_stripe(hash));
	if (!fits)	/* the rest of the bucket comes next time */
		walk->next = walk->batch[walk->n - 1].rev;
}

/*
 * Buckets that follow one another here are far apart in memory: ask for the
 * heads of those to come, and the first flows of those that come soon.
 */
static void prefetch_ahead(const struct ct_walk *walk, unsigned int ahead)
{
	const struct ct_table *t = rcu_dereference_raw(ct_table);
	u64 width = CT_WALK_END >> hweight32(t->mask), at;
	struct ct_node *node;

	at = walk->next + 2 * ahead * width;
	if (at < CT_WALK_END)
		prefetch(&t->head[bitrev32(at) & t->mask]);
	at = walk->next + ahead * width;
	if (at >= CT_WALK_END)
		return;
	node = ct_node_next(t->head[bitrev32(at) & t->mask]);
	if (ct_is_end(node))
		return;
	prefetch(node);
	prefetch((char *)node + SMP_CACHE_BYTES);
}

static void collect(struct ct_walk *walk)
{
	walk->n = 0;
	walk->i = 0;
	while (walk->n < CT_WALK_BATCH / 2 && walk->next < CT_WALK_END) {
		if (walk->looked >= CT_WALK_LOOKS) {
			if (walk->n)
				break;	/* and the next one begins with it */
			let_others_run(walk);
		}
		prefetch_ahead(walk, CT_WALK_AHEAD);
		collect_bucket(walk);
	}
	walk->done = walk->next >= CT_WALK_END;
}

/**
 * ct_walk_next_locked() - the next flow, locked
 * @walk: the walk
 *
 * Context: as the file's head says. Afterwards bottom halves are off.
 *
 * Return: the flow, alive, its lock held: the caller unlocks it or hands it to
 * ct_flow_end(), then calls local_bh_enable(). %NULL, with bottom halves as
 * they were, at the end.
 */
struct ct_flow *ct_walk_next_locked(struct ct_walk *walk)
{
	struct ct_flow *flow;
	u32 rev;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "ct_walk without RCU");
	for (;;) {
		if (walk->i == walk->n) {
			if (walk->done)
				return NULL;
			collect(walk);
			continue;
		}
		flow = walk->batch[walk->i].flow;
		rev = walk->batch[walk->i].rev;
		walk->i++;
		walk->rev = rev;
		walk->addr = (unsigned long)flow;

		local_bh_disable();
		ct_flow_lock(flow);
		if (ct_flow_alive(flow) && is_of_walk(walk, flow) &&
		    bitrev32(flow->hash) == rev)
			return flow;
		ct_flow_unlock(flow);
		local_bh_enable();
	}
}
EXPORT_SYMBOL_CT(ct_walk_next_locked);

/**
 * ct_flow_snapshot() - what a flow is at this moment
 * @flow: the flow, its lock held
 * @now: the moment
 * @snap: to be filled
 */
void ct_flow_snapshot(const struct ct_flow *flow, u32 now,
		      struct ct_snapshot *snap)
{
	const struct ct_ext *ext = ct_flow_rare(flow);
	enum ip_conntrack_dir dir;

	snap->proto = ct_proto_find(ct_flow_family(flow),
				    flow->node.key.protonum);
	for (dir = IP_CT_DIR_ORIGINAL; dir < IP_CT_DIR_MAX; dir++) {
		ct_flow_tuple(flow, dir, &snap->tuple[dir]);
		snap->packets[dir] = ct_flow_packets(flow, dir);
		snap->bytes[dir] = flow->bytes[dir];
	}
	snap->state = flow->state;
	snap->status = flow->status;
	snap->mark = READ_ONCE(flow->mark);
	snap->left = ct_left(flow->expires, now);
	snap->start = ext ? ext->start : 0;
	snap->has_labels = ext && ext->has_labels;
	if (snap->has_labels)
		memcpy(snap->labels, ext->labels, sizeof(snap->labels));
	snap->hash = flow->hash;
	snap->flow = flow;
}
EXPORT_SYMBOL_CT(ct_flow_snapshot);

/**
 * ct_flow_id() - a number by which tools tell flows apart
 * @snap: the flow
 *
 * It says nothing of where the flow is in memory.
 *
 * Context: any but hard interrupts.
 *
 * Return: the number, as it stands in messages and rules.
 */
u32 ct_flow_id(const struct ct_snapshot *snap)
{
	static siphash_key_t key __read_mostly;

	net_get_random_once(&key, sizeof(key));
	return siphash_2u64((unsigned long)snap->flow, snap->hash, &key);
}
EXPORT_SYMBOL_CT(ct_flow_id);

/**
 * ct_walk_next() - the next flow, as it is at this moment
 * @walk: the walk
 * @snap: to be filled
 *
 * A flow whose time has come but that has not been reaped yet is given with no
 * time left, so that lines and count agree.
 *
 * Context: as the file's head says.
 *
 * Return: false at the end.
 */
bool ct_walk_next(struct ct_walk *walk, struct ct_snapshot *snap)
{
	struct ct_flow *flow = ct_walk_next_locked(walk);

	if (!flow)
		return false;
	ct_flow_snapshot(flow, ct_now(), snap);
	ct_flow_unlock(flow);
	local_bh_enable();
	return true;
}
EXPORT_SYMBOL_CT(ct_walk_next);
