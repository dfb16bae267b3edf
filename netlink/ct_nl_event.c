// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink: what happens to flows, to whoever listens.
 *
 * Overview
 *	The tracker calls event() for every flow that begins, changes or ends
 *	(ct_event.c). Where nobody listens to the group nothing is built. What
 *	is built goes out at once, while nothing of the flow can change, so that
 *	each listener hears of a flow in the order in which things happened.
 *
 * Losses
 *	A listener whose buffer is full is told so by netlink itself (ENOBUFS,
 *	and a count in /proc/net/netlink). One that asked for it with
 *	NETLINK_BROADCAST_ERROR makes sending fail here. Such a failure, and
 *	want of memory, is counted; a beginning is then told again with the
 *	flow's next event, and an end is kept and told again until all have got
 *	it, by a work item. At most event_queue ends are kept in a namespace;
 *	any more are lost, and counted as that. Listeners without the option
 *	may hear such an end twice, as they do from nf_conntrack.
 *
 * Context
 *	event(): RCU read-side section, bottom halves off, the flow locked; must
 *	not sleep. Lock order: flow, then nl_net.lock. The work item takes no
 *	flow's lock.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <net/netns/generic.h>

#include "ct_nl.h"

#define RETRY_DELAY	msecs_to_jiffies(20)

/* Longest message: an IPv6 flow's end with all that it can have. */
#define EVENT_SIZE	480

static unsigned int event_queue = 65536;
module_param(event_queue, uint, 0644);
MODULE_PARM_DESC(event_queue, "most ends of flows that are kept for listeners which are too slow and want every one (default: 65536)");

/**
 * struct late - the end of a flow that is still to be told
 * @list: nl_net.late
 * @snap: the flow as it was
 * @stop: when it ended, ns since 1970
 * @origin: on whose request
 */
struct late {
	struct list_head list;
	struct ct_snapshot snap;
	u64 stop;
	struct ct_origin origin;
};

/**
 * struct nl_net - events of a namespace
 * @cnet: the namespace
 * @alive: it has a netlink socket to send by
 * @lock: holds @late and @kept
 * @late: ends that are still to be told, oldest first
 * @kept: how many
 * @work: tells them
 */
struct nl_net {
	struct ct_net *cnet;
	bool alive;
	spinlock_t lock;	/* see above */
	struct list_head late;
	unsigned int kept;
	struct delayed_work work;
};

static unsigned int nl_net_id __read_mostly;

static const u32 groups[] = {
	[CT_EVENT_NEW]		= NFNLGRP_CONNTRACK_NEW,
	[CT_EVENT_UPDATE]	= NFNLGRP_CONNTRACK_UPDATE,
	[CT_EVENT_DESTROY]	= NFNLGRP_CONNTRACK_DESTROY,
};

/* Sending */

/* Returns false if somebody who wants to know of it did not get it. */
static bool send(struct ct_net *cnet, const struct ct_snapshot *snap,
		 enum ct_event event, const struct ct_origin *origin, u64 stop,
		 gfp_t gfp)
{
	const struct ct_nl_shape shape = {
		.portid = origin->portid,
		.flags = event == CT_EVENT_NEW ? NLM_F_CREATE | NLM_F_EXCL : 0,
		.type = event == CT_EVENT_DESTROY ? IPCTNL_MSG_CT_DELETE :
						    IPCTNL_MSG_CT_NEW,
		.marked = origin->portid && event != CT_EVENT_DESTROY,
		.acct = READ_ONCE(cnet->knobs.acct),
		.stop = stop,
	};
	struct sk_buff *skb;
	int err;

	skb = nlmsg_new(EVENT_SIZE, gfp);
	if (!skb)
		goto lost;
	if (ct_nl_fill(skb, snap, &shape)) {
		WARN_ON_ONCE(1);	/* EVENT_SIZE is too small */
		nlmsg_free(skb);
		goto lost;
	}
	err = nfnetlink_send(skb, cnet->net, origin->portid, groups[event],
			     origin->report, gfp);
	return err != -ENOBUFS && err != -EAGAIN;
lost:
	nfnetlink_set_err(cnet->net, 0, groups[event], -ENOBUFS);
	return false;
}

/* Ends that could not be told */

static bool keep(struct nl_net *nl, const struct ct_snapshot *snap, u64 stop,
		 const struct ct_origin *origin)
{
	struct late *late;

	if (READ_ONCE(nl->kept) >= READ_ONCE(event_queue))
		return false;
	late = kmalloc(sizeof(*late), GFP_ATOMIC | __GFP_NOWARN);
	if (!late)
		return false;
	late->snap = *snap;
	late->stop = stop;
	late->origin = *origin;
	spin_lock(&nl->lock);
	list_add_tail(&late->list, &nl->late);
	WRITE_ONCE(nl->kept, nl->kept + 1);
	spin_unlock(&nl->lock);
	if (!delayed_work_pending(&nl->work))
		schedule_delayed_work(&nl->work, RETRY_DELAY);
	return true;
}

static struct late *take_late(struct nl_net *nl)
{
	struct late *late;

	spin_lock_bh(&nl->lock);
	late = list_first_entry_or_null(&nl->late, struct late, list);
	if (late) {
		list_del(&late->list);
		WRITE_ONCE(nl->kept, nl->kept - 1);
	}
	spin_unlock_bh(&nl->lock);
	return late;
}

static void put_back(struct nl_net *nl, struct late *late)
{
	spin_lock_bh(&nl->lock);
	list_add(&late->list, &nl->late);
	WRITE_ONCE(nl->kept, nl->kept + 1);
	spin_unlock_bh(&nl->lock);
}

static void tell_late(struct work_struct *work)
{
	struct nl_net *nl = container_of(to_delayed_work(work), struct nl_net,
					 work);
	struct late *late;

	while ((late = take_late(nl))) {
		if (!send(nl->cnet, &late->snap, CT_EVENT_DESTROY,
			  &late->origin, late->stop, GFP_KERNEL)) {
			put_back(nl, late);
			schedule_delayed_work(&nl->work, RETRY_DELAY);
			return;
		}
		kfree(late);
		local_bh_disable();
		ct_stat_inc(nl->cnet, event_late);
		local_bh_enable();
		cond_resched();
	}
}

/* Hearing */

/* Also of a namespace that ends: behind nl_leave() it has no socket any more. */
static bool wants(const struct ct_net *cnet, enum ct_event event)
{
	const struct nl_net *nl = net_generic(cnet->net, nl_net_id);

	return READ_ONCE(nl->alive) && READ_ONCE(cnet->knobs.events) &&
	       nfnetlink_has_listeners(cnet->net, groups[event]);
}

static bool event(const struct ct_flow *flow, enum ct_event event,
		  const struct ct_origin *origin)
{
	static const struct ct_origin nobody;
	struct ct_net *cnet = ct_flow_net(flow);
	struct nl_net *nl = net_generic(cnet->net, nl_net_id);
	struct ct_snapshot snap;
	u64 stop = 0;

	if (!origin)
		origin = &nobody;
	if (!READ_ONCE(nl->alive) ||
	    (origin->report ? !READ_ONCE(cnet->knobs.events) :
			      !wants(cnet, event)))
		return true;
	ct_flow_snapshot(flow, ct_now(), &snap);
	if (event == CT_EVENT_DESTROY) {
		snap.status |= IPS_DYING;
		if (snap.start)
			stop = ktime_get_real_ns();
	}
	if (send(cnet, &snap, event, origin, stop, GFP_ATOMIC))
		return true;
	if (event != CT_EVENT_DESTROY || !keep(nl, &snap, stop, origin))
		ct_stat_inc(cnet, event_lost);
	return false;
}

static struct ct_listener listener = {
	.wants = wants,
	.event = event,
};

/* Life-cycle */

static int __net_init nl_begin(struct net *net)
{
	struct nl_net *nl = net_generic(net, nl_net_id);

	nl->cnet = ct_net(net);
	spin_lock_init(&nl->lock);
	INIT_LIST_HEAD(&nl->late);
	INIT_DELAYED_WORK(&nl->work, tell_late);
	WRITE_ONCE(nl->alive, true);
	return 0;
}

/*
 * The core of the kernel waits an RCU grace period between this and nl_end():
 * nobody is in event() then, and nobody gets beyond @alive any more, not even
 * from flows that end with their namespace after this module's part of it.
 */
static void __net_exit nl_leave(struct net *net)
{
	struct nl_net *nl = net_generic(net, nl_net_id);

	WRITE_ONCE(nl->alive, false);
}

static void __net_exit nl_end(struct net *net)
{
	struct nl_net *nl = net_generic(net, nl_net_id);
	struct late *late;

	cancel_delayed_work_sync(&nl->work);
	while ((late = take_late(nl)))
		kfree(late);
}

static struct pernet_operations nl_net_ops = {
	.init = nl_begin,
	.pre_exit = nl_leave,
	.exit = nl_end,
	.id = &nl_net_id,
	.size = sizeof(struct nl_net),
};

/**
 * ct_nl_event_init() - begin to send events
 *
 * Context: process, sleeps.
 *
 * Return: 0 or an error.
 */
int ct_nl_event_init(void)
{
	int err = register_pernet_subsys(&nl_net_ops);

	if (!err)
		ct_event_listen(&listener);
	return err;
}

/**
 * ct_nl_event_exit() - send no more events
 *
 * Context: process, sleeps.
 */
void ct_nl_event_exit(void)
{
	ct_event_unlisten(&listener);
	unregister_pernet_subsys(&nl_net_ops);
}
