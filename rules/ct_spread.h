/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rules that spread connections over machines or ways.
 */
#ifndef CT_SPREAD_H
#define CT_SPREAD_H

int ct_spread_xt_init(void);
void ct_spread_xt_exit(void);

#endif /* CT_SPREAD_H */
