/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The short way of packets whose flow we translate: what they become is read off the
 * flow's other node, and carried to the hooks that write it (nat/ct_nat.c).
 */
#ifndef CT_BOUND_FAST_H
#define CT_BOUND_FAST_H

#include "ct_fast.h"
#include "ct_flow.h"
#include "ct_nfct.h"
#include "ct_pending.h"
#include "ct_table.h"
#include "ct_tuple.h"

/* What packets of that direction become: the inverse of the other one */
static __always_inline void ct_bound_to(const struct ct_flow *flow,
					const struct ct_fast_move *m, u8 family,
					struct ct_tuple *to)
{
	const struct ct_alias *alias = ct_flow_alias(flow);
	bool there = m->dir == IP_CT_DIR_ORIGINAL;
	const struct ct_key *key = there ? &alias->node.key : &flow->node.key;
	u8 sender = there ? alias->sender : !!(m->status & CT_FLOW_ORIGIN);
	const struct in6_addr *addr;

	if (family == NFPROTO_IPV4) {
		to->src.ip = key->addr[!sender];
		to->dst.ip = key->addr[sender];
	} else {
		addr = there ? ct_alias6(alias)->addr : ct_flow6(flow)->addr;
		to->src.in6 = addr[!sender];
		to->dst.in6 = addr[sender];
	}
	to->sport = key->port[!sender];
	to->dport = key->port[sender];
	to->family = family;
	to->protonum = key->protonum;
	to->zone = 0;
	to->link = 0;
}

/* The flow's lock is held. Does that node of it stand for the packet, which goes on? */
static __always_inline bool ct_bound_recheck(const struct ct_flow *flow,
					     const struct ct_fast_move *m,
					     const struct ct_node *node,
					     const struct ct_lookup_key *id,
					     const struct ct_net *cnet)
{
	const struct ct_alias *alias = ct_flow_alias(flow);

	return !(m->status & (IPS_DYING | IPS_FIXED_TIMEOUT)) &&
	       m->status & CT_FLOW_BOUND && alias &&
	       (node == &flow->node || node == &alias->node) &&
	       ct_node_matches(node, cnet, &id->key, id->addr) &&
	       ct_node_senders(node) & BIT(id->sender) &&
	       alias->node.key.zone == flow->node.key.zone &&
	       ct_left(flow->expires, m->now) > 0;
}

#endif /* CT_BOUND_FAST_H */
