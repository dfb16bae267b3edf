// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink: expectations, of which there are none.
 *
 * Overview
 *	Questions get an empty answer, and whatever names an expectation finds
 *	none. A message is checked all the same, so that tools see the errors
 *	that they know.
 *
 * Context
 *	Process context, nfnetlink's mutex of the subsystem held.
 */
#include <linux/module.h>
#include <linux/netlink.h>

#include "ct_nl.h"

static const struct nla_policy policy[CTA_EXPECT_MAX + 1] = {
	[CTA_EXPECT_MASTER]	= { .type = NLA_NESTED },
	[CTA_EXPECT_TUPLE]	= { .type = NLA_NESTED },
	[CTA_EXPECT_MASK]	= { .type = NLA_NESTED },
	[CTA_EXPECT_TIMEOUT]	= { .type = NLA_U32 },
	[CTA_EXPECT_ID]		= { .type = NLA_U32 },
	[CTA_EXPECT_HELP_NAME]	= { .type = NLA_NUL_STRING, .len = 15 },
	[CTA_EXPECT_ZONE]	= { .type = NLA_U16 },
	[CTA_EXPECT_FLAGS]	= { .type = NLA_U32 },
	[CTA_EXPECT_CLASS]	= { .type = NLA_U32 },
	[CTA_EXPECT_NAT]	= { .type = NLA_NESTED },
	[CTA_EXPECT_FN]		= { .type = NLA_NUL_STRING },
};

/* Checks a tuple, if it is there. */
static int check_tuple(const struct nfnl_info *info,
		       const struct nlattr *const cda[], int type)
{
	const struct ct_nl_want want = {
		.family = info->nfmsg->nfgen_family,
		.flags = CT_NL_F_ALL,
	};
	struct ct_tuple tuple;

	if (!cda[type])
		return 0;
	return ct_nl_read_tuple(cda, type, &want, &tuple, info->extack);
}

static int get(struct sk_buff *skb, const struct nfnl_info *info,
	       const struct nlattr *const cda[])
{
	struct netlink_dump_control control = { .dump = ct_nl_dump_nothing };
	int err;

	err = check_tuple(info, cda, CTA_EXPECT_TUPLE);
	if (!err)
		err = check_tuple(info, cda, CTA_EXPECT_MASTER);
	if (err)
		return err;
	if (info->nlh->nlmsg_flags & NLM_F_DUMP)
		return netlink_dump_start(info->sk, skb, info->nlh, &control);
	if (!cda[CTA_EXPECT_TUPLE] && !cda[CTA_EXPECT_MASTER]) {
		NL_SET_ERR_MSG(info->extack, "neither CTA_EXPECT_TUPLE nor CTA_EXPECT_MASTER");
		return -EINVAL;
	}
	return -ENOENT;
}

static int add(struct sk_buff *skb, const struct nfnl_info *info,
	       const struct nlattr *const cda[])
{
	int err;

	if (!cda[CTA_EXPECT_TUPLE] || !cda[CTA_EXPECT_MASK] ||
	    !cda[CTA_EXPECT_MASTER]) {
		NL_SET_ERR_MSG(info->extack, "tuple, mask and master are needed");
		return -EINVAL;
	}
	err = check_tuple(info, cda, CTA_EXPECT_TUPLE);
	if (err)
		return err;
	if (!(info->nlh->nlmsg_flags & NLM_F_CREATE))
		return -ENOENT;
	NL_SET_ERR_MSG(info->extack, "there are no expectations");
	return -EOPNOTSUPP;
}

static int delete(struct sk_buff *skb, const struct nfnl_info *info,
		  const struct nlattr *const cda[])
{
	int err = check_tuple(info, cda, CTA_EXPECT_TUPLE);

	if (err)
		return err;
	return cda[CTA_EXPECT_TUPLE] ? -ENOENT : 0;
}

static int put_columns(struct sk_buff *skb, int cpu)
{
	if (nla_put_be32(skb, CTA_STATS_EXP_NEW, 0) ||
	    nla_put_be32(skb, CTA_STATS_EXP_CREATE, 0) ||
	    nla_put_be32(skb, CTA_STATS_EXP_DELETE, 0))
		return -EMSGSIZE;
	return 0;
}

static int dump_cpus(struct sk_buff *skb, struct netlink_callback *cb)
{
	return ct_nl_dump_cpus(skb, cb,
			       nfnl_msg_type(NFNL_SUBSYS_CTNETLINK_EXP,
					     IPCTNL_MSG_EXP_GET_STATS_CPU),
			       put_columns);
}

static int get_cpus(struct sk_buff *skb, const struct nfnl_info *info,
		    const struct nlattr *const cda[])
{
	struct netlink_dump_control control = { .dump = dump_cpus };

	if (!(info->nlh->nlmsg_flags & NLM_F_DUMP))
		return 0;
	return netlink_dump_start(info->sk, skb, info->nlh, &control);
}

#define WITH_ATTRS(handler)						\
	{								\
		.call = handler, .type = NFNL_CB_MUTEX,			\
		.attr_count = CTA_EXPECT_MAX, .policy = policy,		\
	}

static const struct nfnl_callback calls[IPCTNL_MSG_EXP_MAX] = {
	[IPCTNL_MSG_EXP_GET]		= WITH_ATTRS(get),
	[IPCTNL_MSG_EXP_NEW]		= WITH_ATTRS(add),
	[IPCTNL_MSG_EXP_DELETE]		= WITH_ATTRS(delete),
	[IPCTNL_MSG_EXP_GET_STATS_CPU]	= WITH_ATTRS(get_cpus),
};

const struct nfnetlink_subsystem ct_nl_expect_subsys = {
	.name = "conntrack_expect",
	.subsys_id = NFNL_SUBSYS_CTNETLINK_EXP,
	.cb_count = IPCTNL_MSG_EXP_MAX,
	.cb = calls,
};
