/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Expressions of nf_tables, registered together.
 */
#ifndef CT_NFT_REGISTER_H
#define CT_NFT_REGISTER_H

#include <net/netfilter/nf_tables.h>

/**
 * ct_nft_unregister() - undo ct_nft_register()
 * @types: expressions
 * @n: how many
 *
 * Context: process, may sleep.
 */
static inline void ct_nft_unregister(struct nft_expr_type *types, int n)
{
	while (n--)
		nft_unregister_expr(&types[n]);
}

/**
 * ct_nft_register() - register all of some expressions, or none
 * @types: expressions
 * @n: how many
 *
 * Context: process, may sleep.
 *
 * Return: 0 or an error.
 */
static inline int ct_nft_register(struct nft_expr_type *types, int n)
{
	int i, err;

	for (i = 0; i < n; i++) {
		err = nft_register_expr(&types[i]);
		if (err) {
			ct_nft_unregister(types, i);
			return err;
		}
	}
	return 0;
}

#endif /* CT_NFT_REGISTER_H */
