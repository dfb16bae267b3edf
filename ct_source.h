/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sources: how many flows one address, or one network, may have.
 */
#ifndef CT_SOURCE_H
#define CT_SOURCE_H

#include "ct_flow.h"
#include "ct_net.h"
#include "ct_tuple.h"

#define CT_SOURCE_LOOKS	64	/* flows that a packet looks at, at most */

/**
 * struct ct_source_key - who
 * @addr: network, the rest zero
 * @net: namespace, as struct ct_net.number
 * @family: NFPROTO_*
 *
 * Has no padding: it is hashed and compared as bytes.
 */
struct ct_source_key {
	union nf_inet_addr addr;
	u32 net;
	u32 family;
};

static_assert(sizeof(struct ct_source_key) == 24);

void ct_source_of(const struct ct_net *cnet, const struct ct_key *key,
		  const struct in6_addr *addr, u8 sender,
		  struct ct_source_key *who);
void ct_source_has(const struct ct_net *cnet, const struct ct_flow *flow,
		   struct ct_source_key *who);
int ct_source_add(const struct ct_source_key *who, u32 *hash,
		  unsigned int limit);

/* ct_srclimit.c */
int ct_source_count(struct ct_net *cnet, const struct ct_lookup_key *orig);
void ct_source_uncount(const struct ct_net *cnet, const struct ct_key *key,
		       const struct in6_addr *addr, u8 sender);
void ct_source_forget(const struct ct_net *cnet, const struct ct_flow *flow);

int ct_source_set_limit(struct ct_net *cnet, unsigned int limit);
int ct_source_set_prefix(struct ct_net *cnet, u8 *prefix, u8 length);

int ct_source_init(void);
void ct_source_exit(void);

/**
 * ct_source_enter() - count a flow that is about to be made, if it may be
 * @cnet: its namespace
 * @orig: its original direction
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: 0; 1 if it has been counted; -EDQUOT if its source has as many as it
 * may have; -ENOMEM.
 */
static inline int ct_source_enter(struct ct_net *cnet,
				  const struct ct_lookup_key *orig)
{
	if (likely(!READ_ONCE(cnet->knobs.max_per_source)))
		return 0;
	return ct_source_count(cnet, orig);
}

/**
 * ct_source_leave() - a flow is no more
 * @cnet: its namespace
 * @flow: the flow, its lock held, or private
 *
 * Context: bottom halves off.
 */
static inline void ct_source_leave(const struct ct_net *cnet,
				   const struct ct_flow *flow)
{
	if (unlikely(flow->status & CT_FLOW_COUNTED))
		ct_source_forget(cnet, flow);
}

#endif /* CT_SOURCE_H */
