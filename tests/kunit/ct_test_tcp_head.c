// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: headers, and what a connection is worth.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "ct_tcp.h"
#include "ct_test.h"
#include "ct_test_tcp.h"

static struct ct_test_run *begin(struct kunit *test, const char *name)
{
	struct ct_test_run *run = ct_test_begin(test, name, &ct_proto_tcp,
						NFPROTO_IPV4);

	/* so that it is told from max_retrans */
	run->cnet.knobs.timeout[CT_TO_TCP_UNACK] = 200 * HZ;
	return run;
}

struct head_case {
	const char *name;
	u8 reason;
	u8 flags;		/* as they stand in the header */
	u8 len;			/* as IP says */
	u8 doff;		/* in words */
	u8 there;		/* bytes that are there; 0: as IP says */
	u8 options[40];
	u8 kind;
	u8 opts;
	u32 end;		/* counted from seq */
	u32 sack;		/* counted from ack */
};

#define K(kind)	CT_TCP_K_##kind

static const struct head_case head_cases[] = {
	{ "ack", CT_R_OK, ACK, 20, 5, .kind = K(ACK) },
	{ "data", CT_R_OK, ACK | PSH, 30, 5, .kind = K(ACK), .end = 10 },
	{ "syn", CT_R_OK, SYN, 20, 5, .kind = K(SYN), .end = 1 },
	{ "syn that can ECN (RFC 3168)", CT_R_OK, SYN | ECE | CWR, 20, 5,
	  .kind = K(SYN), .end = 1 },
	{ "syn ack", CT_R_OK, SYN | ACK, 20, 5, .kind = K(SYNACK), .end = 1 },
	{ "fin", CT_R_OK, FIN | ACK | PSH | URG, 25, 5, .kind = K(FIN),
	  .end = 6 },
	{ "rst", CT_R_OK, RST, 20, 5, .kind = K(RST) },
	{ "rst ack", CT_R_OK, RST | ACK, 20, 5, .kind = K(RST) },
	{ "nothing", CT_R_TCP_FLAGS, 0, 20, 5 },
	{ "psh urg", CT_R_TCP_FLAGS, PSH | URG, 20, 5 },
	{ "fin without ack", CT_R_TCP_FLAGS, FIN, 20, 5 },
	{ "syn fin", CT_R_TCP_FLAGS, SYN | FIN, 20, 5 },
	{ "syn rst", CT_R_TCP_FLAGS, SYN | RST, 20, 5 },
	{ "rst fin", CT_R_TCP_FLAGS, RST | FIN | ACK, 20, 5 },
	{ "all", CT_R_TCP_FLAGS, 0xff, 20, 5 },
	{ "header cut", CT_R_L4_HEADER, ACK, 20, 5, .there = 19 },
	{ "header beyond IP's length", CT_R_L4_HEADER, ACK, 19, 5, .there = 20 },
	{ "header length of 4 words", CT_R_L4_LENGTH, ACK, 20, 4 },
	{ "header length beyond the packet", CT_R_L4_LENGTH, ACK, 20, 6 },
	{ "options cut", CT_R_L4_HEADER, ACK, 24, 6, .there = 22 },
	{ "scale and sack", CT_R_OK, SYN, 32, 8, 0,
	  { 2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 0, 9 }, K(SYN),
	  WS(7) | SACKS, .end = 1 },
	{ "what a SYN usually has", CT_R_OK, SYN, 40, 10, 0,
	  { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 15 },
	  K(SYN), WS(14) | SACKS, .end = 1 },
	{ "the same, but the scale", CT_R_OK, SYN | ACK, 40, 10, 0,
	  { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 0 },
	  K(SYNACK), SACKS, .end = 1 },
	{ "the same, not in a SYN", CT_R_OK, ACK, 40, 10, 0,
	  { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 },
	  K(ACK) },
	{ "the same, cut", CT_R_L4_HEADER, SYN, 40, 10, .there = 39,
	  { 2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7 } },
	{ "RFC 7323, 2.3: scale 15 means 14", CT_R_OK, SYN, 24, 6, 0,
	  { 3, 3, 15 }, K(SYN), WS(14), .end = 1 },
	{ "scale not in a SYN", CT_R_OK, ACK, 24, 6, 0, { 3, 3, 7 }, K(ACK) },
	{ "option of length 0", CT_R_TCP_OPTIONS, ACK, 24, 6, 0, { 1, 8, 0 } },
	{ "option of length 1", CT_R_TCP_OPTIONS, ACK, 24, 6, 0, { 1, 8, 1 } },
	{ "option beyond the header", CT_R_TCP_OPTIONS, ACK, 24, 6, 0,
	  { 1, 8, 4 } },
	{ "option without a length", CT_R_TCP_OPTIONS, ACK, 24, 6, 0,
	  { 1, 1, 1, 8 } },
	{ "end of options", CT_R_OK, ACK, 24, 6, 0, { 0, 8, 0, 0 }, K(ACK) },
	{ "timestamps", CT_R_OK, ACK, 32, 8, 0, { 1, 1, 8, 10 }, K(ACK) },
	{ "sack blocks", CT_R_OK, ACK, 40, 10, 0,
	  { 1, 1, 5, 18, 0, 0, 1, 44, 0, 0, 1, 144, 0, 0, 0, 150, 0, 0, 0, 200 },
	  K(ACK),
	  .sack = 400 },
	{ "sack block of the past", CT_R_OK, ACK, 32, 8, 0,
	  { 1, 1, 5, 10, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xf0 }, K(ACK) },
	{ "half a sack block", CT_R_OK, ACK, 28, 7, 0,
	  { 1, 1, 5, 6, 0, 0, 1, 44 }, K(ACK) },
};

CT_TEST_NAME(head_case)
KUNIT_ARRAY_PARAM(head, head_cases, head_case_name);

/* Sequence number 0x01020304, acknowledgment 0, window 0x1122 */
static void test_header(struct kunit *test)
{
	const struct head_case *c = test->param_value;
	struct ct_test_run *run = begin(test, c->name);
	struct ct_pkt *pkt = &run->pkt;
	const struct ct_tcp_seg *seg = &pkt->tcp;
	u8 bytes[60] = { 0x12, 0x34, 0, 80, 1, 2, 3, 4 };

	bytes[12] = c->doff << 4;
	bytes[13] = c->flags;
	bytes[14] = 0x11;
	bytes[15] = 0x22;
	memcpy(bytes + 20, c->options, sizeof(c->options));
	pkt->skb = ct_test_skb(test, bytes, c->there ? c->there : c->len);
	pkt->hook = NF_INET_LOCAL_OUT;
	pkt->l4len = c->len;
	KUNIT_EXPECT_TRUE(test, ct_proto_tcp.read(pkt->skb, 0, &pkt->tuple));
	KUNIT_EXPECT_EQ(test, ntohs(pkt->tuple.sport), 0x1234);
	KUNIT_EXPECT_EQ(test, ntohs(pkt->tuple.dport), 80);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_tcp.check(pkt), (int)c->reason);
	if (c->reason)
		return;
	KUNIT_EXPECT_EQ(test, seg->kind, c->kind);
	KUNIT_EXPECT_EQ(test, seg->opts, c->opts);
	KUNIT_EXPECT_EQ(test, seg->seq, 0x01020304U);
	KUNIT_EXPECT_EQ(test, seg->end - seg->seq, c->end);
	KUNIT_EXPECT_EQ(test, seg->sack - seg->ack, c->sack);
	KUNIT_EXPECT_EQ(test, seg->win, 0x1122);
	KUNIT_EXPECT_EQ(test, seg->has_ack, !!(c->flags & ACK));
	KUNIT_EXPECT_EQ(test, seg->rst_ack,
			(c->flags & (RST | ACK)) == (RST | ACK));
}

/* All bits of the flags, on a header with nothing else wrong */
static void test_flags(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "flags", &ct_proto_tcp,
						NFPROTO_IPV4);
	struct tcphdr th = { .doff = sizeof(th) / 4, .window = htons(100) };
	unsigned int flags;
	struct sk_buff *skb;

	run->pkt.hook = NF_INET_LOCAL_OUT;	/* the checksum is not looked at */
	run->pkt.l4len = sizeof(th);
	for (flags = 0; flags < 256; flags++) {
		enum ct_reason want = ct_test_can_be(flags & (FIN | SYN | RST | ACK)) ?
				      CT_R_OK : CT_R_TCP_FLAGS;

		((u8 *)&th)[13] = flags;
		skb = ct_test_skb(test, &th, sizeof(th));
		run->pkt.skb = skb;
		KUNIT_EXPECT_EQ_MSG(test, (int)ct_proto_tcp.check(&run->pkt),
				    (int)want, "flags %#x", flags);
		if (want == CT_R_OK)
			KUNIT_EXPECT_EQ_MSG(test, (int)run->pkt.tcp.kind,
					    (int)ct_test_kind_of(flags),
					    "flags %#x", flags);
	}
}

/* What is closing is worth least. */
static void test_worth(struct kunit *test)
{
	struct ct_flow *flow = kunit_kzalloc(test, sizeof(*flow), GFP_KERNEL);
	int state;

	KUNIT_ASSERT_NOT_NULL(test, flow);
	for (state = 0; state < CT_TCP_STATES; state++) {
		bool ends = state >= CT_TCP_FIN_WAIT &&
			    state <= CT_TCP_CLOSE;

		flow->state.tcp.state = state;
		KUNIT_EXPECT_EQ(test, ct_proto_tcp.worth(flow) > 0, !ends);
	}
}

static struct kunit_case head_tests[] = {
	KUNIT_CASE_PARAM(test_header, head_gen_params),
	KUNIT_CASE(test_flags),
	KUNIT_CASE(test_worth),
	{}
};

static struct kunit_suite head_suite = {
	.name = "ct_tcp_head",
	.test_cases = head_tests,
};

kunit_test_suites(&head_suite);
