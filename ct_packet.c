// SPDX-License-Identifier: GPL-2.0
/*
 * Packets and their flows, for the hooks (ct_core.c) and for rules (ct_skb.c):
 * which flow has a packet, what is an error about, what was it before
 * translation?
 *
 * Context
 *	RCU read-side section, bottom halves off, unless said. A flow that is
 *	found is locked. Nothing sleeps.
 */
#include <linux/module.h>
#include <linux/netdevice.h>

#include "ct_compat.h"
#include "ct_find.h"
#include "ct_packet.h"
#include "ct_proto.h"

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
void ct_packet_zone(struct ct_pkt *pkt, const struct ct_tmpl *note)
{
	if (!(note->has & CT_TMPL_ZONE))
		return;
	memcpy(pkt->zone, note->zone, sizeof(pkt->zone));
	pkt->tuple.zone = pkt->zone[IP_CT_DIR_ORIGINAL];
}

/**
 * ct_packet_known() - what is known of a packet beside itself
 * @pkt: the packet, read; its zone is set
 * @note: set to what rules said of it, if it refers to that
 * @nfct: set to what nf_conntrack says of it
 *
 * Context: bottom halves off.
 */
void ct_packet_known(struct ct_pkt *pkt, struct ct_tmpl *note,
		     struct ct_nfct *nfct)
{
	struct ct_pending *p = ct_pending_of(pkt->skb);

	note->has = 0;
	if (p) {
		ct_pending_tmpl(p, note);
		ct_packet_zone(pkt, note);
	}
	ct_nfct_read(pkt, nfct);
}

static struct ct_flow *find_zoned(const struct ct_pkt *pkt,
				  const struct ct_tuple *tuple,
				  enum ip_conntrack_dir *dir)
{
	struct ct_flow *flow;
	struct ct_lookup_key id;

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

/**
 * ct_packet_other_side() - a packet's addresses on the other side of translation
 * @skb: the packet, on a device's way in or out
 * @tuple: set to what it was before translation, if it carries our answer; if not,
 *	to that of its flow's other direction
 * @dir: set to which of the flow's directions that is
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: false if it has no flow.
 */
bool ct_packet_other_side(const struct sk_buff *skb, struct ct_tuple *tuple,
			  enum ip_conntrack_dir *dir)
{
	u8 family = ct_skb_family(skb);
	struct ct_pkt pkt CT_UNINIT;
	struct ct_tuple back;
	struct ct_flow *flow;

	pkt.cnet = ct_net_alive(dev_net(skb->dev));
	if (!pkt.cnet ||
	    ct_tuple_read(&pkt, (struct sk_buff *)skb, family,
			  NF_INET_LOCAL_OUT) ||
	    ct_proto_quote(&pkt))
		return false;
	flow = ct_packet_find(&pkt, &pkt.tuple, dir);
	/* What we have translated is what its answer will be the inverse of. */
	if (!flow && ct_skb_info(skb) && ct_tuple_invert(&back, &pkt.tuple)) {
		flow = ct_packet_find(&pkt, &back, dir);
		*dir = !*dir;
	}
	if (!flow)
		return false;
	if (!ct_skb_info(skb))
		*dir = !*dir;
	ct_flow_tuple(flow, *dir, tuple);
	ct_flow_unlock(flow);
	return true;
}

/*
 * The tuple by which the flow of a packet behind its last hook has answers to it. What
 * is related to a flow quotes a packet of it, or is read where its quote is.
 */
static bool read_answer(struct ct_pkt *pkt, struct sk_buff *skb,
			struct ct_tuple *answer)
{
	unsigned int quote;

	if (ct_tuple_read(pkt, skb, ct_skb_family(skb), NF_INET_LOCAL_OUT))
		return false;
	if (!ct_info_is_related(ct_skb_info(skb)))
		return ct_tuple_invert(answer, &pkt->tuple);
	quote = ct_proto_quote(pkt);
	*answer = pkt->tuple;
	return !quote || !ct_tuple_read_quote(skb, quote, pkt->tuple.family,
					      answer);
}

/* Who delivers a packet may have left its IP header behind: it is taken back for this. */
static bool read_behind(struct ct_pkt *pkt, struct sk_buff *skb,
			struct ct_tuple *answer)
{
	int behind = -skb_network_offset(skb);
	bool done;

	if (behind > 0)
		__skb_push(skb, behind);
	done = read_answer(pkt, skb, answer);
	if (behind > 0)
		__skb_pull(skb, behind);
	return done;
}

static bool find_ends(struct ct_pkt *pkt, const struct ct_tuple *answer,
		      struct ct_packet_ends *ends)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;
	struct ct_tuple back;
	bool bound;

	flow = ct_packet_find(pkt, answer, &dir);
	if (!flow)
		return false;
	bound = flow->status & CT_FLOW_BOUND;
	ct_flow_tuple(flow, !dir, &ends->was);
	ct_flow_tuple(flow, dir, &back);
	ct_flow_unlock(flow);
	return bound && ct_tuple_invert(&ends->is, &back);
}

/**
 * ct_packet_was() - what was a packet that is behind its last hook?
 * @skb: the packet
 * @ends: set, if it has been translated
 *
 * Its answer is the inverse of what it is now, so that is what is looked for. Of what
 * is related to a flow, the ends are those of the flow's packets the same way.
 *
 * Context: any.
 *
 * Return: false if we have not translated it.
 */
bool ct_packet_was(const struct sk_buff *skb, struct ct_packet_ends *ends)
{
	struct ct_tuple answer;
	struct ct_pkt pkt;
	bool done = false;

	if (!skb->dev || !ct_skb_info(skb) ||
	    !READ_ONCE(ct_net(dev_net(skb->dev))->nat_lost))
		return false;
	local_bh_disable();
	rcu_read_lock();
	pkt.cnet = ct_net_alive(dev_net(skb->dev));
	if (pkt.cnet && read_behind(&pkt, (struct sk_buff *)skb, &answer))
		done = find_ends(&pkt, &answer, ends);
	rcu_read_unlock();
	local_bh_enable();
	return done;
}
EXPORT_SYMBOL_CT(ct_packet_was);

/**
 * ct_packet_was_bound() - have we translated a packet that is behind its last hook?
 * @skb: the packet
 *
 * Context: any.
 *
 * Return: true if we have.
 */
bool ct_packet_was_bound(const struct sk_buff *skb)
{
	struct ct_packet_ends ends;

	return ct_packet_was(skb, &ends);
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
EXPORT_SYMBOL_CT(ct_packet_nat_status);
