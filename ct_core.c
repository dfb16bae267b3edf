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
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif

#include "ct_core.h"
#include "ct_expire.h"
#include "ct_hash.h"
#include "ct_memo.h"
#include "ct_proto.h"
#include "ct_tuple.h"

#define CT_INSERT_TRIES	4

/* The one thing on the skb that is read: rules said not to track it. */
static bool is_untracked(const struct sk_buff *skb)
{
	return (skb_get_nfct(skb) & NFCT_INFOMASK) == IP_CT_UNTRACKED;
}

/*
 * What comes in by the loopback device went through LOCAL_OUT and was counted
 * there. A packet of a VRF comes by once for its port and once for the VRF.
 */
static bool is_second_pass(const struct nf_hook_state *state)
{
	const struct net_device *in = state->in;

	if (!in)
		return false;
	return in->flags & IFF_LOOPBACK ||
	       (state->hook == NF_INET_PRE_ROUTING && netif_is_l3_master(in));
}

/* Flows that exist */

/* Do listeners want to hear of a change of the protocol's state? */
static bool is_news(const struct ct_proto *proto, const union ct_state *before,
		    const union ct_state *now)
{
	return proto->has_phase && before->phase != now->phase;
}

static void apply(struct ct_flow *flow, const struct ct_pkt *pkt,
		  enum ip_conntrack_dir dir, const struct ct_judgement *j)
{
	u32 status = flow->status | j->status;
	bool news = is_news(pkt->proto, &flow->state, &j->next);

	if (dir == IP_CT_DIR_REPLY)
		status |= IPS_SEEN_REPLY;
	if (status != flow->status) {
		WRITE_ONCE(flow->status, status);
		news = true;
	}
	flow->state = j->next;
	ct_flow_count(flow, dir, pkt->len);
	if (j->verdict == CT_ACCEPT)
		ct_flow_refresh(flow, pkt->now + j->timeout);
	if (unlikely(news))
		ct_event_update(flow, NULL);
}

/*
 * Judge a packet of a flow. Takes over the flow's lock. Returns false if the
 * flow is over and the packet begins another.
 */
static bool update_locked(struct ct_flow *flow, const struct ct_pkt *pkt,
			  enum ip_conntrack_dir dir, enum ct_reason *reason)
{
	struct ct_judgement j;

	if (ct_left(flow->expires, pkt->now) <= 0) {
		ct_flow_end(flow);
		return false;
	}
	pkt->proto->judge(flow, pkt, dir, &j);
	*reason = CT_R_OK;
	switch (j.verdict) {
	case CT_RENEW:
		ct_flow_end(flow);
		return false;
	case CT_END:
		flow->state = j.next;
		ct_flow_count(flow, dir, pkt->len);
		ct_flow_end(flow);
		return true;
	case CT_REFUSE:
		*reason = j.reason;
		break;
	case CT_ACCEPT:
	case CT_PASS:
		apply(flow, pkt, dir, &j);
		break;
	}
	ct_flow_unlock(flow);
	return true;
}

/* Returns false if the packet has no flow. */
static bool update(const struct ct_pkt *pkt, const struct ct_id *id,
		   enum ct_reason *reason)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;

	flow = ct_hash_find(pkt->cnet, id, &dir);
	if (!flow || !update_locked(flow, pkt, dir, reason))
		return false;
	ct_stat_inc(pkt->cnet, found);
	return true;
}

/* Errors */

static bool is_known(struct ct_net *cnet, const struct ct_id *id)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;

	flow = ct_hash_find(cnet, id, &dir);
	if (!flow)
		return false;
	ct_flow_unlock(flow);
	return true;
}

/*
 * An ICMP error belongs to the flow of the packet that it quotes, and changes
 * nothing of it. It is sent to that packet's source (RFC 1812, 4.3.2.4; RFC
 * 4443, 2.2), as that stood when the error was made.
 */
static enum ct_reason relate(const struct ct_pkt *pkt, unsigned int offset)
{
	struct ct_tuple quoted, inverse;
	enum ct_reason reason;
	struct ct_id id;

	reason = ct_tuple_read_quote(pkt->skb, offset, pkt->tuple.family,
				     &quoted);
	if (reason)
		return reason;
	if (!ct_tuple_invert(&inverse, &quoted))
		return CT_R_ICMP_QUOTE;
	if (!ct_addr_equal(quoted.family, &quoted.src, &pkt->tuple.dst))
		return CT_R_ICMP_OUTER;
	ct_tuple_identify(&quoted, pkt->cnet, &id);
	if (is_known(pkt->cnet, &id))
		return CT_R_OK;
	/* This host's word on a packet that it did not let become a flow */
	return pkt->hook == NF_INET_LOCAL_OUT ? CT_R_UNTRACKED :
						CT_R_ICMP_NO_FLOW;
}

static unsigned int quote_offset(const struct ct_pkt *pkt)
{
	return pkt->proto->quote ? pkt->proto->quote(pkt) : 0;
}

/* First hook */

static enum ct_reason track(struct ct_pkt *pkt, struct sk_buff *skb,
			    const struct nf_hook_state *state,
			    enum ct_memo_kind *kind)
{
	struct ct_judgement j;
	enum ct_reason reason;
	unsigned int offset;
	struct ct_id id;

	reason = ct_tuple_read(pkt, skb, state->pf, state->hook);
	if (reason)
		return reason;
	offset = quote_offset(pkt);
	if (offset) {
		reason = relate(pkt, offset);
		if (ct_reason_is_invalid(reason))
			ct_stat_inc(pkt->cnet, icmp_error);
		return reason;
	}
	ct_tuple_identify(&pkt->tuple, pkt->cnet, &id);
	if (update(pkt, &id, &reason))
		return reason;
	pkt->proto->judge(NULL, pkt, IP_CT_DIR_ORIGINAL, &j);
	if (j.verdict == CT_REFUSE)
		return j.reason;
	*kind = CT_MEMO_NEW;
	return CT_R_OK;
}

static unsigned int first_hook(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	enum ct_memo_kind kind = CT_MEMO_DONE;
	enum ct_reason reason;
	struct ct_pkt pkt;

	if (is_second_pass(state))
		return NF_ACCEPT;
	pkt.cnet = ct_net(state->net);
	local_bh_disable();
	if (unlikely(is_untracked(skb))) {
		ct_stat_inc(pkt.cnet, ignore);
		goto out;
	}
	reason = track(&pkt, skb, state, &kind);
	if (unlikely(reason))
		ct_refuse(&pkt, reason, state);
	ct_memo_put(skb, ct_tuple_digest(skb, state->pf), kind, &pkt.tuple);
out:
	local_bh_enable();
	return NF_ACCEPT;
}

/* Last hook */

/*
 * The memory of a packet is gone and it may have been translated. If the
 * translator is nf_nat, the packet carries nf_conntrack's entry, and that
 * knows what the packet looked like.
 */
static void recall_original(const struct ct_pkt *pkt, struct ct_tuple *orig)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	const struct nf_conntrack_tuple *t;
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *nfct;
#endif

	*orig = pkt->tuple;
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	nfct = nf_ct_get(pkt->skb, &ctinfo);
	if (!nfct || nf_ct_is_template(nfct) ||
	    CTINFO2DIR(ctinfo) != IP_CT_DIR_ORIGINAL)
		return;
	t = &nfct->tuplehash[IP_CT_DIR_ORIGINAL].tuple;
	if (t->src.l3num != orig->family || t->dst.protonum != orig->protonum)
		return;
	orig->src = t->src.u3;
	orig->dst = t->dst.u3;
	if (pkt->proto->identify) {
		orig->icmp.id = t->src.u.icmp.id;
	} else if (pkt->proto->read) {
		orig->sport = t->src.u.all;
		orig->dport = t->dst.u.all;
	}
#endif
}

static u32 nat_status(const struct ct_tuple *orig, const struct ct_pkt *pkt)
{
	const struct ct_tuple *now = &pkt->tuple;
	u8 family = now->family;
	u32 status = 0;
	bool src, dst;

	if (pkt->proto->identify) {	/* a question's identifier is its source's */
		src = orig->icmp.id != now->icmp.id;
		dst = false;
	} else {
		src = orig->sport != now->sport;
		dst = orig->dport != now->dport;
	}
	if (src || !ct_addr_equal(family, &orig->src, &now->src))
		status |= IPS_SRC_NAT | IPS_SRC_NAT_DONE;
	if (dst || !ct_addr_equal(family, &orig->dst, &now->dst))
		status |= IPS_DST_NAT | IPS_DST_NAT_DONE;
	return status;
}

/**
 * struct birth - a flow about to be made
 * @orig: its original direction, before translation
 * @orig_id: the same
 * @reply_id: its reply direction, if it is translated
 * @translated: is it?
 */
struct birth {
	struct ct_tuple orig;
	struct ct_id orig_id;
	struct ct_id reply_id;
	bool translated;
};

static bool prepare(struct birth *birth, const struct ct_pkt *pkt)
{
	struct ct_tuple reply;

	ct_tuple_identify(&birth->orig, pkt->cnet, &birth->orig_id);
	birth->translated = !ct_tuple_equal(&birth->orig, &pkt->tuple);
	if (!birth->translated)
		return true;
	if (!ct_tuple_invert(&reply, &pkt->tuple))
		return false;
	ct_tuple_identify(&reply, pkt->cnet, &birth->reply_id);
	return true;
}

/*
 * Another flow has the place. If it is the same one, made by another first
 * packet a moment ago, the packet joins it and true is returned. If it stands
 * where the translator now sends the replies, it is a thing of the past.
 */
static bool settle_rivalry(const struct ct_pkt *pkt, const struct birth *birth,
			   const struct nf_hook_state *state)
{
	enum ip_conntrack_dir dir;
	enum ct_reason reason;
	struct ct_flow *rival;

	if (update(pkt, &birth->orig_id, &reason)) {
		ct_stat_inc(pkt->cnet, raced);
		if (reason)
			ct_refuse(pkt, reason, state);
		return true;
	}
	if (!birth->translated)
		return false;
	rival = ct_hash_find(pkt->cnet, &birth->reply_id, &dir);
	if (rival) {
		ct_stat_inc(pkt->cnet, dead_list);
		ct_flow_end(rival);
	}
	return false;
}

static unsigned int give_birth(const struct ct_pkt *pkt,
			       const struct birth *birth,
			       const struct ct_judgement *j,
			       const struct nf_hook_state *state)
{
	struct ct_net *cnet = pkt->cnet;
	struct ct_flow *flow;
	int tries;

	flow = ct_flow_create(cnet, &birth->orig_id,
			      birth->translated ? &birth->reply_id : NULL);
	if (IS_ERR(flow)) {
		ct_stat_inc(cnet, drop);
		return NF_DROP;
	}
	flow->state = j->next;
	flow->expires = pkt->now + j->timeout;
	flow->status |= j->status;
	if (birth->translated)
		flow->status |= nat_status(&birth->orig, pkt);
	ct_flow_count(flow, IP_CT_DIR_ORIGINAL, pkt->len);
	ct_flow_publish(flow);

	for (tries = 0; tries < CT_INSERT_TRIES; tries++) {
		if (ct_hash_insert(cnet, flow)) {
			ct_stat_inc(cnet, fresh);
			ct_stat_inc(cnet, insert);
			ct_event_new(flow, birth->orig_id.hash, NULL);
			ct_expire_kick();
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

/* Of what is read again, all must be checked that was checked there. */
static u8 first_hook_of(const struct sk_buff *skb)
{
	return skb->skb_iif ? NF_INET_PRE_ROUTING : NF_INET_LOCAL_OUT;
}

static unsigned int confirm(struct sk_buff *skb,
			    const struct nf_hook_state *state,
			    struct ct_net *cnet, enum ct_memo_kind kind,
			    struct birth *birth)
{
	struct ct_judgement j;
	struct ct_pkt pkt;
	struct ct_id id;

	pkt.cnet = cnet;
	if (ct_tuple_read(&pkt, skb, state->pf,
			  kind == CT_MEMO_NONE ? first_hook_of(skb) :
						 state->hook) ||
	    quote_offset(&pkt))
		return NF_ACCEPT;	/* was noted at the first hook */
	if (kind == CT_MEMO_NONE) {
		ct_stat_inc(cnet, memo_lost);
		ct_tuple_identify(&pkt.tuple, cnet, &id);
		if (is_known(cnet, &id))
			return NF_ACCEPT;
		recall_original(&pkt, &birth->orig);
	}
	pkt.proto->judge(NULL, &pkt, IP_CT_DIR_ORIGINAL, &j);
	if (j.verdict == CT_REFUSE || !prepare(birth, &pkt))
		return NF_ACCEPT;
	return give_birth(&pkt, birth, &j, state);
}

static unsigned int last_hook(void *priv, struct sk_buff *skb,
			      const struct nf_hook_state *state)
{
	unsigned int verdict = NF_ACCEPT;
	enum ct_memo_kind kind;
	struct birth birth;

	if (is_second_pass(state) || unlikely(is_untracked(skb)))
		return NF_ACCEPT;
	local_bh_disable();
	kind = ct_memo_take(skb, ct_tuple_digest(skb, state->pf), &birth.orig);
	if (kind != CT_MEMO_DONE)
		verdict = confirm(skb, state, ct_net(state->net), kind, &birth);
	local_bh_enable();
	return verdict;
}

#define CT_HOOK(_hook, _pf, _num, _priority) {				\
	.hook = _hook,							\
	.pf = NFPROTO_##_pf,						\
	.hooknum = NF_INET_##_num,					\
	.priority = _priority,						\
}

static const struct nf_hook_ops hooks[] = {
	CT_HOOK(first_hook, IPV4, PRE_ROUTING, NF_IP_PRI_CONNTRACK),
	CT_HOOK(first_hook, IPV4, LOCAL_OUT, NF_IP_PRI_CONNTRACK),
	CT_HOOK(last_hook, IPV4, LOCAL_IN, NF_IP_PRI_CONNTRACK_CONFIRM),
	CT_HOOK(last_hook, IPV4, POST_ROUTING, NF_IP_PRI_CONNTRACK_CONFIRM),
#if IS_ENABLED(CONFIG_IPV6)
	CT_HOOK(first_hook, IPV6, PRE_ROUTING, NF_IP6_PRI_CONNTRACK),
	CT_HOOK(first_hook, IPV6, LOCAL_OUT, NF_IP6_PRI_CONNTRACK),
	CT_HOOK(last_hook, IPV6, LOCAL_IN, NF_IP_PRI_CONNTRACK_CONFIRM),
	CT_HOOK(last_hook, IPV6, POST_ROUTING, NF_IP_PRI_CONNTRACK_CONFIRM),
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
	int err = defrag_enable(net);

	if (err)
		return err;
	err = nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
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
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
	defrag_disable(net);
}
