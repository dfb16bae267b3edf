/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nf_nat: there first, or coming later.
 */
#ifndef CT_NAT_BESIDE_H
#define CT_NAT_BESIDE_H

#include <linux/types.h>

/**
 * enum ct_nat_rules - who writes rules that translate
 * @CT_NAT_XT: iptables
 * @CT_NAT_NFT: nft
 * @CT_NAT_RULES: how many
 */
enum ct_nat_rules {
	CT_NAT_XT,
	CT_NAT_NFT,
	CT_NAT_RULES,
};

bool ct_nat_may_serve(enum ct_nat_rules rules);
void ct_nat_keep_out(enum ct_nat_rules rules, bool out);

#endif /* CT_NAT_BESIDE_H */
