// SPDX-License-Identifier: GPL-2.0
/*
 * How many flows a source may have, and which of them goes for another.
 *
 * Overview
 *	A flow that its source may not have any more is not made. But anybody can send
 *	first packets in another's name. So a source that has as many flows as it may
 *	have gets one more in the place of one that nobody has answered, or whose
 *	handshake was not completed, the oldest first: what was sent in its name keeps
 *	no room from it. Those are found by their hashes (ct_source.c); a packet looks
 *	at CT_SOURCE_LOOKS of them at most.
 *
 * Context
 *	RCU read-side section, bottom halves off, no lock held.
 *
 * A half-open connection may be given up for another: RFC 4987, 3.4.
 */
#include <linux/module.h>
#include <linux/net.h>

#include "ct_compat.h"
#include "ct_hash.h"
#include "ct_proto.h"
#include "ct_room.h"
#include "ct_source.h"

/**
 * struct pick - a flow that a source may lose
 * @cnet: its namespace
 * @who: the source
 */
struct pick {
	struct ct_net *cnet;
	const struct ct_source_key *who;
};

/* Flow lock held. Could anybody have begun it in the name of its source? */
static bool is_unproven(const struct ct_flow *flow)
{
	const struct ct_proto *proto = ct_proto_find(ct_flow_family(flow),
						     flow->node.key.protonum);

	if (flow->status & IPS_ASSURED)
		return false;
	return !(flow->status & IPS_SEEN_REPLY) ||
	       (proto->is_open && proto->is_open(flow));
}

static bool is_picked(const struct ct_flow *flow, const void *arg)
{
	const struct pick *pick = arg;
	struct ct_source_key who;

	if (!ct_flow_is_of(flow, pick->cnet) ||
	    !(flow->status & CT_FLOW_COUNTED) || !is_unproven(flow))
		return false;
	ct_source_has(pick->cnet, flow, &who);
	return !memcmp(&who, pick->who, sizeof(who));
}

/* RCU, no lock held. End it, if it still is what may be given up. */
static void give_up(const struct pick *pick, u32 hash)
{
	struct ct_flow *flow = ct_hash_pick(hash, is_picked, pick);

	if (flow)
		ct_room_give_up_unlock(flow, pick->cnet,
				       flow->status & IPS_SEEN_REPLY ?
				       CT_RANK_REPLIED : CT_RANK_UNREPLIED);
}

/* RCU, no lock held */
static int count_in_or_give_up(const struct pick *pick, u32 flow_hash,
			       unsigned int limit)
{
	unsigned int looks = 0;
	u32 hash;
	int err;

	for (;;) {
		hash = flow_hash;
		err = ct_source_add(pick->who, &hash, limit);
		if (err != -EAGAIN)
			return err;
		give_up(pick, hash);
		if (++looks > CT_SOURCE_LOOKS)
			return -EDQUOT;
	}
}

static void complain(const struct ct_source_key *who, unsigned int limit)
{
	if (who->family == NFPROTO_IPV6)
		net_warn_ratelimited("source %pI6c has %u flows, as many as net.ipv4.netfilter.ip_conntrack_max_per_source allows: packet dropped\n",
				     &who->addr, limit);
	else
		net_warn_ratelimited("source %pI4 has %u flows, as many as net.ipv4.netfilter.ip_conntrack_max_per_source allows: packet dropped\n",
				     &who->addr, limit);
}

/**
 * ct_source_count() - ct_source_enter() where there is a limit
 * @cnet: the flow's namespace
 * @orig: its original direction
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: as ct_source_enter().
 */
int ct_source_count(struct ct_net *cnet, const struct ct_lookup_key *orig)
{
	unsigned int limit = READ_ONCE(cnet->knobs.max_per_source);
	struct ct_source_key who;
	const struct pick pick = { .cnet = cnet, .who = &who };
	int err;

	if (!limit)
		return 0;
	ct_source_of(cnet, &orig->key, orig->addr, orig->sender, &who);
	err = count_in_or_give_up(&pick, orig->hash, limit);
	if (err == -EDQUOT) {
		ct_stat_inc(cnet, source_full);
		complain(&who, limit);
	}
	return err ?: 1;
}
