// SPDX-License-Identifier: GPL-2.0
/* register_net_sysctl_sz() is there: sysctl tables have a size, not an end */
#include <net/net_namespace.h>
struct ctl_table_header *probe(struct net *net, struct ctl_table *t);
struct ctl_table_header *probe(struct net *net, struct ctl_table *t)
{
	return register_net_sysctl_sz(net, "probe", t, 1);
}
