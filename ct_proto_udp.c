// SPDX-License-Identifier: GPL-2.0
/*
 * UDP (RFC 768).
 *
 * UDP has no connections. A question that was answered is given the short
 * timeout; when both ends still talk CT_UDP_STREAM_AFTER later, it is a stream:
 * the long timeout, and assured. (RFC 4787, 4.3 asks for two minutes or more
 * where the port says nothing else; the long one is that.)
 *
 * Most questions are asked once, by a port of their own (RFC 5452, 9.2), and
 * nobody comes back when they have been answered. Where udp_timeout_answered is
 * set, a flow whose questions have all been answered gets that timeout until
 * its next packet.
 *
 * Context: any; the flow lock is held where there is a flow. No lock is taken.
 *
 * RFC 768 (header, checksum optional), RFC 8200, 8.1 (checksum over IPv6; a
 * zero one is let through, RFC 6935), RFC 4787, 4.3 (timeouts).
 */
#include <linux/in.h>
#include <linux/module.h>
#include <linux/skbuff.h>
#include <linux/udp.h>

#include "ct_compat.h"
#include "ct_proto.h"

static __always_inline enum ct_reason take(struct ct_pkt *pkt,
					   const struct udphdr *uh)
{
	unsigned int len;

	if (unlikely(pkt->l4len < sizeof(*uh)))
		return CT_R_L4_HEADER;
	len = ntohs(uh->len);
	if (unlikely(len < sizeof(*uh) || len > pkt->l4len))
		return CT_R_L4_LENGTH;
	pkt->tuple.sport = uh->source;
	pkt->tuple.dport = uh->dest;
	return uh->check ? ct_checksum(pkt) : CT_R_OK;
}

static noinline enum ct_reason copy(struct ct_pkt *pkt)
{
	struct udphdr buf;

	if (skb_copy_bits(pkt->skb, pkt->l4off, &buf, sizeof(buf)))
		return CT_R_L4_HEADER;
	return take(pkt, &buf);
}

/**
 * ct_udp_check() - read a UDP header
 * @pkt: the packet
 *
 * Context: any.
 *
 * Return: CT_R_OK, or what is wrong with it.
 */
enum ct_reason ct_udp_check(struct ct_pkt *pkt)
{
	const struct udphdr *uh = ct_in_head(pkt->skb, pkt->l4off,
					     sizeof(*uh));

	return likely(uh) ? take(pkt, uh) : copy(pkt);
}

/*
 * Is this flow a stream by now? An assured flow stays one: its time stamp
 * wraps around within weeks.
 */
static bool is_stream(const struct ct_flow *flow, u32 now)
{
	if (!(flow->status & IPS_SEEN_REPLY))
		return false;
	return flow->status & IPS_ASSURED ||
	       ct_left(flow->state.udp.stream_from, now) < 0;
}

/* Is this the answer to the last question that had none? */
static bool is_last_answer(const struct ct_flow *flow,
			   enum ip_conntrack_dir dir)
{
	return dir == IP_CT_DIR_REPLY &&
	       flow->packets_low[IP_CT_DIR_ORIGINAL] ==
	       flow->packets_low[IP_CT_DIR_REPLY] + 1;
}

/**
 * ct_udp_judge() - judge a UDP packet
 * @flow: its flow; %NULL if it has none yet
 * @pkt: the packet
 * @dir: its direction
 * @j: the judgement
 *
 * Context: any, the flow lock held.
 */
void ct_udp_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
		  enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	ct_judge_accept(j, flow, ct_timeout(pkt, CT_TO_UDP));
	if (!flow) {
		j->next.udp.stream_from = pkt->now + CT_UDP_STREAM_AFTER;
	} else if (is_stream(flow, pkt->now)) {
		j->timeout = ct_timeout(pkt, CT_TO_UDP_STREAM);
		j->status = IPS_ASSURED;
	} else if (is_last_answer(flow, dir)) {
		j->timeout = min_not_zero(j->timeout,
					  ct_timeout(pkt, CT_TO_UDP_ANSWERED));
	}
}

static u32 udp_lifetime(const struct ct_flow *flow,
			const struct ct_knobs *knobs)
{
	bool stream = READ_ONCE(flow->status) & IPS_ASSURED;

	return READ_ONCE(knobs->timeout[stream ? CT_TO_UDP_STREAM : CT_TO_UDP]);
}

const struct ct_proto ct_proto_udp = {
	.name = "udp",
	.protonum = IPPROTO_UDP,
	.family = NFPROTO_UNSPEC,
	.read = ct_ports_read,
	.check = ct_udp_check,
	.judge = ct_udp_judge,
	.print_tuple = ct_ports_print,
	.lifetime = udp_lifetime,
};
EXPORT_SYMBOL_CT_TEST(ct_proto_udp);
