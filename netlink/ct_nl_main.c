// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink: what conntrack, iptstate, conntrackd and their like speak.
 *
 * Overview
 *	This file registers the subsystems. Beside it there are
 *	_get		questions
 *	_change		new, changed and deleted flows
 *	_expect		expectations: there are none
 *	_parse		messages into what they ask for
 *	_fill		flows into messages
 *	_event		what happens, to whoever listens
 *	_other		nf_conntrack, where nf_nat brought it along
 *
 *	The numbers of messages and attributes are the kernel's own (uapi). Where
 *	nf_conntrack is loaded, or its netlink module, nothing is registered.
 *
 * Context
 *	Process context, with nfnetlink's mutex of the subsystem; dumps without.
 *	nfnetlink has asked for CAP_NET_ADMIN before anything gets here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netlink.h>

#include "ct_nl.h"
#include "ct_refused.h"

#define WITH_ATTRS(handler)						\
	{								\
		.call = handler, .type = NFNL_CB_MUTEX,			\
		.attr_count = CTA_MAX, .policy = ct_nl_policy,		\
	}
#define WITHOUT_ATTRS(handler)						\
	{								\
		.call = handler, .type = NFNL_CB_MUTEX,			\
	}

static const struct nfnl_callback calls[IPCTNL_MSG_MAX] = {
	[IPCTNL_MSG_CT_NEW]		= WITH_ATTRS(ct_nl_new),
	[IPCTNL_MSG_CT_GET]		= WITH_ATTRS(ct_nl_get),
	[IPCTNL_MSG_CT_DELETE]		= WITH_ATTRS(ct_nl_delete),
	[IPCTNL_MSG_CT_GET_CTRZERO]	= WITH_ATTRS(ct_nl_get),
	[IPCTNL_MSG_CT_GET_STATS_CPU]	= WITHOUT_ATTRS(ct_nl_get_cpus),
	[IPCTNL_MSG_CT_GET_STATS]	= WITHOUT_ATTRS(ct_nl_get_stats),
	[IPCTNL_MSG_CT_GET_DYING]	= WITHOUT_ATTRS(ct_nl_get_nothing),
	[IPCTNL_MSG_CT_GET_UNCONFIRMED]	= WITHOUT_ATTRS(ct_nl_get_nothing),
};

static const struct nfnetlink_subsystem subsys = {
	.name = "conntrack",
	.subsys_id = NFNL_SUBSYS_CTNETLINK,
	.cb_count = IPCTNL_MSG_MAX,
	.cb = calls,
};

static bool serving;

static int begin_serving(void)
{
	int err;

	err = nfnetlink_subsys_register(&subsys);
	if (err)
		return err;
	err = nfnetlink_subsys_register(&ct_nl_expect_subsys);
	if (err)
		goto no_expect;
	err = ct_nl_event_init();
	if (err)
		goto no_events;
	return 0;

no_events:
	nfnetlink_subsys_unregister(&ct_nl_expect_subsys);
no_expect:
	nfnetlink_subsys_unregister(&subsys);
	return err;
}

static int __init ct_netlink_init(void)
{
	int err;

	if (!ct_is_dropin()) {
		pr_info("ctnetlink is not served: ip_conntrack is an observer here\n");
		return 0;
	}
	err = begin_serving();
	if (err == -EBUSY) {
		pr_info("ctnetlink is not served: another module, likely nf_conntrack_netlink, has it\n");
		return 0;
	}
	serving = !err;
	if (serving)
		ct_refuse_nl_init();
	return err;
}

static void __exit ct_netlink_exit(void)
{
	if (!serving)
		return;
	ct_refuse_nl_exit();
	ct_nl_event_exit();
	nfnetlink_subsys_unregister(&ct_nl_expect_subsys);
	nfnetlink_subsys_unregister(&subsys);
}

module_init(ct_netlink_init);
module_exit(ct_netlink_exit);

CT_IMPORT();
/*
 * No alias: the first "conntrack -L" on a host that never asked for ip_conntrack
 * would load it. It comes with ip_conntrack, whose soft dependency it is.
 */
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("ctnetlink for ip_conntrack");
MODULE_LICENSE("GPL");
