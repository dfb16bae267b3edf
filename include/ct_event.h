/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: who wants to hear of flows that begin, change and end.
 */
#ifndef CT_EVENT_H
#define CT_EVENT_H

#include <linux/rcupdate.h>

#include "ct_explain.h"
#include "ct_flow.h"

struct ct_net;

/**
 * enum ct_event - what happened to a flow
 * @CT_EVENT_NEW: it is in the table now
 * @CT_EVENT_UPDATE: its status or its protocol's state changed
 * @CT_EVENT_DESTROY: it is over; its counters are final
 */
enum ct_event {
	CT_EVENT_NEW,
	CT_EVENT_UPDATE,
	CT_EVENT_DESTROY,
};

static_assert(CT_EVENT_DESTROY + 1 == CT_EVENT_KINDS);

/**
 * struct ct_origin - on whose request something happened
 * @portid: netlink port
 * @report: wants to be told as well
 */
struct ct_origin {
	u32 portid;
	bool report;
};

/**
 * struct ct_listener - who wants to hear
 * @next: the next one; ct_event.c
 * @wants: called before @event: would anyone hear of such an event in this
 *	namespace, which may be on its way out? Same context, but the flow need
 *	not be locked
 * @event: called for each event, in their order for each flow, which is
 *	locked and not dying yet. @origin is %NULL where a packet or the clock
 *	did it. Called in an RCU read-side section with bottom halves off; must
 *	not sleep, nor take another flow's or the table's lock. Returns false
 *	if it could not tell everyone: a flow's beginning is then told again
 *	before anything else, to all listeners
 */
struct ct_listener {
	struct ct_listener __rcu *next;
	bool (*wants)(const struct ct_net *cnet, enum ct_event event);
	bool (*event)(const struct ct_flow *flow, enum ct_event event,
		      const struct ct_origin *origin);
};

extern struct ct_listener __rcu *ct_listeners;

void ct_event_listen(struct ct_listener *listener);
void ct_event_unlisten(struct ct_listener *listener);
void ct_event_net_init(struct ct_net *cnet);

/* Not for direct use: see below. */
bool ct_event_ask(struct ct_net *cnet, enum ct_event event);
void ct_event_send_new(struct ct_flow *flow, u32 hash,
		       const struct ct_origin *origin);
void ct_event_send(struct ct_flow *flow, enum ct_event event,
		   const struct ct_origin *origin);

/**
 * ct_event_is_heard() - might anyone want to hear?
 *
 * All that an event costs where nobody does.
 *
 * Return: false if not.
 */
static inline bool ct_event_is_heard(void)
{
	return unlikely(rcu_access_pointer(ct_listeners));
}

/*
 * Was nobody listening when somebody looked in this jiffy, and has nobody begun to
 * since? Who begins raises the kernel's flag, which the last to end lowers, on the
 * whole machine. The flag alone will not do: one who ends between another's raising
 * it and his being in the list finds nobody there, and lowers it. The other one then
 * hears of what happens from the next jiffy on.
 */
static inline bool ct_event_is_unheard(const struct ct_net *cnet,
				       enum ct_event event, u32 now)
{
	return !ct_has_listener() && READ_ONCE(cnet->unheard[event]) == now;
}

/**
 * ct_event_wants() - does anyone want to hear of such events?
 * @cnet: of this namespace
 * @event: which
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: false if not.
 */
static inline bool ct_event_wants(struct ct_net *cnet, enum ct_event event)
{
	return !ct_event_is_unheard(cnet, event, ct_now()) &&
	       ct_event_ask(cnet, event);
}

/**
 * ct_event_wanted() - did rules leave these events of a flow?
 * @flow: the flow, its lock held, or private
 * @what: bits 1 << enum ip_conntrack_events
 *
 * Return: true if they left any of them.
 */
static inline bool ct_event_wanted(const struct ct_flow *flow, u32 what)
{
	const struct ct_ext *ext = ct_flow_rare(flow);

	return likely(!ext) || ext->events & what;
}

/**
 * ct_event_new() - a flow was linked into the table
 * @flow: the flow; not locked, so it may be gone already
 * @hash: its hash, as it was
 * @origin: on whose request, or %NULL
 */
static inline void ct_event_new(struct ct_flow *flow, u32 hash,
				const struct ct_origin *origin)
{
	if (unlikely(READ_ONCE(flow->status) & CT_FLOW_NEW_PENDING))
		ct_event_send_new(flow, hash, origin);
}

/**
 * ct_event_update() - a flow has changed
 * @flow: the flow, its lock held
 * @what: what of it: bits 1 << enum ip_conntrack_events
 * @origin: on whose request, or %NULL
 */
static inline void ct_event_update(struct ct_flow *flow, u32 what,
				   const struct ct_origin *origin)
{
	ct_trace_updated(flow, what);
	if (ct_event_is_heard() && ct_event_wanted(flow, what))
		ct_event_send(flow, CT_EVENT_UPDATE, origin);
}

/**
 * ct_event_of_status() - what a change of status is to listeners
 * @changed: the bits that changed
 *
 * Return: bits 1 << enum ip_conntrack_events.
 */
static inline u32 ct_event_of_status(u32 changed)
{
	return (changed & IPS_SEEN_REPLY ? BIT(IPCT_REPLY) : 0) |
	       (changed & IPS_ASSURED ? BIT(IPCT_ASSURED) : 0);
}

/**
 * ct_event_move() - a packet has changed a flow
 * @flow: the flow, its lock held
 * @cnet: its namespace
 * @what: what of it: bits 1 << enum ip_conntrack_events
 *
 * As ct_event_update(), but asks first whether anyone wants to know: it is
 * cheaper to ask where the namespace is known.
 */
static inline void ct_event_move(struct ct_flow *flow, struct ct_net *cnet,
				 u32 what)
{
	ct_trace_updated(flow, what);
	if (ct_event_is_heard() && ct_event_wanted(flow, what) &&
	    (flow->status & CT_FLOW_NEW_PENDING ||
	     ct_event_wants(cnet, CT_EVENT_UPDATE)))
		ct_event_send(flow, CT_EVENT_UPDATE, NULL);
}

/**
 * ct_event_destroy() - a flow is over
 * @flow: the flow, its lock held, about to be dying
 * @cnet: its namespace
 * @origin: on whose request, or %NULL
 */
static inline void ct_event_destroy(struct ct_flow *flow, struct ct_net *cnet,
				    const struct ct_origin *origin)
{
	if (ct_event_is_heard() && ct_event_wanted(flow, BIT(IPCT_DESTROY)) &&
	    (origin || flow->status & CT_FLOW_NEW_PENDING ||
	     ct_event_wants(cnet, CT_EVENT_DESTROY)))
		ct_event_send(flow, CT_EVENT_DESTROY, origin);
}

#endif /* CT_EVENT_H */
