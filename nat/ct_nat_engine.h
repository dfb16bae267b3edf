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

/**
 * ct_nat_is_open() - is one end of a first packet not decided yet?
 * @p: what the packet refers to, or %NULL
 * @manip: which end
 *
 * Return: true if nobody has decided it.
 */
static inline bool ct_nat_is_open(const struct ct_pending *p,
				  enum nf_nat_manip_type manip)
{
	return p && READ_ONCE(p->kind) == CT_PENDING_FIRST &&
	       !(READ_ONCE(p->bind.flags) & ct_nat_bit(manip));
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
bool ct_nat_first_find(const struct ct_net *cnet, const struct ct_pending *p,
		       struct ct_tuple *to);
bool ct_nat_first_keep(const struct ct_net *cnet, struct ct_pending *p,
		       struct ct_tuple *to);
int ct_nat_first_begin(struct net *net);
int ct_nat_first_init(void);
void ct_nat_first_exit(void);

/* At each hook, and at the tracker's last one: ct_nat.c */
unsigned int ct_nat_hook(void *priv, struct sk_buff *skb,
			 const struct nf_hook_state *state);
bool ct_nat_choose_again(struct ct_pkt *pkt, struct ct_pending *p,
			 const struct nf_hook_state *state);
bool ct_nat_join(const struct ct_pkt *pkt, const struct ct_tuple *to,
		 const struct nf_hook_state *state);

/* Beginning and end of other files: called by ct_nat_main.c */
int ct_nat_chain_init(void);
void ct_nat_chain_exit(void);
int ct_nat_beside_init(void);	/* nf_nat's modules coming later */
void ct_nat_beside_exit(void);
int ct_nat_masq_init(void);
void ct_nat_masq_exit(void);

/* SO_ORIGINAL_DST: ct_nat_sockopt.c */
void ct_nat_sockopt_offer(void);
void ct_nat_sockopt_withdraw(void);

/* Routes and policies: ct_nat_route.c */
int ct_nat_route_again(struct sk_buff *skb, const struct nf_hook_state *state);
int ct_nat_policy_again(struct sk_buff *skb, const struct nf_hook_state *state);

/* What IPsec is told, and whether nf_nat is there: ct_nat_session.c */
bool ct_nat_is_nf_there(void);
void ct_nat_session_take(void);
void ct_nat_session_give_back(void);

#endif /* CT_NAT_ENGINE_H */
