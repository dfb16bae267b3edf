/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /proc/net/ip_conntrack, /proc/net/ip6_conntrack, /proc/net/stat/ip_conntrack.
 */
#ifndef CT_PROCFS_H
#define CT_PROCFS_H

struct net;
struct seq_file;
struct ct_snapshot;

int ct_procfs_init(struct net *net);
void ct_procfs_exit(struct net *net);

void ct_procfs_line(struct seq_file *s, const struct ct_snapshot *snap,
		    bool acct);

#endif /* CT_PROCFS_H */
