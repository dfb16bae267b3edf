// SPDX-License-Identifier: GPL-2.0
/*
 * SCTP: associations as tables of packets, chunks as tables of bytes, CRC32c.
 * The sections are RFC 9260's.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/mm.h>
#include <linux/sctp.h>
#include <linux/skbuff.h>

#include "ct_sctp.h"
#include "ct_test.h"

/* Tags, by who sends packets with it: A the originator, B the other end */
#define A	0xa1
#define B	0xb1
#define A2	0xa2
#define B2	0xb2
#define BAD	0xee

struct assoc_row {
	u8 dir;
	u32 map;
	u8 vtag;
	u8 init_tag;
	bool reflected;
	u8 verdict;
	u8 reason;
	u8 state;
	bool assured;
};

struct assoc_case {
	const char *name;
	bool up;			/* begins with those of opening[] */
	struct assoc_row rows[14];	/* until one without chunks */
};

#define C(cid)	BIT(SCTP_CID_##cid)
#define S(st)	CT_SCTP_##st

#define OK(dir, map, tag, st)	{ dir, map, tag, 0, 0, CT_ACCEPT, 0, S(st), 0 }
#define SURE(dir, map, tag, st)	{ dir, map, tag, 0, 0, CT_ACCEPT, 0, S(st), 1 }
#define TBIT(dir, map, tag, st, sure)	\
	{ dir, map, tag, 0, 1, CT_ACCEPT, 0, S(st), sure }
#define TAGS(dir, map, tag, init, st, sure)	\
	{ dir, map, tag, init, 0, CT_ACCEPT, 0, S(st), sure }
#define LEARN(dir, map, tag, init, st, sure)	\
	{ dir, map, tag, init, 0, CT_LEARN, 0, S(st), sure }
#define PASS(dir, map, tag, init, st, sure)	\
	{ dir, map, tag, init, 0, CT_PASS, 0, S(st), sure }
#define NO(dir, map, tag, why, st, sure)	\
	{ dir, map, tag, 0, 0, CT_REFUSE, CT_R_SCTP_##why, S(st), sure }
#define NO_T(dir, map, tag, st, sure)	\
	{ dir, map, tag, 0, 1, CT_REFUSE, CT_R_SCTP_VTAG, S(st), sure }
#define RENEW(dir)	\
	{ dir, C(INIT), 0, A2, 0, CT_RENEW, 0, S(NONE), 0 }

static const struct assoc_row opening[] = {
	TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
	TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
	OK(ORIG, C(COOKIE_ECHO), A, COOKIE_ECHOED),
	SURE(REPLY, C(COOKIE_ACK), B, ESTABLISHED),
};

#define UP	true
#define NEW	false

static const struct assoc_case assoc_cases[] = {
	{ "5.1 and 9.2: up and down", UP, {
		SURE(ORIG, C(DATA), A, ESTABLISHED),
		SURE(REPLY, C(SACK) | C(DATA), B, ESTABLISHED),
		SURE(ORIG, C(SHUTDOWN), A, SHUTDOWN_SENT),
		SURE(REPLY, C(SHUTDOWN_ACK), B, SHUTDOWN_ACK_SENT),
		SURE(ORIG, C(SHUTDOWN_COMPLETE), A, CLOSED) } },
	{ "9.2: the other end shuts down", UP, {
		SURE(REPLY, C(SHUTDOWN) | C(SACK), B, SHUTDOWN_RECD),
		SURE(ORIG, C(SHUTDOWN_ACK), A, SHUTDOWN_ACK_SENT),
		SURE(REPLY, C(SHUTDOWN_COMPLETE), B, CLOSED),
		RENEW(REPLY), TAGS(ORIG, C(INIT), 0, B, CLOSED, 0) } },
	{ "9.2: COMPLETE with T has the sender's own tag", UP, {
		SURE(REPLY, C(SHUTDOWN), B, SHUTDOWN_RECD),
		SURE(ORIG, C(SHUTDOWN_ACK), A, SHUTDOWN_ACK_SENT),
		NO_T(REPLY, C(SHUTDOWN_COMPLETE), B, SHUTDOWN_ACK_SENT, 1),
		TBIT(REPLY, C(SHUTDOWN_COMPLETE), A, CLOSED, 1) } },
	{ "5.1: data with the cookie", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		OK(ORIG, C(COOKIE_ECHO) | C(DATA), A, COOKIE_ECHOED),
		SURE(REPLY, C(COOKIE_ACK) | C(SACK), B, ESTABLISHED) } },
	{ "cookie acknowledged and shut down in one packet", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		OK(ORIG, C(COOKIE_ECHO), A, COOKIE_ECHOED),
		OK(REPLY, C(COOKIE_ACK) | C(SHUTDOWN), B, SHUTDOWN_RECD),
		OK(ORIG, C(SHUTDOWN_ACK), A, SHUTDOWN_ACK_SENT) } },
	{ "5.1: a repeated INIT does not prolong", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		LEARN(ORIG, C(INIT), 0, B, CLOSED, 0),
		LEARN(ORIG, C(INIT), 0, B2, CLOSED, 0),
		NO(REPLY, C(INIT_ACK), BAD, VTAG, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B2, A, COOKIE_WAIT, 0),
		LEARN(ORIG, C(INIT), 0, B2, COOKIE_WAIT, 0) } },
	{ "5.1: an INIT sent again, and two answers", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		LEARN(ORIG, C(INIT), 0, B, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		TAGS(REPLY, C(INIT_ACK), B, A2, COOKIE_WAIT, 0),
		OK(ORIG, C(COOKIE_ECHO), A, COOKIE_ECHOED),
		SURE(REPLY, C(COOKIE_ACK), B, ESTABLISHED) } },
	{ "5.2.2: a forged INIT before the answer", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		LEARN(ORIG, C(INIT), 0, BAD, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		TAGS(REPLY, C(INIT_ACK), BAD, A2, COOKIE_WAIT, 0),
		LEARN(ORIG, C(INIT), 0, BAD, COOKIE_WAIT, 0),
		OK(ORIG, C(COOKIE_ECHO), A, COOKIE_ECHOED),
		SURE(REPLY, C(COOKIE_ACK), B, ESTABLISHED) } },
	{ "5.2.2: forged INITs behind the answer", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		LEARN(ORIG, C(INIT), 0, BAD, COOKIE_WAIT, 0),
		LEARN(REPLY, C(INIT), 0, BAD, COOKIE_WAIT, 0),
		LEARN(ORIG, C(INIT), 0, 0xef, COOKIE_WAIT, 0),
		OK(ORIG, C(COOKIE_ECHO), A, COOKIE_ECHOED),
		SURE(REPLY, C(COOKIE_ACK), B, ESTABLISHED) } },
	{ "8.5.1 B: a forged INIT and an ABORT with T", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		LEARN(ORIG, C(INIT), 0, BAD, CLOSED, 0),
		NO_T(ORIG, C(ABORT), BAD, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		TAGS(REPLY, C(INIT_ACK), BAD, A2, COOKIE_WAIT, 0),
		{ ORIG, C(ABORT), BAD, 0, 1, CT_LEARN, 0, S(COOKIE_WAIT), 0 },
		OK(ORIG, C(COOKIE_ECHO), A, COOKIE_ECHOED),
		SURE(REPLY, C(COOKIE_ACK), B, ESTABLISHED) } },
	{ "8.4: the answer comes to nobody", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		TBIT(ORIG, C(ABORT), B, CLOSED, 0), RENEW(ORIG),
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0) } },
	{ "5.2.2: a forged INIT on a path that was picked up", NEW, {
		OK(ORIG, C(HEARTBEAT), A, HEARTBEAT_SENT),
		LEARN(ORIG, C(INIT), 0, BAD, HEARTBEAT_SENT, 0),
		PASS(REPLY, C(SHUTDOWN_ACK), BAD, 0, HEARTBEAT_SENT, 0),
		SURE(REPLY, C(HEARTBEAT_ACK), B, ESTABLISHED) } },
	{ "5.1 B: an association on a path that was picked up", NEW, {
		OK(ORIG, C(HEARTBEAT), A, HEARTBEAT_SENT),
		LEARN(ORIG, C(INIT), 0, B2, HEARTBEAT_SENT, 0),
		TAGS(REPLY, C(INIT_ACK), B2, A2, COOKIE_WAIT, 0),
		OK(ORIG, C(COOKIE_ECHO), A2, COOKIE_ECHOED),
		SURE(REPLY, C(COOKIE_ACK), B2, ESTABLISHED) } },
	{ "5.1: an INIT refused, and tried again", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		NO(REPLY, C(ABORT), BAD, VTAG, CLOSED, 0),
		OK(REPLY, C(ABORT), B, CLOSED),
		RENEW(ORIG), TAGS(ORIG, C(INIT), 0, B, CLOSED, 0) } },
	{ "5.2.1: both ends open", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		LEARN(REPLY, C(INIT), 0, A, CLOSED, 0),
		TAGS(ORIG, C(INIT_ACK), A, B, COOKIE_WAIT, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		OK(REPLY, C(COOKIE_ECHO), B, COOKIE_ECHOED),
		SURE(ORIG, C(COOKIE_ACK), A, ESTABLISHED),
		SURE(ORIG, C(COOKIE_ECHO), A, ESTABLISHED),
		SURE(REPLY, C(COOKIE_ACK), B, ESTABLISHED) } },
	{ "5.1: the cookie took another path", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		NO(REPLY, C(COOKIE_ACK), BAD, VTAG, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		NO(REPLY, C(COOKIE_ACK), BAD, VTAG, COOKIE_WAIT, 0),
		SURE(REPLY, C(COOKIE_ACK), B, ESTABLISHED),
		SURE(ORIG, C(DATA), A, ESTABLISHED),
		SURE(REPLY, C(SACK), B, ESTABLISHED) } },
	{ "5.1: all but the cookie's answer took another path", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		NO(REPLY, C(DATA), BAD, VTAG, CLOSED, 0),
		OK(REPLY, C(DATA), B, CLOSED),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		OK(REPLY, C(DATA), B, COOKIE_WAIT),
		OK(ORIG, C(SACK), A, COOKIE_WAIT),
		NO(ORIG, C(SACK), BAD, VTAG, COOKIE_WAIT, 0),
		SURE(REPLY, C(COOKIE_ACK), B, ESTABLISHED) } },
	{ "5.2.2: a forged restart does no harm", UP, {
		LEARN(ORIG, C(INIT), 0, BAD, ESTABLISHED, 1),
		LEARN(REPLY, C(INIT_ACK), BAD, A2, ESTABLISHED, 1),
		NO(REPLY, C(COOKIE_ACK), BAD, VTAG, ESTABLISHED, 1),
		SURE(ORIG, C(DATA), A, ESTABLISHED),
		SURE(REPLY, C(DATA), B, ESTABLISHED) } },
	{ "5.2.2: a forged INIT does no harm", UP, {
		LEARN(ORIG, C(INIT), 0, BAD, ESTABLISHED, 1),
		SURE(ORIG, C(DATA), A, ESTABLISHED),
		SURE(REPLY, C(DATA), B, ESTABLISHED),
		NO(ORIG, C(COOKIE_ECHO), BAD, VTAG, ESTABLISHED, 1),
		PASS(REPLY, C(ABORT), BAD, 0, ESTABLISHED, 1),
		NO(ORIG, C(ABORT), BAD, VTAG, ESTABLISHED, 1) } },
	{ "5.2.4: restart", UP, {
		LEARN(ORIG, C(INIT), 0, B2, ESTABLISHED, 1),
		LEARN(REPLY, C(INIT_ACK), B2, A2, ESTABLISHED, 1),
		SURE(ORIG, C(COOKIE_ECHO), A2, ESTABLISHED),
		SURE(REPLY, C(COOKIE_ACK), B2, ESTABLISHED),
		NO(ORIG, C(DATA), A, VTAG, ESTABLISHED, 1),
		SURE(ORIG, C(DATA), A2, ESTABLISHED),
		SURE(REPLY, C(DATA), B2, ESTABLISHED) } },
	{ "5.2.4: restart while shutting down", UP, {
		SURE(ORIG, C(SHUTDOWN), A, SHUTDOWN_SENT),
		LEARN(ORIG, C(INIT), 0, B2, SHUTDOWN_SENT, 1),
		LEARN(REPLY, C(INIT_ACK), B2, A2, SHUTDOWN_SENT, 1),
		SURE(ORIG, C(COOKIE_ECHO), A2, COOKIE_ECHOED),
		SURE(REPLY, C(COOKIE_ACK), B2, ESTABLISHED) } },
	{ "5.2.6: stale cookie", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0),
		OK(ORIG, C(COOKIE_ECHO), A, COOKIE_ECHOED),
		OK(REPLY, C(ERROR), B, CLOSED),
		LEARN(ORIG, C(INIT), 0, B2, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B2, A2, COOKIE_WAIT, 0) } },
	{ "8.4: packets out of the blue", NEW, {
		NO(ORIG, C(DATA), A, STATE, NONE, 0),
		NO(ORIG, C(ABORT), A, STATE, NONE, 0),
		NO(ORIG, C(SHUTDOWN), A, STATE, NONE, 0),
		NO(ORIG, C(SHUTDOWN_COMPLETE), A, STATE, NONE, 0),
		NO(ORIG, C(INIT_ACK), A, STATE, NONE, 0),
		NO(ORIG, C(COOKIE_ECHO), A, STATE, NONE, 0),
		NO(ORIG, C(COOKIE_ACK), A, STATE, NONE, 0),
		NO(ORIG, C(ERROR), A, STATE, NONE, 0),
		NO(ORIG, C(HEARTBEAT) | C(DATA), A, STATE, NONE, 0),
		NO(ORIG, C(HEARTBEAT), 0, VTAG, NONE, 0),
		NO(ORIG, C(INIT), A, VTAG, NONE, 0) } },
	{ "8.4: a SHUTDOWN ACK out of the blue", NEW, {
		OK(ORIG, C(SHUTDOWN_ACK), A, SHUTDOWN_ACK_SENT),
		NO(REPLY, C(SHUTDOWN_COMPLETE), A, VTAG, SHUTDOWN_ACK_SENT, 0),
		TBIT(REPLY, C(SHUTDOWN_COMPLETE), A, CLOSED, 0) } },
	{ "8.3: picked up at a heartbeat", NEW, {
		OK(ORIG, C(HEARTBEAT), A, HEARTBEAT_SENT),
		NO(REPLY, C(DATA), B, VTAG, HEARTBEAT_SENT, 0),
		OK(REPLY, C(HEARTBEAT), B, HEARTBEAT_SENT),
		NO(REPLY, C(HEARTBEAT_ACK), BAD, VTAG, HEARTBEAT_SENT, 0),
		SURE(REPLY, C(HEARTBEAT_ACK), B, ESTABLISHED),
		SURE(ORIG, C(HEARTBEAT_ACK), A, ESTABLISHED),
		SURE(ORIG, C(DATA), A, ESTABLISHED),
		SURE(REPLY, C(SHUTDOWN), B, SHUTDOWN_RECD) } },
	{ "8.3: a heartbeat's own answer does not establish", NEW, {
		OK(ORIG, C(HEARTBEAT), A, HEARTBEAT_SENT),
		OK(ORIG, C(HEARTBEAT_ACK), A, HEARTBEAT_SENT),
		OK(ORIG, C(HEARTBEAT), A, HEARTBEAT_SENT) } },
	{ "8.4: a heartbeat refused", NEW, {
		OK(ORIG, C(HEARTBEAT), A, HEARTBEAT_SENT),
		NO_T(REPLY, C(ABORT), BAD, HEARTBEAT_SENT, 0),
		TBIT(REPLY, C(ABORT), A, CLOSED, 0) } },
	{ "8.3: a path of a restarted association", UP, {
		LEARN(ORIG, C(HEARTBEAT), A2, 0, ESTABLISHED, 1),
		NO(ORIG, C(HEARTBEAT_ACK), A2, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(DATA), A2, VTAG, ESTABLISHED, 1),
		SURE(REPLY, C(HEARTBEAT_ACK), B2, ESTABLISHED),
		SURE(ORIG, C(DATA), A2, ESTABLISHED),
		SURE(REPLY, C(DATA), B2, ESTABLISHED),
		NO(ORIG, C(DATA), A, VTAG, ESTABLISHED, 1) } },
	{ "8.3: unasked heartbeat answers change no tags", UP, {
		NO(REPLY, C(HEARTBEAT_ACK), BAD, VTAG, ESTABLISHED, 1),
		LEARN(ORIG, C(HEARTBEAT), BAD, 0, ESTABLISHED, 1),
		SURE(ORIG, C(DATA), A, ESTABLISHED),
		NO(REPLY, C(HEARTBEAT_ACK), BAD, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(HEARTBEAT) | C(DATA), BAD, VTAG, ESTABLISHED, 1) } },
	{ "8.5: wrong tags", UP, {
		NO(ORIG, C(DATA), B, VTAG, ESTABLISHED, 1),
		NO(REPLY, C(DATA), A, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(DATA), 0, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(SHUTDOWN), BAD, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(INIT_ACK), BAD, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(INIT), A, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(SHUTDOWN_ACK), BAD, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(COOKIE_ECHO), BAD, VTAG, ESTABLISHED, 1),
		NO(ORIG, C(ABORT), BAD, VTAG, ESTABLISHED, 1) } },
	{ "8.5.1 B: ABORT", UP, {
		NO(ORIG, C(ABORT), B, VTAG, ESTABLISHED, 1),
		NO_T(ORIG, C(ABORT), A, ESTABLISHED, 1),
		SURE(ORIG, C(ABORT), A, CLOSED) } },
	{ "8.5.1 B: ABORT with T", UP, {
		TBIT(ORIG, C(ABORT), B, CLOSED, 1) } },
	{ "8.5.1 E: SHUTDOWN ACK to an INIT", NEW, {
		TAGS(ORIG, C(INIT), 0, B, CLOSED, 0),
		PASS(REPLY, C(SHUTDOWN_ACK), BAD, 0, CLOSED, 0),
		TAGS(REPLY, C(INIT_ACK), B, A, COOKIE_WAIT, 0) } },
	{ "5.2.3: an INIT ACK that nobody asked for", UP, {
		NO(REPLY, C(INIT_ACK), B, VTAG, ESTABLISHED, 1) } },
	{ "RFC 4895, 6.3: authenticated heartbeat", NEW, {
		OK(ORIG, C(AUTH) | C(HEARTBEAT), A, HEARTBEAT_SENT),
		SURE(REPLY, C(AUTH) | C(HEARTBEAT_ACK), B, ESTABLISHED) } },
};

CT_TEST_NAME(assoc_case)
KUNIT_ARRAY_PARAM(assoc, assoc_cases, assoc_case_name);

static void send(struct ct_test_run *run, const struct assoc_row *row)
{
	const struct ct_test_want want = {
		row->verdict, row->reason,
		CT_TO_SCTP_CLOSED + row->state - CT_SCTP_CLOSED, row->assured,
	};

	run->pkt.sctp = (struct ct_sctp_seg){
		.vtag = htonl(row->vtag), .map = row->map,
		.init_tag = htonl(row->init_tag), .reflected = row->reflected,
	};
	ct_test_packet(run, run->row * 100, row->dir, &want);
	KUNIT_EXPECT_EQ_MSG(run->test, run->flow.state.sctp.state, row->state,
			    "%s: packet %u: state", run->name, run->row);
}

static void test_association(struct kunit *test)
{
	const struct assoc_case *c = test->param_value;
	struct ct_test_run *run = ct_test_begin(test, c->name, &ct_proto_sctp,
						NFPROTO_IPV4);
	const struct assoc_row *row;
	int i;

	for (i = 0; c->up && i < ARRAY_SIZE(opening); i++)
		send(run, &opening[i]);
	for (row = c->rows; row < c->rows + ARRAY_SIZE(c->rows) && row->map;
	     row++)
		send(run, row);
}

/* What is closing is worth least. */
static void test_worth(struct kunit *test)
{
	struct ct_flow *flow = kunit_kzalloc(test, sizeof(*flow), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, flow);
	flow->state.sctp.state = CT_SCTP_SHUTDOWN_ACK_SENT;
	KUNIT_EXPECT_EQ(test, ct_proto_sctp.worth(flow), 0U);
	flow->state.sctp.state = CT_SCTP_ESTABLISHED;
	KUNIT_EXPECT_EQ(test, ct_proto_sctp.worth(flow), 1U);
}

/* Chunks, behind a header with the tag 0x01020304 */

struct chunk_case {
	const char *name;
	u8 reason;
	u8 len;
	u8 bytes[44];
	u32 map;
	bool reflected;
	u32 init_tag;
	bool takes_no_crc;
};

static const struct chunk_case chunk_cases[] = {
	{ "no chunk", CT_R_SCTP_CHUNK, 0 },
	{ "init", CT_R_OK, 20, { 1, 0, 0, 20, 0, 0, 0, 9 }, C(INIT),
	  .init_tag = 9 },
	{ "init ack", CT_R_OK, 20, { 2, 0, 0, 20, 0, 0, 0, 9 }, C(INIT_ACK),
	  .init_tag = 9 },
	{ "init that takes zero checksums", CT_R_OK, 36,
	  { 1, 0, 0, 36, 0, 0, 0, 9, [20] = 0xc0, 0, 0, 5, 1, 0, 0, 0,
	    0x80, 1, 0, 8, 0, 0, 0, 1 }, C(INIT), .init_tag = 9,
	  .takes_no_crc = true },
	{ "init with such a parameter cut", CT_R_OK, 26,
	  { 1, 0, 0, 26, 0, 0, 0, 9, [20] = 0x80, 1, 0, 8, 0, 0 }, C(INIT),
	  .init_tag = 9 },
	{ "init with a parameter of length 0", CT_R_OK, 28,
	  { 1, 0, 0, 28, 0, 0, 0, 9, [20] = 0x80, 1, 0, 0, 0x80, 1, 0, 8 },
	  C(INIT), .init_tag = 9 },
	{ "init with tag 0", CT_R_SCTP_CHUNK, 20, { 1, 0, 0, 20 } },
	{ "init too short", CT_R_SCTP_CHUNK, 16, { 1, 0, 0, 16, 0, 0, 0, 9 } },
	{ "init is not alone", CT_R_SCTP_CHUNK, 24,
	  { 1, 0, 0, 20, 0, 0, 0, 9, [20] = 11, [23] = 4 } },
	{ "init is not first", CT_R_SCTP_CHUNK, 24,
	  { 11, 0, 0, 4, 1, 0, 0, 20, 0, 0, 0, 9 } },
	{ "init behind an unknown chunk", CT_R_SCTP_CHUNK, 24,
	  { 0xc1, 0, 0, 4, 1, 0, 0, 20, 0, 0, 0, 9 } },
	{ "chunk of length 0", CT_R_SCTP_CHUNK, 8, { 3, 0, 0, 0, 3, 0, 0, 4 } },
	{ "chunk of length 3", CT_R_SCTP_CHUNK, 8, { 3, 0, 0, 3, 3, 0, 0, 4 } },
	{ "chunk beyond the packet", CT_R_SCTP_CHUNK, 8, { 3, 0, 0, 9 } },
	{ "second chunk beyond the packet", CT_R_SCTP_CHUNK, 12,
	  { 3, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5 } },
	{ "half a chunk header", CT_R_SCTP_CHUNK, 6, { 3, 0, 0, 4, 3, 0 } },
	{ "padding left out at the end", CT_R_OK, 5, { 0, 0, 0, 5, 1 }, C(DATA) },
	{ "padding between", CT_R_OK, 12, { 3, 0, 0, 5, 1, 0, 0, 0, 0, 0, 0, 4 },
	  C(SACK) | C(DATA) },
	{ "longest chunk", CT_R_SCTP_CHUNK, 8, { 3, 0, 0xff, 0xff } },
	{ "i-data counts as data", CT_R_OK, 4, { 0x40, 0, 0, 4 }, C(DATA) },
	{ "unknown chunk", CT_R_OK, 4, { 0xc1, 0, 0, 4 } },
	{ "cookie echo and data", CT_R_OK, 8, { 10, 0, 0, 4, 0, 0, 0, 4 },
	  C(COOKIE_ECHO) | C(DATA) },
	{ "cookie echo behind auth", CT_R_OK, 8, { 15, 0, 0, 4, 10, 0, 0, 4 },
	  C(AUTH) | C(COOKIE_ECHO) },
	{ "cookie echo behind data", CT_R_SCTP_CHUNK, 8,
	  { 0, 0, 0, 4, 10, 0, 0, 4 } },
	{ "abort", CT_R_OK, 4, { 6, 0, 0, 4 }, C(ABORT) },
	{ "abort with T", CT_R_OK, 4, { 6, 1, 0, 4 }, C(ABORT), true },
	{ "complete with T", CT_R_OK, 4, { 14, 1, 0, 4 }, C(SHUTDOWN_COMPLETE),
	  true },
	{ "complete is not alone", CT_R_SCTP_CHUNK, 8,
	  { 14, 0, 0, 4, 3, 0, 0, 4 } },
	{ "a flag of data is not T", CT_R_OK, 4, { 0, 1, 0, 4 }, C(DATA) },
};

CT_TEST_NAME(chunk_case)
KUNIT_ARRAY_PARAM(chunk, chunk_cases, chunk_case_name);

static void test_chunks(struct kunit *test)
{
	const struct chunk_case *c = test->param_value;
	struct ct_test_run *run = ct_test_begin(test, c->name, &ct_proto_sctp,
						NFPROTO_IPV4);
	struct ct_pkt *pkt = &run->pkt;
	u8 bytes[64] = { 1, 2, 3, 4, 1, 2, 3, 4 };

	memcpy(bytes + 12, c->bytes, c->len);
	/* What is behind IP's length is there, and is not looked at. */
	pkt->skb = ct_test_skb(test, bytes, sizeof(bytes));
	pkt->hook = NF_INET_LOCAL_OUT;
	pkt->l4len = 12 + c->len;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), (int)c->reason);
	if (c->reason)
		return;
	KUNIT_EXPECT_EQ(test, ntohl(pkt->sctp.vtag), 0x01020304U);
	KUNIT_EXPECT_EQ(test, pkt->sctp.map, c->map);
	KUNIT_EXPECT_EQ(test, pkt->sctp.reflected, c->reflected);
	KUNIT_EXPECT_EQ(test, ntohl(pkt->sctp.init_tag), c->init_tag);
	KUNIT_EXPECT_EQ(test, pkt->sctp.takes_no_crc, c->takes_no_crc);
}

static void test_short_header(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "", &ct_proto_sctp,
						NFPROTO_IPV4);
	struct ct_pkt *pkt = &run->pkt;
	const u8 bytes[16] = { 0 };

	pkt->hook = NF_INET_LOCAL_OUT;
	pkt->skb = ct_test_skb(test, bytes, 16);
	pkt->l4len = 11;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_L4_HEADER);
	pkt->skb = ct_test_skb(test, bytes, 11);
	pkt->l4len = 16;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_L4_HEADER);
}

/* CRC32c bit by bit, as Appendix A defines it */
static u32 crc32c_slow(const u8 *data, size_t len)
{
	u32 crc = ~0;
	int bit;

	while (len--) {
		crc ^= *data++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

#define CRC_LEN	1000
#define CRC_OFF	20

/* A packet with a right checksum, its second half in a page if @paged. */
static void make_crc_packet(struct kunit *test, struct ct_pkt *pkt, bool paged)
{
	unsigned int linear = paged ? 300 : CRC_OFF + CRC_LEN;
	u8 *bytes = kunit_kzalloc(test, CRC_OFF + CRC_LEN, GFP_KERNEL);
	struct page *page;
	__le32 crc;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	for (i = 0; i < CRC_OFF + CRC_LEN; i++)
		bytes[i] = i * 7;
	memset(bytes + CRC_OFF + 8, 0, 4);
	memcpy(bytes + CRC_OFF + 12, "\x00\x03\x03\xdc", 4);
	crc = cpu_to_le32(crc32c_slow(bytes + CRC_OFF, CRC_LEN));
	memcpy(bytes + CRC_OFF + 8, &crc, 4);

	pkt->l4off = CRC_OFF;
	pkt->l4len = CRC_LEN;
	pkt->hook = NF_INET_PRE_ROUTING;
	pkt->skb = ct_test_skb(test, bytes, linear);
	pkt->skb->ip_summed = CHECKSUM_NONE;
	if (!paged)
		return;
	page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	memcpy(page_address(page), bytes + linear, CRC_OFF + CRC_LEN - linear);
	skb_add_rx_frag(pkt->skb, 0, page, 0, CRC_OFF + CRC_LEN - linear,
			PAGE_SIZE);
}

static void test_crc(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "", &ct_proto_sctp,
						NFPROTO_IPV4);
	struct ct_pkt *pkt = &run->pkt;
	int paged;

	KUNIT_ASSERT_EQ(test, crc32c_slow("123456789", 9), 0xe3069283U);
	for (paged = 0; paged < 2; paged++) {
		make_crc_packet(test, pkt, paged);
		KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_OK);
		KUNIT_EXPECT_EQ(test, (int)pkt->skb->ip_summed,
				CHECKSUM_UNNECESSARY);
		make_crc_packet(test, pkt, paged);
		if (paged)
			*(u8 *)skb_frag_address(skb_shinfo(pkt->skb)->frags) ^= 1;
		else
			pkt->skb->data[CRC_OFF + CRC_LEN - 1] ^= 1;
		KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt),
				CT_R_CHECKSUM);
	}
	/* where it is not looked at */
	pkt->skb->ip_summed = CHECKSUM_UNNECESSARY;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_OK);
	pkt->skb->ip_summed = CHECKSUM_PARTIAL;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_OK);
	pkt->skb->ip_summed = CHECKSUM_NONE;
	pkt->hook = NF_INET_LOCAL_OUT;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_OK);
	pkt->hook = NF_INET_PRE_ROUTING;
	run->cnet.knobs.checksum = 0;
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_OK);
}

/* Does the judge take a packet whose checksum is zero? */
static void expect_zero(struct ct_test_run *run, u8 dir, u32 map, u8 tag,
			bool taken)
{
	struct ct_judgement *j = &run->judgement;
	const struct ct_flow *flow = run->exists ? &run->flow : NULL;

	run->pkt.sctp = (struct ct_sctp_seg){
		.vtag = htonl(tag), .map = map, .no_crc = true,
		.init_tag = htonl(map == C(INIT) ? 1 : 0),
	};
	ct_proto_sctp.judge(flow, &run->pkt, dir, j);
	KUNIT_EXPECT_EQ(run->test, j->verdict != CT_REFUSE, taken);
	if (!taken)
		KUNIT_EXPECT_EQ(run->test, (int)j->reason, CT_R_CHECKSUM);
}

/* RFC 9653: who said in INIT or INIT ACK that it takes them, gets them */
static void test_zero_checksums_where_announced(struct kunit *test)
{
	struct ct_test_run *run;
	int who, i;

	for (who = 0; who < 4; who++) {
		run = ct_test_begin(test, "", &ct_proto_sctp, NFPROTO_IPV4);
		expect_zero(run, ORIG, C(INIT), 0, false);
		for (i = 0; i < ARRAY_SIZE(opening); i++) {
			run->pkt.sctp = (struct ct_sctp_seg){
				.vtag = htonl(opening[i].vtag),
				.map = opening[i].map,
				.init_tag = htonl(opening[i].init_tag),
				.takes_no_crc = i < 2 && who & BIT(i),
			};
			ct_proto_sctp.judge(run->exists ? &run->flow : NULL,
					    &run->pkt, opening[i].dir,
					    &run->judgement);
			KUNIT_ASSERT_EQ(test, (int)run->judgement.verdict,
					CT_ACCEPT);
			run->flow.state = run->judgement.next;
			run->exists = true;
		}
		expect_zero(run, REPLY, C(DATA), B, who & 1);
		expect_zero(run, ORIG, C(DATA), A, who & 2);
		expect_zero(run, ORIG, C(INIT), 0, false);
	}
	/* picked up: nobody knows what was announced */
	run = ct_test_begin(test, "", &ct_proto_sctp, NFPROTO_IPV4);
	expect_zero(run, ORIG, C(HEARTBEAT), A, true);
	run->flow.state = run->judgement.next;
	run->exists = true;
	expect_zero(run, REPLY, C(HEARTBEAT_ACK), B, true);
}

static void test_zero_checksum_is_read(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "", &ct_proto_sctp,
						NFPROTO_IPV4);
	struct ct_pkt *pkt = &run->pkt;

	make_crc_packet(test, pkt, false);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_OK);
	KUNIT_EXPECT_FALSE(test, pkt->sctp.no_crc);
	make_crc_packet(test, pkt, false);
	memset(pkt->skb->data + CRC_OFF + 8, 0, 4);
	KUNIT_EXPECT_EQ(test, (int)ct_proto_sctp.check(pkt), CT_R_OK);
	KUNIT_EXPECT_TRUE(test, pkt->sctp.no_crc);
	KUNIT_EXPECT_EQ(test, (int)pkt->skb->ip_summed, CHECKSUM_NONE);
}

static struct kunit_case sctp_tests[] = {
	KUNIT_CASE_PARAM(test_association, assoc_gen_params),
	KUNIT_CASE_PARAM(test_chunks, chunk_gen_params),
	KUNIT_CASE(test_worth),
	KUNIT_CASE(test_short_header),
	KUNIT_CASE(test_crc),
	KUNIT_CASE(test_zero_checksums_where_announced),
	KUNIT_CASE(test_zero_checksum_is_read),
	{}
};

static struct kunit_suite sctp_suite = {
	.name = "ct_sctp",
	.test_cases = sctp_tests,
};

kunit_test_suites(&sctp_suite);
