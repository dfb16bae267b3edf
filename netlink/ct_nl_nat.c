// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink: flows that are translated from the start.
 *
 * Overview
 *	A new flow may come with what its source and its destination are to become
 *	(CTA_NAT_SRC, CTA_NAT_DST): "conntrack -I --src-nat", and conntrackd when it
 *	hands on the connections of another machine. It is chosen as for a packet of
 *	that flow, by who translates packets (nat/), which is loaded for it.
 *
 * Context
 *	Process context, nfnetlink's mutex of the subsystem held.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/netlink.h>

#include "ct_nl.h"
#include "ct_translate.h"

static const struct nla_policy nat_policy[CTA_NAT_MAX + 1] = {
	[CTA_NAT_V4_MINIP]	= { .type = NLA_U32 },
	[CTA_NAT_V4_MAXIP]	= { .type = NLA_U32 },
	[CTA_NAT_PROTO]		= { .type = NLA_NESTED },
	[CTA_NAT_V6_MINIP]	= NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
	[CTA_NAT_V6_MAXIP]	= NLA_POLICY_EXACT_LEN(sizeof(struct in6_addr)),
};

static const struct nla_policy port_policy[CTA_PROTONAT_MAX + 1] = {
	[CTA_PROTONAT_PORT_MIN]	= { .type = NLA_U16 },
	[CTA_PROTONAT_PORT_MAX]	= { .type = NLA_U16 },
};

static void take_addr(const struct nlattr *attr, u8 family,
		      union nf_inet_addr *addr)
{
	if (family == NFPROTO_IPV4)
		addr->ip = nla_get_in_addr(attr);
	else
		addr->in6 = nla_get_in6_addr(attr);
}

/* One address is a range, too. */
static void read_addrs(struct nlattr *const tb[], u8 family,
		       struct nf_nat_range2 *range)
{
	bool four = family == NFPROTO_IPV4;
	const struct nlattr *from = tb[four ? CTA_NAT_V4_MINIP :
					      CTA_NAT_V6_MINIP];
	const struct nlattr *to = tb[four ? CTA_NAT_V4_MAXIP :
					    CTA_NAT_V6_MAXIP];

	if (!from)
		return;
	take_addr(from, family, &range->min_addr);
	take_addr(to ?: from, family, &range->max_addr);
	range->flags |= NF_NAT_RANGE_MAP_IPS;
}

static int read_ports(const struct nlattr *attr, struct nf_nat_range2 *range,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_PROTONAT_MAX + 1], *from, *to;
	int err;

	err = nla_parse_nested_deprecated(tb, CTA_PROTONAT_MAX, attr,
					  port_policy, extack);
	if (err)
		return err;
	from = tb[CTA_PROTONAT_PORT_MIN];
	to = tb[CTA_PROTONAT_PORT_MAX];
	if (!from)
		return 0;
	range->min_proto.all = nla_get_be16(from);
	range->max_proto.all = nla_get_be16(to ?: from);
	range->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	return 0;
}

static bool is_upside_down(const struct nf_nat_range2 *range, u8 family)
{
	return ct_addrs_are_turned(range, family) ||
	       ntohs(range->min_proto.all) > ntohs(range->max_proto.all);
}

static int read_range(const struct nlattr *attr, u8 family,
		      struct nf_nat_range2 *range,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CTA_NAT_MAX + 1];
	int err;

	memset(range, 0, sizeof(*range));
	if (!attr)
		return 0;
	err = nla_parse_nested_deprecated(tb, CTA_NAT_MAX, attr, nat_policy,
					  extack);
	if (err)
		return err;
	read_addrs(tb, family, range);
	if (tb[CTA_NAT_PROTO]) {
		err = read_ports(tb[CTA_NAT_PROTO], range, extack);
		if (err)
			return err;
	}
	if (is_upside_down(range, family)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "the range is upside down");
		return -EINVAL;
	}
	return 0;
}

/* Who translates, held; %NULL where nobody does */
static const struct ct_translator *translator_get(void)
{
	const struct ct_translator *translator;

	rcu_read_lock();
	translator = rcu_dereference(ct_translator);
	if (translator && !try_module_get(translator->owner))
		translator = NULL;
	rcu_read_unlock();
	return translator;
}

static int bind(struct net *net, struct ct_tuple *tuple,
		const struct nf_nat_range2 *dst,
		const struct nf_nat_range2 *src)
{
	const struct ct_translator *translator = translator_get();
	int err;

	if (!translator) {
		request_module("ip_conntrack_nat");
		translator = translator_get();
	}
	if (!translator)
		return -EOPNOTSUPP;
	err = translator->bind(net, tuple, dst, src);
	module_put(translator->owner);
	return err;
}

/**
 * ct_nl_translate() - a new flow is to be translated
 * @info: about the message
 * @cda: its attributes, CTA_NAT_SRC or CTA_NAT_DST among them
 * @reply: the reply direction as the message has it; set to what it becomes
 *
 * Return: 0 or an error.
 */
int ct_nl_translate(const struct nfnl_info *info,
		    const struct nlattr *const cda[], struct ct_tuple *reply)
{
	struct nf_nat_range2 dst, src;
	struct ct_tuple tuple;
	int err;

	err = read_range(cda[CTA_NAT_DST], reply->family, &dst, info->extack);
	if (!err)
		err = read_range(cda[CTA_NAT_SRC], reply->family, &src,
				 info->extack);
	if (err)
		return err;
	if (!ct_tuple_invert(&tuple, reply))
		return -EINVAL;
	err = bind(info->net, &tuple, &dst, &src);
	if (err) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    cda[CTA_NAT_SRC] ?: cda[CTA_NAT_DST],
				    "it cannot be translated so");
		return err;
	}
	return ct_tuple_invert(reply, &tuple) ? 0 : -EINVAL;
}
