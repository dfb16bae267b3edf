// SPDX-License-Identifier: GPL-2.0
/*
 * Actions of tc that are refused (include/ct_refused.h), a module of its own.
 *
 * Overview
 *	tc looks for a module where it does not know an action's name. These are
 *	known as long as ip_conntrack stands in for nf_conntrack.
 *
 * Context
 *	Process, may sleep. No action is ever made.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/pkt_cls.h>
#include <net/act_api.h>
#include <net/netns/generic.h>
#include <net/pkt_cls.h>

#include "ct_refused.h"
#include "ip_conntrack.h"

static int never_act(struct sk_buff *skb, const struct tc_action *action,
		     struct tcf_result *result)
{
	return TC_ACT_UNSPEC;
}

static int dump_nothing(struct sk_buff *skb, struct tc_action *action, int bind,
			int ref)
{
	return -EOPNOTSUPP;
}

#define ACTION(_name, _id, _text, ...)					\
static int refuse_##_name(struct net *net, struct nlattr *nla,		\
			  struct nlattr *est, struct tc_action **action,	\
			  struct tcf_proto *tp, u32 flags,		\
			  struct netlink_ext_ack *extack)		\
{									\
	pr_info_ratelimited(CT_REFUSAL, _text);				\
	NL_SET_ERR_MSG_MOD(extack,					\
			   _text " is not served by ip_conntrack");	\
	return -EOPNOTSUPP;						\
}									\
									\
static struct tc_action_ops _name##_ops = {				\
	.kind = #_name,							\
	.id = _id,							\
	.owner = THIS_MODULE,						\
	.act = never_act,						\
	.dump = dump_nothing,						\
	.init = refuse_##_name,						\
	.size = sizeof(struct tc_action),				\
};									\
									\
static __net_init int _name##_net_init(struct net *net)			\
{									\
	return tc_action_net_init(net,					\
				  net_generic(net, _name##_ops.net_id),	\
				  &_name##_ops);			\
}									\
									\
static void __net_exit _name##_net_exit(struct list_head *nets)		\
{									\
	tc_action_net_exit(nets, _name##_ops.net_id);			\
}

CT_REFUSED_ACTIONS(ACTION)

#define NET_OPS(_name, ...) {						\
		.init = _name##_net_init,				\
		.exit_batch = _name##_net_exit,				\
		.id = &_name##_ops.net_id,				\
		.size = sizeof(struct tc_action_net),			\
	},

static struct pernet_operations net_ops[] = {
	CT_REFUSED_ACTIONS(NET_OPS)
};

#define OPS(_name, ...) &_name##_ops,

static struct tc_action_ops *const actions[] = {
	CT_REFUSED_ACTIONS(OPS)
};

static bool taken[ARRAY_SIZE(actions)];

static void give_back(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(actions); i++)
		if (taken[i])
			tcf_unregister_action(actions[i], &net_ops[i]);
}

/* Takes the names, but for those whose modules are there already. */
static int take(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		err = tcf_register_action(actions[i], &net_ops[i]);
		if (err && err != -EEXIST)
			return err;
		taken[i] = !err;
		if (err)
			pr_info("action %s is nf_conntrack's: its module is there already\n",
				actions[i]->kind);
	}
	return 0;
}

static int __init ct_refuse_tc_init(void)
{
	int err;

	if (!ct_is_dropin()) {
		pr_info("actions of tc are nf_conntrack's: ip_conntrack is an observer here\n");
		return 0;
	}
	err = take();
	if (err)
		give_back();
	return err;
}

static void __exit ct_refuse_tc_exit(void)
{
	give_back();
}

module_init(ct_refuse_tc_init);
module_exit(ct_refuse_tc_exit);

CT_IMPORT();
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("Actions of tc that ip_conntrack does not serve");
MODULE_LICENSE("GPL");
