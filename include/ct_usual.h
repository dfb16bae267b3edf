/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The usual packet: of a flow that goes on as it was, but for the sequence
 * numbers of TCP, or that begins, is answered, or has its handshake complete.
 * Judgements in few steps, inline, for ct_plain.c.
 *
 * They say what ct_udp_judge() and ct_tcp_judge() would have said, or that they
 * do not know. tests/kunit/ct_test_usual.c holds them against those.
 */
#ifndef CT_USUAL_H
#define CT_USUAL_H

#include <net/tcp.h>

#include "ct_flow.h"
#include "ct_net.h"
#include "ct_tcp.h"

/**
 * ct_udp_usual() - judge a UDP packet of a flow that stays as it is
 * @flow: the flow, its lock held
 * @status: its status
 * @dir: direction of the packet
 * @now: when it came
 * @knobs: of the flow's namespace
 * @timeout: set to jiffies until the flow ends
 *
 * Return: false if the packet changes the flow: ct_udp_judge() knows how.
 */
static __always_inline bool
ct_udp_usual(const struct ct_flow *flow, u32 status, enum ip_conntrack_dir dir,
	     u32 now, const struct ct_knobs *knobs, u32 *timeout)
{
	enum ct_timeout to = CT_TO_UDP;

	if (status & IPS_SEEN_REPLY) {
		if (status & IPS_ASSURED)
			to = CT_TO_UDP_STREAM;
		else if (unlikely(ct_left(flow->state.udp.stream_from, now) < 0))
			return false;	/* has become a stream */
		else if (dir == IP_CT_DIR_REPLY &&
			 READ_ONCE(knobs->timeout[CT_TO_UDP_ANSWERED]))
			return false;	/* may be the last answer */
	} else if (dir == IP_CT_DIR_REPLY) {
		return false;		/* is the first reply */
	}
	*timeout = READ_ONCE(knobs->timeout[to]);
	return true;
}

/**
 * ct_udp_usual_answer() - judge the first reply in UDP
 * @status: status of the flow, its lock held
 * @dir: direction of the packet
 * @knobs: of the flow's namespace
 * @timeout: set to jiffies until the flow ends
 *
 * Return: false if it is another packet, or may be the last answer.
 */
static __always_inline bool
ct_udp_usual_answer(u32 status, enum ip_conntrack_dir dir,
		    const struct ct_knobs *knobs, u32 *timeout)
{
	if (status & IPS_SEEN_REPLY || dir == IP_CT_DIR_ORIGINAL ||
	    READ_ONCE(knobs->timeout[CT_TO_UDP_ANSWERED]))
		return false;
	*timeout = READ_ONCE(knobs->timeout[CT_TO_UDP]);
	return true;
}

/* after() of several pairs at once: is one of the differences negative? */
static inline bool ct_tcp_any_beyond(u32 differences)
{
	return (s32)differences < 0;
}

/**
 * ct_udp_usual_first() - state of a flow that a datagram begins
 * @udp: to be filled
 * @now: when it came
 * @knobs: of the flow's namespace
 *
 * Return: jiffies until the flow ends.
 */
static __always_inline u32 ct_udp_usual_first(struct ct_udp *udp, u32 now,
					      const struct ct_knobs *knobs)
{
	udp->stream_from = now + CT_UDP_STREAM_AFTER;
	return READ_ONCE(knobs->timeout[CT_TO_UDP]);
}

/**
 * ct_tcp_usual_first() - state of a connection that a SYN begins
 * @t: to be filled, zero
 * @seg: the SYN
 * @knobs: of the flow's namespace
 *
 * Return: jiffies until the flow ends.
 */
static __always_inline u32 ct_tcp_usual_first(struct ct_tcp *t,
					      const struct ct_tcp_seg *seg,
					      const struct ct_knobs *knobs)
{
	struct ct_tcp_peer *s = &t->peer[IP_CT_DIR_ORIGINAL];
	u32 timeout = READ_ONCE(knobs->timeout[CT_TO_TCP_SYN_SENT]);

	s->end = seg->end;
	s->maxend = seg->seq + 1;
	s->scale = seg->opts & CT_TCP_LAST_SCALE;
	s->maxwin = DIV_ROUND_UP(max_t(u32, seg->win, 1), 1U << s->scale);
	s->flags = CT_TCP_F_SEEN | ct_tcp_offers(seg->opts);
	t->state = CT_TCP_SYN_SENT;
	t->last = ct_tcp_last(CT_TCP_K_SYN, IP_CT_DIR_ORIGINAL);
	t->last_mark = seg->seq;
	if (unlikely(!READ_ONCE(knobs->tcp_max_retrans)))
		timeout = min(timeout,
			      READ_ONCE(knobs->timeout[CT_TO_TCP_RETRANS]));
	return timeout;
}

/**
 * ct_tcp_usual() - judge and apply the usual acknowledgment, with data or not
 * @t: the connection, the flow lock held
 * @from: the state that it is to be in: CT_TCP_ESTABLISHED, its flow answered
 *	and assured, or CT_TCP_SYN_RECV, its flow answered: the segment then
 *	completes the handshake (RFC 9293, 3.5), and the flow is assured
 * @dir: direction of the segment; the original one from CT_TCP_SYN_RECV
 * @seg: @seq, @ack, @end and @win of a segment of kind CT_TCP_K_ACK that has no
 *	SACK blocks
 * @knobs: of the flow's namespace
 * @timeout: set to jiffies until the flow ends
 *
 * All of van Rooij's bounds must hold, none by grace, so that it makes no
 * difference whether they are enforced; and there is no hole before the segment.
 *
 * Return: false if there is more to it, and nothing has been changed.
 */
static __always_inline bool
ct_tcp_usual(struct ct_tcp *t, enum ct_tcp_state from,
	     enum ip_conntrack_dir dir, const struct ct_tcp_seg *seg,
	     const struct ct_knobs *knobs, u32 *timeout)
{
	struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];
	const u8 flags = CT_TCP_F_SEEN |
			 (from == CT_TCP_ESTABLISHED ? CT_TCP_F_MAXACK : 0);
	u32 mark = ct_tcp_mark(seg), widest, edge;
	u8 last = ct_tcp_last(CT_TCP_K_ACK, dir);

	if (unlikely(t->state != from || (s->flags & flags) != flags ||
		     !seg->win || !READ_ONCE(knobs->tcp_max_retrans)))
		return false;
	if (unlikely(t->last_mark == mark && t->last == last))
		return false;		/* is a repeated one */
	widest = max(CT_TCP_ACK_WINDOW_MIN, (u32)s->maxwin << s->scale);
	/* What begins where it is known to have sent is not beyond @s->maxend. */
	if (unlikely(ct_tcp_any_beyond((s->end - seg->seq) |
				       (s->maxend - seg->end) |
				       (r->end - seg->ack) |
				       (seg->end - s->end +
					((u32)r->maxwin << r->scale)) |
				       (seg->ack - r->end + widest))))
		return false;

	if (unlikely(s->maxwin < seg->win))
		s->maxwin = seg->win;
	if (after(seg->end, s->end)) {
		s->end = seg->end;
		s->flags |= CT_TCP_F_UNACKED;
	}
	if ((from == CT_TCP_SYN_RECV && !(s->flags & CT_TCP_F_MAXACK)) ||
	    after(seg->ack, s->maxack))
		s->maxack = seg->ack;
	edge = seg->ack + ((u32)seg->win << s->scale);
	if (after(edge, r->maxend - 1))
		r->maxend = edge;
	if (seg->ack == r->end)
		r->flags &= ~(CT_TCP_F_UNACKED | CT_TCP_F_UNSURE);
	if (from == CT_TCP_SYN_RECV) {
		s->flags |= CT_TCP_F_MAXACK;
		t->state = CT_TCP_ESTABLISHED;
	}
	t->last = last;
	t->last_mark = mark;
	t->retrans = 0;

	*timeout = READ_ONCE(knobs->timeout[CT_TO_TCP_ESTABLISHED]);
	if ((s->flags | r->flags) & CT_TCP_F_UNACKED)
		*timeout = min(*timeout,
			       READ_ONCE(knobs->timeout[CT_TO_TCP_UNACK]));
	return true;
}

/**
 * ct_tcp_usual_answer() - judge and apply the usual answer to a SYN
 * @t: the connection, the flow lock held
 * @seg: a segment of kind CT_TCP_K_SYNACK in reply direction
 * @knobs: of the flow's namespace
 * @timeout: set to jiffies until the flow ends
 *
 * It acknowledges the SYN, and both scale their windows (RFC 9293, 3.5;
 * RFC 7323, 2.2).
 *
 * Return: false if there is more to it, and nothing has been changed.
 */
static __always_inline bool
ct_tcp_usual_answer(struct ct_tcp *t, const struct ct_tcp_seg *seg,
		    const struct ct_knobs *knobs, u32 *timeout)
{
	struct ct_tcp_peer *s = &t->peer[IP_CT_DIR_REPLY];
	struct ct_tcp_peer *r = &t->peer[IP_CT_DIR_ORIGINAL];
	const u8 asked = CT_TCP_F_SEEN | CT_TCP_F_WSCALE;
	u32 edge = seg->ack + seg->win;

	if (t->state != CT_TCP_SYN_SENT || s->flags & CT_TCP_F_SEEN ||
	    (r->flags & asked) != asked || seg->ack != r->end || !seg->win ||
	    !(seg->opts & CT_TCP_LAST_WSCALE) ||
	    !READ_ONCE(knobs->tcp_max_retrans))
		return false;
	s->end = seg->end;
	s->maxend = seg->end + ((u32)r->maxwin << r->scale);
	s->maxack = seg->ack;
	s->scale = seg->opts & CT_TCP_LAST_SCALE;
	s->maxwin = DIV_ROUND_UP(seg->win, 1U << s->scale);
	s->flags = CT_TCP_F_SEEN | CT_TCP_F_MAXACK | ct_tcp_offers(seg->opts);
	if (after(edge, r->maxend - 1))
		r->maxend = edge;
	r->flags &= ~(CT_TCP_F_UNACKED | CT_TCP_F_UNSURE);
	t->state = CT_TCP_SYN_RECV;
	t->last = ct_tcp_last(CT_TCP_K_SYNACK, IP_CT_DIR_REPLY);
	t->last_mark = seg->seq;
	t->retrans = 0;
	*timeout = READ_ONCE(knobs->timeout[CT_TO_TCP_SYN_RECV]);
	return true;
}

#endif /* CT_USUAL_H */
