// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses that are not written in rules: those of the device that a packet leaves or
 * came in by.
 *
 * Overview
 *	MASQUERADE: the source becomes an address of the outgoing device, the one that
 *	the host itself would choose for the next hop: where that device has none,
 *	another one's. The flow is bound to that device: a packet that would leave by
 *	another ends it, and when the device goes down, or this host has the address no
 *	more, all flows that have it end, so that they do not go on from an address
 *	that is not there or is somebody else's.
 *
 *	REDIRECT: the destination becomes an address of the incoming device; of what
 *	this host sends, that of the loopback device.
 *
 * Context
 *	Hooks: RCU read-side section. Notifiers: process, may sleep; of IPv6 addresses
 *	atomic. The walk through the table, which all namespaces share, is left to a
 *	work item: they would wait for the lock of all devices meanwhile.
 */
#include <linux/inetdevice.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/if_inet6.h>
#include <net/ip6_route.h>
#include <net/route.h>

#include "ct_nat_engine.h"
#include "ip_conntrack.h"

/**
 * struct masq_net - of a namespace
 * @net: the namespace
 * @used: anything was ever masqueraded in it
 * @sweep: ends flows whose device or address has gone
 */
struct masq_net {
	struct net *net;
	bool used;
	struct work_struct sweep;
};

static unsigned int masq_net_id;

static void note_use(const struct net *net)
{
	struct masq_net *masq = net_generic(net, masq_net_id);

	if (!READ_ONCE(masq->used))
		WRITE_ONCE(masq->used, true);
}

/* Addresses */

static bool outside_addr4(const struct sk_buff *skb,
			  const struct net_device *dev,
			  union nf_inet_addr *addr)
{
	const struct rtable *rt = skb_rtable(skb);
	__be32 hop = rt ? rt_nexthop(rt, ip_hdr(skb)->daddr) : 0;

	addr->ip = inet_select_addr(dev, hop, RT_SCOPE_UNIVERSE);
	return addr->ip;
}

static bool outside_addr(const struct sk_buff *skb,
			 const struct nf_hook_state *state,
			 union nf_inet_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (state->pf == NFPROTO_IPV4)
		return outside_addr4(skb, state->out, addr);
#if IS_ENABLED(CONFIG_IPV6)
	return !ipv6_dev_get_saddr(state->net, state->out,
				   &ipv6_hdr(skb)->daddr, 0, &addr->in6);
#else
	return false;
#endif
}

/**
 * ct_nat_masquerade() - the source becomes an address of the outgoing device
 * @skb: the packet
 * @state: POST_ROUTING
 * @range: ports and flags
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT, or %NF_DROP where there is no address, or as ct_nat_setup().
 */
int ct_nat_masquerade(struct sk_buff *skb, const struct nf_hook_state *state,
		      const struct nf_nat_range2 *range)
{
	struct ct_pending *p = ct_pending_of(skb);
	struct nf_nat_range2 own = *range;

	if (!p || ct_nat_is_set(skb, state))
		return NF_ACCEPT;
	/* Who has no address yet is not to be known by another one later. */
	if (state->pf == NFPROTO_IPV4 && !ip_hdr(skb)->saddr)
		return NF_ACCEPT;
	if (!outside_addr(skb, state, &own.min_addr))
		return NF_DROP;
	own.max_addr = own.min_addr;
	own.flags |= NF_NAT_RANGE_MAP_IPS;
	p->bind.oif = state->out->ifindex;
	WRITE_ONCE(p->bind.flags, p->bind.flags | CT_BIND_OIF);
	note_use(state->net);
	return ct_nat_setup(skb, state, &own, NF_NAT_MANIP_SRC);
}
EXPORT_SYMBOL_CT(ct_nat_masquerade);

static bool inside_addr4(const struct net_device *dev,
			 union nf_inet_addr *addr)
{
	const struct in_device *in_dev = __in_dev_get_rcu(dev);
	const struct in_ifaddr *ifa;

	ifa = in_dev ? rcu_dereference(in_dev->ifa_list) : NULL;
	if (ifa)
		addr->ip = ifa->ifa_local;
	return ifa;
}

#if IS_ENABLED(CONFIG_IPV6)
/* The first that is in use, of the packet's own scope where there is one */
static bool inside_addr6(const struct net_device *dev,
			 const struct in6_addr *dst, union nf_inet_addr *addr)
{
	struct inet6_dev *idev = __in6_dev_get(dev);
	bool local = ct_addr6_is_local(dst), found = false;
	const struct inet6_ifaddr *ifa;

	if (!idev)
		return false;
	read_lock_bh(&idev->lock);
	list_for_each_entry(ifa, &idev->addr_list, if_list) {
		if ((ifa->flags & IFA_F_TENTATIVE &&
		     !(ifa->flags & IFA_F_OPTIMISTIC)) ||
		    (found && ct_addr6_is_local(&ifa->addr) != local))
			continue;
		addr->in6 = ifa->addr;
		found = true;
		if (ct_addr6_is_local(&ifa->addr) == local)
			break;
	}
	read_unlock_bh(&idev->lock);
	return found;
}
#endif

static bool inside_addr(const struct sk_buff *skb,
			const struct nf_hook_state *state,
			union nf_inet_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (state->hook == NF_INET_LOCAL_OUT) {
		if (state->pf == NFPROTO_IPV4)
			addr->ip = htonl(INADDR_LOOPBACK);
		else
			addr->in6 = in6addr_loopback;
		return true;
	}
	if (state->pf == NFPROTO_IPV4)
		return inside_addr4(skb->dev, addr);
#if IS_ENABLED(CONFIG_IPV6)
	return inside_addr6(skb->dev, &ipv6_hdr(skb)->daddr, addr);
#else
	return false;
#endif
}

/**
 * ct_nat_redirect() - the destination becomes this host
 * @skb: the packet
 * @state: PRE_ROUTING or LOCAL_OUT
 * @range: ports and flags
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT, or %NF_DROP where there is no address, or as ct_nat_setup().
 */
int ct_nat_redirect(struct sk_buff *skb, const struct nf_hook_state *state,
		    const struct nf_nat_range2 *range)
{
	struct nf_nat_range2 own = *range;

	if (ct_nat_is_set(skb, state))
		return NF_ACCEPT;
	if (!inside_addr(skb, state, &own.min_addr))
		return NF_DROP;
	own.max_addr = own.min_addr;
	own.flags |= NF_NAT_RANGE_MAP_IPS;
	return ct_nat_setup(skb, state, &own, NF_NAT_MANIP_DST);
}
EXPORT_SYMBOL_CT(ct_nat_redirect);

/* Devices and addresses that go */

/* Has this host the flow's outside address no more, or not the way out? */
static bool is_cut_off(const struct ct_flow *flow, struct net *net)
{
	const struct net_device *dev;
	struct ct_tuple reply;

	dev = dev_get_by_index_rcu(net, ct_flow_oif(flow));
	if (!dev || !(dev->flags & IFF_UP))
		return true;
	ct_flow_tuple(flow, IP_CT_DIR_REPLY, &reply);
	if (reply.family == NFPROTO_IPV4)
		return !__ip_dev_find(net, reply.dst.ip, false);
#if IS_ENABLED(CONFIG_IPV6)
	return !ipv6_chk_addr(net, &reply.dst.in6, NULL, 0);
#else
	return true;
#endif
}

static void sweep(struct work_struct *work)
{
	struct net *net = container_of(work, struct masq_net, sweep)->net;
	struct ct_flow *flow;
	struct ct_walk walk;

	rcu_read_lock();
	ct_walk_begin(&walk, ct_net(net), NFPROTO_UNSPEC);
	while ((flow = ct_walk_next_locked(&walk))) {
		if (ct_flow_oif(flow) && is_cut_off(flow, net))
			ct_flow_end_unlock(flow, CT_ENDED_DISPLACED);
		else
			ct_flow_unlock(flow);
		local_bh_enable();
		ct_walk_pause(&walk);
	}
	rcu_read_unlock();
}

/* However many go at once, the table is gone through once more. */
static void sweep_later(struct net *net)
{
	struct masq_net *masq;

	rcu_read_lock();
	masq = net_generic(net, masq_net_id);
	if (ct_net_alive(net) && READ_ONCE(masq->used))
		queue_work(system_long_wq, &masq->sweep);
	rcu_read_unlock();
}

static int device_heard(struct notifier_block *nb, unsigned long event,
			void *ptr)
{
	if (event == NETDEV_DOWN)
		sweep_later(dev_net(netdev_notifier_info_to_dev(ptr)));
	return NOTIFY_DONE;
}

static struct notifier_block device_watcher = {
	.notifier_call = device_heard,
};

static int addr4_heard(struct notifier_block *nb, unsigned long event,
		       void *ptr)
{
	const struct in_ifaddr *ifa = ptr;

	if (event == NETDEV_DOWN)
		sweep_later(dev_net(ifa->ifa_dev->dev));
	return NOTIFY_DONE;
}

static struct notifier_block addr4_watcher = {
	.notifier_call = addr4_heard,
};

#if IS_ENABLED(CONFIG_IPV6)
static int addr6_heard(struct notifier_block *nb, unsigned long event,
		       void *ptr)
{
	const struct inet6_ifaddr *ifa = ptr;

	if (event == NETDEV_DOWN)
		sweep_later(dev_net(ifa->idev->dev));
	return NOTIFY_DONE;
}

static struct notifier_block addr6_watcher = {
	.notifier_call = addr6_heard,
};
#endif

static int __net_init masq_begin(struct net *net)
{
	struct masq_net *masq = net_generic(net, masq_net_id);

	masq->net = net;
	INIT_WORK(&masq->sweep, sweep);
	return 0;
}

static void __net_exit masq_end(struct net *net)
{
	struct masq_net *masq = net_generic(net, masq_net_id);

	cancel_work_sync(&masq->sweep);
}

static struct pernet_operations masq_net_ops = {
	.init = masq_begin,
	.exit = masq_end,
	.id = &masq_net_id,
	.size = sizeof(struct masq_net),
};

static void unwatch_addrs(void)
{
#if IS_ENABLED(CONFIG_IPV6)
	unregister_inet6addr_notifier(&addr6_watcher);
#endif
	unregister_inetaddr_notifier(&addr4_watcher);
}

static int watch_addrs(void)
{
	int err = register_inetaddr_notifier(&addr4_watcher);

	if (err)
		return err;
#if IS_ENABLED(CONFIG_IPV6)
	err = register_inet6addr_notifier(&addr6_watcher);
	if (err)
		unregister_inetaddr_notifier(&addr4_watcher);
#endif
	return err;
}

/**
 * ct_nat_masq_init() - notice devices and addresses that go
 *
 * Context: process, sleeps.
 *
 * Return: 0 or an error.
 */
int ct_nat_masq_init(void)
{
	int err = register_pernet_subsys(&masq_net_ops);

	if (err)
		return err;
	err = watch_addrs();
	if (err)
		goto no_addrs;
	err = register_netdevice_notifier(&device_watcher);
	if (err)
		goto no_devices;
	return 0;
no_devices:
	unwatch_addrs();
no_addrs:
	unregister_pernet_subsys(&masq_net_ops);
	return err;
}

/**
 * ct_nat_masq_exit() - the end of it
 *
 * Context: process, sleeps.
 */
void ct_nat_masq_exit(void)
{
	unregister_netdevice_notifier(&device_watcher);
	unwatch_addrs();
	unregister_pernet_subsys(&masq_net_ops);
}
