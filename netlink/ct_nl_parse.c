// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink's attributes: messages into what they ask for.
 *
 * Overview
 *	The ct_nl_read_*() functions turn attributes into plain structures. They
 *	change nothing: a message is read whole before a flow is touched, so
 *	that there is no half-made flow. The way out is in netlink/ct_nl_fill.c.
 *
 * Context
 *	Any. No lock is taken, nothing sleeps or is kept. No attribute is
 *	believed: the kernel's parser has checked its length against a policy,
 *	and every number is checked here.
 *
 * Errors are those of the kernel's own ctnetlink, for tools rely on them; the
 * extack names the attribute.
 */
#include <linux/module.h>
#include <net/tcp.h>

#include "ct_nl.h"
#include "ct_sctp.h"
#include "ct_tcp.h"

/* Policies */

const struct nla_policy ct_nl_policy[CTA_MAX + 1] = {
	[CTA_TUPLE_ORIG]	= { .type = NLA_NESTED },
	[CTA_TUPLE_REPLY]	= { .type = NLA_NESTED },
	[CTA_STATUS]		= { .type = NLA_U32 },
	[CTA_PROTOINFO]		= { .type = NLA_NESTED },
	[CTA_HELP]		= { .type = NLA_NESTED },
	[CTA_NAT_SRC]		= { .type = NLA_NESTED },
	[CTA_TIMEOUT]		= { .type = NLA_U32 },
	[CTA_MARK]		= { .type = NLA_U32 },
	[CTA_ID]		= { .type = NLA_U32 },
	[CTA_NAT_DST]		= { .type = NLA_NESTED },
	[CTA_TUPLE_MASTER]	= { .type = NLA_NESTED },
	[CTA_SEQ_ADJ_ORIG]	= { .type = NLA_NESTED },
	[CTA_SEQ_ADJ_REPLY]	= { .type = NLA_NESTED },
	[CTA_ZONE]		= { .type = NLA_U16 },
	[CTA_MARK_MASK]		= { .type = NLA_U32 },
	[CTA_LABELS]		= { .type = NLA_BINARY, .len = 16 },
	[CTA_LABELS_MASK]	= { .type = NLA_BINARY, .len = 16 },
	[CTA_FILTER]		= { .type = NLA_NESTED },
	[CTA_STATUS_MASK]	= { .type = NLA_U32 },
};

static const struct nla_policy tuple_policy[CTA_TUPLE_MAX + 1] = {
	[CTA_TUPLE_IP]		= { .type = NLA_NESTED },
	[CTA_TUPLE_PROTO]	= { .type = NLA_NESTED },
	[CTA_TUPLE_ZONE]	= { .type = NLA_U16 },
};

static const struct nla_policy ip_policy[CTA_IP_MAX + 1] = {
	[CTA_IP_V4_SRC]	= { .type = NLA_U32 },
	[CTA_IP_V4_DST]	= { .type = NLA_U32 },
	[CTA_IP_V6_SRC]	= { .len = sizeof(struct in6_addr) },
	[CTA_IP_V6_DST]	= { .len = sizeof(struct in6_addr) },
};

static const struct nla_policy proto_policy[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_NUM]		= { .type = NLA_U8 },
	[CTA_PROTO_SRC_PORT]	= { .type = NLA_U16 },
	[CTA_PROTO_DST_PORT]	= { .type = NLA_U16 },
	[CTA_PROTO_ICMP_ID]	= { .type = NLA_U16 },
	[CTA_PROTO_ICMP_TYPE]	= { .type = NLA_U8 },
	[CTA_PROTO_ICMP_CODE]	= { .type = NLA_U8 },
	[CTA_PROTO_ICMPV6_ID]	= { .type = NLA_U16 },
	[CTA_PROTO_ICMPV6_TYPE]	= { .type = NLA_U8 },
	[CTA_PROTO_ICMPV6_CODE]	= { .type = NLA_U8 },
};

static const struct nla_policy info_policy[CTA_PROTOINFO_MAX + 1] = {
	[CTA_PROTOINFO_TCP]	= { .type = NLA_NESTED },
	[CTA_PROTOINFO_SCTP]	= { .type = NLA_NESTED },
};

static const struct nla_policy tcp_policy[CTA_PROTOINFO_TCP_MAX + 1] = {
	[CTA_PROTOINFO_TCP_STATE]		= NLA_POLICY_MAX(NLA_U8,
							CT_TCP_STATES - 1),
	[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL]	= NLA_POLICY_MAX(NLA_U8,
							TCP_MAX_WSCALE),
	[CTA_PROTOINFO_TCP_WSCALE_REPLY]	= NLA_POLICY_MAX(NLA_U8,
							TCP_MAX_WSCALE),
	[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL]	= {
		.len = sizeof(struct nf_ct_tcp_flags) },
	[CTA_PROTOINFO_TCP_FLAGS_REPLY]		= {
		.len = sizeof(struct nf_ct_tcp_flags) },
};

static const struct nla_policy sctp_policy[CTA_PROTOINFO_SCTP_MAX + 1] = {
	[CTA_PROTOINFO_SCTP_STATE]		= NLA_POLICY_MAX(NLA_U8,
							CT_SCTP_STATES - 1),
	[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL]	= { .type = NLA_U32 },
	[CTA_PROTOINFO_SCTP_VTAG_REPLY]		= { .type = NLA_U32 },
};

static const struct nla_policy filter_policy[CTA_FILTER_MAX + 1] = {
	[CTA_FILTER_ORIG_FLAGS]		= NLA_POLICY_MASK(NLA_U32, CT_NL_F_ALL),
	[CTA_FILTER_REPLY_FLAGS]	= NLA_POLICY_MASK(NLA_U32, CT_NL_F_ALL),
};

/* Tuples */

#define BAD_ATTR(extack, attr, text, err) ({				\
	NL_SET_ERR_MSG_ATTR(extack, attr, text);			\
	err;								\
})

static int read_ip(const struct nlattr *nest, u32 flags, struct ct_tuple *t,
		   struct netlink_ext_ack *extack)
{
	bool ipv4 = t->family == NFPROTO_IPV4;
	const int src = ipv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
	const int dst = ipv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST;
	size_t len = ipv4 ? sizeof(t->src.ip) : sizeof(t->src.in6);
	struct nlattr *tb[CTA_IP_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_IP_MAX, nest, ip_policy,
					  extack);
	if (err)
		return err;
	if (flags & CT_NL_F_SRC) {
		if (!tb[src])
			return BAD_ATTR(extack, nest,
					"CTA_TUPLE_IP lacks the source address",
					-EINVAL);
		memcpy(&t->src, nla_data(tb[src]), len);
	}
	if (flags & CT_NL_F_DST) {
		if (!tb[dst])
			return BAD_ATTR(extack, nest,
					"CTA_TUPLE_IP lacks the destination address",
					-EINVAL);
		memcpy(&t->dst, nla_data(tb[dst]), len);
	}
	return 0;
}

static void set_l4(struct ct_tuple *t, const struct ct_nl_form *form, int i,
		   const struct nlattr *attr)
{
	if (!ct_nl_form_is_query(form)) {
		if (i == CT_NL_FORM_16_A)
			t->sport = nla_get_be16(attr);
		else
			t->dport = nla_get_be16(attr);
	} else if (i == CT_NL_FORM_16_A) {
		t->icmp.id = nla_get_be16(attr);
	} else if (i == CT_NL_FORM_TYPE) {
		t->icmp.type = nla_get_u8(attr);
	} else {
		t->icmp.code = nla_get_u8(attr);
	}
}

static int read_l4(const struct nlattr *nest, u32 flags, struct ct_tuple *t,
		   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTO_MAX + 1];
	const struct ct_proto *proto;
	const struct ct_nl_form *form;
	struct ct_tuple inverse;
	int err, i;

	err = nla_parse_nested_deprecated(tb, CTA_PROTO_MAX, nest,
					  proto_policy, extack);
	if (err)
		return err;
	if (!tb[CTA_PROTO_NUM])
		return BAD_ATTR(extack, nest,
				"CTA_TUPLE_PROTO lacks CTA_PROTO_NUM", -EINVAL);
	t->protonum = nla_get_u8(tb[CTA_PROTO_NUM]);
	proto = ct_proto_find(t->family, t->protonum);
	form = ct_nl_form_of(proto);
	for (i = 0; form && i < ARRAY_SIZE(form->attr); i++) {
		if (!(flags & form->flag[i]))
			continue;
		if (!tb[form->attr[i]])
			return BAD_ATTR(extack, nest,
					"CTA_TUPLE_PROTO lacks a part",
					-EINVAL);
		set_l4(t, form, i, tb[form->attr[i]]);
	}
	if (form && ct_nl_form_is_query(form) &&
	    flags & form->flag[CT_NL_FORM_TYPE] && !ct_tuple_invert(&inverse, t))
		return BAD_ATTR(extack, tb[form->attr[CT_NL_FORM_TYPE]],
				"type is neither a question nor an answer",
				-EINVAL);
	return 0;
}

/**
 * ct_nl_read_zone() - read a connection tracking zone
 * @attr: CTA_ZONE; may be %NULL
 * @zone: set to it, or to 0
 * @extack: for complaints
 *
 * Return: 0 or an error.
 */
int ct_nl_read_zone(const struct nlattr *attr, u16 *zone,
		    struct netlink_ext_ack *extack)
{
	*zone = attr ? ntohs(nla_get_be16(attr)) : 0;
	return 0;
}

/**
 * ct_nl_read_tuple() - read a tuple
 * @cda: attributes of the message
 * @type: CTA_TUPLE_ORIG or another of its kind
 * @want: what has to be there
 * @tuple: to be filled; what is not in @want->flags is 0
 * @extack: for complaints
 *
 * Return: 0 or an error.
 */
int ct_nl_read_tuple(const struct nlattr *const cda[], int type,
		     const struct ct_nl_want *want, struct ct_tuple *tuple,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1];
	u32 flags = want->flags;
	int err;

	memset(tuple, 0, sizeof(*tuple));
	err = nla_parse_nested_deprecated(tb, CTA_TUPLE_MAX, cda[type],
					  tuple_policy, extack);
	if (err)
		return err;
	if (want->family != NFPROTO_IPV4 && want->family != NFPROTO_IPV6)
		return BAD_ATTR(extack, cda[type],
				"the family must be IPv4 or IPv6", -EOPNOTSUPP);
	tuple->family = want->family;
	tuple->zone = want->zone;
	if (flags & (CT_NL_F_SRC | CT_NL_F_DST)) {
		if (!tb[CTA_TUPLE_IP])
			return BAD_ATTR(extack, cda[type],
					"tuple lacks CTA_TUPLE_IP", -EINVAL);
		err = read_ip(tb[CTA_TUPLE_IP], flags, tuple, extack);
		if (err)
			return err;
	}
	if (flags & CT_NL_F_PROTONUM) {
		if (!tb[CTA_TUPLE_PROTO])
			return BAD_ATTR(extack, cda[type],
					"tuple lacks CTA_TUPLE_PROTO", -EINVAL);
		err = read_l4(tb[CTA_TUPLE_PROTO], flags, tuple, extack);
		if (err)
			return err;
	} else if (flags & CT_NL_F_L4) {
		return BAD_ATTR(extack, cda[type],
				"ports without a protocol cannot be filtered",
				-EINVAL);
	}
	if (!(flags & CT_NL_F_ZONE) || !tb[CTA_TUPLE_ZONE])
		return 0;
	if (want->zone)
		return BAD_ATTR(extack, tb[CTA_TUPLE_ZONE],
				"CTA_TUPLE_ZONE beside CTA_ZONE", -EINVAL);
	return ct_nl_read_zone(tb[CTA_TUPLE_ZONE], &tuple->zone, extack);
}

/**
 * ct_nl_read_name() - read the tuple by which a message names a flow
 * @cda: attributes of the message
 * @family: NFPROTO_*, of the message
 * @tuple: to be filled, with either direction
 * @extack: for complaints
 *
 * Return: 0 or an error.
 */
int ct_nl_read_name(const struct nlattr *const cda[], u8 family,
		    struct ct_tuple *tuple, struct netlink_ext_ack *extack)
{
	int type = cda[CTA_TUPLE_ORIG] ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY;
	struct ct_nl_want want = { .family = family, .flags = CT_NL_F_ALL };
	int err;

	err = ct_nl_read_zone(cda[CTA_ZONE], &want.zone, extack);
	if (err)
		return err;
	if (!cda[type]) {
		NL_SET_ERR_MSG(extack, "neither CTA_TUPLE_ORIG nor CTA_TUPLE_REPLY");
		return -EINVAL;
	}
	return ct_nl_read_tuple(cda, type, &want, tuple, extack);
}

/* Filters */

static int read_side(const struct nlattr *const cda[],
		     const struct nlattr *flags, int type,
		     struct ct_nl_filter *filter, struct ct_nl_side *side,
		     struct netlink_ext_ack *extack)
{
	struct ct_nl_want want = {
		.family = filter->family,
		.zone = filter->zone,
	};

	if (!flags)
		return 0;
	side->flags = nla_get_u32(flags);
	if (!side->flags)
		return 0;
	if (!cda[type])
		return BAD_ATTR(extack, flags,
				"filter flags without a tuple", -EINVAL);
	want.flags = side->flags;
	return ct_nl_read_tuple(cda, type, &want, &side->tuple, extack);
}

static int read_sides(const struct nlattr *const cda[],
		      struct ct_nl_filter *filter,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_FILTER_MAX + 1];
	int err;

	err = nla_parse_nested(tb, CTA_FILTER_MAX, cda[CTA_FILTER],
			       filter_policy, extack);
	if (err)
		return err;
	err = read_side(cda, tb[CTA_FILTER_ORIG_FLAGS], CTA_TUPLE_ORIG, filter,
			&filter->side[IP_CT_DIR_ORIGINAL], extack);
	if (err)
		return err;
	return read_side(cda, tb[CTA_FILTER_REPLY_FLAGS], CTA_TUPLE_REPLY,
			 filter, &filter->side[IP_CT_DIR_REPLY], extack);
}

static int read_status_filter(const struct nlattr *const cda[],
			      struct ct_nl_filter *filter,
			      struct netlink_ext_ack *extack)
{
	if (!cda[CTA_STATUS]) {
		if (cda[CTA_STATUS_MASK])
			return BAD_ATTR(extack, cda[CTA_STATUS_MASK],
					"CTA_STATUS_MASK alone", -EINVAL);
		return 0;
	}
	filter->status = ntohl(nla_get_be32(cda[CTA_STATUS]));
	filter->status_mask = filter->status;
	if (cda[CTA_STATUS_MASK])
		filter->status_mask = ntohl(nla_get_be32(cda[CTA_STATUS_MASK]));
	if (!filter->status_mask)
		return BAD_ATTR(extack, cda[CTA_STATUS],
				"an empty mask of status", -EINVAL);
	return 0;
}

static int read_mark_filter(const struct nlattr *const cda[],
			    struct ct_nl_filter *filter,
			    struct netlink_ext_ack *extack)
{
	if (!cda[CTA_MARK]) {
		if (cda[CTA_MARK_MASK])
			return BAD_ATTR(extack, cda[CTA_MARK_MASK],
					"CTA_MARK_MASK alone", -EINVAL);
		return 0;
	}
	filter->mark = ntohl(nla_get_be32(cda[CTA_MARK]));
	filter->mark_mask = U32_MAX;
	if (cda[CTA_MARK_MASK])
		filter->mark_mask = ntohl(nla_get_be32(cda[CTA_MARK_MASK]));
	return 0;
}

/**
 * ct_nl_wants_filter() - is a message about some flows only?
 * @cda: its attributes
 * @family: NFPROTO_*, of the message
 *
 * Return: true if it is.
 */
bool ct_nl_wants_filter(const struct nlattr *const cda[], u8 family)
{
	return family || cda[CTA_MARK] || cda[CTA_MARK_MASK] ||
	       cda[CTA_STATUS] || cda[CTA_STATUS_MASK] || cda[CTA_FILTER] ||
	       cda[CTA_ZONE];
}

/**
 * ct_nl_read_filter() - read which flows a message is about
 * @cda: attributes of the message
 * @family: NFPROTO_*, of the message
 * @filter: to be filled
 * @extack: for complaints
 *
 * Return: 0 or an error.
 */
int ct_nl_read_filter(const struct nlattr *const cda[], u8 family,
		      struct ct_nl_filter *filter,
		      struct netlink_ext_ack *extack)
{
	int err;

	memset(filter, 0, sizeof(*filter));
	filter->family = family;
	filter->zoned = cda[CTA_ZONE];
	err = ct_nl_read_zone(cda[CTA_ZONE], &filter->zone, extack);
	if (!err)
		err = read_mark_filter(cda, filter, extack);
	if (!err)
		err = read_status_filter(cda, filter, extack);
	if (!err && cda[CTA_FILTER])
		err = read_sides(cda, filter, extack);
	return err;
}

static bool side_matches(const struct ct_nl_side *side,
			 const struct ct_tuple *t, const struct ct_proto *proto)
{
	const struct ct_tuple *want = &side->tuple;
	const struct ct_nl_form *form = ct_nl_form_of(proto);
	u32 flags = side->flags;

	if ((flags & CT_NL_F_SRC &&
	     !ct_addr_equal(t->family, &t->src, &want->src)) ||
	    (flags & CT_NL_F_DST &&
	     !ct_addr_equal(t->family, &t->dst, &want->dst)) ||
	    (flags & CT_NL_F_ZONE && t->zone != want->zone) ||
	    (flags & CT_NL_F_PROTONUM && t->protonum != want->protonum))
		return false;
	if (!(flags & CT_NL_F_L4) || !form)
		return true;
	if (ct_nl_form_is_query(form))
		return !((flags & form->flag[CT_NL_FORM_16_A] &&
			  t->icmp.id != want->icmp.id) ||
			 (flags & form->flag[CT_NL_FORM_TYPE] &&
			  t->icmp.type != want->icmp.type) ||
			 (flags & form->flag[CT_NL_FORM_CODE] &&
			  t->icmp.code != want->icmp.code));
	return !((flags & CT_NL_F_SPORT && t->sport != want->sport) ||
		 (flags & CT_NL_F_DPORT && t->dport != want->dport));
}

/**
 * ct_nl_matches() - is a flow one of those that a message is about?
 * @filter: from ct_nl_read_filter()
 * @snap: the flow
 *
 * Return: true if it is.
 */
bool ct_nl_matches(const struct ct_nl_filter *filter,
		   const struct ct_snapshot *snap)
{
	const struct ct_tuple *orig = &snap->tuple[IP_CT_DIR_ORIGINAL];
	int dir;

	if ((filter->family && filter->family != orig->family) ||
	    (filter->zoned && filter->zone != orig->zone) ||
	    (snap->mark & filter->mark_mask) != filter->mark ||
	    ((snap->status ^ filter->status) & filter->status_mask))
		return false;
	for (dir = 0; dir < IP_CT_DIR_MAX; dir++) {
		if (filter->side[dir].flags &&
		    !side_matches(&filter->side[dir], &snap->tuple[dir],
				  snap->proto))
			return false;
	}
	return true;
}

/* What a flow shall be */

static int refuse_unserved(const struct nlattr *const cda[],
			   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_HELP_MAX + 1];
	int err;

	if (cda[CTA_HELP]) {
		err = nla_parse_nested_deprecated(tb, CTA_HELP_MAX,
						  cda[CTA_HELP], NULL, extack);
		if (err)
			return err;
		if (!tb[CTA_HELP_NAME])
			return BAD_ATTR(extack, cda[CTA_HELP],
					"CTA_HELP lacks CTA_HELP_NAME",
					-EINVAL);
		return BAD_ATTR(extack, cda[CTA_HELP], "there are no helpers",
				-EOPNOTSUPP);
	}
	if (cda[CTA_SEQ_ADJ_ORIG] || cda[CTA_SEQ_ADJ_REPLY])
		return BAD_ATTR(extack, cda[CTA_SEQ_ADJ_ORIG] ?:
				cda[CTA_SEQ_ADJ_REPLY],
				"sequence numbers are not adjusted",
				-EOPNOTSUPP);
	if (cda[CTA_SYNPROXY])
		return BAD_ATTR(extack, cda[CTA_SYNPROXY],
				"there is no SYN proxy", -EOPNOTSUPP);
	return 0;
}

/* Words that are not given become 0. */
static int read_labels(const struct nlattr *const cda[],
		       struct ct_nl_change *change,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *labels = cda[CTA_LABELS];
	const struct nlattr *mask = cda[CTA_LABELS_MASK];

	if (!labels)
		return 0;
	if (nla_len(labels) % sizeof(u32))
		return BAD_ATTR(extack, labels,
				"CTA_LABELS must be whole words", -EINVAL);
	if (mask && (!nla_len(mask) || nla_len(mask) != nla_len(labels)))
		return BAD_ATTR(extack, mask,
				"CTA_LABELS_MASK is not as long as CTA_LABELS",
				-EINVAL);
	change->has_labels = true;
	memset(change->label_mask, 0xff, sizeof(change->label_mask));
	memcpy(change->label_flip, nla_data(labels), nla_len(labels));
	if (mask)
		memcpy(change->label_mask, nla_data(mask), nla_len(mask));
	return 0;
}

/**
 * ct_nl_read_change() - read what a flow shall be
 * @cda: attributes of the message
 * @change: to be filled
 * @extack: for complaints
 *
 * The state of a protocol is read by ct_nl_read_state().
 *
 * Return: 0 or an error.
 */
int ct_nl_read_change(const struct nlattr *const cda[],
		      struct ct_nl_change *change,
		      struct netlink_ext_ack *extack)
{
	u32 mark, mask = U32_MAX;
	u64 timeout;
	int err;

	memset(change, 0, sizeof(*change));
	change->mark_keep = U32_MAX;
	if (cda[CTA_TIMEOUT]) {
		timeout = (u64)ntohl(nla_get_be32(cda[CTA_TIMEOUT])) * HZ;
		change->has_timeout = true;
		change->timeout = min_t(u64, timeout, INT_MAX);
	}
	if (cda[CTA_STATUS]) {
		change->has_status = true;
		change->status = ntohl(nla_get_be32(cda[CTA_STATUS]));
	}
	if (cda[CTA_MARK]) {
		mark = ntohl(nla_get_be32(cda[CTA_MARK]));
		if (cda[CTA_MARK_MASK])
			mask = ntohl(nla_get_be32(cda[CTA_MARK_MASK]));
		change->mark_keep = ~mask;
		change->mark_flip = mark;
	}
	change->info = cda[CTA_PROTOINFO];
	err = read_labels(cda, change, extack);
	return err ?: refuse_unserved(cda, extack);
}

static void read_tcp_peer(const struct nlattr *flags_attr,
			  struct ct_tcp_peer *peer)
{
	struct nf_ct_tcp_flags flags;

	if (!flags_attr)
		return;
	memcpy(&flags, nla_data(flags_attr), sizeof(flags));
	flags.mask &= CT_NL_TCP_FLAGS;
	peer->flags = (peer->flags & ~flags.mask) | (flags.flags & flags.mask);
}

static int read_tcp(const struct nlattr *nest, struct ct_tcp *tcp,
		    struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTOINFO_TCP_MAX + 1], *state;
	struct ct_tcp_peer *peer = tcp->peer;
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTOINFO_TCP_MAX, nest,
					  tcp_policy, extack);
	if (err)
		return err;
	state = tb[CTA_PROTOINFO_TCP_STATE];
	if (state)
		tcp->state = nla_get_u8(state);
	read_tcp_peer(tb[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL],
		      &peer[IP_CT_DIR_ORIGINAL]);
	read_tcp_peer(tb[CTA_PROTOINFO_TCP_FLAGS_REPLY],
		      &peer[IP_CT_DIR_REPLY]);
	if (tb[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL] &&
	    tb[CTA_PROTOINFO_TCP_WSCALE_REPLY] &&
	    peer[0].flags & peer[1].flags & CT_TCP_F_WSCALE) {
		peer[IP_CT_DIR_ORIGINAL].scale =
			nla_get_u8(tb[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL]);
		peer[IP_CT_DIR_REPLY].scale =
			nla_get_u8(tb[CTA_PROTOINFO_TCP_WSCALE_REPLY]);
	}
	return 0;
}

static int read_sctp(const struct nlattr *nest, struct ct_sctp *sctp,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTOINFO_SCTP_MAX + 1];
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTOINFO_SCTP_MAX, nest,
					  sctp_policy, extack);
	if (err)
		return err;
	if (!tb[CTA_PROTOINFO_SCTP_STATE] ||
	    !tb[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL] ||
	    !tb[CTA_PROTOINFO_SCTP_VTAG_REPLY])
		return BAD_ATTR(extack, nest,
				"CTA_PROTOINFO_SCTP needs a state and both tags",
				-EINVAL);
	sctp->state = nla_get_u8(tb[CTA_PROTOINFO_SCTP_STATE]);
	sctp->vtag[IP_CT_DIR_ORIGINAL] =
		nla_get_be32(tb[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL]);
	sctp->vtag[IP_CT_DIR_REPLY] =
		nla_get_be32(tb[CTA_PROTOINFO_SCTP_VTAG_REPLY]);
	return 0;
}

/**
 * ct_nl_read_state() - read the state of a protocol
 * @info: CTA_PROTOINFO; %NULL for no change
 * @protonum: IPPROTO_*
 * @state: to be changed
 * @extack: for complaints
 *
 * Return: 0 or an error; @state is not to be used then.
 */
int ct_nl_read_state(const struct nlattr *info, u8 protonum,
		     union ct_state *state, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTOINFO_MAX + 1];
	int err;

	if (!info)
		return 0;
	err = nla_parse_nested_deprecated(tb, CTA_PROTOINFO_MAX, info,
					  info_policy, extack);
	if (err)
		return err;
	if (protonum == IPPROTO_TCP && tb[CTA_PROTOINFO_TCP])
		return read_tcp(tb[CTA_PROTOINFO_TCP], &state->tcp, extack);
	if (protonum == IPPROTO_SCTP && tb[CTA_PROTOINFO_SCTP])
		return read_sctp(tb[CTA_PROTOINFO_SCTP], &state->sctp, extack);
	return 0;
}

/**
 * ct_nl_first_state() - what a flow of a protocol begins with
 * @cnet: its namespace
 * @protonum: IPPROTO_*
 * @now: the present
 * @state: to be filled
 */
void ct_nl_first_state(const struct ct_net *cnet, u8 protonum, u32 now,
		       union ct_state *state)
{
	const u32 *timeout = cnet->knobs.timeout;

	memset(state, 0, sizeof(*state));
	if (protonum == IPPROTO_UDP) {
		state->udp.stream_from = now;
	} else if (protonum == IPPROTO_GRE) {
		state->gre.timeout = READ_ONCE(timeout[CT_TO_GRE]);
		state->gre.stream_timeout =
			READ_ONCE(timeout[CT_TO_GRE_STREAM]);
	}
}
