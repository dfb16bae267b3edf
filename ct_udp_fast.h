/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP on the short way: judgements in few steps, inline, beside ct_proto_udp.c.
 *
 * They say what ct_udp_judge() would have said, or that they do not know.
 * tests/kunit/ct_test_usual.c holds them against it.
 */
#ifndef CT_UDP_FAST_H
#define CT_UDP_FAST_H

#include <linux/udp.h>

#include "ct_fast.h"
#include "ct_flow.h"
#include "ct_net.h"

/* Is the header as it should be, but for its checksum? */
static __always_inline bool ct_udp_is_whole(const struct ct_fast *f)
{
	const struct udphdr *uh = ct_fast_l4(f);
	int len = ntohs(uh->len);

	return len >= (int)sizeof(*uh) && len <= ct_fast_l4len(f);
}

static __always_inline bool ct_udp_has_checksum(const struct ct_fast *f)
{
	const struct udphdr *uh = ct_fast_l4(f);

	return uh->check;
}

/**
 * ct_udp_fast() - judge a UDP packet of a flow that stays as it is
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
ct_udp_fast(const struct ct_flow *flow, u32 status, enum ip_conntrack_dir dir,
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
 * ct_udp_fast_answer() - judge the first reply in UDP
 * @status: status of the flow, its lock held
 * @dir: direction of the packet
 * @knobs: of the flow's namespace
 * @timeout: set to jiffies until the flow ends
 *
 * Return: false if it is another packet, or may be the last answer.
 */
static __always_inline bool
ct_udp_fast_answer(u32 status, enum ip_conntrack_dir dir,
		   const struct ct_knobs *knobs, u32 *timeout)
{
	if (status & IPS_SEEN_REPLY || dir == IP_CT_DIR_ORIGINAL ||
	    READ_ONCE(knobs->timeout[CT_TO_UDP_ANSWERED]))
		return false;
	*timeout = READ_ONCE(knobs->timeout[CT_TO_UDP]);
	return true;
}

/**
 * ct_udp_fast_first() - state of a flow that a datagram begins
 * @udp: to be filled
 * @now: when it came
 * @knobs: of the flow's namespace
 *
 * Return: jiffies until the flow ends.
 */
static __always_inline u32 ct_udp_fast_first(struct ct_udp *udp, u32 now,
					     const struct ct_knobs *knobs)
{
	udp->stream_from = now + CT_UDP_STREAM_AFTER;
	return READ_ONCE(knobs->timeout[CT_TO_UDP]);
}

#endif /* CT_UDP_FAST_H */
