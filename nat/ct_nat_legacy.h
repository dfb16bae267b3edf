/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tables "nat" of legacy iptables and ip6tables.
 */
#ifndef CT_NAT_LEGACY_H
#define CT_NAT_LEGACY_H

#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>

/**
 * struct ct_nat_table_ops - what only the table's own module can call
 * @run: runs a table, which it is told, for a packet
 * @make: makes one in a namespace; 0 or an error
 * @end: it is not used any more: frees it, if there is one
 */
struct ct_nat_table_ops {
	nf_hookfn *run;
	int (*make)(struct net *net, const struct xt_table *table);
	void (*end)(struct net *net, const char *name);
};

extern const struct ct_nat_table_ops ct_nat_ipt4_ops;
extern const struct ct_nat_table_ops ct_nat_ipt6_ops;

int ct_nat_legacy_init(void);
void ct_nat_legacy_exit(void);

#endif /* CT_NAT_LEGACY_H */
