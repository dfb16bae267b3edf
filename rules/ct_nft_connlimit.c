// SPDX-License-Identifier: GPL-2.0
/*
 * The nft expression connlimit ("ct count"): how many connections a rule, or an
 * element of a set, has seen that are still there.
 *
 * Overview
 *	As the kernel's own (nft(8), CONNECTION COUNTER). In a dynamic set each
 *	element has a count of its own, and goes when that is 0. Counting is the
 *	business of ct_conncount.c.
 *
 * Context
 *	eval and clone: hooks, RCU read-side section; the rest: process.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/slab.h>
#include <net/netfilter/nf_tables.h>

#include "ct_conncount.h"
#include "ct_connlimit.h"
#include "ip_conntrack.h"

/**
 * struct limit - a connlimit expression
 * @count: connections
 * @most: so many
 * @invert: the rule goes on where there are more
 */
struct limit {
	struct ct_conncount *count;
	u32 most;
	bool invert;
};

static void limit_eval(const struct nft_expr *expr, struct nft_regs *regs,
		       const struct nft_pktinfo *pkt)
{
	const struct limit *limit = nft_expr_priv(expr);
	int n = ct_conncount_packet(limit->count, pkt->skb, pkt->state);

	if (n < 0)	/* nobody knows whether the limit is reached */
		regs->verdict.code = NF_DROP;
	else if ((n > limit->most) != limit->invert)
		regs->verdict.code = NFT_BREAK;
}

static int limit_alloc(struct limit *limit, gfp_t gfp)
{
	limit->count = kmalloc(sizeof(*limit->count), gfp);
	if (!limit->count)
		return -ENOMEM;
	ct_conncount_init(limit->count);
	return 0;
}

static int limit_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		      const struct nlattr * const tb[])
{
	struct limit *limit = nft_expr_priv(expr);
	u32 flags = 0;

	if (ctx->family == NFPROTO_NETDEV || ctx->family == NFPROTO_ARP) {
		pr_info_ratelimited("ct count in netdev and arp tables refused: there is no connection\n");
		return -EOPNOTSUPP;
	}
	if (!tb[NFTA_CONNLIMIT_COUNT])
		return -EINVAL;
	if (tb[NFTA_CONNLIMIT_FLAGS])
		flags = ntohl(nla_get_be32(tb[NFTA_CONNLIMIT_FLAGS]));
	if (flags & ~NFT_CONNLIMIT_F_INV)
		return -EOPNOTSUPP;
	limit->most = ntohl(nla_get_be32(tb[NFTA_CONNLIMIT_COUNT]));
	limit->invert = flags & NFT_CONNLIMIT_F_INV;
	return limit_alloc(limit, GFP_KERNEL_ACCOUNT);
}

static int limit_clone(struct nft_expr *dst, const struct nft_expr *src,
		       gfp_t gfp)
{
	const struct limit *from = nft_expr_priv(src);
	struct limit *limit = nft_expr_priv(dst);

	*limit = *from;
	return limit_alloc(limit, gfp);
}

#ifndef CT_HAVE_NFT_CLONE_GFP
static int limit_clone_atomic(struct nft_expr *dst, const struct nft_expr *src)
{
	return limit_clone(dst, src, GFP_ATOMIC);
}

#define limit_clone limit_clone_atomic
#endif

static void limit_destroy(const struct nft_ctx *ctx,
			  const struct nft_expr *expr)
{
	const struct limit *limit = nft_expr_priv(expr);

	ct_conncount_exit(limit->count);
	kfree(limit->count);
}

static bool limit_gc(struct net *net, const struct nft_expr *expr)
{
	const struct limit *limit = nft_expr_priv(expr);

	return ct_conncount_gc(limit->count, net);
}

static int limit_dump(struct sk_buff *skb, const struct nft_expr *expr,
		      bool reset)
{
	const struct limit *limit = nft_expr_priv(expr);

	if (nla_put_be32(skb, NFTA_CONNLIMIT_COUNT, htonl(limit->most)) ||
	    nla_put_be32(skb, NFTA_CONNLIMIT_FLAGS,
			 htonl(limit->invert ? NFT_CONNLIMIT_F_INV : 0)))
		return -EMSGSIZE;
	return 0;
}

static struct nft_expr_type types[6];

static const struct nft_expr_ops limit_ops = {
	.type = types,
	.size = NFT_EXPR_SIZE(sizeof(struct limit)),
	.eval = limit_eval,
	.init = limit_init,
	.clone = limit_clone,
	.destroy = limit_destroy,
	.destroy_clone = limit_destroy,
	.gc = limit_gc,
	.dump = limit_dump,
};

static const struct nla_policy policy[NFTA_CONNLIMIT_MAX + 1] = {
	[NFTA_CONNLIMIT_COUNT]	= { .type = NLA_U32 },
	[NFTA_CONNLIMIT_FLAGS]	= { .type = NLA_U32 },
};

#define LIMIT_TYPE(_family) {						\
		.name = "connlimit",					\
		.family = NFPROTO_##_family,				\
		.ops = &limit_ops,					\
		.policy = policy,					\
		.maxattr = NFTA_CONNLIMIT_MAX,				\
		.flags = NFT_EXPR_STATEFUL | NFT_EXPR_GC,		\
		.owner = THIS_MODULE,					\
	}

static struct nft_expr_type types[6] = {
	LIMIT_TYPE(IPV4), LIMIT_TYPE(IPV6), LIMIT_TYPE(INET),
	LIMIT_TYPE(BRIDGE), LIMIT_TYPE(NETDEV), LIMIT_TYPE(ARP),
};

/**
 * ct_limit_nft_init() - serve connlimit
 *
 * Return: 0 or an error; nothing is registered then.
 */
int ct_limit_nft_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		err = nft_register_expr(&types[i]);
		if (!err)
			continue;
		while (i--)
			nft_unregister_expr(&types[i]);
		return err;
	}
	return 0;
}

/**
 * ct_limit_nft_exit() - serve it no more
 */
void ct_limit_nft_exit(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		nft_unregister_expr(&types[i]);
}
