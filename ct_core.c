// SPDX-License-Identifier: GPL-2.0
/*
 * A packet's way.
 *
 * Overview
 *	First hook (PRE_ROUTING, LOCAL_OUT, behind defragmentation): the packet
 *	is read and its flow looked up. If there is one, the packet is judged
 *	and counted under the flow's lock. If not, the packet is judged as the
 *	first of a flow, and what was read is remembered; nothing is allocated.
 *
 *	Last hook (LOCAL_IN, POST_ROUTING, behind everything): a packet that is
 *	the first of a flow, and that the rules in between let pass, becomes
 *	one. What it looks like now, inverted, is the reply direction: so
 *	whoever translated it, the table shows it.
 *
 *	Nothing is hung on the skb. See ct_memo.c for what happens where a
 *	packet cannot be recognised at its last hook.
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
#include "ct_memo.h"
#include "ct_packet.h"
#include "ct_proto.h"
#include "ct_room.h"
#include "ct_tuple.h"

#define CT_INSERT_TRIES	4

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

/*
 * Judge a packet of a flow. Takes over the flow's lock. Returns false if the
 * flow is over and the packet begins another. A flow that is over with the
 * packet stays until the packet's last hook: rules may ask.
 */
static __always_inline bool
update_locked(struct ct_flow *flow, const struct ct_pkt *pkt,
	      enum ip_conntrack_dir dir, struct ct_memo *memo,
	      enum ct_reason *reason)
{
	struct ct_judgement j CT_UNINIT;

	if (ct_left(flow->expires, pkt->now) <= 0) {
		ct_flow_end(flow, CT_ENDED_TIMEOUT);
		return false;
	}
	ct_proto_judge(flow, pkt, dir, &j);
	*reason = CT_R_OK;
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
		memo->kind = CT_MEMO_END;
		memo->info = ct_info_of(flow, dir);
		break;
	case CT_ACCEPT:
		apply(flow, pkt, dir, &j);
		memo->info = ct_info_of(flow, dir);
		break;
	case CT_LEARN:
		flow->state = j.next;
		fallthrough;
	case CT_PASS:
		ct_flow_count(flow, dir, pkt->len);
		memo->info = ct_info_of(flow, dir);
		break;
	}
	ct_flow_unlock(flow);
	return true;
}

/* Returns false if the packet, which is or was @tuple, has no flow. */
static __always_inline bool update(const struct ct_pkt *pkt,
				   const struct ct_tuple *tuple,
				   struct ct_memo *memo,
				   enum ct_reason *reason)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;

	flow = ct_find_packet(pkt, tuple, &dir);
	if (!flow || !update_locked(flow, pkt, dir, memo, reason))
		return false;
	ct_stat_inc(pkt->cnet, found);
	return true;
}

/* First hook */

static noinline enum ct_reason track_error(const struct ct_pkt *pkt,
					   unsigned int offset,
					   struct ct_memo *memo)
{
	enum ct_reason reason;
	struct ct_flow *flow;
	enum ct_info info;

	reason = ct_packet_relate(pkt, offset, &flow, &info);
	if (!reason) {
		ct_flow_unlock(flow);
		memo->info = info;
		return CT_R_OK;
	}
	/* This host's word on a packet that it did not let become a flow */
	if (reason == CT_R_ICMP_NO_FLOW && pkt->hook == NF_INET_LOCAL_OUT) {
		if (ct_packet_is_own_answer(pkt))
			memo->info = CT_INFO_RELATED_REPLY;
		return CT_R_UNTRACKED;
	}
	ct_stat_inc(pkt->cnet, icmp_error);
	return reason;
}

/* The first packet of a flow? */
static noinline enum ct_reason track_first(const struct ct_pkt *pkt,
					   struct ct_memo *memo)
{
	struct ct_judgement j CT_UNINIT;

	ct_proto_judge(NULL, pkt, IP_CT_DIR_ORIGINAL, &j);
	if (j.verdict == CT_REFUSE) {
		if (!ct_packet_is_own_answer(pkt))
			return j.reason;
		memo->info = CT_INFO_RELATED_REPLY;
		return CT_R_UNTRACKED;
	}
	memo->kind = CT_MEMO_NEW;
	memo->info = CT_INFO_NEW;
	ct_trace_new(pkt);
	return CT_R_OK;
}

static __always_inline enum ct_reason track(const struct ct_pkt *pkt,
					    struct ct_memo *memo)
{
	enum ct_reason reason;
	unsigned int offset;

	offset = ct_proto_quote(pkt);
	if (unlikely(offset))
		return track_error(pkt, offset, memo);
	if (likely(update(pkt, &pkt->tuple, memo, &reason)))
		return reason;
	return track_first(pkt, memo);
}

static noinline void take_early_note(struct ct_pkt *pkt, u32 digest)
{
	struct ct_note note CT_UNINIT;

	if (ct_note_begin(pkt->skb, digest, &note))
		ct_packet_zone(pkt, &note);
}

/* Nothing is known of a packet yet. */
static void memo_begin(struct ct_memo *memo)
{
	memo->kind = CT_MEMO_DONE;
	memo->info = CT_INFO_INVALID;
}

/* A packet could not be read. */
static void memo_unread(struct ct_memo *memo, enum ct_reason reason)
{
	memo->tuple.family = NFPROTO_UNSPEC;
	if (reason == CT_R_UNTRACKED)
		memo->info = CT_INFO_UNTRACKED;
}

/* It has been read and, unless there is a reason against it, tracked. */
static __always_inline void
note_down(const struct ct_pkt *pkt, u32 digest, enum ct_reason reason,
	  struct ct_memo *memo, const struct nf_hook_state *state)
{
	if (unlikely(reason))
		ct_refuse(pkt, reason, state);
	ct_memo_put(pkt->skb, digest, memo);
}

static __always_inline enum ct_reason
read_and_track(struct ct_pkt *pkt, struct sk_buff *skb,
	       const struct nf_hook_state *state, u32 digest,
	       struct ct_memo *memo)
{
	enum ct_reason reason;

	reason = ct_tuple_read(pkt, skb, state->pf, state->hook);
	if (ct_note_any(skb))
		take_early_note(pkt, digest);
	if (likely(!reason)) {
		reason = track(pkt, memo);
		if (unlikely(reason || memo->kind == CT_MEMO_NEW))
			memo->tuple = pkt->tuple;
		return reason;
	}
	memo_unread(memo, reason);
	return reason;
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
	struct ct_memo memo CT_UNINIT;
	enum ct_reason reason;
	struct ct_pkt pkt CT_UNINIT;
	bool were_on;
	u32 digest;

	pkt.cnet = priv;
	if (ct_packet_is_second_pass(state) ||
	    ct_bridge_has_seen(pkt.cnet, state))
		return NF_ACCEPT;
	were_on = ct_bh_off();
	if (unlikely(ct_packet_is_untracked(skb))) {
		ct_stat_inc(pkt.cnet, ignore);
		goto out;
	}
	digest = ct_tuple_digest(skb, state->pf);
	memo_begin(&memo);
	reason = read_and_track(&pkt, skb, state, digest, &memo);
	note_down(&pkt, digest, reason, &memo, state);
out:
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
	struct ct_memo memo CT_UNINIT;

	memo_begin(&memo);
	if (unlikely(reason)) {
		ct_flow_unlock(flow);
		memo_unread(&memo, reason);
	} else {
		if (likely(update_locked(flow, pkt, dir, &memo, &reason)))
			ct_stat_inc(pkt->cnet, found);
		else
			reason = track_first(pkt, &memo);
		if (unlikely(ct_memo_has_tuple(&memo)))
			memo.tuple = pkt->tuple;
	}
	note_down(pkt, ct_tuple_digest(pkt->skb, state->pf), reason, &memo,
		  state);
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
	struct ct_memo memo CT_UNINIT;

	memo_begin(&memo);
	if (likely(!reason)) {
		reason = track_first(pkt, &memo);
		memo.tuple = pkt->tuple;
	} else {
		memo_unread(&memo, reason);
	}
	note_down(pkt, ct_tuple_digest(pkt->skb, state->pf), reason, &memo,
		  state);
}

/* Last hook */

/**
 * struct birth - a flow about to be made
 * @orig: its original direction, before translation
 * @orig_id: the same
 * @reply_id: its reply direction, if it has a node of its own
 * @alias: has it? It is translated, or in another zone
 * @note: what rules said of the packet
 */
struct birth {
	struct ct_tuple orig;
	struct ct_id orig_id;
	struct ct_id reply_id;
	bool alias;
	struct ct_note note;
};

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

/*
 * Another flow has the place. If it is the same one, made by another first
 * packet a moment ago, the packet joins it and true is returned. If it stands
 * where the translator now sends the replies, it is a thing of the past.
 */
static noinline bool settle_rivalry(const struct ct_pkt *pkt,
				    const struct birth *birth,
				    const struct nf_hook_state *state)
{
	enum ip_conntrack_dir dir;
	enum ct_reason reason;
	struct ct_flow *rival;
	struct ct_memo memo CT_UNINIT;

	if (update(pkt, &birth->orig, &memo, &reason)) {
		ct_stat_inc(pkt->cnet, raced);
		if (reason)
			ct_refuse(pkt, reason, state);
		return true;
	}
	if (!birth->alias)
		return false;
	rival = ct_hash_find(pkt->cnet, &birth->reply_id, &dir);
	if (rival)
		ct_flow_end(rival, CT_ENDED_DISPLACED);
	return false;
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

static unsigned int give_birth(const struct ct_pkt *pkt,
			       const struct birth *birth,
			       const struct ct_judgement *j,
			       const struct nf_hook_state *state)
{
	struct ct_net *cnet = pkt->cnet;
	struct ct_flow *flow;
	int tries;

	flow = conceive(pkt, birth, j);
	if (IS_ERR(flow))
		return ct_core_no_flow(cnet, PTR_ERR(flow));
	for (tries = 0; tries < CT_INSERT_TRIES; tries++) {
		if (ct_hash_insert(cnet, flow)) {
			ct_core_born(cnet, flow, birth->orig_id.hash);
			return NF_ACCEPT;
		}
		if (settle_rivalry(pkt, birth, state)) {
			ct_flow_discard(flow);
			return NF_ACCEPT;
		}
	}
	ct_stat_inc(cnet, insert_failed);
	ct_flow_discard(flow);
	return NF_ACCEPT;
}

/* Does the packet, as it is now, begin a flow? Then make it. */
static unsigned int begin(const struct ct_pkt *pkt, struct birth *birth,
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

/* Where the zone is another, the note of it is lost, or was made too late. */
static void adopt_zone(struct ct_pkt *pkt, u16 zone)
{
	if (likely(pkt->tuple.zone == zone))
		return;
	pkt->tuple.zone = zone;
	pkt->zone[IP_CT_DIR_ORIGINAL] = zone;
	pkt->zone[IP_CT_DIR_REPLY] = zone;
}

/* Something is left to do for a packet, or nobody remembers what. */
static unsigned int confirm(struct sk_buff *skb,
			    const struct nf_hook_state *state,
			    struct ct_net *cnet, enum ct_memo_kind kind,
			    struct birth *birth)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;
	struct ct_pkt pkt CT_UNINIT;

	pkt.cnet = cnet;
	if (ct_tuple_read(&pkt, skb, state->pf,
			  kind == CT_MEMO_NONE ? ct_packet_first_hook(skb) :
						 state->hook) ||
	    ct_proto_quote(&pkt))
		return NF_ACCEPT;	/* was noted at the first hook */
	ct_packet_zone(&pkt, &birth->note);
	if (kind != CT_MEMO_NEW) {
		flow = ct_packet_find(&pkt, &pkt.tuple, &dir);
		if (flow)
			leave(flow, &pkt, dir);
		if (flow || kind == CT_MEMO_END ||
		    ct_packet_is_second_pass(state))
			return NF_ACCEPT;
		ct_packet_original(&pkt, &birth->orig);
	} else {
		adopt_zone(&pkt, birth->orig.zone);
	}
	return begin(&pkt, birth, state);
}

/* Will this packet come by again? */
static bool comes_again(const struct sk_buff *skb, const struct ct_net *cnet,
			const struct nf_hook_state *state)
{
	return ct_packet_comes_again(state) ||
	       ct_bridge_will_see(cnet, skb, state);
}

/* Of a packet that was counted when it went out only an end can be left. */
static noinline unsigned int finish(struct sk_buff *skb, u32 digest,
				    const struct nf_hook_state *state,
				    struct ct_net *cnet)
{
	bool again = comes_again(skb, cnet, state);
	struct birth birth CT_UNINIT;
	enum ct_memo_kind kind;
	unsigned int verdict;

	if (again && READ_ONCE(cnet->bridged))
		ct_bridge_send(skb, digest, state);
	kind = ct_memo_take(skb, digest, again, &birth.orig);
	birth.note.has = 0;
	if (again)
		ct_note_get(skb, digest, &birth.note);
	else
		ct_note_take(skb, digest, &birth.note);
	if (kind == CT_MEMO_DONE)
		return NF_ACCEPT;
	if (kind == CT_MEMO_NONE)
		ct_stat_inc(cnet, memo_lost);
	verdict = confirm(skb, state, cnet, kind, &birth);
	if (unlikely(READ_ONCE(cnet->bridged)) && verdict == NF_ACCEPT)
		ct_bridge_settle(skb, digest);
	return verdict;
}

/**
 * ct_core_last() - last hook
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT; %NF_DROP if there is no room for its flow.
 */
unsigned int ct_core_last(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	unsigned int verdict = NF_ACCEPT;
	bool were_on;
	u32 digest;

	if (unlikely(ct_packet_is_untracked(skb)))
		return NF_ACCEPT;
	were_on = ct_bh_off();
	digest = ct_tuple_digest(skb, state->pf);
	if (unlikely(comes_again(skb, priv, state) || ct_note_any(skb)) ||
	    !ct_memo_is_done(skb, digest))
		verdict = finish(skb, digest, state, priv);
	ct_bh_on(were_on);
	return verdict;
}

#define CT_HOOK(_hook, _pf, _num, _priority) {				\
	.hook = _hook,							\
	.pf = NFPROTO_##_pf,						\
	.hooknum = NF_INET_##_num,					\
	.priority = _priority,						\
}

static const struct nf_hook_ops hooks[CT_HOOKS] = {
	CT_HOOK(ct_plain_first4, IPV4, PRE_ROUTING, NF_IP_PRI_CONNTRACK),
	CT_HOOK(ct_plain_first4, IPV4, LOCAL_OUT, NF_IP_PRI_CONNTRACK),
	CT_HOOK(ct_plain_last4, IPV4, LOCAL_IN, NF_IP_PRI_CONNTRACK_CONFIRM),
	CT_HOOK(ct_plain_last4, IPV4, POST_ROUTING,
		NF_IP_PRI_CONNTRACK_CONFIRM),
#if IS_ENABLED(CONFIG_IPV6)
	CT_HOOK(ct_plain_first6, IPV6, PRE_ROUTING, NF_IP6_PRI_CONNTRACK),
	CT_HOOK(ct_plain_first6, IPV6, LOCAL_OUT, NF_IP6_PRI_CONNTRACK),
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
