/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /proc/net/ip_conntrack, /proc/net/ip6_conntrack, /proc/net/stat/ip_conntrack,
 * and the same under the names of nf_conntrack.
 */
#ifndef CT_PROCFS_H
#define CT_PROCFS_H

#include "ct_net.h"

struct seq_file;
struct ct_snapshot;

int ct_procfs_init(struct net *net, enum ct_naming naming);
void ct_procfs_exit(struct net *net, enum ct_naming naming);

void ct_procfs_line(struct seq_file *s, const struct ct_snapshot *snap,
		    enum ct_naming naming, bool acct);

#endif /* CT_PROCFS_H */
