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
 *	Last hook (LOCAL_IN, POST_ROUTING, behind everything): a packet that is
 *	the first of a flow, and that the rules in between let pass, becomes
 *	one. What it looks like now, inverted, is the reply direction: so
 *	whoever translated it, the table shows it. With any other packet that
 *	carries an answer nothing is left to do.
 *
 *	A packet that carries an answer has been seen, wherever it meets a first
 *	hook again: over loopback, from a bridge, sent on by IPVS, or as a clone.
 *	It is neither judged nor counted once more.
 *
 *	Where nf_conntrack is at work, packets carry its entry instead. Our first
 *	hook comes right before its own; the answer is worked out again at the
 *	last hook, from the table and from what that entry says (ct_nfct.c).
 *
 * Context
 *	Hooks, in softirq or process context; bottom halves are turned off for
 *	the tracker's part. netfilter holds the RCU read lock. Locks: see
 *	ct_flow.h. Nothing here sleeps or drops a packet but for want of room.
 */
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>

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
#include "ct_room.h"
#include "ct_translate.h"
#include "ct_tuple.h"

#define CT_INSERT_TRIES	4
#define CT_CHOOSE_TRIES	8	/* sources that are tried for a flow */

const struct ct_translator __rcu *ct_translator;
EXPORT_SYMBOL_CT(ct_translator);

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
static u32 move_state(struct ct_flow *flow, const struct ct_pkt *pkt,
		      const struct ct_judgement *j)
{
	bool is_news = pkt->proto->has_phase &&
		       flow->state.phase != j->next.phase;

	flow->state = j->next;
	return is_news ? BIT(IPCT_PROTOINFO) : 0;
}

static __always_inline void apply(struct ct_flow *flow,
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
		news |= move_state(flow, pkt, j);
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
update_locked(struct ct_flow *flow, const struct ct_pkt *pkt,
	      enum ip_conntrack_dir dir, struct answer *answer,
	      enum ct_reason *reason)
{
	struct ct_judgement j CT_UNINIT;

	if (ct_left(flow->expires, pkt->now) <= 0) {
		ct_flow_end(flow, CT_ENDED_TIMEOUT);
		return false;
	}
	ct_proto_judge(flow, pkt, dir, &j);
	*reason = CT_R_OK;
	if (unlikely(flow->status & CT_FLOW_BOUND) && j.verdict != CT_RENEW)
		take_binding(flow, dir, answer);
	switch (j.verdict) {
	case CT_RENEW:
		ct_flow_end(flow, CT_ENDED_RENEWED);
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
		apply(flow, pkt, dir, &j);
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
static __always_inline bool update(const struct ct_pkt *pkt,
				   const struct ct_tuple *tuple,
				   struct answer *answer,
				   enum ct_reason *reason)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;

	flow = ct_find_packet(pkt, tuple, &dir);
	if (!flow || !update_locked(flow, pkt, dir, answer, reason))
		return false;
	ct_stat_inc(pkt->cnet, found);
	return true;
}

/* First hook */

static noinline enum ct_reason track_error(const struct ct_pkt *pkt,
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
static noinline enum ct_reason track_first(const struct ct_pkt *pkt,
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

static __always_inline enum ct_reason track(const struct ct_pkt *pkt,
					    struct answer *answer)
{
	enum ct_reason reason;
	unsigned int offset;

	offset = ct_proto_quote(pkt);
	if (unlikely(offset))
		return track_error(pkt, offset, answer);
	if (likely(update(pkt, &pkt->tuple, answer, &reason)))
		return reason;
	return track_first(pkt, answer);
}

/*
 * What rules said before the first hook stays with the packet: its zone is asked for
 * by those that come later.
 */
static noinline void take_early(struct ct_pkt *pkt)
{
	struct ct_pending *p = ct_pending_of(pkt->skb);
	struct ct_note note CT_UNINIT;
	struct ct_nfct nfct CT_UNINIT;

	if (!p) {
		ct_nfct_read(pkt, &nfct);	/* its rules', maybe */
		return;
	}
	ct_pending_note(p, &note);
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
static void say_again(struct ct_note *note, const void *arg)
{
	*note = *(const struct ct_note *)arg;
}

/*
 * A first packet whose reference is nf_conntrack's, or will be: what was said of one
 * before it is forgotten, but not what was said of itself.
 */
static noinline void begin_beside(const struct ct_pkt *pkt)
{
	struct ct_pending *p = ct_pending_of(pkt->skb);
	struct ct_note note CT_UNINIT;

	if (ct_said_any(pkt->cnet))
		ct_said_forget(pkt->cnet, &pkt->tuple);
	if (!p)
		return;
	ct_pending_note(p, &note);
	if (note.has & ~CT_NOTE_ZONE)
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
static void carry_pending(const struct ct_pkt *pkt, struct ct_pending *p,
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
static bool may_carry(const struct ct_pkt *pkt)
{
	return READ_ONCE(pkt->cnet->nat_lost) || ct_skb_may_carry();
}

/* The packet carries the answer from here on. */
static void carry(const struct ct_pkt *pkt, const struct answer *answer)
{
	struct ct_pending *p = ct_pending_of(pkt->skb);

	if (ct_pending_is_beside() && answer->kind == CT_PENDING_FIRST)
		begin_beside(pkt);
	/* An entry or a template of nf_conntrack stays: its hook knows it. */
	if ((!p && ct_skb_has_pointer(pkt->skb)) || !may_carry(pkt))
		return;
	if (answer->bound ||
	    (ct_info_has_flow(answer->info) &&
	     (p || answer->kind || needs_template(pkt))))
		carry_pending(pkt, p, answer);
	else if (p)
		ct_pending_detach(pkt->skb, p, answer->info);
	else if (answer->info == CT_INFO_UNTRACKED || !needs_template(pkt))
		skb_set_nfct(pkt->skb, answer->info);
}

/* It has been read and, unless there is a reason against it, tracked. */
static __always_inline void note_down(const struct ct_pkt *pkt,
				      enum ct_reason reason,
				      struct answer *answer,
				      const struct nf_hook_state *state)
{
	if (unlikely(reason))
		ct_refuse(pkt, reason, state);
	carry(pkt, answer);
}

static __always_inline enum ct_reason
read_and_track(struct ct_pkt *pkt, struct sk_buff *skb,
	       const struct nf_hook_state *state, struct answer *answer)
{
	enum ct_reason reason;

	reason = ct_tuple_read(pkt, skb, state->pf, state->hook);
	if (unlikely(skb_get_nfct(skb)))
		take_early(pkt);
	if (likely(!reason))
		return track(pkt, answer);
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
	       (READ_ONCE(cnet->bridged) && netif_is_bridge_master(in));
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
		reason = read_and_track(&pkt, skb, state, &answer);
		note_down(&pkt, reason, &answer, state);
	}
	ct_bh_on(were_on);
	return NF_ACCEPT;
}

/**
 * ct_core_found() - first hook, of a packet whose flow was found
 * @pkt: the packet, read
 * @reason: why it is not to be tracked, or CT_R_OK
 * @flow: its flow, alive, its lock held; unlocked here
 * @dir: its direction
 * @state: the hook
 *
 * Context: hook, RCU read-side section, bottom halves off.
 */
void ct_core_found(const struct ct_pkt *pkt, enum ct_reason reason,
		   struct ct_flow *flow, enum ip_conntrack_dir dir,
		   const struct nf_hook_state *state)
{
	struct answer answer CT_UNINIT;

	answer_begin(&answer);
	if (unlikely(reason))
		ct_flow_unlock(flow);
	else if (likely(update_locked(flow, pkt, dir, &answer, &reason)))
		ct_stat_inc(pkt->cnet, found);
	else
		reason = track_first(pkt, &answer);
	note_down(pkt, reason, &answer, state);
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
		reason = track_first(pkt, &answer);
	note_down(pkt, reason, &answer, state);
}

/* Last hook */

/**
 * struct birth - a flow about to be made
 * @orig: its original direction, before translation
 * @orig_id: the same
 * @reply_id: its reply direction, if it has a node of its own
 * @alias: has it? It is translated, or in another zone
 * @beside: nf_conntrack knows what it was: nf_nat may have translated it
 * @p: what the packet refers to, where we may translate it, or %NULL
 * @note: what rules said of the packet
 */
struct birth {
	struct ct_tuple orig;
	struct ct_id orig_id;
	struct ct_id reply_id;
	bool alias;
	bool beside;
	struct ct_pending *p;
	struct ct_note note;
};

/* Did our rules translate the packet? */
static bool is_bound(const struct birth *birth)
{
	return birth->p && birth->p->bind.flags & CT_BIND_TO;
}

static int bound_oif(const struct ct_pending *p)
{
	return p->bind.flags & CT_BIND_OIF ? p->bind.oif : 0;
}

static noinline bool prepare_alias(struct birth *birth,
				   const struct ct_pkt *pkt)
{
	struct ct_tuple reply;

	if (!ct_tuple_invert(&reply, &pkt->tuple))
		return false;
	reply.zone = pkt->zone[IP_CT_DIR_REPLY];
	ct_tuple_identify(&reply, pkt->cnet, &birth->reply_id);
	return true;
}

static __always_inline bool prepare(struct birth *birth,
				    const struct ct_pkt *pkt)
{
	ct_identify_again(&birth->orig, pkt, &birth->orig_id);
	birth->alias = !ct_tuple_equal(&birth->orig, &pkt->tuple) ||
		       pkt->zone[0] != pkt->zone[1];
	return likely(!birth->alias) || prepare_alias(birth, pkt);
}

/**
 * enum clash - another flow has a place that a new one wants
 * @CLASH_GONE: it has it no more
 * @CLASH_JOINED: it is the same flow, and has the packet now
 * @CLASH_TAKEN: it has it, and keeps it
 * @CLASH_APART: it is the same flow, but the packet was translated otherwise
 */
enum clash {
	CLASH_GONE,
	CLASH_JOINED,
	CLASH_TAKEN,
	CLASH_APART,
};

/* The packet has a flow now. Is it what that flow's packets become? */
static enum clash join(const struct ct_pkt *pkt, const struct birth *birth,
		       const struct answer *answer,
		       const struct nf_hook_state *state)
{
	const struct ct_translator *translator;

	if (!birth->p || (!answer->bound && !is_bound(birth)))
		return CLASH_JOINED;
	translator = rcu_dereference(ct_translator);
	return translator &&
	       translator->join(pkt, answer->bound ? &answer->to : &birth->orig,
				state) ? CLASH_JOINED : CLASH_APART;
}

/*
 * nf_nat gave the rival's place away, in the rival's own zones. It gives no place
 * that nf_conntrack knows of, and from now on what is sent there is translated for
 * the new flow: no packet can be the rival's any more.
 */
static bool is_displaced(const struct ct_flow *rival,
			 const struct ct_pkt *pkt, const struct birth *birth)
{
	struct ct_tuple orig, reply;

	if (!birth->beside)
		return false;
	ct_flow_tuple(rival, IP_CT_DIR_ORIGINAL, &orig);
	ct_flow_tuple(rival, IP_CT_DIR_REPLY, &reply);
	return orig.zone == pkt->zone[IP_CT_DIR_ORIGINAL] &&
	       reply.zone == pkt->zone[IP_CT_DIR_REPLY];
}

/*
 * Another flow has the place. If it is the same one, made by another first packet a
 * moment ago, the packet joins it. A first packet never ends a flow of another, but
 * for one that a translator has ended already.
 */
static noinline enum clash resolve_clash(const struct ct_pkt *pkt,
					 struct birth *birth,
					 const struct nf_hook_state *state)
{
	struct answer answer CT_UNINIT;
	enum ip_conntrack_dir dir;
	enum ct_reason reason;
	struct ct_flow *rival;

	answer_begin(&answer);
	if (update(pkt, &birth->orig, &answer, &reason)) {
		ct_stat_inc(pkt->cnet, raced);
		if (reason)
			ct_refuse(pkt, reason, state);
		return join(pkt, birth, &answer, state);
	}
	/* What looks like its replies may be those of a flow that we translate. */
	if (!birth->alias && (!birth->p || !prepare_alias(birth, pkt)))
		return CLASH_GONE;
	rival = ct_hash_find(pkt->cnet, &birth->reply_id, &dir);
	if (!rival)
		return CLASH_GONE;
	if (is_displaced(rival, pkt, birth)) {
		ct_flow_end(rival, CT_ENDED_DISPLACED);
		return CLASH_GONE;
	}
	ct_flow_unlock(rival);
	return CLASH_TAKEN;
}

/* What rules said of the packet. Returns false if there is no memory. */
static bool take_note(struct ct_flow *flow, const struct ct_note *note)
{
	struct ct_ext *ext;

	if (note->has & CT_NOTE_MARK)
		flow->mark = note->mark;
	if (!(note->has & (CT_NOTE_LABELS | CT_NOTE_EVENTS)))
		return true;
	ext = ct_flow_ext(flow);
	if (!ext)
		return false;
	if (note->has & CT_NOTE_EVENTS)
		ext->events = note->events;
	if (note->has & CT_NOTE_LABELS) {
		memcpy(ext->labels, note->labels, sizeof(ext->labels));
		ext->has_labels = true;
	}
	return true;
}

/* A flow, private yet, or an error pointer. */
static struct ct_flow *conceive(const struct ct_pkt *pkt,
				const struct birth *birth,
				const struct ct_judgement *j)
{
	struct ct_flow *flow;
	u32 status = j->status;

	flow = ct_flow_create(pkt->cnet, &birth->orig_id,
			      birth->alias ? &birth->reply_id : NULL);
	if (IS_ERR(flow))
		return flow;
	flow->state = j->next;
	if (unlikely(birth->alias))
		status |= ct_packet_nat_status(&birth->orig, &pkt->tuple);
	if (unlikely(birth->alias && is_bound(birth))) {
		status |= CT_FLOW_BOUND | IPS_NAT_DONE_MASK;
		ct_flow_alias(flow)->oif = bound_oif(birth->p);
	}
	ct_flow_prepare(flow, pkt->now + j->timeout, status);
	ct_flow_count(flow, IP_CT_DIR_ORIGINAL, pkt->len);
	if (unlikely(birth->note.has) && !take_note(flow, &birth->note)) {
		ct_flow_discard(flow);
		return ERR_PTR(-ENOMEM);
	}
	return flow;
}

/**
 * ct_core_no_flow() - a packet's flow could not be made
 * @cnet: its namespace
 * @err: what ct_flow_create() said
 *
 * Context: bottom halves off.
 *
 * Return: what becomes of the packet.
 */
noinline unsigned int ct_core_no_flow(struct ct_net *cnet, int err)
{
	if (err == -EXFULL)
		return NF_ACCEPT;	/* the policy is to let it pass */
	ct_stat_inc(cnet, drop);
	return NF_DROP;
}

/* Its replies could not be told from those of the flow that is there. */
static unsigned int refuse_birth(const struct ct_pkt *pkt,
				 const struct nf_hook_state *state)
{
	ct_stat_inc(pkt->cnet, insert_failed);
	ct_refuse(pkt, CT_R_TAKEN, state);
	return NF_DROP;
}

/*
 * What is translated and gets no flow would be answered to somebody else, or not at
 * all: it does not pass.
 */
static unsigned int try_birth(const struct ct_pkt *pkt, struct birth *birth,
			      const struct ct_judgement *j,
			      const struct nf_hook_state *state,
			      enum clash *clash)
{
	struct ct_net *cnet = pkt->cnet;
	struct ct_flow *flow;
	int tries;

	*clash = CLASH_GONE;
	flow = conceive(pkt, birth, j);
	if (IS_ERR(flow))
		return ct_core_no_flow(cnet, PTR_ERR(flow)) == NF_DROP ||
		       is_bound(birth) ? NF_DROP : NF_ACCEPT;
	for (tries = 0; tries < CT_INSERT_TRIES && !*clash; tries++) {
		if (ct_hash_insert(cnet, flow)) {
			ct_core_born(cnet, flow, birth->orig_id.hash);
			*clash = CLASH_JOINED;
			return NF_ACCEPT;
		}
		*clash = resolve_clash(pkt, birth, state);
	}
	ct_flow_discard(flow);
	if (*clash == CLASH_JOINED)
		return NF_ACCEPT;
	if (*clash == CLASH_GONE)
		ct_stat_inc(cnet, insert_failed);
	return *clash != CLASH_GONE || is_bound(birth) ? NF_DROP : NF_ACCEPT;
}

/* Replies to the packet would be another flow's: can it have another source? */
static bool choose_again(struct ct_pkt *pkt, struct birth *birth,
			 const struct nf_hook_state *state)
{
	const struct ct_translator *translator = rcu_dereference(ct_translator);

	return birth->p && translator &&
	       translator->again(pkt, birth->p, state);
}

static unsigned int give_birth(struct ct_pkt *pkt, struct birth *birth,
			       const struct ct_judgement *j,
			       const struct nf_hook_state *state)
{
	unsigned int verdict;
	enum clash clash;
	int tries;

	for (tries = 0; tries < CT_CHOOSE_TRIES; tries++) {
		verdict = try_birth(pkt, birth, j, state, &clash);
		if (clash != CLASH_TAKEN)
			return verdict;
		if (!choose_again(pkt, birth, state) || !prepare(birth, pkt))
			break;
	}
	return refuse_birth(pkt, state);
}

/* Does the packet, as it is now, begin a flow? Then make it. */
static unsigned int begin(struct ct_pkt *pkt, struct birth *birth,
			  const struct nf_hook_state *state)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(NULL, pkt, IP_CT_DIR_ORIGINAL, &j);
	if (j.verdict == CT_REFUSE || !prepare(birth, pkt))
		return NF_ACCEPT;
	return give_birth(pkt, birth, &j, state);
}

/* The packet has been applied to its flow. Was it the last of it? */
static void leave(struct ct_flow *flow, const struct ct_pkt *pkt,
		  enum ip_conntrack_dir dir)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(flow, pkt, dir, &j);
	if (j.verdict == CT_END)
		ct_flow_end(flow, CT_ENDED_RESET);
	else
		ct_flow_unlock(flow);
}

/* Will this packet come by again? */
static bool comes_again(const struct sk_buff *skb, const struct ct_net *cnet,
			const struct nf_hook_state *state)
{
	return ct_packet_comes_again(state) ||
	       ct_bridge_will_see(cnet, skb, state);
}

/* A first packet. Clones of it, and what answers it, learn that it has a flow. */
static unsigned int confirm_first(struct ct_pkt *pkt, struct ct_pending *p,
				  const struct nf_hook_state *state)
{
	struct birth birth CT_UNINIT;

	birth.orig = p->orig;
	birth.beside = false;
	birth.p = READ_ONCE(pkt->cnet->nat_lost) ? p : NULL;
	ct_pending_note(p, &birth.note);
	ct_packet_zone(pkt, &birth.note);
	return begin(pkt, &birth, state);
}

static void confirm_last(struct ct_pkt *pkt, struct ct_pending *p)
{
	enum ip_conntrack_dir dir;
	struct ct_note note CT_UNINIT;
	struct ct_flow *flow;

	ct_pending_note(p, &note);
	ct_packet_zone(pkt, &note);
	flow = ct_packet_find(pkt, &p->orig, &dir);
	if (flow)
		leave(flow, pkt, dir);
}

/* The packet carries an answer, and something may be left to do. */
static unsigned int finish(struct sk_buff *skb, struct ct_pending *p,
			   struct ct_net *cnet,
			   const struct nf_hook_state *state)
{
	bool again = comes_again(skb, cnet, state);
	unsigned int verdict = NF_ACCEPT;
	enum ct_pending_kind kind;
	struct ct_pkt pkt CT_UNINIT;

	if (again && READ_ONCE(p->kind) == CT_PENDING_LAST)
		return NF_ACCEPT;
	pkt.cnet = cnet;
	/* An answer to a first packet refers to it, and is none itself. */
	if (!ct_info_is_related(ct_skb_info(skb)) && READ_ONCE(p->kind) &&
	    !ct_tuple_read(&pkt, skb, state->pf, state->hook)) {
		kind = ct_pending_claim(p);
		if (kind == CT_PENDING_FIRST)
			verdict = confirm_first(&pkt, p, state);
		else if (kind == CT_PENDING_LAST)
			confirm_last(&pkt, p);
	}
	if (!again)	/* its zone is asked for by rules that come yet */
		ct_pending_detach(skb, p, ct_skb_info(skb));
	return verdict;
}

/*
 * Does a packet of a flow now leave with other numbers than it used to? nf_nat's
 * choice stays as it is for as long as nf_conntrack knows the connection, so to it
 * this is another one: an address or a rule has changed.
 */
static bool has_moved(const struct ct_flow *flow, const struct ct_pkt *pkt,
		      const struct ct_nfct *nfct, enum ip_conntrack_dir dir)
{
	struct ct_tuple reply, now;

	if (nfct->says != CT_NFCT_PACKET || !nfct->is_new ||
	    dir != IP_CT_DIR_ORIGINAL || !ct_tuple_invert(&now, &pkt->tuple))
		return false;
	ct_flow_tuple(flow, IP_CT_DIR_REPLY, &reply);
	now.zone = reply.zone;
	return !ct_tuple_equal(&reply, &now);
}

/* What rules said of it, before it met the tracker and after */
static void collect_notes(struct ct_pkt *pkt, struct birth *birth)
{
	struct ct_note said;

	if (ct_said_any(pkt->cnet) &&
	    ct_said_get(pkt->cnet, &birth->orig, &said))
		birth->note = said;
	else
		birth->note.has &= ~CT_NOTE_ZONE;
}

/* The packet carries no answer: it is worked out now. */
static noinline unsigned int look_again(struct sk_buff *skb,
					struct ct_net *cnet,
					const struct nf_hook_state *state)
{
	struct birth birth CT_UNINIT;
	struct ct_nfct nfct CT_UNINIT;
	enum ip_conntrack_dir dir;
	struct ct_pkt pkt CT_UNINIT;
	struct ct_flow *flow;
	unsigned int verdict;

	ct_stat_inc(cnet, looked_again);
	pkt.cnet = cnet;
	if (ct_tuple_read(&pkt, skb, state->pf, ct_packet_first_hook(skb)) ||
	    ct_proto_quote(&pkt))
		return NF_ACCEPT;	/* was noted at the first hook */
	ct_packet_known(&pkt, &birth.note, &nfct);
	if (nfct.says == CT_NFCT_ABOUT)
		return NF_ACCEPT;
	birth.beside = nfct.says == CT_NFCT_PACKET;
	birth.p = NULL;
	birth.orig = birth.beside ? nfct.tuple : pkt.tuple;
	flow = ct_packet_find(&pkt, &birth.orig, &dir);
	if (flow && !has_moved(flow, &pkt, &nfct, dir)) {
		if (comes_again(skb, cnet, state))
			ct_flow_unlock(flow);
		else
			leave(flow, &pkt, dir);
		return NF_ACCEPT;
	}
	if (flow)
		ct_flow_end(flow, CT_ENDED_RENEWED);
	birth.orig.zone = pkt.zone[IP_CT_DIR_ORIGINAL];
	collect_notes(&pkt, &birth);
	verdict = begin(&pkt, &birth, state);
	if (ct_said_any(cnet))
		ct_said_forget(cnet, &birth.orig);
	return verdict;
}

/**
 * ct_core_last() - last hook
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * A packet that is sent to a VRF comes to its real device's POST_ROUTING yet, or in
 * again.
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT; %NF_DROP if there is no room for its flow.
 */
unsigned int ct_core_last(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	struct ct_pending *p = ct_pending_of(skb);
	unsigned int verdict = NF_ACCEPT;
	bool were_on, has_answer = ct_skb_info(skb);

	if ((has_answer && !p) || ct_packet_is_at_vrf(state))
		return NF_ACCEPT;
	were_on = ct_bh_off();
	if (has_answer) {
		verdict = finish(skb, p, priv, state);
	} else {
		verdict = look_again(skb, priv, state);
		if (p)
			ct_pending_detach(skb, p, CT_INFO_NONE);
	}
	ct_bh_on(were_on);
	return verdict;
}

/*
 * Right before nf_conntrack's, whichever was registered first: what it has an entry
 * for there was given one elsewhere, or comes by once more.
 */
#define CT_PRI_FIRST	(NF_IP_PRI_CONNTRACK - 1)

#define CT_HOOK(_hook, _pf, _num, _priority) {				\
	.hook = _hook,							\
	.pf = NFPROTO_##_pf,						\
	.hooknum = NF_INET_##_num,					\
	.priority = _priority,						\
}

static const struct nf_hook_ops hooks[CT_HOOKS] = {
	CT_HOOK(ct_plain_first4, IPV4, PRE_ROUTING, CT_PRI_FIRST),
	CT_HOOK(ct_plain_first4, IPV4, LOCAL_OUT, CT_PRI_FIRST),
	CT_HOOK(ct_plain_last4, IPV4, LOCAL_IN, NF_IP_PRI_CONNTRACK_CONFIRM),
	CT_HOOK(ct_plain_last4, IPV4, POST_ROUTING,
		NF_IP_PRI_CONNTRACK_CONFIRM),
#if IS_ENABLED(CONFIG_IPV6)
	CT_HOOK(ct_plain_first6, IPV6, PRE_ROUTING, CT_PRI_FIRST),
	CT_HOOK(ct_plain_first6, IPV6, LOCAL_OUT, CT_PRI_FIRST),
	CT_HOOK(ct_plain_last6, IPV6, LOCAL_IN, NF_IP_PRI_CONNTRACK_CONFIRM),
	CT_HOOK(ct_plain_last6, IPV6, POST_ROUTING,
		NF_IP_PRI_CONNTRACK_CONFIRM),
#endif
};

static int defrag_enable(struct net *net)
{
	int err = nf_defrag_ipv4_enable(net);

#if IS_ENABLED(CONFIG_IPV6)
	if (!err) {
		err = nf_defrag_ipv6_enable(net);
		if (err)
			nf_defrag_ipv4_disable(net);
	}
#endif
	return err;
}

static void defrag_disable(struct net *net)
{
#if IS_ENABLED(CONFIG_IPV6)
	nf_defrag_ipv6_disable(net);
#endif
	nf_defrag_ipv4_disable(net);
}

/**
 * ct_core_register() - begin to see the packets of a namespace
 * @net: the namespace, its struct ct_net ready
 *
 * Context: process, sleeps.
 *
 * Return: 0 or an error.
 */
int ct_core_register(struct net *net)
{
	struct ct_net *cnet = ct_net(net);
	int i, err = defrag_enable(net);

	if (err)
		return err;
	for (i = 0; i < CT_HOOKS; i++) {
		cnet->hooks[i] = hooks[i];
		cnet->hooks[i].priv = cnet;
	}
	err = nf_register_net_hooks(net, cnet->hooks, CT_HOOKS);
	if (err)
		defrag_disable(net);
	return err;
}

/**
 * ct_core_unregister() - see no more packets of a namespace
 * @net: the namespace
 *
 * A packet may still be in a hook for an RCU grace period.
 *
 * Context: process, sleeps.
 */
void ct_core_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, ct_net(net)->hooks, CT_HOOKS);
	defrag_disable(net);
}
