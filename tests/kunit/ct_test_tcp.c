// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: connections as tables of segments. A case's name begins with the section
 * that it is about; of RFC 9293 if no other is named.
 *
 * Sequence numbers are counted from the first one of each end, and each case is
 * run from several first ones: near zero, and so that they pass 2^31 and 2^32
 * on the way.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "ct_tcp.h"
#include "ct_test.h"
#include "ct_test_tcp.h"

#undef TIME_WAIT		/* <linux/timex.h> has one of its own */

/* Flags */
#define S	1
#define A	2
#define F	4
#define R	8

#define WIN	8000		/* where a row says nothing else */
#define NO_WIN	0x10000		/* a window of zero */
#define ABS	0x80000000	/* with a row's seq: from 0, not the first one */

struct tcp_want {
	u8 verdict;
	u8 reason;
	u8 state;
	u8 timeout;
	bool assured;
};

struct tcp_row {
	u8 dir;
	u8 flags;
	u32 seq;
	u32 ack;
	u32 len;
	struct tcp_want want;
	u32 win;
	u32 sack;
	u8 opts;
};

struct tcp_case {
	const char *name;
	struct {
		bool strict;		/* loose off */
		bool liberal;
		bool ignore_rst;
	} knobs;
	struct tcp_up {
		bool up;
		u32 win;
		u8 opts[2];
		bool down;
	} up;
	struct tcp_row rows[20];	/* until one without flags */
};

#define ST(state)		CT_TCP_##state
#define OK(st, to)		{ CT_ACCEPT, 0, ST(st), CT_TO_TCP_##to, 0 }
#define SURE(st, to)		{ CT_ACCEPT, 0, ST(st), CT_TO_TCP_##to, 1 }
#define AGAIN(st)		{ CT_LEARN, 0, ST(st), 0, 0 }
#define AGAIN_SURE(st)		{ CT_LEARN, 0, ST(st), 0, 1 }
#define PASS(st)		{ CT_PASS, 0, ST(st), 0, 0 }
#define PASS_SURE(st)		{ CT_PASS, 0, ST(st), 0, 1 }
#define NO(why, st)		{ CT_REFUSE, CT_R_TCP_##why, ST(st), 0, 0 }
#define NO_SURE(why, st)	{ CT_REFUSE, CT_R_TCP_##why, ST(st), 0, 1 }
#define END			{ CT_END, 0, ST(CLOSE), 0, 0 }
#define RENEW			{ CT_RENEW, 0, ST(NONE), 0, 0 }

/* Cases that begin in an open connection, or after its regular end */
#define UP			.up = { true, WIN }
#define UP_WITH(w, o0, o1)	.up = { true, w, { o0, o1 } }
#define UP_DOWN			.up = { true, WIN, .down = true }

static const struct tcp_row opening[] = {
	{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
	{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
	{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) },
};

static const struct tcp_row closing[] = {
	{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
	{ REPLY, A, 1, 2, 0, SURE(CLOSE_WAIT, CLOSE_WAIT) },
	{ REPLY, F | A, 1, 2, 0, SURE(LAST_ACK, LAST_ACK) },
	{ ORIG, A, 2, 2, 0, SURE(TIME_WAIT, TIME_WAIT) },
};

static const struct tcp_case tcp_cases[] = {
	/* 3.5: opening */
	{ "3.5, figure 6: handshake and data", {}, UP, {
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 1, 101, 1400, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 101, 1401, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5, figure 7: both open, SYN ACKs", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S, 0, 0, 0, OK(SYN_SENT2, SYN_SENT) },
		{ ORIG, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, S | A, 0, 1, 0, AGAIN(SYN_RECV) },
		{ REPLY, S | A, 0, 1, 0, PASS(SYN_RECV) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5, figure 7: both open, ACKs", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S, 0, 0, 0, OK(SYN_SENT2, SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 1, 1, 10, SURE(ESTABLISHED, UNACK) } } },
	{ "3.5: SYN sent again", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, S, 0, 0, 0, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ REPLY, S | A, 0, 1, 0, PASS(SYN_RECV) },
		{ ORIG, S, 0, 0, 0, AGAIN(SYN_RECV) },
		{ REPLY, S | A, 0, 1, 0, PASS(SYN_RECV) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, S | A, 0, 1, 0, PASS_SURE(ESTABLISHED) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5: opened again with another first number", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, S, 7000, 0, 0, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 7001, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 7001, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5: opened again with a lower first number", {}, {}, {
		{ ORIG, S, 7000, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, S, 10, 0, 0, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 7002, 0, NO(ACK_OVER, SYN_SENT) },
		{ REPLY, S | A, 0, 11, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 11, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5: opened again with another first number, and data", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, S, 7000, 0, 500, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 7502, 0, NO(ACK_OVER, SYN_SENT) },
		{ REPLY, S | A, 0, 7501, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 7501, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5: a forged SYN by the calling end", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT), .opts = WS(7) },
		{ ORIG, S, 777000, 0, 0, AGAIN(SYN_SENT) },
		{ ORIG, S, 888000, 0, 900, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV),
		  .opts = WS(7) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 1000001, 1, 1, SURE(ESTABLISHED, UNACK) } } },
	{ "3.5: a forged SYN, and its refusal", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, S, 777000, 0, 900, AGAIN(SYN_SENT) },
		{ REPLY, R | A, ABS, 777001, 0, PASS(SYN_SENT) },
		{ REPLY, R | A, ABS, 777901, 0, PASS(SYN_SENT) },
		{ REPLY, R | A, ABS, 777902, 0, NO(RST_SEQ, SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5: a forged SYN with a lower number", {}, {}, {
		{ ORIG, S, 0, 0, 500, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, S, (u32)-50, 0, 900, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 501, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, S, 777000, 0, 0, AGAIN(SYN_RECV) },
		{ REPLY, S | A, 0, 501, 0, PASS(SYN_RECV) },
		{ ORIG, A, 501, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5: both open, and open again", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S, 0, 0, 0, OK(SYN_SENT2, SYN_SENT) },
		{ ORIG, S, 0, 0, 0, AGAIN(SYN_SENT2) },
		{ REPLY, S, 0, 0, 0, AGAIN(SYN_SENT2) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) } } },
	{ "3.5: a forged SYN by the called end", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT), .opts = WS(7) },
		{ REPLY, S, 777000, 0, 0, OK(SYN_SENT2, SYN_SENT) },
		{ REPLY, S | A, 0, 0, 0, PASS(SYN_SENT2) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV),
		  .opts = WS(7) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 1000001, 1, 1, SURE(ESTABLISHED, UNACK) } } },
	{ "3.10.7.3: answers that do not acknowledge the SYN", {}, {}, {
		{ ORIG, S, 0, 0, 500, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S | A, 777000, 0, 0, PASS(SYN_SENT) },
		{ REPLY, S | A, 777000, (u32)-60000, 0, PASS(SYN_SENT) },
		{ REPLY, S | A, 777000, 502, 0, NO(ACK_OVER, SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 501, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5: what cannot follow a SYN", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, A, 1, 1, 0, NO(STATE, SYN_SENT) },
		{ ORIG, S | A, 0, 1, 0, NO(STATE, SYN_SENT) },
		{ ORIG, F | A, 1, 1, 0, NO(STATE, SYN_SENT) },
		{ REPLY, F | A, 1, 1, 0, NO(STATE, SYN_SENT) },
		{ REPLY, S | A, 0, 2, 0, NO(ACK_OVER, SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) } } },
	{ "RFC 7413: data in the SYN", {}, {}, {
		{ ORIG, S, 0, 0, 500, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S | A, 0, 501, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 501, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "RFC 7413: data before the third segment", {}, {}, {
		{ ORIG, S, 0, 0, 500, OK(SYN_SENT, SYN_SENT), .win = 4000 },
		{ REPLY, S | A, 0, 501, 0, OK(SYN_RECV, SYN_RECV) },
		{ REPLY, A, 1, 501, 1400, OK(SYN_RECV, SYN_RECV) },
		{ REPLY, A, 1401, 501, 1400, OK(SYN_RECV, SYN_RECV) },
		{ REPLY, A, 2801, 501, 1200, OK(SYN_RECV, SYN_RECV) },
		{ REPLY, A, 4002, 501, 1, NO(SEQ_OVER, SYN_RECV) },
		{ ORIG, A, 501, 1401, 0, SURE(ESTABLISHED, UNACK) } } },
	{ "RFC 7413: data before the third segment, after a SYN let through", {},
	  UP, {
		{ ORIG, S, 50000, 0, 0, AGAIN_SURE(ESTABLISHED) },
		{ REPLY, S | A, 70000, 50001, 0, SURE(SYN_RECV, SYN_RECV) },
		{ REPLY, A, 70001, 50001, 1400, SURE(SYN_RECV, SYN_RECV) },
		{ REPLY, A, 71401, 50001, 1400, SURE(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 50001, 72801, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "RFC 7413: a SYN again, without its data", {}, {}, {
		{ ORIG, S, 0, 0, 1000, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, S, 0, 0, 0, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 1001, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 1001, 1, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 1, 1001, 100, SURE(ESTABLISHED, UNACK) } } },
	{ "RFC 7413: a SYN again, with data", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, S, 0, 0, 1000, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 1001, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 1001, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "RFC 7413: a SYN with data refused", {}, {}, {
		{ ORIG, S, 0, 0, 1000, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, R | A, ABS, 1002, 0, NO(RST_SEQ, SYN_SENT) },
		{ REPLY, R | A, ABS, 1, 0, END } } },
	{ "RFC 7413: data in the SYN not taken", {}, {}, {
		{ ORIG, S, 0, 0, 500, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 1, 1, 500, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 1, 501, 0, SURE(ESTABLISHED, ESTABLISHED) } } },

	/* 3.5.1: half-open connections */
	{ "3.5.1, figure 8: one end forgot, the other refuses", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, A, 3000, 90000, 0, AGAIN(SYN_SENT) },
		{ ORIG, R, 90001, 0, 0, NO(SEQ_OVER, SYN_SENT) },
		{ ORIG, R, 90000, 0, 0, END } } },
	{ "3.5.1: an old connection speaks, and is not the one", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, A, 3000, 90000, 0, AGAIN(SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "RFC 5961, 4: SYN in a living connection", {}, UP, {
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, S, 50000, 0, 0, AGAIN_SURE(ESTABLISHED) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ ORIG, A, 101, 1, 100, SURE(ESTABLISHED, UNACK) } } },
	{ "RFC 5961, 4: SYN in a living connection, sender restarted", {}, UP, {
		{ ORIG, S, 50000, 0, 0, AGAIN_SURE(ESTABLISHED) },
		{ REPLY, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ ORIG, R, 1, 0, 0, SURE(CLOSE, CLOSE) },
		{ ORIG, S, 50000, 0, 0, RENEW },
		{ ORIG, S, 50000, 0, 0, OK(SYN_SENT, SYN_SENT) } } },
	{ "RFC 5961, 4: SYN to an end that forgot", {}, UP, {
		{ ORIG, S, 50000, 0, 0, AGAIN_SURE(ESTABLISHED) },
		{ REPLY, S | A, 70000, 50001, 0, SURE(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 50001, 70001, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 70001, 50001, 10, SURE(ESTABLISHED, UNACK) } } },
	{ "RFC 5961, 4: SYN to an end that forgot and refuses", {}, UP, {
		{ ORIG, S, 50000, 0, 0, AGAIN_SURE(ESTABLISHED) },
		{ REPLY, R | A, ABS, 50001, 0, SURE(CLOSE, CLOSE) } } },
	{ "RFC 5961, 4: forged SYN ACKs", {}, UP, {
		{ ORIG, S, 50000, 0, 0, AGAIN_SURE(ESTABLISHED) },
		{ REPLY, S | A, 70000, 50002, 0, PASS_SURE(ESTABLISHED) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) } } },

	/* 3.5.2: resets */
	{ "3.5.2: SYN refused", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, R | A, ABS, 1, 0, END } } },
	{ "3.10.7.3: reset that does not acknowledge the SYN", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, R | A, ABS, 2, 0, NO(RST_SEQ, SYN_SENT) },
		{ REPLY, R, 0, 0, 0, PASS(SYN_SENT) },
		{ REPLY, R, 777000, 0, 0, PASS(SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.10.7.3: resets in the name of who calls", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, R, (u32)-500, 0, 0, PASS(SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, R, 5, 0, 0, PASS(SYN_RECV) },
		{ REPLY, R, 5, 0, 0, PASS(SYN_RECV) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.5.2: reset by an end that got no answer", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ ORIG, R | A, 1, 700, 0, END } } },
	{ "3.5.2: reset where only one end is seen", {}, {}, {
		{ ORIG, A, 100, 100, 10, OK(ESTABLISHED, UNACK) },
		{ ORIG, A, 110, 900, 10, OK(ESTABLISHED, UNACK) },
		{ ORIG, R | A, 120, 1700, 0, END } } },
	{ "3.5.2: reset by the answering end", {}, UP, {
		{ REPLY, R, 1, 0, 0, SURE(CLOSE, CLOSE) },
		{ ORIG, A, 1, 1, 10, SURE(CLOSE, CLOSE) },
		{ REPLY, R, 1, 0, 0, PASS_SURE(CLOSE) } } },
	{ "3.5.2: reset by the opening end", {}, UP, {
		{ ORIG, R | A, 1, 1, 0, SURE(CLOSE, CLOSE) },
		{ ORIG, S, 9000, 0, 0, RENEW } } },
	{ "3.5.2: reset in SYN_RECV", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, R, 1, 0, 0, OK(CLOSE, CLOSE) } } },
	{ "RFC 5961, 3: reset behind unacknowledged data", {}, UP, {
		{ REPLY, A, 1, 1, 1000, SURE(ESTABLISHED, UNACK) },
		{ REPLY, R, 1001, 0, 0, SURE(CLOSE, CLOSE) } } },
	{ "RFC 5961, 3: resets in the window are challenged", {}, UP, {
		{ REPLY, R, 500, 0, 0, PASS_SURE(ESTABLISHED) },
		{ ORIG, R, 7999, 0, 0, PASS_SURE(ESTABLISHED) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) } } },
	{ "RFC 5961, 3: a reset in the window, and again", {}, UP, {
		{ REPLY, R, 500, 0, 0, PASS_SURE(ESTABLISHED) },
		{ REPLY, R, 500, 0, 0, PASS_SURE(ESTABLISHED) },
		{ REPLY, R | A, 700, 1, 0, PASS_SURE(ESTABLISHED) },
		{ REPLY, R | A, 700, 1, 0, PASS_SURE(ESTABLISHED) },
		{ ORIG, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "RFC 5961, 3: data behind a hole, and a reset at its end", {}, UP, {
		{ REPLY, A, 500, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, R, 600, 0, 0, PASS_SURE(ESTABLISHED) },
		{ REPLY, A, 1, 1, 499, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 600, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, R, 600, 0, 0, SURE(CLOSE, CLOSE) } } },
	{ "RFC 5961, 3: resets outside the window", {}, UP, {
		{ REPLY, R, 0, 0, 0, NO_SURE(RST_SEQ, ESTABLISHED) },
		{ ORIG, R, 0, 0, 0, NO_SURE(RST_SEQ, ESTABLISHED) },
		{ REPLY, R, 8002, 0, 0, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ REPLY, R, 900000, 0, 0, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) } } },
	{ "RFC 5961, 3: resets before the window, let pass",
	  { .ignore_rst = true }, UP, {
		{ REPLY, R, 0, 0, 0, PASS_SURE(ESTABLISHED) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) } } },

	/* 3.6: closing */
	{ "3.6, figure 12: closing", {}, UP_DOWN, { } },
	{ "3.6: the answering end closes first", {}, UP, {
		{ REPLY, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ ORIG, A, 1, 2, 0, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ ORIG, F | A, 1, 2, 0, SURE(LAST_ACK, LAST_ACK) },
		{ REPLY, A, 2, 2, 0, SURE(TIME_WAIT, TIME_WAIT) } } },
	{ "3.6: FIN acknowledged by FIN", {}, UP, {
		{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ REPLY, F | A, 1, 2, 0, SURE(LAST_ACK, LAST_ACK) },
		{ ORIG, A, 2, 2, 0, SURE(TIME_WAIT, TIME_WAIT) } } },
	{ "3.6, figure 13: both close", {}, UP, {
		{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ REPLY, F | A, 1, 1, 0, SURE(LAST_ACK, LAST_ACK) },
		{ ORIG, A, 2, 2, 0, SURE(LAST_ACK, LAST_ACK) },
		{ REPLY, A, 2, 2, 0, SURE(TIME_WAIT, TIME_WAIT) } } },
	{ "3.6: half-closed, and data goes on", {}, UP, {
		{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ REPLY, A, 1, 1, 1000, SURE(FIN_WAIT, FIN_WAIT) },
		{ REPLY, A, 1001, 2, 1000, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ ORIG, A, 2, 2001, 0, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ REPLY, A, 2001, 2, 1000, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ REPLY, F | A, 3001, 2, 0, SURE(LAST_ACK, LAST_ACK) },
		{ ORIG, A, 2, 3002, 0, SURE(TIME_WAIT, TIME_WAIT) } } },
	{ "3.6: FIN sent again", {}, UP, {
		{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ REPLY, A, 1, 2, 0, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ ORIG, F | A, 1, 1, 0, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ REPLY, F | A, 1, 2, 0, SURE(LAST_ACK, LAST_ACK) },
		{ REPLY, F | A, 1, 2, 0, SURE(LAST_ACK, LAST_ACK) },
		{ ORIG, A, 2, 2, 0, SURE(TIME_WAIT, TIME_WAIT) },
		{ REPLY, F | A, 1, 2, 0, SURE(TIME_WAIT, TIME_WAIT) },
		{ ORIG, A, 2, 2, 0, SURE(TIME_WAIT, TIME_WAIT) } } },
	{ "3.6: FIN in SYN_RECV", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, F | A, 1, 1, 0, OK(FIN_WAIT, FIN_WAIT) } } },
	{ "3.6: a reset instead of the last acknowledgment", {}, UP, {
		{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ REPLY, A, 1, 2, 500, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ ORIG, R, 2, 0, 0, SURE(CLOSE, CLOSE) } } },
	{ "3.6: closing, and resets with other numbers", {}, UP, {
		{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ REPLY, R, 500, 0, 0, PASS_SURE(FIN_WAIT) },
		{ REPLY, A, 1, 2, 0, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ REPLY, R, 500, 0, 0, PASS_SURE(CLOSE_WAIT) },
		{ REPLY, R, 900000, 0, 0, NO_SURE(SEQ_OVER, CLOSE_WAIT) },
		{ REPLY, R, 0, 0, 0, NO_SURE(RST_SEQ, CLOSE_WAIT) },
		{ ORIG, R, 100, 0, 0, PASS_SURE(CLOSE_WAIT) },
		{ ORIG, S, 500000, 0, 0, AGAIN_SURE(CLOSE_WAIT) },
		{ REPLY, A, 1, 2, 100, SURE(CLOSE_WAIT, CLOSE_WAIT) },
		{ REPLY, F | A, 101, 2, 0, SURE(LAST_ACK, LAST_ACK) },
		{ REPLY, R, 500, 0, 0, PASS_SURE(LAST_ACK) },
		{ ORIG, A, 2, 102, 0, SURE(TIME_WAIT, TIME_WAIT) },
		{ ORIG, R, 500, 0, 0, PASS_SURE(TIME_WAIT) },
		{ REPLY, R, 102, 0, 0, SURE(CLOSE, CLOSE) } } },
	{ "3.6.1: the same ports again", {}, UP_DOWN, {
		{ ORIG, S, 90000, 0, 0, RENEW },
		{ ORIG, S, 90000, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S | A, 0, 90001, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, A, 90001, 1, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.6.1: the same ports again, other way round", {}, UP_DOWN, {
		{ REPLY, S, 90000, 0, 0, RENEW } } },
	{ "3.6.1: not before the end", {}, UP, {
		{ ORIG, F | A, 1, 1, 0, SURE(FIN_WAIT, FIN_WAIT) },
		{ ORIG, S, 90000, 0, 0, AGAIN_SURE(FIN_WAIT) },
		{ REPLY, S, 90000, 0, 0, NO_SURE(STATE, FIN_WAIT) } } },

	/* 3.8: timeouts */
	{ "3.8.1: repeats shorten the timeout", {}, UP, {
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, RETRANS) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, RETRANS) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.8.1: other segments between are no repeats", {}, UP, {
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 101, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) } } },
	{ "3.8.4: keep-alive", {}, UP, {
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ ORIG, A, 100, 1, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ ORIG, A, 100, 1, 1, SURE(ESTABLISHED, ESTABLISHED) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.8.6.1: closed window and its probes", {}, UP, {
		{ ORIG, A, 1, 1, 8000, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 8001, 0, SURE(ESTABLISHED, RETRANS),
		  .win = NO_WIN },
		{ ORIG, A, 8001, 1, 1, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 8001, 0, SURE(ESTABLISHED, RETRANS),
		  .win = NO_WIN },
		{ ORIG, A, 8002, 1, 0, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 8003, 1, 100, NO_SURE(SEQ_OVER, ESTABLISHED) },
		/* 100 bytes more may have been sent */
		{ REPLY, A, 1, 8002, 0, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 8002, 1, 1400, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 9402, 0, SURE(ESTABLISHED, ESTABLISHED) } } },

	/* 3.4 and 3.10.7.4: windows, after van Rooij */
	{ "3.10.7.4: to the edge of the window", {},
	  UP_WITH(1000, 0, 0), {
		{ ORIG, A, 1001, 1, 0, SURE(ESTABLISHED, UNACK) } } },
	{ "3.10.7.4: beyond the window", {},
	  UP_WITH(1000, 0, 0), {
		{ ORIG, A, 1002, 1, 10, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ REPLY, A, 1002, 1, 10, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ ORIG, A, 0x70000000, 1, 10, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ ORIG, A, 1, 1, 1000, SURE(ESTABLISHED, ESTABLISHED) },
		{ ORIG, A, 1001, 1, 12, SURE(ESTABLISHED, UNACK) } } },
	{ "3.10.7.4: beyond the window, taken nevertheless", {},
	  UP_WITH(4000, 0, 0), {
		{ ORIG, A, 1, 1, 1400, SURE(ESTABLISHED, UNACK), .win = 4000 },
		{ ORIG, A, 1401, 1, 1400, SURE(ESTABLISHED, UNACK),
		  .win = 4000 },
		{ ORIG, A, 2801, 1, 1199, SURE(ESTABLISHED, UNACK),
		  .win = 4000 },
		{ ORIG, A, 4002, 1, 1400, NO_SURE(SEQ_OVER, ESTABLISHED),
		  .win = 4000 },
		{ REPLY, A, 1, 5402, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 4000 },
		{ ORIG, A, 5402, 1, 1400, SURE(ESTABLISHED, UNACK),
		  .win = 4000 } } },
	{ "3.10.7.4: beyond the window, dropped", {},
	  UP_WITH(1000, 0, 0), {
		{ ORIG, A, 1002, 1, 900, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ REPLY, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 1000 },
		{ ORIG, A, 1, 1, 10, SURE(ESTABLISHED, ESTABLISHED) },
		{ ORIG, R, 1902, 0, 0, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ ORIG, R, 900, 0, 0, PASS_SURE(ESTABLISHED) },
		{ REPLY, A, 1, 11, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 1000 },
		{ ORIG, A, 11, 1, 1000, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.10.7.4: a FIN beyond the window, taken nevertheless", {},
	  UP_WITH(1000, 0, 0), {
		{ ORIG, A, 1, 1, 1000, SURE(ESTABLISHED, UNACK), .win = 1000 },
		{ ORIG, F | A, 1101, 1, 100, NO_SURE(SEQ_OVER, ESTABLISHED),
		  .win = 1000 },
		{ REPLY, A, 1, 1202, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 1000 },
		{ REPLY, F | A, 1, 1202, 0, SURE(FIN_WAIT, FIN_WAIT),
		  .win = 1000 },
		{ ORIG, A, 1202, 2, 0, SURE(CLOSE_WAIT, CLOSE_WAIT),
		  .win = 1000 } } },
	{ "3.10.7.4: far beyond the window, acknowledged", {},
	  UP_WITH(1000, 0, 0), {
		{ ORIG, A, 9000, 1, 1000, NO_SURE(SEQ_OVER, ESTABLISHED) },
		/* whoever guesses is not believed */
		{ REPLY, A, 2, 10000, 0, NO_SURE(ACK_OVER, ESTABLISHED) },
		{ REPLY, A, 2, 10000, 0, NO_SURE(ACK_OVER, ESTABLISHED) },
		{ REPLY, A, 1, 10000, 0, NO_SURE(ACK_OVER, ESTABLISHED) },
		{ REPLY, A, 1, 10000, 0, SURE(ESTABLISHED, ESTABLISHED) },
		{ ORIG, A, 10000, 1, 1000, SURE(ESTABLISHED, UNACK) } } },
	{ "3.10.7.4: both refused, because some data took another path", {},
	  UP, {
		/* ORIG's 1 to 500 were not seen */
		{ REPLY, A, 1, 501, 100, NO_SURE(ACK_OVER, ESTABLISHED) },
		{ ORIG, A, 501, 101, 0, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 101, 501, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 501, 201, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.10.7.4: more in one segment than fits the window", {},
	  UP_WITH(18980, 0, 0), {
		{ ORIG, A, 1, 1, 20000, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 20000, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 20001, 1, 1400, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 22801, 1, 1400, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ ORIG, A, 21401, 1, 1400, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ REPLY, A, 1, 24201, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 18980 },
		{ ORIG, A, 24201, 1, 1400, SURE(ESTABLISHED, UNACK) } } },
	{ "3.10.7.4: the window moves on", {},
	  UP_WITH(1000, 0, 0), {
		{ ORIG, A, 1, 1, 1000, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 1001, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 1000 },
		{ ORIG, A, 1001, 1, 1000, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 2002, 1, 1, NO_SURE(SEQ_OVER, ESTABLISHED) } } },
	{ "3.10.7.4: data long past", {},
	  UP_WITH(1000, 0, 0), {
		{ ORIG, A, 1, 1, 1000, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 1001, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 1000 },
		{ ORIG, A, 1001, 1, 1000, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 1, 1, 900, PASS_SURE(ESTABLISHED) },
		{ ORIG, A, 501, 1, 500, SURE(ESTABLISHED, UNACK) } } },
	{ "3.10.7.4: acknowledgment of what was not sent", {}, UP, {
		{ REPLY, A, 1, 2, 0, NO_SURE(ACK_OVER, ESTABLISHED) },
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 102, 0, NO_SURE(ACK_OVER, ESTABLISHED) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.10.7.4: a part is acknowledged", {}, UP, {
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 51, 0, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "3.10.7.4: acknowledgments long past", {},
	  UP_WITH(65000, 0, 0), {
		{ ORIG, A, 1, 1, 60000, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 60001, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 65000 },
		{ ORIG, A, 60001, 1, 60000, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 54001, 0, SURE(ESTABLISHED, UNACK),
		  .win = 65000 },
		{ REPLY, A, 1, 54000, 0, PASS_SURE(ESTABLISHED),
		  .win = 65000 } } },
	{ "liberal: only resets are held against the window",
	  { .liberal = true }, UP, {
		{ ORIG, A, 900000, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 950000, 0, SURE(ESTABLISHED, UNACK) },
		{ REPLY, R, 900000, 0, 0, NO_SURE(SEQ_OVER, ESTABLISHED) } } },

	/* RFC 7323: window scale */
	{ "RFC 7323, 2.2: both scale", {},
	  UP_WITH(1000, WS(7), WS(3)), {
		{ ORIG, A, 1002, 1, 0, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ REPLY, A, 128001, 1, 0, SURE(ESTABLISHED, UNACK),
		  .win = 1000 },
		{ REPLY, A, 128002, 1, 0, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ ORIG, A, 8001, 1, 0, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 8002, 1, 0, NO_SURE(SEQ_OVER, ESTABLISHED) } } },
	{ "RFC 7323, 2.2: only the opening end offers", {},
	  UP_WITH(1000, WS(7), 0), {
		/* the SYN's window was kept in units of 128 bytes */
		{ REPLY, A, 1025, 1, 0, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1026, 1, 0, NO_SURE(SEQ_OVER, ESTABLISHED) } } },
	{ "RFC 7323, 2.2: only the answering end offers", {},
	  UP_WITH(1000, 0, WS(7)), {
		{ REPLY, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 1000 },
		{ ORIG, A, 1002, 1, 0, NO_SURE(SEQ_OVER, ESTABLISHED) } } },
	{ "RFC 7323, 2.2: a SYN's window is not scaled", {}, {}, {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT), .win = 1000,
		  .opts = WS(7) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV), .win = 1000,
		  .opts = WS(7) },
		/* kept in units of 128 bytes */
		{ REPLY, A, 1026, 1, 1, NO(SEQ_OVER, SYN_RECV) },
		{ ORIG, A, 1002, 1, 1, NO(SEQ_OVER, SYN_RECV) } } },
	{ "RFC 7323, 2.2: scale 0 is an offer", {},
	  UP_WITH(1000, WS(0), WS(4)), {
		{ REPLY, A, 1, 1, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .win = 1000 },
		{ ORIG, A, 16001, 1, 0, SURE(ESTABLISHED, UNACK) } } },
	{ "RFC 7323, 2.3: scale 14", {},
	  UP_WITH(65535, WS(14), WS(14)), {
		{ REPLY, A, 0x3fffc001, 1, 0, SURE(ESTABLISHED, UNACK),
		  .win = 65535 },
		{ REPLY, A, 0x3fffc002, 1, 0, NO_SURE(SEQ_OVER, ESTABLISHED) } } },

	/* RFC 2018: selective acknowledgments */
	{ "RFC 2018: data behind a hole", {},
	  UP_WITH(WIN, SACKS, SACKS), {
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ ORIG, A, 201, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, UNACK), .sack = 301 },
		{ REPLY, A, 1, 101, 0, NO_SURE(ACK_OVER, ESTABLISHED),
		  .sack = 302 },
		{ ORIG, A, 101, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 301, 0, SURE(ESTABLISHED, ESTABLISHED) } } },
	{ "RFC 2018: not agreed on, not looked at", {}, UP, {
		{ ORIG, A, 1, 1, 100, SURE(ESTABLISHED, UNACK) },
		{ REPLY, A, 1, 101, 0, SURE(ESTABLISHED, ESTABLISHED),
		  .sack = 9999 } } },

	/* Picked up in the middle */
	{ "loose: data first", {}, {}, {
		{ ORIG, A, 1000, 500, 100, OK(ESTABLISHED, UNACK) },
		{ REPLY, A, 500, 1100, 0, OK(ESTABLISHED, UNACK) },
		{ ORIG, A, 1100, 500, 0, SURE(ESTABLISHED, ESTABLISHED) },
		/* no scale is known */
		{ REPLY, A, 900000, 1100, 1400, SURE(ESTABLISHED, UNACK) } } },
	{ "loose: a reset behind a window whose scale nobody knows", {}, {}, {
		{ ORIG, A, 1, 1, 10, OK(ESTABLISHED, UNACK), .win = 100 },
		{ REPLY, A, 1, 11, 0, OK(ESTABLISHED, UNACK), .win = 100 },
		{ ORIG, A, 11, 1, 9000, SURE(ESTABLISHED, UNACK), .win = 100 },
		{ ORIG, R, 40000, 0, 0, NO_SURE(SEQ_OVER, ESTABLISHED) },
		{ ORIG, R, 9011, 0, 0, SURE(CLOSE, CLOSE) } } },
	{ "loose: never answered", {}, {}, {
		{ ORIG, A, 1000, 500, 100, OK(ESTABLISHED, UNACK) },
		{ ORIG, A, 1100, 500, 100, OK(ESTABLISHED, UNACK) },
		{ REPLY, R, 500, 0, 0, END } } },
	{ "loose: what begins nothing", {}, {}, {
		{ ORIG, S | A, 0, 1, 0, NO(NOT_SYN, NONE) },
		{ ORIG, F | A, 10, 10, 0, NO(NOT_SYN, NONE) },
		{ ORIG, R, 10, 0, 0, NO(NOT_SYN, NONE) },
		{ ORIG, R | A, 10, 10, 0, NO(NOT_SYN, NONE) } } },
	{ "strict: nothing but a SYN", { .strict = true }, {}, {
		{ ORIG, A, 1000, 500, 100, NO(NOT_SYN, NONE) },
		{ ORIG, F | A, 1000, 500, 0, NO(NOT_SYN, NONE) },
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) } } },
};

CT_TEST_NAME(tcp_case)
KUNIT_ARRAY_PARAM(tcp, tcp_cases, tcp_case_name);

static struct ct_test_run *begin(struct kunit *test, const char *name)
{
	struct ct_test_run *run = ct_test_begin(test, name, &ct_proto_tcp,
						NFPROTO_IPV4);

	/* so that it is told from max_retrans */
	run->cnet.knobs.timeout[CT_TO_TCP_UNACK] = 200 * HZ;
	return run;
}

static u8 kind_of(u8 flags)
{
	if (flags & S)
		return flags & A ? CT_TCP_K_SYNACK : CT_TCP_K_SYN;
	if (flags & R)
		return CT_TCP_K_RST;
	return flags & F ? CT_TCP_K_FIN : CT_TCP_K_ACK;
}

/* What check() would have made of it. */
static void send(struct ct_test_run *run, const struct tcp_row *row,
		 const u32 first[2])
{
	const struct ct_test_want want = {
		row->want.verdict, row->want.reason, row->want.timeout,
		row->want.assured,
	};
	u32 sack = row->sack ? row->sack : row->ack;
	u32 win = row->win ? row->win : WIN;
	struct ct_tcp_seg *seg = &run->pkt.tcp;

	memset(seg, 0, sizeof(*seg));
	seg->kind = kind_of(row->flags);
	seg->has_ack = row->flags & A;
	seg->rst_ack = (row->flags & (R | A)) == (R | A);
	seg->seq = row->seq == ABS ? 0 : row->seq + first[row->dir];
	seg->end = seg->seq + row->len + !!(row->flags & S) +
		   !!(row->flags & F);
	if (seg->has_ack) {
		seg->ack = row->ack + first[!row->dir];
		seg->sack = sack + first[!row->dir];
	}
	seg->win = win == NO_WIN ? 0 : win;
	seg->opts = row->opts;
	ct_test_packet(run, run->row * 10, row->dir, &want);
	KUNIT_EXPECT_EQ_MSG(run->test, run->flow.state.tcp.state,
			    row->want.state, "%s: packet %u: state", run->name,
			    run->row);
}

static const u32 firsts[][2] = {
	{ 1000, 2000 },
	{ 0xffffffff, 0xffffffff },	/* the SYN is the last before zero */
	{ 0xffffff80, 0xfffffe00 },
	{ 0x7ffffff0, 0x80000000 },
	{ 0xc0000010, 5 },
};

/* Lead a flow to where a case begins. */
static void prepare(struct ct_test_run *run, const struct tcp_up *how,
		    const u32 first[2])
{
	int i;

	for (i = 0; how->up && i < ARRAY_SIZE(opening); i++) {
		struct tcp_row row = opening[i];

		row.win = how->win;
		row.opts = row.flags & S ? how->opts[row.dir] : 0;
		send(run, &row, first);
	}
	for (i = 0; how->down && i < ARRAY_SIZE(closing); i++)
		send(run, &closing[i], first);
}

static void test_connection(struct kunit *test)
{
	const struct tcp_case *c = test->param_value;
	struct ct_test_run *run;
	const struct tcp_row *row;
	int i;

	for (i = 0; i < ARRAY_SIZE(firsts) && test->status == KUNIT_SUCCESS;
	     i++) {
		run = begin(test, c->name);
		run->cnet.knobs.tcp_loose = !c->knobs.strict;
		run->cnet.knobs.tcp_be_liberal = c->knobs.liberal;
		run->cnet.knobs.tcp_ignore_invalid_rst = c->knobs.ignore_rst;
		prepare(run, &c->up, firsts[i]);
		for (row = c->rows; row < c->rows + ARRAY_SIZE(c->rows) &&
		     row->flags; row++)
			send(run, row, firsts[i]);
		KUNIT_EXPECT_GT(test, run->row, 1);
		kunit_kfree(test, run);
	}
}

/* RFC 7323, 2.3 and RFC 9293, 3.4: full windows of 1 GB, round and round. */
static void test_wide_window_wraps_around(struct kunit *test)
{
	static const struct tcp_case c = { UP_WITH(65535, WS(14), WS(14)) };
	const u32 step = 65535U << 14, first[2] = { 0xf0000000, 77 };
	struct ct_test_run *run = begin(test, "wrap");
	u32 seq = 1;
	int i;

	prepare(run, &c.up, first);
	for (i = 0; i < 9; i++) {
		const struct tcp_row open = { REPLY, A, 1, seq, 0,
			SURE(ESTABLISHED, ESTABLISHED), .win = 65535 };
		const struct tcp_row over = { ORIG, A, seq + step + 1, 1, 0,
			NO_SURE(SEQ_OVER, ESTABLISHED), .win = 65535 };
		const struct tcp_row last = { ORIG, A, seq + step - 1400, 1,
			1400, SURE(ESTABLISHED, UNACK), .win = 65535 };

		send(run, &open, first);
		send(run, &over, first);
		send(run, &last, first);
		seq += step;
	}
}

/* The number is only right where the reset acknowledges the SYN. */
static void test_reset_numbered_zero(struct kunit *test)
{
	static const struct tcp_row rows[] = {
		{ ORIG, S, 0, 0, 0, OK(SYN_SENT, SYN_SENT) },
		{ REPLY, S | A, 0, 1, 0, OK(SYN_RECV, SYN_RECV) },
		{ ORIG, R, ABS, 0, 0, PASS(SYN_RECV) },
		{ REPLY, R | A, ABS, 2, 0, PASS(SYN_RECV) },
		{ REPLY, R | A, ABS, 1, 0, OK(CLOSE, CLOSE) },
	};
	static const struct tcp_case c = { UP };
	static const struct tcp_row late = {
		ORIG, R, ABS, 0, 0, NO_SURE(RST_SEQ, ESTABLISHED)
	};
	struct ct_test_run *run = begin(test, "opening");
	int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		send(run, &rows[i], firsts[0]);
	run = begin(test, "open");
	prepare(run, &c.up, firsts[0]);
	send(run, &late, firsts[0]);
}

static struct kunit_case tcp_tests[] = {
	KUNIT_CASE_PARAM(test_connection, tcp_gen_params),
	KUNIT_CASE(test_wide_window_wraps_around),
	KUNIT_CASE(test_reset_numbered_zero),
	{}
};

static struct kunit_suite tcp_suite = {
	.name = "ct_tcp",
	.test_cases = tcp_tests,
};

kunit_test_suites(&tcp_suite);
