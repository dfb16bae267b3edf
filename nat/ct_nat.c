// SPDX-License-Identifier: GPL-2.0
/*
 * Translation: what is done with a packet at each hook.
 *
 * Overview
 *	A flow that is translated has two nodes in the table, one for each direction
 *	(ct_flow.h). What a packet of one direction becomes is the inverse of the
 *	other. So a binding is nothing but that: no second table, no rule and no
 *	second look-up. The tracker's first hook finds the flow, and lets the packet
 *	refer to an object that says what it was and what it becomes (struct
 *	ct_binding). The destination is rewritten at PRE_ROUTING and LOCAL_OUT, the
 *	source at POST_ROUTING and LOCAL_IN, in both directions.
 *
 *	A first packet has no flow. Chains run for it, once a hook, and what they say
 *	is done at once, and noted in its object. Behind all rules the tracker makes
 *	the flow of what the packet was and is. If its replies would be those of
 *	another flow, it is given another source there, whether a rule said something
 *	or not; nobody else's flow is ended for it.
 *
 *	Errors, and what this host itself answers, are about a packet. If that was
 *	translated, whole or half, they are made to be about what it was: a quote
 *	becomes that, and the answer goes to who sent that, from whom it was sent to.
 *	So one rule serves all of them, whether they come in or are made here.
 *
 *	What cannot be translated for want of memory is dropped.
 *
 * Context
 *	Hooks: RCU read-side section, any context; bottom halves are turned off here
 *	where the table is looked into. Beginning and end: process, sleep.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/inet_sock.h>
#include <net/ndisc.h>
#include <net/netns/generic.h>

#include "ct_nat_engine.h"
#include "ct_packet.h"
#include "ct_proto.h"
#include "ct_translate.h"
#include "ip_conntrack.h"

/* Reading */

/*
 * What a packet is now. Its checksum was verified before, and may be one that is to
 * be made yet.
 */
static bool read_now(struct ct_pkt *pkt, struct sk_buff *skb,
		     const struct nf_hook_state *state)
{
	pkt->cnet = ct_net(state->net);
	return !ct_tuple_read(pkt, skb, state->pf, NF_INET_LOCAL_OUT);
}

/* How long the usual IP header is; 0 where it is another one, or of another protocol */
static unsigned int usual_head(const struct sk_buff *skb, u8 family, u8 protonum)
{
	const struct iphdr *iph = ip_hdr(skb);

	if (family == NFPROTO_IPV4)
		return iph->ihl == 5 && iph->protocol == protonum &&
		       !ip_is_fragment(iph) ? sizeof(*iph) : 0;
	return ipv6_hdr(skb)->nexthdr == protonum ? sizeof(struct ipv6hdr) : 0;
}

/*
 * The same of a packet whose protocol is known, and which was read whole before: no more
 * than what is rewritten. Returns false if that takes more.
 */
static bool read_known(struct ct_pkt *pkt, struct sk_buff *skb, u8 protonum,
		       const struct nf_hook_state *state)
{
	unsigned int head = usual_head(skb, state->pf, protonum);

	if (!head || skb_network_offset(skb) || skb_headlen(skb) < head + 8)
		return false;
	pkt->skb = skb;
	pkt->cnet = ct_net(state->net);
	pkt->proto = ct_proto_find(state->pf, protonum);
	memset(&pkt->tuple, 0, sizeof(pkt->tuple));
	pkt->tuple.family = state->pf;
	pkt->tuple.protonum = protonum;
	pkt->l4off = head;
	pkt->l4len = skb->len - head;
	if (state->pf == NFPROTO_IPV4) {
		pkt->tuple.src.ip = ip_hdr(skb)->saddr;
		pkt->tuple.dst.ip = ip_hdr(skb)->daddr;
	} else {
		pkt->tuple.src.in6 = ipv6_hdr(skb)->saddr;
		pkt->tuple.dst.in6 = ipv6_hdr(skb)->daddr;
	}
	return !pkt->proto->read ||
	       pkt->proto->read(skb, head, &pkt->tuple);
}

static void read_zone(struct ct_pkt *pkt, struct ct_pending *p)
{
	struct ct_tmpl note;

	ct_pending_tmpl(p, &note);
	if (!(note.has & CT_TMPL_ZONE))
		return;
	memcpy(pkt->zone, note.zone, sizeof(pkt->zone));
	pkt->tuple.zone = pkt->zone[IP_CT_DIR_ORIGINAL];
}

static int drop(const struct ct_pkt *pkt, enum ct_reason reason,
		const struct nf_hook_state *state)
{
	local_bh_disable();
	ct_refuse(pkt, reason, state);
	local_bh_enable();
	return NF_DROP;
}

/* Setting up */

static void say_full(const struct ct_pkt *pkt,
		     const struct nf_nat_range2 *range)
{
	u32 from = 0, to = 0;

	if (range->flags & NF_NAT_RANGE_PROTO_SPECIFIED) {
		from = ntohs(range->min_proto.all);
		to = ntohs(range->max_proto.all);
	}
	if (pkt->tuple.family == NFPROTO_IPV4)
		pr_warn_ratelimited("nothing is free for protocol %u, rule %pI4-%pI4 ports %u-%u (0-0: any): packet from %pI4 to %pI4 dropped\n",
				    pkt->tuple.protonum, &range->min_addr.ip,
				    &range->max_addr.ip, from, to,
				    &pkt->tuple.src.ip, &pkt->tuple.dst.ip);
	else
		pr_warn_ratelimited("nothing is free for protocol %u, rule %pI6c-%pI6c ports %u-%u (0-0: any): packet from %pI6c to %pI6c dropped\n",
				    pkt->tuple.protonum, &range->min_addr.in6,
				    &range->max_addr.in6, from, to,
				    &pkt->tuple.src.in6, &pkt->tuple.dst.in6);
}

static bool choose(struct ct_pkt *pkt, const struct nf_nat_range2 *range,
		   enum nf_nat_manip_type manip, struct ct_tuple *want)
{
	bool found;

	local_bh_disable();
	found = ct_nat_choose(pkt, range, manip, want);
	local_bh_enable();
	return found;
}

/* The packet was given an end, or keeps what it has. */
static void note_choice(struct ct_pending *p, const struct ct_pkt *pkt,
			const struct nf_nat_range2 *range,
			enum nf_nat_manip_type manip, bool moved)
{
	u32 flags = p->bind.flags | ct_nat_bit(manip);

	if (manip == NF_NAT_MANIP_SRC) {
		p->bind.range = *range;
		flags |= CT_BIND_RANGE;
	}
	if (moved)
		flags |= CT_BIND_TO;
	p->bind.to = pkt->tuple;
	/* Who sees the flags sees the rest: pairs with that in bind_flags(). */
	smp_store_release(&p->bind.flags, flags);
}

static u32 bind_flags(const struct ct_pending *p)
{
	/* Pairs with the release in note_choice(). */
	return smp_load_acquire(&p->bind.flags);
}

/**
 * ct_nat_setup() - a rule says what one end of a first packet becomes
 * @skb: the packet
 * @state: the hook
 * @range: of what is to be chosen
 * @manip: which end
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: %NF_ACCEPT, or %NF_DROP where it cannot be done.
 */
int ct_nat_setup(struct sk_buff *skb, const struct nf_hook_state *state,
		 const struct nf_nat_range2 *range,
		 enum nf_nat_manip_type manip)
{
	struct ct_pending *p = ct_pending_of(skb);
	struct ct_tuple want;
	struct ct_pkt pkt;
	bool moved;

	if (!ct_nat_is_open(p, manip))
		return NF_ACCEPT;
	if (!read_now(&pkt, skb, state))
		return NF_DROP;
	read_zone(&pkt, p);
	if (!choose(&pkt, range, manip, &want)) {
		say_full(&pkt, range);
		return drop(&pkt, CT_R_NAT_FULL, state);
	}
	moved = ct_nat_end_differs(&pkt.tuple, &want, manip);
	if (!ct_nat_mangle(&pkt, &want, manip))
		return drop(&pkt, CT_R_NAT_WRITE, state);
	note_choice(p, &pkt, range, manip, moved);
	return NF_ACCEPT;
}
EXPORT_SYMBOL_CT(ct_nat_setup);

/* Chains have nothing to say, or have said it. */
static void close_end(struct ct_pending *p, enum nf_nat_manip_type manip)
{
	if (ct_nat_is_open(p, manip))
		WRITE_ONCE(p->bind.flags, p->bind.flags | ct_nat_bit(manip));
}

/*
 * A packet for this host has another source than it came with. If a socket was found
 * for it by that, on its way in, it is another connection's.
 */
static void forget_socket(struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	if (state->hook == NF_INET_LOCAL_IN && skb->sk &&
	    !inet_sk_transparent(skb->sk))
		skb_orphan(skb);
}

/* At the last hook */

/* A source that no rule spoke of: its address stays. */
static void own_source(const struct ct_pkt *pkt, struct nf_nat_range2 *range)
{
	memset(range, 0, sizeof(*range));
	range->flags = NF_NAT_RANGE_MAP_IPS;
	range->min_addr = pkt->tuple.src;
	range->max_addr = pkt->tuple.src;
}

/* What is chosen from is what it was before: its own port may be free by now. */
static void restore_source(struct ct_pkt *pkt, const struct ct_tuple *orig)
{
	pkt->tuple.src = orig->src;
	if (pkt->proto->identify)
		pkt->tuple.icmp.id = orig->icmp.id;
	else
		pkt->tuple.sport = orig->sport;
}

/**
 * ct_nat_choose_again() - give a first packet another source
 * @pkt: the packet, whose replies would be those of another connection
 * @p: what it refers to
 * @state: the last hook
 *
 * Context: bottom halves off.
 *
 * Return: false if there is none; else @pkt->tuple is what it is now.
 */
bool ct_nat_choose_again(struct ct_pkt *pkt, struct ct_pending *p,
			 const struct nf_hook_state *state)
{
	bool ruled = p->bind.flags & CT_BIND_RANGE;
	struct ct_pkt was = *pkt;
	struct nf_nat_range2 range;
	struct ct_tuple want;

	if (ruled)
		range = p->bind.range;
	else
		own_source(pkt, &range);
	restore_source(&was, &p->orig);
	if (!ct_nat_choose(&was, &range, NF_NAT_MANIP_SRC, &want)) {
		say_full(&was, &range);
		return false;
	}
	if (!ct_nat_mangle(pkt, &want, NF_NAT_MANIP_SRC))
		return false;
	note_choice(p, pkt, &range, NF_NAT_MANIP_SRC, true);
	forget_socket(pkt->skb, state);
	return true;
}

/**
 * ct_nat_join() - make a first packet what the packets of its flow become
 * @pkt: the packet
 * @to: what that is
 * @state: the last hook
 *
 * Its destination was decided where it has been routed by: that cannot be mended.
 *
 * Context: bottom halves off.
 *
 * Return: false if it cannot be done any more.
 */
bool ct_nat_join(const struct ct_pkt *pkt, const struct ct_tuple *to,
		 const struct nf_hook_state *state)
{
	struct ct_pkt now = *pkt;

	if (ct_nat_end_differs(&now.tuple, to, NF_NAT_MANIP_DST) ||
	    !ct_nat_mangle(&now, to, NF_NAT_MANIP_SRC))
		return false;
	if (ct_nat_end_differs(&pkt->tuple, &now.tuple, NF_NAT_MANIP_SRC))
		forget_socket(pkt->skb, state);
	return true;
}

/* At each hook */

static unsigned int rewrite(struct sk_buff *skb, struct ct_pending *p,
			    const struct nf_hook_state *state,
			    enum nf_nat_manip_type manip)
{
	struct ct_pkt pkt;

	if (!ct_nat_end_differs(&p->orig, &p->bind.to, manip))
		return NF_ACCEPT;
	if (!read_known(&pkt, skb, p->orig.protonum, state) &&
	    !read_now(&pkt, skb, state))
		return NF_DROP;
	if (!ct_nat_mangle(&pkt, &p->bind.to, manip))
		return drop(&pkt, CT_R_NAT_WRITE, state);
	return NF_ACCEPT;
}

/* Hosts on one link would be told to do without us: it is not for them. */
static bool is_redirect(const struct ct_pkt *pkt)
{
	if (pkt->tuple.protonum == IPPROTO_ICMP)
		return pkt->tuple.icmp.type == ICMP_REDIRECT;
	return pkt->tuple.icmp.type == NDISC_REDIRECT;
}

/*
 * An error, or an answer of this host, about the packet that was @p->orig. At the hook
 * of one end its own end and the quote's opposite one are rewritten.
 */
static unsigned int rewrite_about(struct sk_buff *skb, struct ct_pending *p,
				  const struct nf_hook_state *state,
				  enum nf_nat_manip_type manip)
{
	enum nf_nat_manip_type other = manip == NF_NAT_MANIP_SRC ?
				       NF_NAT_MANIP_DST : NF_NAT_MANIP_SRC;
	unsigned int quote;
	struct ct_tuple to;
	struct ct_pkt pkt;

	if (!ct_nat_end_differs(&p->orig, &p->bind.to, other) ||
	    !ct_tuple_invert(&to, &p->orig))
		return NF_ACCEPT;
	if (!read_now(&pkt, skb, state))
		return NF_DROP;
	quote = ct_proto_quote(&pkt);
	if (!quote)
		return pkt.tuple.protonum != to.protonum ||
		       ct_nat_mangle(&pkt, &to, manip) ? NF_ACCEPT :
		       drop(&pkt, CT_R_NAT_WRITE, state);
	if (is_redirect(&pkt) ||
	    !ct_nat_mangle_quote(&pkt, quote, &p->orig, other) ||
	    !ct_nat_mangle(&pkt, &to, manip) || !ct_nat_sum_error(&pkt))
		return drop(&pkt, CT_R_NAT_WRITE, state);
	return NF_ACCEPT;
}

/* What was decided for another packet of the same flow holds for this one. */
static unsigned int follow_twin(struct sk_buff *skb, struct ct_pending *p,
				const struct ct_tuple *to,
				const struct nf_hook_state *state)
{
	const struct nf_nat_range2 none = {};
	struct ct_pkt pkt;

	if (!read_now(&pkt, skb, state))
		return NF_DROP;
	if (!ct_nat_mangle(&pkt, to, NF_NAT_MANIP_DST))
		return drop(&pkt, CT_R_NAT_WRITE, state);
	note_choice(p, &pkt, &none, NF_NAT_MANIP_DST, true);
	return NF_ACCEPT;
}

static bool find_twin(const struct ct_pending *p, struct ct_tuple *to,
		      const struct nf_hook_state *state)
{
	bool found;

	local_bh_disable();
	found = ct_nat_first_find(ct_net(state->net), p, to);
	local_bh_enable();
	return found;
}

static bool keep(struct ct_pending *p, struct ct_tuple *to,
		 const struct nf_hook_state *state)
{
	bool found;

	local_bh_disable();
	found = ct_nat_first_keep(ct_net(state->net), p, to);
	local_bh_enable();
	return found;
}

/* A first packet, at a hook where nothing was decided */
static unsigned int ask_rules(struct sk_buff *skb, struct ct_pending *p,
			      const struct nf_hook_state *state,
			      enum nf_nat_manip_type manip)
{
	unsigned int verdict;
	struct ct_tuple to;

	if (manip == NF_NAT_MANIP_DST && find_twin(p, &to, state))
		return follow_twin(skb, p, &to, state);
	verdict = ct_nat_run_chains(skb, state);
	if (verdict != NF_ACCEPT)
		return verdict;
	close_end(p, manip);
	if (manip == NF_NAT_MANIP_DST && p->bind.flags & CT_BIND_TO &&
	    keep(p, &to, state))
		return follow_twin(skb, p, &to, state);
	return NF_ACCEPT;
}

/* It may leave by one interface, the address of which it has, and leaves by another. */
static bool has_moved(const struct ct_pending *p,
		      const struct nf_hook_state *state)
{
	return p->bind.flags & CT_BIND_OIF &&
	       state->hook == NF_INET_POST_ROUTING &&
	       state->out && state->out->ifindex != p->bind.oif;
}

/* The flow ends: the next packet begins another, from another address. */
static unsigned int end_moved(struct sk_buff *skb, struct ct_pending *p,
			      const struct nf_hook_state *state)
{
	enum ip_conntrack_dir dir;
	struct ct_flow *flow;
	struct ct_pkt pkt;
	struct ct_lookup_key id;

	if (!read_now(&pkt, skb, state))
		return NF_DROP;
	local_bh_disable();
	ct_tuple_identify(&p->orig, pkt.cnet, &id);
	flow = ct_hash_find(pkt.cnet, &id, &dir);
	if (flow)
		ct_flow_end_unlock(flow, CT_ENDED_DISPLACED);
	local_bh_enable();
	return drop(&pkt, CT_R_NAT_MOVED, state);
}

static unsigned int lost(struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct ct_pkt pkt;

	read_now(&pkt, skb, state);
	return drop(&pkt, CT_R_NAT_LOST, state);
}

static unsigned int translate(struct sk_buff *skb, struct ct_pending *p,
			      const struct nf_hook_state *state)
{
	enum nf_nat_manip_type manip = ct_nat_manip_of(state->hook);
	u32 flags = bind_flags(p);

	if (unlikely(flags & CT_BIND_LOST))
		return lost(skb, state);
	if (ct_info_is_related(ct_skb_info(skb)))
		return flags & CT_BIND_TO ?
		       rewrite_about(skb, p, state, manip) : NF_ACCEPT;
	if (ct_nat_is_open(p, manip))
		return ask_rules(skb, p, state, manip);
	if (!(flags & CT_BIND_TO))
		return NF_ACCEPT;
	if (unlikely(has_moved(p, state)))
		return end_moved(skb, p, state);
	return rewrite(skb, p, state, manip);
}

/* What follows from it */

static void note_dst(union nf_inet_addr *dst, const struct sk_buff *skb,
		     u8 family)
{
	if (family == NFPROTO_IPV4)
		dst->ip = ip_hdr(skb)->daddr;
	else
		dst->in6 = ipv6_hdr(skb)->daddr;
}

/* Is there nothing to do for a packet of a flow at this hook? Half of them. */
static bool stays(const struct sk_buff *skb, const struct ct_pending *p,
		  const struct nf_hook_state *state)
{
	u32 may = ct_nat_manip_of(state->hook) == NF_NAT_MANIP_SRC ?
		  CT_BIND_SRC_MAY : CT_BIND_DST_MAY;
	u32 flags = READ_ONCE(p->bind.flags);

	return (flags & (CT_BIND_SRC_MAY | CT_BIND_DST_MAY)) &&
	       !(flags & may) && !ct_info_is_related(ct_skb_info(skb));
}

static unsigned int verdict_of(int err)
{
	return err ? NF_DROP_ERR(err) : NF_ACCEPT;
}

/* It was accepted. Was it translated, and who has to know? */
static unsigned int follow(struct sk_buff *skb, const struct ct_pending *p,
			   const union nf_inet_addr *before,
			   const struct nf_hook_state *state)
{
	bool bound = READ_ONCE(p->bind.flags) & CT_BIND_TO;
	union nf_inet_addr now;

	note_dst(&now, skb, state->pf);
	switch (state->hook) {
	case NF_INET_PRE_ROUTING:
		if (!ct_addr_equal(state->pf, before, &now))
			skb_dst_drop(skb);
		return NF_ACCEPT;
	case NF_INET_LOCAL_OUT:
		if (!ct_addr_equal(state->pf, before, &now))
			return verdict_of(ct_nat_route_again(skb, state));
		return bound ? verdict_of(ct_nat_policy_again(skb, state)) :
			       NF_ACCEPT;
	case NF_INET_POST_ROUTING:
		return bound ? verdict_of(ct_nat_policy_again(skb, state)) :
			       NF_ACCEPT;
	default:
		if (bound && ct_nat_end_differs(&p->orig, &p->bind.to,
						NF_NAT_MANIP_SRC))
			forget_socket(skb, state);
		return NF_ACCEPT;
	}
}

/**
 * ct_nat_hook() - translate a packet
 * @priv: unused
 * @skb: the packet
 * @state: the hook
 *
 * What refers to no object is not translated: the tracker said so.
 *
 * Context: hook, RCU read-side section.
 *
 * Return: the verdict.
 */
unsigned int ct_nat_hook(void *priv, struct sk_buff *skb,
			 const struct nf_hook_state *state)
{
	struct ct_pending *p = ct_pending_of(skb);
	unsigned int verdict;
	union nf_inet_addr before;

	if (likely(!p) || READ_ONCE(p->kind) == CT_PENDING_EARLY ||
	    stays(skb, p, state))
		return NF_ACCEPT;
	note_dst(&before, skb, state->pf);
	verdict = translate(skb, p, state);
	if (verdict != NF_ACCEPT)
		return verdict;
	return follow(skb, p, &before, state);
}
