/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flags of a TCP header, and what they make of a segment.
 */
#ifndef CT_TEST_TCP_H
#define CT_TEST_TCP_H

#include "ct_tcp.h"

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define ACK	0x10
#define URG	0x20
#define ECE	0x40
#define CWR	0x80

/* What a SYN offers, as ct_tcp_seg.opts */
#define WS(n)	(CT_TCP_LAST_WSCALE | (n))
#define SACKS	CT_TCP_LAST_SACK

/* 3.10.7: one of SYN, FIN, RST; all but a first SYN and a reset have an ACK */
static inline bool ct_test_can_be(u8 flags)
{
	if (!!(flags & SYN) + !!(flags & FIN) + !!(flags & RST) > 1)
		return false;
	return flags & (ACK | SYN | RST);
}

static inline u8 ct_test_kind_of(u8 flags)
{
	if (flags & RST)
		return CT_TCP_K_RST;
	if (flags & SYN)
		return flags & ACK ? CT_TCP_K_SYNACK : CT_TCP_K_SYN;
	return flags & FIN ? CT_TCP_K_FIN : CT_TCP_K_ACK;
}

#endif /* CT_TEST_TCP_H */
