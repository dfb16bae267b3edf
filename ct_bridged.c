// SPDX-License-Identifier: GPL-2.0
/*
 * Who tracks bridged packets, for the rules that ask for that.
 *
 * Overview
 *	A host without such a rule does not carry the module ip_conntrack_bridge. It
 *	is asked for when a rule of a bridge table says ct, and stays for as long as
 *	one does.
 *
 * Context
 *	Process, sleeps; @bridge_lock, inside nf_tables' mutex, around the module's
 *	own lock. It holds what @bridge of a namespace points to as well: hooks read
 *	that under RCU, and the module waits for them before it goes.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "ct_bridge.h"
#include "ct_compat.h"

static DEFINE_MUTEX(bridge_lock);
static const struct ct_bridge_ops *bridge_ops;	/* under it */

/**
 * ct_bridge_serve() - the module comes, or goes
 * @ops: what it does; %NULL when it goes: nobody is in there when this returns
 *
 * Context: process, sleeps.
 */
void ct_bridge_serve(const struct ct_bridge_ops *ops)
{
	mutex_lock(&bridge_lock);
	bridge_ops = ops;
	mutex_unlock(&bridge_lock);
	if (!ops)
		synchronize_rcu();
}
EXPORT_SYMBOL_CT(ct_bridge_serve);

/**
 * ct_bridge_get() - track bridged packets of a namespace
 * @net: the namespace
 *
 * For each rule that asks, until ct_bridge_put().
 *
 * Context: process, sleeps.
 *
 * Return: 0, -ENOENT where the module is not there, or another error.
 */
int ct_bridge_get(struct net *net)
{
	int err = -ENOENT;

	mutex_lock(&bridge_lock);
	if (bridge_ops && try_module_get(bridge_ops->owner)) {
		err = bridge_ops->get(net);
		if (err)
			module_put(bridge_ops->owner);
	}
	mutex_unlock(&bridge_lock);
	return err;
}
EXPORT_SYMBOL_CT(ct_bridge_get);

/**
 * ct_bridge_put() - one rule less asks
 * @net: the namespace
 *
 * Context: process, sleeps.
 */
void ct_bridge_put(struct net *net)
{
	struct module *owner;

	mutex_lock(&bridge_lock);
	owner = bridge_ops->owner;
	bridge_ops->put(net);
	module_put(owner);
	mutex_unlock(&bridge_lock);
}
EXPORT_SYMBOL_CT(ct_bridge_put);

/**
 * ct_bridge_leave() - a namespace goes
 * @cnet: the namespace
 *
 * Rules of it may go at the same time, and the module with the last of them.
 *
 * Context: process, sleeps.
 */
void ct_bridge_leave(struct ct_net *cnet)
{
	mutex_lock(&bridge_lock);
	if (cnet->bridge)
		cnet->bridge->leave(cnet);
	mutex_unlock(&bridge_lock);
}
