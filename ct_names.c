// SPDX-License-Identifier: GPL-2.0
/*
 * The names of nf_conntrack, offered by us, and nf_conntrack coming later.
 *
 * Overview
 *	With nf_names=1 each namespace has our files and sysctls under the names
 *	of nf_conntrack, too, for programs that know no others. They are
 *	namespace operations of their own, begun after the tracker's: if one
 *	namespace cannot have them, the kernel takes them back from the others,
 *	and the tracker goes on without.
 *
 *	Two cannot have one name. While these are ours nf_conntrack is refused
 *	before it begins, with a reason in the log; left to itself it would find
 *	them taken when half of it is set up. Without them it may come at any
 *	time, and the log says what that means.
 *
 * Context
 *	Process context, may sleep. A notifier of modules sees each that comes;
 *	the kernel calls it without holding back other modules.
 *
 * A race is left: nf_conntrack may have passed the notifier before there was
 * one and not be there to be seen yet. It registers net.nf_conntrack_max
 * before anything else that has a name, and so do we: whoever is second fails
 * there, and cleanly.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "ct_names.h"
#include "ct_net.h"
#include "ct_nfct.h"
#include "ct_procfs.h"
#include "ct_sysctl.h"

static bool names_are_ours;
static bool stands_in;	/* written before there is a notifier */

/* It begins, unless it is refused: what is its own is given back. */
static int is_coming(void)
{
	if (READ_ONCE(names_are_ours)) {
		pr_notice_ratelimited("nf_conntrack refused: its file names are in use here (nf_names=1); for both, load ip_conntrack without nf_names\n");
		return notifier_from_errno(-EBUSY);
	}
	ct_nfct_give_back();
	return NOTIFY_OK;
}

static int module_heard(struct notifier_block *nb, unsigned long state,
			void *data)
{
	const struct module *mod = data;

	if (strcmp(mod->name, "nf_conntrack"))
		return NOTIFY_DONE;
	switch (state) {
	case MODULE_STATE_COMING:
		return is_coming();
	case MODULE_STATE_LIVE:
		/*
		 * Once more: where it was being loaded when this module was, the
		 * notifier was not there yet when it was coming.
		 */
		ct_nfct_give_back();
		if (stands_in)
			pr_notice("nf_conntrack was loaded: both track from now on, rules that are there go on asking ip_conntrack, and neither has to be unloaded for the other\n");
		break;
	case MODULE_STATE_GOING:
		ct_nfct_take(stands_in);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block watcher = {
	.notifier_call = module_heard,
};

/**
 * ct_names_watch() - notice when nf_conntrack comes and goes
 * @dropin: we stand in for it, where it is not there
 *
 * Context: Process context, may sleep.
 */
void ct_names_watch(bool dropin)
{
	stands_in = dropin;
	register_module_notifier(&watcher);
}

/**
 * ct_names_unwatch() - the end of it
 *
 * Context: Process context, may sleep.
 */
void ct_names_unwatch(void)
{
	unregister_module_notifier(&watcher);
}

static int __net_init names_begin(struct net *net)
{
	int err;

	err = ct_sysctl_init(net, CT_NAMES_NF);
	if (err)
		return err;
	err = ct_procfs_init(net, CT_NAMES_NF);
	if (err)
		ct_sysctl_exit(net, CT_NAMES_NF);
	return err;
}

static void __net_exit names_end(struct net *net)
{
	ct_procfs_exit(net, CT_NAMES_NF);
	ct_sysctl_exit(net, CT_NAMES_NF);
}

static struct pernet_operations names_ops = {
	.init = names_begin,
	.pre_exit = names_end,
};

/**
 * ct_names_offer() - offer the names of nf_conntrack in all namespaces
 *
 * Context: Process context, may sleep. The tracker's namespaces are set up,
 * and ct_names_watch() was called.
 * Return: 0 or an error; none of the names is there then.
 */
int ct_names_offer(void)
{
	int err;

	WRITE_ONCE(names_are_ours, true);
	err = register_pernet_subsys(&names_ops);
	if (err)
		WRITE_ONCE(names_are_ours, false);
	return err;
}

/**
 * ct_names_withdraw() - take the names back
 *
 * Does nothing where they are not offered.
 *
 * Context: Process context, may sleep.
 */
void ct_names_withdraw(void)
{
	if (!names_are_ours)
		return;
	unregister_pernet_subsys(&names_ops);
	WRITE_ONCE(names_are_ours, false);
}
