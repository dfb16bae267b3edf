// SPDX-License-Identifier: GPL-2.0
/*
 * A plain packet's way, the short one.
 *
 * Overview
 *	Nearly every packet is IPv4 with TCP or UDP, whole, without IP options,
 *	its headers in the head of the skb, in no zone, with no bridge to look
 *	out for, and does not change what its flow is. Of such a packet nothing
 *	is written down but what its flow keeps; it goes through both hooks with
 *	no call but for the flow's lock.
 *
 *	What is not so is found out before anything was changed, and goes the
 *	way of all other packets (ct_core.c) from where that is: from the start,
 *	from its flow, or without one. That way needs no help from here, so
 *	whoever wants to know what becomes of a packet need not read this file.
 *
 * Context
 *	Hooks of IPv4: RCU read-side section, any context. Bottom halves are off
 *	in the tracker's part. Locks: the flow's. Nothing sleeps.
 */
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "ct_compat.h"
#include "ct_core.h"
#include "ct_expire.h"
#include "ct_explain.h"
#include "ct_find.h"
#include "ct_memo.h"
#include "ct_packet.h"
#include "ct_proto.h"
#include "ct_usual.h"

/* Reading */

/* The header of a packet that may be plain, or %NULL */
static __always_inline const struct iphdr *
plain_header(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (unlikely((const u8 *)iph != skb->data ||
		     skb_headlen(skb) < sizeof(*iph) + sizeof(struct udphdr)))
		return NULL;
	/* Version 4, 5 words */
	if (unlikely(*(const u8 *)iph != 0x45 || ip_is_fragment(iph) ||
		     ntohs(iph->tot_len) > skb->len))
		return NULL;
	return iph;
}

/* A checksum that is wrong is found so once more, by who counts it. */
static noinline bool verify(struct sk_buff *skb, const struct ct_net *cnet,
			    u8 hook, u8 protonum)
{
	return hook != NF_INET_PRE_ROUTING ||
	       !READ_ONCE(cnet->knobs.checksum) ||
	       !nf_checksum(skb, hook, sizeof(struct iphdr), protonum,
			    NFPROTO_IPV4);
}

static __always_inline bool is_intact(struct sk_buff *skb,
				      const struct ct_net *cnet, u8 hook,
				      u8 protonum)
{
	return likely(skb_csum_unnecessary(skb)) ||
	       verify(skb, cnet, hook, protonum);
}

static __always_inline bool udp_is_plain(struct sk_buff *skb,
					 const struct iphdr *iph,
					 const struct ct_net *cnet, u8 hook)
{
	const struct udphdr *uh = (const struct udphdr *)(iph + 1);
	int len = ntohs(uh->len);

	return likely(len >= (int)sizeof(*uh) &&
		      len <= ntohs(iph->tot_len) - (int)sizeof(*iph)) &&
	       (!uh->check || is_intact(skb, cnet, hook, IPPROTO_UDP));
}

/* What only the unusual way reads of it is checked there. */
static __always_inline bool tcp_is_plain(struct sk_buff *skb,
					 const struct iphdr *iph,
					 const struct ct_net *cnet, u8 hook)
{
	const unsigned int least = sizeof(*iph) + sizeof(struct tcphdr);

	return likely(skb_headlen(skb) >= least &&
		      ntohs(iph->tot_len) >= least) &&
	       is_intact(skb, cnet, hook, IPPROTO_TCP);
}

/* The flags that make a segment's kind, and the length of its header */
#define TCP_SHAPE	(TCP_DATA_OFFSET | TCP_FLAG_ACK | TCP_FLAG_SYN | \
			 TCP_FLAG_FIN | TCP_FLAG_RST)
#define TCP_ACK_OF(len)	(TCP_FLAG_ACK | htonl((len) / 4 << 28))

/* Is it an acknowledgment without options, or with a time stamp only? */
static __always_inline bool tcp_read_usual(const struct sk_buff *skb,
					   const struct iphdr *iph,
					   struct ct_tcp_seg *seg)
{
	const struct tcphdr *th = (const struct tcphdr *)(iph + 1);
	const unsigned int stamped = sizeof(*th) + TCPOLEN_TSTAMP_ALIGNED;
	__be32 shape = tcp_flag_word(th) & TCP_SHAPE;
	int len = ntohs(iph->tot_len) - (int)sizeof(*iph);

	if (likely(shape == TCP_ACK_OF(stamped))) {
		len -= stamped;
		if (unlikely(skb_headlen(skb) < sizeof(*iph) + stamped ||
			     *(const __be32 *)(th + 1) !=
			     htonl(TCPOPT_NOP << 24 | TCPOPT_NOP << 16 |
				   TCPOPT_TIMESTAMP << 8 | TCPOLEN_TIMESTAMP)))
			return false;
	} else if (likely(shape == TCP_ACK_OF(sizeof(*th)))) {
		len -= sizeof(*th);
	} else {
		return false;
	}
	seg->seq = ntohl(th->seq);
	seg->ack = ntohl(th->ack_seq);
	seg->end = seg->seq + len;
	seg->win = ntohs(th->window);
	return likely(len >= 0);
}

/* Finding */

/* Of a node whose addresses are right */
static __always_inline bool is_at(const struct ct_flow *flow,
				  const struct ct_id *id,
				  const struct ct_net *cnet)
{
	return flow->node.key.word[1] == id->key.word[1] &&
	       READ_ONCE(flow->net) == cnet->id;
}

/*
 * Search one table. An alias is not found: its key says that it is one. Sets
 * @sure if there is no flow, in any table.
 */
static __always_inline struct ct_flow *
plain_search(const struct ct_id *id, const struct ct_net *cnet, bool *sure)
{
	const struct ct_table *t = rcu_dereference_raw(ct_table);
	u32 b = id->hash & t->mask, searched = 0;
	struct ct_flow *flow = NULL;
	struct ct_node *node;
	bool near = false;

	ct_for_each_node(node, t, b) {
		if (node->key.word[0] == id->key.word[0]) {
			flow = container_of(node, struct ct_flow, node);
			if (likely(is_at(flow, id, cnet) &&
				   !(READ_ONCE(flow->status) & IPS_DYING)))
				goto out;
			near = true;	/* may be an alias */
		}
		searched++;
	}
	flow = NULL;
	smp_rmb();	/* as in search_all() */
	*sure = likely(!near && node == ct_end_marker(t, b) &&
		       !rcu_access_pointer(t->next));
out:
	if (unlikely(searched))
		ct_stat_add(cnet, searched, searched);
	return flow;
}

/* The flow's lock is held. Is it still that flow, and can it go on as it is? */
static __always_inline bool is_good(const struct ct_flow *flow, u32 status,
				    const struct ct_id *id,
				    const struct ct_net *cnet, u32 now)
{
	return likely(!(status & (IPS_DYING | IPS_FIXED_TIMEOUT)) &&
		      flow->node.key.word[0] == id->key.word[0] &&
		      is_at(flow, id, cnet) &&
		      (!flow->ext || !flow->ext->alias) &&
		      ct_left(flow->expires, now) > 0);
}

/* First hook */

/* Judge the packet, and apply it where the flow's lock matters. */
static __always_inline bool judge(struct ct_flow *flow, u32 status,
				  enum ip_conntrack_dir dir,
				  const struct sk_buff *skb,
				  const struct iphdr *iph, u8 protonum,
				  const struct ct_net *cnet, u32 now,
				  u32 *timeout)
{
	const u32 sure = IPS_SEEN_REPLY | IPS_ASSURED;
	struct ct_tcp_seg seg CT_UNINIT;

	if (protonum == IPPROTO_UDP)
		return ct_udp_usual(flow, status, dir, now, &cnet->knobs,
				    timeout);
	return likely((status & sure) == sure) && tcp_read_usual(skb, iph, &seg) &&
	       ct_tcp_usual(&flow->state.tcp, dir, &seg, &cnet->knobs, timeout);
}

/*
 * The packet as all others are described. Its checksum is known to be right, so
 * only TCP's header may be wrong.
 */
static __always_inline enum ct_reason describe(struct ct_pkt *pkt,
					       struct ct_net *cnet,
					       struct sk_buff *skb,
					       const struct iphdr *iph,
					       const struct nf_hook_state *state)
{
	bool is_tcp = iph->protocol == IPPROTO_TCP;

	pkt->skb = skb;
	pkt->cnet = cnet;
	pkt->proto = is_tcp ? &ct_proto_tcp : &ct_proto_udp;
	pkt->tuple.src.ip = iph->saddr;
	pkt->tuple.dst.ip = iph->daddr;
	memcpy(&pkt->tuple.l4, iph + 1, sizeof(pkt->tuple.l4));
	pkt->tuple.family = NFPROTO_IPV4;
	pkt->tuple.protonum = iph->protocol;
	pkt->tuple.zone = 0;
	pkt->zone[IP_CT_DIR_ORIGINAL] = 0;
	pkt->zone[IP_CT_DIR_REPLY] = 0;
	pkt->now = ct_now();
	pkt->len = skb->len;
	pkt->l4off = sizeof(*iph);
	pkt->l4len = ntohs(iph->tot_len) - sizeof(*iph);
	pkt->hook = state->hook;
	return is_tcp ? ct_tcp_check(pkt) : CT_R_OK;
}

/* The packet has a flow, the lock of which is held, and may change it. */
static noinline void judge_unusual(struct ct_net *cnet, struct sk_buff *skb,
				   const struct nf_hook_state *state,
				   struct ct_flow *flow,
				   enum ip_conntrack_dir dir)
{
	enum ct_reason reason;
	struct ct_pkt pkt CT_UNINIT;

	reason = describe(&pkt, cnet, skb, ip_hdr(skb), state);
	ct_core_found(&pkt, reason, flow, dir, state);
}

/*
 * The packet has no flow. A datagram begins one, and so does a SYN without
 * faults; whether it does so still is judged at the last hook.
 */
static noinline void begin_first(struct ct_net *cnet, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	enum ct_reason reason;
	struct ct_pkt pkt CT_UNINIT;

	reason = describe(&pkt, cnet, skb, ip_hdr(skb), state);
	if (unlikely(reason || (pkt.tuple.protonum == IPPROTO_TCP &&
				pkt.tcp.kind != CT_TCP_K_SYN))) {
		ct_core_new(&pkt, reason, state);
		return;
	}
	ct_trace_new(&pkt);
	ct_memo_write(skb, ct_tuple_digest(skb, NFPROTO_IPV4), CT_MEMO_NEW,
		      CT_INFO_NEW, &pkt.tuple);
}

static __always_inline void move_end(struct ct_flow *flow, u32 expires,
				     u32 timeout)
{
	u32 old = flow->expires;

	WRITE_ONCE(flow->expires, expires);
	if (unlikely(ct_left(expires, old) < 0) && timeout < CT_VISIT)
		ct_hash_hasten(flow);
}

/* Returns false if the packet has to go the long way, from the start. */
static __always_inline bool track(struct ct_net *cnet, struct sk_buff *skb,
				  const struct nf_hook_state *state,
				  const struct iphdr *iph, u8 protonum)
{
	enum ip_conntrack_dir dir;
	u32 status, now, timeout;
	struct ct_flow *flow;
	struct ct_id id CT_UNINIT;
	bool sure = false;

	id.sender = ct_order_ipv4_header(iph, protonum, &id.key);
	id.hash = ct_hash_again(&id.key, cnet->hash_mix);
	flow = plain_search(&id, cnet, &sure);
	if (unlikely(!flow)) {
		if (sure)
			begin_first(cnet, skb, state);
		return sure;
	}

	ct_flow_lock(flow);
	/* Pairs with the releases that ct_flow_alive() names. */
	status = smp_load_acquire(&flow->status);
	now = ct_now();
	if (unlikely(!is_good(flow, status, &id, cnet, now))) {
		ct_flow_unlock(flow);
		return false;
	}
	dir = id.sender ^ !!(status & CT_FLOW_ORIGIN);
	if (unlikely(!judge(flow, status, dir, skb, iph, protonum, cnet,
			    now, &timeout))) {
		judge_unusual(cnet, skb, state, flow, dir);
		return true;
	}
	ct_flow_count(flow, dir, skb->len);
	move_end(flow, now + timeout, timeout);
	ct_flow_unlock(flow);

	ct_stat_inc(cnet, found);
	ct_memo_put_done(skb, ct_tuple_digest(skb, NFPROTO_IPV4),
			 dir == IP_CT_DIR_REPLY ? CT_INFO_ESTABLISHED_REPLY :
			 status & IPS_SEEN_REPLY ? CT_INFO_ESTABLISHED :
						   CT_INFO_NEW);
	return true;
}

static noinline unsigned int first_bh_on(void *priv, struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	unsigned int verdict;

	local_bh_disable();
	verdict = ct_plain_first(priv, skb, state);
	local_bh_enable();
	return verdict;
}

/**
 * ct_plain_first() - first hook of IPv4
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT.
 */
unsigned int ct_plain_first(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	const struct iphdr *iph = plain_header(skb);
	struct ct_net *cnet = priv;

	if (unlikely(!softirq_count()))
		return first_bh_on(priv, skb, state);
	if (unlikely(!iph || ct_packet_is_untracked(skb) || ct_note_any() ||
		     ct_packet_is_second_pass(state) ||
		     READ_ONCE(cnet->bridged)))
		goto other;
	if (iph->protocol == IPPROTO_TCP) {
		if (likely(tcp_is_plain(skb, iph, cnet, state->hook) &&
			   track(cnet, skb, state, iph, IPPROTO_TCP)))
			return NF_ACCEPT;
	} else if (likely(iph->protocol == IPPROTO_UDP)) {
		if (likely(udp_is_plain(skb, iph, cnet, state->hook) &&
			   track(cnet, skb, state, iph, IPPROTO_UDP)))
			return NF_ACCEPT;
	}
other:
	return ct_core_first(priv, skb, state);
}

/* Last hook */

/* Read the packet again, and make its flow if it is plain still. */
static noinline unsigned int last_other(struct ct_net *cnet,
					struct sk_buff *skb,
					const struct nf_hook_state *state,
					u32 digest)
{
	const struct iphdr *iph = plain_header(skb);
	struct ct_tuple orig CT_UNINIT;
	struct ct_pkt pkt CT_UNINIT;

	if (unlikely(!iph || ct_packet_is_untracked(skb)) ||
	    !(iph->protocol == IPPROTO_UDP ?
	      udp_is_plain(skb, iph, cnet, state->hook) :
	      iph->protocol == IPPROTO_TCP &&
	      tcp_is_plain(skb, iph, cnet, state->hook)) ||
	    !ct_memo_take_new(skb, digest, &orig))
		return ct_core_last(cnet, skb, state);
	if (unlikely(describe(&pkt, cnet, skb, iph, state)))
		return NF_ACCEPT;	/* was noted at the first hook */
	return ct_core_begin(&pkt, &orig, state);
}

/**
 * ct_plain_last() - last hook of IPv4
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * With nearly every packet nothing is left to do, and it is remembered.
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT; %NF_DROP if there is no room for its flow.
 */
unsigned int ct_plain_last(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	u32 digest;

	if (unlikely(!softirq_count() || ct_note_any() ||
		     ct_packet_comes_again(state) ||
		     READ_ONCE(((struct ct_net *)priv)->bridged)))
		return ct_core_last(priv, skb, state);
	digest = ct_tuple_digest(skb, NFPROTO_IPV4);
	if (likely(ct_memo_is_done(skb, digest)))
		return NF_ACCEPT;
	return last_other(priv, skb, state, digest);
}
