/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks: a packet's way through the tracker.
 */
#ifndef CT_CORE_H
#define CT_CORE_H

#include <linux/netfilter.h>

#include "ct_tuple.h"

/* All packets: ct_core.c. @priv is a struct ct_net, @state->pf an IP family. */
unsigned int ct_core_first(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);
void ct_core_found_unlock(const struct ct_pkt *pkt, enum ct_reason reason,
			  struct ct_flow *flow, enum ip_conntrack_dir dir,
			  const struct nf_hook_state *state);
void ct_core_new(const struct ct_pkt *pkt, enum ct_reason reason,
		 const struct nf_hook_state *state);

bool ct_core_join(const struct ct_pkt *pkt, const struct ct_tuple *tuple,
		  enum ct_reason *reason, struct ct_tuple *to);

/* ct_confirm.c */
unsigned int ct_core_last(void *priv, struct sk_buff *skb,
			  const struct nf_hook_state *state);
unsigned int ct_core_no_flow(struct ct_net *cnet, int err);

/* Plain ones, by family: ct_fast.c */
unsigned int ct_fast_first4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state);
unsigned int ct_fast_first6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state);
unsigned int ct_fast_last4(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);
unsigned int ct_fast_last6(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state);

/**
 * struct ct_fast_view - what the short way reads of a packet
 * @id: what it looks for
 * @tuple: what it remembers
 * @l4len: bytes behind the IP header
 * @kind: enum ct_tcp_kind, where it judges a segment itself; CT_TCP_K_NONE
 * @seg: the segment then: all but the kind, and what only others have
 */
struct ct_fast_view {
	struct ct_lookup_key id;
	struct ct_tuple tuple;
	unsigned int l4len;
	u8 kind;
	struct ct_tcp_seg seg;
};

bool ct_fast_read(struct sk_buff *skb, const struct ct_net *cnet,
		  const struct nf_hook_state *state,
		  struct ct_fast_view *view);

/* ct_hooks.c */
int ct_hooks_register(struct net *net);
void ct_hooks_unregister(struct net *net);

#endif /* CT_CORE_H */
