// SPDX-License-Identifier: GPL-2.0
/*
 * nf_conntrack: what its entries say of packets, and what is done in its name.
 *
 * Overview
 *	Where nf_conntrack is loaded, skb->_nfct leads to its entry of the packet's
 *	connection, which knows what the packet was before nf_nat translated it, and
 *	to what connection an error or a reset belongs that this host sends. Both is
 *	read here, and believed: the packet holds a reference to the entry.
 *
 *	Where it is not loaded, the kernel asks whoever stands behind nf_ct_hook:
 *	what an answer of this host is to the packet that it answers (attach), and
 *	what a packet's addresses are before translation (get_tuple_skb, for CAKE's
 *	"nat"). A drop-in answers. nf_conntrack overwrites the pointer without
 *	looking, so it is given back before nf_conntrack's own initialisation runs
 *	(ct_names.c hears of it), and taken again when nf_conntrack has gone.
 *
 * Context
 *	Hooks and transmission, RCU read-side section, any context; take and give
 *	back: process, may sleep, one at a time.
 */
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>

#include "ct_expire.h"
#include "ct_hash.h"
#include "ct_nfct.h"
#include "ct_packet.h"
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

/* In its name */

/* An answer goes against the packet that it is about. */
static enum ct_info info_of_answer(enum ct_info info)
{
	return ct_info_dir(info) == IP_CT_DIR_ORIGINAL ? CT_INFO_RELATED_REPLY :
							 CT_INFO_RELATED;
}

/*
 * This host answers a packet while it is in a hook, or on its way: a rule's reset, an
 * ICMP error of a rule or of the router. That is related to what the packet belongs
 * to, or would have belonged to, whatever the packet has been translated to by now.
 */
static void attach(struct sk_buff *answer, const struct sk_buff *skb)
{
	struct ct_pending *p = ct_pending_of(skb);
	enum ct_info info = ct_skb_info(skb);

	if (skb_get_nfct(answer))
		return;
	/* What is refused but translated is answered by who it was sent to. */
	if (!ct_info_has_flow(info) &&
	    !(p && READ_ONCE(p->bind.flags) & CT_BIND_TO))
		return;
	/* Behind its last hook it is what its flow's packets become: look it up. */
	if (!p && ct_packet_was_bound(skb))
		return;
	info = info_of_answer(info);
	if (!p) {
		skb_set_nfct(answer, info);
		return;
	}
	nf_conntrack_get(&p->nfct.ct_general);
	ct_pending_refer(answer, p, info);
}

/*
 * What a packet was before translation, if it has been through our hooks; if not, the
 * tuple of the other direction, which the caller turns around.
 */
static bool get_tuple(struct nf_conntrack_tuple *to, const struct sk_buff *skb)
{
	struct ct_tuple tuple;
	enum ip_conntrack_dir dir;
	bool found;

	local_bh_disable();
	rcu_read_lock();
	found = ct_packet_other_side(skb, &tuple, &dir);
	rcu_read_unlock();
	local_bh_enable();
	if (found)
		ct_nfct_write_tuple(to, &tuple, dir);
	return found;
}

static int update(struct net *net, struct sk_buff *skb)
{
	return NF_ACCEPT;
}

/* The pool's own reference keeps objects from being destroyed by packets. */
static void destroy(struct nf_conntrack *nfct)
{
	WARN_ON_ONCE(1);
}

static void set_closing(struct nf_conntrack *nfct)
{
}

#ifdef CT_HAVE_NF_CT_CONFIRM
static int confirm(struct sk_buff *skb)
{
	return NF_ACCEPT;
}
#endif

#ifdef CT_HAVE_NF_CT_GET_ID
static u32 get_id(const struct nf_conntrack *nfct)
{
	return 0;
}
#endif

static const struct nf_ct_hook hook = {
	.update = update,
	.destroy = destroy,
	.get_tuple_skb = get_tuple,
	.attach = attach,
	.set_closing = set_closing,
#ifdef CT_HAVE_NF_CT_CONFIRM
	.confirm = confirm,
#endif
#ifdef CT_HAVE_NF_CT_GET_ID
	.get_id = get_id,
#endif
};

/* nf_conntrack writes it when it likes: it is changed only from what was seen. */
#define HOOK_POINTER	((__force const struct nf_ct_hook **)&nf_ct_hook)

static bool hook_is_ours(void)
{
	return rcu_access_pointer(nf_ct_hook) == &hook;
}

/**
 * ct_nfct_is_there() - is nf_conntrack loaded?
 *
 * Context: any.
 *
 * Return: true if it is.
 */
bool ct_nfct_is_there(void)
{
	return rcu_access_pointer(nf_ct_hook) && !hook_is_ours();
}

/**
 * ct_nfct_take() - nf_conntrack may not be there, or have gone
 * @dropin: act in its name
 *
 * If so, nobody is to mistake what packets refer to for a template of its.
 *
 * Context: process.
 */
void ct_nfct_take(bool dropin)
{
	if (ct_nfct_is_there())
		return;
	if (dropin)
		cmpxchg(HOOK_POINTER, NULL, &hook);
	WRITE_ONCE(ct_pending_status, CT_PENDING_USUAL);
}

/**
 * ct_nfct_give_back() - nf_conntrack comes
 *
 * When this returns, what packets are given to refer to says "template". What was
 * given before is, to nf_conntrack, a confirmed entry with nothing in it.
 *
 * Context: process, sleeps.
 */
void ct_nfct_give_back(void)
{
	WRITE_ONCE(ct_pending_status, CT_PENDING_BESIDE);
	cmpxchg(HOOK_POINTER, &hook, NULL);
	synchronize_net();
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

bool ct_nfct_is_there(void)
{
	return false;
}

void ct_nfct_take(bool dropin)
{
}

void ct_nfct_give_back(void)
{
}

#endif
