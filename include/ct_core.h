/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks: a packet's way through the tracker.
 */
#ifndef CT_CORE_H
#define CT_CORE_H

struct net;

int ct_core_register(struct net *net);
void ct_core_unregister(struct net *net);

#endif /* CT_CORE_H */
