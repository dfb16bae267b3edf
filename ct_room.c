// SPDX-License-Identifier: GPL-2.0
/*
 * Room: what happens when a namespace has as many flows as it may have.
 *
 * Overview
 *	A new flow may take the place of one that is worth less. Worth least is
 *	what is closing anyway, then what was never answered, then whatever else
 *	is not assured; among equals, what has been idle for longest. An assured
 *	flow that is not closing is given up only where the administrator wants
 *	that (enum ct_full_policy).
 *
 *	On the packet's way, some flows are looked at, rather those that are idle
 *	(ct_gc_sample()), and the lowest quarter of those that may be given up
 *	goes: one look makes room for several flows to come. What a packet may
 *	cost is bounded: by how much is looked at, and by that nobody looks again
 *	in the jiffy of a look that was vain. Where few flows can be given up, a
 *	work item goes through the whole table for them, at most once a second.
 *
 *	Idle is what the flow's usual timeout says beyond the time that it has
 *	left: nothing more is stored.
 *
 * Counting
 *	A line that all CPUs write with each new flow is what they would wait for.
 *	So a CPU fetches room for CT_ROOM_BATCH flows at once, and has it in hand
 *	(struct ct_stat, @room): its flows take from there and leave theirs there.
 *	@count of the namespace is what lives and what is in hand together, hence
 *	never less than what lives: there are never more flows than the limit.
 *	ct_room_used() is the difference.
 *
 *	Near the limit nothing is fetched but for one flow at a time, and where
 *	that is refused, what other CPUs have in hand is gathered first: nothing
 *	is given up or refused while there is room. @in_hand says that there may
 *	be some. Only ct_room_fetch() fills an empty hand; it writes @room, then,
 *	behind a full barrier, reads @in_hand. Who gathers takes @in_hand back,
 *	then, behind a full barrier, reads @room of all CPUs. One of the two sees
 *	the other, so that a flood in a full table need not look at all of them
 *	with each packet. The end of a flow cannot do the same: once it is counted
 *	out the namespace may be gone.
 *
 * Context
 *	Bottom halves off, RCU read-side section, no lock held; the sweep is a
 *	work item. Locks taken: a stripe, then a flow's.
 *
 * What a SYN flood is, and recycling the oldest half-open connection as an answer
 * to it: RFC 4987, 3.4.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "ct_compat.h"
#include "ct_expire.h"
#include "ct_gc.h"
#include "ct_explain.h"
#include "ct_hash.h"
#include "ct_proto.h"
#include "ct_room.h"

#define CT_ROOM_LOOK	32	/* flows that are compared */
#define CT_ROOM_VICTIMS	8	/* of these, most that are given up */
#define CT_SWEEP_SHARE	64	/* a sweep ends one of so many flows */
#define CT_SWEEP_IDLE	(2 * HZ)	/* that have been idle for so long */
#define CT_SWEEP_PAUSE	HZ

/**
 * struct victim - a flow that may be given up
 * @flow: the flow; it may be another by now
 * @hash: by which it is told
 * @worth: see flow_worth()
 */
struct victim {
	struct ct_flow *flow;
	u32 hash;
	u64 worth;
};

/**
 * struct search - a search for them
 * @sample: the look at flows
 * @cnet: whose flows
 * @now: the present
 * @highest: rank up to which flows are given up
 * @n: victims
 * @victims: in order, the one worth least first
 */
struct search {
	struct ct_sample sample;
	const struct ct_net *cnet;
	u32 now;
	enum ct_rank highest;
	unsigned int n;
	struct victim victims[CT_ROOM_VICTIMS];
};

static DEFINE_PER_CPU(u32, hand);	/* where the next look begins */

static enum ct_rank flow_rank(const struct ct_flow *flow,
			      const struct ct_proto *proto)
{
	u32 status = READ_ONCE(flow->status);

	if (proto->worth && !proto->worth(flow))
		return CT_RANK_CLOSING;
	if (status & IPS_ASSURED)
		return CT_RANK_ASSURED;
	return status & IPS_SEEN_REPLY ? CT_RANK_REPLIED : CT_RANK_UNREPLIED;
}

/* Jiffies since the last packet that renewed the flow: an estimate */
static u32 flow_idle(const struct ct_flow *flow, const struct ct_proto *proto,
		     const struct ct_net *cnet, u32 now)
{
	s32 left = ct_left(READ_ONCE(flow->expires), now);

	return max_t(s32, proto->lifetime(flow, &cnet->knobs) - left, 0);
}

/* Rank first, then how recently it was used. An estimate without its lock. */
static u64 flow_worth(const struct ct_flow *flow, const struct ct_net *cnet,
		      u32 now)
{
	const struct ct_proto *proto = ct_proto_find(ct_flow_family(flow),
						     flow->node.key.protonum);
	u32 idle = flow_idle(flow, proto, cnet, now);

	return (u64)flow_rank(flow, proto) << 32 | (S32_MAX - idle);
}

static enum ct_rank worth_rank(u64 worth)
{
	return worth >> 32;
}

static void keep(struct search *search, const struct victim *victim)
{
	unsigned int i = search->n;

	if (i == CT_ROOM_VICTIMS) {
		i--;
		if (victim->worth >= search->victims[i].worth)
			return;
	} else {
		search->n++;
	}
	for (; i && victim->worth < search->victims[i - 1].worth; i--)
		search->victims[i] = search->victims[i - 1];
	search->victims[i] = *victim;
}

static bool weigh(struct ct_flow *flow, struct ct_sample *sample)
{
	struct search *search = container_of(sample, struct search, sample);
	struct victim victim = { .flow = flow, .hash = READ_ONCE(flow->hash) };

	if (!ct_flow_is_of(flow, search->cnet) ||
	    READ_ONCE(flow->status) & IPS_DYING)
		return false;
	/* An estimate. It is looked at again with the flow's lock held. */
	victim.worth = data_race(flow_worth(flow, search->cnet, search->now));
	if (worth_rank(victim.worth) > search->highest)
		return false;
	keep(search, &victim);
	return true;
}

/**
 * ct_room_give_up_unlock() - end a flow to make room for another
 * @flow: the flow, alive, its lock held; unlocked here, then gone
 * @cnet: its namespace
 * @rank: what it was worth
 *
 * Context: RCU read-side section, bottom halves off, no other lock held.
 */
void ct_room_give_up_unlock(struct ct_flow *flow, struct ct_net *cnet,
			    enum ct_rank rank)
{
	ct_stat_inc(cnet, early_drop);
	ct_stat_inc(cnet, given_up[rank]);
	ct_trace_evicted(cnet, flow, rank);
	ct_flow_end_unlock(flow, CT_ENDED_EVICTED);
}

/* Returns false if it is not what it was taken for. */
static bool give_up_victim(const struct search *search,
			   const struct victim *victim, struct ct_net *cnet)
{
	struct ct_flow *flow = victim->flow;
	enum ct_rank rank;

	ct_flow_lock(flow);
	if (ct_flow_alive(flow) && ct_flow_is_of(flow, cnet) &&
	    flow->hash == victim->hash) {
		rank = worth_rank(flow_worth(flow, cnet, search->now));
		if (rank <= search->highest) {
			ct_room_give_up_unlock(flow, cnet, rank);
			return true;
		}
	}
	ct_flow_unlock(flow);
	return false;
}

/* Is there room by now, whoever made it? */
static bool has_room(const struct ct_net *cnet)
{
	unsigned int max = ct_net_max(cnet);

	return !max || atomic_read(&cnet->count) <= max;
}

/*
 * Give up flows of a rank and below; of assured ones, one. Returns false if that
 * made no room.
 */
static bool search_room(struct ct_net *cnet, enum ct_rank highest, u32 now)
{
	struct search search = {
		.sample = { .wanted = CT_ROOM_LOOK, .visit = weigh },
		.cnet = cnet,
		.now = now,
		.highest = highest,
	};
	unsigned int i, most, ended = 0;
	u32 from = this_cpu_read(hand);

	ct_gc_sample(&from, &search.sample, now);
	this_cpu_write(hand, from);
	most = highest == CT_RANK_ASSURED ? 1 :
	       max(search.sample.found / 4, 1U);
	for (i = 0; i < min(search.n, most); i++)
		ended += give_up_victim(&search, &search.victims[i], cnet);
	return ended || has_room(cnet);
}

/* Nobody searches twice in a jiffy where it was vain. */
static bool search_room_once(struct ct_net *cnet, enum ct_rank highest,
			     u32 now, u32 *vain)
{
	if (READ_ONCE(*vain) == now)
		return false;
	if (search_room(cnet, highest, now))
		return true;
	WRITE_ONCE(*vain, now);
	return false;
}

/* If there are flows that can be given up, find them with more time. */
static void sweep_later(struct ct_net *cnet, u32 now)
{
	unsigned int assured = ct_stat_kind(cnet, offsetof(struct ct_stat, assured));
	s32 wait = ct_left(READ_ONCE(cnet->no_room.swept) + CT_SWEEP_PAUSE,
			   now);

	if (ct_room_used(cnet) > assured)
		ct_gc_queue(&cnet->no_room.sweep,
			    clamp(wait, 0, CT_SWEEP_PAUSE));
}

static void complain(const struct ct_net *cnet)
{
	net_warn_ratelimited("table full in namespace %u: %u flows, %u of them assured, %u never answered, none can be given up: packet dropped; raise net.ipv4.netfilter.ip_conntrack_max, shorten timeouts, or choose another ip_conntrack_full_policy\n",
			     cnet->net->ns.inum, ct_room_used(cnet),
			     ct_stat_kind(cnet,
					  offsetof(struct ct_stat, assured)),
			     ct_stat_kind(cnet,
					  offsetof(struct ct_stat, unreplied)));
}

/* Have back what CPUs have in hand. */
static void gather(struct ct_net *cnet)
{
	int cpu, n = 0;

	if (!READ_ONCE(cnet->in_hand))
		return;
	WRITE_ONCE(cnet->in_hand, false);
	/* A full barrier, which pairs with that in keep_in_hand(). */
	smp_mb();
	for_each_possible_cpu(cpu)
		n += atomic_xchg(&per_cpu_ptr(cnet->stat, cpu)->room, 0);
	atomic_sub(n, &cnet->count);
}

/*
 * There are too many flows by one, which is counted already. Returns as
 * ct_room_take().
 */
static int make_room(struct ct_net *cnet)
{
	u8 policy = READ_ONCE(cnet->knobs.full_policy);
	u32 now = ct_now();

	gather(cnet);
	if (has_room(cnet) ||
	    search_room_once(cnet, CT_RANK_REPLIED, now, &cnet->no_room.vain))
		return 0;
	sweep_later(cnet, now);
	if (policy == CT_FULL_GIVE_UP &&
	    search_room_once(cnet, CT_RANK_ASSURED, now,
			     &cnet->no_room.vain_assured))
		return 0;
	atomic_dec(&cnet->count);
	if (policy == CT_FULL_PASS) {
		ct_stat_inc(cnet, room_passed);
		return -EXFULL;
	}
	complain(cnet);
	return -ENOSPC;
}

static void keep_in_hand(struct ct_net *cnet, int n)
{
	/* A full barrier, which pairs with that in gather(). */
	atomic_add_return(n, &raw_cpu_ptr(cnet->stat)->room);
	if (!READ_ONCE(cnet->in_hand))
		WRITE_ONCE(cnet->in_hand, true);
}

/* As much as all CPUs may have in hand is left, and a batch goes from that. */
static bool is_near(unsigned int count, unsigned int max)
{
	return max && count + CT_ROOM_MOST * nr_cpu_ids > max;
}

/**
 * ct_room_fetch() - count one more flow in where this CPU has no room in hand
 * @cnet: its namespace
 *
 * For ct_room_take().
 *
 * Context: as there.
 *
 * Return: as there.
 */
noinline int ct_room_fetch(struct ct_net *cnet)
{
	unsigned int max = ct_net_max(cnet), count;
	int old = atomic_read(&cnet->count);

	if (likely(!is_near(old, max)) &&
	    atomic_try_cmpxchg(&cnet->count, &old, old + CT_ROOM_BATCH)) {
		keep_in_hand(cnet, CT_ROOM_BATCH - 1);
		return 0;
	}
	count = atomic_inc_return(&cnet->count);
	return likely(!max || count <= max) ? 0 : make_room(cnet);
}

/**
 * ct_room_limited() - a limit was set, and may be lower than it was
 * @cnet: whose; the initial namespace's is everybody's
 *
 * What CPUs have in hand was fetched under the old one.
 *
 * Context: process, sleeps.
 */
void ct_room_limited(struct ct_net *cnet)
{
	synchronize_rcu();
	if (cnet == ct_net_initial)
		ct_net_each(gather);
	else
		gather(cnet);
}
EXPORT_SYMBOL_CT_TEST(ct_room_limited);

/* The sweep */

static bool is_swept(const struct ct_flow *flow, const struct ct_net *cnet,
		     enum ct_rank rank, u32 now)
{
	const struct ct_proto *proto = ct_proto_find(ct_flow_family(flow),
						     flow->node.key.protonum);

	return flow_rank(flow, proto) == rank &&
	       flow_idle(flow, proto, cnet, now) >= CT_SWEEP_IDLE;
}

/* End flows of a rank that are idle, until @wanted are. Returns how many. */
static unsigned int sweep_rank(struct ct_net *cnet, enum ct_rank rank,
			       unsigned int wanted)
{
	unsigned int ended = 0;
	struct ct_flow *flow;
	struct ct_walk walk;

	rcu_read_lock();
	ct_walk_begin(&walk, cnet, NFPROTO_UNSPEC);
	while (ended < wanted && !READ_ONCE(cnet->leaving) &&
	       (flow = ct_walk_next_locked(&walk))) {
		if (is_swept(flow, cnet, rank, ct_now())) {
			ct_room_give_up_unlock(flow, cnet, rank);
			ended++;
		} else {
			ct_flow_unlock(flow);
		}
		local_bh_enable();
		ct_walk_pause(&walk);
	}
	rcu_read_unlock();
	return ended;
}

static void sweep(struct work_struct *work)
{
	struct ct_net *cnet = container_of(to_delayed_work(work), struct ct_net,
					   no_room.sweep);
	unsigned int wanted = ct_room_used(cnet) / CT_SWEEP_SHARE + 1;
	enum ct_rank rank;

	for (rank = CT_RANK_CLOSING; rank < CT_RANK_ASSURED && wanted; rank++)
		wanted -= sweep_rank(cnet, rank, wanted);
	WRITE_ONCE(cnet->no_room.swept, ct_now());
}

/**
 * ct_room_init() - set up what a namespace needs to make room
 * @cnet: the namespace
 */
void ct_room_init(struct ct_net *cnet)
{
	cnet->no_room.vain = ct_now() - 1;
	cnet->no_room.vain_assured = ct_now() - 1;
	cnet->no_room.swept = ct_now() - CT_SWEEP_PAUSE;
	INIT_DELAYED_WORK(&cnet->no_room.sweep, sweep);
}
EXPORT_SYMBOL_CT_TEST(ct_room_init);

/**
 * ct_room_exit() - wait for a sweep
 * @cnet: the namespace, which makes no flows any more
 *
 * Context: process, sleeps.
 */
void ct_room_exit(struct ct_net *cnet)
{
	cancel_delayed_work_sync(&cnet->no_room.sweep);
}
EXPORT_SYMBOL_CT_TEST(ct_room_exit);
