/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Networks that become networks (NETMAP of iptables, prefixes of nft): the host's part
 * of an address stays.
 */
#ifndef CT_NAT_RANGE_H
#define CT_NAT_RANGE_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <net/netfilter/nf_nat.h>

/**
 * ct_nat_range_netmap() - of a network, the address for this packet
 * @range: from the network's first address to its last; in the end one address
 * @skb: the packet
 * @pf: NFPROTO_IPV4 or NFPROTO_IPV6
 * @manip: which address is translated
 */
static inline void ct_nat_range_netmap(struct nf_nat_range2 *range,
				       const struct sk_buff *skb, u8 pf,
				       enum nf_nat_manip_type manip)
{
	bool is_source = manip == NF_NAT_MANIP_SRC;
	union nf_inet_addr addr = {};
	__be32 host;
	int i;

	if (pf == NFPROTO_IPV4)
		addr.ip = is_source ? ip_hdr(skb)->saddr : ip_hdr(skb)->daddr;
	else
		addr.in6 = is_source ? ipv6_hdr(skb)->saddr :
				       ipv6_hdr(skb)->daddr;
	for (i = 0; i < ARRAY_SIZE(addr.ip6); i++) {
		host = range->min_addr.ip6[i] ^ range->max_addr.ip6[i];
		addr.ip6[i] = (addr.ip6[i] & host) |
			      (range->min_addr.ip6[i] & ~host);
	}
	range->min_addr = addr;
	range->max_addr = addr;
	range->flags |= NF_NAT_RANGE_MAP_IPS;
}

#endif /* CT_NAT_RANGE_H */
