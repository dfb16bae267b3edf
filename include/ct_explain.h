/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be told of flows and packets to who looks: tracepoints, and the words
 * for what they say. Where nobody looks a tracepoint is one instruction that
 * does nothing.
 */
#ifndef CT_EXPLAIN_H
#define CT_EXPLAIN_H

#include <linux/tracepoint-defs.h>

#include "ct_hash.h"
#include "ct_stat.h"
#include "ct_tuple.h"

#define CT_EXPLAIN_LEN		64	/* the longest reason, and its end */
#define CT_EXPLAIN_STATE_LEN	24	/* the longest state */

DECLARE_TRACEPOINT(flow_new);
DECLARE_TRACEPOINT(flow_confirmed);
DECLARE_TRACEPOINT(flow_updated);
DECLARE_TRACEPOINT(flow_destroyed);
DECLARE_TRACEPOINT(flow_evicted);
DECLARE_TRACEPOINT(packet_invalid);

/* Not for direct use: see below. */
void ct_explain_new(const struct ct_pkt *pkt);
void ct_explain_flow_confirmed(const struct ct_net *cnet,
			       const struct ct_flow *flow);
void ct_explain_flow_updated(const struct ct_flow *flow, u32 what);
void ct_explain_flow_destroyed(const struct ct_net *cnet,
			       const struct ct_flow *flow, enum ct_ended why);
void ct_explain_flow_evicted(const struct ct_net *cnet,
			     const struct ct_flow *flow, enum ct_rank rank);
void ct_explain_packet_invalid(const struct ct_pkt *pkt,
			       enum ct_reason reason);

void ct_refuse(const struct ct_pkt *pkt, enum ct_reason reason,
	       const struct nf_hook_state *state);

/* For ct_trace.h. */
void ct_explain_addr(const struct ct_tuple *tuple,
		     const union nf_inet_addr *addr, u8 *v4, u8 *v6);
void ct_explain_state(const struct ct_snapshot *snap, char *buf);

/* Does anyone want to be told of first packets? */
static inline bool ct_traces_new(void)
{
	return tracepoint_enabled(flow_new);
}

/**
 * ct_trace_new() - a packet was seen that may begin a flow
 * @pkt: the packet, read
 *
 * Context: hook, RCU read-side section, bottom halves off.
 */
static inline void ct_trace_new(const struct ct_pkt *pkt)
{
	if (ct_traces_new())
		ct_explain_new(pkt);
}

/**
 * ct_trace_confirmed() - a flow is put into the table
 * @cnet: its namespace
 * @flow: the flow, private still
 *
 * Context: RCU read-side section, bottom halves off.
 */
static inline void ct_trace_confirmed(const struct ct_net *cnet,
				      const struct ct_flow *flow)
{
	if (tracepoint_enabled(flow_confirmed))
		ct_explain_flow_confirmed(cnet, flow);
}

/**
 * ct_trace_updated() - a flow has changed
 * @flow: the flow, its lock held
 * @what: what of it: bits 1 << enum ip_conntrack_events
 *
 * Context: RCU read-side section, bottom halves off.
 */
static inline void ct_trace_updated(const struct ct_flow *flow, u32 what)
{
	if (tracepoint_enabled(flow_updated))
		ct_explain_flow_updated(flow, what);
}

/**
 * ct_trace_destroyed() - a flow is over
 * @cnet: its namespace
 * @flow: the flow, its lock held, not yet dying
 * @why: why
 *
 * Context: RCU read-side section, bottom halves off.
 */
static inline void ct_trace_destroyed(const struct ct_net *cnet,
				      const struct ct_flow *flow,
				      enum ct_ended why)
{
	if (tracepoint_enabled(flow_destroyed))
		ct_explain_flow_destroyed(cnet, flow, why);
}

/**
 * ct_trace_evicted() - a flow is given up to make room, and destroyed next
 * @cnet: its namespace
 * @flow: the flow, its lock held
 * @rank: what it was worth
 *
 * Context: RCU read-side section, bottom halves off.
 */
static inline void ct_trace_evicted(const struct ct_net *cnet,
				    const struct ct_flow *flow,
				    enum ct_rank rank)
{
	if (tracepoint_enabled(flow_evicted))
		ct_explain_flow_evicted(cnet, flow, rank);
}

/**
 * ct_trace_invalid() - a packet is INVALID
 * @pkt: the packet, as far as it could be read
 * @reason: why
 *
 * Context: hook, RCU read-side section, bottom halves off.
 */
static inline void ct_trace_invalid(const struct ct_pkt *pkt,
				    enum ct_reason reason)
{
	if (tracepoint_enabled(packet_invalid))
		ct_explain_packet_invalid(pkt, reason);
}

#endif /* CT_EXPLAIN_H */
