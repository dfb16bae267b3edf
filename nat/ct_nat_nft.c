// SPDX-License-Identifier: GPL-2.0
/*
 * nft rules that translate: chains of type nat, and the expressions nat (snat and
 * dnat), masq and redir.
 *
 * Overview
 *	A type of chain has one place a family, and nf_tables asks for the
 *	kernel's module only where it is empty; of expressions it takes the first
 *	that was registered for a family by name. So rules come to these, and
 *	mean what they mean there (nft(8), NAT STATEMENTS); the attributes are
 *	nf_tables' uapi. A chain of the family inet stands in the lists of both.
 *
 *	Tables of bridge, netdev and arp have no such rules. The expressions are
 *	there all the same, to be refused: nf_tables would load the kernel's
 *	first, and nf_nat with them, and refuse then.
 *
 * Context
 *	eval: hooks, RCU read-side section; the rest: process, nf_tables' mutex.
 *	No lock is taken here. A chain and a rule pin this module.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <net/netfilter/nf_tables.h>
#include <net/netfilter/nf_tables_ipv4.h>
#include <net/netfilter/nf_tables_ipv6.h>

#include "ct_nat.h"
#include "ct_nat_beside.h"
#include "ct_nat_chain.h"
#include "ct_nat_range.h"
#include "ct_nft_register.h"
#include "ip_conntrack.h"

#define HOOK(_name)	BIT(NF_INET_##_name)
#define SOURCE_HOOKS	(HOOK(POST_ROUTING) | HOOK(LOCAL_IN))
#define DEST_HOOKS	(HOOK(PRE_ROUTING) | HOOK(LOCAL_OUT))

/* Chains */

static unsigned int do_chain(void *priv, struct sk_buff *skb,
			     const struct nf_hook_state *state)
{
	struct nft_pktinfo pkt;

	nft_set_pktinfo(&pkt, skb, state);
	if (state->pf == NFPROTO_IPV4)
		nft_set_pktinfo_ipv4(&pkt);
	else
		nft_set_pktinfo_ipv6(&pkt);
	return nft_do_chain(&pkt, priv);
}

static int add_ipv4(struct net *net, const struct nf_hook_ops *ops)
{
	return ct_nat_chain_add(net, NFPROTO_IPV4, ops);
}

static void remove_ipv4(struct net *net, const struct nf_hook_ops *ops)
{
	ct_nat_chain_remove(net, NFPROTO_IPV4, ops);
}

static int add_ipv6(struct net *net, const struct nf_hook_ops *ops)
{
	return ct_nat_chain_add(net, NFPROTO_IPV6, ops);
}

static void remove_ipv6(struct net *net, const struct nf_hook_ops *ops)
{
	ct_nat_chain_remove(net, NFPROTO_IPV6, ops);
}

static int add_inet(struct net *net, const struct nf_hook_ops *ops)
{
	int err;

	err = add_ipv4(net, ops);
	if (err)
		return err;
	err = add_ipv6(net, ops);
	if (err)
		remove_ipv4(net, ops);
	return err;
}

static void remove_inet(struct net *net, const struct nf_hook_ops *ops)
{
	remove_ipv6(net, ops);
	remove_ipv4(net, ops);
}

#define CHAIN_TYPE(_family, _add, _remove) {				\
		.name = "nat",						\
		.type = NFT_CHAIN_T_NAT,				\
		.family = NFPROTO_##_family,				\
		.owner = THIS_MODULE,					\
		.hook_mask = SOURCE_HOOKS | DEST_HOOKS,			\
		.hooks = {						\
			[NF_INET_PRE_ROUTING] = do_chain,		\
			[NF_INET_LOCAL_IN] = do_chain,			\
			[NF_INET_LOCAL_OUT] = do_chain,			\
			[NF_INET_POST_ROUTING] = do_chain,		\
		},							\
		.ops_register = _add,					\
		.ops_unregister = _remove,				\
	}

static const struct nft_chain_type chain_types[] = {
#ifdef CONFIG_NF_TABLES_IPV4
	CHAIN_TYPE(IPV4, add_ipv4, remove_ipv4),
#endif
#ifdef CONFIG_NF_TABLES_IPV6
	CHAIN_TYPE(IPV6, add_ipv6, remove_ipv6),
#endif
#ifdef CONFIG_NF_TABLES_INET
	CHAIN_TYPE(INET, add_inet, remove_inet),
#endif
};

/* Expressions */

/**
 * struct nat_expr - one of the three
 * @manip: which end is translated; of nat alone
 * @family: of addresses; of nat alone
 * @flags: NF_NAT_RANGE_*
 * @min_addr: register with the first address, or 0
 * @max_addr: with the last
 * @min_port: register with the first port, or 0
 * @max_port: with the last
 */
struct nat_expr {
	u8 manip;
	u8 family;
	u16 flags;
	u8 min_addr;
	u8 max_addr;
	u8 min_port;
	u8 max_port;
};

static void read_addrs(struct nf_nat_range2 *range, const struct nat_expr *nat,
		       const struct nft_regs *regs)
{
	size_t len = nat->family == NFPROTO_IPV4 ? sizeof(range->min_addr.ip) :
						   sizeof(range->min_addr.in6);

	memcpy(&range->min_addr, &regs->data[nat->min_addr], len);
	memcpy(&range->max_addr, &regs->data[nat->max_addr], len);
}

static void read_range(struct nf_nat_range2 *range, const struct nat_expr *nat,
		       const struct nft_regs *regs)
{
	memset(range, 0, sizeof(*range));
	range->flags = nat->flags;
	if (nat->min_addr)
		read_addrs(range, nat, regs);
	if (nat->min_port) {
		range->min_proto.all = (__force __be16)
			nft_reg_load16(&regs->data[nat->min_port]);
		range->max_proto.all = (__force __be16)
			nft_reg_load16(&regs->data[nat->max_port]);
	}
}

static void nat_eval(const struct nft_expr *expr, struct nft_regs *regs,
		     const struct nft_pktinfo *pkt)
{
	const struct nat_expr *nat = nft_expr_priv(expr);
	struct nf_nat_range2 range;

	/* In a table inet a rule of one family says nothing of the other. */
	if (nat->family != NFPROTO_INET && nat->family != nft_pf(pkt))
		return;
	read_range(&range, nat, regs);
	if (nat->min_addr && nat->flags & NF_NAT_RANGE_NETMAP)
		ct_nat_range_netmap(&range, pkt->skb, nft_pf(pkt), nat->manip);
	regs->verdict.code = ct_nat_setup(pkt->skb, pkt->state, &range,
					  nat->manip);
}

static void masq_eval(const struct nft_expr *expr, struct nft_regs *regs,
		      const struct nft_pktinfo *pkt)
{
	struct nf_nat_range2 range;

	read_range(&range, nft_expr_priv(expr), regs);
	regs->verdict.code = ct_nat_masquerade(pkt->skb, pkt->state, &range);
}

static void redir_eval(const struct nft_expr *expr, struct nft_regs *regs,
		       const struct nft_pktinfo *pkt)
{
	struct nf_nat_range2 range;

	read_range(&range, nft_expr_priv(expr), regs);
	regs->verdict.code = ct_nat_redirect(pkt->skb, pkt->state, &range);
}

/* Rules */

static const struct nla_policy nat_policy[NFTA_NAT_MAX + 1] = {
	[NFTA_NAT_TYPE]		 = { .type = NLA_U32 },
	[NFTA_NAT_FAMILY]	 = { .type = NLA_U32 },
	[NFTA_NAT_REG_ADDR_MIN]	 = { .type = NLA_U32 },
	[NFTA_NAT_REG_ADDR_MAX]	 = { .type = NLA_U32 },
	[NFTA_NAT_REG_PROTO_MIN] = { .type = NLA_U32 },
	[NFTA_NAT_REG_PROTO_MAX] = { .type = NLA_U32 },
	[NFTA_NAT_FLAGS]	 = { .type = NLA_U32 },
};

static const struct nla_policy masq_policy[NFTA_MASQ_MAX + 1] = {
	[NFTA_MASQ_FLAGS]	  = { .type = NLA_U32 },
	[NFTA_MASQ_REG_PROTO_MIN] = { .type = NLA_U32 },
	[NFTA_MASQ_REG_PROTO_MAX] = { .type = NLA_U32 },
};

static const struct nla_policy redir_policy[NFTA_REDIR_MAX + 1] = {
	[NFTA_REDIR_REG_PROTO_MIN] = { .type = NLA_U32 },
	[NFTA_REDIR_REG_PROTO_MAX] = { .type = NLA_U32 },
	[NFTA_REDIR_FLAGS]	   = { .type = NLA_U32 },
};

/* Two registers, of which the second may be left out: both are the first then. */
static int load_pair(const struct nft_ctx *ctx, const struct nlattr *first,
		     const struct nlattr *last, u8 *reg, u32 len)
{
	int err;

	err = nft_parse_register_load(ctx, first, &reg[0], len);
	if (err)
		return err;
	if (last)
		return nft_parse_register_load(ctx, last, &reg[1], len);
	reg[1] = reg[0];
	return 0;
}

static int load_ports(const struct nft_ctx *ctx, const struct nlattr *first,
		      const struct nlattr *last, struct nat_expr *nat)
{
	u8 reg[2];
	int err;

	if (!first)
		return 0;
	err = load_pair(ctx, first, last, reg, sizeof(__be16));
	if (err)
		return err;
	nat->min_port = reg[0];
	nat->max_port = reg[1];
	nat->flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	return 0;
}

static int load_flags(const struct nlattr *attr, u16 *flags)
{
	u32 said = attr ? ntohl(nla_get_be32(attr)) : 0;

	if (said & ~NF_NAT_RANGE_MASK)
		return -EINVAL;
	*flags |= said;
	return 0;
}

static int load_addrs(const struct nft_ctx *ctx, const struct nlattr *first,
		      const struct nlattr *last, struct nat_expr *nat)
{
	u32 len = nat->family == NFPROTO_IPV4 ? sizeof(struct in_addr) :
						sizeof(struct in6_addr);
	u8 reg[2];
	int err;

	if (!first)
		return 0;
	if (nat->family != NFPROTO_IPV4 && nat->family != NFPROTO_IPV6)
		return -EAFNOSUPPORT;
	err = load_pair(ctx, first, last, reg, len);
	if (err)
		return err;
	nat->min_addr = reg[0];
	nat->max_addr = reg[1];
	nat->flags |= NF_NAT_RANGE_MAP_IPS;
	return 0;
}

static int load_manip(const struct nlattr *attr, u8 *manip)
{
	switch (ntohl(nla_get_be32(attr))) {
	case NFT_NAT_SNAT:
		*manip = NF_NAT_MANIP_SRC;
		return 0;
	case NFT_NAT_DNAT:
		*manip = NF_NAT_MANIP_DST;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int nat_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		    const struct nlattr * const tb[])
{
	struct nat_expr *nat = nft_expr_priv(expr);
	u32 family;
	int err;

	if (!tb[NFTA_NAT_TYPE] || !tb[NFTA_NAT_FAMILY] ||
	    (!tb[NFTA_NAT_REG_ADDR_MIN] && !tb[NFTA_NAT_REG_PROTO_MIN]))
		return -EINVAL;
	err = load_manip(tb[NFTA_NAT_TYPE], &nat->manip);
	if (err)
		return err;
	family = ntohl(nla_get_be32(tb[NFTA_NAT_FAMILY]));
	if (ctx->family != NFPROTO_INET && ctx->family != family)
		return -EOPNOTSUPP;
	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 &&
	    family != NFPROTO_INET)
		return -EAFNOSUPPORT;
	nat->family = family;
	err = load_addrs(ctx, tb[NFTA_NAT_REG_ADDR_MIN],
			 tb[NFTA_NAT_REG_ADDR_MAX], nat);
	if (!err)
		err = load_ports(ctx, tb[NFTA_NAT_REG_PROTO_MIN],
				 tb[NFTA_NAT_REG_PROTO_MAX], nat);
	return err ?: load_flags(tb[NFTA_NAT_FLAGS], &nat->flags);
}

/* Ports of masq make no flag here: a listing has those that the rule had. */
static int masq_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		     const struct nlattr * const tb[])
{
	struct nat_expr *nat = nft_expr_priv(expr);
	int err;

	err = load_ports(ctx, tb[NFTA_MASQ_REG_PROTO_MIN],
			 tb[NFTA_MASQ_REG_PROTO_MAX], nat);
	nat->flags = 0;
	return err ?: load_flags(tb[NFTA_MASQ_FLAGS], &nat->flags);
}

static int redir_init(const struct nft_ctx *ctx, const struct nft_expr *expr,
		      const struct nlattr * const tb[])
{
	struct nat_expr *nat = nft_expr_priv(expr);
	int err;

	err = load_ports(ctx, tb[NFTA_REDIR_REG_PROTO_MIN],
			 tb[NFTA_REDIR_REG_PROTO_MAX], nat);
	if (tb[NFTA_REDIR_FLAGS])
		nat->flags = 0;
	return err ?: load_flags(tb[NFTA_REDIR_FLAGS], &nat->flags);
}

/* In a chain that is no base chain the one it is called from is asked. */
static int validate(const struct nft_ctx *ctx, unsigned int hooks)
{
	int err;

	err = nft_chain_validate_dependency(ctx->chain, NFT_CHAIN_T_NAT);
	return err ?: nft_chain_validate_hooks(ctx->chain, hooks);
}

static int nat_validate(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	const struct nat_expr *nat = nft_expr_priv(expr);

	return validate(ctx, nat->manip == NF_NAT_MANIP_SRC ? SOURCE_HOOKS :
							      DEST_HOOKS);
}

static int masq_validate(const struct nft_ctx *ctx, const struct nft_expr *expr)
{
	return validate(ctx, HOOK(POST_ROUTING));
}

static int redir_validate(const struct nft_ctx *ctx,
			  const struct nft_expr *expr)
{
	return validate(ctx, DEST_HOOKS);
}

/* Registers @min and @max under these attributes, if there are any. */
static int dump_pair(struct sk_buff *skb, int first, u8 min, int last, u8 max)
{
	if (!min)
		return 0;
	return nft_dump_register(skb, first, min) ?:
	       nft_dump_register(skb, last, max);
}

static int dump_flags(struct sk_buff *skb, int attr, u16 flags)
{
	return flags ? nla_put_be32(skb, attr, htonl(flags)) : 0;
}

static int nat_dump(struct sk_buff *skb, const struct nft_expr *expr,
		    bool reset)
{
	const struct nat_expr *nat = nft_expr_priv(expr);
	u32 type = nat->manip == NF_NAT_MANIP_SRC ? NFT_NAT_SNAT : NFT_NAT_DNAT;

	if (nla_put_be32(skb, NFTA_NAT_TYPE, htonl(type)) ||
	    nla_put_be32(skb, NFTA_NAT_FAMILY, htonl(nat->family)) ||
	    dump_pair(skb, NFTA_NAT_REG_ADDR_MIN, nat->min_addr,
		      NFTA_NAT_REG_ADDR_MAX, nat->max_addr) ||
	    dump_pair(skb, NFTA_NAT_REG_PROTO_MIN, nat->min_port,
		      NFTA_NAT_REG_PROTO_MAX, nat->max_port) ||
	    dump_flags(skb, NFTA_NAT_FLAGS, nat->flags))
		return -EMSGSIZE;
	return 0;
}

static int masq_dump(struct sk_buff *skb, const struct nft_expr *expr,
		     bool reset)
{
	const struct nat_expr *nat = nft_expr_priv(expr);

	if (dump_flags(skb, NFTA_MASQ_FLAGS, nat->flags) ||
	    dump_pair(skb, NFTA_MASQ_REG_PROTO_MIN, nat->min_port,
		      NFTA_MASQ_REG_PROTO_MAX, nat->max_port))
		return -EMSGSIZE;
	return 0;
}

static int redir_dump(struct sk_buff *skb, const struct nft_expr *expr,
		      bool reset)
{
	const struct nat_expr *nat = nft_expr_priv(expr);

	if (dump_pair(skb, NFTA_REDIR_REG_PROTO_MIN, nat->min_port,
		      NFTA_REDIR_REG_PROTO_MAX, nat->max_port) ||
	    dump_flags(skb, NFTA_REDIR_FLAGS, nat->flags))
		return -EMSGSIZE;
	return 0;
}

/* Registration */

#define FAMILIES	6

/* Each of the three expressions once a family, in this order. */
static struct nft_expr_type exprs[3 * FAMILIES];

#define OPS(_name, _n)							\
static const struct nft_expr_ops _name##_ops = {			\
	.type = &exprs[(_n) * FAMILIES],				\
	.size = NFT_EXPR_SIZE(sizeof(struct nat_expr)),			\
	.eval = _name##_eval,						\
	.init = _name##_init,						\
	.dump = _name##_dump,						\
	.validate = _name##_validate,					\
}

OPS(nat, 0);
OPS(masq, 1);
OPS(redir, 2);

static void say_refused(void)
{
	pr_info_ratelimited("translation refused: it is for tables ip, ip6 and inet\n");
}

static const struct nft_expr_ops *
nat_refuse(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	say_refused();
	return ERR_PTR(-EOPNOTSUPP);
}

/* The kernel has nat for all families, to be refused in some, but not the others. */
static const struct nft_expr_ops *
masq_refuse(const struct nft_ctx *ctx, const struct nlattr * const tb[])
{
	say_refused();
	return ERR_PTR(-ENOENT);
}

#define redir_refuse masq_refuse

#define SERVED(_name, _family, _max) {					\
		.name = #_name,						\
		.family = NFPROTO_##_family,				\
		.ops = &_name##_ops,					\
		.policy = _name##_policy,				\
		.maxattr = _max,					\
		.owner = THIS_MODULE,					\
	}

#define REFUSED(_name, _family, _max) {					\
		.name = #_name,						\
		.family = NFPROTO_##_family,				\
		.select_ops = _name##_refuse,				\
		.policy = _name##_policy,				\
		.maxattr = _max,					\
		.owner = THIS_MODULE,					\
	}

#define IN_ALL(_name, _max)						\
	SERVED(_name, IPV4, _max), SERVED(_name, IPV6, _max),		\
	SERVED(_name, INET, _max), REFUSED(_name, BRIDGE, _max),	\
	REFUSED(_name, NETDEV, _max), REFUSED(_name, ARP, _max)

static struct nft_expr_type exprs[3 * FAMILIES] = {
	IN_ALL(nat, NFTA_NAT_MAX),
	IN_ALL(masq, NFTA_MASQ_MAX),
	IN_ALL(redir, NFTA_REDIR_MAX),
};

/* Also the answer to whoever asks before it loads a module of nf_nat's. */
static bool serving;
module_param(serving, bool, 0444);
MODULE_PARM_DESC(serving, "rules of nft that translate are ours (shown, not set)");

static int __init ct_nat_nft_init(void)
{
	int i, err;

	serving = false;
	if (!ct_nat_may_serve(CT_NAT_NFT))
		return 0;
	err = ct_nft_register(exprs, ARRAY_SIZE(exprs));
	if (err)
		return err;
	ct_nat_keep_out(CT_NAT_NFT, true);
	for (i = 0; i < ARRAY_SIZE(chain_types); i++)
		nft_register_chain_type(&chain_types[i]);
	serving = true;
	return 0;
}

static void __exit ct_nat_nft_exit(void)
{
	int i;

	if (!serving)
		return;
	for (i = 0; i < ARRAY_SIZE(chain_types); i++)
		nft_unregister_chain_type(&chain_types[i]);
	ct_nat_keep_out(CT_NAT_NFT, false);
	ct_nft_unregister(exprs, ARRAY_SIZE(exprs));
}

module_init(ct_nat_nft_init);
module_exit(ct_nat_nft_exit);

CT_IMPORT();
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("nft chains and expressions that translate, for ip_conntrack");
MODULE_LICENSE("GPL");
