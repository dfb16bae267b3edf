// SPDX-License-Identifier: GPL-2.0
/*
 * Routes and policies of packets that are not what they were when these were looked up.
 *
 * Overview
 *	What this host sends has a route already when LOCAL_OUT translates its
 *	destination, and needs another one. What is sent from another source than it
 *	was, or to another port, may have to go through another IPsec policy, or none.
 *
 *	Policies for what comes in are about packets as they came. Who asks them asks
 *	nf_nat_hook what a packet was; that is nf_nat's, and WARNs if it is somebody
 *	else's when nf_nat comes: so it is given back where nf_conntrack comes, without
 *	which nf_nat does not (ct_nat_beside.c hears of it).
 *
 * Context
 *	Hooks, RCU read-side section, nothing sleeps. Who asks of what came in may be
 *	behind all hooks. Offer and withdraw: process, sleep.
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
#include "ct_packet.h"
#include "ct_proto.h"
#include "ip_conntrack.h"

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

/* The route below a policy that it had. */
static struct dst_entry *plain_route(struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);

	return dst->xfrm ? xfrm_dst_path(dst) : dst;
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

	if (!net->xfrm.policy_count[XFRM_POLICY_OUT] || !skb_dst(skb) ||
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

static bool has_ports(const struct ct_tuple *tuple)
{
	const struct ct_proto *proto = ct_proto_find(tuple->family,
						     tuple->protonum);

	return proto->read && !proto->identify &&
	       tuple->protonum != IPPROTO_GRE;
}

/* What was a packet before we translated it? Returns false if we did not. */
static bool was_before(const struct sk_buff *skb, struct ct_tuple *was)
{
	const struct ct_pending *p = ct_pending_of(skb);

	if (!p)
		return ct_packet_was_bound(skb, was);
	if (!(READ_ONCE(p->bind.flags) & CT_BIND_TO) ||
	    ct_info_is_related(ct_skb_info(skb)))
		return false;
	*was = p->orig;
	return true;
}

static void undo4(struct flowi4 *fl, const struct ct_tuple *was, bool ports)
{
	fl->saddr = was->src.ip;
	fl->daddr = was->dst.ip;
	if (!ports)
		return;
	fl->fl4_sport = was->sport;
	fl->fl4_dport = was->dport;
}

static void undo6(struct flowi6 *fl, const struct ct_tuple *was, bool ports)
{
	fl->saddr = was->src.in6;
	fl->daddr = was->dst.in6;
	if (!ports)
		return;
	fl->fl6_sport = was->sport;
	fl->fl6_dport = was->dport;
}

/**
 * ct_nat_policy_undo() - what a policy for packets that come in has to look at
 * @skb: the packet
 * @fl: what it is now; set to what it was when it came
 *
 * Context: RCU read-side section.
 */
void ct_nat_policy_undo(struct sk_buff *skb, struct flowi *fl)
{
	struct ct_tuple was;

	if (!was_before(skb, &was))
		return;
	if (was.family == NFPROTO_IPV4)
		undo4(&fl->u.ip4, &was, has_ports(&was));
	else
		undo6(&fl->u.ip6, &was, has_ports(&was));
}
EXPORT_SYMBOL_CT_TEST(ct_nat_policy_undo);

/* The rest is asked by nf_conntrack, and not of us. */
static const struct nf_nat_hook policy_hook = {
	.decode_session = ct_nat_policy_undo,
};

/* nf_nat writes it when it likes: it is changed only from what was seen. */
#define HOOK_POINTER	((__force const struct nf_nat_hook **)&nf_nat_hook)

/**
 * ct_nat_rival_is_there() - is nf_nat loaded?
 *
 * Context: any.
 *
 * Return: true if it is.
 */
bool ct_nat_rival_is_there(void)
{
	const struct nf_nat_hook *hook = rcu_access_pointer(nf_nat_hook);

	return hook && hook != &policy_hook;
}

/**
 * ct_nat_policy_offer() - tell what packets were, where nf_conntrack is not there
 *
 * Context: process, sleeps.
 */
void ct_nat_policy_offer(void)
{
	if (ct_is_dropin())
		cmpxchg(HOOK_POINTER, NULL, &policy_hook);
}

/**
 * ct_nat_policy_withdraw() - the end of it
 *
 * Context: process, sleeps.
 */
void ct_nat_policy_withdraw(void)
{
	if (cmpxchg(HOOK_POINTER, &policy_hook, NULL) == &policy_hook)
		synchronize_rcu();
}
