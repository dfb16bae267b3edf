// SPDX-License-Identifier: GPL-2.0
/*
 * Extension headers of IPv6: between which addresses is a packet's checksum?
 *
 * Context
 *	Any. Nothing here takes a lock, sleeps or keeps anything. No byte of a
 *	packet is believed: every header goes through skb_header_pointer().
 */
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "ct_compat.h"
#include "ct_tuple.h"

/* The last address of an RPL header (RFC 6554, 3), which leaves out a prefix */
static bool last_of_rpl(const struct sk_buff *skb, unsigned int off,
			unsigned int len, struct in6_addr *dst)
{
	unsigned int prefix, pad, rest;
	const u8 *bits;
	u8 buf[2];

	bits = skb_header_pointer(skb, off + 4, sizeof(buf), buf);
	if (!bits)
		return false;
	prefix = bits[0] & 0xf;
	pad = bits[1] >> 4;
	rest = sizeof(*dst) - prefix;
	return len >= 8 + pad + rest &&
	       !skb_copy_bits(skb, off + len - pad - rest, &dst->s6_addr[prefix],
			      rest);
}

/*
 * The address that a routing header leads to in the end, if the packet is not
 * there yet. It is the last of types 0 and 2 (RFC 6275, 6.4.1), and the first
 * of a segment list, which is written backwards (RFC 8754, 2).
 */
static bool take_last_stop(const struct sk_buff *skb, unsigned int off,
			   unsigned int len, struct in6_addr *dst)
{
	const struct ipv6_rt_hdr *rh;
	struct ipv6_rt_hdr buf;

	rh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!rh || !rh->segments_left)
		return false;
	if (rh->type == IPV6_SRCRT_TYPE_3)
		return last_of_rpl(skb, off, len, dst);
	if (len < 8 + sizeof(*dst))
		return false;
	switch (rh->type) {
	case IPV6_SRCRT_TYPE_0:
	case IPV6_SRCRT_TYPE_2:
		off += len - sizeof(*dst);
		break;
	case IPV6_SRCRT_TYPE_4:
		off += 8;
		break;
	default:
		return false;
	}
	return !skb_copy_bits(skb, off, dst, sizeof(*dst));
}

#define HOME_OPTIONS	8	/* most that are looked at */

/* The address that a mobile node has at home, of a Home Address option */
static bool take_home(const struct sk_buff *skb, unsigned int off,
		      unsigned int len, struct in6_addr *src)
{
	unsigned int end = off + len;
	const u8 *option;
	u8 buf[2];
	int i;

	off += sizeof(struct ipv6_opt_hdr);
	for (i = 0; i < HOME_OPTIONS && off + 2 + sizeof(*src) <= end; i++) {
		option = skb_header_pointer(skb, off, sizeof(buf), buf);
		if (!option)
			return false;
		if (option[0] == IPV6_TLV_HAO)
			return option[1] == sizeof(*src) &&
			       !skb_copy_bits(skb, off + 2, src, sizeof(*src));
		off += option[0] == IPV6_TLV_PAD1 ? 1 : option[1] + 2;
	}
	return false;
}

/**
 * ct_tuple_ends6() - the addresses that an IPv6 packet's checksum is over
 * @pkt: the packet, read
 * @src: set to the one that sent it
 * @dst: set to the one that it is for
 *
 * While a routing header has segments left, the address in the IP header is the
 * next stop, and the checksum is over the last (RFC 8200, 8.1). With a Home
 * Address option it is over the home address (RFC 6275, 6.3 and 9.3.1).
 *
 * Context: any.
 *
 * Return: false if they are those of the IP header.
 */
bool ct_tuple_ends6(const struct ct_pkt *pkt, struct in6_addr *src,
		    struct in6_addr *dst)
{
	unsigned int off = skb_network_offset(pkt->skb), len;
	const struct ipv6_opt_hdr *oh;
	const struct ipv6hdr *ip6h;
	struct ipv6_opt_hdr obuf;
	struct ipv6hdr buf;
	bool other = false;
	u8 kind;

	ip6h = skb_header_pointer(pkt->skb, off, sizeof(buf), &buf);
	if (!ip6h)
		return false;
	*src = ip6h->saddr;
	*dst = ip6h->daddr;
	kind = ip6h->nexthdr;
	for (off += sizeof(*ip6h); off < pkt->l4off; off += len) {
		oh = skb_header_pointer(pkt->skb, off, sizeof(obuf), &obuf);
		if (!oh)
			return false;
		len = kind == NEXTHDR_FRAGMENT ? sizeof(struct frag_hdr) :
		      kind == NEXTHDR_AUTH ? ipv6_authlen(oh) : ipv6_optlen(oh);
		if (kind == NEXTHDR_ROUTING)
			other |= take_last_stop(pkt->skb, off, len, dst);
		else if (kind == NEXTHDR_DEST)
			other |= take_home(pkt->skb, off, len, src);
		kind = oh->nexthdr;
	}
	return other;
}
EXPORT_SYMBOL_CT_TEST(ct_tuple_ends6);
