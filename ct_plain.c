// SPDX-License-Identifier: GPL-2.0
/*
 * A plain packet's way, the short one.
 *
 * Overview
 *	Nearly every packet is TCP or UDP, whole, without IP options or extension
 *	headers, its headers in the head of the skb, in no zone, with no bridge
 *	to look out for, between addresses that are not of one link alone, and
 *	does not change what its flow is. Of such a packet
 *	nothing is written down but what its flow keeps; it goes through both
 *	hooks with no call but for the flow's lock.
 *
 *	What is not so is found out before anything was changed, and goes the
 *	way of all other packets (ct_core.c) from where that is: from the start,
 *	from its flow, or without one. That way needs no help from here, so
 *	whoever wants to know what becomes of a packet need not read this file.
 *
 * Families
 *	One text for both: on the usual packet's way @family is a constant, and
 *	what the other one needs is not compiled.
 *
 * Context
 *	Hooks of IPv4 and IPv6: RCU read-side section, any context. Bottom halves are off
 *	in the tracker's part. Locks: the flow's. Nothing sleeps.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "ct_compat.h"
#include "ct_core.h"
#include "ct_event.h"
#include "ct_expire.h"
#include "ct_explain.h"
#include "ct_find.h"
#include "ct_packet.h"
#include "ct_pending.h"
#include "ct_proto.h"
#include "ct_room.h"
#include "ct_usual.h"

/* Reading */

static __always_inline unsigned int header_len(u8 family)
{
	return family == NFPROTO_IPV4 ? sizeof(struct iphdr) :
					sizeof(struct ipv6hdr);
}

/* What is behind the IP header, and how long it says that is */
static __always_inline const void *transport(const void *ip, u8 family)
{
	return (const u8 *)ip + header_len(family);
}

static __always_inline int transport_len(const void *ip, u8 family)
{
	const struct ipv6hdr *ip6h = ip;
	const struct iphdr *iph = ip;

	return family == NFPROTO_IPV4 ? ntohs(iph->tot_len) - (int)sizeof(*iph) :
					ntohs(ip6h->payload_len);
}

static __always_inline u8 transport_proto(const void *ip, u8 family)
{
	const struct ipv6hdr *ip6h = ip;
	const struct iphdr *iph = ip;

	return family == NFPROTO_IPV4 ? iph->protocol : ip6h->nexthdr;
}

/* The header of a packet that may be plain, or %NULL */
static __always_inline const void *plain_header(const struct sk_buff *skb,
						u8 family)
{
	const void *ip = skb_network_header(skb);
	int most = (int)skb->len - (int)header_len(family);

	if (unlikely(ip != skb->data || skb_headlen(skb) <
		     header_len(family) + sizeof(struct udphdr)))
		return NULL;
	/* IPv4: 5 words */
	if (family == NFPROTO_IPV4 &&
	    unlikely(*(const u8 *)ip != 0x45 || ip_is_fragment(ip)))
		return NULL;
	if (family == NFPROTO_IPV6 && unlikely(*(const u8 *)ip >> 4 != 6 ||
					       ct_header6_is_local(ip)))
		return NULL;
	return likely(transport_len(ip, family) <= most) ? ip : NULL;
}

/* A checksum that is wrong is found so once more, by who counts it. */
static noinline bool verify(struct sk_buff *skb, const struct ct_net *cnet,
			    const struct nf_hook_state *state, u8 protonum)
{
	return state->hook != NF_INET_PRE_ROUTING ||
	       !READ_ONCE(cnet->knobs.checksum) ||
	       !nf_checksum(skb, state->hook, header_len(state->pf), protonum,
			    state->pf);
}

static __always_inline bool is_intact(struct sk_buff *skb,
				      const struct ct_net *cnet,
				      const struct nf_hook_state *state,
				      u8 protonum)
{
	return likely(skb_csum_unnecessary(skb)) ||
	       verify(skb, cnet, state, protonum);
}

static __always_inline bool udp_is_plain(struct sk_buff *skb, const void *ip,
					 u8 family, const struct ct_net *cnet,
					 const struct nf_hook_state *state)
{
	const struct udphdr *uh = transport(ip, family);
	int len = ntohs(uh->len);

	return likely(len >= (int)sizeof(*uh) &&
		      len <= transport_len(ip, family)) &&
	       (!uh->check || is_intact(skb, cnet, state, IPPROTO_UDP));
}

/* What only the unusual way reads of it is checked there. */
static __always_inline bool tcp_is_plain(struct sk_buff *skb, const void *ip,
					 u8 family, const struct ct_net *cnet,
					 const struct nf_hook_state *state)
{
	const int least = sizeof(struct tcphdr);

	return likely(skb_headlen(skb) >= header_len(family) + least &&
		      transport_len(ip, family) >= least) &&
	       is_intact(skb, cnet, state, IPPROTO_TCP);
}

/* The flags that make a segment's kind, and the length of its header */
#define TCP_SHAPE	(TCP_DATA_OFFSET | TCP_FLAG_ACK | TCP_FLAG_SYN | \
			 TCP_FLAG_FIN | TCP_FLAG_RST)
#define TCP_OF(flags, len)	((flags) | htonl((len) / 4 << 28))

static __always_inline void tcp_read(const struct tcphdr *th, unsigned int hlen,
				     int len, struct ct_tcp_seg *seg)
{
	seg->seq = ntohl(th->seq);
	seg->ack = ntohl(th->ack_seq);
	seg->end = seg->seq + len - hlen;
	seg->win = ntohs(th->window);
}

/* Is it an acknowledgment without options, or with a time stamp only? */
static __always_inline bool tcp_read_ack(const struct sk_buff *skb,
					 const void *ip, u8 family,
					 struct ct_tcp_seg *seg)
{
	const struct tcphdr *th = transport(ip, family);
	const unsigned int stamped = sizeof(*th) + TCPOLEN_TSTAMP_ALIGNED;
	__be32 shape = tcp_flag_word(th) & TCP_SHAPE;
	int len = transport_len(ip, family);

	if (likely(shape == TCP_OF(TCP_FLAG_ACK, stamped))) {
		if (unlikely(len < (int)stamped || skb_headlen(skb) <
			     header_len(family) + stamped ||
			     !ct_tcp_has_stamp_only((const u8 *)(th + 1),
						    TCPOLEN_TSTAMP_ALIGNED)))
			return false;
		tcp_read(th, stamped, len, seg);
	} else if (likely(shape == TCP_OF(TCP_FLAG_ACK, sizeof(*th)))) {
		tcp_read(th, sizeof(*th), len, seg);
	} else {
		return false;
	}
	return true;
}

/* Is it a SYN, or one that acknowledges, with the options that most have? */
static __always_inline bool tcp_read_syn(const struct sk_buff *skb,
					 const void *ip, u8 family,
					 __be32 flags, struct ct_tcp_seg *seg)
{
	const struct tcphdr *th = transport(ip, family);
	const unsigned int hlen = sizeof(*th) + CT_TCP_SYN_OPTIONS;
	const u8 *opt = (const u8 *)(th + 1);
	int len = transport_len(ip, family);

	if ((tcp_flag_word(th) & TCP_SHAPE) != TCP_OF(flags, hlen) ||
	    len < (int)hlen || skb_headlen(skb) < header_len(family) + hlen ||
	    !ct_tcp_has_usual_of_syn(opt, CT_TCP_SYN_OPTIONS))
		return false;
	tcp_read(th, hlen, len, seg);
	seg->end++;
	seg->opts = CT_TCP_LAST_SACK |
		    ct_tcp_scale_option(opt + CT_TCP_SYN_SCALE);
	return true;
}

/* Finding */

static __always_inline void identify(struct ct_id *id, const void *ip,
				     u8 family, u8 protonum,
				     const struct ct_net *cnet)
{
	if (family == NFPROTO_IPV4) {
		id->sender = ct_order_ipv4_header(ip, protonum, &id->key);
		id->key.word[1] |= cnet->key_word;
		id->hash = ct_hash_again(&id->key, cnet->hash_mix);
	} else {
		id->sender = ct_order_ipv6_header(ip, protonum, id);
		id->key.word[1] |= cnet->key_word;
		id->hash = ct_hash6_again(id, cnet->hash_mix);
	}
}

/* Of a node whose addresses, or what IPv6 folds them to, are right */
static __always_inline bool is_at(const struct ct_flow *flow,
				  const struct ct_id *id, u8 family,
				  const struct ct_net *cnet)
{
	return READ_ONCE(flow->node.key.word[1]) == id->key.word[1] &&
	       READ_ONCE(flow->net) == cnet->id &&
	       (family == NFPROTO_IPV4 ||
		/* Compared again with the flow's lock held. */
		data_race(ct_addrs6_equal(ct_flow6(flow)->addr, id->addr)));
}

/*
 * Search one table. An alias is not found: its key says that it is one; @near is set to
 * the last node that has the addresses but is not the flow's, and may be one. Sets @sure if
 * there is no flow, in any table.
 */
static __always_inline struct ct_flow *
plain_search(const struct ct_id *id, u8 family, const struct ct_net *cnet,
	     struct ct_node **near, bool *sure)
{
	const struct ct_table *t = rcu_dereference_raw(ct_table);
	u32 b = id->hash & t->mask, searched = 0;
	struct ct_flow *flow = NULL;
	struct ct_node *node;

	*near = NULL;
	ct_for_each_node(node, t, b) {
		if (READ_ONCE(node->key.word[0]) == id->key.word[0]) {
			flow = container_of(node, struct ct_flow, node);
			if (likely(is_at(flow, id, family, cnet) &&
				   !(READ_ONCE(flow->status) & IPS_DYING)))
				goto out;
			*near = node;	/* may be an alias */
		}
		searched++;
	}
	flow = NULL;
	smp_rmb();	/* as in search_all() */
	*sure = likely(!*near && node == ct_end_marker(t, b) &&
		       !rcu_access_pointer(t->next));
out:
	if (unlikely(searched))
		ct_stat_add(cnet, searched, searched);
	return flow;
}

/* The flow's lock is held. Is it still that flow, and can it go on as it is? */
static __always_inline bool is_good(const struct ct_flow *flow, u32 status,
				    const struct ct_id *id, u8 family,
				    const struct ct_net *cnet, u32 now)
{
	return likely(!(status & (IPS_DYING | IPS_FIXED_TIMEOUT)) &&
		      flow->node.key.word[0] == id->key.word[0] &&
		      is_at(flow, id, family, cnet) &&
		      !ct_flow_alias(flow) &&
		      ct_left(flow->expires, now) > 0);
}

/* First hook */

/* Judge the packet, and apply it where the flow's lock matters. */
static __always_inline bool judge(struct ct_flow *flow, u32 status,
				  enum ip_conntrack_dir dir,
				  const struct sk_buff *skb, const void *ip,
				  u8 family, u8 protonum,
				  const struct ct_net *cnet, u32 now,
				  u32 *timeout)
{
	const u32 sure = IPS_SEEN_REPLY | IPS_ASSURED;
	struct ct_tcp_seg seg CT_UNINIT;

	if (protonum == IPPROTO_UDP)
		return ct_udp_usual(flow, status, dir, now, &cnet->knobs,
				    timeout);
	return likely((status & sure) == sure) &&
	       tcp_read_ack(skb, ip, family, &seg) &&
	       ct_tcp_usual(&flow->state.tcp, CT_TCP_ESTABLISHED, dir, &seg,
			    &cnet->knobs, timeout);
}

static __always_inline void move_end(struct ct_flow *flow, u32 expires,
				     u32 timeout)
{
	u32 old = flow->expires;

	WRITE_ONCE(flow->expires, expires);
	if (unlikely(ct_left(expires, old) < 0) && timeout < CT_VISIT)
		ct_hash_hasten(flow);
}

/* Apply the packet; @news are for listeners. Takes over the flow's lock. */
static __always_inline void apply(struct ct_net *cnet, struct sk_buff *skb,
				  struct ct_flow *flow,
				  enum ip_conntrack_dir dir, u32 now,
				  u32 timeout, u32 news)
{
	ct_flow_count(flow, dir, skb->len);
	move_end(flow, now + timeout, timeout);
	if (news)
		ct_event_move(flow, cnet, news);
	ct_flow_unlock(flow);
	ct_stat_inc(cnet, found);
}

static __always_inline enum ct_info info_of(enum ip_conntrack_dir dir,
					    u32 status)
{
	if (dir == IP_CT_DIR_REPLY)
		return CT_INFO_ESTABLISHED_REPLY;
	return status & IPS_SEEN_REPLY ? CT_INFO_ESTABLISHED : CT_INFO_NEW;
}

/* The same, and the packet carries the answer. */
static __always_inline void settle(struct ct_net *cnet, struct sk_buff *skb,
				   struct ct_flow *flow,
				   enum ip_conntrack_dir dir, u32 status,
				   u32 now, u32 timeout, u32 news)
{
	apply(cnet, skb, flow, dir, now, timeout, news);
	ct_skb_set_info(skb, info_of(dir, status));
}

/*
 * What changes a flow, but happens to each: a first answer, and the end of a
 * handshake. Returns what is new of its status; 0 if it is something else.
 */
static __always_inline u32 judge_opening(struct ct_flow *flow,
					 enum ip_conntrack_dir dir,
					 const struct sk_buff *skb,
					 const void *ip, u8 family,
					 u8 protonum,
					 const struct ct_net *cnet,
					 u32 *timeout)
{
	struct ct_tcp *t = &flow->state.tcp;
	struct ct_tcp_seg seg CT_UNINIT;

	if (protonum == IPPROTO_UDP)
		return ct_udp_usual_answer(flow->status, dir, &cnet->knobs,
					   timeout) ? IPS_SEEN_REPLY : 0;
	if (dir == IP_CT_DIR_REPLY)
		return tcp_read_syn(skb, ip, family,
				    TCP_FLAG_SYN | TCP_FLAG_ACK, &seg) &&
		       ct_tcp_usual_answer(t, &seg, &cnet->knobs, timeout) ?
		       IPS_SEEN_REPLY : 0;
	return flow->status & IPS_SEEN_REPLY &&
	       tcp_read_ack(skb, ip, family, &seg) &&
	       ct_tcp_usual(t, CT_TCP_SYN_RECV, dir, &seg, &cnet->knobs,
			    timeout) ? IPS_ASSURED : 0;
}

static __always_inline void tuple_of(struct ct_tuple *tuple, const void *ip,
				     u8 family)
{
	const struct ipv6hdr *ip6h = ip;
	const struct iphdr *iph = ip;

	if (family == NFPROTO_IPV4) {
		tuple->src.ip = iph->saddr;
		tuple->dst.ip = iph->daddr;
	} else {
		tuple->src.in6 = ip6h->saddr;
		tuple->dst.in6 = ip6h->daddr;
	}
	memcpy(&tuple->l4, transport(ip, family), sizeof(tuple->l4));
	tuple->family = family;
	tuple->protonum = transport_proto(ip, family);
	tuple->zone = 0;
	tuple->link = 0;
}

/*
 * The packet as all others are described. Its checksum is known to be right, so
 * only TCP's header may be wrong.
 */
static __always_inline enum ct_reason describe(struct ct_pkt *pkt,
					       struct ct_net *cnet,
					       struct sk_buff *skb,
					       const void *ip,
					       const struct nf_hook_state *state)
{
	u8 family = state->pf;
	bool is_tcp = transport_proto(ip, family) == IPPROTO_TCP;

	pkt->skb = skb;
	pkt->cnet = cnet;
	pkt->proto = is_tcp ? &ct_proto_tcp : &ct_proto_udp;
	tuple_of(&pkt->tuple, ip, family);
	pkt->zone[IP_CT_DIR_ORIGINAL] = 0;
	pkt->zone[IP_CT_DIR_REPLY] = 0;
	pkt->now = ct_now();
	pkt->len = skb->len;
	pkt->l4off = header_len(family);
	pkt->l4len = transport_len(ip, family);
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

	reason = describe(&pkt, cnet, skb, skb_network_header(skb), state);
	ct_core_found(&pkt, reason, flow, dir, state);
}

/* The same. It may only open the connection further. */
static noinline void judge_changing(struct ct_net *cnet, struct sk_buff *skb,
				    const struct nf_hook_state *state,
				    struct ct_flow *flow,
				    enum ip_conntrack_dir dir)
{
	const void *ip = skb_network_header(skb);
	u32 opened, news, status, timeout;
	u8 family = state->pf;

	opened = judge_opening(flow, dir, skb, ip, family,
			       transport_proto(ip, family), cnet, &timeout);
	if (!opened) {
		judge_unusual(cnet, skb, state, flow, dir);
		return;
	}
	status = flow->status | opened;
	news = ct_event_of_status(status ^ flow->status) |
	       (transport_proto(ip, family) == IPPROTO_TCP ?
		BIT(IPCT_PROTOINFO) : 0);
	ct_flow_set_status(flow, cnet, status);
	settle(cnet, skb, flow, dir, status, ct_now(), timeout, news);
}

/*
 * The packet has no flow. It is not a datagram, nor a SYN as most are, or has to
 * be told of.
 */
static noinline void begin_unusual(struct ct_net *cnet, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	enum ct_reason reason;
	struct ct_pkt pkt CT_UNINIT;

	reason = describe(&pkt, cnet, skb, skb_network_header(skb), state);
	ct_core_new(&pkt, reason, state);
}

/* By what the packet was looked for just now, but for who sends */
static __always_inline void keep_id(struct ct_id *id, const void *ip, u8 family,
				    const struct ct_net *cnet)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		identify(id, ip, family, transport_proto(ip, family), cnet);
	else if (family == NFPROTO_IPV4)
		ct_last_id(id);
	else
		ct_last_id6(id);
}

/*
 * The packet has no flow, and begins one. Whether it does so still is judged at
 * the last hook.
 */
static noinline void begin_first(struct ct_net *cnet, struct sk_buff *skb,
				 const struct nf_hook_state *state,
				 u8 sender)
{
	const void *ip = skb_network_header(skb);
	struct ct_tcp_seg seg CT_UNINIT;
	struct ct_pending *p;

	if (ct_traces_new() || !ct_skb_may_carry() || ct_said_any(cnet) ||
	    (transport_proto(ip, state->pf) == IPPROTO_TCP &&
	     unlikely(!tcp_read_syn(skb, ip, state->pf, TCP_FLAG_SYN, &seg)))) {
		begin_unusual(cnet, skb, state);
		return;
	}
	p = ct_pending_attach(cnet, skb, CT_INFO_NEW, CT_PENDING_FIRST);
	if (likely(p)) {
		tuple_of(&p->orig, ip, state->pf);
		keep_id(&p->id, ip, state->pf, cnet);
		p->id.sender = sender;
	} else {
		ct_pending_lose(cnet, skb, CT_INFO_NEW);
	}
}

/* What packets of that direction become: the inverse of the other one */
static __always_inline void bound_to(const struct ct_flow *flow, u32 status,
				     enum ip_conntrack_dir dir, u8 family,
				     struct ct_tuple *to)
{
	const struct ct_alias *alias = ct_flow_alias(flow);
	bool there = dir == IP_CT_DIR_ORIGINAL;
	const struct ct_key *key = there ? &alias->node.key : &flow->node.key;
	u8 sender = there ? alias->sender : !!(status & CT_FLOW_ORIGIN);
	const struct in6_addr *addr;

	if (family == NFPROTO_IPV4) {
		to->src.ip = key->addr[!sender];
		to->dst.ip = key->addr[sender];
	} else {
		addr = there ? ct_alias6(alias)->addr : ct_flow6(flow)->addr;
		to->src.in6 = addr[!sender];
		to->dst.in6 = addr[sender];
	}
	to->sport = key->port[!sender];
	to->dport = key->port[sender];
	to->family = family;
	to->protonum = key->protonum;
	to->zone = 0;
	to->link = 0;
}

/* The flow's lock is held. Does that node of it stand for the packet, which goes on? */
static __always_inline bool is_good_bound(const struct ct_flow *flow,
					  u32 status,
					  const struct ct_node *node,
					  const struct ct_id *id,
					  const struct ct_net *cnet, u32 now)
{
	const struct ct_alias *alias = ct_flow_alias(flow);

	return !(status & (IPS_DYING | IPS_FIXED_TIMEOUT)) &&
	       status & CT_FLOW_BOUND && alias &&
	       (node == &flow->node || node == &alias->node) &&
	       ct_node_matches(node, cnet, &id->key, id->addr) &&
	       ct_node_senders(node) & BIT(id->sender) &&
	       alias->node.key.zone == flow->node.key.zone &&
	       ct_left(flow->expires, now) > 0;
}

/* The packet is applied. It refers to what it was and becomes. */
static __always_inline void carry_bound(struct ct_net *cnet,
					struct sk_buff *skb, const void *ip,
					u8 family, enum ct_info info, int oif,
					const struct ct_tuple *to)
{
	struct ct_pending *p;

	p = ct_pending_attach(cnet, skb, info, CT_PENDING_NONE);
	if (unlikely(!p)) {
		ct_pending_lose(cnet, skb, info);
		return;
	}
	tuple_of(&p->orig, ip, family);
	p->bind.to = *to;
	ct_pending_bind(p, oif);
	if (info == CT_INFO_ESTABLISHED_REPLY)	/* who looks for a socket reads it */
		ct_nfct_fill(p, IP_CT_DIR_REPLY);
}

/*
 * The packet may be of a flow that we translate. Returns false if it has to go the long
 * way, from the start.
 */
static noinline bool track_bound(struct ct_net *cnet, struct sk_buff *skb,
				 const struct nf_hook_state *state,
				 const struct ct_id *id, struct ct_node *node)
{
	enum ip_conntrack_dir dir = ct_node_alias(node) ? IP_CT_DIR_REPLY :
							  IP_CT_DIR_ORIGINAL;
	const void *ip = skb_network_header(skb);
	struct ct_flow *flow = ct_node_flow(node);
	u32 status, timeout, now = ct_now();
	struct ct_tuple to CT_UNINIT;
	u8 family = state->pf;
	int oif;

	ct_flow_lock(flow);
	status = READ_ONCE(flow->status);
	smp_rmb();	/* as in ct_flow_alive() */
	if (!is_good_bound(flow, status, node, id, cnet, now) ||
	    !judge(flow, status, dir, skb, ip, family,
		   transport_proto(ip, family), cnet, now, &timeout)) {
		ct_flow_unlock(flow);
		return false;
	}
	bound_to(flow, status, dir, family, &to);
	oif = dir == IP_CT_DIR_ORIGINAL ? ct_flow_oif(flow) : 0;
	apply(cnet, skb, flow, dir, now, timeout, 0);
	carry_bound(cnet, skb, ip, family, info_of(dir, status), oif, &to);
	return true;
}

/* Returns false if the packet has to go the long way, from the start. */
static __always_inline bool track(struct ct_net *cnet, struct sk_buff *skb,
				  const struct nf_hook_state *state,
				  const void *ip, u8 family, u8 protonum)
{
	enum ip_conntrack_dir dir;
	u32 status, now, timeout;
	struct ct_flow *flow;
	struct ct_node *near;
	struct ct_id id CT_UNINIT;
	bool sure = false;

	identify(&id, ip, family, protonum, cnet);
	flow = plain_search(&id, family, cnet, &near, &sure);
	if (unlikely(!flow)) {
		if (sure)
			begin_first(cnet, skb, state, id.sender);
		return sure || (near && ct_node_alias(near) &&
				track_bound(cnet, skb, state, &id, near));
	}

	ct_flow_lock(flow);
	status = READ_ONCE(flow->status);
	smp_rmb();	/* as in ct_flow_alive() */
	now = ct_now();
	if (unlikely(!is_good(flow, status, &id, family, cnet, now))) {
		ct_flow_unlock(flow);
		return status & CT_FLOW_BOUND &&
		       track_bound(cnet, skb, state, &id, &flow->node);
	}
	dir = id.sender ^ !!(status & CT_FLOW_ORIGIN);
	if (likely(judge(flow, status, dir, skb, ip, family, protonum, cnet,
			 now, &timeout)))
		settle(cnet, skb, flow, dir, status, now, timeout, 0);
	else
		judge_changing(cnet, skb, state, flow, dir);
	return true;
}

static noinline unsigned int first_bh_on(void *priv, struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	unsigned int verdict;

	local_bh_disable();
	verdict = state->pf == NFPROTO_IPV4 ?
		  ct_plain_first4(priv, skb, state) :
		  ct_plain_first6(priv, skb, state);
	local_bh_enable();
	return verdict;
}

static __always_inline unsigned int first(struct ct_net *cnet,
					  struct sk_buff *skb,
					  const struct nf_hook_state *state,
					  u8 family)
{
	const void *ip = plain_header(skb, family);
	u8 protonum;

	if (unlikely(!softirq_count()))
		return first_bh_on(cnet, skb, state);
	/* Seen before, or spoken of */
	if (unlikely(!ip || skb_get_nfct(skb)))
		goto other;
	protonum = transport_proto(ip, family);
	if (protonum == IPPROTO_TCP) {
		if (likely(tcp_is_plain(skb, ip, family, cnet, state) &&
			   track(cnet, skb, state, ip, family, IPPROTO_TCP)))
			return NF_ACCEPT;
	} else if (likely(protonum == IPPROTO_UDP)) {
		if (likely(udp_is_plain(skb, ip, family, cnet, state) &&
			   track(cnet, skb, state, ip, family, IPPROTO_UDP)))
			return NF_ACCEPT;
	}
other:
	return ct_core_first(cnet, skb, state);
}

/**
 * ct_plain_first4() - first hook of IPv4
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT.
 */
unsigned int ct_plain_first4(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	return first(priv, skb, state, NFPROTO_IPV4);
}

/**
 * ct_plain_first6() - first hook of IPv6
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT.
 */
unsigned int ct_plain_first6(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	return first(priv, skb, state, NFPROTO_IPV6);
}

/* Last hook */

/* Has the packet the tuple that it had at the first hook, in no zone? */
static __always_inline bool is_untranslated(const struct ct_tuple *orig,
					    const void *ip, u8 family)
{
	const struct ipv6hdr *ip6h = ip;
	const struct iphdr *iph = ip;

	if (orig->l4 != *(const __be32 *)transport(ip, family) ||
	    orig->family != family || orig->zone ||
	    orig->protonum != transport_proto(ip, family))
		return false;
	if (family == NFPROTO_IPV4)
		return orig->src.ip == iph->saddr && orig->dst.ip == iph->daddr;
	return ipv6_addr_equal(&orig->src.in6, &ip6h->saddr) &&
	       ipv6_addr_equal(&orig->dst.in6, &ip6h->daddr);
}

/*
 * Make a flow of a packet that begins one and was not translated. Returns false
 * if it has to go the long way.
 */
static __always_inline bool make_flow(struct ct_net *cnet, struct sk_buff *skb,
				      const void *ip, u8 family, u8 protonum,
				      const struct ct_id *id,
				      unsigned int *verdict)
{
	struct ct_tcp_seg seg CT_UNINIT;
	u32 timeout, now = ct_now();
	struct ct_flow *flow;

	if (protonum == IPPROTO_TCP &&
	    unlikely(!tcp_read_syn(skb, ip, family, TCP_FLAG_SYN, &seg)))
		return false;
	flow = ct_flow_create(cnet, id, NULL);
	if (IS_ERR(flow)) {
		*verdict = ct_core_no_flow(cnet, PTR_ERR(flow));
		return true;
	}
	timeout = protonum == IPPROTO_TCP ?
		  ct_tcp_usual_first(&flow->state.tcp, &seg, &cnet->knobs) :
		  ct_udp_usual_first(&flow->state.udp, now, &cnet->knobs);
	ct_flow_prepare(flow, now + timeout, 0);
	ct_flow_count(flow, IP_CT_DIR_ORIGINAL, skb->len);
	if (unlikely(!ct_hash_insert(cnet, flow))) {
		ct_flow_discard(flow);
		return false;
	}
	ct_core_born(cnet, flow, id->hash);
	*verdict = NF_ACCEPT;
	return true;
}

/* Is the packet plain still? */
static __always_inline bool is_plain(struct sk_buff *skb, const void *ip,
				     u8 family, u8 protonum,
				     const struct ct_net *cnet,
				     const struct nf_hook_state *state)
{
	if (protonum == IPPROTO_UDP)
		return udp_is_plain(skb, ip, family, cnet, state);
	return protonum == IPPROTO_TCP &&
	       tcp_is_plain(skb, ip, family, cnet, state);
}

/*
 * Has the packet a flow to make, with the tuple that it had at the first hook, of
 * which no rule said anything, and is it the only one that will? Bottom halves off.
 */
static __always_inline bool is_only_first(const struct ct_pending *p,
					  const void *ip, u8 family)
{
	return ct_pending_is_alone(p) &&
	       READ_ONCE(p->kind) == CT_PENDING_FIRST &&
	       !READ_ONCE(p->note.has) && p->id.key.word[1] &&
	       is_untranslated(&p->orig, ip, family);
}

/* Make the packet's flow, if it is plain still. */
static __always_inline unsigned int
last_first(struct ct_net *cnet, struct sk_buff *skb,
	   const struct nf_hook_state *state, u8 family)
{
	struct ct_pending *p = ct_pending_of(skb);
	const void *ip = plain_header(skb, family);
	unsigned int verdict;
	u8 protonum;

	if (unlikely(!softirq_count() || !p || !ip ||
		     ct_packet_is_at_vrf(state) ||
		     ct_skb_info(skb) != CT_INFO_NEW))
		goto other;
	protonum = transport_proto(ip, family);
	if (likely(is_plain(skb, ip, family, protonum, cnet, state) &&
		   is_only_first(p, ip, family) &&
		   make_flow(cnet, skb, ip, family, protonum, &p->id,
			     &verdict))) {
		WRITE_ONCE(p->kind, CT_PENDING_NONE);
		ct_pending_detach(skb, p, CT_INFO_NEW);
		return verdict;
	}
other:
	return ct_core_last(cnet, skb, state);
}

static noinline unsigned int last_first4(struct ct_net *cnet,
					 struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	return last_first(cnet, skb, state, NFPROTO_IPV4);
}

static noinline unsigned int last_first6(struct ct_net *cnet,
					 struct sk_buff *skb,
					 const struct nf_hook_state *state)
{
	return last_first(cnet, skb, state, NFPROTO_IPV6);
}

/* Does the packet carry an answer, and is nothing pending? */
static __always_inline bool is_through(const struct sk_buff *skb)
{
	unsigned long nfct = skb_get_nfct(skb);

	return likely(nfct - 1 < NFCT_INFOMASK);
}

/**
 * ct_plain_last4() - last hook of IPv4
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * With nearly every packet nothing is left to do, and it says so.
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT; %NF_DROP if there is no room for its flow.
 */
unsigned int ct_plain_last4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	return is_through(skb) ? NF_ACCEPT : last_first4(priv, skb, state);
}

/**
 * ct_plain_last6() - last hook of IPv6
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: as ct_plain_last4().
 *
 * Return: as ct_plain_last4().
 */
unsigned int ct_plain_last6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	return is_through(skb) ? NF_ACCEPT : last_first6(priv, skb, state);
}

/* For the KUnit suites */

#if IS_ENABLED(CONFIG_KUNIT)
static u8 view_segment(const struct sk_buff *skb, const void *ip, u8 family,
		       struct ct_tcp_seg *seg)
{
	if (tcp_read_ack(skb, ip, family, seg))
		return CT_TCP_K_ACK;
	if (tcp_read_syn(skb, ip, family, TCP_FLAG_SYN, seg))
		return CT_TCP_K_SYN;
	return tcp_read_syn(skb, ip, family, TCP_FLAG_SYN | TCP_FLAG_ACK,
			    seg) ? CT_TCP_K_SYNACK : CT_TCP_K_NONE;
}

/**
 * ct_plain_read() - read a packet the short way
 * @skb: the packet
 * @cnet: its namespace
 * @state: the hook: family and number are looked at
 * @view: filled with what was read
 *
 * Context: bottom halves off.
 *
 * Return: false if the packet goes the long way from the start.
 */
bool ct_plain_read(struct sk_buff *skb, const struct ct_net *cnet,
		   const struct nf_hook_state *state,
		   struct ct_plain_view *view)
{
	u8 family = state->pf, protonum;
	const void *ip = plain_header(skb, family);

	if (!ip)
		return false;
	protonum = transport_proto(ip, family);
	if (!is_plain(skb, ip, family, protonum, cnet, state))
		return false;
	identify(&view->id, ip, family, protonum, cnet);
	tuple_of(&view->tuple, ip, family);
	view->l4len = transport_len(ip, family);
	view->kind = protonum == IPPROTO_TCP ?
		     view_segment(skb, ip, family, &view->seg) : CT_TCP_K_NONE;
	return true;
}
EXPORT_SYMBOL_CT(ct_plain_read);
#endif
