/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The names of nf_conntrack, and nf_conntrack itself coming later.
 */
#ifndef CT_NAMES_H
#define CT_NAMES_H

void ct_names_watch(bool dropin);
void ct_names_unwatch(void);

int ct_names_offer(void);
void ct_names_withdraw(void);

#endif /* CT_NAMES_H */
