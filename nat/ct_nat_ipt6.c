// SPDX-License-Identifier: GPL-2.0
/*
 * The table "nat" of legacy ip6tables: what ip6_tables has to be called for. A module of
 * its own, for there are kernels without ip6_tables, and hosts that do not want it:
 * ct_nat_legacy.c loads this one when somebody asks for the table.
 *
 * Context
 *	run: hooks, RCU read-side section; the rest: process, may sleep.
 */
#include <linux/module.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/slab.h>

#include "ct_compat.h"
#include "ct_nat_legacy.h"

static int make(struct net *net, const struct xt_table *table)
{
	struct ip6t_replace *empty = ip6t_alloc_initial_table(table);
	int err;

	if (!empty)
		return -ENOMEM;
	err = ip6t_register_table(net, table, empty, NULL);
	kfree(empty);
	return err;
}

const struct ct_nat_table_ops ct_nat_ipt6_ops = {
	.run = ip6t_do_table,
	.make = make,
	.end = ip6t_unregister_table_exit,
};
EXPORT_SYMBOL_CT(ct_nat_ipt6_ops);

MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("The legacy IPv6 table nat for ip_conntrack");
MODULE_LICENSE("GPL");
