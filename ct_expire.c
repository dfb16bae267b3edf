// SPDX-License-Identifier: GPL-2.0
/*
 * Lifetime: flows' memory, and how they are kept and ended.
 *
 * Overview
 *	A flow is ended by whoever sets IPS_DYING under its lock: that caller,
 *	and no other, takes it out of the table and frees it. The count of its
 *	namespace goes down at that moment, so that it never includes a flow
 *	that no reader can see.
 *
 *	What ends those whose time has come is ct_gc.c; how a flow begins is the
 *	business of ct_create.c.
 *
 * Context
 *	Bottom halves off, and nothing sleeps, unless said.
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "ct_compat.h"
#include "ct_expire.h"
#include "ct_explain.h"
#include "ct_hash.h"
#include "ct_source.h"

#define CT_EXPIRE_MANY	16384UL	/* flows whose memory is worth a look */

static struct kmem_cache *flow_cache;
static struct kmem_cache *flow6_cache;
static struct kmem_cache *alias_cache;
static struct kmem_cache *alias6_cache;

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
				    const struct ct_lookup_key *reply)
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
		      const struct ct_lookup_key *reply)
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
				  const struct ct_lookup_key *orig, u32 status)
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

/* Nothing of the namespace may be touched behind this: ct_net_is_empty(). */
static void count_out(struct ct_net *cnet, const struct ct_flow *flow)
{
	ct_cpu_add(flows, -1);
	ct_source_leave(cnet, flow);
	ct_room_leave(cnet);
}

/**
 * ct_flow_alloc() - memory for a flow, with what is known of it
 * @cnet: its namespace, which has counted it
 * @orig: its original direction
 * @reply: its reply direction, where that is not the inverse; else %NULL
 * @status: CT_FLOW_COUNTED, or 0
 *
 * Context: bottom halves off.
 *
 * Return: the flow, private; %NULL if there is no memory.
 */
struct ct_flow *ct_flow_alloc(struct ct_net *cnet, const struct ct_lookup_key *orig,
			      const struct ct_lookup_key *reply, u32 status)
{
	struct ct_flow *flow = flow_alloc(cnet, orig, status);

	if (!flow)
		return NULL;
	if (more_alloc(flow, cnet, reply)) {
		kmem_cache_free(cache_of(flow), flow);
		return NULL;
	}
	ct_cpu_add(flows, 1);
	return flow;
}

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
static void kill_flow(struct ct_flow *flow, enum ct_ended why,
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
 * ct_flow_kill_expired() - begin the end of a flow whose time has come
 * @flow: the flow, found in the table
 * @now: the present
 *
 * Context: bottom halves off, the flow's stripe held.
 *
 * Return: true if it is the caller's now, to be unlinked and then given to
 * ct_flow_free().
 */
bool ct_flow_kill_expired(struct ct_flow *flow, u32 now)
{
	bool over;

	ct_flow_lock(flow);
	over = ct_flow_alive(flow) && ct_left(flow->expires, now) <= 0;
	if (over)
		kill_flow(flow, CT_ENDED_TIMEOUT, NULL);
	ct_flow_unlock(flow);
	return over;
}

/**
 * ct_flow_free() - the rest of the end of a flow
 * @flow: the flow, dying, the caller's
 *
 * Unlinks what is still linked. The memory may be another flow at once.
 *
 * Context: RCU read-side section, bottom halves off, no lock held.
 */
void ct_flow_free(struct ct_flow *flow)
{
	ct_hash_unlink(flow);
	more_free(flow);
	kmem_cache_free(cache_of(flow), flow);
}

/**
 * ct_flow_end_for_unlock() - end a flow on somebody's request
 * @flow: the flow, alive, its lock held; unlocked here, then gone
 * @origin: whose
 *
 * Context: RCU read-side section, bottom halves off, no other lock held.
 */
void ct_flow_end_for_unlock(struct ct_flow *flow, const struct ct_origin *origin)
{
	kill_flow(flow, CT_ENDED_REQUEST, origin);
	ct_flow_unlock(flow);
	ct_flow_free(flow);
}
EXPORT_SYMBOL_CT(ct_flow_end_for_unlock);

/**
 * ct_flow_end_unlock() - end a flow
 * @flow: the flow, alive, its lock held; unlocked here, then gone
 * @why: why
 *
 * Context: RCU read-side section, bottom halves off, no other lock held.
 */
void ct_flow_end_unlock(struct ct_flow *flow, enum ct_ended why)
{
	kill_flow(flow, why, NULL);
	ct_flow_unlock(flow);
	ct_flow_free(flow);
}
EXPORT_SYMBOL_CT(ct_flow_end_unlock);

static void end_walked(struct ct_net *cnet)
{
	struct ct_flow *flow;
	struct ct_walk walk;

	rcu_read_lock();
	ct_walk_begin(&walk, cnet, NFPROTO_UNSPEC);
	while ((flow = ct_walk_next_locked(&walk))) {
		ct_flow_end_unlock(flow, CT_ENDED_NAMESPACE);
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

/* How many */

/**
 * ct_flow_total() - how many flows there are in all namespaces
 *
 * Context: any.
 *
 * Return: the number, more or less.
 */
unsigned long ct_flow_total(void)
{
	long n = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		n += READ_ONCE(per_cpu(flows, cpu));
	return max(n, 0L);
}

/**
 * ct_flow_shrink() - give memory back that nobody needs any more
 * @n: how many flows there are
 *
 * When many flows have gone, the allocator keeps some of their objects for the
 * next ones, each in a page of its own. It is told to let them go.
 *
 * Context: process, the reaper alone.
 */
void ct_flow_shrink(unsigned long n)
{
	static unsigned long most;	/* flows since then */

	most = max(most, n);
	if (most < CT_EXPIRE_MANY || n > most / 8)
		return;
	kmem_cache_shrink(flow_cache);
	kmem_cache_shrink(flow6_cache);
	kmem_cache_shrink(alias_cache);
	kmem_cache_shrink(alias6_cache);
	most = n;
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
 * ct_expire_init() - make slabs
 *
 * Return: 0 or -ENOMEM.
 */
int ct_expire_init(void)
{
	int err = caches_create();

	if (err)
		caches_destroy();
	return err;
}

/**
 * ct_expire_exit() - give slabs back
 *
 * No flow is left, and none can come.
 */
void ct_expire_exit(void)
{
	caches_destroy();
}
