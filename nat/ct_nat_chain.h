/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Chains that say how first packets are translated: those of legacy tables and of
 * nft, in one list for each hook. Run by ct_nat_run_chains() (ct_nat.h).
 */
#ifndef CT_NAT_CHAIN_H
#define CT_NAT_CHAIN_H

#include <linux/netfilter.h>
#include <net/net_namespace.h>

/* ct_nat_main.c, which has the hooks made and then links it */
int ct_nat_chain_add(struct net *net, u8 pf, const struct nf_hook_ops *ops);
int ct_nat_chain_link(struct net *net, u8 pf, const struct nf_hook_ops *ops);
void ct_nat_chain_remove(struct net *net, u8 pf, const struct nf_hook_ops *ops);

#endif /* CT_NAT_CHAIN_H */
