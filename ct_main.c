// SPDX-License-Identifier: GPL-2.0
/*
 * The module: parameters, namespaces, beginning and end.
 *
 * Overview
 *	What all namespaces share (hash key, packet memory, table, expiry) is set
 *	up first, then each namespace: counters, knobs, files, hooks. The hooks
 *	are last, so that the first packet finds everything in place. The names
 *	of nf_conntrack, where they are wanted, come when all that works. The
 *	end is the exact reverse.
 *
 * Context
 *	Process context, may sleep. @hashsize_lock keeps a write to the hashsize
 *	parameter, which may come at any moment from the sysfs file appearing to
 *	it vanishing, away from a table that is not there yet or no more. It is
 *	outside the resize mutex of ct_resize.c and never held while namespaces
 *	are registered.
 *
 * Nothing here knows a packet or a flow.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include <net/netns/hash.h>

#include "ct_bridge.h"
#include "ct_compat.h"
#include "ct_core.h"
#include "ct_conncount.h"
#include "ct_event.h"
#include "ct_expire.h"
#include "ct_flow.h"
#include "ct_gc.h"
#include "ct_hash.h"
#include "ct_names.h"
#include "ct_net.h"
#include "ct_nfct.h"
#include "ct_pending.h"
#include "ct_procfs.h"
#include "ct_room.h"
#include "ct_autosize.h"
#include "ct_source.h"
#include "ct_sysctl.h"
#include "ct_text.h"
#include "ct_tuple.h"
#include "ip_conntrack.h"

#define CT_VERSION "0.1.0"

/* Parameters */

/**
 * enum table_stage - what a write to hashsize finds
 * @TABLE_WANTED: module parameters are being read: the size is noted
 * @TABLE_BUSY: between that and a working module, or on the way out
 * @TABLE_READY: the table is there and can be resized
 */
enum table_stage {
	TABLE_WANTED,
	TABLE_BUSY,
	TABLE_READY,
};

static DEFINE_MUTEX(hashsize_lock);
static enum table_stage table_stage;	/* under hashsize_lock */
static unsigned int hashsize;		/* the same; 0: auto, or not given */
static bool hashsize_given;		/* the same */

static int hashsize_set(const char *val, const struct kernel_param *kp)
{
	unsigned int buckets;
	int err;

	err = ct_autosize_parse(val, strlen(val), &buckets);
	if (err)
		return err;

	mutex_lock(&hashsize_lock);
	switch (table_stage) {
	case TABLE_WANTED:
		hashsize = buckets;
		hashsize_given = true;
		break;
	case TABLE_BUSY:
		err = -EBUSY;
		break;
	case TABLE_READY:
		err = ct_autosize_set(buckets);
		break;
	}
	mutex_unlock(&hashsize_lock);
	return err;
}

static int hashsize_get(char *buffer, const struct kernel_param *kp)
{
	unsigned int buckets;

	mutex_lock(&hashsize_lock);
	if (table_stage == TABLE_READY)
		buckets = ct_hash_buckets();
	else
		buckets = hashsize;
	mutex_unlock(&hashsize_lock);
	return sysfs_emit(buffer, "%u\n", buckets);
}

static const struct kernel_param_ops hashsize_ops = {
	.set = hashsize_set,
	.get = hashsize_get,
};

static unsigned int max_flows;
static bool max_given;

static int max_set(const char *val, const struct kernel_param *kp)
{
	unsigned long max;

	if (ct_parse_number(val, strlen(val), &max) || max > INT_MAX) {
		pr_err("max '%.32s' refused: it must be a number from 0 (no limit) to %d\n",
		       val, INT_MAX);
		return -EINVAL;
	}
	max_flows = max;
	max_given = true;
	return 0;
}

static int max_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%u\n", max_flows);
}

static const struct kernel_param_ops max_ops = {
	.set = max_set,
	.get = max_get,
};

static bool acct = true;
static bool dropin = true;
static bool nf_names;
static bool nat = true;

module_param_cb(hashsize, &hashsize_ops, NULL, 0644);
MODULE_PARM_DESC(hashsize, "buckets of the table, rounded up to a power of two, or auto: as many as there are flows (default: from memory)");
module_param_cb(max, &max_ops, NULL, 0444);
MODULE_PARM_DESC(max, "most flows, 0 for no limit (default: 4 x buckets)");
module_param(acct, bool, 0444);
MODULE_PARM_DESC(acct, "show packet and byte counters (default: on)");
module_param(dropin, bool, 0444);
MODULE_PARM_DESC(dropin, "serve ctnetlink and rules where nf_conntrack is not loaded (default: on)");
module_param(nf_names, bool, 0444);
MODULE_PARM_DESC(nf_names, "offer the files under the names of nf_conntrack too, which cannot be loaded then (default: off)");
module_param(nat, bool, 0444);
MODULE_PARM_DESC(nat, "serve rules that translate addresses where nf_nat is not loaded (default: on)");

/* Namespaces */

/*
 * Where all numbers are taken nothing is tracked, and the log says so: whoever took
 * them must not be able to keep others from having a namespace.
 */
static int __net_init enroll(struct ct_net *cnet)
{
	int err = ct_net_enroll(cnet);

	if (err != -EBUSY)
		return err;
	pr_warn_ratelimited("namespace %u is not tracked: %lu others are\n",
			    cnet->net->ns.inum, CT_NET_NUMBERS);
	return 0;
}

static int __net_init begin_hooks(struct ct_net *cnet)
{
	if (cnet->number == CT_NET_NONE)
		return 0;
	return ct_hooks_register(cnet->net);
}

static int __net_init net_begin(struct net *net)
{
	struct ct_net *cnet = ct_net(net);
	int err = -ENOMEM;

	if (net_eq(net, &init_net))
		ct_net_initial = cnet;	/* comes before all others */
	cnet->net = net;
	cnet->hash_mix = net_hash_mix(net);
	ct_knobs_init(cnet, max_flows, acct);
	ct_room_init(cnet);
	ct_event_net_init(cnet);
	mutex_init(&cnet->setting);
	cnet->stat = alloc_percpu(struct ct_stat);
	if (!cnet->stat)
		return err;
	err = ct_pending_net_init(cnet);
	if (err)
		goto no_pending;
	err = enroll(cnet);
	if (err)
		goto no_id;
	err = ct_sysctl_init(net, CT_NAMES_CLASSIC);
	if (err)
		goto no_sysctl;
	err = ct_procfs_init(net, CT_NAMES_CLASSIC);
	if (err)
		goto no_procfs;
	err = begin_hooks(cnet);
	if (err)
		goto no_hooks;
	return 0;

no_hooks:
	/* Some hooks may have been there for a moment, with packets in them. */
	synchronize_rcu();
	ct_room_exit(cnet);
	ct_flow_end_all(cnet);
	ct_procfs_exit(net, CT_NAMES_CLASSIC);
no_procfs:
	ct_sysctl_exit(net, CT_NAMES_CLASSIC);
no_sysctl:
	ct_net_dismiss(cnet);
no_id:
	ct_pending_net_exit(cnet);
no_pending:
	free_percpu(cnet->stat);
	return err;
}

/*
 * The core of the kernel waits an RCU grace period between this and
 * end_nets(), which is what packets still in a hook need.
 */
static void __net_exit net_leave(struct net *net)
{
	WRITE_ONCE(ct_net(net)->leaving, true);
	ct_bridge_leave(ct_net(net));
	if (ct_net(net)->number != CT_NET_NONE)
		ct_hooks_unregister(net);
	ct_procfs_exit(net, CT_NAMES_CLASSIC);
	ct_sysctl_exit(net, CT_NAMES_CLASSIC);
}

/*
 * One walk through the table for all that end together, and none where they have
 * no flows: the kernel's core ends namespaces one batch at a time, and everybody's
 * wait for each other.
 */
static void __net_exit end_nets(struct list_head *gone)
{
	struct ct_net *cnet;
	bool empty = true;
	struct net *net;

	list_for_each_entry(net, gone, exit_list) {
		cnet = ct_net(net);
		ct_room_exit(cnet);
		if (ct_net_is_empty(cnet))
			continue;
		ct_net_set_ending(cnet);
		empty = false;
	}
	if (!empty)
		ct_flow_end_ending();
	list_for_each_entry(net, gone, exit_list) {
		cnet = ct_net(net);
		ct_net_dismiss(cnet);
		ct_pending_net_exit(cnet);
		free_percpu(cnet->stat);
	}
}

static struct pernet_operations ct_net_ops = {
	.init = net_begin,
	.pre_exit = net_leave,
	.exit_batch = end_nets,
	.id = &ct_net_id,
	.size = sizeof(struct ct_net),
};

/* Module */

/**
 * ct_is_dropin() - do we stand in for nf_conntrack?
 *
 * Context: any.
 *
 * Return: false for an observer.
 */
bool ct_is_dropin(void)
{
	return dropin && !ct_nfct_is_there();
}
EXPORT_SYMBOL_CT(ct_is_dropin);

/**
 * ct_is_nat_wanted() - may rules that translate be served?
 *
 * Context: any.
 *
 * Return: false where they are to be nf_nat's.
 */
bool ct_is_nat_wanted(void)
{
	return nat;
}
EXPORT_SYMBOL_CT(ct_is_nat_wanted);

/* They are an extra: where they cannot be had, all else is there. */
static bool offer_names(void)
{
	int err;

	if (ct_nfct_is_there()) {
		pr_notice("nf_names=1 has no effect: nf_conntrack is there and has these names\n");
		return false;
	}
	if (!dropin) {
		pr_notice("nf_names=1 has no effect: dropin=0 leaves these names to nf_conntrack\n");
		return false;
	}
	err = ct_names_offer();
	if (err)
		pr_notice("nf_names=1 has no effect: these names cannot be had, error %d\n",
			  err);
	return !err;
}

static void say_hello(unsigned int buckets)
{
	const char *mode;

	if (ct_nfct_is_there())
		mode = "observer beside nf_conntrack";
	else if (!dropin)
		mode = "observer";
	else
		mode = "drop-in for nf_conntrack";
	pr_info("version %s, %u buckets, max %u flows, %zu bytes each (IPv6 %zu), %s%s\n",
		CT_VERSION, buckets, max_flows, sizeof(struct ct_flow),
		sizeof(struct ct_flow6), mode,
		nf_names ? ", with its file names" : "");
}

static bool follows;	/* hashsize=auto; read only once the module works */

static unsigned int table_begin(void)
{
	unsigned int buckets;

	mutex_lock(&hashsize_lock);
	follows = hashsize_given && !hashsize;
	if (follows)
		hashsize = CT_AUTOSIZE_LEAST;
	else if (!hashsize)
		hashsize = ct_hash_default();
	buckets = hashsize;
	table_stage = TABLE_BUSY;
	mutex_unlock(&hashsize_lock);
	return buckets;
}

static void table_set_stage(enum table_stage stage)
{
	mutex_lock(&hashsize_lock);
	table_stage = stage;
	mutex_unlock(&hashsize_lock);
}

static int __init ct_init(void)
{
	unsigned int buckets = table_begin();
	int err;

	if (!max_given)
		max_flows = 4 * (follows ? ct_hash_default() : buckets);

	err = ct_tuple_init();
	if (err)
		return err;
	err = ct_hash_init(buckets);
	if (err) {
		pr_err("no table of %u buckets: error %d\n", buckets, err);
		goto no_hash;
	}
	err = ct_source_init();
	if (err)
		goto no_source;
	err = ct_conncount_module_init();
	if (err)
		goto no_count;
	err = ct_expire_init();
	if (err)
		goto no_expire;
	err = ct_gc_init();
	if (err)
		goto no_gc;
	err = register_pernet_subsys(&ct_net_ops);
	if (err)
		goto no_net;
	ct_names_watch(dropin);
	ct_nfct_take(dropin);
	nf_names = nf_names && offer_names();
	ct_autosize_begin();
	if (follows)
		ct_autosize_set(0);
	table_set_stage(TABLE_READY);
	say_hello(buckets);
	return 0;

no_net:
	ct_gc_exit();
no_gc:
	ct_expire_exit();
no_expire:
	ct_conncount_module_exit();
no_count:
	ct_source_exit();
no_source:
	ct_hash_exit();
no_hash:
	return err;
}

static void __exit ct_exit(void)
{
	ct_names_withdraw();
	ct_names_unwatch();
	ct_nfct_give_back();
	table_set_stage(TABLE_BUSY);
	ct_autosize_end();
	unregister_pernet_subsys(&ct_net_ops);
	ct_gc_exit();
	ct_expire_exit();
	ct_conncount_module_exit();
	ct_source_exit();
	ct_hash_exit();
	ct_pending_exit();
}

module_init(ct_init);
module_exit(ct_exit);

MODULE_SOFTDEP("post: ip_conntrack_netlink ip_conntrack_xt ip_conntrack_nft ip_conntrack_tc ip_conntrack_nat_xt ip_conntrack_nat_nft");
MODULE_ALIAS("nf_conntrack_ipv4");
MODULE_ALIAS("nf_conntrack_ipv6");
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("Connection tracking with the classic interface");
MODULE_LICENSE("GPL");
MODULE_VERSION(CT_VERSION);
