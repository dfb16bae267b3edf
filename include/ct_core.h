/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks: a packet's way through the tracker.
 */
#ifndef CT_CORE_H
#define CT_CORE_H

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

struct ct_flow;
struct ct_net;
struct net;
struct nf_hook_state;
struct sk_buff;

/* All packets: ct_core.c. @priv is a struct ct_net, @state->pf an IP family. */
unsigned int ct_core_first(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);
unsigned int ct_core_last(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state);
void ct_core_found(struct ct_net *cnet, struct ct_flow *flow,
		   enum ip_conntrack_dir dir, struct sk_buff *skb,
		   const struct nf_hook_state *state);
void ct_core_new(struct ct_net *cnet, struct sk_buff *skb,
		 const struct nf_hook_state *state);

/* Plain ones: ct_plain.c */
unsigned int ct_plain_first(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state);
unsigned int ct_plain_last(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);

int ct_core_register(struct net *net);
void ct_core_unregister(struct net *net);

#endif /* CT_CORE_H */
