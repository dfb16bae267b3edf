/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP: states, kinds of segments, flags. The numbers of states are those that
 * ctnetlink shows to tools.
 */
#ifndef CT_TCP_H
#define CT_TCP_H

#include <linux/bits.h>
#include <net/tcp.h>

#include "ct_tuple.h"

/* Acknowledgments may be this much older than the newest data (van Rooij). */
#define CT_TCP_ACK_WINDOW_MIN	66000U

/* What is refused is remembered up to one more window beyond, or this. */
#define CT_TCP_REACH_MAX	BIT(28)

enum ct_tcp_state {
	CT_TCP_NONE,
	CT_TCP_SYN_SENT,
	CT_TCP_SYN_RECV,
	CT_TCP_ESTABLISHED,
	CT_TCP_FIN_WAIT,
	CT_TCP_CLOSE_WAIT,
	CT_TCP_LAST_ACK,
	CT_TCP_TIME_WAIT,
	CT_TCP_CLOSE,
	CT_TCP_SYN_SENT2,	/* both ends sent a SYN (RFC 9293, 3.5) */
	CT_TCP_STATES
};

enum ct_tcp_kind {
	CT_TCP_K_SYN,
	CT_TCP_K_SYNACK,
	CT_TCP_K_FIN,
	CT_TCP_K_ACK,
	CT_TCP_K_RST,
	CT_TCP_KINDS,
	CT_TCP_K_NONE = CT_TCP_KINDS,
};

/* ct_tcp.last */
#define CT_TCP_LAST_KIND	0x07
#define CT_TCP_LAST_REPLY	0x80

/* ct_tcp.last_opts and ct_tcp_seg.opts */
#define CT_TCP_LAST_SCALE	0x0f
#define CT_TCP_LAST_SACK	0x10
#define CT_TCP_LAST_WSCALE	0x20

/* ct_tcp_peer.flags; the first four as ctnetlink shows them to tools */
#define CT_TCP_F_WSCALE		BIT(0)	/* offered window scaling */
#define CT_TCP_F_SACK		BIT(1)	/* offered SACK (RFC 2018) */
#define CT_TCP_F_FIN		BIT(2)	/* sent its FIN */
#define CT_TCP_F_LIBERAL	BIT(3)	/* window not known well enough */
#define CT_TCP_F_UNACKED	BIT(4)	/* sent data not yet acknowledged */
#define CT_TCP_F_MAXACK		BIT(5)	/* maxack means something */
#define CT_TCP_F_SEEN		BIT(6)	/* sent something at all */
#define CT_TCP_F_UNSURE		BIT(7)	/* end: behind a hole, or refused */

static inline bool ct_tcp_is_syn(const struct ct_tcp_seg *seg)
{
	return seg->kind == CT_TCP_K_SYN || seg->kind == CT_TCP_K_SYNACK;
}

/* ct_tcp.last_mark of an acknowledgment: all of it that a repeated one has too */
static inline u32 ct_tcp_mark(const struct ct_tcp_seg *seg)
{
	return ((seg->seq * 31 + seg->ack) * 31 + seg->end) * 31 + seg->win;
}

/* ct_tcp.last of a segment */
static inline u8 ct_tcp_last(enum ct_tcp_kind kind, enum ip_conntrack_dir dir)
{
	return kind | (dir ? CT_TCP_LAST_REPLY : 0);
}

/* ct_tcp_peer.flags of what a SYN offers */
static inline u8 ct_tcp_offers(u8 opts)
{
	return (opts & CT_TCP_LAST_SACK ? CT_TCP_F_SACK : 0) |
	       (opts & CT_TCP_LAST_WSCALE ? CT_TCP_F_WSCALE : 0);
}

/* Options */

#define CT_TCP_OPT(a, b, c, d)	((a) << 24 | (b) << 16 | (c) << 8 | (d))

/* What nearly every segment has, and nothing else: a time stamp */
static __always_inline bool ct_tcp_has_stamp_only(const u8 *opt,
						  unsigned int len)
{
	return len == TCPOLEN_TSTAMP_ALIGNED && get_unaligned_be32(opt) ==
	       CT_TCP_OPT(TCPOPT_NOP, TCPOPT_NOP, TCPOPT_TIMESTAMP,
			  TCPOLEN_TIMESTAMP);
}

#define CT_TCP_SYN_OPTIONS	20	/* bytes of them */
#define CT_TCP_SYN_SCALE	17	/* where among them the scale stands */

/* What most SYNs have, in this order: MSS, SACK, time stamp, scale */
static __always_inline bool ct_tcp_has_usual_of_syn(const u8 *opt,
						    unsigned int len)
{
	return len == CT_TCP_SYN_OPTIONS &&
	       get_unaligned_be16(opt) == (TCPOPT_MSS << 8 | TCPOLEN_MSS) &&
	       get_unaligned_be32(opt + 4) ==
	       CT_TCP_OPT(TCPOPT_SACK_PERM, TCPOLEN_SACK_PERM,
			  TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP) &&
	       get_unaligned_be32(opt + 16) >> 8 ==
	       CT_TCP_OPT(0, TCPOPT_NOP, TCPOPT_WINDOW, TCPOLEN_WINDOW);
}

/* ct_tcp_seg.opts of a window scale option (RFC 7323, 2.3: at most 14) */
static inline u8 ct_tcp_scale_option(const u8 *opt)
{
	return CT_TCP_LAST_WSCALE | min_t(u8, opt[2], TCP_MAX_WSCALE);
}

#endif /* CT_TCP_H */
