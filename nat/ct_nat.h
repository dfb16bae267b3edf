/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Translation of our own: what rules, chains and the engine say to each other.
 *
 *	rules -> engine		ct_nat_setup() and its like, while chains run
 *	rules -> chains		ct_nat_chain_add() (ct_nat_chain.h)
 *	engine -> chains	ct_nat_run_chains()
 *
 * A packet that may be translated refers to a pending object (ct_pending.h), and only
 * such a packet comes to chains: a target need not look for anything itself.
 */
#ifndef CT_NAT_H
#define CT_NAT_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/netfilter/nf_nat.h>	/* struct nf_nat_range2, manip types */

/**
 * ct_nat_manip_of() - which end is rewritten at a hook
 * @hook: NF_INET_PRE_ROUTING, _LOCAL_IN, _LOCAL_OUT or _POST_ROUTING
 *
 * Return: the end.
 */
static inline enum nf_nat_manip_type ct_nat_manip_of(unsigned int hook)
{
	return hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT ?
	       NF_NAT_MANIP_DST : NF_NAT_MANIP_SRC;
}

/*
 * For targets and expressions: ct_nat.c, ct_nat_masq.c. All return a verdict:
 * %NF_ACCEPT, or %NF_DROP where nothing could be chosen, or there is no memory.
 * A packet that rules have nothing to decide for (it has a flow, or that end was set
 * up already) is accepted, and nothing is done. Ports of @range are big endian.
 */
int ct_nat_setup(struct sk_buff *skb, const struct nf_hook_state *state,
		 const struct nf_nat_range2 *range,
		 enum nf_nat_manip_type manip);
/* Source: an address of the device that the packet leaves by. @range: flags, ports. */
int ct_nat_masquerade(struct sk_buff *skb, const struct nf_hook_state *state,
		      const struct nf_nat_range2 *range);
/* Destination: this host, by the device that the packet came in by; or loopback. */
int ct_nat_redirect(struct sk_buff *skb, const struct nf_hook_state *state,
		    const struct nf_nat_range2 *range);

/**
 * ct_nat_is_set() - has a rule set up this hook's end of a packet?
 * @skb: the packet
 * @state: the hook
 *
 * For ct_nat_run_chains(): the chains that come later are not run then.
 *
 * Return: true if one has.
 */
bool ct_nat_is_set(const struct sk_buff *skb,
		   const struct nf_hook_state *state);

/*
 * Provided by ct_nat_chain.c: runs the chains of @state->net, @state->pf and
 * @state->hook in the order of their priorities, until one of them drops the packet,
 * steals or queues it, or ct_nat_is_set(). Bottom halves may be on; RCU read lock held.
 *
 * Return: the verdict of the last that ran; NF_ACCEPT where there is none.
 */
unsigned int ct_nat_run_chains(struct sk_buff *skb,
			       const struct nf_hook_state *state);

#endif /* CT_NAT_H */
