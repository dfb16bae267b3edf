/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bridged packets.
 */
#ifndef CT_BRIDGE_H
#define CT_BRIDGE_H

#include <linux/errno.h>
#include <linux/if_macvlan.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>

#include "ct_net.h"

struct sk_buff;

#if IS_ENABLED(CONFIG_NETFILTER_FAMILY_BRIDGE)

int ct_bridge_get(struct net *net);
void ct_bridge_put(struct net *net);
void ct_bridge_leave(struct net *net);

/* Not for direct use: see below. */
bool ct_bridge_comes_by(const struct sk_buff *skb,
			const struct nf_hook_state *state);

#else

static inline int ct_bridge_get(struct net *net)
{
	return -EOPNOTSUPP;
}

static inline void ct_bridge_put(struct net *net)
{
}

static inline void ct_bridge_leave(struct net *net)
{
}

static inline bool ct_bridge_comes_by(const struct sk_buff *skb,
				      const struct nf_hook_state *state)
{
	return false;
}

#endif

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
	return unlikely(READ_ONCE(cnet->bridged)) &&
	       ct_bridge_comes_by(skb, state);
}

#endif /* CT_BRIDGE_H */
