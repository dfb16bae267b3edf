// SPDX-License-Identifier: GPL-2.0
/*
 * Lifetime: how flows are made, kept, given up and ended.
 *
 * Overview
 *	A flow is ended by whoever sets IPS_DYING under its lock: that caller,
 *	and no other, takes it out of the table and frees it. The count of its
 *	namespace goes down at that moment, so that it never includes a flow
 *	that no reader can see.
 *
 *	The reaper runs once a second and looks into the buckets that are due
 *	(see ct_hash.c). Whether there is room for a new flow, or room can be
 *	made, is the business of ct_room.c.
 *
 * Context
 *	The reaper is a work item. Everything else is called with bottom halves
 *	off and must not sleep.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "ct_compat.h"
#include "ct_expire.h"
#include "ct_explain.h"
#include "ct_hash.h"
#include "ct_room.h"
#include "ct_size.h"
#include "ct_source.h"

#define CT_EXPIRE_MANY	16384L	/* flows whose memory is worth a look */

static struct kmem_cache *flow_cache;
static struct kmem_cache *flow6_cache;
static struct kmem_cache *alias_cache;
static struct kmem_cache *alias6_cache;

static struct workqueue_struct *reap_queue;
static DEFINE_PER_CPU(long, flows);	/* made less ended on this CPU */

/* Making and unmaking */

static void flow_construct(void *object)
{
	struct ct_flow *flow = object;

	spin_lock_init(&flow->lock);
	flow->status = IPS_DYING;
}

static struct kmem_cache *cache_of(const struct ct_flow *flow)
{
	return ct_flow_is_ipv6(flow) ? flow6_cache : flow_cache;
}

static void more_free(struct ct_flow *flow)
{
	struct ct_alias *alias = ct_flow_alias(flow);

	if (likely(!flow->more))
		return;
	kfree(ct_flow_rare(flow));
	if (alias)
		kmem_cache_free(ct_flow_is_ipv6(flow) ? alias6_cache :
							alias_cache, alias);
	flow->more = 0;
}

static struct ct_alias *alias_alloc(struct ct_flow *flow,
				    const struct ct_id *reply)
{
	bool ipv6 = reply->key.kind & CT_KEY_IPV6;
	struct ct_alias *alias = kmem_cache_alloc(ipv6 ? alias6_cache :
							 alias_cache,
						  GFP_ATOMIC);
	struct ct_key key = reply->key;

	if (!alias)
		return NULL;
	WRITE_ONCE(alias->net, flow->net);
	/* A reader of its former life must not take it for a flow meanwhile. */
	key.kind |= CT_KEY_ALIAS;
	ct_key_copy(&alias->node.key, &key);
	alias->hash = reply->hash;
	alias->sender = reply->sender;
	alias->oif = 0;
	alias->ext = NULL;
	if (ipv6)
		memcpy(ct_alias6(alias)->addr, reply->addr,
		       sizeof(reply->addr));
	WRITE_ONCE(alias->flow, flow);
	return alias;
}

/**
 * ct_flow_ext() - room for what few flows have
 * @flow: the flow, its lock held, or private
 *
 * Context: any, bottom halves off.
 *
 * Return: the room; %NULL if there is no memory.
 */
struct ct_ext *ct_flow_ext(struct ct_flow *flow)
{
	struct ct_alias *alias = ct_flow_alias(flow);
	struct ct_ext *ext = ct_flow_rare(flow);

	if (ext)
		return ext;
	ext = kzalloc(sizeof(*ext), GFP_ATOMIC);
	if (!ext)
		return NULL;
	ext->events = U16_MAX;
	if (alias)
		alias->ext = ext;
	else
		flow->more = (unsigned long)ext;
	return ext;
}

static int more_alloc(struct ct_flow *flow, const struct ct_net *cnet,
		      const struct ct_id *reply)
{
	struct ct_alias *alias;
	struct ct_ext *ext;

	flow->more = 0;
	if (reply) {
		alias = alias_alloc(flow, reply);
		if (!alias)
			return -ENOMEM;
		flow->more = (unsigned long)alias | CT_MORE_ALIAS;
	}
	if (likely(!READ_ONCE(cnet->knobs.timestamp)))
		return 0;
	ext = ct_flow_ext(flow);
	if (!ext) {
		more_free(flow);
		return -ENOMEM;
	}
	ext->start = ktime_get_real_ns();
	return 0;
}

static struct ct_flow *flow_alloc(struct ct_net *cnet,
				  const struct ct_id *orig, u32 status)
{
	bool ipv6 = orig->key.kind & CT_KEY_IPV6;
	struct ct_flow *flow;

	flow = kmem_cache_alloc(ipv6 ? flow6_cache : flow_cache, GFP_ATOMIC);
	if (!flow)
		return NULL;
	/*
	 * A reader of the object's former life may be looking: @next and @lock
	 * stay as they are, and IPS_DYING stays set until publication.
	 */
	WRITE_ONCE(flow->net, cnet->id);
	ct_key_copy(&flow->node.key, &orig->key);
	WRITE_ONCE(flow->hash, orig->hash);
	flow->mark = 0;
	WRITE_ONCE(flow->expires, ct_now());
	memset(&flow->state, 0, sizeof(flow->state));
	memset(flow->packets_high, 0, sizeof(flow->packets_high));
	memset(flow->packets_low, 0, sizeof(flow->packets_low));
	memset(flow->bytes, 0, sizeof(flow->bytes));
	if (ipv6)
		memcpy(ct_flow6(flow)->addr, orig->addr, sizeof(orig->addr));
	/* Not visible before publication: stands in @status until then. */
	WRITE_ONCE(flow->status, IPS_DYING | status |
		   (orig->sender ? CT_FLOW_ORIGIN : 0));
	return flow;
}

/* Beginning */

/* Nothing of the namespace may be touched behind this: ct_net_is_empty(). */
static void count_out(struct ct_net *cnet, const struct ct_flow *flow)
{
	ct_cpu_add(flows, -1);
	ct_source_leave(cnet, flow);
	/* Pairs with the acquire in ct_net_is_empty(). */
	(void)atomic_fetch_dec_release(&cnet->count);
}

/**
 * ct_flow_create() - make a flow
 * @cnet: its namespace
 * @orig: its original direction
 * @reply: its reply direction, where that is not the inverse; else %NULL
 *
 * The flow is counted, but private: the caller fills in the protocol's state
 * and the timeout, then calls ct_hash_insert() or ct_flow_discard().
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: the flow, or an error pointer: what ct_source_enter() or
 * ct_room_take() says, -EXFULL in a namespace that is not tracked, or -ENOMEM.
 */
struct ct_flow *ct_flow_create(struct ct_net *cnet, const struct ct_id *orig,
			       const struct ct_id *reply)
{
	struct ct_flow *flow;
	int counted, err;

	if (unlikely(cnet->number == CT_NET_NONE))
		return ERR_PTR(-EXFULL);
	counted = ct_source_enter(cnet, orig);
	if (unlikely(counted < 0))
		return ERR_PTR(counted);
	err = ct_room_take(cnet);
	if (unlikely(err))
		goto no_room;
	err = -ENOMEM;
	flow = flow_alloc(cnet, orig, counted ? CT_FLOW_COUNTED : 0);
	if (!flow)
		goto no_flow;
	if (more_alloc(flow, cnet, reply))
		goto no_more;
	ct_cpu_add(flows, 1);
	return flow;

no_more:
	kmem_cache_free(cache_of(flow), flow);
no_flow:
	atomic_dec(&cnet->count);
no_room:
	if (counted)
		ct_source_uncount(cnet, &orig->key, orig->addr, orig->sender);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_CT(ct_flow_create);

/**
 * ct_flow_discard() - unmake a flow that was never linked
 * @flow: a flow from ct_flow_create(), private still
 *
 * Context: bottom halves off.
 */
void ct_flow_discard(struct ct_flow *flow)
{
	count_out(ct_flow_net(flow), flow);
	more_free(flow);
	kmem_cache_free(cache_of(flow), flow);
}
EXPORT_SYMBOL_CT(ct_flow_discard);

/* Keeping and ending */

/*
 * Flow lock held. From here on the flow is the caller's. Its namespace may be
 * gone once it is counted out.
 */
static void condemn(struct ct_flow *flow, enum ct_ended why,
		    const struct ct_origin *origin)
{
	struct ct_net *cnet = ct_flow_net(flow);

	ct_kind_add(cnet, flow->status, -1);
	ct_stat_inc(cnet, ended[why]);
	ct_trace_destroyed(cnet, flow, why);
	ct_event_destroy(flow, cnet, origin);
	count_out(cnet, flow);
	/* Pairs with the barrier in ct_flow_alive(). */
	smp_store_release(&flow->status, flow->status | IPS_DYING);
}

/**
 * ct_flow_condemn_expired() - begin the end of a flow whose time has come
 * @flow: the flow, found in the table
 * @now: the present
 *
 * Context: bottom halves off, the flow's stripe held.
 *
 * Return: true if it is the caller's now, to be unlinked and then given to
 * ct_flow_bury().
 */
bool ct_flow_condemn_expired(struct ct_flow *flow, u32 now)
{
	bool over;

	ct_flow_lock(flow);
	over = ct_flow_alive(flow) && ct_left(flow->expires, now) <= 0;
	if (over)
		condemn(flow, CT_ENDED_TIMEOUT, NULL);
	ct_flow_unlock(flow);
	return over;
}

/**
 * ct_flow_bury() - the rest of the end of a flow
 * @flow: the flow, dying, the caller's
 *
 * Unlinks what is still linked. The memory may be another flow at once.
 *
 * Context: RCU read-side section, bottom halves off, no lock held.
 */
void ct_flow_bury(struct ct_flow *flow)
{
	ct_hash_unlink(flow);
	more_free(flow);
	kmem_cache_free(cache_of(flow), flow);
}

/**
 * ct_flow_end_for() - end a flow on somebody's request
 * @flow: the flow, alive, its lock held; unlocked here, then gone
 * @origin: whose
 *
 * Context: RCU read-side section, bottom halves off, no other lock held.
 */
void ct_flow_end_for(struct ct_flow *flow, const struct ct_origin *origin)
{
	condemn(flow, CT_ENDED_REQUEST, origin);
	ct_flow_unlock(flow);
	ct_flow_bury(flow);
}
EXPORT_SYMBOL_CT(ct_flow_end_for);

/**
 * ct_flow_end() - end a flow
 * @flow: the flow, alive, its lock held; unlocked here, then gone
 * @why: why
 *
 * Context: RCU read-side section, bottom halves off, no other lock held.
 */
void ct_flow_end(struct ct_flow *flow, enum ct_ended why)
{
	condemn(flow, why, NULL);
	ct_flow_unlock(flow);
	ct_flow_bury(flow);
}
EXPORT_SYMBOL_CT(ct_flow_end);

static void end_walked(struct ct_net *cnet)
{
	struct ct_flow *flow;
	struct ct_walk walk;

	rcu_read_lock();
	ct_walk_begin(&walk, cnet, NFPROTO_UNSPEC);
	while ((flow = ct_walk_next_locked(&walk))) {
		ct_flow_end(flow, CT_ENDED_NAMESPACE);
		local_bh_enable();
		ct_walk_pause(&walk);
	}
	rcu_read_unlock();
}

/**
 * ct_flow_end_all() - end all flows of a namespace
 * @cnet: the namespace, which makes none any more
 *
 * Where there are none, the table is not gone through.
 *
 * Context: process, may sleep.
 */
void ct_flow_end_all(struct ct_net *cnet)
{
	if (!ct_net_is_empty(cnet))
		end_walked(cnet);
}
EXPORT_SYMBOL_CT_TEST(ct_flow_end_all);

/**
 * ct_flow_end_ending() - end all flows of all namespaces that are ending
 *
 * One walk for however many there are.
 *
 * Context: process, may sleep.
 */
void ct_flow_end_ending(void)
{
	end_walked(NULL);
}
EXPORT_SYMBOL_CT_TEST(ct_flow_end_ending);

/* The reaper */

static void reap(struct work_struct *work);
static DECLARE_DELAYED_WORK(reap_work, reap);

/*
 * When many flows have gone, the allocator keeps some of their objects for the
 * next ones, each in a page of its own. It is told to let them go.
 */
static void shrink_caches(long n)
{
	static long most;	/* flows since then; the reaper's alone */

	most = max(most, n);
	if (most < CT_EXPIRE_MANY || n > most / 8)
		return;
	kmem_cache_shrink(flow_cache);
	kmem_cache_shrink(flow6_cache);
	kmem_cache_shrink(alias_cache);
	kmem_cache_shrink(alias6_cache);
	most = n;
}

static void reap(struct work_struct *work)
{
	bool more = ct_hash_reap(ct_now()), unfit;
	long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += READ_ONCE(per_cpu(flows, cpu));
	n = max(n, 0L);
	shrink_caches(n);
	unfit = ct_size_follow(n);
	if (more)
		queue_delayed_work(reap_queue, &reap_work, 0);
	else if (n > 0 || unfit)
		ct_expire_kick();
}

/**
 * ct_expire_kick() - see to it that the reaper runs
 *
 * It goes on by itself while there are flows, and lets the CPU sleep when
 * there are none.
 *
 * Context: any. Called for each new flow, hence cheap when it runs already.
 */
void ct_expire_kick(void)
{
	if (!delayed_work_pending(&reap_work))
		queue_delayed_work(reap_queue, &reap_work, HZ);
}
EXPORT_SYMBOL_CT(ct_expire_kick);

/**
 * ct_expire_queue() - have something done that the packet has no time for
 * @work: what
 * @delay: jiffies to wait
 *
 * Context: any. Does nothing where it waits already.
 */
void ct_expire_queue(struct delayed_work *work, unsigned long delay)
{
	queue_delayed_work(reap_queue, work, delay);
}

static int caches_create(void)
{
	const slab_flags_t stable = SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN;

	flow_cache = kmem_cache_create("ip_conntrack", sizeof(struct ct_flow),
				       0, stable, flow_construct);
	flow6_cache = kmem_cache_create("ip_conntrack6",
					sizeof(struct ct_flow6), 0, stable,
					flow_construct);
	alias_cache = kmem_cache_create("ip_conntrack_alias",
					sizeof(struct ct_alias), 0, stable,
					NULL);
	alias6_cache = kmem_cache_create("ip_conntrack_alias6",
					 sizeof(struct ct_alias6), 0, stable,
					 NULL);
	return flow_cache && flow6_cache && alias_cache && alias6_cache ?
	       0 : -ENOMEM;
}

static void caches_destroy(void)
{
	kmem_cache_destroy(alias6_cache);
	kmem_cache_destroy(alias_cache);
	kmem_cache_destroy(flow6_cache);
	kmem_cache_destroy(flow_cache);
}

/**
 * ct_expire_init() - make slabs and reaper
 *
 * Return: 0 or -ENOMEM.
 */
int ct_expire_init(void)
{
	if (caches_create())
		goto no_memory;
	reap_queue = alloc_workqueue("ip_conntrack", WQ_UNBOUND, 0);
	if (!reap_queue)
		goto no_memory;
	return 0;
no_memory:
	caches_destroy();
	return -ENOMEM;
}

/**
 * ct_expire_exit() - give slabs and reaper back
 *
 * No flow is left, and none can come.
 */
void ct_expire_exit(void)
{
	cancel_delayed_work_sync(&reap_work);
	destroy_workqueue(reap_queue);
	caches_destroy();
}
