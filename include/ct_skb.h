/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The answer that a packet carries: what it is to its flow.
 *
 * skb->_nfct is nf_conntrack's: a pointer, and three bits for enum
 * ip_conntrack_info. Beside a %NULL pointer the bits are a number to the whole
 * kernel: copied with the packet, kept while it waits in a queue, and cleared
 * where it becomes another packet (tunnels, namespaces, IPsec). The first hook
 * writes its answer there. No bits: no first hook has seen the packet.
 *
 * What has to be known of a packet beyond that is a pending object, to which the
 * pointer leads then: ct_pending.h. A pointer that is not to one of those is
 * nf_conntrack's, whose hook comes right after our first one and puts its entry in
 * the place of our answer; such a packet is looked up again.
 *
 * Nothing is believed of a packet because of where in memory it is.
 */
#ifndef CT_SKB_H
#define CT_SKB_H

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/skbuff.h>

#include "ct_compat.h"

/**
 * enum ct_info - what a packet is to its flow
 * @CT_INFO_NONE: no first hook has seen it, or it carries no answer
 * @CT_INFO_RELATED: an error about a reply
 * @CT_INFO_NEW: of a flow that has had no reply
 * @CT_INFO_ESTABLISHED_REPLY: a reply
 * @CT_INFO_RELATED_REPLY: an error about a packet of the original direction
 * @CT_INFO_INVALID: refused
 * @CT_INFO_ESTABLISHED: of a flow that has had a reply
 * @CT_INFO_UNTRACKED: not to be tracked
 *
 * The numbers are those of enum ip_conntrack_info, modulo IP_CT_IS_REPLY, which
 * is what rules make bits of. It has none for INVALID, and its 0 is ours for
 * "none".
 */
enum ct_info {
	CT_INFO_NONE,
	CT_INFO_RELATED = IP_CT_RELATED,
	CT_INFO_NEW = IP_CT_NEW,
	CT_INFO_ESTABLISHED_REPLY = IP_CT_ESTABLISHED_REPLY,
	CT_INFO_RELATED_REPLY = IP_CT_RELATED_REPLY,
	CT_INFO_INVALID = IP_CT_NUMBER,
	CT_INFO_ESTABLISHED = IP_CT_NUMBER + 1,
	CT_INFO_UNTRACKED = IP_CT_UNTRACKED,
};

static_assert(CT_INFO_ESTABLISHED % IP_CT_IS_REPLY == IP_CT_ESTABLISHED);
static_assert(CT_INFO_ESTABLISHED < CT_INFO_UNTRACKED);

/**
 * ct_info_has_flow() - does such a packet have a flow, or will it have one?
 * @info: what it is
 *
 * Return: false for NONE, INVALID and UNTRACKED.
 */
static inline bool ct_info_has_flow(enum ct_info info)
{
	return info != CT_INFO_NONE && info != CT_INFO_INVALID &&
	       info != CT_INFO_UNTRACKED;
}

/**
 * ct_info_is_related() - is such a packet an error about a flow?
 * @info: what it is
 *
 * Return: true if it is.
 */
static inline bool ct_info_is_related(enum ct_info info)
{
	return info == CT_INFO_RELATED || info == CT_INFO_RELATED_REPLY;
}

/**
 * ct_info_dir() - direction of a packet
 * @info: what it is; it has a flow
 *
 * Return: the direction.
 */
static inline enum ip_conntrack_dir ct_info_dir(enum ct_info info)
{
	return info == CT_INFO_ESTABLISHED_REPLY ||
	       info == CT_INFO_RELATED_REPLY ? IP_CT_DIR_REPLY :
					       IP_CT_DIR_ORIGINAL;
}

static inline u8 ct_skb_family(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IPV6) ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

/* For tests: of one packet in so many the answer is not written. */
extern unsigned int ct_skb_forget;

bool ct_skb_is_forgotten(void);

/* May an answer be written to this packet? */
static __always_inline bool ct_skb_may_carry(void)
{
	return likely(!READ_ONCE(ct_skb_forget)) || !ct_skb_is_forgotten();
}

static inline bool ct_skb_has_pointer(const struct sk_buff *skb)
{
	return skb_get_nfct(skb) & NFCT_PTRMASK;
}

/* The one thing that others write there: rules said not to track it. */
static inline bool ct_packet_is_untracked(const struct sk_buff *skb)
{
	return (skb_get_nfct(skb) & NFCT_INFOMASK) == IP_CT_UNTRACKED;
}

/**
 * ct_skb_set_info() - write a packet's answer, which has nothing pending
 * @skb: the packet; its pointer is %NULL
 * @info: the answer
 *
 * Context: hooks.
 */
static __always_inline void ct_skb_set_info(struct sk_buff *skb,
					    enum ct_info info)
{
	if (likely(ct_skb_may_carry()))
		skb_set_nfct(skb, info);
}

#endif /* CT_SKB_H */
