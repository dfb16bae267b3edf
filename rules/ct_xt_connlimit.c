// SPDX-License-Identifier: GPL-2.0
/*
 * The iptables match connlimit: how many connections a client, or a server, has.
 *
 * Overview
 *	As the kernel's own (iptables-extensions(8)): connections are counted by
 *	the source or destination address of the packet, as far as the rule's
 *	mask says. Counting is the business of ct_conncount.c.
 *
 * Context
 *	match: hooks, RCU read-side section; the rest: process.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/slab.h>

#include "ct_conncount.h"
#include "ct_connlimit.h"
#include "ip_conntrack.h"

/* The rule's memory of ours; the kernel's own has another there. */
static struct ct_conncounts *counts_of(const struct xt_connlimit_info *info)
{
	return (struct ct_conncounts *)info->data;
}

/* The packet's address, as far as the rule's mask says */
static void read_addr(const struct sk_buff *skb,
		      const struct xt_action_param *par,
		      const struct xt_connlimit_info *info,
		      union nf_inet_addr *addr)
{
	bool dst = info->flags & XT_CONNLIMIT_DADDR;
	unsigned int i;

	memset(addr, 0, sizeof(*addr));
	if (xt_family(par) == NFPROTO_IPV6)
		addr->in6 = dst ? ipv6_hdr(skb)->daddr : ipv6_hdr(skb)->saddr;
	else
		addr->ip = dst ? ip_hdr(skb)->daddr : ip_hdr(skb)->saddr;
	for (i = 0; i < ARRAY_SIZE(addr->all); i++)
		addr->all[i] &= info->mask.all[i];
}

static bool connlimit_match(const struct sk_buff *skb,
			    struct xt_action_param *par)
{
	const struct xt_connlimit_info *info = par->matchinfo;
	union nf_inet_addr addr;
	int n;

	read_addr(skb, par, info, &addr);
	n = ct_conncounts_packet(counts_of(info), &addr, skb, par->state);
	if (n < 0) {	/* nobody knows whether the limit is reached */
		par->hotdrop = true;
		return false;
	}
	return (n > info->limit) != !!(info->flags & XT_CONNLIMIT_INVERT);
}

static int connlimit_check(const struct xt_mtchk_param *par)
{
	struct xt_connlimit_info *info = par->matchinfo;
	struct ct_conncounts *counts;
	int err;

	if (info->flags & ~(XT_CONNLIMIT_INVERT | XT_CONNLIMIT_DADDR)) {
		pr_info_ratelimited("connlimit: unknown flags %#x\n",
				    info->flags);
		return -EINVAL;
	}
	counts = kmalloc(sizeof(*counts), GFP_KERNEL_ACCOUNT);
	if (!counts)
		return -ENOMEM;
	err = ct_conncounts_init(counts, par->net);
	if (err) {
		kfree(counts);
		return err;
	}
	info->data = (struct nf_conncount_data *)counts;
	return 0;
}

static void connlimit_destroy(const struct xt_mtdtor_param *par)
{
	const struct xt_connlimit_info *info = par->matchinfo;

	ct_conncounts_exit(counts_of(info));
	kfree(counts_of(info));
}

#define CONNLIMIT(_family) {						\
		.name = "connlimit",					\
		.revision = 1,						\
		.family = NFPROTO_##_family,				\
		.matchsize = sizeof(struct xt_connlimit_info),		\
		.usersize = offsetof(struct xt_connlimit_info, data),	\
		.match = connlimit_match,				\
		.checkentry = connlimit_check,				\
		.destroy = connlimit_destroy,				\
		.me = THIS_MODULE,					\
	}

static struct xt_match matches[] = { CONNLIMIT(IPV4), CONNLIMIT(IPV6) };

/**
 * ct_limit_xt_init() - serve connlimit
 *
 * Return: 0 or an error.
 */
int ct_limit_xt_init(void)
{
	return xt_register_matches(matches, ARRAY_SIZE(matches));
}

/**
 * ct_limit_xt_exit() - serve it no more
 */
void ct_limit_xt_exit(void)
{
	xt_unregister_matches(matches, ARRAY_SIZE(matches));
}
