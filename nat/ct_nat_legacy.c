// SPDX-License-Identifier: GPL-2.0
/*
 * The tables "nat" of legacy iptables and ip6tables: made when somebody asks for
 * one, in that namespace, and run by the engine (ct_nat_chain.c).
 *
 * Overview
 *	x_tables keeps a list of tables that could be made, and asks for the
 *	kernel's module only where a name is not in it. Ours are in it from the
 *	beginning. Making one calls functions of ip_tables or ip6_tables, and so
 *	does a small module apart (ct_nat_ipt4.c, ct_nat_ipt6.c), which is loaded
 *	then, and kept until this one goes. The table belongs to this module: a
 *	rule in it pins this one, as x_tables does it.
 *
 * Context
 *	Process context, may sleep.
 *
 * Synchronisation
 *	@tables_mutex: one at a time makes a table, or looks for the module that
 *	does. x_tables' own mutex is inside; it is not held where we are called.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netfilter_ipv4.h>
#include <net/netns/generic.h>

#include "ct_compat.h"
#include "ct_nat_chain.h"
#include "ct_nat_legacy.h"

/**
 * struct legacy_net - of one namespace
 * @table: the one of IPv4 and that of IPv6, or NULL
 */
struct legacy_net {
	struct xt_table *table[2];
};

static DEFINE_MUTEX(tables_mutex);
static unsigned int legacy_net_id __read_mostly;
static const struct ct_nat_table_ops *table_ops[2];	/* under tables_mutex */

#define NAT_TABLE(_family) {						\
		.name = "nat",						\
		.valid_hooks = BIT(NF_INET_PRE_ROUTING) |		\
			       BIT(NF_INET_LOCAL_IN) |			\
			       BIT(NF_INET_LOCAL_OUT) |			\
			       BIT(NF_INET_POST_ROUTING),		\
		.me = THIS_MODULE,					\
		.af = NFPROTO_##_family,				\
	}

static const struct xt_table tables[2] = { NAT_TABLE(IPV4), NAT_TABLE(IPV6) };

/* Priorities have the same numbers for IPv6. */
static const struct {
	unsigned int hook;
	int priority;
} hooks[] = {
	{ NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST },
	{ NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST },
	{ NF_INET_LOCAL_IN, NF_IP_PRI_NAT_SRC },
	{ NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC },
};

static struct nf_hook_ops hook_ops(int i, int n, struct xt_table *table)
{
	return (struct nf_hook_ops){
		.hook = table_ops[i]->run,
		.priv = table,
		.hooknum = hooks[n].hook,
		.priority = hooks[n].priority,
	};
}

/* The first @n of the table's four */
static void remove_hooks(struct net *net, int i, int n, struct xt_table *table)
{
	struct nf_hook_ops ops;

	while (n--) {
		ops = hook_ops(i, n, table);
		ct_nat_chain_remove(net, tables[i].af, &ops);
	}
}

static int add_hooks(struct net *net, int i, struct xt_table *table)
{
	struct nf_hook_ops ops;
	int n, err;

	for (n = 0; n < ARRAY_SIZE(hooks); n++) {
		ops = hook_ops(i, n, table);
		err = ct_nat_chain_add(net, tables[i].af, &ops);
		if (err) {
			remove_hooks(net, i, n, table);
			return err;
		}
	}
	return 0;
}

static const struct ct_nat_table_ops *find_ops(int i)
{
	return i ? symbol_get(ct_nat_ipt6_ops) : symbol_get(ct_nat_ipt4_ops);
}

static int get_ops(int i)
{
	if (table_ops[i])
		return 0;
	table_ops[i] = find_ops(i);
	if (!table_ops[i]) {
		request_module("ip_conntrack_nat_ipt%d", i ? 6 : 4);
		table_ops[i] = find_ops(i);
	}
	return table_ops[i] ? 0 : -ENOENT;
}

/* Newer kernels end a table in two steps, of which this is the first. */
static void hide(struct net *net, int i)
{
#ifdef CT_HAVE_XT_TABLE_PRE_EXIT
	xt_unregister_table_pre_exit(net, tables[i].af, tables[i].name);
#endif
}

static int make_table(struct net *net, int i)
{
	struct legacy_net *ln = net_generic(net, legacy_net_id);
	struct xt_table *table;
	int err;

	if (ln->table[i])	/* by somebody who asked at the same time */
		return 0;
	err = get_ops(i);
	if (err)
		return err;
	err = table_ops[i]->make(net, &tables[i]);
	if (err)
		return err;
	table = xt_find_table(net, tables[i].af, tables[i].name);
	err = table ? add_hooks(net, i, table) : -ENOENT;
	if (err) {
		hide(net, i);
		synchronize_rcu();
		table_ops[i]->end(net, tables[i].name);
		return err;
	}
	ln->table[i] = table;
	return 0;
}

static int init_table(struct net *net, int i)
{
	int err;

	mutex_lock(&tables_mutex);
	err = make_table(net, i);
	mutex_unlock(&tables_mutex);
	return err;
}

static int init_table4(struct net *net)
{
	return init_table(net, 0);
}

static int init_table6(struct net *net)
{
	return init_table(net, 1);
}

static void __net_exit legacy_net_pre_exit(struct net *net)
{
	struct legacy_net *ln = net_generic(net, legacy_net_id);
	int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		if (!ln->table[i])
			continue;
		remove_hooks(net, i, ARRAY_SIZE(hooks), ln->table[i]);
		hide(net, i);
	}
}

static void __net_exit legacy_net_exit(struct net *net)
{
	struct legacy_net *ln = net_generic(net, legacy_net_id);
	int i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		if (ln->table[i])
			table_ops[i]->end(net, tables[i].name);
}

static struct pernet_operations legacy_net_ops = {
	.pre_exit = legacy_net_pre_exit,
	.exit = legacy_net_exit,
	.id = &legacy_net_id,
	.size = sizeof(struct legacy_net),
};

/**
 * ct_nat_legacy_init() - tables can be asked for
 *
 * Context: Process context, may sleep.
 * Return: 0 or an error; nothing is registered then.
 */
int ct_nat_legacy_init(void)
{
	int err;

	err = register_pernet_subsys(&legacy_net_ops);
	if (err)
		return err;
	err = xt_register_template(&tables[0], init_table4);
	if (err)
		goto no_table4;
	err = xt_register_template(&tables[1], init_table6);
	if (err)
		goto no_table6;
	return 0;

no_table6:
	xt_unregister_template(&tables[0]);
no_table4:
	unregister_pernet_subsys(&legacy_net_ops);
	return err;
}

/**
 * ct_nat_legacy_exit() - the end of it, and of all tables
 *
 * Context: Process context, may sleep. There is no rule left in a table.
 */
void ct_nat_legacy_exit(void)
{
	xt_unregister_template(&tables[1]);
	xt_unregister_template(&tables[0]);
	unregister_pernet_subsys(&legacy_net_ops);
	if (table_ops[0])
		symbol_put(ct_nat_ipt4_ops);
	if (table_ops[1])
		symbol_put(ct_nat_ipt6_ops);
}
