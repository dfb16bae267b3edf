// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: windows, after G. van Rooij, "Real Stateful TCP Packet Filtering in IP
 * Filter" (2001), and what is learnt of the ends.
 *
 * Context
 *	Any. Nothing is changed but the state that the caller gives.
 *
 * RFC 9293 3.4 sequence numbers, 3.8.6 windows; RFC 7323 2.2 window scale; RFC 2018
 * SACK; RFC 7413 data in a SYN.
 */
#include <linux/module.h>
#include <net/tcp.h>

#include "ct_compat.h"
#include "ct_flow.h"
#include "ct_proto.h"
#include "ct_tcp.h"
#include "ct_tcp_window.h"

/**
 * struct edges - where a segment lies
 * @seq: where it begins
 * @end: behind its end
 * @ack: what it acknowledges
 * @sack: the highest of that, selective acknowledgments included
 */
struct edges {
	u32 seq;
	u32 end;
	u32 ack;
	u32 sack;
};

static u32 max_window(const struct ct_tcp_peer *p)
{
	return (u32)p->maxwin << p->scale;
}

static void set_max_window(struct ct_tcp_peer *p, u32 win)
{
	p->maxwin = min_t(u32, DIV_ROUND_UP(win, 1U << p->scale), U16_MAX);
}

static void set_scale(struct ct_tcp_peer *p, u8 scale)
{
	u32 win = max_window(p);

	p->scale = scale;
	set_max_window(p, win);
}

/**
 * ct_tcp_set_options() - what an end offered in its SYN
 * @p: the end
 * @opts: as ct_tcp_seg.opts
 */
void ct_tcp_set_options(struct ct_tcp_peer *p, u8 opts)
{
	p->flags &= ~(CT_TCP_F_SACK | CT_TCP_F_WSCALE);
	p->flags |= ct_tcp_offers(opts);
	set_scale(p, opts & CT_TCP_LAST_SCALE);
}

/**
 * ct_tcp_meet_syn() - an end's SYN: sequence numbers begin here
 * @s: the end
 * @seg: the SYN
 *
 * Its window is not scaled. Until there is an answer, maxend is behind the SYN, and
 * end behind its data (RFC 7413).
 */
void ct_tcp_meet_syn(struct ct_tcp_peer *s, const struct ct_tcp_seg *seg)
{
	memset(s, 0, sizeof(*s));
	s->flags = CT_TCP_F_SEEN;
	s->end = seg->end;
	s->maxend = seg->seq + 1;
	ct_tcp_set_options(s, seg->opts);
	set_max_window(s, max_t(u32, seg->win, 1));
}

/**
 * ct_tcp_meet_middle() - an end's first segment, in the middle of a connection
 * @s: the end
 * @r: the other end
 * @seg: the segment
 */
void ct_tcp_meet_middle(struct ct_tcp_peer *s, struct ct_tcp_peer *r,
			const struct ct_tcp_seg *seg)
{
	s->flags |= CT_TCP_F_SEEN;
	s->end = seg->end;
	set_max_window(s, max_t(u32, (u32)seg->win << s->scale, 1));
	s->maxend = seg->end + max_window(s);
	if (!seg->has_ack)
		return;
	if (!(r->flags & CT_TCP_F_SEEN)) {
		r->end = seg->sack;
		r->maxend = seg->sack;
	} else if (seg->sack == r->end + 1) {
		r->end++;	/* answer to a keep-alive (RFC 9293, 3.8.4) */
	}
}

/**
 * ct_tcp_settle_scale() - windows are scaled if both ends offered it
 * @a: one end
 * @b: the other
 *
 * RFC 7323, 2.2.
 */
void ct_tcp_settle_scale(struct ct_tcp_peer *a, struct ct_tcp_peer *b)
{
	if (a->flags & b->flags & CT_TCP_F_WSCALE)
		return;
	set_scale(a, 0);
	set_scale(b, 0);
}

/*
 * An end's SYN, the other end's came before. It may send at once what the other
 * one's SYN had a window for: it need not wait for the third segment (RFC 7413,
 * 2), and the tracker may not see that.
 */
static void meet_other(struct ct_tcp_peer *s, const struct ct_tcp_peer *r)
{
	s->maxend = s->end + max_window(r);
}

/*
 * Where both ends have sent a SYN, one of these may be forged: who acknowledges the
 * other one to the bit is believed.
 */
static bool begins_again(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
			 enum ip_conntrack_dir dir)
{
	const struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];

	return t->state == CT_TCP_SYN_SENT2 && seg->kind == CT_TCP_K_SYNACK &&
	       seg->ack == r->end && seg->end != s->end;
}

static void meet(struct ct_tcp *t, const struct ct_tcp_seg *seg,
		 enum ip_conntrack_dir dir)
{
	struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];

	if (ct_tcp_is_syn(seg) && (!(s->flags & CT_TCP_F_SEEN) ||
				   begins_again(t, seg, dir))) {
		ct_tcp_meet_syn(s, seg);
		if (r->flags & CT_TCP_F_SEEN)
			meet_other(s, r);
	} else if (!(s->flags & CT_TCP_F_SEEN)) {
		ct_tcp_meet_middle(s, r, seg);
	}
	if (seg->kind == CT_TCP_K_SYNACK)
		ct_tcp_settle_scale(s, r);
}

/*
 * 3.10.7.3: the answer to a SYN acknowledges it, and what came with it at most.
 * What is too high is found by the windows.
 */
static bool misses_syn(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
		       const struct ct_tcp_peer *r)
{
	if (seg->kind != CT_TCP_K_SYNACK)
		return false;
	if (t->state == CT_TCP_SYN_SENT)
		return before(seg->ack, r->maxend);
	return t->state == CT_TCP_SYN_SENT2 && before(seg->ack, r->end);
}

/*
 * What began in the window and was longer shows that there is more room than was
 * said: what follows it without a hole may come too.
 */
static bool continues(const struct ct_tcp_peer *s, const struct ct_tcp_peer *r,
		      u32 seq)
{
	return seq == s->end && !(s->flags & CT_TCP_F_UNSURE) &&
	       !after(seq, s->maxend + max_window(r));
}

/*
 * Which of van Rooij's four bounds does a segment break? CT_R_OK and @old set:
 * only a lower one, by data or acknowledgments long past, which do no harm. What
 * was sent beyond the window does not make anything older.
 */
static enum ct_reason check_window(const struct ct_tcp_peer *s,
				   const struct ct_tcp_peer *r,
				   const struct edges *e, bool *old)
{
	u32 ack_window = max(CT_TCP_ACK_WINDOW_MIN, max_window(s));
	u32 window = max_window(r);

	*old = false;
	if (after(e->seq, s->maxend) && after(e->end, s->maxend) &&
	    !continues(s, r, e->seq))
		return CT_R_TCP_SEQ_OVER;
	if (after(e->sack, r->end))
		return CT_R_TCP_ACK_OVER;
	if (r->maxwin && before(e->end, s->end - window) &&
	    before(e->end, s->maxend - window))
		*old = true;
	if (before(e->ack, r->end - ack_window) &&
	    before(e->ack, r->maxend - ack_window))
		*old = true;
	return CT_R_OK;
}

static void update_end(struct ct_tcp_peer *s, struct ct_tcp_peer *r,
		       const struct ct_tcp_seg *seg)
{
	u32 more = seg->end - s->maxend;

	if (!after(seg->end, s->end))
		return;
	if (r->maxwin && after(seg->end, s->maxend) &&
	    !after(seg->seq, s->maxend))
		set_max_window(r, max_window(r) + more);
	if (after(seg->seq, s->end))
		s->flags |= CT_TCP_F_UNSURE;
	s->end = seg->end;
	s->flags |= CT_TCP_F_UNACKED;
}

static void update_window(struct ct_tcp_peer *s, struct ct_tcp_peer *r,
			  const struct ct_tcp_seg *seg, const struct edges *e)
{
	u32 win = ct_tcp_is_syn(seg) ? seg->win : (u32)seg->win << s->scale;
	u32 offered = win + (e->sack - e->ack);

	if (max_window(s) < offered)
		set_max_window(s, offered);
	update_end(s, r, seg);
	if (seg->has_ack && seg->kind != CT_TCP_K_RST) {
		if (!(s->flags & CT_TCP_F_MAXACK) || after(e->ack, s->maxack))
			s->maxack = e->ack;
		s->flags |= CT_TCP_F_MAXACK;
	}
	if (after(e->sack + win, r->maxend - 1)) {
		r->maxend = e->sack + win;
		if (!win)
			r->maxend++;	/* a window probe (RFC 9293, 3.8.6.1) */
	}
	if (e->ack == r->end)
		r->flags &= ~(CT_TCP_F_UNACKED | CT_TCP_F_UNSURE);
}

/* What the segment is to be held against the windows with */
static void take_edges(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
		       enum ip_conntrack_dir dir, struct edges *e)
{
	const struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];

	e->seq = seg->seq;
	e->end = seg->end;
	e->ack = seg->ack;
	e->sack = seg->sack;
	if (!seg->has_ack ||
	    (seg->rst_ack && (!seg->ack || !(r->flags & CT_TCP_F_SEEN))))
		e->ack = r->end;	/* nothing is acknowledged, or nobody knows what */
	if (e->ack != seg->ack || !(r->flags & CT_TCP_F_SACK))
		e->sack = e->ack;
	if (seg->kind == CT_TCP_K_RST && !e->seq &&
	    t->state == CT_TCP_SYN_SENT) {
		e->seq = s->end;	/* RFC 9293, 3.5.2: answers a SYN */
		e->end = s->end;
	}
}

/**
 * ct_tcp_window() - hold a segment against the windows and move them
 * @t: the connection
 * @seg: the segment
 * @dir: its direction
 * @liberal: judge only resets by the window
 * @old: set where it is a straggler that moves nothing
 *
 * Return: CT_R_OK, or which bound it breaks.
 */
enum ct_reason ct_tcp_window(struct ct_tcp *t, const struct ct_tcp_seg *seg,
			     enum ip_conntrack_dir dir, bool liberal, bool *old)
{
	struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];
	enum ct_reason reason;
	struct edges e CT_UNINIT;

	meet(t, seg, dir);
	take_edges(t, seg, dir, &e);
	*old = misses_syn(t, seg, r);
	if (*old)
		return CT_R_OK;
	reason = check_window(s, r, &e, old);
	if (liberal || (s->flags | r->flags) & CT_TCP_F_LIBERAL) {
		if (seg->kind != CT_TCP_K_RST)
			reason = CT_R_OK;
		*old = false;
	}
	if (!reason && !*old)
		update_window(s, r, seg, &e);
	return reason;
}

/* Could a refused acknowledgment be of data that came this way, or another? */
static bool is_near(const struct ct_tcp_peer *s, const struct ct_tcp_peer *r,
		    const struct ct_tcp_seg *seg)
{
	u32 window = max(CT_TCP_ACK_WINDOW_MIN, max_window(s));

	return !after(seg->ack, r->end + min(window, CT_TCP_REACH_MAX)) &&
	       !before(seg->ack, r->end - window);
}

/**
 * ct_tcp_remember() - a segment is refused, but may reach its receiver
 * @flow: its flow
 * @seg: the segment
 * @dir: its direction
 * @j: the judgement, a refusal
 *
 * Data that is beyond the window by less
 * than another one may be taken: where it ends is noted, and fits the
 * acknowledgment that proves it. An acknowledgment from beyond the window, by who
 * knows to the bit what comes next, proves data that was refused, or took another
 * path. Nothing else is believed of either: no window, no state, no timeout.
 */
void ct_tcp_remember(const struct ct_flow *flow, const struct ct_tcp_seg *seg,
		     enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	struct ct_tcp *t = &j->next.tcp;
	struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];
	u32 reach = min(max_window(r), CT_TCP_REACH_MAX);
	bool proves;

	j->next = flow->state;
	if (seg->kind == CT_TCP_K_RST || ct_tcp_is_syn(seg) ||
	    !(s->flags & r->flags & CT_TCP_F_SEEN))
		return;
	proves = seg->seq == s->end && !(s->flags & CT_TCP_F_UNSURE) &&
		 !(r->flags & CT_TCP_F_FIN) && after(seg->ack, r->end) &&
		 after(seg->ack, r->maxend) &&
		 !after(seg->ack, r->maxend + CT_TCP_REACH_MAX);
	if ((proves || is_near(s, r, seg)) && !(s->flags & CT_TCP_F_FIN) &&
	    seg->end != seg->seq && after(seg->end, s->end) &&
	    !after(seg->end, s->maxend + reach)) {
		s->end = seg->end;
		s->flags |= CT_TCP_F_UNSURE;
		j->stays = false;
	}
	if (proves) {
		r->end = seg->ack;
		r->flags |= CT_TCP_F_UNSURE;
		j->stays = false;
	}
}
