// SPDX-License-Identifier: GPL-2.0
/*
 * Bridged packets.
 *
 * Overview
 *	What a bridge forwards never meets the IP layer's hooks. While a rule of
 *	a bridge table asks for flows, the bridge's own hooks of that namespace
 *	lead its packets to the tracker, as IPv4 and IPv6 packets: PRE_ROUTING
 *	is a first hook and POST_ROUTING a last one (ct_core.c). Where no such
 *	rule is, there is no hook either, bridged packets are left alone, and this
 *	module need not be there: the first such rule asks for it (ct_bridged.c).
 *	Nothing here needs the module bridge.
 *
 *	Counted once. What a bridge hands up to this host has been tracked by
 *	its PRE_ROUTING, and carries its answer: the IP layer's first hook lets it
 *	be, and its last hook makes the flow.
 *	What this host sends through a bridge was tracked by the IP layer. Copies
 *	for the ports carry the same answer; the first that passes makes the flow,
 *	for all. br_netfilter (call-iptables) sends bridged
 *	packets through the IP layer's hooks, too: its packets come from the
 *	bridge there, so nothing is counted again, and the last of all hooks is
 *	the IP layer's then, for what is translated there.
 *
 *	Anything but IPv4 and IPv6 is untracked. What has more than one tag of a
 *	VLAN is something else, too.
 *
 * Fragments
 *	They are put together before they are tracked, and on their way out, to
 *	a port, taken apart again, as they came: the packet still has its parts,
 *	so their sizes are those that its sender chose. Where the parts are gone,
 *	because somebody made one piece of them, the port's MTU decides. The
 *	bridge's part of skb->cb, which the IP layer overwrites, is put aside
 *	meanwhile. What this host sends through a bridge in fragments was made
 *	so behind its last hook: each fragment carries the whole packet's answer,
 *	so rules get state and direction of it; no more than that.
 *
 * Context
 *	Hooks, in softirq or process context, RCU read-side section; users come
 *	and go in process context under @users_lock, inside ct_bridged.c's lock and
 *	outside netfilter's.
 */
#include <linux/if_macvlan.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ipv6.h>
#if IS_ENABLED(CONFIG_IPV6)
#include <net/ipv6_frag.h>
#endif
#include <net/netfilter/ipv6/nf_defrag_ipv6.h>

#include "ct_bridge.h"
#include "ct_core.h"
#include "ct_packet.h"
#include "ct_pending.h"
#include "ct_tuple.h"
#include "ip_conntrack.h"

static u8 family_of(const struct sk_buff *skb)
{
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		return NFPROTO_IPV4;
#if IS_ENABLED(CONFIG_IPV6)
	case htons(ETH_P_IPV6):
		return NFPROTO_IPV6;
#endif
	default:
		return NFPROTO_UNSPEC;
	}
}

static unsigned int ip_size(u8 family)
{
	return family == NFPROTO_IPV4 ? sizeof(struct iphdr) :
					sizeof(struct ipv6hdr);
}

/* The headers have to be there. */
static bool is_fragment(const struct sk_buff *skb, u8 family)
{
	__be16 frag = 0;
	u8 nexthdr;

	if (skb_network_offset(skb) || skb_headlen(skb) < ip_size(family))
		return false;
	if (family == NFPROTO_IPV4)
		return ip_is_fragment(ip_hdr(skb));
	nexthdr = ipv6_hdr(skb)->nexthdr;
	ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &nexthdr, &frag);
	return frag & htons(~0x6);
}

/* Bridges and the IP layer */

/* Does the device hand the same frames on, from or to a bridge here? */
static bool is_over_bridge(const struct net_device *dev, const struct net *net)
{
	const struct net_device *bridge = ct_bridge_below(dev);

	return bridge && net_eq(dev_net(bridge), net);
}

/* Does br_netfilter lead this packet to POST_ROUTING of the IP layer? */
static bool goes_to_ip_layer(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return unlikely(nf_bridge_info_exists(skb)) &&
	       nf_bridge_get_physoutdev(skb);
#else
	return false;
#endif
}

/* See ct_bridge_will_see(). */
static bool comes_by(const struct sk_buff *skb,
		     const struct nf_hook_state *state)
{
	return state->hook == NF_INET_POST_ROUTING && state->out &&
	       is_over_bridge(state->out, state->net) &&
	       !goes_to_ip_layer(skb);
}

/* Frames are padded, and nobody has looked at what is in them. */

static bool trim_ipv4(struct sk_buff *skb)
{
	const struct iphdr *iph;
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(*iph)))
		return false;
	iph = ip_hdr(skb);
	len = ntohs(iph->tot_len);
	if (iph->version != 4 || iph->ihl < 5)
		return false;
	if (!len && skb_is_gso(skb))
		return true;
	return len >= iph->ihl * 4 && len <= skb->len &&
	       !pskb_trim_rcsum(skb, len);
}

static bool trim_ipv6(struct sk_buff *skb)
{
	const struct ipv6hdr *ip6h;
	unsigned int len;

	if (!pskb_may_pull(skb, sizeof(*ip6h)))
		return false;
	ip6h = ipv6_hdr(skb);
	len = ntohs(ip6h->payload_len) + sizeof(*ip6h);
	if (ip6h->version != 6)
		return false;
	/* A jumbogram (RFC 2675) says its length elsewhere. */
	if (!ip6h->payload_len &&
	    (skb_is_gso(skb) || ip6h->nexthdr == NEXTHDR_HOP))
		return true;
	return len <= skb->len && !pskb_trim_rcsum(skb, len);
}

/* Returns false if this is no IP packet that anyone may believe. */
static bool trim(struct sk_buff *skb, u8 family)
{
	if (skb_network_offset(skb))
		return false;
	return family == NFPROTO_IPV4 ? trim_ipv4(skb) : trim_ipv6(skb);
}

/* Fragments, put together */

/* Returns what becomes of the fragment. */
static unsigned int gather(struct net *net, struct sk_buff *skb, u8 family,
			   u16 zone)
{
	int err = 0;

	if (family == NFPROTO_IPV4) {
		memset(IPCB(skb), 0, sizeof(struct inet_skb_parm));
		/* takes the packet whenever it does not return 0 */
		if (ip_defrag(net, skb, IP_DEFRAG_CONNTRACK_BRIDGE_IN + zone))
			return NF_STOLEN;
	}
#if IS_ENABLED(CONFIG_IPV6)
	if (family == NFPROTO_IPV6) {
		memset(IP6CB(skb), 0, sizeof(struct inet6_skb_parm));
		err = nf_ct_frag6_gather(net, skb,
					 IP6_DEFRAG_CONNTRACK_BRIDGE_IN + zone);
		if (err == -EINPROGRESS)
			return NF_STOLEN;
	}
#endif
	if (err)
		return NF_DROP;
	skb->ignore_df = 1;	/* where it is routed instead, it is split */
	return NF_ACCEPT;
}

/* A zone keeps to itself, and what was said of a fragment holds for all. */
static unsigned int defrag(struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	struct ct_pending *p = ct_pending_of(skb);
	struct ct_tmpl note = { .has = 0 };
	char cb[sizeof(skb->cb)];
	unsigned int verdict;

	if (likely(!is_fragment(skb, state->pf)))
		return NF_ACCEPT;
	memcpy(cb, skb->cb, sizeof(cb));
	local_bh_disable();
	if (p)
		ct_pending_tmpl(p, &note);
	verdict = gather(state->net, skb, state->pf,
			 note.has & CT_TMPL_ZONE ?
				note.zone[IP_CT_DIR_ORIGINAL] : 0);
	local_bh_enable();
	if (verdict != NF_ACCEPT)
		return verdict;
	memcpy(skb->cb, cb, sizeof(cb));
	if (note.has && !ct_skb_say_early(skb, state, &note))
		return NF_DROP;
	return NF_ACCEPT;
}

/* Fragments, taken apart */

/**
 * struct split - a packet that is taken apart
 * @whole: the packet
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @hlen: bytes of its headers that each part has
 * @extra: bytes of the fragment header
 * @total: bytes of the rest
 * @max: most of them in one part, if it does not have its old parts any more
 * @next: where the next header's number stands (IPv6)
 * @id: identification (IPv6)
 */
struct split {
	struct sk_buff *whole;
	u8 family;
	unsigned int hlen;
	unsigned int extra;
	unsigned int total;
	unsigned int max;
	unsigned int next;
	__be32 id;
};

/* Options that are in the first fragment alone (RFC 791, 3.1) */
static void blank_options(struct iphdr *iph)
{
	unsigned int left = iph->ihl * 4 - sizeof(*iph);
	u8 *option = (u8 *)(iph + 1);
	unsigned int len;

	for (; left && *option != IPOPT_END; left -= len, option += len) {
		len = 1;
		if (*option == IPOPT_NOOP)
			continue;
		if (left < 2 || option[1] < 2 || option[1] > left)
			return;
		len = option[1];
		if (!IPOPT_COPIED(*option))
			memset(option, IPOPT_NOOP, len);
	}
}

static void head_ipv4(struct sk_buff *part, unsigned int at, bool more)
{
	struct iphdr *iph = ip_hdr(part);

	if (at)
		blank_options(iph);
	iph->frag_off &= htons(IP_DF);
	iph->frag_off |= htons(at / 8 | (more ? IP_MF : 0));
	iph->tot_len = htons(part->len);
	ip_send_check(iph);
}

static void head_ipv6(const struct split *s, struct sk_buff *part,
		      unsigned int at, bool more)
{
	u8 *next = skb_network_header(part) + s->next;
	struct frag_hdr *fh;

	fh = (struct frag_hdr *)(skb_network_header(part) + s->hlen);
	fh->nexthdr = *next;
	fh->reserved = 0;
	fh->frag_off = htons(at | more);
	fh->identification = s->id;
	*next = NEXTHDR_FRAGMENT;
	ipv6_hdr(part)->payload_len = htons(part->len -
					    sizeof(struct ipv6hdr));
}

/* The part of @len bytes at @at, or %NULL */
static struct sk_buff *make_part(const struct split *s, unsigned int at,
				 unsigned int len)
{
	unsigned int room = LL_RESERVED_SPACE(s->whole->dev);
	bool more = at + len < s->total;
	struct sk_buff *part;

	part = alloc_skb(room + s->hlen + s->extra + len, GFP_ATOMIC);
	if (!part)
		return NULL;
	skb_copy_header(part, s->whole);
	part->ip_summed = CHECKSUM_NONE;
	part->csum = 0;
	skb_reserve(part, room);
	skb_set_mac_header(part, -ETH_HLEN);
	skb_reset_network_header(part);
	skb_set_transport_header(part, s->hlen + s->extra);
	memcpy(skb_mac_header(part), s->whole->data - ETH_HLEN, ETH_HLEN);
	if (skb_copy_bits(s->whole, 0, skb_put(part, s->hlen), s->hlen))
		goto fail;
	skb_put(part, s->extra);
	if (skb_copy_bits(s->whole, s->hlen + at, skb_put(part, len), len))
		goto fail;
	if (s->family == NFPROTO_IPV4)
		head_ipv4(part, at, more);
	else
		head_ipv6(s, part, at, more);
	return part;

fail:
	kfree_skb(part);
	return NULL;
}

/* Has it still the parts that it came in? */
static bool has_parts(const struct split *s)
{
	unsigned int len = skb_pagelen(s->whole), sum;
	const struct sk_buff *part;

	if (len <= s->hlen)
		return false;
	len -= s->hlen;
	sum = len;
	skb_walk_frags(s->whole, part) {
		if (len % 8 || !part->len)
			return false;
		len = part->len;
		sum += len;
	}
	return sum == s->total;
}

/* Returns false if it cannot be taken apart. */
static bool plan(struct split *s, struct sk_buff *skb, u8 family)
{
	unsigned int room = skb->dev->mtu;
	u8 *next;
	int hlen;

	s->whole = skb;
	s->family = family;
	if (family == NFPROTO_IPV4) {
		hlen = ip_hdrlen(skb);
		s->extra = 0;
	} else {
		hlen = ip6_find_1stfragopt(skb, &next);
		if (hlen < 0)
			return false;
		s->extra = sizeof(struct frag_hdr);
		s->next = next - skb_network_header(skb);
		s->id = (__force __be32)get_random_u32();
	}
	s->hlen = hlen;
	s->total = skb->len - hlen;
	s->max = room > hlen + s->extra ?
		 round_down(room - hlen - s->extra, 8) : 0;
	return s->max && skb->len > hlen &&
	       (skb->ip_summed != CHECKSUM_PARTIAL || !skb_checksum_help(skb));
}

/* Each part takes the rest of the way; a part lost is the packet lost. */
static void send_parts(const struct split *s,
		       const struct nf_hook_state *state)
{
	const struct sk_buff *old = skb_shinfo(s->whole)->frag_list;
	bool as_it_came = has_parts(s);
	unsigned int at, len;
	struct sk_buff *part;

	len = as_it_came ? skb_pagelen(s->whole) - s->hlen : s->max;
	for (at = 0; at < s->total; at += len) {
		if (at && as_it_came) {
			len = old->len;
			old = old->next;
		}
		len = min(len, s->total - at);
		part = make_part(s, at, len);
		if (!part)
			return;
		state->okfn(state->net, state->sk, part);
	}
}

static bool is_reassembled(const struct sk_buff *skb)
{
	return unlikely(skb_has_frag_list(skb)) && !skb_is_gso(skb) &&
	       !skb_network_offset(skb);
}

static unsigned int refragment(struct sk_buff *skb,
			       const struct nf_hook_state *state, u8 family)
{
	struct split split = {};

	if (!plan(&split, skb, family))
		return NF_DROP;
	send_parts(&split, state);
	consume_skb(skb);
	return NF_STOLEN;
}

/* First and last hook */

static unsigned int bridge_first(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct nf_hook_state ip_state = *state;
	u8 family = family_of(skb);
	unsigned int verdict;

	if (ct_packet_is_untracked(skb) || ct_skb_info(skb))
		return NF_ACCEPT;
	if (!family) {
		if (!skb_get_nfct(skb))
			skb_set_nfct(skb, IP_CT_UNTRACKED);
		return NF_ACCEPT;
	}
	ip_state.pf = family;
	if (trim(skb, family)) {
		verdict = defrag(skb, &ip_state);
		if (verdict != NF_ACCEPT)
			return verdict;
	}
	return ct_core_first(priv, skb, &ip_state);
}

/*
 * What this host sends comes from the IP layer and carries an answer, or came from
 * elsewhere (a packet socket) and is none of ours.
 */
static bool is_strange(const struct sk_buff *skb)
{
	return !skb->skb_iif && !ct_skb_info(skb) && !ct_nfct_has_seen(skb);
}

static unsigned int bridge_last(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct nf_hook_state ip_state = *state;
	unsigned int verdict;

	ip_state.pf = family_of(skb);
	if (!ip_state.pf || goes_to_ip_layer(skb))
		return NF_ACCEPT;
	if (!ct_packet_is_untracked(skb) && !is_strange(skb)) {
		verdict = ct_core_last(priv, skb, &ip_state);
		if (verdict != NF_ACCEPT)
			return verdict;
	}
	return is_reassembled(skb) ? refragment(skb, state, ip_state.pf) :
				     NF_ACCEPT;
}

/* Users */

#define CT_BRIDGE_HOOK(_hook, _num, _priority) {			\
	.hook = _hook,							\
	.pf = NFPROTO_BRIDGE,						\
	.hooknum = NF_BR_##_num,					\
	.priority = _priority,						\
}

/* The last comes before br_netfilter's, which does not let go of a packet. */
static const struct nf_hook_ops hooks[CT_BRIDGE_HOOKS] = {
	CT_BRIDGE_HOOK(bridge_first, PRE_ROUTING, NF_IP_PRI_CONNTRACK - 1),
	CT_BRIDGE_HOOK(bridge_last, POST_ROUTING, NF_BR_PRI_LAST - 1),
};

static DEFINE_MUTEX(users_lock);

/* A packet that is between a bridge and the IP layer now may count twice. */
static void unhook(struct ct_net *cnet)
{
	if (!cnet->bridge)
		return;
	WRITE_ONCE(cnet->bridge, NULL);
	nf_unregister_net_hooks(cnet->net, cnet->bridge_hooks, CT_BRIDGE_HOOKS);
}

static void leave(struct ct_net *cnet)
{
	mutex_lock(&users_lock);
	unhook(cnet);
	mutex_unlock(&users_lock);
}

static const struct ct_bridge_ops ops;

static int hook_up(struct net *net)
{
	struct ct_net *cnet = ct_net(net);
	int i, err;

	for (i = 0; i < CT_BRIDGE_HOOKS; i++) {
		cnet->bridge_hooks[i] = hooks[i];
		cnet->bridge_hooks[i].priv = cnet;
	}
	err = nf_register_net_hooks(net, cnet->bridge_hooks, CT_BRIDGE_HOOKS);
	if (!err)
		WRITE_ONCE(cnet->bridge, &ops);
	return err;
}

static int get(struct net *net)
{
	struct ct_net *cnet = ct_net(net);
	int err = 0;

	mutex_lock(&users_lock);
	if (!cnet->bridge_users)
		err = hook_up(net);
	if (!err)
		cnet->bridge_users++;
	mutex_unlock(&users_lock);
	return err;
}

static void put(struct net *net)
{
	mutex_lock(&users_lock);
	if (!--ct_net(net)->bridge_users)
		unhook(ct_net(net));
	mutex_unlock(&users_lock);
}

static const struct ct_bridge_ops ops = {
	.owner = THIS_MODULE,
	.get = get,
	.put = put,
	.comes_by = comes_by,
	.leave = leave,
};

static int __init ct_bridge_init(void)
{
	ct_bridge_serve(&ops);
	return 0;
}

static void __exit ct_bridge_exit(void)
{
	ct_bridge_serve(NULL);
}

module_init(ct_bridge_init);
module_exit(ct_bridge_exit);

CT_IMPORT();
MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("Bridged packets for ip_conntrack");
MODULE_LICENSE("GPL");
