// SPDX-License-Identifier: GPL-2.0
/*
 * A plain packet's way, the short one.
 *
 * Overview
 *	Nearly every packet is IPv4 with TCP or UDP, whole, without IP options,
 *	its headers in the head of the skb, in no zone, and does not change what
 *	its flow is. Of such a packet nothing is written down but what its flow
 *	keeps; it goes through both hooks with no call but for the flow's lock.
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
#include "ct_find.h"
#include "ct_memo.h"
#include "ct_packet.h"
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
			ct_core_new(cnet, skb, state);
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
		ct_core_found(cnet, flow, dir, skb, state);
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
	if (likely(softirq_count() && !ct_note_any() &&
		   !ct_packet_comes_again(state)) &&
	    likely(ct_memo_is_done(skb, ct_tuple_digest(skb, NFPROTO_IPV4))))
		return NF_ACCEPT;
	return ct_core_last(priv, skb, state);
}
