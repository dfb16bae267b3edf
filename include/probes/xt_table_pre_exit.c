// SPDX-License-Identifier: GPL-2.0
/* xt_unregister_table_pre_exit() is there: a table ends in two steps */
#include <linux/netfilter/x_tables.h>
void probe(struct net *net);
void probe(struct net *net)
{
	xt_unregister_table_pre_exit(net, NFPROTO_IPV4, "nat");
}
