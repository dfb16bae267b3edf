/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Room: how many flows a namespace may have, and of which kinds they are.
 */
#ifndef CT_ROOM_H
#define CT_ROOM_H

#include "ct_flow.h"
#include "ct_net.h"
#include "ct_stat.h"

/**
 * enum ct_full_policy - what becomes of a new flow where there is no room, and
 *	none is made by giving up a flow that is not assured, or is closing
 * @CT_FULL_REFUSE: its packet is dropped
 * @CT_FULL_GIVE_UP: the assured flow that was idle for longest, of some that
 *	are looked at, is given up
 * @CT_FULL_PASS: its packet passes, and has no flow
 * @CT_FULL_POLICIES: how many there are
 */
enum ct_full_policy {
	CT_FULL_REFUSE,
	CT_FULL_GIVE_UP,
	CT_FULL_PASS,
	CT_FULL_POLICIES
};

int ct_room_make(struct ct_net *cnet);
void ct_room_give_up(struct ct_flow *flow, struct ct_net *cnet,
		     enum ct_rank rank);
void ct_room_init(struct ct_net *cnet);
void ct_room_exit(struct ct_net *cnet);

/**
 * ct_room_take() - count one more flow in, if there is room or room can be made
 * @cnet: its namespace
 *
 * Context: RCU read-side section, bottom halves off, no lock held.
 *
 * Return: 0; -ENOSPC if there is none; -EXFULL if there is none, and the policy
 * is that the packet passes.
 */
static inline int ct_room_take(struct ct_net *cnet)
{
	unsigned int count = atomic_inc_return(&cnet->count);
	unsigned int max = ct_net_max(cnet);

	return likely(!max || count <= max) ? 0 : ct_room_make(cnet);
}

#endif /* CT_ROOM_H */
