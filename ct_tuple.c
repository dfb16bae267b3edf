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
 * Context
 *	Any. Nothing here takes a lock, sleeps or keeps anything. No byte of a
 *	packet is believed: every header goes through skb_header_pointer(), and
 *	every length is checked against what is there.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ipv6.h>

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
	total = ntohs(ip6h->payload_len) + sizeof(*ip6h);
	if (!ip6h->payload_len && pkt->len > sizeof(*ip6h))
		total = pkt->len;	/* jumbogram (RFC 2675) or BIG TCP */
	if (total > pkt->len)
		return CT_R_IP_LENGTH;

	pkt->tuple.src.in6 = ip6h->saddr;
	pkt->tuple.dst.in6 = ip6h->daddr;
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

/* Keys */

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
u32 ct_hash_ipv6(const struct ct_id *id, u32 salt)
{
	u64 words[6] = { id->key.word[0], id->key.word[1] ^ salt };

	memcpy(&words[2], id->addr, sizeof(id->addr));
	return hsiphash(words, sizeof(words), &ct_hash_key);
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
			  const struct ct_net *cnet, struct ct_id *id)
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
		       struct ct_id *id)
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
	const struct ct_alias *alias = flow->ext ? flow->ext->alias : NULL;
	u8 origin = !!(flow->status & CT_FLOW_ORIGIN);

	if (dir == IP_CT_DIR_REPLY && alias) {
		ct_tuple_restore(tuple, &alias->node.key, alias->addr,
				 alias->sender);
		return;
	}
	ct_tuple_restore(tuple, &flow->node.key,
			 ct_flow_is_ipv6(flow) ? ct_flow6(flow)->addr : NULL,
			 dir == IP_CT_DIR_ORIGINAL ? origin : !origin);
}

int ct_tuple_init(void)
{
	get_random_bytes(&ct_hash_key, sizeof(ct_hash_key));
	return 0;
}
