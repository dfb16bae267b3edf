// SPDX-License-Identifier: GPL-2.0
/*
 * Rewriting: whatever the protocol, the family and the state of the checksum, the
 * packet has its new end afterwards, a checksum that its receiver finds right, and
 * nothing else has changed. What was wrong stays wrong. Of an error the quote is what
 * is asked for, and the sums around it are right.
 */
#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/prandom.h>
#include <linux/sctp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "../../nat/ct_nat_engine.h"
#include "ct_sctp.h"
#include "ct_test.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6
#define ROUNDS	200
#define L4	40		/* bytes behind the IP header */
#define NO_SUM	0xff
#define INNER	16		/* bytes of a tunnel's header */

struct nat_case {
	const char *name;
	u8 family;
	u8 protonum;
	u8 sum;			/* where it is */
	u8 summed;		/* CHECKSUM_* */
	bool none;		/* a datagram without */
	bool around;		/* what is to be summed is a datagram inside it */
};

static const struct nat_case nat_cases[] = {
	{ "tcp", V4, IPPROTO_TCP, 16, CHECKSUM_NONE },
	{ "tcp, to be summed", V4, IPPROTO_TCP, 16, CHECKSUM_PARTIAL },
	{ "tcp, summed by the device", V4, IPPROTO_TCP, 16, CHECKSUM_COMPLETE },
	{ "tcp6", V6, IPPROTO_TCP, 16, CHECKSUM_NONE },
	{ "tcp6, to be summed", V6, IPPROTO_TCP, 16, CHECKSUM_PARTIAL },
	{ "tcp6, summed by the device", V6, IPPROTO_TCP, 16, CHECKSUM_COMPLETE },
	{ "udp", V4, IPPROTO_UDP, 6, CHECKSUM_NONE },
	{ "udp, to be summed", V4, IPPROTO_UDP, 6, CHECKSUM_PARTIAL },
	{ "udp without", V4, IPPROTO_UDP, 6, CHECKSUM_NONE, true },
	{ "udp without, summed by the device", V4, IPPROTO_UDP, 6,
	  CHECKSUM_COMPLETE, true },
	{ "udp without, around one to be summed", V4, IPPROTO_UDP, 6,
	  CHECKSUM_PARTIAL, true, true },
	{ "udp around one to be summed", V4, IPPROTO_UDP, 6, CHECKSUM_PARTIAL,
	  false, true },
	{ "udp6 around one to be summed", V6, IPPROTO_UDP, 6, CHECKSUM_PARTIAL,
	  false, true },
	{ "udp6", V6, IPPROTO_UDP, 6, CHECKSUM_NONE },
	{ "udp-lite", V4, IPPROTO_UDPLITE, 6, CHECKSUM_NONE },
	{ "dccp6", V6, IPPROTO_DCCP, 6, CHECKSUM_NONE },
	{ "ping", V4, IPPROTO_ICMP, 2, CHECKSUM_NONE },
	{ "ping, summed by the device", V4, IPPROTO_ICMP, 2, CHECKSUM_COMPLETE },
	{ "ping6", V6, IPPROTO_ICMPV6, 2, CHECKSUM_NONE },
	{ "sctp", V4, IPPROTO_SCTP, NO_SUM, CHECKSUM_NONE },
	{ "sctp6", V6, IPPROTO_SCTP, NO_SUM, CHECKSUM_NONE },
	{ "gre", V4, IPPROTO_GRE, NO_SUM, CHECKSUM_NONE },
	{ "any other", V6, 99, NO_SUM, CHECKSUM_NONE },
	{ "any other, summed by the device", V6, 99, NO_SUM, CHECKSUM_COMPLETE },
};

CT_TEST_NAME(nat_case)
KUNIT_ARRAY_PARAM(nat, nat_cases, nat_case_name);

struct bench {
	struct rnd_state random;
	const struct nat_case *c;
	struct sk_buff *skb;
	struct ct_pkt pkt;
};

static unsigned int head_len(u8 family)
{
	return family == V4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/* Of addresses, length and protocol; ICMP has none */
static __sum16 with_pseudo(const struct nat_case *c, const void *ip,
			   __wsum data)
{
	const struct ipv6hdr *ip6h = ip;
	const struct iphdr *iph = ip;

	if (c->protonum == IPPROTO_ICMP)
		return csum_fold(data);
	if (c->family == V4)
		return csum_tcpudp_magic(iph->saddr, iph->daddr, L4,
					 c->protonum, data);
	return csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, L4, c->protonum,
			       data);
}

static void write_head(struct bench *b, u8 *data)
{
	struct ipv6hdr *ip6h = (struct ipv6hdr *)data;
	struct iphdr *iph = (struct iphdr *)data;

	prandom_bytes_state(&b->random, data, head_len(b->c->family) + L4);
	if (b->c->family == V6) {
		ip6h->version = 6;
		ip6h->nexthdr = b->c->protonum;
		ip6h->payload_len = htons(L4);
		ip6h->saddr.s6_addr[0] = 0x20;
		ip6h->daddr.s6_addr[0] = 0x20;
		return;
	}
	iph->version = 4;
	iph->ihl = 5;
	iph->tot_len = htons(sizeof(*iph) + L4);
	iph->frag_off = 0;
	iph->protocol = b->c->protonum;
	iph->check = 0;
	iph->check = ip_fast_csum(iph, iph->ihl);
}

/* What the protocol looks at */
static void write_l4(struct bench *b, u8 *l4)
{
	switch (b->c->protonum) {
	case IPPROTO_TCP:
		l4[12] = 0x50;
		l4[13] = 0x10;
		break;
	case IPPROTO_UDP:
		put_unaligned_be16(L4, l4 + 4);
		break;
	case IPPROTO_ICMP:
		l4[0] = ICMP_ECHO;
		l4[1] = 0;
		break;
	case IPPROTO_ICMPV6:
		l4[0] = ICMPV6_ECHO_REQUEST;
		l4[1] = 0;
		break;
	case IPPROTO_SCTP:
		memcpy(l4 + 12, "\x00\x03\x00\x1c", 4);	/* DATA, 28 bytes */
		memset(l4 + 4, 1, 4);
		break;
	case IPPROTO_GRE:
		l4[0] = 0;
		l4[1] = 0;
		break;
	}
}

/* The sum of a tunnel's packet, when that in it has been made */
static __sum16 sum_around(struct kunit *test, struct bench *b)
{
	struct sk_buff *made = skb_copy(b->skb, GFP_KERNEL);
	__sum16 sum;

	KUNIT_ASSERT_NOT_NULL(test, made);
	KUNIT_EXPECT_EQ(test, 0, skb_checksum_help(made));
	sum = with_pseudo(b->c, made->data,
			  skb_checksum(made, b->pkt.l4off, L4, 0));
	kfree_skb(made);
	return sum;
}

static void sum_later(struct bench *b, unsigned int start)
{
	b->skb->ip_summed = CHECKSUM_PARTIAL;
	b->skb->csum_start = skb_headroom(b->skb) + start;
	b->skb->csum_offset = b->c->sum;
}

static void write_sum(struct kunit *test, struct bench *b, u8 *data)
{
	u8 *l4 = data + head_len(b->c->family);
	__sum16 *sum = (__sum16 *)(l4 + b->c->sum);

	if (b->c->protonum == IPPROTO_SCTP) {
		struct sctphdr *sh = (struct sctphdr *)l4;

		sh->checksum = ct_sctp_crc(b->skb, b->pkt.l4off, L4);
		return;
	}
	if (b->c->sum == NO_SUM)
		return;
	*sum = 0;
	if (b->c->around)
		sum_later(b, b->pkt.l4off + INNER);
	if (b->c->none)
		return;
	if (b->c->around) {
		*sum = sum_around(test, b);
	} else if (b->c->summed == CHECKSUM_PARTIAL) {
		*sum = ~with_pseudo(b->c, data, 0);
		sum_later(b, b->pkt.l4off);
	} else {
		*sum = with_pseudo(b->c, data, csum_partial(l4, L4, 0));
	}
}

/* What a device says that adds all up behind its own header */
static __wsum sum_of_all(struct bench *b)
{
	return skb_checksum(b->skb, 0, b->skb->len, 0);
}

static void make_packet(struct kunit *test, struct bench *b)
{
	unsigned int head = head_len(b->c->family);
	u8 data[sizeof(struct ipv6hdr) + L4];

	write_head(b, data);
	write_l4(b, data + head);
	b->skb = ct_test_skb(test, data, head + L4);
	b->skb->protocol = htons(b->c->family == V4 ? ETH_P_IP : ETH_P_IPV6);
	b->pkt.l4off = head;
	write_sum(test, b, b->skb->data);
	b->skb->ip_summed = b->c->summed;
	if (b->c->summed == CHECKSUM_COMPLETE)
		b->skb->csum = sum_of_all(b);
	KUNIT_ASSERT_EQ(test, 0, ct_tuple_read(&b->pkt, b->skb, b->c->family,
					       NF_INET_LOCAL_OUT));
}

static void random_end(struct bench *b, struct ct_tuple *to)
{
	prandom_bytes_state(&b->random, &to->src, sizeof(to->src));
	prandom_bytes_state(&b->random, &to->dst, sizeof(to->dst));
	if (b->c->protonum == IPPROTO_ICMP || b->c->protonum == IPPROTO_ICMPV6)
		to->icmp.id = htons(prandom_u32_state(&b->random));
	else if (b->c->protonum != IPPROTO_GRE && b->c->protonum != 99 &&
		 b->c->protonum != IPPROTO_UDPLITE &&
		 b->c->protonum != IPPROTO_DCCP)
		to->l4 = (__force __be32)prandom_u32_state(&b->random);
}

static bool sum_is_right(struct bench *b)
{
	u8 *l4 = b->skb->data + b->pkt.l4off;
	const struct iphdr *iph = ip_hdr(b->skb);

	if (b->c->family == V4 && ip_fast_csum(iph, iph->ihl))
		return false;
	if (b->skb->ip_summed == CHECKSUM_COMPLETE &&
	    csum_fold(b->skb->csum) != csum_fold(sum_of_all(b)))
		return false;
	if (b->c->protonum == IPPROTO_SCTP)
		return ((struct sctphdr *)l4)->checksum ==
		       ct_sctp_crc(b->skb, b->pkt.l4off, L4);
	if (b->c->sum == NO_SUM)
		return true;
	if (b->c->none)
		return !*(__sum16 *)(l4 + b->c->sum);
	if (b->skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_checksum_help(b->skb))
		return false;
	return !with_pseudo(b->c, b->skb->data, csum_partial(l4, L4, 0));
}

/* The end that was asked for, and no other, as the packet is read again */
static void check_ends(struct kunit *test, struct bench *b,
		       const struct ct_tuple *was, const struct ct_tuple *to,
		       enum nf_nat_manip_type manip)
{
	bool src = manip == NF_NAT_MANIP_SRC;
	struct ct_pkt now = {};

	KUNIT_ASSERT_EQ(test, 0, ct_tuple_read(&now, b->skb, b->c->family,
					       NF_INET_LOCAL_OUT));
	KUNIT_EXPECT_TRUE(test, ct_tuple_equal(&now.tuple, &b->pkt.tuple));
	KUNIT_EXPECT_TRUE(test, ct_addr_equal(b->c->family, &now.tuple.src,
					      src ? &to->src : &was->src));
	KUNIT_EXPECT_TRUE(test, ct_addr_equal(b->c->family, &now.tuple.dst,
					      src ? &was->dst : &to->dst));
	KUNIT_EXPECT_FALSE(test, ct_nat_end_differs(&now.tuple, to, manip));
	KUNIT_EXPECT_FALSE(test, ct_nat_end_differs(&now.tuple, was, src ?
						    NF_NAT_MANIP_DST :
						    NF_NAT_MANIP_SRC));
}

static void one_end(struct kunit *test, struct bench *b,
		    enum nf_nat_manip_type manip)
{
	struct ct_tuple was, to;

	make_packet(test, b);
	was = b->pkt.tuple;
	to = was;
	random_end(b, &to);
	KUNIT_ASSERT_TRUE(test, ct_nat_mangle(&b->pkt, &to, manip));
	check_ends(test, b, &was, &to, manip);
	KUNIT_EXPECT_TRUE(test, sum_is_right(b));
}

static void nat_rewrites(struct kunit *test)
{
	struct bench b = { .c = test->param_value };
	int i;

	prandom_seed_state(&b.random, 1);
	for (i = 0; i < ROUNDS; i++)
		one_end(test, &b, i % 2 ? NF_NAT_MANIP_SRC : NF_NAT_MANIP_DST);
}

/* A wrong checksum does not become right by being translated. */
static void nat_keeps_faults(struct kunit *test)
{
	struct bench b = { .c = test->param_value };
	struct ct_tuple to;
	int i;

	if (b.c->sum == NO_SUM || b.c->none || b.c->summed != CHECKSUM_NONE)
		return;
	prandom_seed_state(&b.random, 2);
	for (i = 0; i < ROUNDS; i++) {
		make_packet(test, &b);
		b.skb->data[b.pkt.l4off + L4 - 1] ^= 1;
		to = b.pkt.tuple;
		random_end(&b, &to);
		KUNIT_ASSERT_TRUE(test, ct_nat_mangle(&b.pkt, &to, i % 2));
		KUNIT_EXPECT_FALSE(test, sum_is_right(&b));
	}
}

static void writes_no_zero(struct kunit *test, u8 protonum)
{
	const struct nat_case c = { "", V4, protonum, 6, CHECKSUM_NONE };
	struct bench b = { .c = &c };
	struct ct_tuple to;
	__sum16 *sum;

	prandom_seed_state(&b.random, 3);
	make_packet(test, &b);
	sum = (__sum16 *)(b.skb->data + b.pkt.l4off + c.sum);
	to = b.pkt.tuple;
	/* The address goes up by as much as the sum is to go down. */
	to.src.ip = (__force __be32)csum_add((__force __wsum)to.src.ip,
					     csum_unfold(*sum));
	KUNIT_ASSERT_TRUE(test, ct_nat_mangle(&b.pkt, &to, NF_NAT_MANIP_SRC));
	KUNIT_EXPECT_EQ(test, (__force u16)*sum, (__force u16)CSUM_MANGLED_0);
}

/* A sum of zero means "none" in a datagram: it is written as its other zero. */
static void nat_writes_no_zero(struct kunit *test)
{
	writes_no_zero(test, IPPROTO_UDP);
	writes_no_zero(test, IPPROTO_UDPLITE);
}

static struct kunit_case nat_tests[] = {
	KUNIT_CASE_PARAM(nat_rewrites, nat_gen_params),
	KUNIT_CASE_PARAM(nat_keeps_faults, nat_gen_params),
	KUNIT_CASE(nat_writes_no_zero),
	{}
};

static struct kunit_suite nat_suite = {
	.name = "ct_nat",
	.test_cases = nat_tests,
};

kunit_test_suite(nat_suite);
