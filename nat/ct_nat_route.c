// SPDX-License-Identifier: GPL-2.0
/*
 * Routes and policies of packets that are not what they were when these were looked up.
 *
 * Overview
 *	What this host sends has a route already when LOCAL_OUT translates its
 *	destination, and needs another one. What is sent from another source than it
 *	was, or to another port, may have to go through another IPsec policy, or none.
 *
 * Context
 *	Hooks, RCU read-side section. Nothing sleeps.
 */
#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include "ct_compat.h"
#include "ct_nat_engine.h"

/**
 * ct_nat_route_again() - a packet of this host has another destination
 * @skb: the packet
 * @state: LOCAL_OUT
 *
 * Return: 0 or an error: nobody is there.
 */
int ct_nat_route_again(struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV4)
		return ip_route_me_harder(state->net, state->sk, skb,
					  RTN_UNSPEC);
#if IS_ENABLED(CONFIG_IPV6)
	return ip6_route_me_harder(state->net, state->sk, skb);
#else
	return -EAFNOSUPPORT;
#endif
}

#ifdef CONFIG_XFRM
static bool is_transformed(const struct sk_buff *skb, u8 family)
{
	if (family == NFPROTO_IPV4)
		return IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED;
	return IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED;
}

static int decode(struct net *net, struct sk_buff *skb, struct flowi *fl,
		  u8 family)
{
#ifdef CT_HAVE_XFRM_DECODE_NET
	return xfrm_decode_session(net, skb, fl, family);
#else
	return xfrm_decode_session(skb, fl, family);
#endif
}

/*
 * The route that a policy was found for. What the kernel calls the path of a tunnel is
 * the way to the tunnel's other end.
 */
static struct dst_entry *plain_route(struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);

	return dst->xfrm ? ((struct xfrm_dst *)dst)->route : dst;
}

/* A socket's own policies are counted apart. */
static bool has_policies(const struct net *net)
{
	return net->xfrm.policy_count[XFRM_POLICY_OUT] ||
	       net->xfrm.policy_count[XFRM_POLICY_MAX + XFRM_POLICY_OUT];
}

static int look_up_policy(struct net *net, struct sk_buff *skb, u8 family)
{
	struct sock *sk = skb->sk;
	struct dst_entry *dst;
	unsigned int head;
	struct flowi fl;

	if (decode(net, skb, &fl, family))
		return -EINVAL;
	dst = plain_route(skb);
	if (!dst_hold_safe(dst))
		return -EHOSTUNREACH;
	if (sk && !net_eq(net, sock_net(sk)))
		sk = NULL;
	dst = xfrm_lookup(net, dst, &fl, sk, 0);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	skb_dst_drop(skb);
	skb_dst_set(skb, dst);
	head = dst->dev->hard_header_len;
	if (skb_headroom(skb) < head &&
	    pskb_expand_head(skb, HH_DATA_ALIGN(head - skb_headroom(skb)), 0,
			     GFP_ATOMIC))
		return -ENOMEM;
	return 0;
}

/**
 * ct_nat_policy_again() - a packet that goes out is another one to IPsec
 * @skb: the packet
 * @state: LOCAL_OUT or POST_ROUTING
 *
 * Return: 0 or an error: it must not go out.
 */
int ct_nat_policy_again(struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct net *net = state->net;

	if (!has_policies(net) || !skb_dst(skb) ||
	    is_transformed(skb, state->pf))
		return 0;
	return look_up_policy(net, skb, state->pf == NFPROTO_IPV4 ? AF_INET :
								    AF_INET6);
}
#else
int ct_nat_policy_again(struct sk_buff *skb, const struct nf_hook_state *state)
{
	return 0;
}
#endif
