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

#define CT_ROOM_BATCH	32	/* flows that a CPU fetches room for at once */
#define CT_ROOM_MOST	64	/* and for which it has room in hand at most */

int ct_room_fetch(struct ct_net *cnet);
void ct_room_limited(struct ct_net *cnet);
void ct_room_give_up_unlock(struct ct_flow *flow, struct ct_net *cnet,
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
	atomic_t *room = &raw_cpu_ptr(cnet->stat)->room;

	return likely(atomic_dec_if_positive(room) >= 0) ? 0 :
	       ct_room_fetch(cnet);
}

/**
 * ct_room_leave() - count one flow out
 * @cnet: its namespace, which may be gone afterwards: ct_net_is_empty()
 *
 * Where this CPU has room in hand the flow leaves its own there. Where it has
 * none it must not have any: who gathered it is not told (see ct_room.c).
 *
 * Context: bottom halves off.
 */
static inline void ct_room_leave(struct ct_net *cnet)
{
	atomic_t *room = &raw_cpu_ptr(cnet->stat)->room;
	int n = atomic_read(room);

	/* Both pair with the acquires in ct_room_used(). */
	while (n > 0 && n < CT_ROOM_MOST)
		if (likely(atomic_try_cmpxchg_release(room, &n, n + 1)))
			return;
	(void)atomic_fetch_dec_release(&cnet->count);
}

#endif /* CT_ROOM_H */
