/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lifetime: flows' memory, and how they are kept and ended.
 */
#ifndef CT_EXPIRE_H
#define CT_EXPIRE_H

#include "ct_event.h"
#include "ct_flow.h"
#include "ct_hash.h"
#include "ct_net.h"
#include "ct_room.h"

struct ct_flow *ct_flow_alloc(struct ct_net *cnet, const struct ct_lookup_key *orig,
			      const struct ct_lookup_key *reply, u32 status);
void ct_flow_discard(struct ct_flow *flow);

struct ct_ext *ct_flow_ext(struct ct_flow *flow);
void ct_flow_end_unlock(struct ct_flow *flow, enum ct_ended why);
void ct_flow_end_for_unlock(struct ct_flow *flow, const struct ct_origin *origin);
void ct_flow_end_all(struct ct_net *cnet);
void ct_flow_end_ending(void);

/* For the reaper. */
bool ct_flow_kill_expired(struct ct_flow *flow, u32 now);
void ct_flow_free(struct ct_flow *flow);

unsigned long ct_flow_total(void);
void ct_flow_shrink(unsigned long n);
int ct_expire_init(void);
void ct_expire_exit(void);

/**
 * ct_net_is_empty() - has a namespace no flow any more?
 * @cnet: the namespace, whose hooks are gone, and a grace period since
 *
 * A flow is counted in before it is made, and counted out behind all else that
 * its end wants of the namespace: at 0 there is none, and nobody who is ending
 * one on another CPU will touch the namespace again.
 *
 * Return: true if it has none.
 */
static inline bool ct_net_is_empty(const struct ct_net *cnet)
{
	/* Never less than there are. Pairs with the releases in ct_room_leave(). */
	return !atomic_read_acquire(&cnet->count) || !ct_room_used(cnet);
}

/**
 * ct_flow_refresh() - set when a flow ends
 * @flow: the flow, its lock held
 * @expires: when
 *
 * Context: RCU read-side section, bottom halves off.
 */
static inline void ct_flow_refresh(struct ct_flow *flow, u32 expires)
{
	u32 old = flow->expires;

	if (unlikely(flow->status & IPS_FIXED_TIMEOUT))
		return;
	WRITE_ONCE(flow->expires, expires);
	if (ct_left(expires, old) < 0 && ct_left(expires, ct_now()) < CT_VISIT)
		ct_hash_expire_sooner(flow);
}

#endif /* CT_EXPIRE_H */
