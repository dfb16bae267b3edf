// SPDX-License-Identifier: GPL-2.0
/*
 * Beginning: how a flow is admitted, made, and put into the table.
 *
 * Overview
 *	ct_flow_create() counts a flow in, for its namespace and its source, if there
 *	is room or room can be made, and gives the memory for it. The caller writes
 *	what the flow begins with. ct_flow_confirm() is the one place where it
 *	becomes a flow that others see: linked, counted by kind, told of, and known to
 *	the reaper. Hooks, the short way and ctnetlink all come here.
 *
 * Context
 *	RCU read-side section, bottom halves off. Locks: stripes.
 */
#include <linux/err.h>
#include <linux/module.h>

#include "ct_compat.h"
#include "ct_create.h"
#include "ct_event.h"
#include "ct_expire.h"
#include "ct_explain.h"
#include "ct_gc.h"
#include "ct_room.h"
#include "ct_source.h"
#include "ct_table.h"

/**
 * ct_flow_create() - make a flow
 * @cnet: its namespace
 * @orig: its original direction
 * @reply: its reply direction, where that is not the inverse; else %NULL
 *
 * The flow is counted, but private: the caller fills in the protocol's state
 * and the timeout, then calls ct_flow_confirm() or ct_flow_discard().
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: the flow, or an error pointer: what ct_source_enter() or
 * ct_room_take() says, -EXFULL in a namespace that is not tracked, or -ENOMEM.
 */
struct ct_flow *ct_flow_create(struct ct_net *cnet, const struct ct_lookup_key *orig,
			       const struct ct_lookup_key *reply)
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
	flow = ct_flow_alloc(cnet, orig, reply, counted ? CT_FLOW_COUNTED : 0);
	if (flow)
		return flow;
	ct_room_leave(cnet);
no_room:
	if (counted)
		ct_source_uncount(cnet, &orig->key, orig->addr, orig->sender);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_CT(ct_flow_create);

/*
 * Let a flow be one. Whoever sees the status sees what was written before. From then
 * on anyone who knows the object from a former life of the same identity may end it:
 * the stripe is held, which unlinking waits for, until the flow is linked.
 *
 * Whether anyone wants to hear of it is asked here, and not before: who began to
 * listen and then went through this bucket would neither be told of the flow nor
 * find it.
 */
static __always_inline void publish_flow(struct ct_net *cnet, struct ct_flow *flow)
{
	u32 status = (flow->status & ~IPS_DYING) | IPS_CONFIRMED;

	if (ct_event_is_heard() && ct_event_wanted(flow, BIT(IPCT_NEW)) &&
	    ct_event_wants(cnet, CT_EVENT_NEW))
		status |= CT_FLOW_NEW_PENDING;
	ct_kind_add(cnet, status, 1);
	ct_trace_confirmed(cnet, flow);
	/* Pairs with the barrier in ct_flow_alive(). */
	smp_store_release(&flow->status, status);
}

/* Stripe held: who ends the flow now can unlink it only when it is linked. */
static __always_inline void link_flow(struct ct_net *cnet, struct ct_table *t,
				      struct ct_flow *flow)
{
	publish_flow(cnet, flow);
	ct_node_link(t, &flow->node, flow->hash);
	ct_due_lower(t, flow->hash, ct_next_visit(flow->expires, ct_now()));
}

static noinline bool insert_with_alias(struct ct_net *cnet,
				       struct ct_flow *flow,
				       struct ct_alias *alias)
{
	struct ct_table *t;
	bool taken;

	ct_stripes_lock(flow->hash, alias->hash);
	taken = ct_node_is_taken(cnet, &flow->node, flow->hash,
				 ct_flow6(flow)->addr) ||
		ct_node_is_taken(cnet, &alias->node, alias->hash,
				 ct_alias6(alias)->addr);
	if (!taken) {
		t = ct_table_newest();
		link_flow(cnet, t, flow);
		ct_node_link(t, &alias->node, alias->hash);
	}
	ct_stripes_unlock(flow->hash, alias->hash);
	return !taken;
}

/* Publish and link a flow, and the alias that it may have. */
static __always_inline bool insert_flow(struct ct_net *cnet, struct ct_flow *flow)
{
	struct ct_alias *alias = ct_flow_alias(flow);
	spinlock_t *stripe = ct_stripe(flow->hash);
	bool taken;

	if (unlikely(alias))
		return insert_with_alias(cnet, flow, alias);
	spin_lock(stripe);
	taken = ct_node_is_taken(cnet, &flow->node, flow->hash,
				 ct_flow6(flow)->addr);
	if (likely(!taken))
		link_flow(cnet, ct_table_newest(), flow);
	spin_unlock(stripe);
	return !taken;
}

/**
 * ct_flow_confirm() - let a flow be one: put it into the table, and say so
 * @cnet: its namespace
 * @flow: the flow, private; afterwards anyone may end it
 * @origin: on whose request, or %NULL
 *
 * Context: RCU read-side section, bottom halves off. Takes stripe locks.
 *
 * Return: false if another flow has one of its places already; nothing was
 * linked then, and the flow is private still.
 */
bool ct_flow_confirm(struct ct_net *cnet, struct ct_flow *flow,
		     const struct ct_origin *origin)
{
	u32 hash = flow->hash;	/* behind the insertion it may be gone again */

	if (unlikely(!insert_flow(cnet, flow)))
		return false;
	if (likely(!origin))
		ct_stat_inc(cnet, fresh);	/* a packet began it */
	ct_stat_inc(cnet, insert);
	ct_event_new(flow, hash, origin);
	ct_gc_kick();
	return true;
}
EXPORT_SYMBOL_CT(ct_flow_confirm);
