/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Limits on the number of connections that rules set.
 */
#ifndef CT_LIMIT_H
#define CT_LIMIT_H

int ct_limit_xt_init(void);
void ct_limit_xt_exit(void);

int ct_limit_nft_init(void);
void ct_limit_nft_exit(void);

#endif /* CT_LIMIT_H */
