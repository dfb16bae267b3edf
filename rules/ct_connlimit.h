/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limits on the number of connections that rules set.
 */
#ifndef CT_CONNLIMIT_H
#define CT_CONNLIMIT_H

int ct_limit_xt_init(void);
void ct_limit_xt_exit(void);

int ct_limit_nft_init(void);
void ct_limit_nft_exit(void);

#endif /* CT_CONNLIMIT_H */
