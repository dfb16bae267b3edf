// SPDX-License-Identifier: GPL-2.0
/*
 * Tuples: what is read from a packet, and what is hashed.
 *
 * Overview
 *	A packet has a tuple: addresses and ports as they stand in it. The table
 *	knows the tuple by its key, the two ends in canonical order, together
 *	with which of the ends sent the packet. Both say the same, so a tuple can
 *	be had back from a key.
 *
 * Link-local addresses
 *	fe80::1 is another host on each link (RFC 4007, 6), so a tuple with such
 *	an address has the interface as well, and its key has the interface's
 *	index in the 32 bits of the address that are zero (RFC 4291, 2.5.6); KAME
 *	did so throughout its kernel. CT_KEY_LINK tells such a key from one whose
 *	addresses had other bits there, which makes no sense but is not
 *	forbidden: those have no interface, and whatever is written into them
 *	they meet none that has. Nothing but a key has the index in an address.
 *
 * Context
 *	Any. Nothing here takes a lock, sleeps or keeps anything. No byte of a
 *	packet is believed: every header goes through skb_header_pointer(), and
 *	every length is checked against what is there.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>

#include "ct_bridge.h"
#include "ct_compat.h"
#include "ct_proto.h"
#include "ct_tuple.h"

hsiphash_key_t ct_hash_key __read_mostly;

/* IP */

static __always_inline enum ct_reason
take_ipv4(struct ct_pkt *pkt, unsigned int nhoff, const struct iphdr *iph)
{
	unsigned int hlen, total;

	if (unlikely(iph->version != 4 || iph->ihl < 5))
		return CT_R_IP_HEADER;
	hlen = iph->ihl * 4;
	total = ntohs(iph->tot_len);
	if (unlikely(!total) && skb_is_gso(pkt->skb))
		total = pkt->len;	/* BIG TCP: longer than the field */
	if (unlikely(total < hlen || total > pkt->len))
		return CT_R_IP_LENGTH;
	if (unlikely(ip_is_fragment(iph)))
		return pkt->hook == NF_INET_LOCAL_OUT ? CT_R_NODEFRAG :
							CT_R_FRAGMENT;

	pkt->tuple.src.ip = iph->saddr;
	pkt->tuple.dst.ip = iph->daddr;
	pkt->tuple.protonum = iph->protocol;
	pkt->l4off = nhoff + hlen;
	pkt->l4len = total - hlen;
	return CT_R_OK;
}

static noinline enum ct_reason copy_ipv4(struct ct_pkt *pkt,
					 unsigned int nhoff)
{
	struct iphdr buf;

	if (skb_copy_bits(pkt->skb, nhoff, &buf, sizeof(buf)))
		return CT_R_IP_HEADER;
	return take_ipv4(pkt, nhoff, &buf);
}

static __always_inline enum ct_reason read_ipv4(struct ct_pkt *pkt,
						unsigned int nhoff)
{
	const struct iphdr *iph = ct_in_head(pkt->skb, nhoff, sizeof(*iph));

	return likely(iph) ? take_ipv4(pkt, nhoff, iph) :
			     copy_ipv4(pkt, nhoff);
}

/* The interface that a packet is routed by, if the route says so */
static struct net_device *routed_by(const struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);
	struct inet6_dev *idev;

	if (!dst || dst->ops->family != AF_INET6)
		return NULL;
	idev = ip6_dst_idev(dst);
	return idev ? idev->dev : NULL;
}

/*
 * The interface that a packet comes in by or goes out by. What this host sends
 * itself takes the loopback device, but belongs to the interface that has the
 * address; what comes in by a port of a VRF is handed on as if by the VRF.
 */
static struct net_device *device_of(const struct sk_buff *skb)
{
	struct net_device *dev = skb->dev;

	if (!dev || !skb->skb_iif || dev->flags & IFF_LOOPBACK)
		return routed_by(skb) ?: dev;
	if (netif_is_l3_master(dev))
		return dev_get_by_index_rcu(dev_net(dev), IP6CB(skb)->iif) ?:
		       dev;
	return dev;
}

/*
 * Index of the link that a packet's link-local addresses are of. The ports of a
 * bridge or a bond are one link, and so is what is stacked on a bridge whose
 * packets are tracked, for they come by there.
 */
static noinline u32 link_of(const struct sk_buff *skb)
{
	struct net_device *dev = device_of(skb), *upper;
	const struct net_device *bridge;

	if (!dev)
		return 0;
	while ((upper = netdev_master_upper_dev_get_rcu(dev)) &&
	       !netif_is_l3_master(upper))
		dev = upper;
	if (ct_is_bridged(ct_net(dev_net(dev)))) {
		bridge = ct_bridge_below(dev);
		if (bridge && net_eq(dev_net(bridge), dev_net(dev)))
			return bridge->ifindex;
	}
	return dev->ifindex;
}

/* Behind the fixed part of a Hop-by-Hop header: how many are looked at */
#define JUMBO_OPTIONS	8

/* The length that a jumbogram says it has (RFC 2675, 2), or 0 */
static u32 jumbo_payload(const struct sk_buff *skb, unsigned int off)
{
	const struct ipv6_opt_hdr *hbh;
	struct ipv6_opt_hdr buf;
	unsigned int end;
	const u8 *option;
	u8 bytes[6];
	int i;

	hbh = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!hbh)
		return 0;
	end = off + ipv6_optlen(hbh);
	off += sizeof(*hbh);
	for (i = 0; i < JUMBO_OPTIONS && off + sizeof(bytes) <= end; i++) {
		option = skb_header_pointer(skb, off, sizeof(bytes), bytes);
		if (!option)
			return 0;
		if (option[0] == IPV6_TLV_JUMBO)
			return option[1] == 4 ? get_unaligned_be32(option + 2) :
						0;
		off += option[0] == IPV6_TLV_PAD1 ? 1 : option[1] + 2;
	}
	return 0;
}

/*
 * Bytes of a packet, its header included. A length of 0 is that, unless the
 * packet is longer than the field can say: a jumbogram, or BIG TCP.
 */
static unsigned int total_ipv6(const struct ct_pkt *pkt, unsigned int nhoff,
			       const struct ipv6hdr *ip6h)
{
	u32 jumbo;

	if (likely(ip6h->payload_len))
		return ntohs(ip6h->payload_len) + sizeof(*ip6h);
	if (skb_is_gso(pkt->skb))
		return pkt->len;
	if (ip6h->nexthdr != NEXTHDR_HOP)
		return sizeof(*ip6h);
	jumbo = jumbo_payload(pkt->skb, nhoff + sizeof(*ip6h));
	if (jumbo <= IPV6_MAXPLEN)
		return sizeof(*ip6h);
	return jumbo > pkt->len ? U32_MAX : jumbo + sizeof(*ip6h);
}

static noinline enum ct_reason read_ipv6(struct ct_pkt *pkt, unsigned int nhoff)
{
	const struct ipv6hdr *ip6h;
	struct ipv6hdr buf;
	unsigned int total;
	__be16 frag = 0;
	u8 nexthdr;
	int l4off;

	ip6h = skb_header_pointer(pkt->skb, nhoff, sizeof(buf), &buf);
	if (!ip6h || ip6h->version != 6)
		return CT_R_IP_HEADER;
	total = total_ipv6(pkt, nhoff, ip6h);
	if (total > pkt->len)
		return CT_R_IP_LENGTH;

	pkt->tuple.src.in6 = ip6h->saddr;
	pkt->tuple.dst.in6 = ip6h->daddr;
	if (unlikely(ct_tuple_has_link(&pkt->tuple)))
		pkt->tuple.link = link_of(pkt->skb);
	nexthdr = ip6h->nexthdr;
	l4off = ipv6_skip_exthdr(pkt->skb, nhoff + sizeof(*ip6h), &nexthdr,
				 &frag);
	if (l4off < 0 || l4off > nhoff + total)
		return CT_R_IP_HEADER;
	/* A first and only fragment (RFC 6946) has no offset and no more. */
	if (frag & htons(~0x6))
		return pkt->hook == NF_INET_LOCAL_OUT ? CT_R_NODEFRAG :
							CT_R_FRAGMENT;

	pkt->tuple.protonum = nexthdr;
	pkt->l4off = l4off;
	pkt->l4len = nhoff + total - l4off;
	return CT_R_OK;
}

/**
 * ct_tuple_read() - read a packet
 * @pkt: to be filled; @pkt->cnet is set by the caller
 * @skb: the packet
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @hook: NF_INET_*
 *
 * Context: any.
 *
 * Return: CT_R_OK, or why the packet is not to be tracked.
 */
enum ct_reason ct_tuple_read(struct ct_pkt *pkt, struct sk_buff *skb,
			     u8 family, u8 hook)
{
	unsigned int nhoff = skb_network_offset(skb);
	enum ct_reason reason;

	pkt->skb = skb;
	pkt->hook = hook;
	pkt->now = ct_now();
	pkt->len = skb->len - nhoff;
	pkt->tuple.protonum = 0;
	pkt->tuple.l4 = 0;
	pkt->tuple.family = family;
	pkt->tuple.zone = 0;
	pkt->tuple.link = 0;
	pkt->zone[IP_CT_DIR_ORIGINAL] = 0;
	pkt->zone[IP_CT_DIR_REPLY] = 0;
	if (likely(family == NFPROTO_IPV4))
		reason = read_ipv4(pkt, nhoff);
	else
		reason = read_ipv6(pkt, nhoff);
	if (unlikely(reason))
		return reason;

	pkt->proto = ct_proto_find(family, pkt->tuple.protonum);
	return ct_proto_check(pkt);
}
EXPORT_SYMBOL_CT(ct_tuple_read);

static int read_quoted_ipv4(const struct sk_buff *skb, unsigned int off,
			    struct ct_tuple *tuple)
{
	const struct iphdr *iph;
	struct iphdr buf;

	iph = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!iph || iph->version != 4 || iph->ihl < 5 ||
	    iph->frag_off & htons(IP_OFFSET))
		return -1;
	tuple->src.ip = iph->saddr;
	tuple->dst.ip = iph->daddr;
	tuple->protonum = iph->protocol;
	return off + iph->ihl * 4;
}

static int read_quoted_ipv6(const struct sk_buff *skb, unsigned int off,
			    struct ct_tuple *tuple)
{
	const struct ipv6hdr *ip6h;
	struct ipv6hdr buf;
	__be16 frag = 0;
	u8 nexthdr;

	ip6h = skb_header_pointer(skb, off, sizeof(buf), &buf);
	if (!ip6h || ip6h->version != 6)
		return -1;
	tuple->src.in6 = ip6h->saddr;
	tuple->dst.in6 = ip6h->daddr;
	/* Who tells of a link's packet was on that link. */
	if (ct_tuple_has_link(tuple))
		tuple->link = link_of(skb);
	nexthdr = ip6h->nexthdr;
	off = ipv6_skip_exthdr(skb, off + sizeof(*ip6h), &nexthdr, &frag);
	if (frag & htons(~0x7))
		return -1;
	tuple->protonum = nexthdr;
	return off;
}

/**
 * ct_tuple_read_quote() - read the packet that an ICMP error quotes
 * @skb: the error
 * @offset: of the quoted IP header
 * @family: of the error
 * @tuple: to be filled
 *
 * RFC 792 promises eight bytes behind the quoted IP header; no more are asked
 * for, and fewer are an error. The quoted lengths are not looked at: the
 * packet was cut, and routers on its way may have changed it.
 *
 * Context: any.
 *
 * Return: CT_R_OK or CT_R_ICMP_QUOTE.
 */
enum ct_reason ct_tuple_read_quote(const struct sk_buff *skb,
				   unsigned int offset, u8 family,
				   struct ct_tuple *tuple)
{
	const struct ct_proto *proto;
	u64 buf;
	int off;

	tuple->l4 = 0;
	tuple->family = family;
	tuple->zone = 0;
	tuple->link = 0;
	if (family == NFPROTO_IPV4)
		off = read_quoted_ipv4(skb, offset, tuple);
	else
		off = read_quoted_ipv6(skb, offset, tuple);
	if (off < 0 || !skb_header_pointer(skb, off, sizeof(buf), &buf))
		return CT_R_ICMP_QUOTE;
	proto = ct_proto_find(family, tuple->protonum);
	if (proto->read && !proto->read(skb, off, tuple))
		return CT_R_ICMP_QUOTE;
	return CT_R_OK;
}
EXPORT_SYMBOL_CT(ct_tuple_read_quote);

/* Keys */

/* Link-local, and nothing where its interface is to be written? */
static bool has_room_for_link(const struct in6_addr *a)
{
	return !a->s6_addr32[1];
}

/**
 * ct_tuple_has_link() - are a tuple's addresses of one link alone?
 * @tuple: the tuple
 *
 * Those of it that are link-local are then known by their interface as well.
 *
 * Context: any.
 *
 * Return: true if @tuple->link means something.
 */
bool ct_tuple_has_link(const struct ct_tuple *tuple)
{
	bool src, dst;

	if (tuple->family != NFPROTO_IPV6)
		return false;
	src = ct_addr6_is_local(&tuple->src.in6);
	dst = ct_addr6_is_local(&tuple->dst.in6);
	return (src || dst) &&
	       (!src || has_room_for_link(&tuple->src.in6)) &&
	       (!dst || has_room_for_link(&tuple->dst.in6));
}
EXPORT_SYMBOL_CT(ct_tuple_has_link);

static void write_link(struct ct_lookup_key *id, u32 link)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(id->addr); i++) {
		if (ct_addr6_is_local(&id->addr[i]))
			id->addr[i].s6_addr32[1] = htonl(link);
	}
	id->key.kind |= CT_KEY_LINK;
}

/* Takes it out of an address again. */
static void read_link(struct in6_addr *a, u32 *link)
{
	if (!ct_addr6_is_local(a))
		return;
	*link = ntohl(a->s6_addr32[1]);
	a->s6_addr32[1] = 0;
}

/* Any order will do, as long as it is one. */
static bool addr_above(const struct ct_tuple *t)
{
	if (t->family == NFPROTO_IPV4)
		return (__force u32)t->src.ip > (__force u32)t->dst.ip;
	return ct_addr6_above(&t->src.in6, &t->dst.in6);
}

static bool addr_same(const struct ct_tuple *t)
{
	return ct_addr_equal(t->family, &t->src, &t->dst);
}

/*
 * Port protocols: ends are ordered by address, then port, and equal ends have
 * one direction. Query protocols: by address; a host that asks itself sends
 * questions from end 0 and answers from end 1.
 */
static u8 order_ends(const struct ct_tuple *t, const struct ct_proto *proto,
		     struct ct_key *key)
{
	bool answer;
	u8 sender;

	if (proto->identify) {
		answer = proto->identify(t, key);
		sender = addr_same(t) ? answer : addr_above(t);
		if (sender ^ answer)
			key->kind |= CT_KEY_ASKER;
		return sender;
	}
	if (addr_same(t))
		sender = (__force u16)t->sport > (__force u16)t->dport;
	else
		sender = addr_above(t);
	key->port[sender] = t->sport;
	key->port[!sender] = t->dport;
	return sender;
}

/**
 * ct_hash_ipv6() - hash of an IPv6 key and its addresses
 * @id: both
 * @salt: of its namespace
 *
 * Context: any.
 *
 * Return: the hash.
 */
u32 ct_hash_ipv6(const struct ct_lookup_key *id, u32 salt)
{
	struct {
		struct in6_addr addr[2];
		u32 rest;
	} in;

	memcpy(in.addr, id->addr, sizeof(in.addr));
	in.rest = ct_key_rest(&id->key, salt);
	return hsiphash(&in, offsetofend(typeof(in), rest), &ct_hash_key);
}

/**
 * ct_tuple_identify_as() - put a tuple the way the table knows it
 * @tuple: the tuple
 * @proto: its protocol
 * @cnet: its namespace, salt of the hash
 * @id: to be filled
 *
 * The hash is SipHash (Aumasson and Bernstein, 2012) with a key of this boot,
 * so that nobody can aim at a bucket.
 *
 * Context: any.
 */
void ct_tuple_identify_as(const struct ct_tuple *tuple,
			  const struct ct_proto *proto,
			  const struct ct_net *cnet, struct ct_lookup_key *id)
{
	struct ct_key *key = &id->key;
	u8 sender;

	key->word[1] = cnet->key_word;
	key->protonum = tuple->protonum;
	key->zone = tuple->zone;
	if (likely(tuple->family == NFPROTO_IPV4 && !proto->identify)) {
		id->sender = ct_order_ipv4_ports(tuple, key);
		id->hash = ct_hash_ipv4(key, cnet->hash_mix);
		return;
	}
	if (tuple->family == NFPROTO_IPV4) {
		sender = order_ends(tuple, proto, key);
		key->addr[sender] = tuple->src.ip;
		key->addr[!sender] = tuple->dst.ip;
		id->hash = ct_hash_ipv4(key, cnet->hash_mix);
	} else {
		key->kind |= CT_KEY_IPV6;
		sender = order_ends(tuple, proto, key);
		id->addr[sender] = tuple->src.in6;
		id->addr[!sender] = tuple->dst.in6;
		if (unlikely(tuple->link))
			write_link(id, tuple->link);
		key->addr[0] = ct_addr6_fold(&id->addr[0]);
		key->addr[1] = ct_addr6_fold(&id->addr[1]);
		id->hash = ct_hash_ipv6(id, cnet->hash_mix);
	}
	id->sender = sender;
}

/**
 * ct_tuple_identify() - ct_tuple_identify_as() its own protocol
 * @tuple: the tuple
 * @cnet: its namespace
 * @id: to be filled
 *
 * Context: any.
 */
void ct_tuple_identify(const struct ct_tuple *tuple, const struct ct_net *cnet,
		       struct ct_lookup_key *id)
{
	ct_tuple_identify_as(tuple,
			     ct_proto_find(tuple->family, tuple->protonum),
			     cnet, id);
}
EXPORT_SYMBOL_CT(ct_tuple_identify);

/**
 * ct_tuple_restore() - get a tuple back from a key
 * @tuple: to be filled
 * @key: the key
 * @addr: IPv6 addresses in the order of the key; unused for IPv4
 * @sender: the end that sends in the direction of the tuple
 *
 * Context: any.
 */
void ct_tuple_restore(struct ct_tuple *tuple, const struct ct_key *key,
		      const struct in6_addr *addr, u8 sender)
{
	bool asker = key->kind & CT_KEY_ASKER;
	const struct ct_proto *proto;

	memset(tuple, 0, sizeof(*tuple));
	tuple->protonum = key->protonum;
	tuple->zone = key->zone;
	if (key->kind & CT_KEY_IPV6) {
		tuple->family = NFPROTO_IPV6;
		tuple->src.in6 = addr[sender];
		tuple->dst.in6 = addr[!sender];
		if (key->kind & CT_KEY_LINK) {
			read_link(&tuple->src.in6, &tuple->link);
			read_link(&tuple->dst.in6, &tuple->link);
		}
	} else {
		tuple->family = NFPROTO_IPV4;
		tuple->src.ip = key->addr[sender];
		tuple->dst.ip = key->addr[!sender];
	}
	proto = ct_proto_find(tuple->family, tuple->protonum);
	if (proto->restore) {
		proto->restore(tuple, key, sender != asker);
		return;
	}
	tuple->sport = key->port[sender];
	tuple->dport = key->port[!sender];
}
EXPORT_SYMBOL_CT_TEST(ct_tuple_restore);

/**
 * ct_tuple_invert() - the tuple of the answer to a packet
 * @inverse: to be filled; not @tuple
 * @tuple: the packet's
 *
 * Context: any.
 *
 * Return: false if packets of that kind have no answer.
 */
bool ct_tuple_invert(struct ct_tuple *inverse, const struct ct_tuple *tuple)
{
	const struct ct_proto *proto = ct_proto_find(tuple->family,
						     tuple->protonum);

	inverse->src = tuple->dst;
	inverse->dst = tuple->src;
	inverse->family = tuple->family;
	inverse->protonum = tuple->protonum;
	inverse->zone = tuple->zone;
	inverse->link = tuple->link;
	if (proto->invert)
		return proto->invert(inverse, tuple);
	inverse->sport = tuple->dport;
	inverse->dport = tuple->sport;
	return true;
}
EXPORT_SYMBOL_CT(ct_tuple_invert);

/**
 * ct_tuple_equal() - compare two tuples
 * @a: one
 * @b: the other
 *
 * Context: any.
 *
 * Return: true if they are the same.
 */
bool ct_tuple_equal(const struct ct_tuple *a, const struct ct_tuple *b)
{
	return a->l4 == b->l4 && a->family == b->family &&
	       a->protonum == b->protonum && a->zone == b->zone &&
	       a->link == b->link &&
	       ct_addr_equal(a->family, &a->src, &b->src) &&
	       ct_addr_equal(a->family, &a->dst, &b->dst);
}
EXPORT_SYMBOL_CT(ct_tuple_equal);

/* Flows */

/**
 * ct_flow_tuple() - one direction of a flow
 * @flow: the flow; its lock is held, or it is not published yet
 * @dir: the direction
 * @tuple: to be filled
 *
 * Context: any.
 */
void ct_flow_tuple(const struct ct_flow *flow, enum ip_conntrack_dir dir,
		   struct ct_tuple *tuple)
{
	const struct ct_alias *alias = ct_flow_alias(flow);
	u8 origin = !!(flow->status & CT_FLOW_ORIGIN);

	if (dir == IP_CT_DIR_REPLY && alias) {
		ct_tuple_restore(tuple, &alias->node.key,
				 ct_alias6(alias)->addr, alias->sender);
		return;
	}
	ct_tuple_restore(tuple, &flow->node.key,
			 ct_flow_is_ipv6(flow) ? ct_flow6(flow)->addr : NULL,
			 dir == IP_CT_DIR_ORIGINAL ? origin : !origin);
}
EXPORT_SYMBOL_CT(ct_flow_tuple);

int ct_tuple_init(void)
{
	get_random_bytes(&ct_hash_key, sizeof(ct_hash_key));
	return 0;
}
