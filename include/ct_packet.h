/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets and their flows: what a packet is to its flow, and what rules may ask
 * and say of it between its first and its last hook.
 */
#ifndef CT_PACKET_H
#define CT_PACKET_H

#include <linux/netdevice.h>
#include <linux/netfilter.h>

#include "ct_hash.h"
#include "ct_nfct.h"
#include "ct_pending.h"
#include "ct_tuple.h"

/**
 * ct_info_of() - what a packet of a flow is to it
 * @flow: the flow, its lock held
 * @dir: direction of the packet
 *
 * Return: NEW, ESTABLISHED or ESTABLISHED_REPLY.
 */
static inline enum ct_info ct_info_of(const struct ct_flow *flow,
				      enum ip_conntrack_dir dir)
{
	if (dir == IP_CT_DIR_REPLY)
		return CT_INFO_ESTABLISHED_REPLY;
	return flow->status & IPS_SEEN_REPLY ? CT_INFO_ESTABLISHED :
					       CT_INFO_NEW;
}

/**
 * ct_packet_comes_again() - will this packet come by again?
 * @state: the last hook
 *
 * It goes out by the loopback device, and comes in.
 *
 * Return: true if it will.
 */
static inline bool ct_packet_comes_again(const struct nf_hook_state *state)
{
	return state->hook == NF_INET_POST_ROUTING && state->out &&
	       unlikely(state->out->flags & IFF_LOOPBACK);
}

/**
 * ct_packet_is_at_vrf() - does a packet leave for a VRF, which is no way out?
 * @state: the last hook
 *
 * Return: true if it does.
 */
static inline bool ct_packet_is_at_vrf(const struct nf_hook_state *state)
{
	return state->hook == NF_INET_POST_ROUTING && state->out &&
	       unlikely(netif_is_l3_master(state->out));
}

/**
 * ct_bh_off() - turn bottom halves off, if they are on
 *
 * Most packets come in softirq context, where they are off already.
 *
 * Return: true if they were on: for ct_bh_on().
 */
static inline bool ct_bh_off(void)
{
	if (likely(softirq_count()))
		return false;
	local_bh_disable();
	return true;
}

/**
 * ct_bh_on() - undo ct_bh_off()
 * @were_on: what that returned
 */
static inline void ct_bh_on(bool were_on)
{
	if (unlikely(were_on))
		local_bh_enable();
}

/**
 * struct ct_packet_ends - a packet that we translate
 * @was: before that
 * @is: what it becomes, or has become
 */
struct ct_packet_ends {
	struct ct_tuple was;
	struct ct_tuple is;
};

/* For the hooks: ct_packet.c */
struct ct_flow *ct_packet_find(const struct ct_pkt *pkt,
			       const struct ct_tuple *tuple,
			       enum ip_conntrack_dir *dir);
enum ct_reason ct_packet_relate(const struct ct_pkt *pkt, unsigned int offset,
				struct ct_flow **flow, enum ct_info *info);
u8 ct_packet_first_hook(const struct sk_buff *skb);
bool ct_packet_other_side(const struct sk_buff *skb, struct ct_tuple *tuple,
			  enum ip_conntrack_dir *dir);
bool ct_packet_was(const struct sk_buff *skb, struct ct_packet_ends *ends);
bool ct_packet_was_bound(const struct sk_buff *skb);
u32 ct_packet_nat_status(const struct ct_tuple *orig,
			 const struct ct_tuple *now);
void ct_packet_zone(struct ct_pkt *pkt, const struct ct_tmpl *note);
void ct_packet_known(struct ct_pkt *pkt, struct ct_tmpl *note,
		     struct ct_nfct *nfct);

/* For rules: ct_skb.c */

/**
 * struct ct_mark_op - a change of a connection mark
 * @keep: bits of it that stay
 * @flip: bits that are flipped then
 * @left: then it is shifted left by that
 * @right: and right by that
 */
struct ct_mark_op {
	u32 keep;
	u32 flip;
	u8 left;
	u8 right;
};

enum ct_info ct_skb_work_out(const struct sk_buff *skb,
			     const struct nf_hook_state *state);
enum ct_info ct_skb_snapshot(const struct sk_buff *skb,
			     const struct nf_hook_state *state,
			     struct ct_snapshot *snap);
bool ct_skb_mark(const struct sk_buff *skb,
		 const struct nf_hook_state *state, u32 *mark);
void ct_skb_set_mark(const struct sk_buff *skb,
		     const struct nf_hook_state *state,
		     const struct ct_mark_op *op);
bool ct_skb_change_labels(const struct sk_buff *skb,
			  const struct nf_hook_state *state,
			  const u32 *mask, const u32 *flip);
void ct_skb_set_events(const struct sk_buff *skb,
		       const struct nf_hook_state *state, u16 events);
bool ct_skb_say_early(struct sk_buff *skb,
		      const struct nf_hook_state *state,
		      const struct ct_tmpl *note);
void ct_skb_notrack(struct sk_buff *skb, const struct nf_hook_state *state);

/**
 * ct_skb_answer() - what is a packet to its flow?
 * @skb: the packet
 * @state: the hook that it is in
 *
 * Context: hooks, RCU read-side section.
 *
 * Return: the answer, never CT_INFO_NONE.
 */
static __always_inline enum ct_info
ct_skb_answer(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	enum ct_info info = ct_skb_info(skb);

	return likely(info) ? info :
	       ct_skb_work_out(skb, state);
}

int ct_flow_change_labels(struct ct_flow *flow, const u32 *mask,
			  const u32 *flip);

#endif /* CT_PACKET_H */
