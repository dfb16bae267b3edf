/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The engine's files among themselves; what others may use is in ct_nat.h.
 */
#ifndef CT_NAT_ENGINE_H
#define CT_NAT_ENGINE_H

#include "ct_nat.h"
#include "ct_pending.h"
#include "ct_tuple.h"

/**
 * ct_nat_bit() - the flag that says that an end is decided
 * @manip: which end
 *
 * Return: CT_BIND_SRC or CT_BIND_DST.
 */
static inline u32 ct_nat_bit(enum nf_nat_manip_type manip)
{
	return manip == NF_NAT_MANIP_SRC ? CT_BIND_SRC : CT_BIND_DST;
}

/* Rewriting: ct_nat_mangle.c */
bool ct_nat_end_differs(const struct ct_tuple *a, const struct ct_tuple *b,
			enum nf_nat_manip_type manip);
bool ct_nat_mangle(struct ct_pkt *pkt, const struct ct_tuple *to,
		   enum nf_nat_manip_type manip);
bool ct_nat_mangle_quote(const struct ct_pkt *pkt, unsigned int offset,
			 const struct ct_tuple *to,
			 enum nf_nat_manip_type manip);
bool ct_nat_sum_error(const struct ct_pkt *pkt);

/* Choosing: ct_nat_choose.c */
bool ct_nat_choose(struct ct_pkt *pkt, const struct nf_nat_range2 *range,
		   enum nf_nat_manip_type manip, struct ct_tuple *want);
void ct_nat_choose_init(void);

/* Several first packets of one flow: ct_nat_first.c */
struct ct_nat_firsts;

bool ct_nat_first_find(struct ct_nat_firsts *firsts, const struct ct_net *cnet,
		       const struct ct_pending *p, struct ct_tuple *to);
bool ct_nat_first_keep(struct ct_nat_firsts *firsts, const struct ct_net *cnet,
		       struct ct_pending *p, struct ct_tuple *to);
struct ct_nat_firsts *ct_nat_first_init(void);
void ct_nat_first_exit(struct ct_nat_firsts *firsts);

/* SO_ORIGINAL_DST: ct_nat_sockopt.c */
void ct_nat_sockopt_offer(void);
void ct_nat_sockopt_withdraw(void);

/* Routes and policies: ct_nat_route.c */
int ct_nat_route_again(struct sk_buff *skb, const struct nf_hook_state *state);
int ct_nat_policy_again(struct sk_buff *skb, const struct nf_hook_state *state);

#endif /* CT_NAT_ENGINE_H */
