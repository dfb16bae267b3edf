/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Matches and targets of x_tables, registered together.
 */
#ifndef CT_XT_REGISTER_H
#define CT_XT_REGISTER_H

#include <linux/netfilter/x_tables.h>

/**
 * struct ct_xt_set - matches and targets of one file
 * @matches: the matches
 * @targets: the targets
 * @n_matches: how many
 * @n_targets: how many
 */
struct ct_xt_set {
	struct xt_match *matches;
	struct xt_target *targets;
	unsigned int n_matches;
	unsigned int n_targets;
};

#define CT_XT_SET(_matches, _targets) {					\
		.matches = _matches,					\
		.targets = _targets,					\
		.n_matches = ARRAY_SIZE(_matches),			\
		.n_targets = ARRAY_SIZE(_targets),			\
	}

/**
 * ct_xt_register() - register all of a set, or none
 * @set: the set
 *
 * Context: process, may sleep.
 *
 * Return: 0 or an error.
 */
static inline int ct_xt_register(const struct ct_xt_set *set)
{
	int err = xt_register_matches(set->matches, set->n_matches);

	if (err)
		return err;
	err = xt_register_targets(set->targets, set->n_targets);
	if (err)
		xt_unregister_matches(set->matches, set->n_matches);
	return err;
}

/**
 * ct_xt_unregister() - undo ct_xt_register()
 * @set: the set
 *
 * Context: process, may sleep.
 */
static inline void ct_xt_unregister(const struct ct_xt_set *set)
{
	xt_unregister_targets(set->targets, set->n_targets);
	xt_unregister_matches(set->matches, set->n_matches);
}

/* Sets of other files: ct_xt_spread.c, ct_xt_refuse.c */
extern const struct ct_xt_set ct_xt_spread;
extern const struct ct_xt_set ct_xt_refused;

#endif /* CT_XT_REGISTER_H */
