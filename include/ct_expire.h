/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lifetime: how flows are made, kept, given up and ended.
 */
#ifndef CT_EXPIRE_H
#define CT_EXPIRE_H

#include "ct_event.h"
#include "ct_flow.h"
#include "ct_hash.h"
#include "ct_net.h"
#include "ct_proto.h"
#include "ct_room.h"

struct ct_flow *ct_flow_create(struct ct_net *cnet, const struct ct_id *orig,
			       const struct ct_id *reply);
void ct_flow_discard(struct ct_flow *flow);

struct ct_ext *ct_flow_ext(struct ct_flow *flow);
void ct_flow_end(struct ct_flow *flow, enum ct_ended why);
void ct_flow_end_for(struct ct_flow *flow, const struct ct_origin *origin);
void ct_flow_end_all(struct ct_net *cnet);
void ct_flow_end_ending(void);

/* For ct_hash.c. */
bool ct_flow_condemn_expired(struct ct_flow *flow, u32 now);
void ct_flow_bury(struct ct_flow *flow);

void ct_expire_kick(void);
void ct_expire_queue(struct delayed_work *work, unsigned long delay);
int ct_expire_init(void);
void ct_expire_exit(void);

/**
 * ct_flow_alive() - is this flow still one?
 * @flow: the flow, its lock held
 *
 * Return: false if it has ended.
 */
static inline bool ct_flow_alive(const struct ct_flow *flow)
{
	bool alive = !(READ_ONCE(flow->status) & IPS_DYING);

	/*
	 * Pairs with the releases in ct_flow_publish() and condemn(). What is
	 * written to the flow depends on the answer, which orders it as well; an
	 * acquire would cost more where it is a full barrier (User-mode Linux).
	 */
	smp_rmb();
	return alive;
}

/**
 * ct_flow_publish() - let a flow be one
 * @cnet: its namespace
 * @flow: a flow from ct_flow_create()
 *
 * Whoever sees the status sees what was written before. From then on anyone who
 * knows the object from a former life of the same identity may end it: hence for
 * ct_hash_insert() alone, which links it before it lets go of the stripe that
 * unlinking waits for.
 *
 * Context: bottom halves off, the flow's stripe held.
 */
static __always_inline void ct_flow_publish(struct ct_net *cnet,
					    struct ct_flow *flow)
{
	u32 status = (flow->status & ~IPS_DYING) | IPS_CONFIRMED;

	if (ct_event_is_heard() && ct_event_wanted(flow, BIT(IPCT_NEW)) &&
	    ct_event_wants(cnet, CT_EVENT_NEW))
		status |= CT_FLOW_UNTOLD;
	ct_kind_add(cnet, status, 1);
	ct_trace_confirmed(cnet, flow);
	/* Pairs with the barrier in ct_flow_alive(). */
	smp_store_release(&flow->status, status);
}

/**
 * ct_flow_number() - the number of a flow's namespace
 * @flow: the flow; without its lock, or the stripe's, an estimate
 *
 * Return: as struct ct_net.number.
 */
static inline u32 ct_flow_number(const struct ct_flow *flow)
{
	u32 high = READ_ONCE(flow->node.key.kind) & CT_KEY_NET;

	return high << CT_KEY_NET_SHIFT | READ_ONCE(flow->net);
}

static_assert(CT_KEY_NET << CT_KEY_NET_SHIFT == CT_NET_NUMBERS - 1 - U16_MAX);

/**
 * ct_flow_is_of() - is this a flow of that namespace?
 * @flow: the flow; without its lock, or the stripe's, an estimate
 * @cnet: the namespace
 *
 * Return: true if it is.
 */
static inline bool ct_flow_is_of(const struct ct_flow *flow,
				 const struct ct_net *cnet)
{
	return ct_flow_number(flow) == cnet->number;
}

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
 * ct_flow_prepare() - what a flow begins with
 * @flow: the flow, private
 * @expires: when it ends
 * @status: what is to be set beside what ct_flow_create() set
 *
 * Who saw the memory in its former life may be looking at it still.
 *
 * Context: any, before ct_hash_insert().
 */
static inline void ct_flow_prepare(struct ct_flow *flow, u32 expires,
				   u32 status)
{
	WRITE_ONCE(flow->expires, expires);
	if (status)
		WRITE_ONCE(flow->status, flow->status | status);
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
		ct_hash_hasten(flow);
}

#endif /* CT_EXPIRE_H */
