// SPDX-License-Identifier: GPL-2.0
/*
 * UDP, ICMP, ICMPv6, GRE and the generic protocol: flows as tables of packets,
 * headers as tables of bytes, checksums. SCTP has a file of its own.
 */
#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#include "ct_test.h"

#define V4	NFPROTO_IPV4
#define V6	NFPROTO_IPV6

/* Judging */

#define DAY	86400000ULL	/* ms */

struct flow_row {
	u64 ms;
	u8 dir;
	u8 type;		/* ICMP */
	struct ct_test_want want;
};

struct flow_case {
	const char *name;
	const struct ct_proto *proto;
	u8 family;
	struct flow_row rows[10];	/* until one without a timeout */
};

#define OK(ms, dir, to)		{ ms, dir, 0, { CT_ACCEPT, 0, CT_TO_##to, 0 } }
#define SURE(ms, dir, to)	{ ms, dir, 0, { CT_ACCEPT, 0, CT_TO_##to, 1 } }
#define ICMP(ms, dir, type)	{ ms, dir, type, { CT_ACCEPT, 0, CT_TO_ICMP } }
#define ICMP6(ms, dir, type)	{ ms, dir, type, { CT_ACCEPT, 0, CT_TO_ICMPV6 } }
/* The timeout only tells the row from the end of the table. */
#define NO(type, reason)	\
	{ 0, ORIG, type, { CT_REFUSE, CT_R_##reason, CT_TO_GENERIC } }

static const struct flow_case flow_cases[] = {
	{ "udp: question and answer", &ct_proto_udp, V4, {
		OK(0, ORIG, UDP), OK(500, ORIG, UDP), OK(1000, REPLY, UDP),
		OK(1500, ORIG, UDP), OK(1900, REPLY, UDP) } },
	{ "udp: two seconds to the tick are not a stream", &ct_proto_udp, V4, {
		OK(0, ORIG, UDP), OK(1000, REPLY, UDP), OK(2000, ORIG, UDP),
		SURE(2100, ORIG, UDP_STREAM) } },
	{ "udp: a stream", &ct_proto_udp, V6, {
		OK(0, ORIG, UDP), OK(100, REPLY, UDP),
		SURE(5000, REPLY, UDP_STREAM), SURE(5001, ORIG, UDP_STREAM) } },
	{ "udp: one way is never a stream", &ct_proto_udp, V4, {
		OK(0, ORIG, UDP), OK(5000, ORIG, UDP), OK(10000, ORIG, UDP) } },
	{ "udp: the first reply does not make a stream", &ct_proto_udp, V4, {
		OK(0, ORIG, UDP), OK(9000, REPLY, UDP),
		SURE(9100, ORIG, UDP_STREAM) } },
	{ "udp: a stream for months", &ct_proto_udp, V4, {
		OK(0, ORIG, UDP), OK(100, REPLY, UDP),
		SURE(3000, ORIG, UDP_STREAM), SURE(10 * DAY, ORIG, UDP_STREAM),
		SURE(30 * DAY, REPLY, UDP_STREAM),
		SURE(300 * DAY, ORIG, UDP_STREAM) } },
	{ "generic", &ct_proto_generic, V4, {
		OK(0, ORIG, GENERIC), OK(100, REPLY, GENERIC),
		OK(9000, ORIG, GENERIC), OK(9100, REPLY, GENERIC) } },
	{ "gre: replied is a stream", &ct_proto_gre, V4, {
		OK(0, ORIG, GRE), OK(100, ORIG, GRE), OK(200, REPLY, GRE),
		SURE(300, REPLY, GRE_STREAM), SURE(400, ORIG, GRE_STREAM) } },
	{ "icmp: echo and duplicates", &ct_proto_icmp, V4, {
		ICMP(0, ORIG, ICMP_ECHO), ICMP(10, REPLY, ICMP_ECHOREPLY),
		ICMP(20, REPLY, ICMP_ECHOREPLY), ICMP(900, ORIG, ICMP_ECHO),
		ICMP(5000, REPLY, ICMP_ECHOREPLY) } },
	{ "icmp: timestamp", &ct_proto_icmp, V4, {
		ICMP(0, ORIG, ICMP_TIMESTAMP), ICMP(1, REPLY, ICMP_TIMESTAMPREPLY) } },
	{ "icmp: information", &ct_proto_icmp, V4, {
		ICMP(0, ORIG, ICMP_INFO_REQUEST), ICMP(1, REPLY, ICMP_INFO_REPLY) } },
	{ "icmp: address mask", &ct_proto_icmp, V4, {
		ICMP(0, ORIG, ICMP_ADDRESS), ICMP(1, REPLY, ICMP_ADDRESSREPLY) } },
	{ "icmp: answers without a question", &ct_proto_icmp, V4, {
		NO(ICMP_ECHOREPLY, ICMP_NO_QUERY),
		NO(ICMP_TIMESTAMPREPLY, ICMP_NO_QUERY),
		NO(ICMP_INFO_REPLY, ICMP_NO_QUERY),
		NO(ICMP_ADDRESSREPLY, ICMP_NO_QUERY) } },
	{ "icmp: what makes no flow", &ct_proto_icmp, V4, {
		NO(1, ICMP_TYPE), NO(ICMP_DEST_UNREACH, ICMP_TYPE),
		NO(9, ICMP_TYPE), NO(19, ICMP_TYPE), NO(255, ICMP_TYPE) } },
	{ "icmpv6: echo", &ct_proto_icmpv6, V6, {
		ICMP6(0, ORIG, ICMPV6_ECHO_REQUEST),
		ICMP6(9, REPLY, ICMPV6_ECHO_REPLY),
		ICMP6(5000, REPLY, ICMPV6_ECHO_REPLY) } },
	{ "icmpv6: node information", &ct_proto_icmpv6, V6, {
		ICMP6(0, ORIG, ICMPV6_NI_QUERY), ICMP6(9, REPLY, ICMPV6_NI_REPLY) } },
	{ "icmpv6: answers without a question", &ct_proto_icmpv6, V6, {
		NO(ICMPV6_ECHO_REPLY, ICMP_NO_QUERY),
		NO(ICMPV6_NI_REPLY, ICMP_NO_QUERY) } },
	{ "icmpv6: what makes no flow", &ct_proto_icmpv6, V6, {
		NO(0, ICMP_TYPE), NO(1, ICMP_TYPE), NO(135, ICMP_TYPE),
		NO(141, ICMP_TYPE), NO(255, ICMP_TYPE) } },
};

CT_TEST_NAME(flow_case)
KUNIT_ARRAY_PARAM(flow, flow_cases, flow_case_name);

static void test_flow(struct kunit *test)
{
	const struct flow_case *c = test->param_value;
	struct ct_test_run *run = ct_test_begin(test, c->name, c->proto,
						c->family);
	const struct flow_row *row;

	for (row = c->rows; row < c->rows + ARRAY_SIZE(c->rows) &&
	     row->want.timeout; row++) {
		run->pkt.tuple.icmp.type = row->type;
		ct_test_packet(run, row->ms, row->dir, &row->want);
	}
	KUNIT_EXPECT_GT(test, run->row, 1);
}

/* The timeouts of a GRE flow are those of its beginning, and are shown. */
static void test_gre_keeps_its_timeouts(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "gre", &ct_proto_gre, V4);
	const struct ct_test_want first = { CT_ACCEPT, 0, CT_TO_GRE };
	/* as long as GRE's was */
	const struct ct_test_want later = { CT_ACCEPT, 0, CT_TO_ICMP };

	ct_test_packet(run, 0, ORIG, &first);
	run->cnet.knobs.timeout[CT_TO_GRE] = HZ;
	run->cnet.knobs.timeout[CT_TO_GRE_STREAM] = HZ;
	ct_test_packet(run, 1, REPLY, &later);
	KUNIT_EXPECT_EQ(test, run->flow.state.gre.timeout, 30U * HZ);
	KUNIT_EXPECT_EQ(test, run->flow.state.gre.stream_timeout, 180U * HZ);
}

/* Headers: what read() and check() make of bytes */

struct header_case {
	const char *name;
	const struct ct_proto *proto;
	u8 reason;
	u8 len;			/* of the transport header, as IP says */
	u8 bytes[56];
	bool unread;		/* read() refuses already */
	u8 there;		/* bytes that are there; 0: as IP says */
	u16 sport, dport;	/* ICMP: type << 8 | code, identifier */
	u8 quote;
};

static const struct header_case header_cases[] = {
	{ "udp", &ct_proto_udp, CT_R_OK, 8,
	  { 0x12, 0x34, 0, 53, 0, 8 }, .sport = 0x1234, .dport = 53 },
	{ "udp: padded", &ct_proto_udp, CT_R_OK, 12,
	  { 0x12, 0x34, 0, 53, 0, 8 }, .sport = 0x1234, .dport = 53 },
	{ "udp: length of 7", &ct_proto_udp, CT_R_L4_LENGTH, 8,
	  { 0x12, 0x34, 0, 53, 0, 7 }, .sport = 0x1234, .dport = 53 },
	{ "udp: length of 0", &ct_proto_udp, CT_R_L4_LENGTH, 8,
	  { 0x12, 0x34, 0, 53, 0, 0 }, .sport = 0x1234, .dport = 53 },
	{ "udp: length beyond the packet", &ct_proto_udp, CT_R_L4_LENGTH, 8,
	  { 0x12, 0x34, 0, 53, 0, 9 }, .sport = 0x1234, .dport = 53 },
	{ "udp: header beyond IP's length", &ct_proto_udp, CT_R_L4_HEADER, 7,
	  { 0x12, 0x34, 0, 53, 0, 8 }, .there = 8, .sport = 0x1234, .dport = 53 },
	{ "udp: header cut", &ct_proto_udp, CT_R_L4_HEADER, 8,
	  { 0x12, 0x34, 0, 53, 0, 8 }, .there = 7, .sport = 0x1234, .dport = 53 },
	{ "udp: ports cut", &ct_proto_udp, 0, 8, { 0x12, 0x34, 0 },
	  .there = 3, .unread = true },
	{ "gre: version 0 with a key", &ct_proto_gre, CT_R_OK, 8,
	  { 0x20, 0, 0x08, 0, 1, 2, 3, 4 } },
	{ "gre: version 0, four bytes", &ct_proto_gre, CT_R_OK, 4,
	  { 0, 0, 0x08, 0 } },
	{ "gre: version 0, three bytes", &ct_proto_gre, 0, 3,
	  { 0, 0, 0x08 }, .unread = true },
	{ "gre: beyond IP's length", &ct_proto_gre, CT_R_L4_HEADER, 3,
	  { 0, 0, 0x08, 0 }, .there = 4 },
	{ "gre: version 2 is left generic", &ct_proto_gre, CT_R_OK, 8,
	  { 0, 2, 0x08, 0, 1, 2, 3, 4 } },
	{ "gre: pptp", &ct_proto_gre, CT_R_OK, 12,
	  { 0x30, 1, 0x88, 0x0b, 0, 0, 0xab, 0xcd }, .dport = 0xabcd },
	{ "gre: pptp, quoted", &ct_proto_gre, CT_R_OK, 8,
	  { 0x30, 1, 0x88, 0x0b, 0, 0, 0xab, 0xcd }, .dport = 0xabcd },
	{ "gre: pptp without a call", &ct_proto_gre, 0, 7,
	  { 0x30, 1, 0x88, 0x0b, 0, 0, 0xab }, .unread = true },
	{ "gre: pptp beyond IP's length", &ct_proto_gre, CT_R_L4_HEADER, 7,
	  { 0x30, 1, 0x88, 0x0b, 0, 0, 0xab, 0xcd }, .there = 8, .dport = 0xabcd },
	{ "gre: version 1 without PPP", &ct_proto_gre, CT_R_GRE_HEADER, 8,
	  { 0x30, 1, 0x08, 0, 0, 0, 0xab, 0xcd }, .dport = 0xabcd },
	{ "icmp: echo", &ct_proto_icmp, CT_R_OK, 8,
	  { 8, 0, 0, 0, 0x12, 0x34 }, .sport = 0x0800, .dport = 0x1234 },
	{ "icmp: reply with a code", &ct_proto_icmp, CT_R_OK, 8,
	  { 0, 5, 0, 0, 0x12, 0x34 }, .sport = 0x0005, .dport = 0x1234 },
	{ "icmp: cut", &ct_proto_icmp, 0, 8, { 8 }, .there = 7, .unread = true },
	{ "icmp: beyond IP's length", &ct_proto_icmp, CT_R_L4_HEADER, 7,
	  { 8, 0, 0, 0, 0x12, 0x34 }, .there = 8, .sport = 0x0800, .dport = 0x1234 },
	{ "icmp: unreachable", &ct_proto_icmp, CT_R_OK, 8, { 3, 1 },
	  .sport = 0x0301, .quote = 8 },
	{ "icmp: source quench", &ct_proto_icmp, CT_R_OK, 8, { 4 },
	  .sport = 0x0400, .quote = 8 },
	{ "icmp: redirect", &ct_proto_icmp, CT_R_OK, 8, { 5 },
	  .sport = 0x0500, .quote = 8 },
	{ "icmp: time exceeded", &ct_proto_icmp, CT_R_OK, 8, { 11 },
	  .sport = 0x0b00, .quote = 8 },
	{ "icmp: parameter problem", &ct_proto_icmp, CT_R_OK, 8, { 12 },
	  .sport = 0x0c00, .quote = 8 },
	{ "icmp: type 1", &ct_proto_icmp, CT_R_ICMP_TYPE, 8, { 1 },
	  .sport = 0x0100 },
	{ "icmp: router advertisement", &ct_proto_icmp, CT_R_ICMP_TYPE, 8, { 9 },
	  .sport = 0x0900 },
	{ "icmp: type 19", &ct_proto_icmp, CT_R_ICMP_TYPE, 8, { 19 },
	  .sport = 0x1300 },
	{ "icmp: type 255", &ct_proto_icmp, CT_R_ICMP_TYPE, 8, { 255 },
	  .sport = 0xff00 },
	{ "icmpv6: echo", &ct_proto_icmpv6, CT_R_OK, 8,
	  { 128, 0, 0, 0, 0x12, 0x34 }, .sport = 0x8000, .dport = 0x1234 },
	{ "icmpv6: echo reply", &ct_proto_icmpv6, CT_R_OK, 8,
	  { 129, 0, 0, 0, 0x12, 0x34 }, .sport = 0x8100, .dport = 0x1234 },
	{ "icmpv6: cut", &ct_proto_icmpv6, 0, 8, { 128 }, .there = 7, .unread = true },
	{ "icmpv6: beyond IP's length", &ct_proto_icmpv6, CT_R_L4_HEADER, 4,
	  { 128 }, .there = 8, .sport = 0x8000 },
	{ "icmpv6: unreachable", &ct_proto_icmpv6, CT_R_OK, 8, { 1 },
	  .sport = 0x0100, .quote = 8 },
	{ "icmpv6: too big", &ct_proto_icmpv6, CT_R_OK, 8, { 2 },
	  .sport = 0x0200, .quote = 8 },
	{ "icmpv6: time exceeded", &ct_proto_icmpv6, CT_R_OK, 8, { 3 },
	  .sport = 0x0300, .quote = 8 },
	{ "icmpv6: parameter problem", &ct_proto_icmpv6, CT_R_OK, 8, { 4 },
	  .sport = 0x0400, .quote = 8 },
	{ "icmpv6: type 0", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8, { 0 } },
	{ "icmpv6: error of no known type", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8,
	  { 5 }, .sport = 0x0500 },
	{ "icmpv6: error for experiments", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8,
	  { 100 }, .sport = 0x6400 },
	{ "icmpv6: type 127", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8, { 127 },
	  .sport = 0x7f00 },
	{ "icmpv6: inverse solicitation", &ct_proto_icmpv6, CT_R_UNTRACKED, 8,
	  { 141 }, .sport = 0x8d00 },
	{ "icmpv6: inverse advertisement", &ct_proto_icmpv6, CT_R_UNTRACKED, 8,
	  { 142 }, .sport = 0x8e00 },
	{ "icmpv6: certificate solicitation", &ct_proto_icmpv6, CT_R_UNTRACKED,
	  8, { 148 }, .sport = 0x9400 },
	{ "icmpv6: certificate advertisement", &ct_proto_icmpv6, CT_R_UNTRACKED,
	  8, { 149 }, .sport = 0x9500 },
	{ "icmpv6: type 144", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8,
	  { 144 }, .sport = 0x9000 },
	{ "icmpv6: type 147", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8, { 147 },
	  .sport = 0x9300 },
	{ "icmpv6: mld query", &ct_proto_icmpv6, CT_R_UNTRACKED, 8, { 130 },
	  .sport = 0x8200 },
	{ "icmpv6: mld done", &ct_proto_icmpv6, CT_R_UNTRACKED, 8, { 132 },
	  .sport = 0x8400 },
	{ "icmpv6: router solicitation", &ct_proto_icmpv6, CT_R_UNTRACKED, 8,
	  { 133 }, .sport = 0x8500 },
	{ "icmpv6: neighbour advertisement", &ct_proto_icmpv6, CT_R_UNTRACKED, 8,
	  { 136 }, .sport = 0x8800 },
	/* Hop limit and source are read where the IP header would be. */
	{ "icmpv6: redirect from afar", &ct_proto_icmpv6, CT_R_ICMP_REDIRECT,
	  48, { 137, [7] = 254, 0xfe, 0x80, [40] = 4, 1 }, .sport = 0x8900,
	  .quote = 48 },
	{ "icmpv6: redirect from no neighbour", &ct_proto_icmpv6,
	  CT_R_ICMP_REDIRECT, 48, { 137, [7] = 255, [40] = 4, 1 },
	  .sport = 0x8900, .quote = 48 },
	{ "icmpv6: redirect", &ct_proto_icmpv6, CT_R_OK, 48,
	  { 137, [7] = 255, 0xfe, 0x80, [40] = 4, 1 }, .sport = 0x8900,
	  .quote = 48 },
	{ "icmpv6: redirect, link address first", &ct_proto_icmpv6, CT_R_OK, 56,
	  { 137, [7] = 255, 0xfe, 0x80, [40] = 2, 1, [48] = 4, 1 },
	  .sport = 0x8900, .quote = 56 },
	{ "icmpv6: redirect without a quote", &ct_proto_icmpv6,
	  CT_R_UNTRACKED, 48, { 137, [7] = 255, 0xfe, 0x80, [40] = 2, 1 },
	  .sport = 0x8900 },
	{ "icmpv6: redirect without options", &ct_proto_icmpv6,
	  CT_R_UNTRACKED, 40, { 137, [7] = 255, 0xfe, 0x80 },
	  .sport = 0x8900 },
	{ "icmpv6: redirect without a quote, from afar", &ct_proto_icmpv6,
	  CT_R_ICMP_REDIRECT, 40, { 137, [7] = 254, 0xfe, 0x80 },
	  .sport = 0x8900 },
	{ "icmpv6: redirect cut short", &ct_proto_icmpv6, CT_R_ICMP_QUOTE, 32,
	  { 137, [7] = 255, 0xfe, 0x80 }, .sport = 0x8900, .there = 48 },
	{ "icmpv6: redirect, option beyond its end", &ct_proto_icmpv6,
	  CT_R_ICMP_QUOTE, 48, { 137, [7] = 255, 0xfe, 0x80, [40] = 2, 2 },
	  .sport = 0x8900 },
	{ "icmpv6: redirect, half an option", &ct_proto_icmpv6, CT_R_ICMP_QUOTE,
	  44, { 137, [7] = 255, 0xfe, 0x80, [40] = 2, 1 }, .sport = 0x8900 },
	{ "icmpv6: redirect, option of no length", &ct_proto_icmpv6,
	  CT_R_ICMP_QUOTE, 56, { 137, [7] = 255, 0xfe, 0x80, [48] = 4, 1 },
	  .sport = 0x8900 },
	{ "icmpv6: redirect with a code", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 48,
	  { 137, 1, [7] = 255, 0xfe, 0x80, [40] = 4, 1 }, .sport = 0x8901,
	  .quote = 48 },
	{ "icmpv6: type 138", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8, { 138 },
	  .sport = 0x8a00 },
	{ "icmpv6: mld version 2", &ct_proto_icmpv6, CT_R_UNTRACKED, 8, { 143 },
	  .sport = 0x8f00 },
	{ "icmpv6: type 150", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8, { 150 },
	  .sport = 0x9600 },
	{ "icmpv6: multicast router", &ct_proto_icmpv6, CT_R_UNTRACKED, 8,
	  { 151 }, .sport = 0x9700 },
	{ "icmpv6: multicast router leaves", &ct_proto_icmpv6, CT_R_UNTRACKED, 8,
	  { 153 }, .sport = 0x9900 },
	{ "icmpv6: type 154", &ct_proto_icmpv6, CT_R_ICMP_TYPE, 8, { 154 },
	  .sport = 0x9a00 },
};

CT_TEST_NAME(header_case)
KUNIT_ARRAY_PARAM(header, header_cases, header_case_name);

/* At LOCAL_OUT, where no checksum is verified. */
static void test_header(struct kunit *test)
{
	const struct header_case *c = test->param_value;
	const struct ct_proto *proto = c->proto;
	bool icmp = proto->identify;
	struct ct_test_run *run = ct_test_begin(test, c->name, proto, V4);
	struct ct_pkt *pkt = &run->pkt;
	u16 a, b;

	pkt->hook = NF_INET_LOCAL_OUT;
	pkt->skb = ct_test_skb(test, c->bytes, c->there ? c->there : c->len);
	pkt->l4len = c->len;
	KUNIT_EXPECT_EQ(test, proto->read(pkt->skb, 0, &pkt->tuple), !c->unread);
	if (c->unread)
		return;
	a = icmp ? pkt->tuple.icmp.type << 8 | pkt->tuple.icmp.code :
		   ntohs(pkt->tuple.sport);
	b = ntohs(icmp ? pkt->tuple.icmp.id : pkt->tuple.dport);
	KUNIT_EXPECT_EQ(test, a, c->sport);
	KUNIT_EXPECT_EQ(test, b, c->dport);
	KUNIT_EXPECT_EQ(test, (int)proto->check(pkt), (int)c->reason);
	if (proto->quote)
		KUNIT_EXPECT_EQ(test, proto->quote(pkt), (unsigned int)c->quote);
}

/* Checksums */

struct sum_case {
	const char *name;
	const struct ct_proto *proto;
	u8 family;
};

static const struct sum_case sum_cases[] = {
	{ "udp", &ct_proto_udp, V4 },
	{ "udp6", &ct_proto_udp, V6 },
	{ "icmp", &ct_proto_icmp, V4 },
	{ "icmpv6", &ct_proto_icmpv6, V6 },
	{ "tcp", &ct_proto_tcp, V4 },
	{ "tcp6", &ct_proto_tcp, V6 },
};

CT_TEST_NAME(sum_case)
KUNIT_ARRAY_PARAM(sum, sum_cases, sum_case_name);

#define PAYLOAD 24

/* An IP packet with a right checksum. */
static void make_packet(struct kunit *test, struct ct_pkt *pkt)
{
	struct {
		union {
			struct iphdr v4;
			struct ipv6hdr v6;
		};
		u8 l4[PAYLOAD];
	} p = { 0 };
	u8 protonum = pkt->proto->protonum, ip[sizeof(p)], *l4;
	__wsum sum;
	__sum16 *at;

	pkt->l4off = pkt->tuple.family == V4 ? sizeof(p.v4) : sizeof(p.v6);
	pkt->l4len = PAYLOAD;
	p.l4[0] = protonum == IPPROTO_ICMPV6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
	p.l4[5] = PAYLOAD;	/* UDP's length */
	p.l4[12] = 5 << 4;	/* TCP's header length, and its flags */
	p.l4[13] = 0x10;
	p.l4[PAYLOAD - 1] = 0x77;
	at = (__sum16 *)(p.l4 + (protonum == IPPROTO_TCP ? 16 :
				 protonum == IPPROTO_UDP ? 6 : 2));
	sum = csum_partial(p.l4, PAYLOAD, 0);
	if (pkt->tuple.family == V4) {
		p.v4.version = 4;
		p.v4.ihl = 5;
		p.v4.protocol = protonum;
		p.v4.saddr = htonl(0x0a000001);
		p.v4.daddr = htonl(0x0a000002);
		p.v4.check = ip_fast_csum(&p.v4, 5);
		*at = protonum == IPPROTO_ICMP ? csum_fold(sum) :
		      csum_tcpudp_magic(p.v4.saddr, p.v4.daddr, PAYLOAD,
					protonum, sum);
	} else {
		p.v6.version = 6;
		p.v6.nexthdr = protonum;
		p.v6.saddr.s6_addr[15] = 1;
		p.v6.daddr.s6_addr[15] = 2;
		*at = csum_ipv6_magic(&p.v6.saddr, &p.v6.daddr, PAYLOAD,
				      protonum, sum);
	}
	l4 = ip + pkt->l4off;
	memcpy(ip, &p, pkt->l4off);
	memcpy(l4, p.l4, PAYLOAD);
	pkt->skb = ct_test_skb(test, ip, pkt->l4off + PAYLOAD);
	pkt->skb->ip_summed = CHECKSUM_NONE;
	KUNIT_ASSERT_TRUE(test, pkt->proto->read(pkt->skb, pkt->l4off,
						 &pkt->tuple));
}

static void make_wrong_packet(struct kunit *test, struct ct_pkt *pkt)
{
	make_packet(test, pkt);
	pkt->skb->data[pkt->l4off + PAYLOAD - 1] ^= 1;
}

static void test_checksum(struct kunit *test)
{
	const struct sum_case *c = test->param_value;
	struct ct_test_run *run = ct_test_begin(test, c->name, c->proto,
						c->family);
	struct ct_pkt *pkt = &run->pkt;

	make_packet(test, pkt);
	KUNIT_EXPECT_EQ(test, (int)c->proto->check(pkt), CT_R_OK);
	make_wrong_packet(test, pkt);
	KUNIT_EXPECT_EQ(test, (int)c->proto->check(pkt), CT_R_CHECKSUM);

	/* where it is not looked at */
	make_wrong_packet(test, pkt);
	pkt->hook = NF_INET_LOCAL_OUT;
	KUNIT_EXPECT_EQ(test, (int)c->proto->check(pkt), CT_R_OK);
	pkt->hook = NF_INET_PRE_ROUTING;
	pkt->skb->ip_summed = CHECKSUM_UNNECESSARY;
	KUNIT_EXPECT_EQ(test, (int)c->proto->check(pkt), CT_R_OK);
	make_wrong_packet(test, pkt);
	run->cnet.knobs.checksum = 0;
	KUNIT_EXPECT_EQ(test, (int)c->proto->check(pkt), CT_R_OK);
}

/* RFC 768: a checksum of zero is none. */
static void test_udp_without_checksum(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "udp", &ct_proto_udp, V4);

	make_wrong_packet(test, &run->pkt);
	memset(run->pkt.skb->data + run->pkt.l4off + 6, 0, 2);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_udp.check(&run->pkt), CT_R_OK);
}

/* Extension headers, and the addresses that a checksum is over */

struct way_case {
	const char *name;
	u8 kind;		/* of the extension header */
	u8 len;			/* of it */
	u8 bytes[48];		/* of it, behind the next header's number */
	u8 final;		/* last byte of the address it leads to, or 0 */
	u8 home;		/* the same of the home address */
};

/* A header of @len bytes; addresses are 2001:db8::N. */
#define HLEN(len)	((len) / 8 - 1)
#define ADDR(n)		0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n

static const struct way_case way_cases[] = {
	{ "no segments left", NEXTHDR_ROUTING, 24,
	  { HLEN(24), 4, 0, 0, 0, 0, 0, ADDR(9) } },
	{ "type 4: the first of its list", NEXTHDR_ROUTING, 40,
	  { HLEN(40), 4, 1, 1, 0, 0, 0, ADDR(9), ADDR(8) }, .final = 9 },
	{ "type 2", NEXTHDR_ROUTING, 24,
	  { HLEN(24), 2, 1, 0, 0, 0, 0, ADDR(9) }, .final = 9 },
	{ "type 0: the last of its list", NEXTHDR_ROUTING, 40,
	  { HLEN(40), 0, 2, 0, 0, 0, 0, ADDR(8), ADDR(9) }, .final = 9 },
	{ "type 3: behind a prefix, before padding", NEXTHDR_ROUTING, 16,
	  { HLEN(16), 3, 1, 0xee, 0x60, 0, 0, 0, 9 }, .final = 9 },
	{ "a type that nobody knows", NEXTHDR_ROUTING, 24,
	  { HLEN(24), 77, 1, 0, 0, 0, 0, ADDR(9) } },
	{ "type 4 without an address", NEXTHDR_ROUTING, 8,
	  { HLEN(8), 4, 1, 0 } },
	{ "home address", NEXTHDR_DEST, 24,
	  { HLEN(24), 1, 2, 0, 0, 201, 16, ADDR(9) }, .home = 9 },
	{ "home address of half a length", NEXTHDR_DEST, 24,
	  { HLEN(24), 1, 2, 0, 0, 201, 8, ADDR(9) } },
	{ "another option", NEXTHDR_DEST, 24,
	  { HLEN(24), 1, 2, 0, 0, 0x1e, 16, ADDR(9) } },
};

CT_TEST_NAME(way_case)
KUNIT_ARRAY_PARAM(way, way_cases, way_case_name);

/* A UDP datagram behind an extension header, its checksum right. */
static struct sk_buff *make_way(struct kunit *test, const struct way_case *c)
{
	struct in6_addr src, dst;
	struct {
		struct ipv6hdr ip;
		u8 ext[48 + 16];
	} p = { .ip = { .version = 6, .hop_limit = 64 } };
	u8 *l4 = p.ext + c->len;
	struct sk_buff *skb;
	__sum16 sum;

	p.ip.nexthdr = c->kind;
	p.ip.payload_len = htons(c->len + 16);
	ipv6_addr_set(&p.ip.saddr, htonl(0x20010db8), 0, 0, htonl(1));
	ipv6_addr_set(&p.ip.daddr, htonl(0x20010db8), 0, 0, htonl(2));
	src = p.ip.saddr;
	dst = p.ip.daddr;
	if (c->final)
		dst.s6_addr[15] = c->final;
	if (c->home)
		src.s6_addr[15] = c->home;
	p.ext[0] = IPPROTO_UDP;
	memcpy(p.ext + 1, c->bytes, c->len - 1);
	memcpy(l4, "\x12\x34\0\x35\0\x10\0\0ABCDEFGH", 16);
	sum = csum_ipv6_magic(&src, &dst, 16, IPPROTO_UDP,
			      csum_partial(l4, 16, 0));
	memcpy(l4 + 6, &sum, sizeof(sum));
	skb = ct_test_skb(test, &p, sizeof(p.ip) + c->len + 16);
	skb->ip_summed = CHECKSUM_NONE;
	return skb;
}

static void test_checksum_is_of_both_ends(struct kunit *test)
{
	const struct way_case *c = test->param_value;
	struct ct_test_run *run = ct_test_begin(test, c->name, &ct_proto_udp,
						V6);
	struct ct_pkt *pkt = &run->pkt;
	struct in6_addr src, dst;
	struct sk_buff *skb;

	skb = make_way(test, c);
	KUNIT_EXPECT_EQ(test, (int)ct_tuple_read(pkt, skb, V6,
						 NF_INET_PRE_ROUTING), CT_R_OK);
	KUNIT_EXPECT_EQ(test, ntohs(pkt->tuple.sport), 0x1234);
	/* The flow is between the addresses of the IP header. */
	KUNIT_EXPECT_EQ(test, (int)pkt->tuple.src.in6.s6_addr[15], 1);
	KUNIT_EXPECT_EQ(test, (int)pkt->tuple.dst.in6.s6_addr[15], 2);
	KUNIT_EXPECT_EQ(test, ct_tuple_ends6(pkt, &src, &dst),
			c->final || c->home);
	KUNIT_EXPECT_EQ(test, (int)dst.s6_addr[15], c->final ?: 2);
	KUNIT_EXPECT_EQ(test, (int)src.s6_addr[15], c->home ?: 1);

	skb = make_way(test, c);
	skb->data[skb->len - 1] ^= 1;
	KUNIT_EXPECT_EQ(test, (int)ct_tuple_read(pkt, skb, V6,
						 NF_INET_PRE_ROUTING),
			CT_R_CHECKSUM);
}

/* RFC 2675: a length of zero is one, unless the packet says another. */

struct jumbo_case {
	const char *name;
	u8 reason;
	u8 nexthdr;
	u32 len;		/* of the packet behind the IP header */
	u8 option[8];		/* of a Hop-by-Hop header, behind two bytes */
	bool gso;
};

#define JUMBO(len)	{ 194, 4, (len) >> 24, (len) >> 16 & 0xff, (len) >> 8 & 0xff, \
			  (len) & 0xff }

static const struct jumbo_case jumbo_cases[] = {
	{ "a datagram and no length", CT_R_L4_HEADER, IPPROTO_UDP, 100 },
	{ "several segments in one", CT_R_OK, IPPROTO_UDP, 100, .gso = true },
	{ "no jumbo option", CT_R_IP_HEADER, NEXTHDR_HOP, 70000,
	  { 1, 4 } },
	{ "a jumbogram", CT_R_OK, NEXTHDR_HOP, 70000, JUMBO(70000) },
	{ "a jumbogram, padded", CT_R_OK, NEXTHDR_HOP, 70008, JUMBO(70000) },
	{ "a jumbogram beyond the packet", CT_R_IP_LENGTH, NEXTHDR_HOP, 70000,
	  JUMBO(70001) },
	{ "a jumbogram of any length", CT_R_IP_LENGTH, NEXTHDR_HOP, 70000,
	  JUMBO(0xffffffffU) },
	{ "a jumbogram that is none", CT_R_IP_HEADER, NEXTHDR_HOP, 70000,
	  JUMBO(65535) },
	{ "an option of no length", CT_R_IP_HEADER, NEXTHDR_HOP, 70000,
	  { 194, 0 } },
};

CT_TEST_NAME(jumbo_case)
KUNIT_ARRAY_PARAM(jumbo, jumbo_cases, jumbo_case_name);

static void test_length_of_zero(struct kunit *test)
{
	const struct jumbo_case *c = test->param_value;
	struct ct_test_run *run = ct_test_begin(test, c->name, &ct_proto_udp,
						V6);
	unsigned int off = sizeof(struct ipv6hdr);
	struct ipv6hdr *ip6h;
	struct sk_buff *skb;
	u8 *bytes;

	bytes = kunit_kzalloc(test, off + c->len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bytes);
	ip6h = (struct ipv6hdr *)bytes;
	ip6h->version = 6;
	ip6h->nexthdr = c->nexthdr;
	ip6h->saddr.s6_addr[15] = 1;
	ip6h->daddr.s6_addr[15] = 2;
	if (c->nexthdr == NEXTHDR_HOP) {
		bytes[off] = IPPROTO_UDP;
		memcpy(bytes + off + 2, c->option, 6);
		off += 8;
	}
	memcpy(bytes + off, "\x12\x34\0\x35\0\x08", 6);
	skb = ct_test_skb(test, bytes, sizeof(*ip6h) + c->len);
	if (c->gso)
		skb_shinfo(skb)->gso_size = 1000;
	KUNIT_EXPECT_EQ(test, (int)ct_tuple_read(&run->pkt, skb, V6,
						 NF_INET_LOCAL_OUT),
			(int)c->reason);
}

static struct kunit_case proto_tests[] = {
	KUNIT_CASE_PARAM(test_flow, flow_gen_params),
	KUNIT_CASE_PARAM(test_header, header_gen_params),
	KUNIT_CASE_PARAM(test_checksum, sum_gen_params),
	KUNIT_CASE(test_gre_keeps_its_timeouts),
	KUNIT_CASE(test_udp_without_checksum),
	KUNIT_CASE_PARAM(test_checksum_is_of_both_ends, way_gen_params),
	KUNIT_CASE_PARAM(test_length_of_zero, jumbo_gen_params),
	{}
};

static struct kunit_suite proto_suite = {
	.name = "ct_proto",
	.test_cases = proto_tests,
};

kunit_test_suites(&proto_suite);
