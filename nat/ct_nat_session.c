// SPDX-License-Identifier: GPL-2.0
/*
 * What IPsec is told of packets that were translated.
 *
 * Overview
 *	Policies for what comes in are about what was on the wire. When they are
 *	asked, a packet's destination has been translated already, and, if it is for
 *	this host, its source too. So the kernel asks whoever stands behind
 *	nf_nat_hook what the packet was. Where nf_nat is not there, that is us.
 *
 *	nf_nat warns if it finds somebody there, and overwrites the pointer. It is
 *	given back before nf_nat's own initialisation runs (ct_nat_beside.c hears of
 *	it), and taken again when nf_nat has gone.
 *
 *	The pointer has other functions, which nf_conntrack and its netlink family
 *	call about entries of their own. There is nothing to be done for these.
 *
 * Context
 *	Asking: reception, RCU read-side section. Take and give back: process, sleeps,
 *	one at a time.
 */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <net/flow.h>

#include "ct_compat.h"
#include "ct_nat_engine.h"
#include "ct_packet.h"
#include "ip_conntrack.h"

#if IS_ENABLED(CONFIG_NF_NAT)

#ifdef CONFIG_XFRM
/* Has the object of a packet between its hooks something to say of it? */
static bool ends_by_object(const struct sk_buff *skb,
			   const struct ct_pending *p,
			   struct ct_packet_ends *ends)
{
	/* Pairs with the release in note_choice(). */
	if (!(smp_load_acquire(&p->bind.flags) & CT_BIND_TO))
		return false;
	if (ct_info_is_related(ct_skb_info(skb)))
		return ct_tuple_invert(&ends->was, &p->bind.to) &&
		       ct_tuple_invert(&ends->is, &p->orig);
	ends->was = p->orig;
	ends->is = p->bind.to;
	return true;
}

static bool ends_of(const struct sk_buff *skb, struct ct_packet_ends *ends)
{
	const struct ct_pending *p = ct_pending_of(skb);

	if (p && READ_ONCE(p->kind) != CT_PENDING_EARLY)
		return ends_by_object(skb, p, ends);
	return ct_packet_was(skb, ends);
}

/* An error is not of the protocol of the packets that it is about. */
static bool has_ports(const struct flowi *fl, const struct ct_tuple *tuple)
{
	if (fl->flowi_proto != tuple->protonum)
		return false;
	return tuple->protonum == IPPROTO_TCP ||
	       tuple->protonum == IPPROTO_UDP ||
	       tuple->protonum == IPPROTO_SCTP;
}

static void write4(struct flowi4 *fl, const struct ct_packet_ends *ends,
		   bool ports)
{
	if (ct_nat_end_differs(&ends->was, &ends->is, NF_NAT_MANIP_DST)) {
		fl->daddr = ends->was.dst.ip;
		if (ports)
			fl->fl4_dport = ends->was.dport;
	}
	if (ct_nat_end_differs(&ends->was, &ends->is, NF_NAT_MANIP_SRC)) {
		fl->saddr = ends->was.src.ip;
		if (ports)
			fl->fl4_sport = ends->was.sport;
	}
}

static void write6(struct flowi6 *fl, const struct ct_packet_ends *ends,
		   bool ports)
{
	if (ct_nat_end_differs(&ends->was, &ends->is, NF_NAT_MANIP_DST)) {
		fl->daddr = ends->was.dst.in6;
		if (ports)
			fl->fl6_dport = ends->was.dport;
	}
	if (ct_nat_end_differs(&ends->was, &ends->is, NF_NAT_MANIP_SRC)) {
		fl->saddr = ends->was.src.in6;
		if (ports)
			fl->fl6_sport = ends->was.sport;
	}
}

static void decode_session(struct sk_buff *skb, struct flowi *fl)
{
	struct ct_packet_ends ends;

	if (!ends_of(skb, &ends))
		return;
	if (ends.was.family == NFPROTO_IPV4)
		write4(&fl->u.ip4, &ends, has_ports(fl, &ends.was));
	else
		write6(&fl->u.ip6, &ends, has_ports(fl, &ends.was));
}
#endif

static int parse_nat_setup(struct nf_conn *ct, enum nf_nat_manip_type manip,
			   const struct nlattr *attr)
{
	return -EOPNOTSUPP;
}

static void remove_nat_bysrc(struct nf_conn *ct)
{
}

#ifdef CT_HAVE_NF_NAT_MANIP_PKT
static unsigned int manip_pkt(struct sk_buff *skb, struct nf_conn *ct,
			      enum nf_nat_manip_type manip,
			      enum ip_conntrack_dir dir)
{
	return NF_ACCEPT;
}
#endif

static const struct nf_nat_hook hook = {
	.parse_nat_setup = parse_nat_setup,
#ifdef CONFIG_XFRM
	.decode_session = decode_session,
#endif
	.remove_nat_bysrc = remove_nat_bysrc,
#ifdef CT_HAVE_NF_NAT_MANIP_PKT
	.manip_pkt = manip_pkt,
#endif
};

/* nf_nat writes it when it likes: it is changed only from what was seen. */
#define HOOK_POINTER	((__force const struct nf_nat_hook **)&nf_nat_hook)

/**
 * ct_nat_is_nf_there() - is nf_nat loaded?
 *
 * Context: any.
 *
 * Return: true if it is.
 */
bool ct_nat_is_nf_there(void)
{
	const struct nf_nat_hook *now = rcu_access_pointer(nf_nat_hook);

	return now && now != &hook;
}

/**
 * ct_nat_session_take() - nf_nat may not be there, or have gone
 *
 * Where we do not translate, nf_conntrack's netlink family has to find nobody: it loads
 * nf_nat then.
 *
 * Context: process.
 */
void ct_nat_session_take(void)
{
	if (IS_ENABLED(CONFIG_XFRM) && ct_is_dropin() && ct_is_nat_wanted())
		cmpxchg(HOOK_POINTER, NULL, &hook);
}

/**
 * ct_nat_session_give_back() - nf_nat comes, or we go
 *
 * Context: process, sleeps.
 */
void ct_nat_session_give_back(void)
{
	if (cmpxchg(HOOK_POINTER, &hook, NULL) == &hook)
		synchronize_net();
}

#else

bool ct_nat_is_nf_there(void)
{
	return false;
}

void ct_nat_session_take(void)
{
}

void ct_nat_session_give_back(void)
{
}

#endif
