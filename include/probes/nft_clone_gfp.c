// SPDX-License-Identifier: GPL-2.0
/* nft_expr_ops.clone is told how it may allocate */
#include <net/netfilter/nf_tables.h>
int probe_clone(struct nft_expr *dst, const struct nft_expr *src, gfp_t gfp);
const struct nft_expr_ops probe = { .clone = probe_clone };
