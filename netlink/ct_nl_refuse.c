// SPDX-License-Identifier: GPL-2.0
/*
 * nfnetlink subsystems that are refused: include/ct_refused.h.
 *
 * Overview
 *	Each message of theirs is answered with EOPNOTSUPP and a sentence. Where the
 *	kernel's module has a subsystem already, it stays with it: nothing that the
 *	tracker does depends on it.
 *
 * Context
 *	Process, the subsystem's mutex.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_cthelper.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>

#include "ct_refused.h"

typedef int nfnl_call_t(struct sk_buff *skb, const struct nfnl_info *info,
			const struct nlattr *const cda[]);

#define CALL(_module, _id, _messages, _text)				\
static nfnl_call_t refuse_##_module;					\
									\
static_assert((_id) < NFNL_SUBSYS_COUNT);				\
static const struct nfnl_callback calls_##_module[_messages] = {	\
	[0 ... _messages - 1] = {					\
		.call = refuse_##_module, .type = NFNL_CB_MUTEX,	\
	},								\
};									\
									\
static int refuse_##_module(struct sk_buff *skb,			\
			    const struct nfnl_info *info,		\
			    const struct nlattr *const cda[])		\
{									\
	pr_info_ratelimited(CT_REFUSAL, _text);				\
	NL_SET_ERR_MSG_MOD(info->extack,				\
			   _text " is not served by ip_conntrack");	\
	return -EOPNOTSUPP;						\
}

CT_REFUSED_SUBSYSTEMS(CALL)

#define SUBSYS(_module, _id, _messages, _text) {			\
		.name = _text,						\
		.subsys_id = _id,					\
		.cb_count = _messages,					\
		.cb = calls_##_module,					\
		.owner = THIS_MODULE,					\
	},

static const struct nfnetlink_subsystem subsystems[] = {
	CT_REFUSED_SUBSYSTEMS(SUBSYS)
};

static bool taken[ARRAY_SIZE(subsystems)];

/**
 * ct_refuse_nl_init() - take the numbers of what is refused
 *
 * Context: process, may sleep.
 */
void ct_refuse_nl_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(subsystems); i++) {
		taken[i] = !nfnetlink_subsys_register(&subsystems[i]);
		if (!taken[i])
			pr_info("%s is nf_conntrack's: the module is there already\n",
				subsystems[i].name);
	}
}

/**
 * ct_refuse_nl_exit() - give them back
 *
 * Context: process, may sleep.
 */
void ct_refuse_nl_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(subsystems); i++)
		if (taken[i])
			nfnetlink_subsys_unregister(&subsystems[i]);
}
