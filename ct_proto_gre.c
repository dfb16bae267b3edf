// SPDX-License-Identifier: GPL-2.0
/*
 * GRE: tunnels, and the calls of PPTP.
 *
 * Overview
 *	All version 0 tunnels between two addresses are one flow: the key of
 *	RFC 2890 is the tunnels' own affair and stays out, as tools expect. In
 *	version 1 (PPTP) a packet has the call number of its receiver, so the
 *	two directions of a call have different numbers. What goes with what is
 *	said in the control connection on TCP port 1723, which is not read here:
 *	each direction of a call is a flow of its own, with the call number as
 *	its destination key.
 *
 *	Timeouts are those of the time when the flow began, and stay with it:
 *	/proc shows them.
 *
 * Context
 *	Any; the flow lock is held where there is a flow. No lock is taken.
 *
 * RFC 2784, 2 (header), RFC 2890, 2 (key and sequence number, not looked at),
 * RFC 2637, 4.1 (enhanced GRE: version 1, payload PPP, call number).
 */
#include <linux/if_tunnel.h>
#include <linux/in.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/skbuff.h>

#include "ct_compat.h"
#include "ct_proto.h"
#include "ct_text.h"

/* The first eight bytes; the last two are there in version 1 only. */
struct gre_head {
	__be16 flags;
	__be16 protocol;
	__be16 payload_len;
	__be16 call;
};

#define GRE_LEN		offsetof(struct gre_head, payload_len)
#define PPTP_LEN	sizeof(struct gre_head)

static bool is_pptp(const struct gre_head *head)
{
	return (head->flags & GRE_VERSION) == GRE_VERSION_1;
}

static bool gre_read(const struct sk_buff *skb, unsigned int off,
		     struct ct_tuple *tuple)
{
	const struct gre_head *head;
	struct gre_head buf;

	head = skb_header_pointer(skb, off, GRE_LEN, &buf);
	if (!head)
		return false;
	tuple->sport = 0;
	tuple->dport = 0;
	if (!is_pptp(head))
		return true;
	head = skb_header_pointer(skb, off, PPTP_LEN, &buf);
	if (!head)
		return false;
	tuple->dport = head->call;
	return true;
}

static enum ct_reason gre_check(struct ct_pkt *pkt)
{
	const struct gre_head *head;
	struct gre_head buf;

	if (pkt->l4len < GRE_LEN ||
	    !gre_read(pkt->skb, pkt->l4off, &pkt->tuple))
		return CT_R_L4_HEADER;
	head = skb_header_pointer(pkt->skb, pkt->l4off, GRE_LEN, &buf);
	if (!head)
		return CT_R_L4_HEADER;
	if (!is_pptp(head))
		return CT_R_OK;
	if (pkt->l4len < PPTP_LEN)
		return CT_R_L4_HEADER;
	return head->protocol == GRE_PROTO_PPP ? CT_R_OK : CT_R_GRE_HEADER;
}

static void gre_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
		      enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	const struct ct_gre *gre = flow ? &flow->state.gre : &j->next.gre;

	ct_judge_accept(j, flow, 0);
	if (!flow) {
		j->next.gre.timeout = ct_timeout(pkt, CT_TO_GRE);
		j->next.gre.stream_timeout = ct_timeout(pkt, CT_TO_GRE_STREAM);
	}
	if (flow && flow->status & IPS_SEEN_REPLY) {
		j->timeout = gre->stream_timeout;
		j->status = IPS_ASSURED;
	} else {
		j->timeout = gre->timeout;
	}
}

static char *put_key(char *p, const char *name, u16 key)
{
	return p + sprintf(p, "%s=0x%x ", name, key);
}

static char *gre_print_tuple(char *p, const struct ct_tuple *tuple)
{
	p = put_key(p, "srckey", ntohs(tuple->sport));
	return put_key(p, "dstkey", ntohs(tuple->dport));
}

static char *gre_print_state(char *p, const union ct_state *state)
{
	p = ct_text_number(ct_text(p, "timeout="), state->gre.timeout / HZ);
	return ct_text_field(p, ", stream_timeout=",
			     state->gre.stream_timeout / HZ);
}

static u32 gre_lifetime(const struct ct_flow *flow,
			const struct ct_knobs *knobs)
{
	const struct ct_gre *gre = &flow->state.gre;

	return READ_ONCE(flow->status) & IPS_ASSURED ?
	       READ_ONCE(gre->stream_timeout) : READ_ONCE(gre->timeout);
}

const struct ct_proto ct_proto_gre = {
	.name = "gre",
	.protonum = IPPROTO_GRE,
	.family = NFPROTO_UNSPEC,
	.read = gre_read,
	.check = gre_check,
	.judge = gre_judge,
	.print_tuple = gre_print_tuple,
	.print_state = gre_print_state,
	.lifetime = gre_lifetime,
};
EXPORT_SYMBOL_CT_TEST(ct_proto_gre);
