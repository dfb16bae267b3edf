// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: states, windows, timeouts.
 *
 * Overview
 *	A segment moves the state by table (transitions[]), from what a host
 *	between the ends can know of RFC 9293's states, and is held against the
 *	windows of both ends (ct_tcp_window.c). Where only the ends can tell, because the
 *	tracker may have missed something, the segment is let through without a
 *	change (CT_PASS), and the other end's answer decides. If that answer can
 *	only be known by the question, the question is noted (CT_LEARN).
 *
 *	What is refused goes on to its receiver, unless a rule drops it, and may be
 *	taken there. So data beyond the window moves its sender's end, unsure, as
 *	far as one more window (ct_tcp_remember()): the acknowledgment, which is the
 *	proof, then fits, and the connection goes on.
 *
 * Sources
 *	RFC 9293 3.3.2 states, 3.4 sequence numbers, 3.5 opening, 3.5.1 half-open
 *	connections, 3.5.2 resets, 3.6 closing, 3.6.1 reuse from TIME-WAIT,
 *	3.10.7.3 SYN-SENT; RFC 7323 2.2 window scale; RFC 2018 SACK; RFC 5961 3
 *	resets, 4 SYN in a connection; RFC 7413 data in a SYN.
 *
 * Context
 *	Any. judge() is pure: it works on a copy of the state.
 */
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/tcp.h>
#include <net/tcp.h>

#include "ct_compat.h"
#include "ct_proto.h"
#include "ct_tcp.h"
#include "ct_tcp_window.h"
#include "ct_text.h"

static const char *const state_names[CT_TCP_STATES] = {
	[CT_TCP_NONE]		= "NONE",
	[CT_TCP_SYN_SENT]	= "SYN_SENT",
	[CT_TCP_SYN_RECV]	= "SYN_RECV",
	[CT_TCP_ESTABLISHED]	= "ESTABLISHED",
	[CT_TCP_FIN_WAIT]	= "FIN_WAIT",
	[CT_TCP_CLOSE_WAIT]	= "CLOSE_WAIT",
	[CT_TCP_LAST_ACK]	= "LAST_ACK",
	[CT_TCP_TIME_WAIT]	= "TIME_WAIT",
	[CT_TCP_CLOSE]		= "CLOSE",
	[CT_TCP_SYN_SENT2]	= "SYN_SENT2",
};

static const u8 state_timeouts[CT_TCP_STATES] = {
	[CT_TCP_NONE]		= CT_TO_TCP_CLOSE,
	[CT_TCP_SYN_SENT]	= CT_TO_TCP_SYN_SENT,
	[CT_TCP_SYN_RECV]	= CT_TO_TCP_SYN_RECV,
	[CT_TCP_ESTABLISHED]	= CT_TO_TCP_ESTABLISHED,
	[CT_TCP_FIN_WAIT]	= CT_TO_TCP_FIN_WAIT,
	[CT_TCP_CLOSE_WAIT]	= CT_TO_TCP_CLOSE_WAIT,
	[CT_TCP_LAST_ACK]	= CT_TO_TCP_LAST_ACK,
	[CT_TCP_TIME_WAIT]	= CT_TO_TCP_TIME_WAIT,
	[CT_TCP_CLOSE]		= CT_TO_TCP_CLOSE,
	[CT_TCP_SYN_SENT2]	= CT_TO_TCP_SYN_SENT,
};

/*
 * The state after a segment, by direction, kind and state before. INV: cannot
 * be; IGN: only the ends can tell, let it through.
 */
enum {
	NON = CT_TCP_NONE,
	SNT = CT_TCP_SYN_SENT,
	RCV = CT_TCP_SYN_RECV,
	EST = CT_TCP_ESTABLISHED,
	FWT = CT_TCP_FIN_WAIT,
	CWT = CT_TCP_CLOSE_WAIT,
	LAK = CT_TCP_LAST_ACK,
	TWT = CT_TCP_TIME_WAIT,
	CLO = CT_TCP_CLOSE,
	SN2 = CT_TCP_SYN_SENT2,
	INV,
	IGN,
};

static const u8 transitions[2][CT_TCP_KINDS][CT_TCP_STATES] = {
	[IP_CT_DIR_ORIGINAL] = {
		/*	NON  SNT  RCV  EST  FWT  CWT  LAK  TWT  CLO  SN2 */
		/* 3.5; 3.5.1 in a connection (RFC 5961, 4); 3.6.1 after one */
		[CT_TCP_K_SYN] = {
			SNT, SNT, IGN, IGN, IGN, IGN, IGN, SNT, SNT, SN2 },
		/* Only where both ends opened (3.5, figure 7) */
		[CT_TCP_K_SYNACK] = {
			INV, INV, RCV, INV, INV, INV, INV, INV, INV, RCV },
		/* 3.6 */
		[CT_TCP_K_FIN] = {
			INV, INV, FWT, FWT, LAK, LAK, LAK, TWT, CLO, INV },
		/* From NON: picked up in the middle */
		[CT_TCP_K_ACK] = {
			EST, INV, EST, EST, CWT, CWT, TWT, TWT, CLO, INV },
		/* 3.5.2 */
		[CT_TCP_K_RST] = {
			INV, CLO, CLO, CLO, CLO, CLO, CLO, CLO, CLO, CLO },
	},
	[IP_CT_DIR_REPLY] = {
		/*	NON  SNT  RCV  EST  FWT  CWT  LAK  TWT  CLO  SN2 */
		/* Both ends open (3.5, figure 7); 3.6.1 by the other end */
		[CT_TCP_K_SYN] = {
			INV, SN2, INV, INV, INV, INV, INV, SNT, INV, SN2 },
		/* Repeated, or answer to a SYN that was let through */
		[CT_TCP_K_SYNACK] = {
			INV, RCV, IGN, IGN, IGN, IGN, IGN, IGN, IGN, RCV },
		/* 3.6 */
		[CT_TCP_K_FIN] = {
			INV, INV, FWT, FWT, LAK, LAK, LAK, TWT, CLO, INV },
		/* To a SYN: half-open connection (3.5.1, figure 8) */
		[CT_TCP_K_ACK] = {
			INV, IGN, RCV, EST, CWT, CWT, TWT, TWT, CLO, IGN },
		/* 3.5.2 */
		[CT_TCP_K_RST] = {
			INV, CLO, CLO, CLO, CLO, CLO, CLO, CLO, CLO, CLO },
	},
};

/* Reading */

#define CT_FIN	0x01
#define CT_SYN	0x02
#define CT_RST	0x04
#define CT_ACK	0x10

#define CT_KIND(kind)	(CT_TCP_K_NONE - CT_TCP_K_##kind)

/*
 * By those four flags; no others matter. What is not here cannot be: its 0 stands
 * for CT_TCP_K_NONE.
 */
static const u8 kinds[CT_FIN + CT_SYN + CT_RST + CT_ACK + 1] = {
	[CT_SYN]		= CT_KIND(SYN),
	[CT_SYN | CT_ACK]	= CT_KIND(SYNACK),
	[CT_FIN | CT_ACK]	= CT_KIND(FIN),
	[CT_ACK]		= CT_KIND(ACK),
	[CT_RST]		= CT_KIND(RST),
	[CT_RST | CT_ACK]	= CT_KIND(RST),
};

static enum ct_tcp_kind segment_kind(const struct tcphdr *th)
{
	u8 flags = ((const u8 *)th)[13];

	return CT_TCP_K_NONE -
	       kinds[flags & (CT_FIN | CT_SYN | CT_RST | CT_ACK)];
}

static void read_option(struct ct_tcp_seg *seg, const u8 *opt, unsigned int len)
{
	u32 edge;

	switch (opt[0]) {
	case TCPOPT_WINDOW:
		if (ct_tcp_is_syn(seg) && len == TCPOLEN_WINDOW)
			seg->opts |= ct_tcp_scale_option(opt);
		break;
	case TCPOPT_SACK_PERM:
		if (ct_tcp_is_syn(seg) && len == TCPOLEN_SACK_PERM)
			seg->opts |= CT_TCP_LAST_SACK;
		break;
	case TCPOPT_SACK:
		if (ct_tcp_is_syn(seg) ||
		    (len - TCPOLEN_SACK_BASE) % TCPOLEN_SACK_PERBLOCK)
			break;
		for (opt += 2, len -= 2; len; opt += 8, len -= 8) {
			edge = get_unaligned_be32(opt + 4);
			if (after(edge, seg->sack))
				seg->sack = edge;
		}
		break;
	}
}

static noinline enum ct_reason parse_options(struct ct_tcp_seg *seg,
					     const u8 *opt, unsigned int len)
{
	unsigned int size;

	while (len) {
		if (*opt == TCPOPT_EOL)
			break;
		if (*opt == TCPOPT_NOP) {
			opt++, len--;
			continue;
		}
		if (len < 2 || opt[1] < 2 || opt[1] > len)
			return CT_R_TCP_OPTIONS;
		size = opt[1];
		read_option(seg, opt, size);
		opt += size;
		len -= size;
	}
	return CT_R_OK;
}

static __always_inline enum ct_reason
read_options(struct ct_tcp_seg *seg, const u8 *opt, unsigned int len)
{
	if (!len || likely(ct_tcp_has_stamp_only(opt, len)))
		return CT_R_OK;
	if (ct_tcp_is_syn(seg) && likely(ct_tcp_has_usual_of_syn(opt, len))) {
		seg->opts = CT_TCP_LAST_SACK |
			    ct_tcp_scale_option(opt + CT_TCP_SYN_SCALE);
		return CT_R_OK;
	}
	return parse_options(seg, opt, len);
}

/* The header is whole, but for options. Sets their length. */
static __always_inline enum ct_reason
take(struct ct_pkt *pkt, const struct tcphdr *th, unsigned int *options)
{
	struct ct_tcp_seg *seg = &pkt->tcp;
	unsigned int hlen = th->doff * 4;

	if (unlikely(pkt->l4len < sizeof(*th)))
		return CT_R_L4_HEADER;
	if (unlikely(hlen < sizeof(*th) || hlen > pkt->l4len))
		return CT_R_L4_LENGTH;
	seg->kind = segment_kind(th);
	if (unlikely(seg->kind == CT_TCP_K_NONE))
		return CT_R_TCP_FLAGS;

	pkt->tuple.sport = th->source;
	pkt->tuple.dport = th->dest;
	seg->seq = ntohl(th->seq);
	seg->has_ack = th->ack;
	seg->rst_ack = th->rst && th->ack;
	seg->ack = th->ack ? ntohl(th->ack_seq) : 0;
	seg->end = seg->seq + pkt->l4len - hlen + th->syn + th->fin;
	seg->sack = seg->ack;
	seg->win = ntohs(th->window);
	seg->opts = 0;
	*options = hlen - sizeof(*th);
	return ct_checksum(pkt);
}

static noinline enum ct_reason copy(struct ct_pkt *pkt)
{
	unsigned int len, at = pkt->l4off + sizeof(struct tcphdr);
	u8 opt[MAX_TCP_OPTION_SPACE] CT_UNINIT;
	struct tcphdr buf CT_UNINIT;
	enum ct_reason reason;

	if (skb_copy_bits(pkt->skb, pkt->l4off, &buf, sizeof(buf)))
		return CT_R_L4_HEADER;
	reason = take(pkt, &buf, &len);
	if (reason)
		return reason;
	if (skb_copy_bits(pkt->skb, at, opt, len))
		return CT_R_L4_HEADER;
	return read_options(&pkt->tcp, opt, len);
}

/**
 * ct_tcp_check() - read a TCP header
 * @pkt: the packet
 *
 * Context: any.
 *
 * Return: CT_R_OK, or what is wrong with it.
 */
enum ct_reason ct_tcp_check(struct ct_pkt *pkt)
{
	const struct tcphdr *th = ct_in_head(pkt->skb, pkt->l4off, sizeof(*th));
	enum ct_reason reason;
	unsigned int len;

	if (unlikely(!th || !ct_in_head(pkt->skb, pkt->l4off, th->doff * 4)))
		return copy(pkt);
	reason = take(pkt, th, &len);
	if (unlikely(reason))
		return reason;
	return read_options(&pkt->tcp, (const u8 *)(th + 1), len);
}

/* Judging */

static void note(struct ct_tcp *t, const struct ct_tcp_seg *seg,
		 enum ip_conntrack_dir dir, u32 mark)
{
	t->last = ct_tcp_last(seg->kind, dir);
	t->last_mark = mark;
}

/* Was the last segment of this kind, and from the other end? */
static bool last_of_other(const struct ct_tcp *t, enum ct_tcp_kind kind,
			  enum ip_conntrack_dir dir)
{
	bool reply = t->last & CT_TCP_LAST_REPLY;

	return (t->last & CT_TCP_LAST_KIND) == kind && reply != (bool)dir;
}

static void count_repeats(struct ct_tcp *t, const struct ct_tcp_seg *seg,
			  enum ip_conntrack_dir dir)
{
	u32 mark;

	if (seg->kind != CT_TCP_K_ACK) {
		note(t, seg, dir, seg->seq);
		t->retrans = 0;
		return;
	}
	mark = ct_tcp_mark(seg);
	if (t->last_mark == mark && t->last == ct_tcp_last(seg->kind, dir)) {
		if (t->retrans < U8_MAX)
			t->retrans++;
		return;
	}
	note(t, seg, dir, mark);
	t->retrans = 0;
}

/* Is it the answer that the SYN of this connection got already? */
static bool answers_again(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
			  enum ip_conntrack_dir dir)
{
	const struct ct_tcp_peer *s = &t->peer[dir];

	return t->state == CT_TCP_SYN_RECV && s->flags & CT_TCP_F_MAXACK &&
	       seg->seq + 1 == s->end && seg->ack == s->maxack;
}

/*
 * Who got no answer may begin again with another sequence number, or somebody else
 * does in his name. The first SYN stays, and this one is kept beside it as a SYN in a
 * connection is: the answer says which of them it is for.
 */
static bool is_other_syn(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
			 enum ip_conntrack_dir dir)
{
	return t->state == CT_TCP_SYN_SENT && seg->kind == CT_TCP_K_SYN &&
	       dir == IP_CT_DIR_ORIGINAL && seg->seq + 1 != t->peer[dir].maxend;
}

/* In SYN_SENT: does it acknowledge that one, and not the first? */
static bool acks_other_syn(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
			   enum ip_conntrack_dir dir)
{
	const struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];
	u32 taken = seg->ack - t->last_mark - 1;	/* of its data */

	return dir == IP_CT_DIR_REPLY && taken <= s->maxack &&
	       t->last_mark + 1 != r->maxend &&
	       (before(seg->ack, r->maxend) || after(seg->ack, r->end));
}

/* Is it the answer to a SYN that was let through beside the connection's own? */
static bool answers_other_syn(const struct ct_tcp *t,
			      const struct ct_tcp_seg *seg,
			      enum ip_conntrack_dir dir)
{
	if (seg->kind != CT_TCP_K_SYNACK ||
	    !last_of_other(t, CT_TCP_K_SYN, dir))
		return false;
	if (t->state == CT_TCP_SYN_SENT)
		return acks_other_syn(t, seg, dir);
	return seg->ack == t->last_mark + 1 && !answers_again(t, seg, dir);
}

/*
 * A segment that says something only to the ends. A SYN in a connection is
 * answered with an acknowledgment if the connection lives (RFC 5961, 4), or
 * with a SYN of its own if it does not: then what the tracker knew was old.
 */
static void judge_stray(const struct ct_pkt *pkt, enum ip_conntrack_dir dir,
			struct ct_judgement *j)
{
	const struct ct_tcp_seg *seg = &pkt->tcp;
	struct ct_tcp *t = &j->next.tcp;
	struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];

	if (answers_other_syn(t, seg, dir)) {
		ct_tcp_meet_syn(s, seg);
		memset(r, 0, sizeof(*r));
		r->flags = CT_TCP_F_SEEN;
		r->end = seg->ack;
		r->maxend = seg->ack + seg->win;
		r->maxwin = 1;
		ct_tcp_set_options(r, t->last_opts);
		ct_tcp_settle_scale(s, r);
		s->maxend = s->end + U16_MAX;	/* the SYN's window was not kept */
		t->state = CT_TCP_SYN_RECV;
		count_repeats(t, seg, dir);
		j->verdict = CT_ACCEPT;
		j->timeout = ct_timeout(pkt, CT_TO_TCP_SYN_RECV);
		return;
	}
	if (seg->kind == CT_TCP_K_SYNACK) {
		j->verdict = CT_PASS;
		return;
	}
	j->verdict = CT_LEARN;
	if (seg->kind == CT_TCP_K_SYN)
		t->last_opts = seg->opts;
	if (is_other_syn(t, seg, dir))
		r->maxack = seg->end - seg->seq - 1;	/* its data */
	note(t, seg, dir, seg->kind == CT_TCP_K_ACK ? seg->ack : seg->seq);
}

static bool is_closing(u8 state)
{
	return state >= CT_TCP_FIN_WAIT && state <= CT_TCP_CLOSE;
}

/*
 * To the bit: what the other end has acknowledged, or, if all of that came by, what
 * was sent. Or it answers the SYN that began the connection (3.5.2, first group).
 */
static bool is_exact(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
		     enum ip_conntrack_dir dir)
{
	const struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];

	if (r->flags & CT_TCP_F_MAXACK && seg->seq == r->maxack)
		return true;
	if (s->flags & CT_TCP_F_SEEN && !(s->flags & CT_TCP_F_UNSURE) &&
	    seg->seq == s->end)
		return true;
	return !seg->seq && seg->rst_ack && seg->ack == r->end &&
	       (t->state == CT_TCP_SYN_RECV || t->state == CT_TCP_SYN_SENT2);
}

/* A reset in reply to the SYN. 3.10.7.3: it acknowledges that, or is ignored. */
static void judge_refusal(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
			  struct ct_judgement *j)
{
	const struct ct_tcp_peer *r = &t->peer[IP_CT_DIR_ORIGINAL];

	if (!seg->rst_ack || !seg->ack)
		j->verdict = CT_PASS;
	else if (before(seg->ack, r->maxend) || after(seg->ack, r->end))
		ct_judge_refuse(j, CT_R_TCP_RST_SEQ);
}

/*
 * RFC 9293, 3.5.2, and RFC 5961, 3: which resets end a connection? Sets the
 * verdict; CT_ACCEPT if it ends the connection, CT_PASS if the ends must say more.
 * Sets @sure if it need not be held against the windows.
 */
static void judge_reset(const struct ct_pkt *pkt, const struct ct_tcp *t,
			enum ip_conntrack_dir dir, struct ct_judgement *j,
			bool *sure)
{
	const struct ct_tcp_peer *r = &t->peer[!dir];
	const struct ct_tcp_seg *seg = &pkt->tcp;

	j->verdict = CT_ACCEPT;
	*sure = true;
	if (t->state == CT_TCP_CLOSE)
		return;		/* says nothing new */
	if (last_of_other(t, CT_TCP_K_SYN, dir) && seg->rst_ack) {
		if (t->state == CT_TCP_SYN_SENT && acks_other_syn(t, seg, dir)) {
			j->verdict = CT_PASS;	/* the first may be answered yet */
			return;
		}
		if (seg->ack == t->last_mark + 1)
			return;	/* refuses the first, or one in a connection */
	}
	if (last_of_other(t, CT_TCP_K_ACK, dir) &&
	    t->state == CT_TCP_SYN_SENT && seg->seq == t->last_mark)
		return;		/* half-open connection (3.5.1, figure 8) */
	if (t->state == CT_TCP_SYN_SENT && dir == IP_CT_DIR_REPLY) {
		judge_refusal(t, seg, j);
		return;
	}
	if (is_exact(t, seg, dir))
		return;
	j->verdict = CT_PASS;	/* a challenge is due (RFC 5961, 3.2) */
	*sure = !seg->seq && t->state != CT_TCP_ESTABLISHED;
	if (*sure || !(r->flags & CT_TCP_F_MAXACK) ||
	    !before(seg->seq, r->maxack))
		return;
	if (!READ_ONCE(pkt->cnet->knobs.tcp_ignore_invalid_rst))
		ct_judge_refuse(j, CT_R_TCP_RST_SEQ);
}

/*
 * The table of transitions does not know directions. So of a connection that closes the
 * state is made out again, by whose FIN has been acknowledged.
 */
static u8 closing_state(const struct ct_tcp *t, const struct ct_tcp_seg *seg,
			enum ip_conntrack_dir dir, u8 next)
{
	const struct ct_tcp_peer *s = &t->peer[dir], *r = &t->peer[!dir];
	bool acked, was_acked;

	if (!is_closing(t->state) || next == CT_TCP_CLOSE)
		return next;
	if (seg->kind == CT_TCP_K_FIN)
		return next == CT_TCP_LAST_ACK && !(r->flags & CT_TCP_F_FIN) ?
		       t->state : next;
	if (seg->kind != CT_TCP_K_ACK || t->state == CT_TCP_TIME_WAIT)
		return next;
	acked = r->flags & CT_TCP_F_FIN && !before(seg->ack, r->end);
	was_acked = !(s->flags & CT_TCP_F_FIN) || !before(r->maxack, s->end);
	if (t->state == CT_TCP_LAST_ACK)
		acked = acked && was_acked;
	return acked ? next : t->state;
}

static u32 state_timeout(const struct ct_flow *flow, const struct ct_pkt *pkt,
			 const struct ct_tcp *t)
{
	const struct ct_tcp_seg *seg = &pkt->tcp;
	u32 timeout = ct_timeout(pkt, state_timeouts[t->state]);
	u8 flags = t->peer[0].flags | t->peer[1].flags;
	u32 unacked = ct_timeout(pkt, CT_TO_TCP_UNACK);

	if (t->retrans >= READ_ONCE(pkt->cnet->knobs.tcp_max_retrans) ||
	    (seg->kind == CT_TCP_K_ACK && !seg->win))
		timeout = min(timeout, ct_timeout(pkt, CT_TO_TCP_RETRANS));
	else if (flags & CT_TCP_F_UNACKED)
		timeout = min(timeout, unacked);
	/* Picked up in the middle, and not answered yet */
	if (t->state == CT_TCP_ESTABLISHED &&
	    (!flow || !(flow->status & IPS_SEEN_REPLY)))
		timeout = min(timeout, unacked);
	return timeout;
}

static void judge_first(const struct ct_pkt *pkt, struct ct_judgement *j)
{
	const struct ct_tcp_seg *seg = &pkt->tcp;
	struct ct_tcp *t = &j->next.tcp;

	memset(&j->next, 0, sizeof(j->next));
	j->verdict = CT_ACCEPT;
	j->status = 0;
	t->state = transitions[IP_CT_DIR_ORIGINAL][seg->kind][CT_TCP_NONE];
	if (t->state == CT_TCP_SYN_SENT) {
		ct_tcp_meet_syn(&t->peer[0], seg);
	} else if (t->state == CT_TCP_ESTABLISHED &&
		   READ_ONCE(pkt->cnet->knobs.tcp_loose)) {
		/* No scale is known, so no window is either. */
		t->peer[0].flags = CT_TCP_F_SACK | CT_TCP_F_LIBERAL;
		t->peer[1].flags = CT_TCP_F_SACK | CT_TCP_F_LIBERAL;
		ct_tcp_meet_middle(&t->peer[0], &t->peer[1], seg);
		t->peer[0].maxack = seg->ack;
		t->peer[0].flags |= CT_TCP_F_MAXACK;
	} else {
		ct_judge_refuse(j, CT_R_TCP_NOT_SYN);
		return;
	}
	count_repeats(t, seg, IP_CT_DIR_ORIGINAL);
	j->timeout = state_timeout(NULL, pkt, t);
}

/* The segment has a place in the connection: move it on. */
static void judge_next(const struct ct_flow *flow, const struct ct_pkt *pkt,
		       enum ip_conntrack_dir dir, u8 next,
		       struct ct_judgement *j)
{
	const struct ct_tcp_seg *seg = &pkt->tcp;
	struct ct_tcp *t = &j->next.tcp;
	u8 before = t->state;

	next = closing_state(t, seg, dir, next);
	if (seg->kind == CT_TCP_K_FIN)
		t->peer[dir].flags |= CT_TCP_F_FIN;
	t->state = next;
	count_repeats(t, seg, dir);
	j->timeout = state_timeout(flow, pkt, t);
	if (ct_tcp_is_syn(seg) && next == before)
		j->verdict = CT_LEARN;	/* who knocks again does not stay longer */
	if (seg->kind == CT_TCP_K_RST && next == before)
		j->verdict = CT_PASS;
	if (!(flow->status & IPS_SEEN_REPLY)) {
		/* Nothing but a reset came of it. */
		if (seg->kind == CT_TCP_K_RST)
			j->verdict = CT_END;
	} else if (next == CT_TCP_ESTABLISHED &&
		   (before == CT_TCP_SYN_RECV || before == next)) {
		j->status = IPS_ASSURED;
	}
}

/**
 * ct_tcp_judge() - judge a TCP segment
 * @flow: its flow; %NULL if it has none yet
 * @pkt: the packet
 * @dir: its direction
 * @j: the judgement
 *
 * Context: any, the flow lock held.
 */
void ct_tcp_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
		  enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	const struct ct_tcp_seg *seg = &pkt->tcp;
	bool old, liberal, sure = false;
	enum ct_reason reason;
	struct ct_tcp *t;
	u8 next;

	j->stays = false;
	if (!flow) {
		judge_first(pkt, j);
		return;
	}
	j->next = flow->state;
	j->status = 0;
	j->verdict = CT_ACCEPT;
	t = &j->next.tcp;
	next = transitions[dir][seg->kind][t->state];
	if (next == INV) {
		ct_judge_refuse(j, CT_R_TCP_STATE);
		return;
	}
	if (next == IGN || is_other_syn(t, seg, dir) ||
	    (t->state == CT_TCP_SYN_SENT && answers_other_syn(t, seg, dir))) {
		judge_stray(pkt, dir, j);
		return;
	}
	if (next == CT_TCP_SYN_SENT && t->state >= CT_TCP_TIME_WAIT) {
		j->verdict = CT_RENEW;	/* RFC 9293, 3.6.1 */
		return;
	}
	if (seg->kind == CT_TCP_K_RST) {
		judge_reset(pkt, t, dir, j, &sure);
		if (j->verdict == CT_REFUSE)
			return;
	}
	if (!sure) {
		liberal = READ_ONCE(pkt->cnet->knobs.tcp_be_liberal);
		reason = ct_tcp_window(t, seg, dir, liberal, &old);
		if (reason) {
			ct_judge_refuse(j, reason);
			ct_tcp_remember(flow, seg, dir, j);
			return;
		}
		if (old) {
			j->verdict = CT_PASS;
			return;
		}
	}
	if (j->verdict == CT_ACCEPT)
		judge_next(flow, pkt, dir, next, j);
}

/* Showing */

static char *tcp_print_state(char *p, const union ct_state *state)
{
	u8 known = state->tcp.state < CT_TCP_STATES ? state->tcp.state :
						      CT_TCP_NONE;

	return ct_text(ct_text(p, state_names[known]), " ");
}

/*
 * As state_timeout() has it, but for a window of zero, and a maximum of repeats
 * that has changed, which nobody remembers.
 */
static u32 tcp_lifetime(const struct ct_flow *flow,
			const struct ct_knobs *knobs)
{
	const struct ct_tcp *t = &flow->state.tcp;
	u32 timeout = READ_ONCE(knobs->timeout[state_timeouts[t->state]]);
	u8 flags = t->peer[0].flags | t->peer[1].flags;

	if (t->retrans >= READ_ONCE(knobs->tcp_max_retrans))
		return min(timeout, READ_ONCE(knobs->timeout[CT_TO_TCP_RETRANS]));
	if (flags & CT_TCP_F_UNACKED)
		return min(timeout, READ_ONCE(knobs->timeout[CT_TO_TCP_UNACK]));
	return timeout;
}

static bool tcp_is_open(const struct ct_flow *flow)
{
	u8 state = flow->state.tcp.state;

	return state == CT_TCP_SYN_RECV || state == CT_TCP_CLOSE;
}

/* What is closing goes first when there is no room. */
static unsigned int tcp_worth(const struct ct_flow *flow)
{
	return is_closing(READ_ONCE(flow->state.tcp.state)) ? 0 : 1;
}

const struct ct_proto ct_proto_tcp = {
	.name		= "tcp",
	.protonum	= IPPROTO_TCP,
	.family		= NFPROTO_UNSPEC,
	.has_phase	= true,
	.read		= ct_ports_read,
	.check		= ct_tcp_check,
	.judge		= ct_tcp_judge,
	.print_tuple	= ct_ports_print,
	.print_state	= tcp_print_state,
	.is_open	= tcp_is_open,
	.worth		= tcp_worth,
	.lifetime	= tcp_lifetime,
};
EXPORT_SYMBOL_CT_TEST(ct_proto_tcp);
