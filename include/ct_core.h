/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks: a packet's way through the tracker.
 */
#ifndef CT_CORE_H
#define CT_CORE_H

struct net;
struct nf_hook_state;
struct sk_buff;

int ct_core_register(struct net *net);
void ct_core_unregister(struct net *net);

/* For ct_bridge.c: @priv is a struct ct_net, @state->pf an IP family. */
unsigned int ct_core_first_hook(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state);
unsigned int ct_core_last_hook(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state);

#endif /* CT_CORE_H */
