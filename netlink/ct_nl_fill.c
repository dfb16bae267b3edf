// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink's attributes: flows into messages.
 *
 * Overview
 *	ct_nl_fill() puts a snapshot of a flow into a message. The way back, from
 *	messages to what they ask for, is in netlink/ct_nl_parse.c. How the layer 4
 *	part of a tuple looks is said by struct ct_nl_form, one for each kind,
 *	and the same both ways.
 *
 * Context
 *	Any. No lock is taken, nothing sleeps or is kept.
 */
#include <linux/module.h>

#include "ct_nl.h"
#include "ct_sctp.h"
#include "ct_tcp.h"

/* Forms: the layer 4 part of a tuple */

/* Two ports; for GRE the keys. */
static const struct ct_nl_form ports_form = {
	.attr = { CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT },
	.flag = { CT_NL_F_SPORT, CT_NL_F_DPORT },
};

/* Identifier, type, code. */
static const struct ct_nl_form icmp_form = {
	.attr = { CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE,
		  CTA_PROTO_ICMP_CODE },
	.flag = { CT_NL_F_ICMP_ID, CT_NL_F_ICMP_TYPE, CT_NL_F_ICMP_CODE },
};

static const struct ct_nl_form icmpv6_form = {
	.attr = { CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE,
		  CTA_PROTO_ICMPV6_CODE },
	.flag = { CT_NL_F_ICMPV6_ID, CT_NL_F_ICMPV6_TYPE,
		  CT_NL_F_ICMPV6_CODE },
};

/**
 * ct_nl_form_of() - how a protocol's part of a tuple looks
 * @proto: the protocol
 *
 * Return: the form; %NULL if tuples have no such part.
 */
const struct ct_nl_form *ct_nl_form_of(const struct ct_proto *proto)
{
	if (!proto->read)
		return NULL;
	if (!proto->identify)
		return &ports_form;
	return proto->protonum == IPPROTO_ICMPV6 ? &icmpv6_form : &icmp_form;
}

/* Out */

static int put_l4(struct sk_buff *skb, const struct ct_tuple *t,
		  const struct ct_proto *proto)
{
	const struct ct_nl_form *form = ct_nl_form_of(proto);
	struct nlattr *nest;
	int bad;

	nest = nla_nest_start(skb, CTA_TUPLE_PROTO);
	if (!nest)
		return -EMSGSIZE;
	bad = nla_put_u8(skb, CTA_PROTO_NUM, t->protonum);
	if (form && ct_nl_form_is_query(form)) {
		bad |= nla_put_be16(skb, form->attr[CT_NL_FORM_16_A], t->icmp.id);
		bad |= nla_put_u8(skb, form->attr[CT_NL_FORM_TYPE], t->icmp.type);
		bad |= nla_put_u8(skb, form->attr[CT_NL_FORM_CODE], t->icmp.code);
	} else if (form) {
		bad |= nla_put_be16(skb, form->attr[CT_NL_FORM_16_A], t->sport);
		bad |= nla_put_be16(skb, form->attr[CT_NL_FORM_16_B], t->dport);
	}
	if (bad)
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_ip(struct sk_buff *skb, const struct ct_tuple *t)
{
	struct nlattr *nest;
	int bad;

	nest = nla_nest_start(skb, CTA_TUPLE_IP);
	if (!nest)
		return -EMSGSIZE;
	if (t->family == NFPROTO_IPV4) {
		bad = nla_put_in_addr(skb, CTA_IP_V4_SRC, t->src.ip);
		bad |= nla_put_in_addr(skb, CTA_IP_V4_DST, t->dst.ip);
	} else {
		bad = nla_put_in6_addr(skb, CTA_IP_V6_SRC, &t->src.in6);
		bad |= nla_put_in6_addr(skb, CTA_IP_V6_DST, &t->dst.in6);
	}
	if (bad)
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* @zone is where it is only this direction's; else 0. */
static int put_tuple(struct sk_buff *skb, int type, const struct ct_tuple *t,
		     const struct ct_proto *proto, u16 zone)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, type);
	if (!nest || put_ip(skb, t) || put_l4(skb, t, proto))
		return -EMSGSIZE;
	if (zone && nla_put_be16(skb, CTA_TUPLE_ZONE, htons(zone)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_tuples(struct sk_buff *skb, const struct ct_snapshot *snap)
{
	const struct ct_tuple *orig = &snap->tuple[IP_CT_DIR_ORIGINAL];
	const struct ct_tuple *reply = &snap->tuple[IP_CT_DIR_REPLY];
	bool common = orig->zone == reply->zone;

	if (put_tuple(skb, CTA_TUPLE_ORIG, orig, snap->proto,
		      common ? 0 : orig->zone) ||
	    put_tuple(skb, CTA_TUPLE_REPLY, reply, snap->proto,
		      common ? 0 : reply->zone))
		return -EMSGSIZE;
	if (common && orig->zone)
		return nla_put_be16(skb, CTA_ZONE, htons(orig->zone));
	return 0;
}

static int put_counters(struct sk_buff *skb, int type, u64 packets, u64 bytes)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, type);
	if (!nest ||
	    nla_put_be64(skb, CTA_COUNTERS_PACKETS, cpu_to_be64(packets),
			 CTA_COUNTERS_PAD) ||
	    nla_put_be64(skb, CTA_COUNTERS_BYTES, cpu_to_be64(bytes),
			 CTA_COUNTERS_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_acct(struct sk_buff *skb, const struct ct_snapshot *snap)
{
	int dir, type;

	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		type = dir ? CTA_COUNTERS_REPLY : CTA_COUNTERS_ORIG;
		if (put_counters(skb, type, snap->packets[dir],
				 snap->bytes[dir]))
			return -EMSGSIZE;
	}
	return 0;
}

static int put_timestamp(struct sk_buff *skb, u64 start, u64 stop)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, CTA_TIMESTAMP);
	if (!nest ||
	    nla_put_be64(skb, CTA_TIMESTAMP_START, cpu_to_be64(start),
			 CTA_TIMESTAMP_PAD))
		return -EMSGSIZE;
	if (stop && nla_put_be64(skb, CTA_TIMESTAMP_STOP, cpu_to_be64(stop),
				 CTA_TIMESTAMP_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_tcp_peers(struct sk_buff *skb, const struct ct_tcp *tcp)
{
	const struct ct_tcp_peer *peer = tcp->peer;
	struct nf_ct_tcp_flags flags = {};
	int bad;

	bad = nla_put_u8(skb, CTA_PROTOINFO_TCP_WSCALE_ORIGINAL,
			 peer[IP_CT_DIR_ORIGINAL].scale);
	bad |= nla_put_u8(skb, CTA_PROTOINFO_TCP_WSCALE_REPLY,
			  peer[IP_CT_DIR_REPLY].scale);
	flags.flags = peer[IP_CT_DIR_ORIGINAL].flags & CT_NL_TCP_FLAGS;
	bad |= nla_put(skb, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(flags),
		       &flags);
	flags.flags = peer[IP_CT_DIR_REPLY].flags & CT_NL_TCP_FLAGS;
	bad |= nla_put(skb, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(flags),
		       &flags);
	return bad;
}

static int put_tcp(struct sk_buff *skb, const struct ct_tcp *tcp, bool over)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, CTA_PROTOINFO_TCP);
	if (!nest || nla_put_u8(skb, CTA_PROTOINFO_TCP_STATE, tcp->state))
		return -EMSGSIZE;
	if (!over && put_tcp_peers(skb, tcp))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_sctp(struct sk_buff *skb, const struct ct_sctp *sctp, bool over)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, CTA_PROTOINFO_SCTP);
	if (!nest || nla_put_u8(skb, CTA_PROTOINFO_SCTP_STATE, sctp->state))
		return -EMSGSIZE;
	if (!over &&
	    (nla_put_be32(skb, CTA_PROTOINFO_SCTP_VTAG_ORIGINAL,
			  sctp->vtag[IP_CT_DIR_ORIGINAL]) ||
	     nla_put_be32(skb, CTA_PROTOINFO_SCTP_VTAG_REPLY,
			  sctp->vtag[IP_CT_DIR_REPLY])))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* @over: of a flow that is gone only the state is still of interest. */
static int put_state(struct sk_buff *skb, const struct ct_snapshot *snap,
		     bool over)
{
	struct nlattr *nest;
	int bad;

	if (!snap->proto->has_phase)
		return 0;
	nest = nla_nest_start(skb, CTA_PROTOINFO);
	if (!nest)
		return -EMSGSIZE;
	if (snap->proto->protonum == IPPROTO_TCP)
		bad = put_tcp(skb, &snap->state.tcp, over);
	else
		bad = put_sctp(skb, &snap->state.sctp, over);
	if (bad)
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_labels(struct sk_buff *skb, const struct ct_snapshot *snap)
{
	if (!snap->has_labels ||
	    !memchr_inv(snap->labels, 0, sizeof(snap->labels)))
		return 0;
	return nla_put(skb, CTA_LABELS, sizeof(snap->labels), snap->labels);
}

static int put_flow(struct sk_buff *skb, const struct ct_snapshot *snap,
		    const struct ct_nl_shape *shape)
{
	bool over = shape->type == IPCTNL_MSG_CT_DELETE;
	u32 status = snap->status & ~CT_FLOW_PRIVATE;
	u32 left = max(snap->left, 0) / HZ;
	int bad;

	bad = put_tuples(skb, snap);
	bad |= nla_put_be32(skb, CTA_ID, (__force __be32)ct_flow_id(snap));
	bad |= nla_put_be32(skb, CTA_STATUS, htonl(status));
	if (!over || left)
		bad |= nla_put_be32(skb, CTA_TIMEOUT, htonl(left));
	if (shape->acct && (over || shape->listing))
		bad |= put_acct(skb, snap);
	if (snap->start && (over || shape->listing))
		bad |= put_timestamp(skb, snap->start, shape->stop);
	bad |= put_state(skb, snap, over);
	if (snap->mark || shape->listing || shape->marked)
		bad |= nla_put_be32(skb, CTA_MARK, htonl(snap->mark));
	if (!over)
		bad |= put_labels(skb, snap);
	if (shape->listing)	/* flows have no reference count */
		bad |= nla_put_be32(skb, CTA_USE, htonl(1));
	return bad ? -EMSGSIZE : 0;
}

/**
 * ct_nl_fill() - put a flow into a message
 * @skb: where to
 * @snap: the flow
 * @shape: what kind of message
 *
 * Return: 0, or -EMSGSIZE if there is no room; nothing was put there then.
 */
int ct_nl_fill(struct sk_buff *skb, const struct ct_snapshot *snap,
	       const struct ct_nl_shape *shape)
{
	struct nlmsghdr *nlh;

	nlh = nfnl_msg_put(skb, shape->portid, shape->seq,
			   nfnl_msg_type(NFNL_SUBSYS_CTNETLINK, shape->type),
			   shape->flags,
			   snap->tuple[IP_CT_DIR_ORIGINAL].family,
			   NFNETLINK_V0, 0);
	if (!nlh)
		return -EMSGSIZE;
	if (put_flow(skb, snap, shape)) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}
