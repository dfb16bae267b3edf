/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tracker asks who translates (nat/, a module of its own).
 */
#ifndef CT_TRANSLATE_H
#define CT_TRANSLATE_H

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "ct_tuple.h"

struct ct_pending;
struct module;

/**
 * struct ct_translator - what it is asked
 * @owner: the module
 * @again: replies to a first packet would be those of another connection: give it
 *	another source. Return: false if there is none; else @pkt->tuple is what the
 *	packet is now
 * @join: a first packet has a flow already: make it what that flow's packets become.
 *	Return: false if it cannot be done any more
 * @bind: what does a tuple become, of which both ends are given a range (of no flags,
 *	for an end that stays)? Return: 0 or an error; process context, sleeps; the
 *	owner is held
 *
 * The others are called at the last hook, bottom halves off.
 */
struct ct_translator {
	struct module *owner;
	bool (*again)(struct ct_pkt *pkt, struct ct_pending *p,
		      const struct nf_hook_state *state);
	bool (*join)(const struct ct_pkt *pkt, const struct ct_tuple *to,
		     const struct nf_hook_state *state);
	int (*bind)(struct net *net, struct ct_tuple *tuple,
		    const struct nf_nat_range2 *dst,
		    const struct nf_nat_range2 *src);
};

/**
 * ct_addrs_are_turned() - does a range begin behind its end?
 * @range: addresses, of either family
 * @family: NFPROTO_*
 *
 * Return: true if it does.
 */
static inline bool ct_addrs_are_turned(const struct nf_nat_range2 *range,
				       u8 family)
{
	return memcmp(&range->min_addr, &range->max_addr,
		      family == NFPROTO_IPV4 ? sizeof(struct in_addr) :
					       sizeof(struct in6_addr)) > 0;
}

/* Set for as long as that module is there; ct_confirm.c */
extern const struct ct_translator __rcu *ct_translator;

#endif /* CT_TRANSLATE_H */
