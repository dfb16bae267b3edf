/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP on the short way: the segments that most connections are made of, read and
 * judged in few steps, inline, beside ct_proto_tcp.c.
 *
 * The judgements say what ct_tcp_judge() would have said, or that they do not know.
 * tests/kunit/ct_test_usual.c holds them against it.
 */
#ifndef CT_TCP_FAST_H
#define CT_TCP_FAST_H

#include <net/tcp.h>

#include "ct_fast.h"
#include "ct_flow.h"
#include "ct_net.h"
#include "ct_tcp.h"

/* Reading */

/* The flags that make a segment's kind, and the length of its header */
#define CT_TCP_SHAPE	(TCP_DATA_OFFSET | TCP_FLAG_ACK | TCP_FLAG_SYN | \
			 TCP_FLAG_FIN | TCP_FLAG_RST)
#define CT_TCP_SHAPED(flags, len)	((flags) | htonl((len) / 4 << 28))

static __always_inline void ct_tcp_read(const struct tcphdr *th,
					unsigned int hlen, int len,
					struct ct_tcp_seg *seg)
{
	seg->seq = ntohl(th->seq);
	seg->ack = ntohl(th->ack_seq);
	seg->end = seg->seq + len - hlen;
	seg->win = ntohs(th->window);
}

/* Is the header there? What only the long way reads of it is checked there. */
static __always_inline bool ct_tcp_is_whole(const struct ct_fast *f)
{
	const int least = sizeof(struct tcphdr);

	return skb_headlen(f->skb) >= ct_fast_hlen(f) + least &&
	       ct_fast_l4len(f) >= least;
}

/* Is it an acknowledgment without options, or with a time stamp only? */
static __always_inline bool ct_tcp_read_ack(const struct ct_fast *f,
					    struct ct_tcp_seg *seg)
{
	const struct tcphdr *th = ct_fast_l4(f);
	const unsigned int stamped = sizeof(*th) + TCPOLEN_TSTAMP_ALIGNED;
	__be32 shape = tcp_flag_word(th) & CT_TCP_SHAPE;
	int len = ct_fast_l4len(f);

	if (likely(shape == CT_TCP_SHAPED(TCP_FLAG_ACK, stamped))) {
		if (unlikely(len < (int)stamped || skb_headlen(f->skb) <
			     ct_fast_hlen(f) + stamped ||
			     !ct_tcp_has_stamp_only((const u8 *)(th + 1),
						    TCPOLEN_TSTAMP_ALIGNED)))
			return false;
		ct_tcp_read(th, stamped, len, seg);
	} else if (likely(shape == CT_TCP_SHAPED(TCP_FLAG_ACK, sizeof(*th)))) {
		ct_tcp_read(th, sizeof(*th), len, seg);
	} else {
		return false;
	}
	return true;
}

/* Is it a SYN, or one that acknowledges, with the options that most have? */
static __always_inline bool ct_tcp_read_syn(const struct ct_fast *f,
					    __be32 flags,
					    struct ct_tcp_seg *seg)
{
	const struct tcphdr *th = ct_fast_l4(f);
	const unsigned int hlen = sizeof(*th) + CT_TCP_SYN_OPTIONS;
	const u8 *opt = (const u8 *)(th + 1);
	int len = ct_fast_l4len(f);

	if ((tcp_flag_word(th) & CT_TCP_SHAPE) != CT_TCP_SHAPED(flags, hlen) ||
	    len < (int)hlen || skb_headlen(f->skb) < ct_fast_hlen(f) + hlen ||
	    !ct_tcp_has_usual_of_syn(opt, CT_TCP_SYN_OPTIONS))
		return false;
	ct_tcp_read(th, hlen, len, seg);
	seg->end++;
	seg->opts = CT_TCP_LAST_SACK |
		    ct_tcp_scale_option(opt + CT_TCP_SYN_SCALE);
	return true;
}

/* Judging */

/* after() of several pairs at once: is one of the differences negative? */
static inline bool ct_tcp_any_beyond(u32 differences)
{
	return (s32)differences < 0;
}

/**
 * ct_tcp_fast_first() - state of a connection that a SYN begins
 * @t: to be filled, zero
 * @seg: the SYN
 * @knobs: of the flow's namespace
 *
 * Return: jiffies until the flow ends.
 */
static __always_inline u32 ct_tcp_fast_first(struct ct_tcp *t,
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
 * ct_tcp_fast() - judge and apply the usual acknowledgment, with data or not
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
ct_tcp_fast(struct ct_tcp *t, enum ct_tcp_state from,
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
 * ct_tcp_fast_answer() - judge and apply the usual answer to a SYN
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
ct_tcp_fast_answer(struct ct_tcp *t, const struct ct_tcp_seg *seg,
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

#endif /* CT_TCP_FAST_H */
