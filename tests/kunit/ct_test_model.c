// SPDX-License-Identifier: GPL-2.0
/*
 * TCP, exhaustively: every combination of flags, in every state, from both ends,
 * at every edge of the windows, held against a second statement of the rules.
 *
 * The second statement shares nothing with ct_proto_tcp.c but the numbers of
 * states and reasons. It knows each end by positions that count from its SYN
 * and do not wrap (s64), who has sent a FIN and whose FIN is acknowledged, and a
 * list of rules of which the first that fits is right. A rule names its RFC
 * and section; without a number it is one of RFC 9293.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <net/tcp.h>

#include "ct_tcp.h"
#include "ct_test.h"
#include "ct_test_tcp.h"

#define SEG_WIN		6000
#define NOTHING		LLONG_MIN	/* no such position */

enum context {		/* what the segment before was */
	QUIET,
	AFTER_SYN,	/* the other end's, let through, that this may answer */
	AFTER_ACK,	/* the other end's, let through, that this may answer */
	CONTEXTS
};

/**
 * struct end - one end, as a person with a pencil would note it
 * @spoke: it sent something
 * @sent: behind the last that it sent
 * @may: what it may begin a segment with, at most
 * @acked: the highest that it acknowledged; NOTHING if it did not yet
 * @window: the widest it offered; 0 if none
 * @fin: it sent its FIN, which is the last that it sent
 */
struct end {
	bool spoke;
	s64 sent;
	s64 may;
	s64 acked;
	s64 window;
	bool fin;
};

/**
 * struct scene - a connection at some point
 * @name: for messages
 * @state: what the tracker calls it
 * @answered: the other end has sent something
 * @end: the ends
 */
struct scene {
	const char *name;
	u8 state;
	bool answered;
	struct end end[2];
};

#define OPEN_FIN(n)		{ true, 1001 + (n), 6501, 1501, 8000, n }
#define PEER_FIN(n, ack)	{ true, 2001 + (n), 9501, ack, 6000, n }

static const struct scene scenes[] = {
	{ "a SYN", CT_TCP_SYN_SENT, false, {
		{ true, 1, 1, NOTHING, 8000 },
		{ false, 0, 0, NOTHING, 0 } } },
	{ "two SYNs", CT_TCP_SYN_SENT2, true, {
		{ true, 1, 6001, NOTHING, 8000 },
		{ true, 1, 8001, NOTHING, 6000 } } },
	{ "a SYN and its answer", CT_TCP_SYN_RECV, true, {
		{ true, 1, 6001, NOTHING, 8000 },
		{ true, 1, 8001, 1, 6000 } } },
	{ "open", CT_TCP_ESTABLISHED, true, {
		OPEN_FIN(0), PEER_FIN(0, 501) } },
	{ "FIN by the first", CT_TCP_FIN_WAIT, true, {
		OPEN_FIN(1), PEER_FIN(0, 501) } },
	{ "FIN by the second", CT_TCP_FIN_WAIT, true, {
		OPEN_FIN(0), PEER_FIN(1, 501) } },
	{ "FIN by the first, acknowledged", CT_TCP_CLOSE_WAIT, true, {
		OPEN_FIN(1), PEER_FIN(0, 1002) } },
	{ "FIN by the second, acknowledged", CT_TCP_CLOSE_WAIT, true, {
		{ true, 1001, 6501, 2002, 8000 }, PEER_FIN(1, 501) } },
	{ "FINs that cross", CT_TCP_LAST_ACK, true, {
		OPEN_FIN(1), PEER_FIN(1, 501) } },
	{ "both FINs, the first acknowledged", CT_TCP_LAST_ACK, true, {
		OPEN_FIN(1), PEER_FIN(1, 1002) } },
	{ "both FINs, the second acknowledged", CT_TCP_LAST_ACK, true, {
		{ true, 1002, 6501, 2002, 8000, true }, PEER_FIN(1, 501) } },
	{ "closed by both", CT_TCP_TIME_WAIT, true, {
		{ true, 1002, 6501, 2002, 8000, true }, PEER_FIN(1, 1002) } },
	{ "reset", CT_TCP_CLOSE, true, {
		OPEN_FIN(0), PEER_FIN(0, 501) } },
};

/**
 * struct setting - what is the same for many segments
 * @isn: where the ends' positions are 0
 * @scale: shift of both ends' windows
 * @liberal: only resets are judged by the windows
 * @liberal_end: the same, because the windows are not known
 * @ignore_rst: resets from before the window pass
 * @context: what came before
 */
struct setting {
	u32 isn[2];
	u8 scale;
	bool liberal;
	bool liberal_end;
	bool ignore_rst;
	enum context context;
};

/**
 * struct segment - one segment
 * @flags: FIN, SYN, RST, ACK
 * @dir: who sends it
 * @seq: where it begins
 * @len: its data
 * @ack: what it acknowledges, if it says so
 */
struct segment {
	u8 flags;
	u8 dir;
	s64 seq;
	s64 len;
	s64 ack;
};

struct answer {
	u8 verdict;
	u8 reason;
	u8 state;
};

/* --- the rules ---------------------------------------------------------- */

enum what {
	INVALID,	/* for its state */
	FOR_ENDS,	/* only the ends can tell */
	NEW,		/* this one is over, another begins */
	RESETS,		/* rules of their own */
	OPENS,		/* goes to @to */
	GOES_ON,	/* stays, or goes where the FINs say */
};

#define IN(state)	BIT(CT_TCP_##state)
#define OPENING		(IN(SYN_SENT) | IN(SYN_SENT2))
#define CLOSING		(IN(FIN_WAIT) | IN(CLOSE_WAIT) | IN(LAST_ACK))
#define OVER		(IN(TIME_WAIT) | IN(CLOSE))
#define ANY		(BIT(CT_TCP_STATES) - 1)
#define BOTH		3
#define FIRST		1
#define SECOND		2

static const struct rule {
	const char *section;
	u8 flags;
	u8 who;
	u16 in;
	enum what what;
	u8 to;
} rules[] = {
	{ "3.5.2: a reset", RST, BOTH, ANY, RESETS },
	{ "3.5.2: a reset with an acknowledgment", RST | ACK, BOTH, ANY, RESETS },

	{ "3.5: a SYN again", SYN, FIRST, IN(SYN_SENT), OPENS,
	  CT_TCP_SYN_SENT },
	{ "3.5, figure 7: SYNs cross", SYN, SECOND, IN(SYN_SENT), OPENS,
	  CT_TCP_SYN_SENT2 },
	{ "3.5, figure 7: one of them again", SYN, BOTH, IN(SYN_SENT2), OPENS,
	  CT_TCP_SYN_SENT2 },
	{ "3.6.1: another connection", SYN, BOTH, IN(TIME_WAIT), NEW },
	{ "3.6.1: another after a reset", SYN, FIRST, IN(CLOSE), NEW },
	{ "RFC 5961, 4.2: a SYN in a connection", SYN, FIRST, ANY, FOR_ENDS },
	{ "a SYN by who was called", SYN, SECOND, ANY, INVALID },

	{ "3.5, figure 6: the answer", SYN | ACK, SECOND, OPENING, OPENS,
	  CT_TCP_SYN_RECV },
	{ "3.5, figure 7: both answer", SYN | ACK, FIRST,
	  IN(SYN_SENT2) | IN(SYN_RECV), OPENS, CT_TCP_SYN_RECV },
	{ "3.5: the answer again, or to another SYN", SYN | ACK, SECOND, ANY,
	  FOR_ENDS },
	{ "an answer by who called", SYN | ACK, FIRST, ANY, INVALID },

	{ "3.10.7.3: no FIN before the answer", FIN | ACK, BOTH, OPENING,
	  INVALID },
	{ "3.5.1, figure 8: an old connection speaks", ACK, SECOND, OPENING,
	  FOR_ENDS },
	{ "3.5: nothing to acknowledge yet", ACK, FIRST, OPENING, INVALID },
	{ "3.5, figure 6: the answer is acknowledged", ACK, FIRST,
	  IN(SYN_RECV), OPENS, CT_TCP_ESTABLISHED },
	{ "3.6: after the end", ACK, BOTH, OVER, GOES_ON },
	{ "3.6: after the end", FIN | ACK, BOTH, OVER, GOES_ON },
	{ "3.4: data", ACK, BOTH, ANY, GOES_ON },
	{ "3.6: closing", FIN | ACK, BOTH, ANY, GOES_ON },
};

static const struct rule *rule_for(const struct scene *sc,
				   const struct segment *seg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].flags == seg->flags &&
		    rules[i].who & BIT(seg->dir) && rules[i].in & BIT(sc->state))
			return &rules[i];
	}
	return NULL;
}

static struct answer say(u8 verdict, u8 state)
{
	return (struct answer){ .verdict = verdict, .state = state };
}

static struct answer refuse(const struct scene *sc, u8 reason)
{
	return (struct answer){ CT_REFUSE, reason, sc->state };
}

static s64 behind(const struct segment *seg)
{
	return seg->seq + seg->len + !!(seg->flags & SYN) + !!(seg->flags & FIN);
}

/* As a number on the wire */
static u32 wire_seq(const struct setting *set, const struct segment *seg)
{
	return set->isn[seg->dir] + (u32)seg->seq;
}

static u32 wire_ack(const struct setting *set, const struct segment *seg)
{
	return seg->flags & ACK ? set->isn[!seg->dir] + (u32)seg->ack : 0;
}

/* 3.4: with what only the other end can know */
static bool begins_again(const struct scene *sc, const struct segment *seg)
{
	const struct end *me = &sc->end[seg->dir], *you = &sc->end[!seg->dir];

	return sc->state == CT_TCP_SYN_SENT2 && seg->flags == (SYN | ACK) &&
	       seg->ack == you->sent && behind(seg) != me->sent;
}

/* 3.10.7.3: the answer acknowledges the SYN at least */
static bool misses_syn(const struct scene *sc, const struct segment *seg)
{
	return seg->flags == (SYN | ACK) && BIT(sc->state) & OPENING &&
	       seg->ack < 1;
}

/*
 * Van Rooij's bounds. What is past does no harm and moves nothing (PASS); what is
 * beyond is refused.
 */
static struct answer held_against_windows(const struct scene *sc,
					  const struct setting *set,
					  const struct segment *seg)
{
	const struct end *me = &sc->end[seg->dir], *you = &sc->end[!seg->dir];
	bool reset = seg->flags & RST;
	bool begins = !me->spoke || begins_again(sc, seg);
	s64 mine = begins ? SEG_WIN : me->window;
	bool lax = set->liberal ||
		   (set->liberal_end && (you->spoke || !begins));
	bool past = false;

	if (misses_syn(sc, seg))
		return say(CT_PASS, sc->state);
	if (seg->flags == SYN && begins)
		lax = true;		/* numbers begin here: any is right */
	if (!begins && !(reset && sc->state == CT_TCP_SYN_SENT &&
			 !wire_seq(set, seg))) {
		if (seg->seq > me->may && (reset || !lax))
			return refuse(sc, CT_R_TCP_SEQ_OVER);
		past = you->window && behind(seg) < me->sent - you->window;
	}
	/* Who has not spoken yet cannot be acknowledged, nor judged by it. */
	if (seg->flags & ACK && you->spoke && !(reset && !wire_ack(set, seg))) {
		if (seg->ack > you->sent && (reset || !lax))
			return refuse(sc, CT_R_TCP_ACK_OVER);
		past |= seg->ack < you->sent - max_t(s64, 66000, mine);
	}
	return say(past && !lax ? CT_PASS : CT_ACCEPT, sc->state);
}

/* To the bit, or it answers a SYN as 3.5.2 (first group) says */
static bool is_exact(const struct scene *sc, const struct setting *set,
		     const struct segment *seg)
{
	const struct end *me = &sc->end[seg->dir], *you = &sc->end[!seg->dir];

	if (you->acked != NOTHING && seg->seq == you->acked)
		return true;
	if (me->spoke && seg->seq == me->sent)
		return true;
	return !wire_seq(set, seg) && seg->flags & ACK &&
	       seg->ack == you->sent &&
	       BIT(sc->state) & (IN(SYN_RECV) | IN(SYN_SENT2));
}

/* RFC 5961, 3.2, in every state */
static struct answer reset(const struct scene *sc, const struct setting *set,
			   const struct segment *seg, s64 mark)
{
	const struct end *you = &sc->end[!seg->dir];
	struct answer a = say(sc->answered ? CT_ACCEPT : CT_END, CT_TCP_CLOSE);
	struct answer pass = say(CT_PASS, sc->state);
	struct answer w;

	if (sc->state == CT_TCP_CLOSE)
		return pass;
	if (set->context == AFTER_SYN && seg->flags & ACK &&
	    seg->ack == mark + 1) {	/* 3.5.2, first group */
		if (sc->state != CT_TCP_SYN_SENT || seg->dir == ORIG)
			return a;
		if (seg->ack != you->sent)
			return pass;	/* the first is not refused */
	}
	if (set->context == AFTER_ACK && sc->state == CT_TCP_SYN_SENT &&
	    seg->seq == mark)
		return a;		/* 3.5.1, figure 8 */
	if (sc->state == CT_TCP_SYN_SENT && seg->dir == REPLY) {
		/* 3.10.7.3: must acknowledge the SYN */
		if (!(seg->flags & ACK) || !wire_ack(set, seg))
			return pass;
		return seg->ack == you->sent ? a : refuse(sc, CT_R_TCP_RST_SEQ);
	}
	if (is_exact(sc, set, seg))
		return a;
	if (!wire_seq(set, seg) && sc->state != CT_TCP_ESTABLISHED)
		return pass;
	if (you->acked != NOTHING && seg->seq < you->acked && !set->ignore_rst)
		return refuse(sc, CT_R_TCP_RST_SEQ);
	w = held_against_windows(sc, set, seg);
	return w.verdict == CT_REFUSE ? w : pass;
}

/*
 * 3.6: one FIN, acknowledged or not, two FINs, both acknowledged. A FIN is not
 * believed to be the last word: another acknowledgment follows. Who sends
 * something behind its FIN, which cannot be, makes it one that nobody has
 * acknowledged; but what was acknowledged once stays so while there is one FIN.
 */
static u8 closed_so_far(const struct scene *sc, const struct segment *seg)
{
	bool fin[2], acked[2];
	int e;

	for (e = 0; e < 2; e++) {
		const struct end *end = &sc->end[e], *other = &sc->end[!e];
		s64 ack = other->acked, sent = end->sent;

		if (seg->dir == e)
			sent = max(sent, behind(seg));
		else
			ack = max(ack, seg->ack);
		fin[e] = end->fin || (seg->dir == e && seg->flags & FIN);
		acked[e] = end->fin && ack != NOTHING && ack >= sent;
	}
	if (fin[0] && fin[1])
		return acked[0] && acked[1] && !(seg->flags & FIN) ?
		       CT_TCP_TIME_WAIT : CT_TCP_LAST_ACK;
	if (fin[0] || fin[1]) {
		if (sc->state == CT_TCP_FIN_WAIT && seg->flags & FIN)
			return CT_TCP_FIN_WAIT;
		return acked[0] || acked[1] || sc->state == CT_TCP_CLOSE_WAIT ?
		       CT_TCP_CLOSE_WAIT : CT_TCP_FIN_WAIT;
	}
	return sc->state;
}

/* 3.5: what the SYN was answered with before */
static bool is_same_answer(const struct scene *sc, const struct segment *seg)
{
	const struct end *me = &sc->end[seg->dir];

	return sc->state == CT_TCP_SYN_RECV && me->acked != NOTHING &&
	       seg->seq + 1 == me->sent && seg->ack == me->acked;
}

/* 3.5: which of two SYNs counts is what the answer says. */
static bool is_of_two_syns(const struct scene *sc, const struct setting *set,
			   const struct segment *seg, s64 mark)
{
	const struct end *first = &sc->end[ORIG];

	if (sc->state != CT_TCP_SYN_SENT)
		return false;
	if (seg->flags == SYN)
		return !seg->dir && seg->seq + 1 != first->may;
	return seg->flags == (SYN | ACK) && seg->dir == REPLY &&
	       set->context == AFTER_SYN && seg->ack == mark + 1 &&
	       seg->ack != first->may;
}

static struct answer right_answer(const struct scene *sc,
				  const struct setting *set,
				  const struct segment *seg, s64 mark)
{
	const struct rule *rule = rule_for(sc, seg);
	struct answer a;

	if (is_of_two_syns(sc, set, seg, mark))
		return seg->flags == SYN ? say(CT_LEARN, sc->state) :
					   say(CT_ACCEPT, CT_TCP_SYN_RECV);
	switch (rule->what) {
	case INVALID:
		return refuse(sc, CT_R_TCP_STATE);
	case NEW:
		return say(CT_RENEW, 0);
	case FOR_ENDS:
		/* RFC 5961, 4.2: an end that forgot takes the SYN */
		if (seg->flags != (SYN | ACK))
			return say(CT_LEARN, sc->state);
		if (set->context == AFTER_SYN && seg->ack == mark + 1 &&
		    !is_same_answer(sc, seg))
			return say(CT_ACCEPT, CT_TCP_SYN_RECV);
		return say(CT_PASS, sc->state);
	case RESETS:
		return reset(sc, set, seg, mark);
	case OPENS:
	case GOES_ON:
		a = held_against_windows(sc, set, seg);
		if (a.verdict == CT_ACCEPT)
			a.state = rule->what == OPENS ? rule->to :
				  BIT(sc->state) & OVER ? sc->state :
				  closed_so_far(sc, seg);
		/* Who knocks again does not stay longer. */
		if (a.verdict == CT_ACCEPT && seg->flags & SYN &&
		    a.state == sc->state)
			a.verdict = CT_LEARN;
		return a;
	}
	return a;
}

/* --- the tracker's answer ----------------------------------------------- */

static void to_peer(struct ct_tcp_peer *p, const struct end *end,
		    const struct setting *set, int dir)
{
	memset(p, 0, sizeof(*p));
	if (!end->spoke)
		return;
	p->flags = CT_TCP_F_SEEN | (end->fin ? CT_TCP_F_FIN : 0) |
		   (set->liberal_end ? CT_TCP_F_LIBERAL : 0);
	p->end = set->isn[dir] + (u32)end->sent;
	p->maxend = set->isn[dir] + (u32)end->may;
	p->scale = set->scale;
	p->maxwin = end->window >> set->scale;
	if (end->acked != NOTHING) {
		p->maxack = set->isn[!dir] + (u32)end->acked;
		p->flags |= CT_TCP_F_MAXACK;
	}
}

static void to_flow(struct ct_flow *flow, const struct scene *sc,
		    const struct setting *set, const struct segment *seg,
		    s64 mark)
{
	struct ct_tcp *t = &flow->state.tcp;

	flow->status = sc->answered ? IPS_SEEN_REPLY : 0;
	memset(t, 0, sizeof(*t));
	t->state = sc->state;
	to_peer(&t->peer[0], &sc->end[0], set, 0);
	to_peer(&t->peer[1], &sc->end[1], set, 1);
	switch (set->context) {
	case AFTER_SYN:	/* its number was one of the other end's */
		t->last = ct_tcp_last(CT_TCP_K_SYN, !seg->dir);
		t->last_mark = set->isn[!seg->dir] + (u32)mark;
		break;
	case AFTER_ACK:	/* it acknowledged one of this end's */
		t->last = ct_tcp_last(CT_TCP_K_ACK, !seg->dir);
		t->last_mark = set->isn[seg->dir] + (u32)mark;
		break;
	default:	/* this end's, and long ago */
		t->last = ct_tcp_last(CT_TCP_K_SYNACK, seg->dir);
	}
}

static void to_packet(struct ct_tcp_seg *out, const struct setting *set,
		      const struct segment *seg)
{
	memset(out, 0, sizeof(*out));
	out->kind = ct_test_kind_of(seg->flags);
	out->seq = wire_seq(set, seg);
	out->end = set->isn[seg->dir] + (u32)behind(seg);
	out->has_ack = seg->flags & ACK;
	out->rst_ack = (seg->flags & (RST | ACK)) == (RST | ACK);
	out->ack = wire_ack(set, seg);
	out->sack = out->ack;
	out->win = seg->flags & SYN ? SEG_WIN : SEG_WIN >> set->scale;
}

/* --- all of them -------------------------------------------------------- */

/**
 * struct tally - what came of it
 * @judged: segments
 * @differ: of these, how many the two statements differ about
 * @verdicts: by verdict
 * @shown: differences that were shown
 */
struct tally {
	u64 judged;
	u64 differ;
	u64 verdicts[CT_END + 1];
	bool shown[ARRAY_SIZE(scenes)][ARRAY_SIZE(rules)];
};

/* But for where the ends' data ends, which is not sure */
static bool is_same_but_ends(const struct ct_tcp *a, const struct ct_tcp *b)
{
	struct ct_tcp t = *b;
	int i;

	for (i = 0; i < 2; i++) {
		if (t.peer[i].end != a->peer[i].end)
			t.peer[i].flags |= CT_TCP_F_UNSURE;
		t.peer[i].end = a->peer[i].end;
	}
	return !memcmp(a, &t, sizeof(t));
}

/*
 * What is not believed changes nothing, and is not believed when it comes again. A
 * question is noted, and nothing else. What is refused may move the ends of data.
 */
static bool changes_nothing(struct ct_test_run *run, const struct segment *seg)
{
	const struct ct_judgement first = run->judgement;
	const struct ct_tcp *next = &first.next.tcp;
	struct ct_tcp *t = &run->flow.state.tcp, noted = *t;
	struct ct_judgement again;

	switch (first.verdict) {
	case CT_REFUSE:
		return first.stays || is_same_but_ends(next, t);
	case CT_PASS:
		return true;
	case CT_LEARN:
		if (t->state == CT_TCP_ESTABLISHED) {
			noted.last = next->last;
			noted.last_mark = next->last_mark;
			noted.last_opts = next->last_opts;
			if (memcmp(&noted, next, sizeof(noted)))
				return false;
		}
		run->flow.state = first.next;
		ct_proto_tcp.judge(&run->flow, &run->pkt, seg->dir, &again);
		return again.verdict == CT_LEARN || again.verdict == CT_PASS;
	default:
		return true;
	}
}

static void compare(struct ct_test_run *run, const struct scene *sc,
		    const struct setting *set, const struct segment *seg,
		    s64 mark, struct tally *tally)
{
	struct answer want = right_answer(sc, set, seg, mark);
	struct ct_judgement *j = &run->judgement;
	bool right, *shown;

	to_flow(&run->flow, sc, set, seg, mark);
	to_packet(&run->pkt.tcp, set, seg);
	ct_proto_tcp.judge(&run->flow, &run->pkt, seg->dir, j);

	right = j->verdict == want.verdict;
	if (right && want.verdict == CT_REFUSE)
		right = j->reason == want.reason;
	else if (right && want.verdict == CT_PASS)
		right = run->flow.state.tcp.state == want.state;
	else if (right && want.verdict != CT_RENEW)
		right = j->next.tcp.state == want.state;
	right = right && changes_nothing(run, seg);
	tally->judged++;
	tally->verdicts[want.verdict]++;
	if (right)
		return;
	tally->differ++;
	shown = &tally->shown[sc - scenes][rule_for(sc, seg) - rules];
	if (*shown)
		return;		/* one of a kind */
	*shown = true;
	KUNIT_FAIL(run->test,
		   "%s, rule \"%s\": flags %#x dir %u seq %lld len %lld ack %lld, isn %#x %#x, scale %u liberal %u/%u ignore %u context %u: verdict %u reason %u state %u, not %u %u %u",
		   sc->name, rule_for(sc, seg)->section, seg->flags,
		   seg->dir, seg->seq, seg->len, seg->ack, set->isn[0],
		   set->isn[1], set->scale, set->liberal,
		   set->liberal_end, set->ignore_rst, set->context,
		   j->verdict,
		   j->verdict == CT_REFUSE ? j->reason : 0,
		   j->next.tcp.state, want.verdict, want.reason,
		   want.state);
}

/* Positions just on and just off each edge, and far away on both sides */
static unsigned int seq_edges(const struct scene *sc, const struct setting *set,
			      const struct segment *seg, s64 *at)
{
	const struct end *me = &sc->end[seg->dir], *you = &sc->end[!seg->dir];
	s64 own = behind(seg) - seg->seq;
	unsigned int n = 0;

	at[n++] = me->sent - you->window - own - 1;
	at[n++] = me->sent - you->window - own;
	at[n++] = me->sent - 1;
	at[n++] = me->sent;
	at[n++] = me->may;
	at[n++] = me->may + 1;
	at[n++] = me->sent - 1000000;
	at[n++] = me->sent + 1000000;
	at[n++] = -(s64)(s32)set->isn[seg->dir];	/* 0 on the wire */
	if (you->acked != NOTHING) {
		at[n++] = you->acked - 1;
		at[n++] = you->acked;
	}
	return n;
}

static unsigned int ack_edges(const struct scene *sc, const struct setting *set,
			      const struct segment *seg, s64 *at)
{
	const struct end *me = &sc->end[seg->dir], *you = &sc->end[!seg->dir];
	s64 past = max_t(s64, 66000, me->window);
	unsigned int n = 0;

	if (!(seg->flags & ACK)) {
		at[n++] = NOTHING;
		return n;
	}
	at[n++] = you->sent + 1;
	at[n++] = you->sent;
	at[n++] = you->sent - 1;
	at[n++] = you->sent - past;
	at[n++] = you->sent - past - 1;
	at[n++] = you->sent + 1000000;
	at[n++] = you->sent - 1000000;
	at[n++] = -(s64)(s32)set->isn[!seg->dir];
	return n;
}

/* Marks that this segment answers, or misses by one */
static void compare_marks(struct ct_test_run *run, const struct scene *sc,
			  const struct setting *set, const struct segment *seg,
			  struct tally *tally)
{
	s64 mark = 0;

	if (set->context == AFTER_SYN)
		mark = seg->flags & ACK ? seg->ack - 1 : 70000;
	else if (set->context == AFTER_ACK)
		mark = seg->seq;
	compare(run, sc, set, seg, mark, tally);
	if (set->context != QUIET)
		compare(run, sc, set, seg, mark + 1, tally);
}

static void all_positions(struct ct_test_run *run, const struct scene *sc,
			  const struct setting *set, struct segment *seg,
			  struct tally *tally)
{
	s64 seqs[16], acks[16];
	unsigned int s, a, n_seq, n_ack;

	seg->seq = 0;
	n_seq = seq_edges(sc, set, seg, seqs);
	n_ack = ack_edges(sc, set, seg, acks);
	for (s = 0; s < n_seq; s++) {
		for (a = 0; a < n_ack; a++) {
			seg->seq = seqs[s];
			seg->ack = acks[a];
			compare_marks(run, sc, set, seg, tally);
		}
	}
}

static void all_segments(struct ct_test_run *run, const struct setting *set,
			 struct tally *tally)
{
	struct segment seg = {};
	unsigned int i, flags;

	for (i = 0; i < ARRAY_SIZE(scenes); i++) {
		for (flags = 0; flags < 32; flags++) {
			if (flags & ~(FIN | SYN | RST | ACK) || !ct_test_can_be(flags))
				continue;
			seg.flags = flags;
			for (seg.dir = 0; seg.dir < 2; seg.dir++) {
				for (seg.len = 0; seg.len < 20; seg.len += 10)
					all_positions(run, &scenes[i], set,
						      &seg, tally);
			}
		}
		cond_resched();
	}
}

static void model_states(struct kunit *test)
{
	static const u32 isns[][2] = {
		{ 0x20000000, 0x10000000 },	/* nothing wraps */
		{ 0xfffffc00, 0xffffe000 },	/* within a window */
		{ 0xfff80000, 0x0007ff00 },	/* far bounds do */
	};
	struct ct_test_run *run = ct_test_begin(test, "model", &ct_proto_tcp,
						NFPROTO_IPV4);
	struct tally *tally = kunit_kzalloc(test, sizeof(*tally), GFP_KERNEL);
	struct setting set;
	unsigned int i, bits, context;

	KUNIT_ASSERT_NOT_NULL(test, tally);
	for (i = 0; i < ARRAY_SIZE(isns); i++) {
		for (bits = 0; bits < 16; bits++) {
			for (context = 0; context < CONTEXTS; context++) {
				memcpy(set.isn, isns[i], sizeof(set.isn));
				set.context = context;
				set.scale = bits & 1 ? 4 : 0;
				set.liberal = bits & 2;
				set.liberal_end = bits & 4;
				set.ignore_rst = bits & 8;
				run->cnet.knobs.tcp_be_liberal = set.liberal;
				run->cnet.knobs.tcp_ignore_invalid_rst =
					set.ignore_rst;
				all_segments(run, &set, tally);
			}
		}
	}
	kunit_info(test, "%llu segments: %llu accepted, %llu noted, %llu passed, %llu refused, %llu renewed, %llu ended; %llu differ\n",
		   tally->judged, tally->verdicts[CT_ACCEPT],
		   tally->verdicts[CT_LEARN], tally->verdicts[CT_PASS], tally->verdicts[CT_REFUSE],
		   tally->verdicts[CT_RENEW], tally->verdicts[CT_END],
		   tally->differ);
	KUNIT_EXPECT_EQ(test, tally->differ, 0ULL);
	KUNIT_EXPECT_GT(test, tally->judged, 1000000ULL);
}

/* Each rule is the first that fits somewhere, and something fits everywhere. */
static void model_rules(struct kunit *test)
{
	bool used[ARRAY_SIZE(rules)] = {};
	const struct rule *rule;
	struct segment seg = {};
	unsigned int i, flags;

	for (i = 0; i < ARRAY_SIZE(scenes); i++) {
		for (flags = 0; flags < 32; flags++) {
			if (flags & ~(FIN | SYN | RST | ACK) || !ct_test_can_be(flags))
				continue;
			for (seg.dir = 0; seg.dir < 2; seg.dir++) {
				seg.flags = flags;
				rule = rule_for(&scenes[i], &seg);
				KUNIT_ASSERT_NOT_NULL(test, rule);
				used[rule - rules] = true;
			}
		}
	}
	for (i = 0; i < ARRAY_SIZE(rules); i++)
		KUNIT_EXPECT_TRUE_MSG(test, used[i], "%s", rules[i].section);
}

static struct kunit_case model_test_cases[] = {
	KUNIT_CASE(model_rules),
	KUNIT_CASE(model_states),
	{}
};

static struct kunit_suite model_suite = {
	.name = "ct_tcp_model",
	.test_cases = model_test_cases,
};

kunit_test_suites(&model_suite);
