// SPDX-License-Identifier: GPL-2.0
/*
 * Translation: hooks of namespaces, what the tracker may ask, beginning and end.
 *
 * Context
 *	Process, may sleep, but for what the tracker asks at its last hook.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/netns/generic.h>

#include "ct_nat_chain.h"
#include "ct_nat_engine.h"
#include "ct_proto.h"
#include "ct_translate.h"
#include "ip_conntrack.h"

/**
 * struct nat_net - of a namespace
 * @hooked: its families that have hooks, by is_six(); hooks_lock
 */
struct nat_net {
	bool hooked[2];
};

static unsigned int nat_net_id;

#define NAT_HOOKS	4	/* of a family */

static DEFINE_MUTEX(hooks_lock);	/* holds nat_net.hooked */

#define NAT_HOOK(_pf, _num, _priority) {				\
	.hook = ct_nat_hook,						\
	.pf = NFPROTO_##_pf,						\
	.hooknum = NF_INET_##_num,					\
	.priority = _priority,						\
}

static const struct nf_hook_ops hooks[2][NAT_HOOKS] = {
	{
		NAT_HOOK(IPV4, PRE_ROUTING, NF_IP_PRI_NAT_DST),
		NAT_HOOK(IPV4, LOCAL_OUT, NF_IP_PRI_NAT_DST),
		NAT_HOOK(IPV4, LOCAL_IN, NF_IP_PRI_NAT_SRC),
		NAT_HOOK(IPV4, POST_ROUTING, NF_IP_PRI_NAT_SRC),
	},
	{
		NAT_HOOK(IPV6, PRE_ROUTING, NF_IP6_PRI_NAT_DST),
		NAT_HOOK(IPV6, LOCAL_OUT, NF_IP6_PRI_NAT_DST),
		NAT_HOOK(IPV6, LOCAL_IN, NF_IP6_PRI_NAT_SRC),
		NAT_HOOK(IPV6, POST_ROUTING, NF_IP6_PRI_NAT_SRC),
	},
};

static bool is_six(u8 pf)
{
	return pf == NFPROTO_IPV6;
}

/* hooks_lock held */
static int begin_hooks(struct net *net, u8 pf)
{
	struct nat_net *nat = net_generic(net, nat_net_id);
	struct ct_net *cnet = ct_net(net);
	int err;

	if (nat->hooked[is_six(pf)])
		return 0;
	if (!ct_is_nat_wanted())
		return -EOPNOTSUPP;
	if (!ct_is_dropin() || ct_nat_is_nf_there()) {
		pr_info_ratelimited("rules that translate refused in a namespace that had none: nf_conntrack or nf_nat was loaded meanwhile\n");
		return -EBUSY;
	}
	if (cnet->number == CT_NET_NONE)
		return -EOPNOTSUPP;
	err = ct_pending_translate(cnet);
	if (err)
		return err;
	err = ct_nat_first_begin(net);
	if (err)
		return err;
	err = nf_register_net_hooks(net, hooks[is_six(pf)], NAT_HOOKS);
	if (!err)
		nat->hooked[is_six(pf)] = true;
	return err;
}

static int hooks_get(struct net *net, u8 pf)
{
	int err;

	mutex_lock(&hooks_lock);
	err = begin_hooks(net, pf);
	mutex_unlock(&hooks_lock);
	return err;
}

/**
 * ct_nat_chain_add() - have a chain run for first packets
 * @net: namespace
 * @pf: NFPROTO_IPV4 or NFPROTO_IPV6
 * @ops: hook, function, what it is told, and priority
 *
 * A namespace keeps its hooks until it goes, or the module: what was translated goes
 * on being translated when its rule is gone.
 *
 * Context: process, may sleep.
 *
 * Return: 0 or an error: -EBUSY where nf_nat is loaded, -EOPNOTSUPP with nat=0, or in a
 * namespace that is not tracked.
 */
int ct_nat_chain_add(struct net *net, u8 pf, const struct nf_hook_ops *ops)
{
	return hooks_get(net, pf) ?: ct_nat_chain_link(net, pf, ops);
}
EXPORT_SYMBOL_CT(ct_nat_chain_add);

/* A flow that is made by request */
static int bind_tuple(struct net *net, struct ct_tuple *tuple,
		      const struct nf_nat_range2 *dst,
		      const struct nf_nat_range2 *src)
{
	struct ct_pkt pkt = {
		.cnet = ct_net(net),
		.proto = ct_proto_find(tuple->family, tuple->protonum),
		.tuple = *tuple,
		.zone = { tuple->zone, tuple->zone },
	};
	int err = hooks_get(net, tuple->family);

	if (err)
		return err;
	rcu_read_lock();
	local_bh_disable();
	if (dst->flags && !ct_nat_choose(&pkt, dst, NF_NAT_MANIP_DST, tuple))
		err = -ENOSPC;
	pkt.tuple = *tuple;
	if (!err && src->flags &&
	    !ct_nat_choose(&pkt, src, NF_NAT_MANIP_SRC, tuple))
		err = -ENOSPC;
	local_bh_enable();
	rcu_read_unlock();
	return err;
}

static const struct ct_translator translator = {
	.owner = THIS_MODULE,
	.again = ct_nat_choose_again,
	.join = ct_nat_join,
	.bind = bind_tuple,
};

static void __net_exit net_leave(struct net *net)
{
	struct nat_net *nat = net_generic(net, nat_net_id);
	int six;

	for (six = 0; six < 2; six++) {
		if (nat->hooked[six])
			nf_unregister_net_hooks(net, hooks[six], NAT_HOOKS);
	}
}

/* Nobody translates its flows any more. */
static void end_bound(struct ct_net *cnet)
{
	struct ct_flow *flow;
	struct ct_walk walk;

	rcu_read_lock();
	ct_walk_begin(&walk, cnet, NFPROTO_UNSPEC);
	while ((flow = ct_walk_next_locked(&walk))) {
		if (flow->status & CT_FLOW_BOUND)
			ct_flow_end_unlock(flow, CT_ENDED_REQUEST);
		else
			ct_flow_unlock(flow);
		local_bh_enable();
		ct_walk_pause(&walk);
	}
	rcu_read_unlock();
}

static void __net_exit net_end(struct net *net)
{
	struct nat_net *nat = net_generic(net, nat_net_id);

	/* A namespace that goes ends all that it has. */
	if (!READ_ONCE(ct_net(net)->leaving) &&
	    (nat->hooked[0] || nat->hooked[1]))
		end_bound(ct_net(net));
}

static struct pernet_operations nat_net_ops = {
	.pre_exit = net_leave,
	.exit = net_end,
	.id = &nat_net_id,
	.size = sizeof(struct nat_net),
};

static int __init parts_begin(void)
{
	int err = ct_nat_first_init();

	if (err)
		return err;
	err = ct_nat_chain_init();
	if (err)
		goto no_chain;
	err = ct_nat_masq_init();
	if (err)
		goto no_masq;
	err = ct_nat_beside_init();
	if (err)
		goto no_beside;
	return 0;
no_beside:
	ct_nat_masq_exit();
no_masq:
	ct_nat_chain_exit();
no_chain:
	ct_nat_first_exit();
	return err;
}

static int __init nat_begin(void)
{
	int err;

	ct_nat_choose_init();
	err = register_pernet_subsys(&nat_net_ops);
	if (err)
		return err;
	err = parts_begin();
	if (err) {
		unregister_pernet_subsys(&nat_net_ops);
		return err;
	}
	rcu_assign_pointer(ct_translator, &translator);
	ct_nat_session_take();
	ct_nat_sockopt_offer();
	return 0;
}

static void __exit nat_end(void)
{
	ct_nat_beside_exit();
	ct_nat_session_give_back();
	ct_nat_sockopt_withdraw();
	ct_nat_masq_exit();
	RCU_INIT_POINTER(ct_translator, NULL);
	unregister_pernet_subsys(&nat_net_ops);
	ct_nat_chain_exit();
	ct_nat_first_exit();
	synchronize_rcu();
}

module_init(nat_begin);
module_exit(nat_end);

CT_IMPORT();
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("Address translation of ip_conntrack");
MODULE_LICENSE("GPL");
