// SPDX-License-Identifier: GPL-2.0
/*
 * Events: who wants to hear of flows that begin, change and end.
 *
 * Overview
 *	Listeners, in companion modules, may be told. They hear of a flow's
 *	beginning before anything else of it: a flow is published with
 *	CT_FLOW_NEW_PENDING set, and whichever comes first, its creator, another
 *	packet on another CPU, or its end, tells that it began and clears the
 *	bit. Where telling failed the bit stays, and the next event tries again.
 *	Where nobody wanted to know when the flow was published there is no bit.
 *
 * Context
 *	RCU read-side section, bottom halves off, the flow locked. Registering
 *	sleeps.
 */
#include <linux/module.h>
#include <linux/mutex.h>

#include "ct_compat.h"
#include "ct_event.h"
#include "ct_expire.h"

struct ct_listener __rcu *ct_listeners __read_mostly;
EXPORT_SYMBOL_CT(ct_listeners);

static DEFINE_MUTEX(listen_lock);	/* nothing is taken inside */

static struct ct_listener *held(struct ct_listener __rcu *listener)
{
	return rcu_dereference_protected(listener,
					 lockdep_is_held(&listen_lock));
}

#define for_each_listener(l)						\
	for (l = rcu_dereference_bh(ct_listeners); l;			\
	     l = rcu_dereference_bh((l)->next))

/**
 * ct_event_listen() - begin to be told
 * @listener: who is told
 *
 * Context: process, sleeps.
 */
void ct_event_listen(struct ct_listener *listener)
{
	mutex_lock(&listen_lock);
	RCU_INIT_POINTER(listener->next, held(ct_listeners));
	rcu_assign_pointer(ct_listeners, listener);
	mutex_unlock(&listen_lock);
	synchronize_rcu();
}
EXPORT_SYMBOL_CT(ct_event_listen);

/**
 * ct_event_unlisten() - cease to be told
 * @listener: who is told
 *
 * When this returns nobody is being told any more by it.
 *
 * Context: process, sleeps.
 */
void ct_event_unlisten(struct ct_listener *listener)
{
	struct ct_listener __rcu **link = &ct_listeners;
	struct ct_listener *here;

	mutex_lock(&listen_lock);
	while ((here = held(*link)) != listener)
		link = &here->next;
	rcu_assign_pointer(*link, held(listener->next));
	mutex_unlock(&listen_lock);
	synchronize_rcu();
}
EXPORT_SYMBOL_CT(ct_event_unlisten);

/**
 * ct_event_net_init() - set up what a namespace needs
 * @cnet: the namespace
 */
void ct_event_net_init(struct ct_net *cnet)
{
	unsigned int i;

	for (i = 0; i < CT_EVENT_KINDS; i++)
		cnet->unheard[i] = ct_now() - 1;
}

/**
 * ct_event_ask() - ask the listeners whether anyone wants to hear
 * @cnet: of this namespace
 * @event: which event
 *
 * For ct_event_wants(). To look who listens costs as much as a tenth of a new flow;
 * that nobody does holds for the rest of the jiffy, unless somebody begins to.
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: false if not.
 */
bool ct_event_ask(struct ct_net *cnet, enum ct_event event)
{
	const struct ct_listener *l;
	bool begun = ct_has_listener();
	u32 now = ct_now();

	smp_rmb();	/* who begins raises the flag, then can be seen */
	for_each_listener(l) {
		if (l->wants(cnet, event))
			return true;
	}
	if (!begun)
		WRITE_ONCE(cnet->unheard[event], now);
	return false;
}
EXPORT_SYMBOL_CT(ct_event_ask);

static bool event_tell(struct ct_flow *flow, enum ct_event event,
		       const struct ct_origin *origin)
{
	const struct ct_listener *l;
	bool told = true;

	for_each_listener(l)
		told &= l->event(flow, event, origin);
	return told;
}

/* Has its beginning been told? If not, it is now, if that can be. */
static void event_introduce(struct ct_flow *flow, const struct ct_origin *origin)
{
	if (event_tell(flow, CT_EVENT_NEW, origin))
		WRITE_ONCE(flow->status, flow->status & ~CT_FLOW_NEW_PENDING);
}

/**
 * ct_event_send() - tell that a flow changed or is over
 * @flow: the flow, its lock held
 * @event: CT_EVENT_UPDATE or CT_EVENT_DESTROY
 * @origin: on whose request, or %NULL
 *
 * The beginning of a flow has all of its present state in it, and stands for
 * an update that comes before it was told.
 *
 * Context: see the file's head.
 */
void ct_event_send(struct ct_flow *flow, enum ct_event event,
		   const struct ct_origin *origin)
{
	bool untold = flow->status & CT_FLOW_NEW_PENDING;

	if (untold)
		event_introduce(flow, origin);
	if (!untold || event == CT_EVENT_DESTROY)
		event_tell(flow, event, origin);
}
EXPORT_SYMBOL_CT(ct_event_send);

/**
 * ct_event_send_new() - tell that a flow began, if nobody did so yet
 * @flow: the flow; not locked
 * @hash: its hash: if it is another flow by now, nothing is told
 * @origin: on whose request, or %NULL
 *
 * Context: see the file's head.
 */
void ct_event_send_new(struct ct_flow *flow, u32 hash,
		       const struct ct_origin *origin)
{
	ct_flow_lock(flow);
	if (ct_flow_alive(flow) && flow->hash == hash &&
	    flow->status & CT_FLOW_NEW_PENDING)
		event_introduce(flow, origin);
	ct_flow_unlock(flow);
}
EXPORT_SYMBOL_CT(ct_event_send_new);
