// SPDX-License-Identifier: GPL-2.0
/*
 * Which hooks there are, and where in netfilter's order.
 *
 * Context
 *	Process, sleeps.
 */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netfilter/ipv4/nf_defrag_ipv4.h>
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>

#include "ct_core.h"
#include "ct_net.h"

/*
 * Right before nf_conntrack's, whichever was registered first: what it has an entry
 * for there was given one elsewhere, or comes by once more.
 */
#define CT_PRI_FIRST	(NF_IP_PRI_CONNTRACK - 1)

#define CT_HOOK(_hook, _pf, _num, _priority) {				\
	.hook = _hook,							\
	.pf = NFPROTO_##_pf,						\
	.hooknum = NF_INET_##_num,					\
	.priority = _priority,						\
}

static const struct nf_hook_ops hooks[CT_HOOKS] = {
	CT_HOOK(ct_fast_first4, IPV4, PRE_ROUTING, CT_PRI_FIRST),
	CT_HOOK(ct_fast_first4, IPV4, LOCAL_OUT, CT_PRI_FIRST),
	CT_HOOK(ct_fast_last4, IPV4, LOCAL_IN, NF_IP_PRI_CONNTRACK_CONFIRM),
	CT_HOOK(ct_fast_last4, IPV4, POST_ROUTING,
		NF_IP_PRI_CONNTRACK_CONFIRM),
#if IS_ENABLED(CONFIG_IPV6)
	CT_HOOK(ct_fast_first6, IPV6, PRE_ROUTING, CT_PRI_FIRST),
	CT_HOOK(ct_fast_first6, IPV6, LOCAL_OUT, CT_PRI_FIRST),
	CT_HOOK(ct_fast_last6, IPV6, LOCAL_IN, NF_IP_PRI_CONNTRACK_CONFIRM),
	CT_HOOK(ct_fast_last6, IPV6, POST_ROUTING,
		NF_IP_PRI_CONNTRACK_CONFIRM),
#endif
};

static int defrag_enable(struct net *net)
{
	int err = nf_defrag_ipv4_enable(net);

#if IS_ENABLED(CONFIG_IPV6)
	if (!err) {
		err = nf_defrag_ipv6_enable(net);
		if (err)
			nf_defrag_ipv4_disable(net);
	}
#endif
	return err;
}

static void defrag_disable(struct net *net)
{
#if IS_ENABLED(CONFIG_IPV6)
	nf_defrag_ipv6_disable(net);
#endif
	nf_defrag_ipv4_disable(net);
}

/**
 * ct_hooks_register() - begin to see the packets of a namespace
 * @net: the namespace, its struct ct_net ready
 *
 * Context: process, sleeps.
 *
 * Return: 0 or an error.
 */
int ct_hooks_register(struct net *net)
{
	struct ct_net *cnet = ct_net(net);
	int i, err = defrag_enable(net);

	if (err)
		return err;
	for (i = 0; i < CT_HOOKS; i++) {
		cnet->hooks[i] = hooks[i];
		cnet->hooks[i].priv = cnet;
	}
	err = nf_register_net_hooks(net, cnet->hooks, CT_HOOKS);
	if (err)
		defrag_disable(net);
	return err;
}

/**
 * ct_hooks_unregister() - see no more packets of a namespace
 * @net: the namespace
 *
 * A packet may still be in a hook for an RCU grace period.
 *
 * Context: process, sleeps.
 */
void ct_hooks_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, ct_net(net)->hooks, CT_HOOKS);
	defrag_disable(net);
}
