// SPDX-License-Identifier: GPL-2.0
/*
 * iptables matches and targets that are refused (include/ct_refused.h), and the
 * match ipvs, of which one option is.
 *
 * Overview
 *	The match ipvs is the kernel's, but for --vdir, which it reads from
 *	nf_conntrack: it is found by the name for any family, ours by those of IPv4
 *	and IPv6, which x_tables prefers.
 *
 * Context
 *	match: hooks; the rest: process, may sleep.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_CONNSECMARK.h>
#include <linux/netfilter/xt_SYNPROXY.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_ipvs.h>

#include "ct_refused.h"
#include "ct_xt_register.h"

/* Refused whole */

static bool never_match(const struct sk_buff *skb, struct xt_action_param *par)
{
	return false;
}

static unsigned int never_target(struct sk_buff *skb,
				 const struct xt_action_param *par)
{
	return XT_CONTINUE;
}

static int refuse_match(const struct xt_mtchk_param *par)
{
	pr_info_ratelimited("-m %s refused: not served by ip_conntrack\n",
			    par->match->name);
	return -EOPNOTSUPP;
}

static int refuse_target(const struct xt_tgchk_param *par)
{
	pr_info_ratelimited("-j %s refused: not served by ip_conntrack\n",
			    par->target->name);
	return -EOPNOTSUPP;
}

#define MATCH(_name, _family, _info, _match, _check, _destroy) {	\
		.name = _name,						\
		.family = NFPROTO_##_family,				\
		.matchsize = sizeof(struct _info),			\
		.match = _match,					\
		.checkentry = _check,					\
		.destroy = _destroy,					\
		.me = THIS_MODULE,					\
	},

#define REFUSED_MATCH(_name, _info, ...)				\
	MATCH(_name, IPV4, _info, never_match, refuse_match, NULL)	\
	MATCH(_name, IPV6, _info, never_match, refuse_match, NULL)

#define TARGET(_name, _family, _info) {					\
		.name = _name,						\
		.family = NFPROTO_##_family,				\
		.targetsize = sizeof(struct _info),			\
		.target = never_target,					\
		.checkentry = refuse_target,				\
		.me = THIS_MODULE,					\
	},

#define REFUSED_TARGET(_name, _info, ...)				\
	TARGET(_name, IPV4, _info)					\
	TARGET(_name, IPV6, _info)

/* ipvs */

static DEFINE_MUTEX(ipvs_lock);
/*
 * The kernel's. Written under @ipvs_lock before the first rule is there, and read by
 * rules, which hold its module.
 */
static const struct xt_match *ipvs;
static unsigned int ipvs_rules;		/* @ipvs_lock */

static bool ipvs_match(const struct sk_buff *skb, struct xt_action_param *par)
{
	return ipvs->match(skb, par);
}

static int ipvs_get(void)
{
	struct xt_match *match;
	int err = 0;

	mutex_lock(&ipvs_lock);
	if (!ipvs_rules) {
		match = xt_request_find_match(NFPROTO_UNSPEC, "ipvs", 0);
		err = PTR_ERR_OR_ZERO(match);
		if (!err)
			ipvs = match;
	}
	if (!err)
		ipvs_rules++;
	mutex_unlock(&ipvs_lock);
	return err;
}

static void ipvs_put(void)
{
	mutex_lock(&ipvs_lock);
	if (!--ipvs_rules)
		module_put(ipvs->me);
	mutex_unlock(&ipvs_lock);
}

static void ipvs_destroy(const struct xt_mtdtor_param *par)
{
	ipvs_put();
}

static int ipvs_check(const struct xt_mtchk_param *par)
{
	const struct xt_ipvs_mtinfo *info = par->matchinfo;
	int err;

	if (info->bitmask & XT_IPVS_DIR) {
		pr_info_ratelimited("-m ipvs --vdir refused: not served by ip_conntrack\n");
		return -EOPNOTSUPP;
	}
	err = ipvs_get();
	if (err)
		return err;
	err = ipvs->checkentry ? ipvs->checkentry(par) : 0;
	if (err)
		ipvs_put();
	return err;
}

static struct xt_match matches[] = {
	CT_REFUSED_MATCHES(REFUSED_MATCH)
	MATCH("ipvs", IPV4, xt_ipvs_mtinfo, ipvs_match, ipvs_check,
	      ipvs_destroy)
	MATCH("ipvs", IPV6, xt_ipvs_mtinfo, ipvs_match, ipvs_check,
	      ipvs_destroy)
};

static struct xt_target targets[] = {
	CT_REFUSED_TARGETS(REFUSED_TARGET)
};

const struct ct_xt_set ct_xt_refused = CT_XT_SET(matches, targets);
