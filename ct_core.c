// SPDX-License-Identifier: GPL-2.0
/*
 * A packet's way.
 *
 * Overview
 *	First hook (PRE_ROUTING, LOCAL_OUT, behind defragmentation): the packet
 *	is read and its flow looked up. If there is one, the packet is judged
 *	and counted under the flow's lock. If not, the packet is judged as the
 *	first of a flow. The packet carries the answer from there on (ct_skb.h);
 *	a first packet also what it was before translation (ct_pending.h).
 *
 *	The last hook is in ct_confirm.c, and which hooks there are in ct_hooks.c.
 *
 *	A packet that carries an answer has been seen, wherever it meets a first
 *	hook again: over loopback, from a bridge, sent on by IPVS, or as a clone.
 *	It is neither judged nor counted once more.
 *
 *	Where nf_conntrack is at work, packets carry its entry instead. Our first
 *	hook comes right before its own.
 *
 * Context
 *	Hooks, in softirq or process context; bottom halves are turned off for
 *	the tracker's part. netfilter holds the RCU read lock. Locks: see
 *	ct_flow.h. Nothing here sleeps or drops a packet but for want of room.
 */
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>

#include "ct_bridge.h"
#include "ct_compat.h"
#include "ct_core.h"
#include "ct_expire.h"
#include "ct_explain.h"
#include "ct_find.h"
#include "ct_hash.h"
#include "ct_nfct.h"
#include "ct_packet.h"
#include "ct_pending.h"
#include "ct_proto.h"
#include "ct_translate.h"
#include "ct_tuple.h"

/**
 * struct answer - what a packet turned out to be
 * @info: to its flow
 * @kind: what is left to do for it
 * @bound: we translate its flow: the rest means something
 * @oif: interface that it may leave by, 0 for any
 * @orig: what the packet was, or the one that it quotes
 * @to: what that becomes
 */
struct answer {
	enum ct_info info;
	enum ct_pending_kind kind;
	bool bound;
	int oif;
	struct ct_tuple orig;
	struct ct_tuple to;
};

/* Flows that exist */

/* Do listeners want to hear of a change of the protocol's state? */
static u32 core_move_state(struct ct_flow *flow, const struct ct_pkt *pkt,
			   const struct ct_judgement *j)
{
	bool is_news = pkt->proto->has_phase &&
		       flow->state.phase != j->next.phase;

	flow->state = j->next;
	return is_news ? BIT(IPCT_PROTOINFO) : 0;
}

static __always_inline void core_apply(struct ct_flow *flow,
				       const struct ct_pkt *pkt,
				       enum ip_conntrack_dir dir,
				       const struct ct_judgement *j)
{
	u32 news = 0, status = flow->status | j->status;

	if (dir == IP_CT_DIR_REPLY)
		status |= IPS_SEEN_REPLY;
	if (unlikely(status != flow->status)) {
		news |= ct_event_of_status(status ^ flow->status);
		ct_flow_set_status(flow, pkt->cnet, status);
	}
	if (!j->stays)
		news |= core_move_state(flow, pkt, j);
	ct_flow_count(flow, dir, pkt->len);
	ct_flow_refresh(flow, pkt->now + j->timeout);
	if (unlikely(news))
		ct_event_move(flow, pkt->cnet, news);
}

/* The flow's lock is held. What becomes of its packets of that direction? */
static noinline void take_binding(const struct ct_flow *flow,
				  enum ip_conntrack_dir dir,
				  struct answer *answer)
{
	struct ct_tuple reply;

	ct_flow_tuple(flow, dir, &answer->orig);
	ct_flow_tuple(flow, !dir, &reply);
	answer->bound = ct_tuple_invert(&answer->to, &reply);
	answer->oif = dir == IP_CT_DIR_ORIGINAL ? ct_flow_oif(flow) : 0;
}

/*
 * Judge a packet of a flow. Takes over the flow's lock. Returns false if the
 * flow is over and the packet begins another. A flow that is over with the
 * packet stays until the packet's last hook: rules may ask.
 */
static __always_inline bool
core_update_unlock(struct ct_flow *flow, const struct ct_pkt *pkt,
		   enum ip_conntrack_dir dir, struct answer *answer,
		   enum ct_reason *reason)
{
	struct ct_judgement j CT_UNINIT;

	if (ct_left(flow->expires, pkt->now) <= 0) {
		ct_flow_end_unlock(flow, CT_ENDED_TIMEOUT);
		return false;
	}
	ct_proto_judge(flow, pkt, dir, &j);
	*reason = CT_R_OK;
	if (unlikely(flow->status & CT_FLOW_BOUND) && j.verdict != CT_RENEW)
		take_binding(flow, dir, answer);
	switch (j.verdict) {
	case CT_RENEW:
		ct_flow_end_unlock(flow, CT_ENDED_RENEWED);
		return false;
	case CT_REFUSE:
		*reason = j.reason;
		if (!j.stays)
			flow->state = j.next;
		break;
	case CT_END:
		if (!j.stays)
			flow->state = j.next;
		ct_flow_count(flow, dir, pkt->len);
		ct_flow_refresh(flow, pkt->now + j.timeout);
		answer->kind = CT_PENDING_LAST;
		answer->info = ct_info_of(flow, dir);
		break;
	case CT_ACCEPT:
		core_apply(flow, pkt, dir, &j);
		answer->info = ct_info_of(flow, dir);
		break;
	case CT_LEARN:
		flow->state = j.next;
		fallthrough;
	case CT_PASS:
		ct_flow_count(flow, dir, pkt->len);
		answer->info = ct_info_of(flow, dir);
		break;
	}
	ct_flow_unlock(flow);
	return true;
}

/* Returns false if the packet, which is or was @tuple, has no flow. */
static __always_inline bool core_update(const struct ct_pkt *pkt,
					const struct ct_tuple *tuple,
					struct answer *answer,
					enum ct_reason *reason)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;

	flow = ct_find_packet(pkt, tuple, &dir);
	if (!flow || !core_update_unlock(flow, pkt, dir, answer, reason))
		return false;
	ct_stat_inc(pkt->cnet, found);
	return true;
}

/* First hook */

static noinline enum ct_reason core_track_error(const struct ct_pkt *pkt,
						unsigned int offset,
						struct answer *answer)
{
	enum ct_reason reason;
	struct ct_flow *flow;

	reason = ct_packet_relate(pkt, offset, &flow, &answer->info);
	if (!reason) {
		/* It quotes a packet that went the other way. */
		if (flow->status & CT_FLOW_BOUND)
			take_binding(flow, !ct_info_dir(answer->info), answer);
		ct_flow_unlock(flow);
		return CT_R_OK;
	}
	answer->info = CT_INFO_INVALID;
	/* This host's word on a packet that was not tracked */
	if (reason == CT_R_ICMP_NO_FLOW && pkt->hook == NF_INET_LOCAL_OUT)
		return CT_R_UNTRACKED;
	ct_stat_inc(pkt->cnet, icmp_error);
	return reason;
}

/* The first packet of a flow? */
static noinline enum ct_reason core_track_first(const struct ct_pkt *pkt,
						struct answer *answer)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(NULL, pkt, IP_CT_DIR_ORIGINAL, &j);
	if (j.verdict == CT_REFUSE)
		return j.reason;
	answer->kind = CT_PENDING_FIRST;
	answer->info = CT_INFO_NEW;
	ct_trace_new(pkt);
	return CT_R_OK;
}

static __always_inline enum ct_reason core_track(const struct ct_pkt *pkt,
						 struct answer *answer)
{
	enum ct_reason reason;
	unsigned int offset;

	offset = ct_proto_quote(pkt);
	if (unlikely(offset))
		return core_track_error(pkt, offset, answer);
	if (likely(core_update(pkt, &pkt->tuple, answer, &reason)))
		return reason;
	return core_track_first(pkt, answer);
}

/*
 * What rules said before the first hook stays with the packet: its zone is asked for
 * by those that come later.
 */
static noinline void core_take_early(struct ct_pkt *pkt)
{
	struct ct_pending *p = ct_pending_of(pkt->skb);
	struct ct_tmpl note CT_UNINIT;
	struct ct_nfct nfct CT_UNINIT;

	if (!p) {
		ct_nfct_read(pkt, &nfct);	/* its rules', maybe */
		return;
	}
	ct_pending_tmpl(p, &note);
	ct_packet_zone(pkt, &note);
}

/* Nothing is known of a packet yet. */
static void answer_begin(struct answer *answer)
{
	answer->kind = CT_PENDING_NONE;
	answer->info = CT_INFO_INVALID;
	answer->bound = false;
}

/* What rules said early, of a packet that begins a flow, beside nf_conntrack */
static void say_again(struct ct_tmpl *note, const void *arg)
{
	*note = *(const struct ct_tmpl *)arg;
}

/*
 * A first packet whose reference is nf_conntrack's, or will be: what was said of one
 * before it is forgotten, but not what was said of itself.
 */
static noinline void core_begin_beside(const struct ct_pkt *pkt)
{
	struct ct_pending *p = ct_pending_of(pkt->skb);
	struct ct_tmpl note CT_UNINIT;

	if (ct_said_any(pkt->cnet))
		ct_said_forget(pkt->cnet, &pkt->tuple);
	if (!p)
		return;
	ct_pending_tmpl(p, &note);
	if (note.has & ~CT_TMPL_ZONE)
		ct_said_edit(pkt->cnet, &pkt->tuple, say_again, &note);
}

/*
 * nf_conntrack takes an ICMP packet that has a number in the place of an entry for one
 * that it has dealt with. A template it takes out.
 */
static bool needs_template(const struct ct_pkt *pkt)
{
	return ct_pending_is_beside() &&
	       (pkt->tuple.protonum == IPPROTO_ICMP ||
		pkt->tuple.protonum == IPPROTO_ICMPV6);
}

/* The answer, and what is left to do */
static void core_carry_pending(const struct ct_pkt *pkt, struct ct_pending *p,
			       const struct answer *answer)
{
	if (p) {	/* was early */
		WRITE_ONCE(p->nfct.status, ct_pending_status_in(pkt->cnet));
		WRITE_ONCE(p->kind, answer->kind);
		ct_pending_refer(pkt->skb, p, answer->info);
	} else {
		p = ct_pending_attach(pkt->cnet, pkt->skb, answer->info,
				      answer->kind);
		if (!p) {
			ct_pending_lose(pkt->cnet, pkt->skb, answer->info);
			return;
		}
	}
	p->orig = answer->bound ? answer->orig : pkt->tuple;
	if (answer->bound) {
		p->bind.to = answer->to;
		ct_pending_bind(p, answer->oif);
	}
	ct_nfct_fill(p, ct_info_dir(answer->info));
}

/* Where we translate no answer is forgotten: nobody could work it out again. */
static bool core_may_carry(const struct ct_pkt *pkt)
{
	return READ_ONCE(pkt->cnet->nat_lost) || ct_skb_may_carry();
}

/*
 * An entry or a template of nf_conntrack stays: its hook knows it. But where we may have
 * to translate the packet it goes: who gave it that, as tc's action ct does to what
 * comes in, has done with it.
 */
static bool core_makes_room(const struct ct_pkt *pkt,
			    const struct answer *answer)
{
	if (!READ_ONCE(pkt->cnet->nat_lost) ||
	    !(answer->bound || answer->kind == CT_PENDING_FIRST))
		return false;
	nf_reset_ct(pkt->skb);
	return true;
}

/* The packet carries the answer from here on. */
static void core_carry(const struct ct_pkt *pkt, const struct answer *answer)
{
	struct ct_pending *p = ct_pending_of(pkt->skb);

	if (ct_pending_is_beside() && answer->kind == CT_PENDING_FIRST)
		core_begin_beside(pkt);
	if (!p && ct_skb_has_pointer(pkt->skb) && !core_makes_room(pkt, answer))
		return;
	if (!core_may_carry(pkt))
		return;
	if (answer->bound ||
	    (ct_info_has_flow(answer->info) &&
	     (p || answer->kind || needs_template(pkt))))
		core_carry_pending(pkt, p, answer);
	else if (p)
		ct_pending_detach(pkt->skb, p, answer->info);
	else if (answer->info == CT_INFO_UNTRACKED || !needs_template(pkt))
		skb_set_nfct(pkt->skb, answer->info);
}

/* It has been read and, unless there is a reason against it, tracked. */
static __always_inline void core_note_down(const struct ct_pkt *pkt,
					   enum ct_reason reason,
					   struct answer *answer,
					   const struct nf_hook_state *state)
{
	if (unlikely(reason))
		ct_refuse(pkt, reason, state);
	core_carry(pkt, answer);
}

static __always_inline enum ct_reason
core_read_and_track(struct ct_pkt *pkt, struct sk_buff *skb,
		    const struct nf_hook_state *state, struct answer *answer)
{
	enum ct_reason reason;

	reason = ct_tuple_read(pkt, skb, state->pf, state->hook);
	if (unlikely(skb_get_nfct(skb)))
		core_take_early(pkt);
	if (likely(!reason))
		return core_track(pkt, answer);
	if (reason == CT_R_UNTRACKED)
		answer->info = CT_INFO_UNTRACKED;
	return reason;
}

/*
 * An entry of nf_conntrack on a packet that comes in from a wire may be from before
 * our first hook: tc's action ct gives it one, and so do bridges.
 */
static bool comes_back(const struct sk_buff *skb, const struct ct_net *cnet,
		       const struct nf_hook_state *state)
{
	const struct net_device *in = state->in;

	return state->hook != NF_INET_PRE_ROUTING || !in ||
	       skb->pkt_type == PACKET_LOOPBACK || in->flags & IFF_LOOPBACK ||
	       netif_is_l3_master(in) ||
	       (ct_is_bridged(cnet) && netif_is_bridge_master(in));
}

/* Has the packet been here already? */
static bool is_seen(const struct sk_buff *skb, const struct ct_net *cnet,
		    const struct nf_hook_state *state)
{
	return ct_skb_info(skb) ||
	       (ct_nfct_has_seen(skb) && comes_back(skb, cnet, state));
}

/**
 * ct_core_first() - first hook
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT.
 */
unsigned int ct_core_first(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	struct answer answer CT_UNINIT;
	enum ct_reason reason;
	struct ct_pkt pkt CT_UNINIT;
	bool were_on;

	pkt.cnet = priv;
	were_on = ct_bh_off();
	if (unlikely(ct_packet_is_untracked(skb))) {
		ct_stat_inc(pkt.cnet, ignore);
	} else if (likely(!is_seen(skb, pkt.cnet, state))) {
		answer_begin(&answer);
		reason = core_read_and_track(&pkt, skb, state, &answer);
		core_note_down(&pkt, reason, &answer, state);
	}
	ct_bh_on(were_on);
	return NF_ACCEPT;
}
EXPORT_SYMBOL_CT(ct_core_first);

/**
 * ct_core_found_unlock() - first hook, of a packet whose flow was found
 * @pkt: the packet, read
 * @reason: why it is not to be tracked, or CT_R_OK
 * @flow: its flow, alive, its lock held; unlocked here
 * @dir: its direction
 * @state: the hook
 *
 * Context: hook, RCU read-side section, bottom halves off.
 */
void ct_core_found_unlock(const struct ct_pkt *pkt, enum ct_reason reason,
			  struct ct_flow *flow, enum ip_conntrack_dir dir,
			  const struct nf_hook_state *state)
{
	struct answer answer CT_UNINIT;

	answer_begin(&answer);
	if (unlikely(reason))
		ct_flow_unlock(flow);
	else if (likely(core_update_unlock(flow, pkt, dir, &answer, &reason)))
		ct_stat_inc(pkt->cnet, found);
	else
		reason = core_track_first(pkt, &answer);
	core_note_down(pkt, reason, &answer, state);
}

/**
 * ct_core_new() - first hook, of a packet that has no flow
 * @pkt: the packet, read
 * @reason: why it is not to be tracked, or CT_R_OK
 * @state: the hook
 *
 * Context: hook, RCU read-side section, bottom halves off.
 */
void ct_core_new(const struct ct_pkt *pkt, enum ct_reason reason,
		 const struct nf_hook_state *state)
{
	struct answer answer CT_UNINIT;

	answer_begin(&answer);
	if (likely(!reason))
		reason = core_track_first(pkt, &answer);
	core_note_down(pkt, reason, &answer, state);
}

/**
 * ct_core_join() - apply a packet to a flow that it was not known to have
 * @pkt: the packet
 * @tuple: what it was before translation
 * @reason: set to why its flow refuses it, or CT_R_OK
 * @to: set to what the packet has to become where we translate its flow; else its
 *	family is NFPROTO_UNSPEC
 *
 * Context: hook, RCU read-side section, bottom halves off.
 *
 * Return: false if it has no flow.
 */
noinline bool ct_core_join(const struct ct_pkt *pkt,
			   const struct ct_tuple *tuple,
			   enum ct_reason *reason, struct ct_tuple *to)
{
	struct answer answer CT_UNINIT;

	answer_begin(&answer);
	to->family = NFPROTO_UNSPEC;
	if (!core_update(pkt, tuple, &answer, reason))
		return false;
	if (answer.bound)
		*to = answer.to;
	return true;
}
