/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The short way: a plain packet, and how it is read, inline. What is judged quickly
 * stands beside its full judge: ct_tcp_fast.h, ct_udp_fast.h.
 */
#ifndef CT_FAST_H
#define CT_FAST_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "ct_net.h"

/**
 * struct ct_fast - a packet on the short way
 * @cnet: its namespace
 * @skb: the packet
 * @state: the hook
 * @ip: its IP header
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6: a constant, where that pays
 * @protonum: IPPROTO_TCP or IPPROTO_UDP: the same
 *
 * Never leaves the function that it is made in, but for what is inline there: the
 * compiler takes it apart.
 */
struct ct_fast {
	struct ct_net *cnet;
	struct sk_buff *skb;
	const struct nf_hook_state *state;
	const void *ip;
	u8 family;
	u8 protonum;
};

/**
 * struct ct_fast_move - what a packet does to its flow
 * @dir: its direction
 * @status: status of the flow
 * @now: when it came
 * @timeout: jiffies until the flow ends
 * @news: for listeners: bits 1 << enum ip_conntrack_events
 */
struct ct_fast_move {
	enum ip_conntrack_dir dir;
	u32 status;
	u32 now;
	u32 timeout;
	u32 news;
};

static __always_inline unsigned int ct_fast_hlen(const struct ct_fast *f)
{
	return f->family == NFPROTO_IPV4 ? sizeof(struct iphdr) :
					   sizeof(struct ipv6hdr);
}

/* What is behind the IP header, and how long it says that is */
static __always_inline const void *ct_fast_l4(const struct ct_fast *f)
{
	return (const u8 *)f->ip + ct_fast_hlen(f);
}

static __always_inline int ct_fast_l4len(const struct ct_fast *f)
{
	const struct ipv6hdr *ip6h = f->ip;
	const struct iphdr *iph = f->ip;

	return f->family == NFPROTO_IPV4 ?
	       ntohs(iph->tot_len) - (int)sizeof(*iph) :
	       ntohs(ip6h->payload_len);
}

static __always_inline u8 ct_fast_l4proto(const struct ct_fast *f)
{
	const struct ipv6hdr *ip6h = f->ip;
	const struct iphdr *iph = f->ip;

	return f->family == NFPROTO_IPV4 ? iph->protocol : ip6h->nexthdr;
}

#endif /* CT_FAST_H */
