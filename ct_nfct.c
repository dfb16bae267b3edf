// SPDX-License-Identifier: GPL-2.0
/*
 * nf_conntrack: what its entries say of packets.
 *
 * Overview
 *	Where nf_conntrack is loaded, skb->_nfct leads to its entry of the packet's
 *	connection, which knows what the packet was before nf_nat translated it, and
 *	to what connection an error or a reset belongs that this host sends. Both is
 *	read here, and believed: the packet holds a reference to the entry.
 *
 *	What is done in its name where it is not loaded is in ct_standin.c.
 *
 * Context
 *	Hooks and transmission, RCU read-side section, any context.
 */
#include <linux/module.h>
#include <linux/netfilter.h>

#include "ct_compat.h"
#include "ct_nfct.h"
#include "ct_pending.h"
#include "ct_proto.h"

#if IS_ENABLED(CONFIG_NF_CONNTRACK)

#include <net/netfilter/nf_conntrack.h>
#include <net/netfilter/nf_conntrack_zones.h>

/* Entries of nf_conntrack */

/* Its entry, or a template of its rules, but no object of ours */
static const struct nf_conn *foreign(const struct sk_buff *skb,
				     enum ip_conntrack_info *ctinfo)
{
	return ct_pending_of(skb) ? NULL : nf_ct_get(skb, ctinfo);
}

/**
 * ct_nfct_has_seen() - has nf_conntrack seen a packet?
 * @skb: the packet
 *
 * Our first hook comes before its own. So where it has seen the packet there, so
 * have we, at another time: it comes from the loopback device, or from IPVS. Or tc or
 * a bridge led the packet to it before.
 *
 * Context: hooks.
 *
 * Return: true if the packet has an entry of it, and not only a template.
 */
bool ct_nfct_has_seen(const struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = foreign(skb, &ctinfo);

	return ct && !nf_ct_is_template(ct);
}
EXPORT_SYMBOL_CT(ct_nfct_has_seen);

static void read_zone(struct ct_pkt *pkt, const struct nf_conn *ct)
{
#ifdef CONFIG_NF_CONNTRACK_ZONES
	const struct nf_conntrack_zone *zone = nf_ct_zone(ct);
	u16 id = zone->flags & NF_CT_FLAG_MARK ? pkt->skb->mark : zone->id;

	pkt->zone[IP_CT_DIR_ORIGINAL] =
		zone->dir & NF_CT_ZONE_DIR_ORIG ? id : 0;
	pkt->zone[IP_CT_DIR_REPLY] = zone->dir & NF_CT_ZONE_DIR_REPL ? id : 0;
	pkt->tuple.zone = pkt->zone[IP_CT_DIR_ORIGINAL];
#endif
}

static bool read_tuple(struct ct_tuple *tuple,
		       const struct nf_conntrack_tuple *t)
{
	const struct ct_proto *proto;

	memset(tuple, 0, sizeof(*tuple));
	tuple->family = t->src.l3num;
	tuple->protonum = t->dst.protonum;
	tuple->src = t->src.u3;
	tuple->dst = t->dst.u3;
	proto = ct_proto_find(tuple->family, tuple->protonum);
	if (proto->identify) {
		tuple->icmp.type = t->dst.u.icmp.type;
		tuple->icmp.code = t->dst.u.icmp.code;
		tuple->icmp.id = t->src.u.icmp.id;
	} else if (proto->read) {
		tuple->sport = t->src.u.all;
		tuple->dport = t->dst.u.all;
	}
	return tuple->family == NFPROTO_IPV4 || tuple->family == NFPROTO_IPV6;
}

/**
 * ct_nfct_read() - what does nf_conntrack say of a packet?
 * @pkt: the packet, read; its zone is set, if nf_conntrack's rules gave it one
 * @nfct: set to what it says
 *
 * Context: hooks.
 */
void ct_nfct_read(struct ct_pkt *pkt, struct ct_nfct *nfct)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = foreign(pkt->skb, &ctinfo);

	nfct->says = CT_NFCT_NOTHING;
	if (!ct)
		return;
	read_zone(pkt, ct);
	if (nf_ct_is_template(ct))
		return;
	nfct->dir = CTINFO2DIR(ctinfo);
	nfct->is_new = ctinfo == IP_CT_NEW;
	nfct->says = CT_NFCT_PACKET;
	/* The first packet of a connection that it expected is "related" too. */
	if (ctinfo % IP_CT_IS_REPLY == IP_CT_RELATED) {
		nfct->is_new = ct->status & IPS_EXPECTED;
		if (!nfct->is_new)
			nfct->says = CT_NFCT_ABOUT;
	}
	if (!read_tuple(&nfct->tuple, &ct->tuplehash[nfct->dir].tuple) ||
	    (nfct->says == CT_NFCT_PACKET &&
	     (nfct->tuple.family != pkt->tuple.family ||
	      nfct->tuple.protonum != pkt->tuple.protonum)))
		nfct->says = CT_NFCT_NOTHING;
	nfct->tuple.zone = pkt->zone[nfct->dir];
	nfct->tuple.link = pkt->tuple.link;
}

/**
 * ct_nfct_write_tuple() - a tuple as nf_conntrack has it
 * @to: to be filled
 * @tuple: the tuple
 * @dir: its direction
 *
 * Context: any.
 */
void ct_nfct_write_tuple(struct nf_conntrack_tuple *to,
			 const struct ct_tuple *tuple,
			 enum ip_conntrack_dir dir)
{
	const struct ct_proto *proto = ct_proto_find(tuple->family,
						     tuple->protonum);

	memset(to, 0, sizeof(*to));
	to->src.l3num = tuple->family;
	if (tuple->family == NFPROTO_IPV6) {
		to->src.u3.in6 = tuple->src.in6;
		to->dst.u3.in6 = tuple->dst.in6;
	} else {
		to->src.u3.ip = tuple->src.ip;
		to->dst.u3.ip = tuple->dst.ip;
	}
	to->dst.protonum = tuple->protonum;
	to->dst.dir = dir;
	if (proto->identify) {
		to->dst.u.icmp.type = tuple->icmp.type;
		to->dst.u.icmp.code = tuple->icmp.code;
		to->src.u.icmp.id = tuple->icmp.id;
	} else {
		to->src.u.all = tuple->sport;
		to->dst.u.all = tuple->dport;
	}
}
EXPORT_SYMBOL_CT(ct_nfct_write_tuple);

/**
 * ct_nfct_fill() - what the kernel may read of an object that a packet refers to
 * @p: the object, whose @orig is what the packet was
 * @dir: direction of the packet
 *
 * Who looks for a socket behind a translation reads the original direction.
 *
 * Context: hooks.
 */
void ct_nfct_fill(struct ct_pending *p, enum ip_conntrack_dir dir)
{
	bool bound = p->bind.flags & CT_BIND_TO;
	struct ct_tuple other;

	if (!ct_tuple_invert(&other, bound ? &p->bind.to : &p->orig))
		other = p->orig;
	ct_nfct_write_tuple(&p->nfct.tuplehash[dir].tuple, &p->orig, dir);
	ct_nfct_write_tuple(&p->nfct.tuplehash[!dir].tuple, &other, !dir);
}

#else

void ct_nfct_fill(struct ct_pending *p, enum ip_conntrack_dir dir)
{
}

void ct_nfct_read(struct ct_pkt *pkt, struct ct_nfct *nfct)
{
	nfct->says = CT_NFCT_NOTHING;
}

bool ct_nfct_has_seen(const struct sk_buff *skb)
{
	return false;
}
EXPORT_SYMBOL_CT(ct_nfct_has_seen);

#endif
