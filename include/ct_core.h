/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks: a packet's way through the tracker.
 */
#ifndef CT_CORE_H
#define CT_CORE_H

#include <linux/netfilter.h>

#include "ct_event.h"
#include "ct_expire.h"
#include "ct_tuple.h"

/* All packets: ct_core.c. @priv is a struct ct_net, @state->pf an IP family. */
unsigned int ct_core_first(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);
unsigned int ct_core_last(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state);
void ct_core_found(const struct ct_pkt *pkt, enum ct_reason reason,
		   struct ct_flow *flow, enum ip_conntrack_dir dir,
		   const struct nf_hook_state *state);
void ct_core_new(const struct ct_pkt *pkt, enum ct_reason reason,
		 const struct nf_hook_state *state);

unsigned int ct_core_no_flow(struct ct_net *cnet, int err);

/* A packet's flow is in the table: it may be gone again already. */
static inline void ct_core_born(struct ct_net *cnet, struct ct_flow *flow,
				u32 hash)
{
	ct_stat_inc(cnet, fresh);
	ct_stat_inc(cnet, insert);
	ct_event_new(flow, hash, NULL);
	ct_expire_kick();
}

/* Plain ones, by family: ct_plain.c */
unsigned int ct_plain_first4(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state);
unsigned int ct_plain_first6(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state);
unsigned int ct_plain_last4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state);
unsigned int ct_plain_last6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state);

int ct_core_register(struct net *net);
void ct_core_unregister(struct net *net);

#endif /* CT_CORE_H */
