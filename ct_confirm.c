// SPDX-License-Identifier: GPL-2.0
/*
 * A packet's way, its end: a first packet becomes a flow.
 *
 * Overview
 *	Last hook (LOCAL_IN, POST_ROUTING, behind everything): a packet that is
 *	the first of a flow, and that the rules in between let pass, becomes
 *	one. What it looks like now, inverted, is the reply direction: so
 *	whoever translated it, the table shows it. With any other packet that
 *	carries an answer nothing is left to do.
 *
 *	Where nf_conntrack is at work, packets carry its entry instead of our answer.
 *	That is worked out again here, from the table and from what that entry says
 *	(ct_nfct.c).
 *
 * Context
 *	Hooks, in softirq or process context; bottom halves are turned off for
 *	the tracker's part. netfilter holds the RCU read lock. Locks: see
 *	ct_flow.h. Nothing here sleeps or drops a packet but for want of room.
 */
#include <linux/module.h>
#include <linux/netfilter.h>

#include "ct_bridge.h"
#include "ct_compat.h"
#include "ct_core.h"
#include "ct_create.h"
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

#define CT_INSERT_TRIES	4
#define CT_CHOOSE_TRIES	8	/* sources that are tried for a flow */

const struct ct_translator __rcu *ct_translator;
EXPORT_SYMBOL_CT(ct_translator);

/**
 * struct new_flow - a flow about to be made
 * @orig: its original direction, before translation
 * @orig_id: the same
 * @reply_id: its reply direction, if it has a node of its own
 * @alias: has it? It is translated, or in another zone
 * @beside: nf_conntrack knows what it was: nf_nat may have translated it
 * @p: what the packet refers to, where we may translate it, or %NULL
 * @note: what rules said of the packet
 */
struct new_flow {
	struct ct_tuple orig;
	struct ct_lookup_key orig_id;
	struct ct_lookup_key reply_id;
	bool alias;
	bool beside;
	struct ct_pending *p;
	struct ct_tmpl note;
};

/* Did our rules translate the packet? */
static bool new_flow_is_bound(const struct new_flow *new)
{
	return new->p && new->p->bind.flags & CT_BIND_TO;
}

static int bound_oif(const struct ct_pending *p)
{
	return p->bind.flags & CT_BIND_OIF ? p->bind.oif : 0;
}

static noinline bool new_flow_alias(struct new_flow *new,
				    const struct ct_pkt *pkt)
{
	struct ct_tuple reply;

	if (!ct_tuple_invert(&reply, &pkt->tuple))
		return false;
	reply.zone = pkt->zone[IP_CT_DIR_REPLY];
	ct_tuple_identify(&reply, pkt->cnet, &new->reply_id);
	return true;
}

static __always_inline bool new_flow_identify(struct new_flow *new,
					      const struct ct_pkt *pkt)
{
	ct_identify_again(&new->orig, pkt, &new->orig_id);
	new->alias = !ct_tuple_equal(&new->orig, &pkt->tuple) ||
		       pkt->zone[0] != pkt->zone[1];
	return likely(!new->alias) || new_flow_alias(new, pkt);
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

/*
 * The packet has a flow now, whose packets become @to. Is it what they become, or can
 * it be made so?
 */
static enum clash clash_join(const struct ct_pkt *pkt, const struct new_flow *new,
			     const struct ct_tuple *to,
			     const struct nf_hook_state *state)
{
	bool bound = to->family != NFPROTO_UNSPEC;
	const struct ct_translator *translator;

	if (!new->p || (!bound && !new_flow_is_bound(new)))
		return CLASH_JOINED;
	translator = rcu_dereference(ct_translator);
	return translator && translator->join(pkt, bound ? to : &new->orig, state) ?
	       CLASH_JOINED : CLASH_APART;
}

/*
 * nf_nat gave the rival's place away, in the rival's own zones. It gives no place
 * that nf_conntrack knows of, and from now on what is sent there is translated for
 * the new flow: no packet can be the rival's any more.
 */
static bool is_displaced(const struct ct_flow *rival,
			 const struct ct_pkt *pkt, const struct new_flow *new)
{
	struct ct_tuple orig, reply;

	if (!new->beside)
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
					 struct new_flow *new,
					 const struct nf_hook_state *state)
{
	struct ct_tuple to CT_UNINIT;
	enum ip_conntrack_dir dir;
	enum ct_reason reason;
	struct ct_flow *rival;

	if (ct_core_join(pkt, &new->orig, &reason, &to)) {
		ct_stat_inc(pkt->cnet, clash);
		if (reason)
			ct_refuse(pkt, reason, state);
		return clash_join(pkt, new, &to, state);
	}
	/* What looks like its replies may be those of a flow that we translate. */
	if (!new->alias && (!new->p || !new_flow_alias(new, pkt)))
		return CLASH_GONE;
	rival = ct_hash_find(pkt->cnet, &new->reply_id, &dir);
	if (!rival)
		return CLASH_GONE;
	if (is_displaced(rival, pkt, new)) {
		ct_flow_end_unlock(rival, CT_ENDED_DISPLACED);
		return CLASH_GONE;
	}
	ct_flow_unlock(rival);
	return CLASH_TAKEN;
}

/* What rules said of the packet. Returns false if there is no memory. */
static bool new_flow_note(struct ct_flow *flow, const struct ct_tmpl *note)
{
	struct ct_ext *ext;

	if (note->has & CT_TMPL_MARK)
		flow->mark = note->mark;
	if (!(note->has & (CT_TMPL_LABELS | CT_TMPL_EVENTS)))
		return true;
	ext = ct_flow_ext(flow);
	if (!ext)
		return false;
	if (note->has & CT_TMPL_EVENTS)
		ext->events = note->events;
	if (note->has & CT_TMPL_LABELS) {
		memcpy(ext->labels, note->labels, sizeof(ext->labels));
		ext->has_labels = true;
	}
	return true;
}

/* A flow, private yet, or an error pointer. */
static struct ct_flow *new_flow_init(const struct ct_pkt *pkt,
				     const struct new_flow *new,
				     const struct ct_judgement *j)
{
	struct ct_flow *flow;
	u32 status = j->status;

	flow = ct_flow_create(pkt->cnet, &new->orig_id,
			      new->alias ? &new->reply_id : NULL);
	if (IS_ERR(flow))
		return flow;
	flow->state = j->next;
	if (unlikely(new->alias))
		status |= ct_packet_nat_status(&new->orig, &pkt->tuple);
	if (unlikely(new->alias && new_flow_is_bound(new))) {
		status |= CT_FLOW_BOUND | IPS_NAT_DONE_MASK;
		ct_flow_alias(flow)->oif = bound_oif(new->p);
	}
	ct_flow_prepare(flow, pkt->now + j->timeout, status);
	ct_flow_count(flow, IP_CT_DIR_ORIGINAL, pkt->len);
	if (unlikely(new->note.has) && !new_flow_note(flow, &new->note)) {
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
static unsigned int new_flow_refuse(const struct ct_pkt *pkt,
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
static noinline unsigned int new_flow_none(const struct ct_pkt *pkt,
					   const struct new_flow *new, int err)
{
	unsigned int verdict = ct_core_no_flow(pkt->cnet, err);

	return new_flow_is_bound(new) ? NF_DROP : verdict;
}

/* Takes over a flow that could not be inserted, and tries on. */
static noinline enum clash new_flow_insist(const struct ct_pkt *pkt,
					   struct new_flow *new,
					   const struct nf_hook_state *state,
					   struct ct_flow *flow)
{
	enum clash clash;
	int tries = 1;

	do {
		clash = resolve_clash(pkt, new, state);
		if (clash || tries++ == CT_INSERT_TRIES) {
			ct_flow_discard(flow);
			return clash;
		}
	} while (!ct_flow_confirm(pkt->cnet, flow, NULL));
	return CLASH_JOINED;
}

/* What becomes of a packet whose flow clashed and could not be inserted */
static noinline unsigned int new_flow_clashed(const struct ct_pkt *pkt,
					      const struct new_flow *new,
					      const struct nf_hook_state *state,
					      enum clash clash)
{
	switch (clash) {
	case CLASH_JOINED:
		return NF_ACCEPT;
	case CLASH_TAKEN:
		return new_flow_refuse(pkt, state);
	case CLASH_GONE:
		ct_stat_inc(pkt->cnet, insert_failed);
		return new_flow_is_bound(new) ? NF_DROP : NF_ACCEPT;
	case CLASH_APART:
		break;
	}
	return NF_DROP;
}

/* Replies to the packet would be another flow's: can it have another source? */
static noinline bool new_flow_choose_again(struct ct_pkt *pkt, struct new_flow *new,
					   const struct nf_hook_state *state)
{
	const struct ct_translator *translator = rcu_dereference(ct_translator);

	return new->p && translator && translator->again(pkt, new->p, state) &&
	       new_flow_identify(new, pkt);
}

static unsigned int new_flow_confirm(struct ct_pkt *pkt, struct new_flow *new,
				     const struct ct_judgement *j,
				     const struct nf_hook_state *state)
{
	struct ct_flow *flow;
	enum clash clash;
	int tries = CT_CHOOSE_TRIES;

	do {
		flow = new_flow_init(pkt, new, j);
		if (IS_ERR(flow))
			return new_flow_none(pkt, new, PTR_ERR(flow));
		if (likely(ct_flow_confirm(pkt->cnet, flow, NULL)))
			return NF_ACCEPT;
		clash = new_flow_insist(pkt, new, state, flow);
	} while (clash == CLASH_TAKEN && --tries &&
		 new_flow_choose_again(pkt, new, state));
	return new_flow_clashed(pkt, new, state, clash);
}

/* Does the packet, as it is now, begin a flow? Then make it. */
static unsigned int confirm_begin(struct ct_pkt *pkt, struct new_flow *new,
				  const struct nf_hook_state *state)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(NULL, pkt, IP_CT_DIR_ORIGINAL, &j);
	if (j.verdict == CT_REFUSE || !new_flow_identify(new, pkt))
		return NF_ACCEPT;
	return new_flow_confirm(pkt, new, &j, state);
}

/* The packet has been applied to its flow. Was it the last of it? */
static void confirm_leave_unlock(struct ct_flow *flow, const struct ct_pkt *pkt,
				 enum ip_conntrack_dir dir)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(flow, pkt, dir, &j);
	if (j.verdict == CT_END)
		ct_flow_end_unlock(flow, CT_ENDED_RESET);
	else
		ct_flow_unlock(flow);
}

/* Will this packet meet one of our hooks again: over loopback, or a bridge's? */
static bool confirm_later(const struct sk_buff *skb, const struct ct_net *cnet,
			  const struct nf_hook_state *state)
{
	return ct_packet_comes_again(state) ||
	       ct_bridge_will_see(cnet, skb, state);
}

/* A first packet. Clones of it, and what answers it, learn that it has a flow. */
static unsigned int confirm_first(struct ct_pkt *pkt, struct ct_pending *p,
				  const struct nf_hook_state *state)
{
	struct new_flow new CT_UNINIT;

	new.orig = p->orig;
	new.beside = false;
	new.p = READ_ONCE(pkt->cnet->nat_lost) ? p : NULL;
	ct_pending_tmpl(p, &new.note);
	ct_packet_zone(pkt, &new.note);
	return confirm_begin(pkt, &new, state);
}

static void confirm_last(struct ct_pkt *pkt, struct ct_pending *p)
{
	enum ip_conntrack_dir dir;
	struct ct_tmpl note CT_UNINIT;
	struct ct_flow *flow;

	ct_pending_tmpl(p, &note);
	ct_packet_zone(pkt, &note);
	flow = ct_packet_find(pkt, &p->orig, &dir);
	if (flow)
		confirm_leave_unlock(flow, pkt, dir);
}

/* The packet carries an answer, and something may be left to do. */
static unsigned int confirm_pending(struct sk_buff *skb, struct ct_pending *p,
				    struct ct_net *cnet,
				    const struct nf_hook_state *state)
{
	bool again = confirm_later(skb, cnet, state);
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
static void new_flow_notes(struct ct_pkt *pkt, struct new_flow *new)
{
	struct ct_tmpl said;

	if (ct_said_any(pkt->cnet) &&
	    ct_said_get(pkt->cnet, &new->orig, &said))
		new->note = said;
	else
		new->note.has &= ~CT_TMPL_ZONE;
}

/* The packet carries no answer: it is worked out now. */
static noinline unsigned int confirm_again(struct sk_buff *skb,
					   struct ct_net *cnet,
					   const struct nf_hook_state *state)
{
	struct new_flow new CT_UNINIT;
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
	ct_packet_known(&pkt, &new.note, &nfct);
	if (nfct.says == CT_NFCT_ABOUT)
		return NF_ACCEPT;
	new.beside = nfct.says == CT_NFCT_PACKET;
	new.p = NULL;
	new.orig = new.beside ? nfct.tuple : pkt.tuple;
	flow = ct_packet_find(&pkt, &new.orig, &dir);
	if (flow && !has_moved(flow, &pkt, &nfct, dir)) {
		if (confirm_later(skb, cnet, state))
			ct_flow_unlock(flow);
		else
			confirm_leave_unlock(flow, &pkt, dir);
		return NF_ACCEPT;
	}
	if (flow)
		ct_flow_end_unlock(flow, CT_ENDED_RENEWED);
	new.orig.zone = pkt.zone[IP_CT_DIR_ORIGINAL];
	new_flow_notes(&pkt, &new);
	verdict = confirm_begin(&pkt, &new, state);
	if (ct_said_any(cnet))
		ct_said_forget(cnet, &new.orig);
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
		verdict = confirm_pending(skb, p, priv, state);
	} else {
		verdict = confirm_again(skb, priv, state);
		if (p)
			ct_pending_detach(skb, p, CT_INFO_NONE);
	}
	ct_bh_on(were_on);
	return verdict;
}
EXPORT_SYMBOL_CT(ct_core_last);
