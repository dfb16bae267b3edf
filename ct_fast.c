// SPDX-License-Identifier: GPL-2.0
/*
 * A plain packet's way, the short one.
 *
 * Overview
 *	Nearly every packet is TCP or UDP, whole, without IP options or extension
 *	headers, its headers in the head of the skb, in no zone, with no bridge
 *	to look out for, between addresses that are not of one link alone, and
 *	does not change what its flow is. Of such a packet
 *	nothing is written down but what its flow keeps; it goes through both
 *	hooks with no call but for the flow's lock.
 *
 *	A packet that fails one of these tests is found before anything was changed,
 *	and takes the long way (ct_core.c): from its start, from where its flow was
 *	found, or from where none was found. The long way gives every packet the same
 *	answer that it gets here, so whoever wants to know what becomes of a packet
 *	need not read this file.
 *
 * Families
 *	One text for both: on the usual packet's way @family is a constant, and
 *	what the other one needs is not compiled.
 *
 * Context
 *	Hooks of IPv4 and IPv6: RCU read-side section, any context. Bottom halves are off
 *	in the tracker's part. Locks: the flow's. Nothing sleeps.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/prefetch.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "ct_bound_fast.h"
#include "ct_compat.h"
#include "ct_core.h"
#include "ct_create.h"
#include "ct_event.h"
#include "ct_expire.h"
#include "ct_explain.h"
#include "ct_fast.h"
#include "ct_find.h"
#include "ct_packet.h"
#include "ct_pending.h"
#include "ct_proto.h"
#include "ct_tcp_fast.h"
#include "ct_udp_fast.h"

/* Reading */

/* Sets @f->ip and @f->protonum. Returns false if the packet cannot be plain. */
static __always_inline bool fast_find_header(struct ct_fast *f)
{
	const void *ip = skb_network_header(f->skb);
	int most = (int)f->skb->len - (int)ct_fast_hlen(f);

	f->ip = ip;
	if (unlikely(ip != f->skb->data || skb_headlen(f->skb) <
		     ct_fast_hlen(f) + sizeof(struct udphdr)))
		return false;
	/* IPv4: 5 words */
	if (f->family == NFPROTO_IPV4 &&
	    unlikely(*(const u8 *)ip != 0x45 || ip_is_fragment(ip)))
		return false;
	if (f->family == NFPROTO_IPV6 && unlikely(*(const u8 *)ip >> 4 != 6 ||
						  ct_header6_is_local(ip)))
		return false;
	f->protonum = ct_fast_l4proto(f);
	return likely(ct_fast_l4len(f) <= most);
}

/*
 * Whose packet it is. The rest is for fast_find_header(): nothing is written twice, nor
 * anything that nobody reads.
 */
static __always_inline void fast_set(struct ct_fast *f, struct ct_net *cnet,
				     struct sk_buff *skb,
				     const struct nf_hook_state *state,
				     u8 family)
{
	f->cnet = cnet;
	f->skb = skb;
	f->state = state;
	f->family = family;
}

/* A packet that was found plain, again */
static __always_inline void fast_again(struct ct_fast *f, struct ct_net *cnet,
				       struct sk_buff *skb,
				       const struct nf_hook_state *state)
{
	fast_set(f, cnet, skb, state, state->pf);
	f->ip = skb_network_header(skb);
	f->protonum = ct_fast_l4proto(f);
}

/*
 * Is the checksum right? If not, the packet takes the long way, which finds the same
 * and counts it.
 */
static noinline bool fast_verify(struct sk_buff *skb, const struct ct_net *cnet,
				 const struct nf_hook_state *state, u8 protonum)
{
	unsigned int hlen = state->pf == NFPROTO_IPV4 ? sizeof(struct iphdr) :
							sizeof(struct ipv6hdr);

	return state->hook != NF_INET_PRE_ROUTING ||
	       !READ_ONCE(cnet->knobs.checksum) ||
	       !nf_checksum(skb, state->hook, hlen, protonum, state->pf);
}

static __always_inline bool is_intact(const struct ct_fast *f)
{
	return likely(skb_csum_unnecessary(f->skb)) ||
	       fast_verify(f->skb, f->cnet, f->state, f->protonum);
}

/* Is it a whole packet of TCP or UDP? */
static __always_inline bool is_plain(const struct ct_fast *f)
{
	if (f->protonum == IPPROTO_UDP)
		return likely(ct_udp_is_whole(f)) &&
		       (!ct_udp_has_checksum(f) || is_intact(f));
	return f->protonum == IPPROTO_TCP && likely(ct_tcp_is_whole(f)) &&
	       is_intact(f);
}

/* Finding */

/* The key that its flow has, without the hash */
static __always_inline void fast_order(const struct ct_fast *f, struct ct_lookup_key *id)
{
	id->sender = f->family == NFPROTO_IPV4 ?
		     ct_order_ipv4_header(f->ip, f->protonum, &id->key) :
		     ct_order_ipv6_header(f->ip, f->protonum, id);
	id->key.word[1] |= f->cnet->key_word;
}

static __always_inline void fast_identify(const struct ct_fast *f, struct ct_lookup_key *id)
{
	fast_order(f, id);
	id->hash = f->family == NFPROTO_IPV4 ?
		   ct_hash_again(&id->key, f->cnet->hash_mix) :
		   ct_hash6_again(id, f->cnet->hash_mix);
}

/* Of a node whose addresses, or what IPv6 folds them to, are right */
static __always_inline bool fast_is_at(const struct ct_flow *flow,
				       const struct ct_lookup_key *id, u8 family,
				       const struct ct_net *cnet)
{
	return READ_ONCE(flow->node.key.word[1]) == id->key.word[1] &&
	       READ_ONCE(flow->net) == cnet->id &&
	       (family == NFPROTO_IPV4 ||
		/* Compared again with the flow's lock held. */
		data_race(ct_addrs6_equal(ct_flow6(flow)->addr, id->addr)));
}

/*
 * Search one table. An alias is not found: its key says that it is one; @near is set to
 * the last node that has the addresses but is not the flow's, and may be one. Sets
 * @is_miss if there is no flow, in any table.
 */
static __always_inline struct ct_flow *
fast_search(const struct ct_lookup_key *id, u8 family, const struct ct_net *cnet,
	    struct ct_node **near, bool *is_miss)
{
	const struct ct_table *t = rcu_dereference_raw(ct_table);
	u32 b = id->hash & t->mask, searched = 0;
	struct ct_flow *flow = NULL;
	struct ct_node *node;

	*near = NULL;
	ct_for_each_node(node, t, b) {
		/*
		 * Most are the right one, and its lock cannot be waited for
		 * before all that was read has come.
		 */
		prefetchw(&container_of(node, struct ct_flow, node)->lock);
		if (READ_ONCE(node->key.word[0]) == id->key.word[0]) {
			flow = container_of(node, struct ct_flow, node);
			if (likely(fast_is_at(flow, id, family, cnet) &&
				   !(READ_ONCE(flow->status) & IPS_DYING)))
				goto out;
			*near = node;	/* an alias, or another's end */
		}
		searched++;
	}
	flow = NULL;
	smp_rmb();	/* as in search_all() */
	*is_miss = likely(!*near && node == ct_end_marker(t, b) &&
			  !rcu_access_pointer(t->next));
out:
	if (unlikely(searched))
		ct_stat_add(cnet, searched, searched);
	return flow;
}

/* The flow's lock is held. Is it still that flow, and can it go on as it is? */
static __always_inline bool fast_recheck(const struct ct_flow *flow, u32 status,
					 const struct ct_lookup_key *id, u8 family,
					 const struct ct_net *cnet, u32 now)
{
	return likely(!(status & (IPS_DYING | IPS_FIXED_TIMEOUT)) &&
		      flow->node.key.word[0] == id->key.word[0] &&
		      fast_is_at(flow, id, family, cnet) &&
		      !ct_flow_alias(flow) &&
		      ct_left(flow->expires, now) > 0);
}

/* First hook */

/* Judge the packet, and apply it where the flow's lock matters. */
static __always_inline bool fast_judge(const struct ct_fast *f, struct ct_flow *flow,
				       struct ct_fast_move *m)
{
	const u32 settled = IPS_SEEN_REPLY | IPS_ASSURED;
	const struct ct_knobs *knobs = &f->cnet->knobs;
	struct ct_tcp_seg seg CT_UNINIT;

	if (f->protonum == IPPROTO_UDP)
		return ct_udp_fast(flow, m->status, m->dir, m->now, knobs,
				   &m->timeout);
	return likely((m->status & settled) == settled) &&
	       ct_tcp_read_ack(f, &seg) &&
	       ct_tcp_fast(&flow->state.tcp, CT_TCP_ESTABLISHED, m->dir, &seg,
			   knobs, &m->timeout);
}

static __always_inline void fast_move_end(struct ct_flow *flow, u32 expires,
					  u32 timeout)
{
	u32 old = flow->expires;

	WRITE_ONCE(flow->expires, expires);
	if (unlikely(ct_left(expires, old) < 0) && timeout < CT_VISIT)
		ct_hash_expire_sooner(flow);
}

/* Apply the packet. Takes over the flow's lock. */
static __always_inline void fast_apply_unlock(const struct ct_fast *f,
					      struct ct_flow *flow,
					      const struct ct_fast_move *m)
{
	ct_flow_count(flow, m->dir, f->skb->len);
	fast_move_end(flow, m->now + m->timeout, m->timeout);
	if (m->news)
		ct_event_move(flow, f->cnet, m->news);
	ct_flow_unlock(flow);

	ct_stat_inc(f->cnet, found);
}

static __always_inline enum ct_info fast_info(const struct ct_fast_move *m)
{
	if (m->dir == IP_CT_DIR_REPLY)
		return CT_INFO_ESTABLISHED_REPLY;
	return m->status & IPS_SEEN_REPLY ? CT_INFO_ESTABLISHED : CT_INFO_NEW;
}

/* The same, and the packet carries the answer. */
static __always_inline void fast_settle_unlock(const struct ct_fast *f,
					       struct ct_flow *flow,
					       const struct ct_fast_move *m)
{
	fast_apply_unlock(f, flow, m);
	ct_skb_set_info(f->skb, fast_info(m));
}

/*
 * A first answer, or the segment that completes a handshake: they change a flow, but
 * each flow has them. Returns what is new of its status; 0 if it is another packet.
 */
static __always_inline u32 fast_judge_opening(const struct ct_fast *f,
					      struct ct_flow *flow,
					      struct ct_fast_move *m)
{
	const struct ct_knobs *knobs = &f->cnet->knobs;
	struct ct_tcp *t = &flow->state.tcp;
	struct ct_tcp_seg seg CT_UNINIT;

	if (f->protonum == IPPROTO_UDP)
		return ct_udp_fast_answer(flow->status, m->dir, knobs,
					  &m->timeout) ? IPS_SEEN_REPLY : 0;
	if (m->dir == IP_CT_DIR_REPLY)
		return ct_tcp_read_syn(f, TCP_FLAG_SYN | TCP_FLAG_ACK, &seg) &&
		       ct_tcp_fast_answer(t, &seg, knobs, &m->timeout) ?
		       IPS_SEEN_REPLY : 0;
	return flow->status & IPS_SEEN_REPLY && ct_tcp_read_ack(f, &seg) &&
	       ct_tcp_fast(t, CT_TCP_SYN_RECV, m->dir, &seg, knobs,
			   &m->timeout) ? IPS_ASSURED : 0;
}

static __always_inline void fast_tuple(const struct ct_fast *f,
				       struct ct_tuple *tuple)
{
	const struct ipv6hdr *ip6h = f->ip;
	const struct iphdr *iph = f->ip;

	if (f->family == NFPROTO_IPV4) {
		tuple->src.ip = iph->saddr;
		tuple->dst.ip = iph->daddr;
	} else {
		tuple->src.in6 = ip6h->saddr;
		tuple->dst.in6 = ip6h->daddr;
	}
	memcpy(&tuple->l4, ct_fast_l4(f), sizeof(tuple->l4));
	tuple->family = f->family;
	tuple->protonum = f->protonum;
	tuple->zone = 0;
	tuple->link = 0;
}

/*
 * The packet as all others are described. Its checksum is known to be right, so
 * only TCP's header may be wrong.
 */
static __always_inline enum ct_reason fast_describe(const struct ct_fast *f,
						    struct ct_pkt *pkt)
{
	bool is_tcp = f->protonum == IPPROTO_TCP;

	pkt->skb = f->skb;
	pkt->cnet = f->cnet;
	pkt->proto = is_tcp ? &ct_proto_tcp : &ct_proto_udp;
	fast_tuple(f, &pkt->tuple);
	pkt->zone[IP_CT_DIR_ORIGINAL] = 0;
	pkt->zone[IP_CT_DIR_REPLY] = 0;
	pkt->now = ct_now();
	pkt->len = f->skb->len;
	pkt->l4off = ct_fast_hlen(f);
	pkt->l4len = ct_fast_l4len(f);
	pkt->hook = f->state->hook;
	return is_tcp ? ct_tcp_check(pkt) : CT_R_OK;
}

/* The packet has a flow, the lock of which is held, and may change it. */
static noinline void fast_unusual_unlock(struct ct_net *cnet, struct sk_buff *skb,
					 const struct nf_hook_state *state,
					 struct ct_flow *flow,
					 enum ip_conntrack_dir dir)
{
	struct ct_fast f CT_UNINIT;
	enum ct_reason reason;
	struct ct_pkt pkt CT_UNINIT;

	fast_again(&f, cnet, skb, state);
	reason = fast_describe(&f, &pkt);
	ct_core_found_unlock(&pkt, reason, flow, dir, state);
}

/* The same. It may only open the connection further. */
static noinline void fast_changing_unlock(struct ct_net *cnet, struct sk_buff *skb,
					  const struct nf_hook_state *state,
					  struct ct_flow *flow,
					  enum ip_conntrack_dir dir)
{
	struct ct_fast f CT_UNINIT;
	struct ct_fast_move m CT_UNINIT;
	u32 opened;

	fast_again(&f, cnet, skb, state);
	m.dir = dir;
	opened = fast_judge_opening(&f, flow, &m);
	if (!opened) {
		fast_unusual_unlock(cnet, skb, state, flow, dir);
		return;
	}
	m.status = flow->status | opened;
	m.now = ct_now();
	m.news = ct_event_of_status(m.status ^ flow->status) |
		 (f.protonum == IPPROTO_TCP ? BIT(IPCT_PROTOINFO) : 0);
	ct_flow_set_status(flow, cnet, m.status);
	fast_settle_unlock(&f, flow, &m);
}

/*
 * The packet has no flow. It is not a datagram, nor a SYN as most are, or somebody
 * wants to be told of it.
 */
static noinline void fast_begin_unusual(struct ct_net *cnet, struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	struct ct_fast f CT_UNINIT;
	enum ct_reason reason;
	struct ct_pkt pkt CT_UNINIT;

	fast_again(&f, cnet, skb, state);
	reason = fast_describe(&f, &pkt);
	ct_core_new(&pkt, reason, state);
}

/* By what the packet was looked for just now, but for who sends */
static __always_inline void fast_keep_id(const struct ct_fast *f, struct ct_lookup_key *id)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		fast_identify(f, id);
	else if (f->family == NFPROTO_IPV4)
		ct_last_id(id);
	else
		ct_last_id6(id);
}

/*
 * The packet has no flow, and begins one. Whether it does so still is judged at
 * the last hook.
 */
static noinline void fast_begin(struct ct_net *cnet, struct sk_buff *skb,
				const struct nf_hook_state *state,
				u8 sender)
{
	struct ct_fast f CT_UNINIT;
	struct ct_tcp_seg seg CT_UNINIT;
	struct ct_pending *p;

	fast_again(&f, cnet, skb, state);
	if (ct_traces_new() || !ct_skb_may_carry() || ct_said_any(cnet) ||
	    (f.protonum == IPPROTO_TCP &&
	     unlikely(!ct_tcp_read_syn(&f, TCP_FLAG_SYN, &seg)))) {
		fast_begin_unusual(cnet, skb, state);
		return;
	}
	p = ct_pending_attach(cnet, skb, CT_INFO_NEW, CT_PENDING_FIRST);
	if (likely(p)) {
		fast_tuple(&f, &p->orig);
		fast_keep_id(&f, &p->id);
		p->id.sender = sender;
	} else {
		ct_pending_lose(cnet, skb, CT_INFO_NEW);
	}
}

/* The packet is applied. It refers to what it was and becomes. */
static __always_inline void fast_carry_bound(const struct ct_fast *f,
					     enum ct_info info, int oif,
					     const struct ct_tuple *to)
{
	struct ct_pending *p;

	p = ct_pending_attach(f->cnet, f->skb, info, CT_PENDING_NONE);
	if (unlikely(!p)) {
		ct_pending_lose(f->cnet, f->skb, info);
		return;
	}
	fast_tuple(f, &p->orig);
	p->bind.to = *to;
	ct_pending_bind(p, oif);
	if (info == CT_INFO_ESTABLISHED_REPLY)	/* who looks for a socket reads it */
		ct_nfct_fill(p, IP_CT_DIR_REPLY);
}

/*
 * The packet may be of a flow that we translate, by that node. Returns false if it has to
 * go the long way, from the start.
 */
static noinline bool fast_track_bound(struct ct_net *cnet, struct sk_buff *skb,
				      const struct nf_hook_state *state,
				      struct ct_node *node)
{
	struct ct_flow *flow = ct_node_flow(node);
	struct ct_lookup_key id CT_UNINIT;
	struct ct_fast f CT_UNINIT;
	struct ct_fast_move m CT_UNINIT;
	struct ct_tuple to CT_UNINIT;
	int oif;

	fast_again(&f, cnet, skb, state);
	fast_order(&f, &id);
	m.dir = ct_node_alias(node) ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL;
	m.news = 0;
	ct_flow_lock(flow);
	m.status = READ_ONCE(flow->status);
	smp_rmb();	/* as in ct_flow_alive() */
	m.now = ct_now();
	if (!ct_bound_recheck(flow, &m, node, &id, cnet) ||
	    !fast_judge(&f, flow, &m)) {
		ct_flow_unlock(flow);
		return false;
	}
	ct_bound_to(flow, &m, f.family, &to);
	oif = m.dir == IP_CT_DIR_ORIGINAL ? ct_flow_oif(flow) : 0;
	fast_apply_unlock(&f, flow, &m);
	fast_carry_bound(&f, fast_info(&m), oif, &to);
	return true;
}

/* Returns false if the packet has to go the long way, from the start. */
static __always_inline bool fast_track(const struct ct_fast *f)
{
	struct ct_fast_move m CT_UNINIT;
	struct ct_flow *flow;
	struct ct_node *near;
	struct ct_lookup_key id CT_UNINIT;
	bool is_miss = false;

	fast_identify(f, &id);
	flow = fast_search(&id, f->family, f->cnet, &near, &is_miss);
	if (unlikely(!flow)) {
		if (is_miss)
			fast_begin(f->cnet, f->skb, f->state, id.sender);
		return is_miss || (near && ct_node_alias(near) &&
				   fast_track_bound(f->cnet, f->skb, f->state,
						    near));
	}

	ct_flow_lock(flow);
	m.status = READ_ONCE(flow->status);
	smp_rmb();	/* as in ct_flow_alive() */
	m.now = ct_now();
	if (unlikely(!fast_recheck(flow, m.status, &id, f->family, f->cnet,
				   m.now))) {
		ct_flow_unlock(flow);
		return m.status & CT_FLOW_BOUND &&
		       fast_track_bound(f->cnet, f->skb, f->state,
					&flow->node);
	}
	m.dir = id.sender ^ !!(m.status & CT_FLOW_ORIGIN);
	m.news = 0;
	if (likely(fast_judge(f, flow, &m)))
		fast_settle_unlock(f, flow, &m);
	else
		fast_changing_unlock(f->cnet, f->skb, f->state, flow, m.dir);
	return true;
}

static noinline unsigned int fast_first_bh_on(void *priv, struct sk_buff *skb,
					      const struct nf_hook_state *state)
{
	unsigned int verdict;

	local_bh_disable();
	verdict = state->pf == NFPROTO_IPV4 ?
		  ct_fast_first4(priv, skb, state) :
		  ct_fast_first6(priv, skb, state);
	local_bh_enable();
	return verdict;
}

static __always_inline unsigned int fast_first(struct ct_net *cnet,
					       struct sk_buff *skb,
					       const struct nf_hook_state *state,
					       u8 family)
{
	struct ct_fast f CT_UNINIT;

	if (unlikely(!softirq_count()))
		return fast_first_bh_on(cnet, skb, state);
	fast_set(&f, cnet, skb, state, family);
	/* Seen before, or spoken of */
	if (unlikely(!fast_find_header(&f) || skb_get_nfct(skb)))
		goto other;
	/* A constant from there on, each time */
	if (f.protonum == IPPROTO_TCP) {
		f.protonum = IPPROTO_TCP;
		if (likely(is_plain(&f) && fast_track(&f)))
			return NF_ACCEPT;
	} else if (likely(f.protonum == IPPROTO_UDP)) {
		f.protonum = IPPROTO_UDP;
		if (likely(is_plain(&f) && fast_track(&f)))
			return NF_ACCEPT;
	}
other:
	return ct_core_first(cnet, skb, state);
}

/**
 * ct_fast_first4() - first hook of IPv4
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT.
 */
unsigned int ct_fast_first4(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	return fast_first(priv, skb, state, NFPROTO_IPV4);
}

/**
 * ct_fast_first6() - first hook of IPv6
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT.
 */
unsigned int ct_fast_first6(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	return fast_first(priv, skb, state, NFPROTO_IPV6);
}

/* Last hook */

/* Has the packet the tuple that it had at the first hook, in no zone? */
static __always_inline bool is_untranslated(const struct ct_fast *f,
					    const struct ct_tuple *orig)
{
	const struct ipv6hdr *ip6h = f->ip;
	const struct iphdr *iph = f->ip;

	if (orig->l4 != *(const __be32 *)ct_fast_l4(f) ||
	    orig->family != f->family || orig->zone ||
	    orig->protonum != f->protonum)
		return false;
	if (f->family == NFPROTO_IPV4)
		return orig->src.ip == iph->saddr && orig->dst.ip == iph->daddr;
	return ipv6_addr_equal(&orig->src.in6, &ip6h->saddr) &&
	       ipv6_addr_equal(&orig->dst.in6, &ip6h->daddr);
}

/*
 * Make a flow of a packet that begins one and was not translated. Returns false
 * if it has to go the long way.
 */
static __always_inline bool fast_make_flow(const struct ct_fast *f,
					   const struct ct_lookup_key *id,
					   unsigned int *verdict)
{
	struct ct_tcp_seg seg CT_UNINIT;
	u32 timeout, now = ct_now();
	struct ct_flow *flow;

	if (f->protonum == IPPROTO_TCP &&
	    unlikely(!ct_tcp_read_syn(f, TCP_FLAG_SYN, &seg)))
		return false;
	flow = ct_flow_create(f->cnet, id, NULL);
	if (IS_ERR(flow)) {
		*verdict = ct_core_no_flow(f->cnet, PTR_ERR(flow));
		return true;
	}
	timeout = f->protonum == IPPROTO_TCP ?
		  ct_tcp_fast_first(&flow->state.tcp, &seg, &f->cnet->knobs) :
		  ct_udp_fast_first(&flow->state.udp, now, &f->cnet->knobs);
	ct_flow_prepare(flow, now + timeout, 0);
	ct_flow_count(flow, IP_CT_DIR_ORIGINAL, f->skb->len);
	if (unlikely(!ct_flow_confirm(f->cnet, flow, NULL))) {
		ct_flow_discard(flow);
		return false;
	}
	*verdict = NF_ACCEPT;
	return true;
}

/*
 * Has the packet a flow to make, with the tuple that it had at the first hook, of
 * which no rule said anything, and is it the only one that will? Bottom halves off.
 */
static __always_inline bool is_only_first(const struct ct_fast *f,
					  const struct ct_pending *p)
{
	return ct_pending_is_alone(p) &&
	       READ_ONCE(p->kind) == CT_PENDING_FIRST &&
	       !READ_ONCE(p->note.has) && p->id.key.word[1] &&
	       is_untranslated(f, &p->orig);
}

/* Make the packet's flow, if it is plain still. */
static __always_inline unsigned int
fast_last(struct ct_net *cnet, struct sk_buff *skb,
	  const struct nf_hook_state *state, u8 family)
{
	struct ct_pending *p = ct_pending_of(skb);
	struct ct_fast f CT_UNINIT;
	unsigned int verdict;

	fast_set(&f, cnet, skb, state, family);
	if (unlikely(!softirq_count() || !p || !fast_find_header(&f) ||
		     ct_packet_is_at_vrf(state) ||
		     ct_skb_info(skb) != CT_INFO_NEW))
		goto other;
	if (likely(is_plain(&f) && is_only_first(&f, p) &&
		   fast_make_flow(&f, &p->id, &verdict))) {
		WRITE_ONCE(p->kind, CT_PENDING_NONE);
		ct_pending_detach(skb, p, CT_INFO_NEW);
		return verdict;
	}
other:
	return ct_core_last(cnet, skb, state);
}

static noinline unsigned int fast_last4(struct ct_net *cnet,
					struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	return fast_last(cnet, skb, state, NFPROTO_IPV4);
}

static noinline unsigned int fast_last6(struct ct_net *cnet,
					struct sk_buff *skb,
					const struct nf_hook_state *state)
{
	return fast_last(cnet, skb, state, NFPROTO_IPV6);
}

/* Does the packet carry an answer, and is nothing pending? */
static __always_inline bool is_through(const struct sk_buff *skb)
{
	unsigned long nfct = skb_get_nfct(skb);

	return likely(nfct - 1 < NFCT_INFOMASK);
}

/**
 * ct_fast_last4() - last hook of IPv4
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * With nearly every packet nothing is left to do, and it says so.
 *
 * Context: hook, RCU read-side section.
 *
 * Return: %NF_ACCEPT; %NF_DROP if there is no room for its flow.
 */
unsigned int ct_fast_last4(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	return is_through(skb) ? NF_ACCEPT : fast_last4(priv, skb, state);
}

/**
 * ct_fast_last6() - last hook of IPv6
 * @priv: struct ct_net
 * @skb: the packet
 * @state: the hook
 *
 * Context: as ct_fast_last4().
 *
 * Return: as ct_fast_last4().
 */
unsigned int ct_fast_last6(void *priv, struct sk_buff *skb,
			   const struct nf_hook_state *state)
{
	return is_through(skb) ? NF_ACCEPT : fast_last6(priv, skb, state);
}

/* For the KUnit suites */

#if IS_ENABLED(CONFIG_KUNIT)
static u8 view_segment(const struct ct_fast *f, struct ct_tcp_seg *seg)
{
	if (ct_tcp_read_ack(f, seg))
		return CT_TCP_K_ACK;
	if (ct_tcp_read_syn(f, TCP_FLAG_SYN, seg))
		return CT_TCP_K_SYN;
	return ct_tcp_read_syn(f, TCP_FLAG_SYN | TCP_FLAG_ACK, seg) ?
	       CT_TCP_K_SYNACK : CT_TCP_K_NONE;
}

/**
 * ct_fast_read() - read a packet the short way
 * @skb: the packet
 * @cnet: its namespace
 * @state: the hook: family and number are looked at
 * @view: filled with what was read
 *
 * Context: bottom halves off.
 *
 * Return: false if the packet goes the long way from the start.
 */
bool ct_fast_read(struct sk_buff *skb, const struct ct_net *cnet,
		  const struct nf_hook_state *state,
		  struct ct_fast_view *view)
{
	struct ct_fast f = {
		.cnet = (struct ct_net *)cnet,
		.skb = skb,
		.state = state,
		.family = state->pf,
	};

	if (!fast_find_header(&f) || !is_plain(&f))
		return false;
	fast_identify(&f, &view->id);
	fast_tuple(&f, &view->tuple);
	view->l4len = ct_fast_l4len(&f);
	view->kind = f.protonum == IPPROTO_TCP ?
		     view_segment(&f, &view->seg) : CT_TCP_K_NONE;
	return true;
}
EXPORT_SYMBOL_CT(ct_fast_read);
#endif
