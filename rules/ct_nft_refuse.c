// SPDX-License-Identifier: GPL-2.0
/*
 * nft expressions, objects and flowtables that are refused: include/ct_refused.h.
 *
 * Context
 *	Process, nf_tables' mutex.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter/nf_tables.h>
#include <net/netfilter/nf_flow_table.h>
#include <net/netfilter/nf_tables.h>

#include "ct_nft_register.h"
#include "ct_refused.h"

static void *refused(const char *what)
{
	pr_info_ratelimited(CT_REFUSAL, what);
	return ERR_PTR(-EOPNOTSUPP);
}

/* Expressions: in any family; what else one is for the kernel does not matter. */

#define SELECT_EXPR(_name, _text, ...)					\
static const struct nft_expr_ops *					\
select_##_name##_expr(const struct nft_ctx *ctx,			\
		      const struct nlattr * const tb[])			\
{									\
	return refused(_text);						\
}

CT_REFUSED_EXPRS(SELECT_EXPR)

#define EXPR(_name, _family) {						\
		.name = #_name,						\
		.family = NFPROTO_##_family,				\
		.select_ops = select_##_name##_expr,			\
		.owner = THIS_MODULE,					\
	},
#define EXPRS(_name, ...)						\
	EXPR(_name, IPV4) EXPR(_name, IPV6) EXPR(_name, INET)		\
	EXPR(_name, BRIDGE) EXPR(_name, NETDEV) EXPR(_name, ARP)

static struct nft_expr_type exprs[] = {
	CT_REFUSED_EXPRS(EXPRS)
};

/* Objects */

#define SELECT_OBJECT(_name, _type, _text, ...)				\
static_assert((_type) <= NFT_OBJECT_MAX);				\
static const struct nft_object_ops *					\
select_##_name##_object(const struct nft_ctx *ctx,			\
			const struct nlattr * const tb[])		\
{									\
	return refused(_text);						\
}

CT_REFUSED_OBJECTS(SELECT_OBJECT)

#define OBJECT(_name, _type, ...) {					\
		.type = _type,						\
		.family = NFPROTO_UNSPEC,				\
		.select_ops = select_##_name##_object,			\
		.owner = THIS_MODULE,					\
	},

static struct nft_object_type objects[] = {
	CT_REFUSED_OBJECTS(OBJECT)
};

/* Flowtables */

static int refuse_flowtable(struct nf_flowtable *flowtable)
{
	return PTR_ERR(refused("flowtable"));
}

static void free_nothing(struct nf_flowtable *flowtable)
{
}

#define FLOWTABLE(_family, ...) {					\
		.family = NFPROTO_##_family,				\
		.init = refuse_flowtable,				\
		.free = free_nothing,					\
		.owner = THIS_MODULE,					\
	},

static struct nf_flowtable_type flowtables[] = {
	CT_REFUSED_FLOWTABLES(FLOWTABLE)
};

/* Registration */

static void unregister_objects(int n)
{
	while (n--)
		nft_unregister_obj(&objects[n]);
}

static int register_objects(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		err = nft_register_obj(&objects[i]);
		if (err) {
			unregister_objects(i);
			return err;
		}
	}
	return 0;
}

/**
 * ct_refuse_nft_init() - take the names of what is refused
 *
 * Context: process, may sleep.
 *
 * Return: 0 or an error.
 */
int ct_refuse_nft_init(void)
{
	int i, err;

	err = ct_nft_register(exprs, ARRAY_SIZE(exprs));
	if (err)
		return err;
	err = register_objects();
	if (err) {
		ct_nft_unregister(exprs, ARRAY_SIZE(exprs));
		return err;
	}
	for (i = 0; i < ARRAY_SIZE(flowtables); i++)
		nft_register_flowtable_type(&flowtables[i]);
	return 0;
}

/**
 * ct_refuse_nft_exit() - give them back
 *
 * Context: process, may sleep.
 */
void ct_refuse_nft_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(flowtables); i++)
		nft_unregister_flowtable_type(&flowtables[i]);
	unregister_objects(ARRAY_SIZE(objects));
	ct_nft_unregister(exprs, ARRAY_SIZE(exprs));
}
