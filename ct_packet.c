// SPDX-License-Identifier: GPL-2.0
/*
 * Packets and their flows, for the hooks (ct_core.c) and for rules (ct_ask.c):
 * which flow has a packet, what is an error about, what was it before
 * translation?
 *
 * Context
 *	RCU read-side section, bottom halves off, unless said. A flow that is
 *	found is locked. Nothing sleeps.
 */
#include <linux/module.h>
#include <linux/netdevice.h>
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
#include <net/netfilter/nf_conntrack.h>
#endif

#include "ct_compat.h"
#include "ct_find.h"
#include "ct_packet.h"
#include "ct_proto.h"
#include "ct_tcp.h"

/**
 * ct_packet_first_hook() - where did the tracker see a packet first?
 * @skb: the packet
 *
 * Of what is read again, all must be checked that was checked there.
 *
 * Context: any.
 *
 * Return: NF_INET_*.
 */
u8 ct_packet_first_hook(const struct sk_buff *skb)
{
	return skb->skb_iif ? NF_INET_PRE_ROUTING : NF_INET_LOCAL_OUT;
}

/**
 * ct_packet_zone() - which zone is a packet in?
 * @pkt: the packet
 * @note: what rules said of it
 *
 * Context: any.
 */
void ct_packet_zone(struct ct_pkt *pkt, const struct ct_note *note)
{
	if (!(note->has & CT_NOTE_ZONE))
		return;
	memcpy(pkt->zone, note->zone, sizeof(pkt->zone));
	pkt->tuple.zone = pkt->zone[IP_CT_DIR_ORIGINAL];
}

static struct ct_flow *find_zoned(const struct ct_pkt *pkt,
				  const struct ct_tuple *tuple,
				  enum ip_conntrack_dir *dir)
{
	struct ct_flow *flow;
	struct ct_id id;

	ct_tuple_identify(tuple, pkt->cnet, &id);
	flow = ct_find(pkt->cnet, &id, dir);
	return flow && !ct_zone_fits(flow, *dir, tuple->zone) ?
	       ct_unlock_no_flow(flow) : flow;
}

/* A flow that has the packet in this direction, and in its zone, or none */
static struct ct_flow *find_one_way(const struct ct_pkt *pkt,
				    const struct ct_tuple *tuple,
				    enum ip_conntrack_dir dir)
{
	struct ct_tuple zoned = *tuple;
	enum ip_conntrack_dir got;
	struct ct_flow *flow;

	zoned.zone = pkt->zone[dir];
	flow = find_zoned(pkt, &zoned, &got);
	return flow && got != dir ? ct_unlock_no_flow(flow) : flow;
}

/*
 * What was a packet of that direction before nf_nat translated it? Returns false
 * if nf_conntrack does not know it, or knows it of the other direction.
 */
static bool came_as(const struct ct_pkt *pkt, enum ip_conntrack_dir dir,
		    struct ct_tuple *came)
{
#if IS_ENABLED(CONFIG_NF_CONNTRACK)
	const struct nf_conntrack_tuple *t;
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *nfct;

	nfct = nf_ct_get(pkt->skb, &ctinfo);
	if (!nfct || nf_ct_is_template(nfct) || CTINFO2DIR(ctinfo) != dir)
		return false;
	t = &nfct->tuplehash[dir].tuple;
	*came = pkt->tuple;
	if (t->src.l3num != came->family || t->dst.protonum != came->protonum)
		return false;
	came->src = t->src.u3;
	came->dst = t->dst.u3;
	if (pkt->proto->identify) {
		came->icmp.id = t->src.u.icmp.id;
	} else if (pkt->proto->read) {
		came->sport = t->src.u.all;
		came->dport = t->dst.u.all;
	}
	return true;
#else
	return false;
#endif
}

#ifndef CONFIG_PREEMPT_RT
DEFINE_PER_CPU(struct ct_last_hash, ct_last_hash);
DEFINE_PER_CPU(struct ct_last_hash6, ct_last_hash6);
#endif

/**
 * ct_packet_find_other() - find the flow of anything but IPv4 with ports
 * @pkt: the packet
 * @tuple: its tuple, or what it was before translation
 * @dir: set to the direction of the packet
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: the flow, alive, its lock held, or %NULL.
 */
noinline struct ct_flow *ct_packet_find_other(const struct ct_pkt *pkt,
					      const struct ct_tuple *tuple,
					      enum ip_conntrack_dir *dir)
{
	struct ct_flow *flow;

	if (likely(pkt->zone[0] == pkt->zone[1]))
		return find_zoned(pkt, tuple, dir);
	for (*dir = IP_CT_DIR_ORIGINAL; *dir < IP_CT_DIR_MAX; ++*dir) {
		flow = find_one_way(pkt, tuple, *dir);
		if (flow)
			return flow;
	}
	return NULL;
}

/**
 * ct_packet_find() - find the flow of a packet
 * @pkt: the packet
 * @tuple: its tuple, or what it was before translation
 * @dir: set to the direction of the packet
 *
 * Where the directions are in different zones, the packet's direction decides
 * in which zone its flow has to have it. A reply whose translation was undone
 * looks like none any more: its flow has it as it came.
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: the flow, alive, its lock held, or %NULL.
 */
struct ct_flow *ct_packet_find(const struct ct_pkt *pkt,
			       const struct ct_tuple *tuple,
			       enum ip_conntrack_dir *dir)
{
	struct ct_flow *flow = ct_find_packet(pkt, tuple, dir);
	struct ct_tuple came;

	if (flow || tuple != &pkt->tuple ||
	    !came_as(pkt, IP_CT_DIR_REPLY, &came))
		return flow;
	return ct_find_packet(pkt, &came, dir);
}

/**
 * ct_packet_relate() - find the flow that an ICMP error is about
 * @pkt: the error
 * @offset: of the packet that it quotes
 * @flow: set to the flow, alive, its lock held, if there is one
 * @info: set to what the error is to it
 *
 * An error belongs to the flow of the packet that it quotes, goes against that
 * packet's direction, and changes nothing of the flow. It is sent to the
 * packet's source (RFC 1812, 4.3.2.4; RFC 4443, 2.2), as that stood when the
 * error was made.
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: CT_R_OK, or why there is no flow.
 */
enum ct_reason ct_packet_relate(const struct ct_pkt *pkt, unsigned int offset,
				struct ct_flow **flow, enum ct_info *info)
{
	struct ct_tuple quoted, inverse;
	enum ip_conntrack_dir dir;
	enum ct_reason reason;

	reason = ct_tuple_read_quote(pkt->skb, offset, pkt->tuple.family,
				     &quoted);
	if (reason)
		return reason;
	quoted.zone = pkt->tuple.zone;
	if (!ct_tuple_invert(&inverse, &quoted))
		return CT_R_ICMP_QUOTE;
	if (!ct_addr_equal(quoted.family, &quoted.src, &pkt->tuple.dst))
		return CT_R_ICMP_OUTER;
	*flow = ct_packet_find(pkt, &inverse, &dir);
	if (!*flow)
		return CT_R_ICMP_NO_FLOW;
	*info = dir == IP_CT_DIR_REPLY ? CT_INFO_RELATED_REPLY :
					 CT_INFO_RELATED;
	return CT_R_OK;
}

static bool is_reset(const struct ct_pkt *pkt)
{
	return pkt->tuple.protonum == IPPROTO_TCP &&
	       pkt->tcp.kind == CT_TCP_K_RST;
}

/**
 * ct_packet_cause() - the packet that a reset or an ICMP error answers
 * @pkt: the packet
 * @cause: set to the tuple of what it answers
 *
 * Context: any.
 *
 * Return: false if it is neither.
 */
bool ct_packet_cause(const struct ct_pkt *pkt, struct ct_tuple *cause)
{
	unsigned int offset = ct_proto_quote(pkt);

	if (offset) {
		if (ct_tuple_read_quote(pkt->skb, offset, pkt->tuple.family,
					cause))
			return false;
	} else if (!is_reset(pkt) || !ct_tuple_invert(cause, &pkt->tuple)) {
		return false;
	}
	cause->zone = pkt->tuple.zone;
	return true;
}

/**
 * ct_packet_is_own_answer() - is this the host's answer to a new packet?
 * @pkt: a packet without a flow
 *
 * A rule's reset or ICMP error, or a router's, about a packet that has no flow
 * yet, and will have none, is related to it all the same.
 *
 * Context: bottom halves off.
 *
 * Return: true if it is.
 */
bool ct_packet_is_own_answer(const struct ct_pkt *pkt)
{
	struct ct_tuple cause;

	return pkt->hook == NF_INET_LOCAL_OUT && ct_packet_cause(pkt, &cause) &&
	       ct_memo_has_new(&cause);
}

/**
 * ct_packet_original() - what a packet was before translation
 * @pkt: the packet, of which nothing is remembered
 * @orig: set to its tuple
 *
 * If the translator is nf_nat, the packet carries nf_conntrack's entry, and
 * that knows.
 *
 * Context: any.
 */
void ct_packet_original(const struct ct_pkt *pkt, struct ct_tuple *orig)
{
	if (!came_as(pkt, IP_CT_DIR_ORIGINAL, orig))
		*orig = pkt->tuple;
}

/**
 * ct_packet_nat_status() - how was a packet translated?
 * @orig: what it was
 * @now: what it is
 *
 * Context: any.
 *
 * Return: IPS_SRC_NAT and its like.
 */
u32 ct_packet_nat_status(const struct ct_tuple *orig,
			 const struct ct_tuple *now)
{
	const struct ct_proto *proto = ct_proto_find(now->family,
						     now->protonum);
	u8 family = now->family;
	u32 status = 0;
	bool src, dst;

	if (proto->identify) {	/* a question's identifier is its source's */
		src = orig->icmp.id != now->icmp.id;
		dst = false;
	} else {
		src = orig->sport != now->sport;
		dst = orig->dport != now->dport;
	}
	if (src || !ct_addr_equal(family, &orig->src, &now->src))
		status |= IPS_SRC_NAT | IPS_SRC_NAT_DONE;
	if (dst || !ct_addr_equal(family, &orig->dst, &now->dst))
		status |= IPS_DST_NAT | IPS_DST_NAT_DONE;
	return status;
}
