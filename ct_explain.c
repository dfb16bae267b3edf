// SPDX-License-Identifier: GPL-2.0
/*
 * Explaining: what the tracepoints say of flows and packets.
 *
 * Overview
 *	Each place where something happens calls an inline function of
 *	ct_explain.h, which is one instruction where nobody looks. Where somebody
 *	does, it ends here: what is known is put into words and given to the
 *	tracepoint (ct_trace.h). Nothing here changes a flow.
 *
 *	A packet that is refused is counted, by its reason, and logged where that
 *	was asked for. The log has the kernel's limit for what the network can cause
 *	(net.core.message_burst); counters and tracepoints have none.
 *
 * Context
 *	RCU read-side section, bottom halves off; of a flow that can be found its
 *	lock is held.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/net.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/string.h>
#include <net/ipv6.h>
#include <net/netfilter/nf_log.h>

#include "ct_compat.h"
#include "ct_explain.h"
#include "ct_net.h"
#include "ct_proto.h"

#define CREATE_TRACE_POINTS
#include "ct_trace.h"

#define CT_E_TEXT(name, text)						\
	[CT_ENDED_##name] = text,

static const char *const ends[CT_ENDED_MAX] = {
	CT_ENDS(CT_E_TEXT)
};

#undef CT_E_TEXT

static const char *const ranks[CT_RANKS] = {
	[CT_RANK_CLOSING] = "closing",
	[CT_RANK_UNREPLIED] = "never answered",
	[CT_RANK_REPLIED] = "answered, not assured",
	[CT_RANK_ASSURED] = "assured",
};

/* What an update is called: the highest of these, there is mostly one. */
static const char *const changes[] = {
	[IPCT_NEW] = "new",
	[IPCT_REPLY] = "first reply",
	[IPCT_ASSURED] = "assured",
	[IPCT_PROTOINFO] = "state",
	[IPCT_MARK] = "mark",
	[IPCT_LABEL] = "labels",
};

static const char *change_text(u32 what)
{
	int bit = fls(what & U16_MAX) - 1;

	if (what == U16_MAX)
		return "by request";
	if (bit < 0 || bit >= ARRAY_SIZE(changes) || !changes[bit])
		return "other";
	return changes[bit];
}

/**
 * ct_explain_addr() - an address as tracepoints have it
 * @tuple: where it stands
 * @addr: the address
 * @v4: four bytes of it, 0 if it is one of IPv6
 * @v6: sixteen bytes of it; an IPv4 address is mapped
 */
void ct_explain_addr(const struct ct_tuple *tuple,
		     const union nf_inet_addr *addr, u8 *v4, u8 *v6)
{
	struct in6_addr full = {};
	__be32 ip = 0;

	if (tuple->family == NFPROTO_IPV6) {
		full = addr->in6;
	} else if (tuple->family == NFPROTO_IPV4) {
		ip = addr->ip;
		ipv6_addr_set_v4mapped(ip, &full);
	}
	memcpy(v4, &ip, sizeof(ip));
	memcpy(v6, &full, sizeof(full));
}

/**
 * ct_explain_state() - the state of a flow in words
 * @snap: the flow
 * @buf: CT_EXPLAIN_STATE_LEN bytes, for the state, or "-" if it has none
 */
void ct_explain_state(const struct ct_snapshot *snap, char *buf)
{
	char *end;

	if (!snap->proto->has_phase || !snap->proto->print_state) {
		strscpy(buf, "-", CT_EXPLAIN_STATE_LEN);
		return;
	}
	end = snap->proto->print_state(buf, &snap->state);
	end[-1] = '\0';		/* a space */
}

void ct_explain_new(const struct ct_pkt *pkt)
{
	trace_flow_new(pkt, "first packet");
}

void ct_explain_flow_confirmed(const struct ct_net *cnet,
			       const struct ct_flow *flow)
{
	struct ct_snapshot snap;

	ct_flow_snapshot(flow, ct_now(), &snap);
	snap.status = (snap.status & ~IPS_DYING) | IPS_CONFIRMED;
	trace_flow_confirmed(cnet, &snap, "in the table");
}

void ct_explain_flow_updated(const struct ct_flow *flow, u32 what)
{
	struct ct_snapshot snap;

	ct_flow_snapshot(flow, ct_now(), &snap);
	trace_flow_updated(ct_flow_net(flow), &snap, change_text(what));
}
EXPORT_SYMBOL_CT(ct_explain_flow_updated);
EXPORT_TRACEPOINT_SYMBOL_GPL(flow_updated);

void ct_explain_flow_destroyed(const struct ct_net *cnet,
			       const struct ct_flow *flow, enum ct_ended why)
{
	struct ct_snapshot snap;

	ct_flow_snapshot(flow, ct_now(), &snap);
	trace_flow_destroyed(cnet, &snap, ends[why]);
}

void ct_explain_flow_evicted(const struct ct_net *cnet,
			     const struct ct_flow *flow, enum ct_rank rank)
{
	struct ct_snapshot snap;

	ct_flow_snapshot(flow, ct_now(), &snap);
	trace_flow_evicted(cnet, &snap, ranks[rank]);
}

/* Where the IP header cannot be believed, no addresses were read. */
void ct_explain_packet_invalid(const struct ct_pkt *pkt, enum ct_reason reason)
{
	struct ct_pkt told = *pkt;

	if (reason < CT_R_L4_HEADER) {
		memset(&told.tuple.src, 0, sizeof(told.tuple.src));
		memset(&told.tuple.dst, 0, sizeof(told.tuple.dst));
	}
	trace_packet_invalid(&told, ct_reason_text(reason));
}

/* Refusals */

static bool is_logged(const struct ct_pkt *pkt)
{
	u8 which = READ_ONCE(pkt->cnet->knobs.log_invalid);

	return which == 255 || (which && which == pkt->tuple.protonum);
}

/* By the kernel's logger, or a line of ours where there is surely none. */
static void log_refusal(const struct ct_pkt *pkt, enum ct_reason reason,
			const struct nf_hook_state *state)
{
	if (!ct_log_is_missing(state->pf)) {
		nf_log_packet(state->net, state->pf, state->hook, pkt->skb,
			      state->in, state->out, NULL,
			      "ip_conntrack: invalid, %s: ",
			      ct_reason_text(reason));
		return;
	}
	pr_info("invalid packet, protocol %u: %s\n",
		pkt->tuple.protonum, ct_reason_text(reason));
}

/**
 * ct_refuse() - note that a packet is not tracked
 * @pkt: the packet, as far as it could be read
 * @reason: why
 * @state: the hook
 *
 * Context: bottom halves off.
 */
void ct_refuse(const struct ct_pkt *pkt, enum ct_reason reason,
	       const struct nf_hook_state *state)
{
	ct_stat_inc(pkt->cnet, reason[reason]);
	if (!ct_reason_is_invalid(reason)) {
		ct_stat_inc(pkt->cnet, ignore);
		return;
	}
	ct_trace_invalid(pkt, reason);
	if (unlikely(is_logged(pkt)) && net_ratelimit())
		log_refusal(pkt, reason, state);
}
EXPORT_SYMBOL_CT(ct_refuse);
