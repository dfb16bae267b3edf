// SPDX-License-Identifier: GPL-2.0
/*
 * What protocols share: ports, and checksums.
 *
 * Context
 *	Any. No lock is taken and nothing is kept.
 *
 * Checksums follow RFC 1071 (the sum), RFC 8200, 8.1 (the pseudo-header of IPv6)
 * and RFC 6275, 9.3.1 (that of mobile nodes); the kernel does the sums.
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/ip6_checksum.h>

#include "ct_compat.h"
#include "ct_proto.h"
#include "ct_text.h"

/**
 * ct_ports_read() - read two ports
 * @skb: the packet
 * @off: offset of the transport header
 * @tuple: to be filled
 *
 * Context: any.
 *
 * Return: false if they are not there.
 */
bool ct_ports_read(const struct sk_buff *skb, unsigned int off,
		   struct ct_tuple *tuple)
{
	const __be16 *port;
	__be16 buf[2];

	port = skb_header_pointer(skb, off, sizeof(buf), buf);
	if (!port)
		return false;
	tuple->sport = port[0];
	tuple->dport = port[1];
	return true;
}

/**
 * ct_ports_print() - print two ports
 * @p: where to
 * @tuple: the tuple
 *
 * Context: any.
 *
 * Return: where to go on.
 */
char *ct_ports_print(char *p, const struct ct_tuple *tuple)
{
	p = ct_text_field(p, "sport=", ntohs(tuple->sport));
	return ct_text_field(p, "dport=", ntohs(tuple->dport));
}

/*
 * Is a packet's checksum right that is not over the addresses of its IP header?
 * Sets @known if there is no other way to tell.
 */
static bool is_right_elsewhere(const struct ct_pkt *pkt, bool *known)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct in6_addr src, dst;
	__wsum sum;

	*known = pkt->tuple.family == NFPROTO_IPV6 &&
		 ct_tuple_ends6(pkt, &src, &dst);
	if (!*known)
		return false;
	sum = skb_checksum(pkt->skb, pkt->l4off, pkt->l4len, 0);
	return !csum_ipv6_magic(&src, &dst, pkt->l4len, pkt->tuple.protonum,
				sum);
#else
	*known = false;
	return false;
#endif
}

/**
 * ct_checksum_verify() - verify the transport checksum of a packet
 * @pkt: the packet, its tuple, @pkt->l4off and @pkt->l4len filled
 *
 * The result is noted in the skb, so that nobody has to do it again. But for
 * packets that are on their way by stops (RFC 8200, 8.1) or from a mobile node
 * (RFC 6275, 9.3.1): the kernel looks at the addresses of the IP header, which
 * are not yet those that the checksum is over.
 *
 * Context: any.
 *
 * Return: CT_R_OK or CT_R_CHECKSUM.
 */
enum ct_reason ct_checksum_verify(const struct ct_pkt *pkt)
{
	bool known, right;

	if (!READ_ONCE(pkt->cnet->knobs.checksum))
		return CT_R_OK;
	right = is_right_elsewhere(pkt, &known);
	if (!known)
		right = !nf_checksum(pkt->skb, pkt->hook, pkt->l4off,
				     pkt->tuple.protonum, pkt->tuple.family);
	return right ? CT_R_OK : CT_R_CHECKSUM;
}
