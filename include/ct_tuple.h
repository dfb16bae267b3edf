/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is read from a packet, and what is hashed.
 */
#ifndef CT_TUPLE_H
#define CT_TUPLE_H

#include <linux/bitops.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "ct_compat.h"
#include "ct_flow.h"
#include "ct_net.h"

struct ct_proto;

/**
 * struct ct_tuple - one direction of a flow, as it stands in a packet
 * @src: source address
 * @dst: destination address
 * @sport: source port (GRE: key)
 * @dport: destination port (GRE: key)
 * @icmp: instead of ports, for ICMP and ICMPv6
 * @icmp.type: type
 * @icmp.code: code
 * @icmp.id: identifier
 * @l4: either of them as a word
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @protonum: IPPROTO_*
 * @zone: connection tracking zone
 * @link: index of the interface whose link-local addresses these are; 0 where
 *	neither address is one, see ct_tuple_link()
 *
 * Of an IPv4 tuple only the first word of each address means anything.
 */
struct ct_tuple {
	union nf_inet_addr src;
	union nf_inet_addr dst;
	union {
		struct {
			__be16 sport;
			__be16 dport;
		};
		struct {
			u8 type;
			u8 code;
			__be16 id;
		} icmp;
		__be32 l4;
	};
	u8 family;
	u8 protonum;
	u16 zone;
	u32 link;
};

/**
 * struct ct_lookup_key - a tuple as the table knows it
 * @key: the two ends in canonical order
 * @addr: IPv6 addresses in that order; where @key says CT_KEY_LINK, with an
 *	interface's index in those that are link-local
 * @hash: hash of the above
 * @sender: which end of @key sends in the direction of the tuple
 */
struct ct_lookup_key {
	struct ct_key key;
	struct in6_addr addr[2];
	u32 hash;
	u8 sender;
};

/**
 * struct ct_tcp_seg - a TCP segment
 * @seq: sequence number
 * @ack: acknowledgment; 0 without the flag
 * @end: sequence number behind it (SYN and FIN count, RFC 9293, 3.4)
 * @sack: right edge of the highest SACK block (RFC 2018), at least @ack
 * @win: window as it stands there, unscaled
 * @kind: enum ct_tcp_kind
 * @has_ack: the acknowledgment counts
 * @rst_ack: reset with the ACK flag
 * @opts: options of a SYN: scale, CT_TCP_LAST_SACK, CT_TCP_LAST_WSCALE
 */
struct ct_tcp_seg {
	u32 seq;
	u32 ack;
	u32 end;
	u32 sack;
	u16 win;
	u8 kind;
	u8 opts;
	bool has_ack;
	bool rst_ack;
};

/**
 * struct ct_sctp_seg - an SCTP packet
 * @vtag: verification tag
 * @init_tag: initiate tag of an INIT or INIT ACK
 * @map: chunk types it has, bit 1 << type for types below 32
 * @reflected: the tag is the sender's own (T bit of ABORT, SHUTDOWN COMPLETE)
 * @no_crc: its checksum is zero, which is not the right one (RFC 9653)
 * @takes_no_crc: INIT or INIT ACK: its sender takes such packets
 */
struct ct_sctp_seg {
	__be32 vtag;
	__be32 init_tag;
	u32 map;
	bool reflected;
	bool no_crc;
	bool takes_no_crc;
};

/**
 * struct ct_pkt - a packet on its way through a hook
 * @skb: the packet
 * @cnet: its namespace
 * @proto: its protocol
 * @tuple: read from its headers
 * @zone: connection tracking zone, by direction; 0 unless rules said otherwise
 * @now: when it came, in jiffies
 * @len: bytes it counts for
 * @l4off: offset of the transport header
 * @l4len: bytes from there to the end of the IP packet
 * @hook: NF_INET_*
 * @tcp: what was read of the transport header
 * @sctp: the same
 */
struct ct_pkt {
	struct sk_buff *skb;
	struct ct_net *cnet;
	const struct ct_proto *proto;
	struct ct_tuple tuple;
	u16 zone[IP_CT_DIR_MAX];
	u32 now;
	u32 len;
	unsigned int l4off;
	unsigned int l4len;
	u8 hook;
	union {
		struct ct_tcp_seg tcp;
		struct ct_sctp_seg sctp;
	};
};

enum ct_reason ct_tuple_read(struct ct_pkt *pkt, struct sk_buff *skb,
			     u8 family, u8 hook);
enum ct_reason ct_tuple_read_quote(const struct sk_buff *skb,
				   unsigned int offset, u8 family,
				   struct ct_tuple *tuple);
bool ct_tuple_ends6(const struct ct_pkt *pkt, struct in6_addr *src,
		    struct in6_addr *dst);
void ct_tuple_identify_as(const struct ct_tuple *tuple,
			  const struct ct_proto *proto,
			  const struct ct_net *cnet, struct ct_lookup_key *id);
void ct_tuple_identify(const struct ct_tuple *tuple, const struct ct_net *cnet,
		       struct ct_lookup_key *id);
void ct_tuple_restore(struct ct_tuple *tuple, const struct ct_key *key,
		      const struct in6_addr *addr, u8 sender);
bool ct_tuple_has_link(const struct ct_tuple *tuple);
bool ct_tuple_invert(struct ct_tuple *inverse, const struct ct_tuple *tuple);
bool ct_tuple_equal(const struct ct_tuple *a, const struct ct_tuple *b);

void ct_flow_tuple(const struct ct_flow *flow, enum ip_conntrack_dir dir,
		   struct ct_tuple *tuple);

/**
 * ct_in_head() - a header, if it is in the head of a packet
 * @skb: the packet
 * @off: offset of the header
 * @len: bytes of it
 *
 * It nearly always is. Otherwise skb_header_pointer() has to copy it.
 *
 * Return: the header or %NULL.
 */
static __always_inline const void *ct_in_head(const struct sk_buff *skb,
					      unsigned int off,
					      unsigned int len)
{
	return likely(off + len <= skb_headlen(skb)) ? skb->data + off : NULL;
}

/**
 * ct_addr_equal() - compare two addresses
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @a: one; for IPv4 only its first word means anything
 * @b: the other
 *
 * Return: true if they are the same.
 */
static inline bool ct_addr_equal(u8 family, const union nf_inet_addr *a,
				 const union nf_inet_addr *b)
{
	return family == NFPROTO_IPV4 ? a->ip == b->ip :
					ipv6_addr_equal(&a->in6, &b->in6);
}

/**
 * ct_key_copy() - write the key of a node that is not linked
 * @to: the node's
 * @from: what it is to be
 *
 * Who read it in the node's former life may be reading it still.
 */
static inline void ct_key_copy(struct ct_key *to, const struct ct_key *from)
{
	WRITE_ONCE(to->word[0], from->word[0]);
	WRITE_ONCE(to->word[1], from->word[1]);
}

/**
 * ct_key_equal() - compare two keys
 * @a: one, which may be a node's that becomes another one meanwhile
 * @b: the other
 *
 * For IPv6 equality is not sure until the addresses were compared as well.
 *
 * Return: true if they are the same.
 */
static inline bool ct_key_equal(const struct ct_key *a, const struct ct_key *b)
{
	const struct ct_key alias = { .kind = CT_KEY_ALIAS };

	return READ_ONCE(a->word[0]) == b->word[0] &&
	       !((READ_ONCE(a->word[1]) ^ b->word[1]) & ~alias.word[1]);
}

/* Any order will do, as long as it is one. */
static __always_inline bool ct_addr6_above(const struct in6_addr *a,
					   const struct in6_addr *b)
{
	u64 x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return x[1] != y[1] ? x[1] > y[1] : x[0] > y[0];
}

/* Both addresses of a pair */
static __always_inline bool ct_addrs6_equal(const struct in6_addr *a,
					    const struct in6_addr *b)
{
	return ipv6_addr_equal(&a[1], &b[1]) && ipv6_addr_equal(&a[0], &b[0]);
}

/* fe80::/10 (RFC 4291, 2.4) */
static __always_inline bool ct_addr6_is_local(const struct in6_addr *a)
{
	return (a->s6_addr32[0] & htonl(0xffc00000)) == htonl(0xfe800000);
}

/* Is either address of a packet link-local? Then it is not enough to know it. */
static __always_inline bool ct_header6_is_local(const struct ipv6hdr *ip6h)
{
	return ct_addr6_is_local(&ip6h->saddr) ||
	       ct_addr6_is_local(&ip6h->daddr);
}

static __always_inline __be32 ct_addr6_fold(const struct in6_addr *a)
{
	return a->s6_addr32[0] ^ a->s6_addr32[1] ^ a->s6_addr32[2] ^
	       a->s6_addr32[3];
}

u32 ct_hash_ipv6(const struct ct_lookup_key *id, u32 salt);

extern hsiphash_key_t ct_hash_key;

/*
 * What a hash is made of beside the addresses. SipHash takes 12 bytes at the price
 * of two words, so ports, protocol and zone are folded into one. An odd factor
 * keeps what it is given apart: of one pair of addresses and one protocol no two
 * flows have the same fold.
 */
static inline u32 ct_key_rest(const struct ct_key *key, u32 salt)
{
	u32 ports = key->word[1], rest = key->word[1] >> 32;

	return ports ^ (rest ^ salt) * 0x9e3779b1U;
}

static inline u32 ct_hash_ipv4(const struct ct_key *key, u32 salt)
{
	return hsiphash_3u32(key->word[0], key->word[0] >> 32,
			     ct_key_rest(key, salt), &ct_hash_key);
}

/*
 * Ends in order of address, then port, compared as one number. It is the order
 * of order_ends() in fewer steps.
 */
static inline u8 ct_order_ipv4_ports(const struct ct_tuple *t,
				     struct ct_key *key)
{
	u64 src = (u64)(__force u32)t->src.ip << 16 | (__force u16)t->sport;
	u64 dst = (u64)(__force u32)t->dst.ip << 16 | (__force u16)t->dport;
	u8 sender = src > dst;

	key->addr[sender] = t->src.ip;
	key->addr[!sender] = t->dst.ip;
	key->port[sender] = t->sport;
	key->port[!sender] = t->dport;
	return sender;
}

/**
 * ct_order_ipv4_header() - key of an IPv4 packet with ports, in no zone
 * @iph: its IP header, without options, two ports behind it
 * @protonum: its protocol
 * @key: to be filled
 *
 * What ct_order_ipv4_ports() does, by taking both addresses, and both ports, at
 * once and turning them around where the second is to be the first.
 *
 * Return: the end that sent the packet.
 */
static __always_inline u8 ct_order_ipv4_header(const struct iphdr *iph,
					       u8 protonum, struct ct_key *key)
{
	const struct ct_key rest = { .protonum = protonum };
	const __be16 *port = (const __be16 *)(iph + 1);
	u32 src = (__force u32)iph->saddr, dst = (__force u32)iph->daddr;
	u64 addrs;
	u32 ports;
	u8 sender;

	memcpy(&addrs, &iph->addrs, sizeof(addrs));
	memcpy(&ports, port, sizeof(ports));
	sender = likely(src != dst) ? src > dst :
		 (__force u16)port[0] > (__force u16)port[1];
	if (sender) {
		addrs = ror64(addrs, 32);
		ports = ror32(ports, 16);
	}
	key->word[0] = addrs;
#ifdef __LITTLE_ENDIAN
	key->word[1] = rest.word[1] | ports;
#else
	key->word[1] = rest.word[1] | (u64)ports << 32;
#endif
	return sender;
}

/**
 * ct_order_ipv6_ports() - key of IPv6 ends with ports, in no zone
 * @src: address that sends
 * @dst: address that receives
 * @port: their ports, in that order
 * @protonum: protocol
 * @id: to be filled, but for its hash
 *
 * The order is that of order_ends().
 *
 * Return: the end that sends.
 */
static __always_inline u8 ct_order_ipv6_ports(const struct in6_addr *src,
					      const struct in6_addr *dst,
					      const __be16 *port, u8 protonum,
					      struct ct_lookup_key *id)
{
	struct ct_key *key = &id->key;
	u8 sender;

	sender = likely(!ipv6_addr_equal(src, dst)) ? ct_addr6_above(src, dst) :
		 (__force u16)port[0] > (__force u16)port[1];
	id->addr[sender] = *src;
	id->addr[!sender] = *dst;
	key->addr[sender] = ct_addr6_fold(src);
	key->addr[!sender] = ct_addr6_fold(dst);
	key->port[sender] = port[0];
	key->port[!sender] = port[1];
	key->protonum = protonum;
	key->kind = CT_KEY_IPV6;
	key->zone = 0;
	return sender;
}

/**
 * ct_order_ipv6_header() - key of an IPv6 packet with ports, in no zone
 * @ip6h: its IP header, two ports right behind it
 * @protonum: its protocol
 * @id: to be filled, but for its hash
 *
 * Return: the end that sent the packet.
 */
static __always_inline u8 ct_order_ipv6_header(const struct ipv6hdr *ip6h,
					       u8 protonum, struct ct_lookup_key *id)
{
	return ct_order_ipv6_ports(&ip6h->saddr, &ip6h->daddr,
				   (const __be16 *)(ip6h + 1), protonum, id);
}

int ct_tuple_init(void);

#endif /* CT_TUPLE_H */
