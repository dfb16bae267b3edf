// SPDX-License-Identifier: GPL-2.0
/*
 * Rewriting: one end of a packet, or of the packet that an ICMP error quotes.
 *
 * Overview
 *	An end is an address, and a port or, of a query protocol, the identifier,
 *	which is its asker's. What protocols are known to have checksums over them
 *	have these brought up to date by the difference, so that what was wrong
 *	stays wrong, whatever the state of the skb's checksum. SCTP's is made anew,
 *	for it is no sum, and so is that of an error whose quote has changed.
 *
 *	Of a quote no more is sure to be there than eight bytes behind its IP header;
 *	a checksum beyond them is mended where it was quoted too.
 *
 * Context
 *	Any. No lock is taken, nothing sleeps. What is written is made writable before.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/sctp.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

#include "ct_compat.h"
#include "ct_nat_engine.h"
#include "ct_proto.h"
#include "ct_sctp.h"

/* No port, or no checksum */
#define NOWHERE		0xff

/**
 * struct change - what is to be done with one end
 * @family: NFPROTO_*
 * @protonum: IPPROTO_*
 * @src: it is the source
 * @from: its address
 * @to: what it becomes
 * @port: offset of its port behind the IP header, or NOWHERE
 * @port_from: its port
 * @port_to: what it becomes
 * @sum: offset of the checksum, or NOWHERE
 * @pseudo: addresses are in that
 */
struct change {
	u8 family;
	u8 protonum;
	bool src;
	union nf_inet_addr from;
	union nf_inet_addr to;
	u8 port;
	__be16 port_from;
	__be16 port_to;
	u8 sum;
	bool pseudo;
};

/* Has a packet an identifier, and is it this end's? It is who asks that has it. */
static bool has_identifier(const struct ct_tuple *tuple,
			   const struct ct_proto *proto, bool src)
{
	struct ct_tuple answer;
	struct ct_key key = {};

	return proto->invert(&answer, tuple) &&
	       !!proto->identify(tuple, &key) != src;
}

static void find_port(struct change *c, const struct ct_tuple *now,
		      const struct ct_tuple *to)
{
	const struct ct_proto *proto = ct_proto_find(now->family,
						     now->protonum);

	c->port = NOWHERE;
	if (now->protonum != to->protonum)
		return;		/* an error, about a packet that was @to */
	if (proto->identify) {
		if (!has_identifier(now, proto, c->src))
			return;
		c->port = offsetof(struct icmphdr, un.echo.id);
		c->port_from = now->icmp.id;
		c->port_to = to->icmp.id;
	} else if (proto->read && now->protonum != IPPROTO_GRE) {
		c->port = c->src ? 0 : sizeof(__be16);
		c->port_from = c->src ? now->sport : now->dport;
		c->port_to = c->src ? to->sport : to->dport;
	}
}

static void find_sum(struct change *c)
{
	c->pseudo = true;
	switch (c->protonum) {
	case IPPROTO_TCP:
		c->sum = offsetof(struct tcphdr, check);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		c->sum = offsetof(struct udphdr, check);
		break;
	case IPPROTO_ICMPV6:
		c->sum = offsetof(struct icmp6hdr, icmp6_cksum);
		break;
	case IPPROTO_ICMP:
		c->sum = offsetof(struct icmphdr, checksum);
		c->pseudo = false;
		break;
	default:
		c->sum = NOWHERE;
		break;
	}
}

static void plan(struct change *c, const struct ct_tuple *now,
		 const struct ct_tuple *to, enum nf_nat_manip_type manip)
{
	c->family = now->family;
	c->protonum = now->protonum;
	c->src = manip == NF_NAT_MANIP_SRC;
	c->from = c->src ? now->src : now->dst;
	c->to = c->src ? to->src : to->dst;
	find_port(c, now, to);
	find_sum(c);
}

static bool moves_addr(const struct change *c)
{
	return !ct_addr_equal(c->family, &c->from, &c->to);
}

static bool moves_port(const struct change *c)
{
	return c->port != NOWHERE && c->port_from != c->port_to;
}

/**
 * ct_nat_end_differs() - have two tuples different ends?
 * @a: one
 * @b: the other, of the same protocol
 * @manip: which end
 *
 * Context: any.
 *
 * Return: true if they have.
 */
bool ct_nat_end_differs(const struct ct_tuple *a, const struct ct_tuple *b,
			enum nf_nat_manip_type manip)
{
	struct change c;

	plan(&c, a, b, manip);
	return moves_addr(&c) || moves_port(&c);
}
EXPORT_SYMBOL_CT_TEST(ct_nat_end_differs);

/* A checksum that the kernel keeps track of: @skb's own */
static void fix_own(struct sk_buff *skb, const struct change *c, __sum16 *sum)
{
	if (c->pseudo && moves_addr(c)) {
		if (c->family == NFPROTO_IPV4)
			inet_proto_csum_replace4(sum, skb, c->from.ip,
						 c->to.ip, true);
		else
			inet_proto_csum_replace16(sum, skb, c->from.ip6,
						  c->to.ip6, true);
	}
	if (moves_port(c))
		inet_proto_csum_replace2(sum, skb, c->port_from, c->port_to,
					 false);
}

/* One that is data to the kernel: in a quote, or around another packet */
static void fix_quoted(const struct change *c, __sum16 *sum)
{
	__wsum diff = ~csum_unfold(*sum);
	int words = c->family == NFPROTO_IPV4 ? 1 : 4, i;

	for (i = 0; c->pseudo && i < words; i++) {
		diff = csum_sub(diff, (__force __wsum)c->from.all[i]);
		diff = csum_add(diff, (__force __wsum)c->to.all[i]);
	}
	if (moves_port(c)) {
		diff = csum_sub(diff, (__force __wsum)c->port_from);
		diff = csum_add(diff, (__force __wsum)c->port_to);
	}
	*sum = csum_fold(diff);
}

static void write_addr(const struct change *c, void *ip)
{
	struct ipv6hdr *ip6h = ip;
	struct iphdr *iph = ip;

	if (c->family == NFPROTO_IPV6) {
		*(c->src ? &ip6h->saddr : &ip6h->daddr) = c->to.in6;
		return;
	}
	csum_replace4(&iph->check, c->from.ip, c->to.ip);
	*(c->src ? &iph->saddr : &iph->daddr) = c->to.ip;
}

/* A datagram may have no checksum, and then it has none afterwards. */
static bool has_sum(const struct change *c, const u8 *l4, unsigned int len)
{
	const __sum16 *sum = (const __sum16 *)(l4 + c->sum);

	return c->sum != NOWHERE && c->sum + sizeof(*sum) <= len &&
	       (*sum || c->protonum != IPPROTO_UDP);
}

/*
 * Is the checksum that is to be made yet one of a packet inside this one? A tunnel's own
 * is complete then, but for one that is cut to pieces later.
 */
static bool is_around(const struct sk_buff *skb, unsigned int off)
{
	return skb->ip_summed == CHECKSUM_PARTIAL &&
	       skb_checksum_start_offset(skb) != off &&
	       !(skb_is_gso(skb) &&
		 skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL_CSUM);
}

/* Zero means "none", or nothing at all: it is written as its other zero. */
static bool has_no_zero(const struct change *c)
{
	return c->protonum == IPPROTO_UDP || c->protonum == IPPROTO_UDPLITE;
}

static void write_sum(struct sk_buff *skb, const struct change *c,
		      unsigned int off)
{
	__sum16 *sum = (__sum16 *)(skb->data + off + c->sum);

	if (is_around(skb, off))
		fix_quoted(c, sum);
	else
		fix_own(skb, c, sum);
	if (!*sum && has_no_zero(c))
		*sum = CSUM_MANGLED_0;
}

static void write_l4(struct sk_buff *skb, const struct change *c,
		     unsigned int off, unsigned int len)
{
	u8 *l4 = skb->data + off;

	if (has_sum(c, l4, len))
		write_sum(skb, c, off);
	else if (skb->ip_summed == CHECKSUM_COMPLETE &&
		 (moves_port(c) || c->family == NFPROTO_IPV6))
		/* The device has added up what nothing makes up for. */
		skb->ip_summed = CHECKSUM_NONE;
	if (moves_port(c))
		*(__be16 *)(l4 + c->port) = c->port_to;
}

/* It has no addresses in it. */
static void write_crc(struct sk_buff *skb, unsigned int off, unsigned int len)
{
	struct sctphdr *sh = (struct sctphdr *)(skb->data + off);

	sh->checksum = ct_sctp_crc(skb, off, len);
}

static void renew_crc(const struct ct_pkt *pkt)
{
	if (pkt->skb->ip_summed == CHECKSUM_PARTIAL)
		return;
	write_crc(pkt->skb, pkt->l4off, pkt->l4len);
	pkt->skb->ip_summed = CHECKSUM_UNNECESSARY;
}

/* What of the transport header is read or written */
static unsigned int header_of(const struct ct_pkt *pkt)
{
	return min_t(unsigned int, pkt->l4len, sizeof(struct tcphdr));
}

static void note_end(struct ct_tuple *tuple, const struct change *c)
{
	*(c->src ? &tuple->src : &tuple->dst) = c->to;
	if (!moves_port(c))
		return;
	if (ct_proto_find(tuple->family, tuple->protonum)->identify)
		tuple->icmp.id = c->port_to;
	else
		*(c->src ? &tuple->sport : &tuple->dport) = c->port_to;
}

/**
 * ct_nat_mangle() - rewrite one end of a packet
 * @pkt: the packet, read; its tuple is brought up to date
 * @to: has the end that it is to have
 * @manip: which
 *
 * Context: any.
 *
 * Return: false if there is no memory; the packet is as it was then.
 */
bool ct_nat_mangle(struct ct_pkt *pkt, const struct ct_tuple *to,
		   enum nf_nat_manip_type manip)
{
	struct sk_buff *skb = pkt->skb;
	unsigned int len = header_of(pkt);
	struct change c;

	plan(&c, &pkt->tuple, to, manip);
	if (!moves_addr(&c) && !moves_port(&c))
		return true;
	if (skb_ensure_writable(skb, pkt->l4off + len))
		return false;
	write_l4(skb, &c, pkt->l4off, len);
	if (c.protonum == IPPROTO_SCTP && moves_port(&c))
		renew_crc(pkt);
	if (moves_addr(&c))
		write_addr(&c, skb_network_header(skb));
	note_end(&pkt->tuple, &c);
	return true;
}
EXPORT_SYMBOL_CT_TEST(ct_nat_mangle);

/*
 * Offset of what is behind the IP header of a quote, or a negative number. Sets @end to
 * where the packet ended before it was cut.
 */
static int quoted_l4(const struct sk_buff *skb, unsigned int offset, u8 family,
		     unsigned int *end)
{
	const struct ipv6hdr *ip6h;
	const struct iphdr *iph;
	struct ipv6hdr buf;
	__be16 frag;
	u8 nexthdr;

	if (family == NFPROTO_IPV4) {
		iph = skb_header_pointer(skb, offset, sizeof(*iph), &buf);
		if (!iph)
			return -1;
		*end = offset + ntohs(iph->tot_len);
		return offset + iph->ihl * 4;
	}
	ip6h = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	if (!ip6h)
		return -1;
	offset += sizeof(*ip6h);
	*end = offset + ntohs(ip6h->payload_len);
	nexthdr = ip6h->nexthdr;
	return ipv6_skip_exthdr(skb, offset, &nexthdr, &frag);
}

static void write_quoted(const struct change *c, u8 *l4, unsigned int len)
{
	if (has_sum(c, l4, len))
		fix_quoted(c, (__sum16 *)(l4 + c->sum));
	if (moves_port(c))
		*(__be16 *)(l4 + c->port) = c->port_to;
}

/**
 * ct_nat_mangle_quote() - rewrite one end of the packet that an error quotes
 * @pkt: the error, read
 * @offset: of the quoted IP header
 * @to: has the end that the quoted packet is to have
 * @manip: which
 *
 * The error's own checksum is ct_nat_sum_error()'s.
 *
 * Context: any.
 *
 * Return: false if the quote is none, or there is no memory.
 */
bool ct_nat_mangle_quote(const struct ct_pkt *pkt, unsigned int offset,
			 const struct ct_tuple *to,
			 enum nf_nat_manip_type manip)
{
	struct sk_buff *skb = pkt->skb;
	struct ct_tuple quoted;
	unsigned int len, end;
	struct change c;
	int l4;

	if (ct_tuple_read_quote(skb, offset, to->family, &quoted) ||
	    quoted.protonum != to->protonum)
		return false;
	plan(&c, &quoted, to, manip);
	if (!moves_addr(&c) && !moves_port(&c))
		return true;
	l4 = quoted_l4(skb, offset, to->family, &end);
	if (l4 < 0 || l4 > skb->len)
		return false;
	len = min_t(unsigned int, skb->len - l4, sizeof(struct tcphdr));
	if (skb_ensure_writable(skb, l4 + len))
		return false;
	write_quoted(&c, skb->data + l4, len);
	if (c.protonum == IPPROTO_SCTP && moves_port(&c) && end <= skb->len &&
	    end >= l4 + sizeof(struct sctphdr))
		write_crc(skb, l4, end - l4);
	if (moves_addr(&c))
		write_addr(&c, skb->data + offset);
	return true;
}
EXPORT_SYMBOL_CT_TEST(ct_nat_mangle_quote);

/**
 * ct_nat_sum_error() - the checksum of an error whose quote was rewritten
 * @pkt: the error, whose addresses are what they will be
 *
 * Context: any.
 *
 * Return: false if there is no memory.
 */
bool ct_nat_sum_error(const struct ct_pkt *pkt)
{
	struct sk_buff *skb = pkt->skb;
	const struct ipv6hdr *ip6h;
	__sum16 *sum;
	__wsum data;

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		return true;
	if (skb_ensure_writable(skb, pkt->l4off + sizeof(struct icmphdr)))
		return false;
	ip6h = ipv6_hdr(skb);
	sum = (__sum16 *)(skb->data + pkt->l4off +
			  offsetof(struct icmphdr, checksum));
	*sum = 0;
	data = skb_checksum(skb, pkt->l4off, pkt->l4len, 0);
	if (pkt->tuple.family == NFPROTO_IPV4)
		*sum = csum_fold(data);
	else
		*sum = csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, pkt->l4len,
				       IPPROTO_ICMPV6, data);
	/* What the device has added up was another packet. */
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->ip_summed = CHECKSUM_NONE;
	return true;
}
