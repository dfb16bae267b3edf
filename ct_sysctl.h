/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /proc/sys/net/ipv4/netfilter/ip_conntrack_* and net/ipv4/ip_conntrack_max,
 * and the same under the names of nf_conntrack.
 */
#ifndef CT_SYSCTL_H
#define CT_SYSCTL_H

#include <linux/types.h>

#include "ct_net.h"

int ct_sysctl_init(struct net *net, enum ct_naming naming);
void ct_sysctl_exit(struct net *net, enum ct_naming naming);

#endif /* CT_SYSCTL_H */
