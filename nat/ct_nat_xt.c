// SPDX-License-Identifier: GPL-2.0
/*
 * The targets of iptables that translate: SNAT, DNAT, MASQUERADE, REDIRECT and
 * NETMAP. Both flavours of iptables and ip6tables use them, unmodified.
 *
 * Overview
 *	They have the names and revisions of the kernel's own, and are registered
 *	for IPv4 and IPv6 by name, which x_tables prefers to those for any
 *	family. What they mean is what the kernel's own mean (iptables-extensions
 *	(8)); the structures are its uapi, of which there are three generations:
 *	one range of IPv4 addresses, a range of either family, and that with a
 *	port to count from. All become a struct nf_nat_range2 for the engine.
 *
 *	A range that nobody could mean (upside down, ports for a rule of any
 *	protocol) is refused when the rule is made, with a line in the log;
 *	iptables itself writes none of these.
 *
 *	The legacy tables are asked for in ct_nat_legacy.c.
 *
 * Context
 *	target: hooks, RCU read-side section; checkentry: process. No lock is
 *	taken here. A rule pins this module, which pins engine and tracker.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "ct_nat.h"
#include "ct_nat_beside.h"
#include "ct_nat_legacy.h"
#include "ct_nat_range.h"
#include "ct_translate.h"
#include "ip_conntrack.h"

#define HOOK(_name)	BIT(NF_INET_##_name)
#define SOURCE_HOOKS	(HOOK(POST_ROUTING) | HOOK(LOCAL_IN))
#define DEST_HOOKS	(HOOK(PRE_ROUTING) | HOOK(LOCAL_OUT))

/* The first generation is of IPv4 alone. */
#define RANGE_V4 struct nf_nat_ipv4_multi_range_compat

/* The second lacks the last field of the third, and has all else in its places. */
static_assert(offsetofend(struct nf_nat_range, max_proto) ==
	      offsetof(struct nf_nat_range2, base_proto));

static struct nf_nat_range2 of_v4(const void *targinfo)
{
	const struct nf_nat_ipv4_range *v4 =
		((const RANGE_V4 *)targinfo)->range;
	struct nf_nat_range2 range = {};

	range.flags = v4->flags;
	range.min_addr.ip = v4->min_ip;
	range.max_addr.ip = v4->max_ip;
	range.min_proto = v4->min;
	range.max_proto = v4->max;
	return range;
}

static struct nf_nat_range2 of_any(const void *targinfo)
{
	struct nf_nat_range2 range = {};

	memcpy(&range, targinfo, offsetof(struct nf_nat_range2, base_proto));
	return range;
}

/* Targets */

/* SNAT and DNAT: each has hooks where it is the one that is meant. */
static unsigned int translate(struct sk_buff *skb,
			      const struct nf_hook_state *state,
			      const struct nf_nat_range2 *range)
{
	return ct_nat_setup(skb, state, range, ct_nat_manip_of(state->hook));
}

static unsigned int netmap(struct sk_buff *skb,
			   const struct nf_hook_state *state,
			   struct nf_nat_range2 *range)
{
	ct_nat_range_netmap(range, skb, state->pf,
			    ct_nat_manip_of(state->hook));
	return translate(skb, state, range);
}

static unsigned int translate_v4(struct sk_buff *skb,
				 const struct xt_action_param *par)
{
	struct nf_nat_range2 range = of_v4(par->targinfo);

	return translate(skb, par->state, &range);
}

static unsigned int translate_any(struct sk_buff *skb,
				  const struct xt_action_param *par)
{
	struct nf_nat_range2 range = of_any(par->targinfo);

	return translate(skb, par->state, &range);
}

static unsigned int masquerade_v4(struct sk_buff *skb,
				  const struct xt_action_param *par)
{
	struct nf_nat_range2 range = of_v4(par->targinfo);

	return ct_nat_masquerade(skb, par->state, &range);
}

static unsigned int masquerade_any(struct sk_buff *skb,
				   const struct xt_action_param *par)
{
	struct nf_nat_range2 range = of_any(par->targinfo);

	return ct_nat_masquerade(skb, par->state, &range);
}

static unsigned int redirect_v4(struct sk_buff *skb,
				const struct xt_action_param *par)
{
	struct nf_nat_range2 range = of_v4(par->targinfo);

	return ct_nat_redirect(skb, par->state, &range);
}

static unsigned int redirect_any(struct sk_buff *skb,
				 const struct xt_action_param *par)
{
	struct nf_nat_range2 range = of_any(par->targinfo);

	return ct_nat_redirect(skb, par->state, &range);
}

static unsigned int netmap_v4(struct sk_buff *skb,
			      const struct xt_action_param *par)
{
	struct nf_nat_range2 range = of_v4(par->targinfo);

	return netmap(skb, par->state, &range);
}

static unsigned int netmap_any(struct sk_buff *skb,
			       const struct xt_action_param *par)
{
	struct nf_nat_range2 range = of_any(par->targinfo);

	return netmap(skb, par->state, &range);
}

static unsigned int translate_base(struct sk_buff *skb,
				   const struct xt_action_param *par)
{
	return translate(skb, par->state, par->targinfo);
}

/* Rules */

static int refuse(const struct xt_tgchk_param *par, const char *why)
{
	pr_info_ratelimited("%s refused: %s\n", par->target->name, why);
	return -EINVAL;
}

/* Does the rule name one protocol? Rules of nft's layer are shaped alike. */
static bool has_proto(const struct xt_tgchk_param *par)
{
	const struct ipt_entry *e4 = par->entryinfo;
	const struct ip6t_entry *e6 = par->entryinfo;

	if (par->family == NFPROTO_IPV4)
		return e4->ip.proto && !(e4->ip.invflags & XT_INV_PROTO);
	return e6->ipv6.proto && !(e6->ipv6.invflags & XT_INV_PROTO);
}

static int check_range(const struct xt_tgchk_param *par,
		       const struct nf_nat_range2 *range)
{
	if (range->flags & ~NF_NAT_RANGE_MASK)
		return refuse(par, "unknown flags");
	if (range->flags & NF_NAT_RANGE_MAP_IPS &&
	    ct_addrs_are_turned(range, par->family))
		return refuse(par, "addresses the wrong way round");
	if (!(range->flags & NF_NAT_RANGE_PROTO_SPECIFIED))
		return 0;
	if (ntohs(range->min_proto.all) > ntohs(range->max_proto.all))
		return refuse(par, "ports the wrong way round");
	if (!has_proto(par))
		return refuse(par, "ports, and no protocol that has them");
	return 0;
}

static int check(const struct xt_tgchk_param *par)
{
	return check_range(par, par->targinfo);
}

static int check_any(const struct xt_tgchk_param *par)
{
	struct nf_nat_range2 range = of_any(par->targinfo);

	return check_range(par, &range);
}

static int check_v4(const struct xt_tgchk_param *par)
{
	struct nf_nat_range2 range = of_v4(par->targinfo);

	if (((const RANGE_V4 *)par->targinfo)->rangesize != 1)
		return refuse(par, "it takes one range");
	return check_range(par, &range);
}

/* An address of its own is what MASQUERADE and REDIRECT are about. */
static int check_own(const struct xt_tgchk_param *par,
		     const struct nf_nat_range2 *range, int err)
{
	if (!err && range->flags & NF_NAT_RANGE_MAP_IPS)
		err = refuse(par, "it takes no address");
	return err;
}

static int check_own_v4(const struct xt_tgchk_param *par)
{
	struct nf_nat_range2 range = of_v4(par->targinfo);

	return check_own(par, &range, check_v4(par));
}

static int check_own_any(const struct xt_tgchk_param *par)
{
	struct nf_nat_range2 range = of_any(par->targinfo);

	return check_own(par, &range, check_any(par));
}

static int check_netmap(const struct xt_tgchk_param *par,
			const struct nf_nat_range2 *range, int err)
{
	if (!err && !(range->flags & NF_NAT_RANGE_MAP_IPS))
		err = refuse(par, "it takes a network");
	return err;
}

static int check_netmap_v4(const struct xt_tgchk_param *par)
{
	struct nf_nat_range2 range = of_v4(par->targinfo);

	return check_netmap(par, &range, check_v4(par));
}

static int check_netmap_any(const struct xt_tgchk_param *par)
{
	struct nf_nat_range2 range = of_any(par->targinfo);

	return check_netmap(par, &range, check_any(par));
}

/* Registration */

#define TARGET(_family, _name, _revision, _size, _hooks, _target, _check) { \
		.name = _name,						\
		.revision = _revision,					\
		.family = NFPROTO_##_family,				\
		.targetsize = sizeof(_size),				\
		.table = "nat",						\
		.hooks = _hooks,					\
		.target = _target,					\
		.checkentry = _check,					\
		.me = THIS_MODULE,					\
	}

#define TARGETS(_family)						\
	TARGET(_family, "SNAT", 1, struct nf_nat_range, SOURCE_HOOKS,	\
	       translate_any, check_any),					\
	TARGET(_family, "SNAT", 2, struct nf_nat_range2, SOURCE_HOOKS,	\
	       translate_base, check),					\
	TARGET(_family, "DNAT", 1, struct nf_nat_range, DEST_HOOKS,	\
	       translate_any, check_any),					\
	TARGET(_family, "DNAT", 2, struct nf_nat_range2, DEST_HOOKS,	\
	       translate_base, check)

static struct xt_target targets[] = {
	TARGET(IPV4, "SNAT", 0, RANGE_V4, SOURCE_HOOKS, translate_v4,
	       check_v4),
	TARGET(IPV4, "DNAT", 0, RANGE_V4, DEST_HOOKS, translate_v4, check_v4),
	TARGETS(IPV4),
	TARGETS(IPV6),
	TARGET(IPV4, "MASQUERADE", 0, RANGE_V4, HOOK(POST_ROUTING),
	       masquerade_v4, check_own_v4),
	TARGET(IPV6, "MASQUERADE", 0, struct nf_nat_range, HOOK(POST_ROUTING),
	       masquerade_any, check_own_any),
	TARGET(IPV4, "REDIRECT", 0, RANGE_V4, DEST_HOOKS, redirect_v4,
	       check_own_v4),
	TARGET(IPV6, "REDIRECT", 0, struct nf_nat_range, DEST_HOOKS,
	       redirect_any, check_own_any),
	TARGET(IPV4, "NETMAP", 0, RANGE_V4, SOURCE_HOOKS | DEST_HOOKS,
	       netmap_v4, check_netmap_v4),
	TARGET(IPV6, "NETMAP", 0, struct nf_nat_range,
	       SOURCE_HOOKS | DEST_HOOKS, netmap_any, check_netmap_any),
};

/* Also the answer to whoever asks before it loads a module of nf_nat's. */
static bool serving;
module_param(serving, bool, 0444);
MODULE_PARM_DESC(serving, "rules of iptables that translate are ours (shown, not set)");

static int __init ct_nat_xt_init(void)
{
	int err;

	serving = false;
	if (!ct_nat_may_serve(CT_NAT_XT))
		return 0;
	err = xt_register_targets(targets, ARRAY_SIZE(targets));
	if (err)
		return err;
	err = ct_nat_legacy_init();
	if (err) {
		xt_unregister_targets(targets, ARRAY_SIZE(targets));
		return err;
	}
	ct_nat_keep_out(CT_NAT_XT, true);
	serving = true;
	return 0;
}

static void __exit ct_nat_xt_exit(void)
{
	if (!serving)
		return;
	ct_nat_keep_out(CT_NAT_XT, false);
	ct_nat_legacy_exit();
	xt_unregister_targets(targets, ARRAY_SIZE(targets));
}

module_init(ct_nat_xt_init);
module_exit(ct_nat_xt_exit);

CT_IMPORT();
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("iptables targets that translate, and nat tables, for ip_conntrack");
MODULE_LICENSE("GPL");
