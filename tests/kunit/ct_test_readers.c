// SPDX-License-Identifier: GPL-2.0
/*
 * Two read every packet's headers: the short way (ct_fast.c) and the long one
 * (ct_tuple.c and the protocols). Whatever the bytes are, what the short way
 * takes must be what the long way would have read: the same key, tuple, lengths
 * and segment, and nothing that the long way refuses. Packets are random,
 * mostly nearly right, cut anywhere, and the same in every run.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/prandom.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "ct_core.h"
#include "ct_tcp.h"
#include "ct_test.h"

#define V4	NFPROTO_IPV4
#define ROUNDS	12000
#define ROOM	256

struct chance {
	struct rnd_state state;
};

static u32 below(struct chance *c, u32 n)
{
	return prandom_u32_state(&c->state) % n;
}

/* One time in @n */
static bool rarely(struct chance *c, u32 n)
{
	return !below(c, n);
}

/**
 * struct packet - a packet yet to be made
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @protonum: what is behind all IP headers
 * @len: bytes of it
 * @l4off: where the transport header is
 * @there: bytes that the skb has: fewer, or more
 * @head: and how many of them are in its head
 * @verified: the device has seen to the checksum
 * @gso: it is several segments
 * @hook: where it is read
 * @bytes: the bytes
 */
struct packet {
	u8 family;
	u8 protonum;
	unsigned int len;
	unsigned int l4off;
	unsigned int there;
	unsigned int head;
	bool verified;
	bool gso;
	u8 hook;
	u8 bytes[ROOM];
};

/* A length that is right, or nearly, or anything */
static u16 lie(struct chance *c, u32 len)
{
	switch (below(c, 24)) {
	case 0:
		return below(c, 65536);
	case 1:
		return len + below(c, 9) - 4;
	case 2:
		return below(c, 64);
	case 3:
		return 0;
	default:
		return len;
	}
}

static void write_be16(u8 *at, u16 value)
{
	put_unaligned_be16(value, at);
}

static unsigned int make_options(struct chance *c, u8 *opt)
{
	static const u8 stamp[TCPOLEN_TSTAMP_ALIGNED] = { 1, 1, 8, 10 };
	static const u8 syn[CT_TCP_SYN_OPTIONS] = {
		2, 4, 5, 180, 4, 2, 8, 10, [16] = 1, 3, 3, 7,
	};
	unsigned int len = 0;

	switch (below(c, 8)) {
	case 0 ... 2:
		break;
	case 3 ... 4:
		len = sizeof(stamp);
		memcpy(opt, stamp, len);
		break;
	case 5 ... 6:
		len = sizeof(syn);
		memcpy(opt, syn, len);
		opt[19] = below(c, 32);
		break;
	default:
		len = below(c, 11) * 4;
		prandom_bytes_state(&c->state, opt, len);
		break;
	}
	if (len && rarely(c, 8))
		opt[below(c, len)] ^= 1 << below(c, 8);
	return len;
}

static void make_tcp(struct chance *c, struct packet *p)
{
	static const u8 usual[] = { 0x10, 0x18, 0x02, 0x12, 0x10, 0x11, 0x04,
				    0x14 };
	u8 *th = p->bytes + p->l4off;
	unsigned int hlen;

	prandom_bytes_state(&c->state, th, 20);
	hlen = 20 + make_options(c, th + 20);
	th[12] = (rarely(c, 16) ? below(c, 16) : hlen / 4) << 4 |
		 (rarely(c, 16) ? below(c, 16) : 0);
	th[13] = rarely(c, 16) ? below(c, 256) :
				 usual[below(c, ARRAY_SIZE(usual))];
	p->len = p->l4off + hlen + (rarely(c, 2) ? below(c, 40) : 0);
}

static void make_udp(struct chance *c, struct packet *p)
{
	u8 *uh = p->bytes + p->l4off;
	unsigned int len = 8 + below(c, 40);

	prandom_bytes_state(&c->state, uh, 4);
	write_be16(uh + 4, lie(c, len));
	p->len = p->l4off + len;
}

static void make_transport(struct chance *c, struct packet *p)
{
	static const u8 others[] = { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_GRE,
				     IPPROTO_SCTP, IPPROTO_ESP, 253 };

	p->protonum = rarely(c, 2) ? IPPROTO_UDP : IPPROTO_TCP;
	if (rarely(c, 16))
		p->protonum = others[below(c, ARRAY_SIZE(others))];
	if (p->protonum == IPPROTO_TCP)
		make_tcp(c, p);
	else
		make_udp(c, p);
}

/* A right checksum, or any, or (UDP) none */
static void make_checksum(struct chance *c, struct packet *p)
{
	const void *ip = p->bytes;
	const struct ipv6hdr *ip6h = ip;
	const struct iphdr *iph = ip;
	u8 *l4 = p->bytes + p->l4off;
	u8 *at = l4 + (p->protonum == IPPROTO_TCP ? 16 : 6);
	unsigned int len = p->len - p->l4off;
	__sum16 sum;

	write_be16(at, rarely(c, 8) ? below(c, 65536) : 0);
	if (rarely(c, 8))
		return;
	write_be16(at, 0);
	sum = p->family == V4 ?
	      csum_tcpudp_magic(iph->saddr, iph->daddr, len, p->protonum,
				csum_partial(l4, len, 0)) :
	      csum_ipv6_magic(&ip6h->saddr, &ip6h->daddr, len, p->protonum,
			      csum_partial(l4, len, 0));
	memcpy(at, &sum, sizeof(sum));
}

static void make_ipv4(struct chance *c, struct packet *p)
{
	unsigned int words = rarely(c, 8) ? 5 + below(c, 4) : 5;
	u8 *ip = p->bytes;

	p->l4off = words * 4;
	make_transport(c, p);
	prandom_bytes_state(&c->state, ip, p->l4off);
	ip[0] = 0x40 | words;
	if (rarely(c, 32))
		ip[0] = below(c, 256);
	write_be16(ip + 2, lie(c, p->len));
	write_be16(ip + 6, rarely(c, 16) ? below(c, 65536) : below(c, 2) << 14);
	ip[9] = p->protonum;
	/* Two ends, in any order, now and then one */
	write_be16(ip + 12, 0x0a00);
	write_be16(ip + 16, 0x0a00);
	write_be16(ip + 14, below(c, 3));
	write_be16(ip + 18, below(c, 3));
	make_checksum(c, p);
}

static void make_address(struct chance *c, u8 *at)
{
	memset(at, 0, 16);
	write_be16(at, 0x2001);
	at[15] = below(c, 3);
	if (rarely(c, 16))
		write_be16(at, 0xfe80 | below(c, 64));
	if (rarely(c, 32))
		at[4 + below(c, 4)] = below(c, 256);
}

/* Returns where the next header is. */
static unsigned int make_extension(struct chance *c, struct packet *p,
				   unsigned int off)
{
	static const u8 kinds[] = { NEXTHDR_HOP, NEXTHDR_DEST, NEXTHDR_ROUTING,
				    NEXTHDR_FRAGMENT, NEXTHDR_AUTH };
	u8 kind = kinds[below(c, ARRAY_SIZE(kinds))];

	p->bytes[6] = kind;
	prandom_bytes_state(&c->state, p->bytes + off, 8);
	p->bytes[off] = NEXTHDR_NONE;
	p->bytes[off + 1] = rarely(c, 8) ? below(c, 4) : 0;
	if (kind == NEXTHDR_FRAGMENT)
		write_be16(p->bytes + off + 2, rarely(c, 2) ? 0 :
			   below(c, 65536));
	return off + 8;
}

static void make_ipv6(struct chance *c, struct packet *p)
{
	u8 *ip = p->bytes, *next = ip + 6;

	memset(ip, 0, 40);
	ip[0] = rarely(c, 32) ? below(c, 256) : 0x60 | below(c, 16);
	p->l4off = sizeof(struct ipv6hdr);
	if (rarely(c, 8)) {
		next = ip + p->l4off;
		p->l4off = make_extension(c, p, p->l4off);
	}
	make_transport(c, p);
	*next = p->protonum;
	write_be16(ip + 4, lie(c, p->len - 40));
	make_address(c, ip + 8);
	make_address(c, ip + 24);
	make_checksum(c, p);
}

static void make(struct chance *c, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	p->family = rarely(c, 2) ? NFPROTO_IPV6 : V4;
	if (p->family == V4)
		make_ipv4(c, p);
	else
		make_ipv6(c, p);
	p->there = p->len;
	if (rarely(c, 4))
		p->there = rarely(c, 2) ? below(c, p->len + 1) :
					  p->len + below(c, 16);
	p->head = rarely(c, 4) ? below(c, p->there + 1) : p->there;
	p->verified = !rarely(c, 4);
	p->gso = rarely(c, 32);
	p->hook = rarely(c, 4) ? NF_INET_LOCAL_OUT : NF_INET_PRE_ROUTING;
}

/* Each reader has its own: a checksum that was verified is noted. */
static struct sk_buff *make_skb(struct kunit *test, const struct packet *p)
{
	unsigned int rest = p->there - p->head;
	struct sk_buff *skb = alloc_skb(ROOM, GFP_KERNEL);
	struct page *page;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put_data(skb, p->bytes, p->head);
	if (rest) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			kfree_skb(skb);
		KUNIT_ASSERT_NOT_NULL(test, page);
		memcpy(page_address(page), p->bytes + p->head, rest);
		skb_add_rx_frag(skb, 0, page, 0, rest, PAGE_SIZE);
	}
	skb_reset_network_header(skb);
	skb->ip_summed = p->verified ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE;
	if (p->gso)
		skb_shinfo(skb)->gso_size = 100;
	return skb;
}

static bool same_segment(const struct ct_tcp_seg *a, const struct ct_tcp_seg *b,
			 u8 kind)
{
	return b->kind == kind && a->seq == b->seq && a->end == b->end &&
	       a->win == b->win && (!b->has_ack || a->ack == b->ack) &&
	       b->sack == b->ack && b->has_ack == (kind != CT_TCP_K_SYN) &&
	       (kind == CT_TCP_K_ACK ? !b->opts : a->opts == b->opts);
}

static bool same_key(const struct ct_lookup_key *a, const struct ct_lookup_key *b)
{
	return a->sender == b->sender && a->hash == b->hash &&
	       a->key.word[0] == b->key.word[0] &&
	       a->key.word[1] == b->key.word[1] &&
	       (!(a->key.kind & CT_KEY_IPV6) ||
		!memcmp(a->addr, b->addr, sizeof(a->addr)));
}

/* What the short way took, and what the long way says */
static void compare(struct ct_test_run *run, const struct packet *p,
		    const struct ct_fast_view *view, enum ct_reason reason)
{
	const struct ct_pkt *pkt = &run->pkt;
	struct kunit *test = run->test;
	struct ct_lookup_key id;

	/* Who takes a segment as any reads it once more, the long way. */
	if (p->protonum == IPPROTO_TCP && view->kind == CT_TCP_K_NONE &&
	    reason != CT_R_OK) {
		KUNIT_EXPECT_TRUE_MSG(test, reason == CT_R_L4_LENGTH ||
				      reason == CT_R_L4_HEADER ||
				      reason == CT_R_TCP_FLAGS ||
				      reason == CT_R_TCP_OPTIONS,
				      "round %u: reason %d", run->row, reason);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, (int)reason, CT_R_OK, "round %u", run->row);
	if (reason)
		return;
	ct_tuple_identify(&pkt->tuple, &run->cnet, &id);
	KUNIT_EXPECT_TRUE_MSG(test, ct_tuple_equal(&view->tuple, &pkt->tuple),
			      "round %u: the tuples differ", run->row);
	KUNIT_EXPECT_TRUE_MSG(test, same_key(&view->id, &id),
			      "round %u: the keys differ", run->row);
	KUNIT_EXPECT_FALSE_MSG(test, p->family != V4 &&
			       (ct_addr6_is_local(&pkt->tuple.src.in6) ||
				ct_addr6_is_local(&pkt->tuple.dst.in6)),
			       "round %u: of one link alone", run->row);
	KUNIT_EXPECT_EQ(test, view->l4len, pkt->l4len);
	KUNIT_EXPECT_EQ(test, p->there, pkt->len);
	KUNIT_EXPECT_EQ(test, pkt->l4off, p->family == V4 ?
			sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	if (view->kind != CT_TCP_K_NONE)
		KUNIT_EXPECT_TRUE_MSG(test, same_segment(&view->seg, &pkt->tcp,
							 view->kind),
				      "round %u: the segments differ",
				      run->row);
}

/* Returns true if the packet goes the short way. */
static bool read_both(struct ct_test_run *run, const struct packet *p,
		      enum ct_reason *reason)
{
	const struct nf_hook_state state = { .hook = p->hook, .pf = p->family };
	struct ct_fast_view view;
	struct sk_buff *skb;
	bool plain;

	memset(&view, 0xa5, sizeof(view));
	skb = make_skb(run->test, p);
	local_bh_disable();
	plain = ct_fast_read(skb, &run->cnet, &state, &view);
	local_bh_enable();
	kfree_skb(skb);

	skb = make_skb(run->test, p);
	*reason = ct_tuple_read(&run->pkt, skb, p->family, p->hook);
	kfree_skb(skb);
	run->pkt.skb = NULL;
	if (plain)
		compare(run, p, &view, *reason);
	return plain;
}

static void test_readers_agree(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "readers", &ct_proto_tcp,
						V4);
	unsigned int plain = 0, good = 0;
	enum ct_reason reason;
	struct packet *p;
	struct chance c;

	p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	prandom_seed_state(&c.state, 6);
	for (run->row = 1; run->row <= ROUNDS; run->row++) {
		make(&c, p);
		plain += read_both(run, p, &reason);
		good += reason == CT_R_OK;
	}
	kunit_info(test, "%u packets: %u plain, %u could be read\n", ROUNDS,
		   plain, good);
	KUNIT_EXPECT_GT(test, plain, ROUNDS / 5);
	KUNIT_EXPECT_GT(test, good, plain);
	KUNIT_EXPECT_LT(test, good, ROUNDS * 9U / 10);
}

/* One packet of each kind, cut behind each byte, wherever its head ends */
static void test_readers_agree_on_cuts(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "cuts", &ct_proto_tcp,
						V4);
	unsigned int plain = 0, kind;
	enum ct_reason reason;
	struct packet *p;
	struct chance c;

	p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	prandom_seed_state(&c.state, 7);
	for (kind = 0; kind < 12; kind++) {
		make(&c, p);
		for (p->there = 0; p->there <= p->len + 2; p->there++) {
			for (p->head = 0; p->head <= p->there; p->head++) {
				run->row++;
				plain += read_both(run, p, &reason);
			}
		}
	}
	kunit_info(test, "%u cuts: %u plain\n", run->row, plain);
	KUNIT_EXPECT_GT(test, plain, 0U);
}

static struct kunit_case readers_tests[] = {
	KUNIT_CASE(test_readers_agree),
	KUNIT_CASE(test_readers_agree_on_cuts),
	{}
};

static struct kunit_suite readers_suite = {
	.name = "ct_readers",
	.test_cases = readers_tests,
};

kunit_test_suite(readers_suite);
