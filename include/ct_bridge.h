/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bridged packets.
 */
#ifndef CT_BRIDGE_H
#define CT_BRIDGE_H

#include <linux/if_macvlan.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>

#include "ct_net.h"

struct module;
struct sk_buff;

/**
 * struct ct_bridge_ops - who tracks bridged packets: the module ip_conntrack_bridge
 * @owner: that module, which stays while a rule asks
 * @get: one more rule of a namespace asks. Process, sleeps. Return: 0 or an error
 * @put: one less does. The same
 * @comes_by: does a packet at the IP layer's last hook meet a bridge's hook yet?
 *	RCU read-side section
 * @leave: a namespace goes, maybe before its rules. Process, sleeps
 */
struct ct_bridge_ops {
	struct module *owner;
	int (*get)(struct net *net);
	void (*put)(struct net *net);
	bool (*comes_by)(const struct sk_buff *skb,
			 const struct nf_hook_state *state);
	void (*leave)(struct ct_net *cnet);
};

/* ct_bridged.c */
void ct_bridge_serve(const struct ct_bridge_ops *ops);
int ct_bridge_get(struct net *net);
void ct_bridge_put(struct net *net);
void ct_bridge_leave(struct ct_net *cnet);

/**
 * ct_is_bridged() - are bridged packets of a namespace tracked?
 * @cnet: the namespace
 *
 * Context: any.
 *
 * Return: true while a rule asks for that.
 */
static inline bool ct_is_bridged(const struct ct_net *cnet)
{
	return READ_ONCE(cnet->bridge);
}

/**
 * ct_bridge_below() - the bridge that has all of a device's frames
 * @dev: the device
 *
 * Tunnels over a bridge do not count: what is in them is another packet.
 *
 * Context: RCU read-side section.
 *
 * Return: the bridge, which may be @dev; %NULL if there is none.
 */
static inline const struct net_device *
ct_bridge_below(const struct net_device *dev)
{
	for (;;) {
		if (netif_is_bridge_master(dev))
			return dev;
		if (is_vlan_dev(dev))
			dev = vlan_dev_real_dev(dev);
		else if (netif_is_macvlan(dev))
			dev = macvlan_dev_real_dev(dev);
		else
			return NULL;
	}
}

/**
 * ct_bridge_will_see() - does a packet go through a bridge from here?
 * @cnet: its namespace
 * @skb: the packet
 * @state: the hook that it is in
 *
 * Context: RCU read-side section.
 *
 * Return: true if it is at POST_ROUTING of the IP layer, to a bridge.
 */
static inline bool ct_bridge_will_see(const struct ct_net *cnet,
				      const struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	const struct ct_bridge_ops *ops = READ_ONCE(cnet->bridge);

	return unlikely(ops) && ops->comes_by(skb, state);
}

#endif /* CT_BRIDGE_H */
