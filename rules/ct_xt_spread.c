// SPDX-License-Identifier: GPL-2.0
/*
 * iptables rules that spread connections over machines or ways: the match cluster
 * and the target HMARK.
 *
 * Overview
 *	As the kernel's own (iptables-extensions(8)), with the same results, for
 *	machines of one cluster need not all run this tracker. cluster asks who began
 *	the connection. HMARK asks for its ends where the rule says "ct", and reads
 *	the packet else, or the packet that an ICMP error quotes.
 *
 * Context
 *	match and target: hooks, RCU read-side section; checkentry: process.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jhash.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_HMARK.h>
#include <linux/netfilter/xt_cluster.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "ct_packet.h"
#include "ct_xt_register.h"
#include "ip_conntrack.h"

/* cluster */

/* One of several machines may have been sent a frame for all of them. */
static void take_as_ours(struct sk_buff *skb, u8 family)
{
	bool to_many = family == NFPROTO_IPV4 ?
		       ipv4_is_multicast(ip_hdr(skb)->daddr) :
		       ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);

	if (!to_many && skb->pkt_type == PACKET_MULTICAST)
		skb->pkt_type = PACKET_HOST;
}

static bool cluster_match(const struct sk_buff *skb,
			  struct xt_action_param *par)
{
	const struct xt_cluster_match_info *info = par->matchinfo;
	const union nf_inet_addr *src;
	struct ct_snapshot snap;
	u32 hash, node;

	take_as_ours((struct sk_buff *)skb, xt_family(par));
	if (!ct_info_has_flow(ct_skb_snapshot(skb, par->state, &snap)))
		return false;
	src = &snap.tuple[IP_CT_DIR_ORIGINAL].src;
	if (snap.tuple[IP_CT_DIR_ORIGINAL].family == NFPROTO_IPV4)
		hash = jhash_1word((__force u32)src->ip, info->hash_seed);
	else	/* the kernel's takes the first word of an address, and no more */
		hash = jhash2(src->all, 1, info->hash_seed);
	node = reciprocal_scale(hash, info->total_nodes);
	return !(BIT(node) & info->node_mask) ==
	       !!(info->flags & XT_CLUSTER_F_INV);
}

static int cluster_check(const struct xt_mtchk_param *par)
{
	const struct xt_cluster_match_info *info = par->matchinfo;

	if (info->total_nodes > XT_CLUSTER_NODES_MAX) {
		pr_info_ratelimited("cluster: more than %u nodes\n",
				    XT_CLUSTER_NODES_MAX);
		return -EINVAL;
	}
	if (info->node_mask >= BIT_ULL(info->total_nodes)) {
		pr_info_ratelimited("cluster: a node beyond the last one\n");
		return -EDOM;
	}
	return 0;
}

/* HMARK */

/**
 * struct ends - what is hashed
 * @src: one end's address, as far as the rule's mask says; of IPv6 the words together
 * @dst: the other end's
 * @ports: their ports, as in packets
 * @has_ports: there are ports
 * @protonum: IPPROTO_*
 */
struct ends {
	u32 src;
	u32 dst;
	union hmark_ports ports;
	bool has_ports;
	u8 protonum;
};

static u32 masked(const union nf_inet_addr *addr,
		  const union nf_inet_addr *mask, u8 family)
{
	u32 word = 0;
	int i;

	if (family == NFPROTO_IPV4)
		return ntohl(addr->ip & mask->ip);
	for (i = 0; i < ARRAY_SIZE(addr->all); i++)
		word ^= ntohl(addr->ip6[i] & mask->ip6[i]);
	return word;
}

static bool has_method_l3(const struct xt_hmark_info *info)
{
	return info->flags & XT_HMARK_FLAG(XT_HMARK_METHOD_L3);
}

/* The same for both directions, and on machines of either byte order */
static u32 mark_of(const struct ends *ends, const struct xt_hmark_info *info)
{
	union hmark_ports ports;
	u32 both = 0, hash;
	u16 src, dst;

	if (!has_method_l3(info) && ends->has_ports) {
		ports.b32 = (ends->ports.b32 & info->port_mask.b32) |
			    info->port_set.b32;
		src = ntohs(ports.b16.src);
		dst = ntohs(ports.b16.dst);
		both = max(src, dst) << 16 | min(src, dst);
	}
	hash = jhash_3words(min(ends->src, ends->dst), max(ends->src, ends->dst),
			    both, info->hashrnd);
	if (!has_method_l3(info))
		hash ^= ends->protonum & info->proto_mask;
	return reciprocal_scale(hash, info->hmodulus) + info->hoffset;
}

static bool read_flow(const struct sk_buff *skb,
		      const struct xt_action_param *par, struct ends *ends)
{
	const struct xt_hmark_info *info = par->targinfo;
	const struct ct_tuple *orig, *reply;
	struct ct_snapshot snap;

	if (!ct_info_has_flow(ct_skb_snapshot(skb, par->state, &snap)))
		return false;
	orig = &snap.tuple[IP_CT_DIR_ORIGINAL];
	reply = &snap.tuple[IP_CT_DIR_REPLY];
	ends->src = masked(&orig->src, &info->src_mask, orig->family);
	ends->dst = masked(&reply->src, &info->dst_mask, orig->family);
	ends->protonum = orig->protonum;
	ends->has_ports = orig->protonum != IPPROTO_ICMP;
	ends->ports.b16.src = ct_tuple_sport(orig);
	ends->ports.b16.dst = ct_tuple_sport(reply);
	return true;
}

/* @at is where the transport header begins. */
static void read_ports(const struct sk_buff *skb, int at, struct ends *ends)
{
	int offset = proto_ports_offset(ends->protonum);

	ends->has_ports = offset >= 0 &&
			  !skb_copy_bits(skb, at + offset, &ends->ports,
					 sizeof(ends->ports));
}

static bool read_ipv4(const struct sk_buff *skb,
		      const struct xt_hmark_info *info, struct ends *ends)
{
	const struct iphdr *ip = ip_hdr(skb);
	int at = skb_network_offset(skb);
	const struct icmphdr *icmp;
	struct icmphdr icmp_buf;
	struct iphdr ip_buf;

	if (ip->protocol == IPPROTO_ICMP) {
		icmp = skb_header_pointer(skb, at + ip->ihl * 4,
					  sizeof(icmp_buf), &icmp_buf);
		if (icmp && icmp_is_err(icmp->type)) {
			at += ip->ihl * 4 + sizeof(*icmp);
			ip = skb_header_pointer(skb, at, sizeof(ip_buf),
						&ip_buf);
			if (!ip)
				return false;
		}
	}
	ends->src = ntohl(ip->saddr & info->src_mask.ip);
	ends->dst = ntohl(ip->daddr & info->dst_mask.ip);
	ends->protonum = ip->protocol;
	if (!ip_is_fragment(ip))
		read_ports(skb, at + ip->ihl * 4, ends);
	return true;
}

/* Returns what is behind the extension headers, which @at is set to, or -1. */
static int find_last_header(const struct sk_buff *skb, unsigned int *at,
			    bool *is_fragment)
{
	int flags = IP6_FH_F_AUTH, protonum;
	unsigned short offset = 0;

	protonum = ipv6_find_hdr(skb, at, -1, &offset, &flags);
	*is_fragment = flags & IP6_FH_F_FRAG;
	return protonum;
}

static bool is_icmpv6_error(const struct sk_buff *skb, unsigned int at)
{
	u8 buf, *type = skb_header_pointer(skb, at, sizeof(buf), &buf);

	return type && *type && !(*type & ICMPV6_INFOMSG_MASK);
}

static bool read_ipv6(const struct sk_buff *skb,
		      const struct xt_hmark_info *info, struct ends *ends)
{
	const struct ipv6hdr *ip = ipv6_hdr(skb);
	struct ipv6hdr buf;
	unsigned int at = 0;
	bool is_fragment;
	int protonum;

	protonum = find_last_header(skb, &at, &is_fragment);
	if (protonum < 0)
		return true;	/* all of them are one */
	if (protonum == IPPROTO_ICMPV6 && !is_fragment &&
	    is_icmpv6_error(skb, at)) {
		at += sizeof(struct icmp6hdr);
		ip = skb_header_pointer(skb, at, sizeof(buf), &buf);
		if (!ip)
			return false;
		protonum = find_last_header(skb, &at, &is_fragment);
		if (protonum < 0)
			return false;
	}
	ends->src = masked((const void *)&ip->saddr, &info->src_mask,
			   NFPROTO_IPV6);
	ends->dst = masked((const void *)&ip->daddr, &info->dst_mask,
			   NFPROTO_IPV6);
	ends->protonum = protonum;
	if (!is_fragment)
		read_ports(skb, at, ends);
	return true;
}

static unsigned int hmark_target(struct sk_buff *skb,
				 const struct xt_action_param *par)
{
	const struct xt_hmark_info *info = par->targinfo;
	struct ends ends = {};
	bool known;

	if (info->flags & XT_HMARK_FLAG(XT_HMARK_CT))
		known = read_flow(skb, par, &ends);
	else if (xt_family(par) == NFPROTO_IPV4)
		known = read_ipv4(skb, info, &ends);
	else
		known = read_ipv6(skb, info, &ends);
	if (known)
		skb->mark = mark_of(&ends, info);
	return XT_CONTINUE;
}

/* Flags of which one excludes those of the other side */
static bool are_both(u32 flags, int one, int other1, int other2)
{
	return flags & XT_HMARK_FLAG(one) &&
	       flags & (XT_HMARK_FLAG(other1) | XT_HMARK_FLAG(other2));
}

static int hmark_check(const struct xt_tgchk_param *par)
{
	const struct xt_hmark_info *info = par->targinfo;

	if (!info->hmodulus)
		return -EINVAL;
	if (info->proto_mask && has_method_l3(info)) {
		pr_info_ratelimited("HMARK: a mask for protocols, but method L3\n");
		return -EINVAL;
	}
	if (are_both(info->flags, XT_HMARK_SPI_MASK, XT_HMARK_SPORT_MASK,
		     XT_HMARK_DPORT_MASK) ||
	    are_both(info->flags, XT_HMARK_SPI, XT_HMARK_SPORT,
		     XT_HMARK_DPORT)) {
		pr_info_ratelimited("HMARK: an SPI and ports\n");
		return -EINVAL;
	}
	return 0;
}

/* Registration */

#define CLUSTER(_family) {						\
		.name = "cluster",					\
		.family = NFPROTO_##_family,				\
		.matchsize = sizeof(struct xt_cluster_match_info),	\
		.match = cluster_match,					\
		.checkentry = cluster_check,				\
		.me = THIS_MODULE,					\
	}

static struct xt_match matches[] = {
	CLUSTER(IPV4), CLUSTER(IPV6),
};

#define HMARK(_family) {						\
		.name = "HMARK",					\
		.family = NFPROTO_##_family,				\
		.targetsize = sizeof(struct xt_hmark_info),		\
		.target = hmark_target,					\
		.checkentry = hmark_check,				\
		.me = THIS_MODULE,					\
	}

static struct xt_target targets[] = {
	HMARK(IPV4), HMARK(IPV6),
};

const struct ct_xt_set ct_xt_spread = CT_XT_SET(matches, targets);
