// SPDX-License-Identifier: GPL-2.0
/*
 * The short way (ct_tcp_fast.h, ct_udp_fast.h) against the judges: where a shortcut
 * answers, the judge must give the same verdict, status, timeout and state; where it does
 * not, it must have changed nothing. Packets and states are random, mostly near
 * the bounds, and the same in every run.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/prandom.h>

#include "ct_tcp_fast.h"
#include "ct_test.h"
#include "ct_udp_fast.h"

#define ROUNDS		100000
#define USUAL_MIN	(ROUNDS / 10)	/* or the test shows nothing */

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

/* A number near @base: at it, beside it, within a window of it or anywhere */
static u32 near(struct chance *c, u32 base)
{
	switch (below(c, 32)) {
	case 0:
		return prandom_u32_state(&c->state);
	case 1:
		return base + 0x80000000U + below(c, 5) - 2;
	case 2:
		return base - CT_TCP_ACK_WINDOW_MIN + below(c, 5) - 2;
	case 3 ... 5:
		return base + below(c, 0x20000) - 0x10000;
	case 6 ... 11:
		return base + below(c, 3) - 1;
	case 12 ... 15:
		return base + below(c, 1500);
	case 16 ... 21:
		return base - below(c, 1500);
	default:
		return base;
	}
}

static void random_knobs(struct chance *c, struct ct_knobs *knobs)
{
	knobs->tcp_max_retrans = rarely(c, 8) ? 0 : 3;
	knobs->tcp_be_liberal = rarely(c, 4);
	knobs->timeout[CT_TO_TCP_ESTABLISHED] = below(c, 2) * 1000 + 500;
	knobs->timeout[CT_TO_TCP_UNACK] = 1000;
	knobs->timeout[CT_TO_TCP_RETRANS] = 250 + below(c, 2) * 500;
}

static void random_peer(struct chance *c, struct ct_tcp_peer *p)
{
	p->end = prandom_u32_state(&c->state);
	p->maxend = near(c, p->end + 3000);
	p->maxack = prandom_u32_state(&c->state);
	p->maxwin = rarely(c, 8) ? 0 : prandom_u32_state(&c->state);
	p->scale = rarely(c, 2) ? 0 : below(c, 15);
	p->flags = CT_TCP_F_SEEN | CT_TCP_F_MAXACK | CT_TCP_F_SACK |
		   CT_TCP_F_WSCALE;
	if (rarely(c, 8))
		p->flags = below(c, 256);
}

static void random_connection(struct chance *c, struct ct_flow *flow)
{
	struct ct_tcp *t = &flow->state.tcp;
	int i;

	memset(flow, 0, sizeof(*flow));
	flow->status = IPS_SEEN_REPLY | IPS_ASSURED;
	t->state = rarely(c, 16) ? below(c, CT_TCP_STATES) :
				   CT_TCP_ESTABLISHED;
	t->last = ct_tcp_last(below(c, CT_TCP_KINDS), below(c, 2));
	t->retrans = below(c, 3);
	t->last_opts = below(c, 64);
	t->last_mark = prandom_u32_state(&c->state);
	for (i = 0; i < 2; i++)
		random_peer(c, &t->peer[i]);
	for (i = 0; i < 2; i++)
		t->peer[i].maxack = near(c, t->peer[!i].end);
}

static void random_segment(struct chance *c, const struct ct_tcp *t,
			   enum ip_conntrack_dir dir, struct ct_tcp_seg *seg)
{
	u16 wins[] = { 0, 1, 500, t->peer[dir].maxwin, 65535 };

	memset(seg, 0, sizeof(*seg));
	seg->kind = CT_TCP_K_ACK;
	seg->has_ack = true;
	seg->seq = near(c, rarely(c, 8) ? t->peer[dir].maxend :
					  t->peer[dir].end);
	seg->end = seg->seq + below(c, rarely(c, 4) ? 65536 : 1460);
	seg->ack = near(c, rarely(c, 8) ? t->peer[dir].maxack :
					  t->peer[!dir].end);
	seg->sack = seg->ack;
	seg->win = rarely(c, 4) ? wins[below(c, ARRAY_SIZE(wins))] :
				  prandom_u32_state(&c->state);
}

/* The same one again, now and then */
static void random_next(struct chance *c, const struct ct_tcp *t,
			enum ip_conntrack_dir *dir, struct ct_tcp_seg *seg)
{
	if (rarely(c, 8))
		return;
	*dir = below(c, 2);
	random_segment(c, t, *dir, seg);
}

/* A shortcut, as ct_fast.c calls it; sets what is new of the flow's status. */
typedef bool shortcut_t(const struct ct_test_run *run, struct ct_tcp *t,
			enum ip_conntrack_dir dir, u32 *timeout, u32 *news);

static bool in_connection(const struct ct_test_run *run, struct ct_tcp *t,
			  enum ip_conntrack_dir dir, u32 *timeout, u32 *news)
{
	const u32 settled = IPS_SEEN_REPLY | IPS_ASSURED;

	*news = 0;
	return (run->flow.status & settled) == settled &&
	       ct_tcp_fast(t, CT_TCP_ESTABLISHED, dir, &run->pkt.tcp,
			   &run->cnet.knobs, timeout);
}

/* An answer to a SYN, and what completes a handshake */
static bool opening(const struct ct_test_run *run, struct ct_tcp *t,
		    enum ip_conntrack_dir dir, u32 *timeout, u32 *news)
{
	const struct ct_knobs *knobs = &run->cnet.knobs;
	const struct ct_tcp_seg *seg = &run->pkt.tcp;

	if (dir == REPLY) {
		*news = IPS_SEEN_REPLY;
		return seg->kind == CT_TCP_K_SYNACK &&
		       ct_tcp_fast_answer(t, seg, knobs, timeout);
	}
	*news = IPS_ASSURED;
	return seg->kind == CT_TCP_K_ACK &&
	       run->flow.status & IPS_SEEN_REPLY &&
	       ct_tcp_fast(t, CT_TCP_SYN_RECV, dir, seg, knobs, timeout);
}

/* Both answers to one segment. Returns true if the shortcut had one. */
static bool compare_tcp(struct ct_test_run *run, enum ip_conntrack_dir dir,
			shortcut_t *shortcut)
{
	struct ct_judgement *j = &run->judgement;
	union ct_state state = run->flow.state;
	u32 timeout = 0, news, status;
	struct kunit *test = run->test;
	bool usual;

	run->pkt.proto->judge(&run->flow, &run->pkt, dir, j);
	usual = shortcut(run, &state.tcp, dir, &timeout, &news);
	if (!usual) {
		KUNIT_EXPECT_EQ(test, 0, memcmp(&state, &run->flow.state,
						sizeof(state)));
		return false;
	}
	status = run->flow.status | (dir == REPLY ? IPS_SEEN_REPLY : 0);
	KUNIT_EXPECT_EQ(test, (int)j->verdict, CT_ACCEPT);
	KUNIT_EXPECT_EQ_MSG(test, j->status | status, run->flow.status | news,
			    "round %u: the status differs", run->row);
	KUNIT_EXPECT_EQ(test, j->timeout, timeout);
	KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(&state, &j->next, sizeof(state)),
			    "round %u: the states differ", run->row);
	return true;
}

static void test_segments(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "usual", &ct_proto_tcp,
						NFPROTO_IPV4);
	struct ct_judgement *j = &run->judgement;
	unsigned int usual = 0, in_state = 0;
	enum ip_conntrack_dir dir = ORIG;
	struct chance c;

	prandom_seed_state(&c.state, 5);
	for (run->row = 1; run->row <= ROUNDS; run->row++) {
		/* A connection of the last round goes on, mostly. */
		if (run->row == 1 || rarely(&c, 8)) {
			random_connection(&c, &run->flow);
			random_segment(&c, &run->flow.state.tcp, dir,
				       &run->pkt.tcp);
		}
		random_knobs(&c, &run->cnet.knobs);
		random_next(&c, &run->flow.state.tcp, &dir, &run->pkt.tcp);
		usual += compare_tcp(run, dir, in_connection);
		if (j->verdict == CT_ACCEPT || j->verdict == CT_LEARN ||
		    (j->verdict == CT_REFUSE && !j->stays))
			run->flow.state = j->next;
		in_state += j->verdict == CT_ACCEPT;
	}
	kunit_info(test, "%u of %u segments were usual, %u accepted\n", usual,
		   ROUNDS, in_state);
	KUNIT_EXPECT_GT(test, usual, USUAL_MIN);
	/* The judge accepts more, so the shortcut did decline. */
	KUNIT_EXPECT_GT(test, in_state, usual);
}

/* A SYN was sent, or answered, or now and then anything else. */
static void random_opening(struct chance *c, struct ct_flow *flow)
{
	struct ct_tcp *t = &flow->state.tcp;
	bool answered = rarely(c, 2);

	random_connection(c, flow);
	flow->status = answered ? IPS_SEEN_REPLY : 0;
	if (rarely(c, 16))
		flow->status = below(c, 4) * IPS_SEEN_REPLY;
	t->state = answered ? CT_TCP_SYN_RECV : CT_TCP_SYN_SENT;
	if (rarely(c, 16))
		t->state = below(c, CT_TCP_STATES);
	t->peer[ORIG].flags = CT_TCP_F_SEEN | CT_TCP_F_WSCALE | CT_TCP_F_SACK;
	if (rarely(c, 8))
		t->peer[ORIG].flags = below(c, 256);
	/* A SYN is not behind the end of its data. */
	if (t->state == CT_TCP_SYN_SENT)
		t->peer[ORIG].maxend = t->peer[ORIG].end - below(c, 2) * 1000;
	if (!answered && !rarely(c, 16))
		memset(&t->peer[REPLY], 0, sizeof(t->peer[REPLY]));
}

static void random_answer(struct chance *c, const struct ct_tcp *t,
			  struct ct_tcp_seg *seg)
{
	random_segment(c, t, REPLY, seg);
	seg->kind = rarely(c, 8) ? below(c, CT_TCP_KINDS) : CT_TCP_K_SYNACK;
	seg->has_ack = seg->kind != CT_TCP_K_SYN;
	seg->end = seg->seq + 1 + (rarely(c, 8) ? below(c, 1460) : 0);
	seg->opts = CT_TCP_LAST_WSCALE | CT_TCP_LAST_SACK | below(c, 15);
	if (rarely(c, 8))
		seg->opts = below(c, 64) & ~0xf;
}

static void test_openings(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "usual", &ct_proto_tcp,
						NFPROTO_IPV4);
	unsigned int usual[2] = { 0, 0 }, in_state = 0;
	enum ip_conntrack_dir dir;
	struct chance c;

	prandom_seed_state(&c.state, 5);
	for (run->row = 1; run->row <= ROUNDS; run->row++) {
		random_opening(&c, &run->flow);
		random_knobs(&c, &run->cnet.knobs);
		dir = run->flow.state.tcp.state == CT_TCP_SYN_SENT;
		if (rarely(&c, 16))
			dir = !dir;
		if (dir == REPLY)
			random_answer(&c, &run->flow.state.tcp, &run->pkt.tcp);
		else
			random_segment(&c, &run->flow.state.tcp, ORIG,
				       &run->pkt.tcp);
		usual[dir] += compare_tcp(run, dir, opening);
		in_state += run->judgement.verdict == CT_ACCEPT;
	}
	kunit_info(test, "%u answers and %u ends of handshakes were usual, %u accepted\n",
		   usual[REPLY], usual[ORIG], in_state);
	KUNIT_EXPECT_GT(test, usual[REPLY], USUAL_MIN / 2);
	KUNIT_EXPECT_GT(test, usual[ORIG], USUAL_MIN / 2);
	KUNIT_EXPECT_GT(test, in_state, usual[REPLY] + usual[ORIG]);
}

/* What begins a connection or a flow: no state yet */
static void test_beginnings(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "usual", &ct_proto_tcp,
						NFPROTO_IPV4);
	struct ct_judgement *j = &run->judgement;
	struct ct_knobs *knobs = &run->cnet.knobs;
	union ct_state state;
	struct chance c;
	u32 timeout;

	prandom_seed_state(&c.state, 5);
	for (run->row = 1; run->row <= ROUNDS / 10; run->row++) {
		random_knobs(&c, knobs);
		random_answer(&c, &run->flow.state.tcp, &run->pkt.tcp);
		run->pkt.tcp.kind = CT_TCP_K_SYN;
		run->pkt.tcp.has_ack = false;
		memset(&state, 0, sizeof(state));
		timeout = ct_tcp_fast_first(&state.tcp, &run->pkt.tcp, knobs);
		ct_proto_tcp.judge(NULL, &run->pkt, ORIG, j);
		KUNIT_EXPECT_EQ(test, (int)j->verdict, CT_ACCEPT);
		KUNIT_EXPECT_EQ(test, j->status, 0U);
		KUNIT_EXPECT_EQ(test, j->timeout, timeout);
		KUNIT_EXPECT_EQ(test, 0, memcmp(&state, &j->next,
						sizeof(state)));

		run->pkt.now = prandom_u32_state(&c.state);
		memset(&state, 0, sizeof(state));
		timeout = ct_udp_fast_first(&state.udp, run->pkt.now, knobs);
		ct_proto_udp.judge(NULL, &run->pkt, ORIG, j);
		KUNIT_EXPECT_EQ(test, (int)j->verdict, CT_ACCEPT);
		KUNIT_EXPECT_EQ(test, j->status, 0U);
		KUNIT_EXPECT_EQ(test, j->timeout, timeout);
		KUNIT_EXPECT_EQ(test, 0, memcmp(&state, &j->next,
						sizeof(state)));
	}
}

/* Another state of the conversation, and another moment */
static void random_datagram(struct chance *c, struct ct_test_run *run)
{
	struct ct_flow *flow = &run->flow;

	memset(flow, 0, sizeof(*flow));
	flow->status = (rarely(c, 2) ? 0 : IPS_SEEN_REPLY) |
		       (rarely(c, 2) ? 0 : IPS_ASSURED);
	flow->packets_low[ORIG] = below(c, 4);
	flow->packets_low[REPLY] = below(c, 4);
	flow->state.udp.stream_from = prandom_u32_state(&c->state);
	run->cnet.knobs.timeout[CT_TO_UDP_ANSWERED] = rarely(c, 2) ? 0 : HZ;
	run->pkt.now = near(c, flow->state.udp.stream_from);
}

static void test_datagrams(struct kunit *test)
{
	struct ct_test_run *run = ct_test_begin(test, "usual", &ct_proto_udp,
						NFPROTO_IPV4);
	struct ct_judgement *j = &run->judgement;
	unsigned int usual = 0, changing = 0, answers = 0;
	enum ip_conntrack_dir dir;
	u32 timeout, status;
	struct chance c;

	prandom_seed_state(&c.state, 5);
	for (run->row = 1; run->row <= ROUNDS; run->row++) {
		random_datagram(&c, run);
		dir = below(&c, 2);
		run->pkt.proto->judge(&run->flow, &run->pkt, dir, j);
		status = j->status | (dir == REPLY ? IPS_SEEN_REPLY : 0);
		if (ct_udp_fast_answer(run->flow.status, dir,
				       &run->cnet.knobs, &timeout)) {
			answers++;
			KUNIT_EXPECT_EQ(test, (int)j->verdict, CT_ACCEPT);
			KUNIT_EXPECT_TRUE(test, j->stays);
			KUNIT_EXPECT_EQ(test, status & ~run->flow.status,
					(u32)IPS_SEEN_REPLY);
			KUNIT_EXPECT_EQ(test, j->timeout, timeout);
		}
		if (!ct_udp_fast(&run->flow, run->flow.status, dir,
				 run->pkt.now, &run->cnet.knobs, &timeout)) {
			if (status & ~run->flow.status)
				changing++;
			else	/* an answer, and answers matter */
				KUNIT_EXPECT_TRUE(test, dir == REPLY &&
						  ct_timeout(&run->pkt,
							     CT_TO_UDP_ANSWERED));
			continue;
		}
		usual++;
		KUNIT_EXPECT_EQ(test, (int)j->verdict, CT_ACCEPT);
		KUNIT_EXPECT_TRUE(test, j->stays);
		KUNIT_EXPECT_EQ(test, status & ~run->flow.status, 0U);
		KUNIT_EXPECT_EQ(test, j->timeout, timeout);
	}
	KUNIT_EXPECT_GT(test, usual, USUAL_MIN);
	KUNIT_EXPECT_GT(test, changing, USUAL_MIN);
	KUNIT_EXPECT_GT(test, answers, USUAL_MIN);
}

static struct kunit_case usual_tests[] = {
	KUNIT_CASE(test_segments),
	KUNIT_CASE(test_openings),
	KUNIT_CASE(test_beginnings),
	KUNIT_CASE(test_datagrams),
	{}
};

static struct kunit_suite usual_suite = {
	.name = "ct_usual",
	.test_cases = usual_tests,
};

kunit_test_suites(&usual_suite);
