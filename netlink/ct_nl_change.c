// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink: new, changed and deleted flows.
 *
 * Overview
 *	A message is read and checked whole; only then is a flow made, or
 *	changed under its lock, all at once. What a flow is (its tuples, whether
 *	it is confirmed, its translation) cannot be changed.
 *
 * Context
 *	Process context, nfnetlink's mutex of the subsystem held, which keeps
 *	such messages apart from each other, but not from packets. Locks: one
 *	flow's at a time.
 */
#include <linux/module.h>
#include <linux/netlink.h>

#include "ct_nl.h"
#include "ct_packet.h"

/* Status bits that can be set, and those of them that stay once they are */
#define STATUS_SETTABLE	(IPS_SEEN_REPLY | IPS_ASSURED | IPS_FIXED_TIMEOUT)
#define STATUS_STAYS	(IPS_SEEN_REPLY | IPS_ASSURED)
#define STATUS_FIXED	(IPS_EXPECTED | IPS_CONFIRMED | IPS_DYING)

static struct ct_origin origin_of(const struct sk_buff *skb,
				  const struct nfnl_info *info)
{
	return (struct ct_origin){
		.portid = NETLINK_CB(skb).portid,
		.report = nlmsg_report(info->nlh),
	};
}

static bool nl_exists(struct ct_net *cnet, const struct ct_tuple *tuple)
{
	struct ct_flow *flow;

	rcu_read_lock();
	local_bh_disable();
	flow = ct_nl_find(cnet, tuple, NULL);
	if (flow)
		ct_flow_unlock(flow);
	local_bh_enable();
	rcu_read_unlock();
	return flow;
}

static int check_status(u32 now, u32 wanted)
{
	u32 changed = now ^ wanted;

	if (changed & STATUS_FIXED || changed & now & STATUS_STAYS)
		return -EBUSY;
	return 0;
}

/* New */

/**
 * struct wish - a flow that is wanted
 * @orig: its original direction
 * @reply: its reply direction
 * @translated: whether that is not the inverse
 * @bound: whether we are to translate its packets
 * @change: the rest
 * @state: the protocol's state
 */
struct wish {
	struct ct_tuple orig;
	struct ct_tuple reply;
	bool translated;
	bool bound;
	struct ct_nl_change change;
	union ct_state state;
};

static int check_translation(const struct nfnl_info *info,
			     const struct nlattr *const cda[],
			     struct wish *wish)
{
	struct netlink_ext_ack *extack = info->extack;
	struct ct_tuple inverse;
	int err;

	if (wish->orig.protonum != wish->reply.protonum) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_TUPLE_REPLY],
				    "the directions have different protocols");
		return -EINVAL;
	}
	if (!ct_tuple_invert(&inverse, &wish->orig)) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_TUPLE_ORIG],
				    "there is no reply to that");
		return -EINVAL;
	}
	wish->bound = cda[CTA_NAT_SRC] || cda[CTA_NAT_DST];
	if (wish->bound) {
		err = ct_nl_translate(info, cda, &wish->reply);
		if (err)
			return err;
	}
	wish->translated = !ct_tuple_equal(&inverse, &wish->reply);
	return 0;
}

static int refuse_master(const struct nfnl_info *info,
			 const struct nlattr *const cda[])
{
	const struct ct_nl_want want = {
		.family = info->nfmsg->nfgen_family,
		.flags = CT_NL_F_ALL,
	};
	struct ct_tuple master;
	int err;

	err = ct_nl_read_tuple(cda, CTA_TUPLE_MASTER, &want, &master,
			       info->extack);
	if (err)
		return err;
	NL_SET_ERR_MSG_ATTR(info->extack, cda[CTA_TUPLE_MASTER],
			    "flows have no masters");
	return nl_exists(ct_net(info->net), &master) ? -EOPNOTSUPP : -ENOENT;
}

static int check_wish(const struct nfnl_info *info,
		      const struct nlattr *const cda[], struct wish *wish)
{
	struct ct_nl_change *change = &wish->change;
	int err;

	if (!cda[CTA_TUPLE_ORIG] || !cda[CTA_TUPLE_REPLY]) {
		NL_SET_ERR_MSG(info->extack, "a new flow needs CTA_TUPLE_ORIG and CTA_TUPLE_REPLY");
		return -EINVAL;
	}
	err = check_translation(info, cda, wish);
	if (err)
		return err;
	if (!cda[CTA_TIMEOUT]) {
		NL_SET_ERR_MSG(info->extack, "a new flow needs CTA_TIMEOUT");
		return -EINVAL;
	}
	err = ct_nl_read_change(cda, change, info->extack);
	if (err)
		return err;
	if (change->has_status &&
	    check_status(IPS_CONFIRMED, change->status)) {
		NL_SET_ERR_MSG_ATTR(info->extack, cda[CTA_STATUS],
				    "a new flow is confirmed, not expected and not dying");
		return -EBUSY;
	}
	if (cda[CTA_TUPLE_MASTER])
		return refuse_master(info, cda);
	ct_nl_first_state(ct_net(info->net), wish->orig.protonum, ct_now(),
			  &wish->state);
	return ct_nl_read_state(change->info, wish->orig.protonum,
				&wish->state, info->extack);
}

static u32 first_status(const struct wish *wish, bool report)
{
	u32 status = wish->change.status & STATUS_SETTABLE;
	struct ct_tuple now;

	if (report)
		status |= CT_FLOW_NEW_PENDING;
	if (wish->bound && wish->translated &&
	    ct_tuple_invert(&now, &wish->reply))
		status |= CT_FLOW_BOUND | IPS_NAT_DONE_MASK |
			  ct_packet_nat_status(&wish->orig, &now);
	return status;
}

/* Bottom halves off, RCU. */
static int nl_make(struct ct_net *cnet, const struct wish *wish,
		   const struct ct_origin *origin)
{
	const struct ct_nl_change *change = &wish->change;
	struct ct_lookup_key orig_id, reply_id;
	struct ct_flow *flow;

	ct_tuple_identify(&wish->orig, cnet, &orig_id);
	ct_tuple_identify(&wish->reply, cnet, &reply_id);
	flow = ct_flow_create(cnet, &orig_id,
			      wish->translated ? &reply_id : NULL);
	if (IS_ERR(flow)) {
		ct_stat_inc(cnet, drop);
		return -ENOMEM;
	}
	flow->state = wish->state;
	ct_flow_prepare(flow, ct_now() + change->timeout,
			first_status(wish, origin->report));
	flow->mark = change->mark_flip;
	if (change->has_labels &&
	    ct_flow_change_labels(flow, change->label_mask,
				  change->label_flip) < 0) {
		ct_flow_discard(flow);
		return -ENOMEM;
	}
	if (!ct_flow_confirm(cnet, flow, origin)) {
		ct_stat_inc(cnet, insert_failed);
		ct_flow_discard(flow);
		return -EEXIST;
	}
	return 0;
}

static int nl_create(struct sk_buff *skb, const struct nfnl_info *info,
		     const struct nlattr *const cda[], struct wish *wish)
{
	struct ct_origin origin = origin_of(skb, info);
	int err;

	if (!(info->nlh->nlmsg_flags & NLM_F_CREATE))
		return -ENOENT;
	err = check_wish(info, cda, wish);
	if (err)
		return err;
	rcu_read_lock();
	local_bh_disable();
	err = nl_make(ct_net(info->net), wish, &origin);
	local_bh_enable();
	rcu_read_unlock();
	if (err == -ENOMEM)
		NL_SET_ERR_MSG(info->extack, "the table is full, or there is no memory");
	return err;
}

/* Changed */

static int check_change(const struct ct_flow *flow,
			const struct ct_nl_change *change,
			const struct nlattr *const cda[], union ct_state *state,
			struct netlink_ext_ack *extack)
{
	if (change->has_timeout && flow->status & IPS_FIXED_TIMEOUT) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_TIMEOUT],
				    "the flow's timeout is fixed");
		return -EPERM;
	}
	if (change->has_status && check_status(flow->status, change->status)) {
		NL_SET_ERR_MSG_ATTR(extack, cda[CTA_STATUS],
				    "what a flow was does not change");
		return -EBUSY;
	}
	*state = flow->state;
	return ct_nl_read_state(change->info, flow->node.key.protonum, state,
				extack);
}

/* Returns an error, and nothing has changed, if there is no memory. */
static int apply(struct ct_flow *flow, const struct ct_nl_change *change,
		 const union ct_state *state)
{
	u32 mark = (flow->mark & change->mark_keep) ^ change->mark_flip;

	if (change->has_labels &&
	    ct_flow_change_labels(flow, change->label_mask,
				  change->label_flip) < 0)
		return -ENOMEM;
	if (change->has_timeout)
		ct_flow_refresh(flow, ct_now() + change->timeout);
	if (change->has_status)
		ct_flow_set_status(flow, ct_flow_net(flow), flow->status |
				   (change->status & STATUS_SETTABLE));
	flow->state = *state;
	WRITE_ONCE(flow->mark, mark);
	return 0;
}

static int nl_update(struct sk_buff *skb, const struct nfnl_info *info,
		     const struct nlattr *const cda[], const struct ct_tuple *name)
{
	struct ct_origin origin = origin_of(skb, info);
	const struct nlattr *fixed;
	struct ct_nl_change change;
	union ct_state state;
	struct ct_flow *flow;
	int err;

	fixed = cda[CTA_NAT_SRC] ?: cda[CTA_NAT_DST] ?: cda[CTA_TUPLE_MASTER];
	if (fixed) {
		NL_SET_ERR_MSG_ATTR(info->extack, fixed,
				    "only a new flow can have that");
		return -EOPNOTSUPP;
	}
	err = ct_nl_read_change(cda, &change, info->extack);
	if (err)
		return err;
	rcu_read_lock();
	local_bh_disable();
	flow = ct_nl_find(ct_net(info->net), name, NULL);
	if (flow) {
		err = check_change(flow, &change, cda, &state, info->extack);
		if (!err)
			err = apply(flow, &change, &state);
		if (!err)
			ct_event_update(flow, U16_MAX, &origin);
		ct_flow_unlock(flow);
	} else {
		err = -ENOENT;
	}
	local_bh_enable();
	rcu_read_unlock();
	return err;
}

/**
 * ct_nl_new() - make or change a flow
 * @skb: the message
 * @info: about it
 * @cda: its attributes
 *
 * Return: 0 or an error.
 */
int ct_nl_new(struct sk_buff *skb, const struct nfnl_info *info,
	      const struct nlattr *const cda[])
{
	struct ct_nl_want want = {
		.family = info->nfmsg->nfgen_family,
		.flags = CT_NL_F_ALL,
	};
	const struct ct_tuple *name = NULL;
	struct wish wish;
	int err;

	err = ct_nl_read_zone(cda[CTA_ZONE], &want.zone, info->extack);
	if (err)
		return err;
	if (cda[CTA_TUPLE_REPLY]) {
		err = ct_nl_read_tuple(cda, CTA_TUPLE_REPLY, &want, &wish.reply,
				       info->extack);
		name = &wish.reply;
	}
	if (!err && cda[CTA_TUPLE_ORIG]) {
		err = ct_nl_read_tuple(cda, CTA_TUPLE_ORIG, &want, &wish.orig,
				       info->extack);
		name = &wish.orig;
	}
	if (err)
		return err;
	if (!name || !nl_exists(ct_net(info->net), name))
		return nl_create(skb, info, cda, &wish);
	if (info->nlh->nlmsg_flags & NLM_F_EXCL)
		return -EEXIST;
	return nl_update(skb, info, cda, name);
}

/* Deleted */

/**
 * struct end - what is to end
 * @cnet: in which namespace
 * @origin: on whose request
 * @other: nf_conntrack is there, and its entries are to end as well
 */
struct end {
	struct ct_net *cnet;
	const struct ct_origin *origin;
	bool other;
};

/*
 * Bottom halves off, RCU. The flow is locked; unlocked here. Where nf_conntrack is
 * asked meanwhile it may end, and its memory be another flow's.
 */
static void end_one(const struct end *end, struct ct_flow *flow,
		    const struct ct_snapshot *snap)
{
	if (end->other) {
		ct_flow_unlock(flow);
		ct_nl_other_end(end->cnet, snap, end->origin);
		ct_flow_lock(flow);
		if (!ct_flow_alive(flow) || flow->hash != snap->hash ||
		    !ct_flow_is_of(flow, end->cnet)) {
			ct_flow_unlock(flow);
			return;
		}
	}
	ct_flow_end_for_unlock(flow, end->origin);
}

static int delete_one(const struct end *end, const struct nfnl_info *info,
		      const struct nlattr *const cda[],
		      const struct ct_tuple *name)
{
	struct ct_snapshot snap;
	struct ct_flow *flow;

	rcu_read_lock();
	local_bh_disable();
	flow = ct_nl_find(end->cnet, name, cda[CTA_ID]);
	if (flow) {
		ct_flow_snapshot(flow, ct_now(), &snap);
		end_one(end, flow, &snap);
	}
	local_bh_enable();
	rcu_read_unlock();
	if (flow)
		return 0;
	if (cda[CTA_ID])
		NL_SET_ERR_MSG_ATTR(info->extack, cda[CTA_ID],
				    "no flow of these numbers has that id");
	return -ENOENT;
}

static void flush_all(const struct end *end)
{
	struct ct_flow *flow;
	struct ct_walk walk;

	if (end->other)
		ct_nl_other_end_all(end->cnet, end->origin);
	rcu_read_lock();
	ct_walk_begin(&walk, end->cnet, NFPROTO_UNSPEC);
	while ((flow = ct_walk_next_locked(&walk))) {
		ct_flow_end_for_unlock(flow, end->origin);
		local_bh_enable();
		ct_walk_pause(&walk);
	}
	rcu_read_unlock();
}

static void flush_some(const struct end *end, const struct ct_nl_filter *filter)
{
	struct ct_snapshot snap;
	struct ct_flow *flow;
	struct ct_walk walk;

	rcu_read_lock();
	ct_walk_begin(&walk, end->cnet, NFPROTO_UNSPEC);
	while ((flow = ct_walk_next_locked(&walk))) {
		ct_flow_snapshot(flow, ct_now(), &snap);
		if (ct_nl_matches(filter, &snap))
			end_one(end, flow, &snap);
		else
			ct_flow_unlock(flow);
		local_bh_enable();
		ct_walk_pause(&walk);
	}
	rcu_read_unlock();
}

/* In version 0 of the message the family means nothing; tools rely on it. */
static u8 flush_family(const struct nfnl_info *info,
		       const struct nlattr *const cda[])
{
	const struct nfgenmsg *nfmsg = info->nfmsg;

	return nfmsg->version || cda[CTA_FILTER] ? nfmsg->nfgen_family :
						   NFPROTO_UNSPEC;
}

static int delete(const struct end *end, const struct nfnl_info *info,
		  const struct nlattr *const cda[])
{
	u8 family = flush_family(info, cda);
	struct ct_nl_filter filter;
	struct ct_tuple name;
	int err;

	if ((cda[CTA_TUPLE_ORIG] || cda[CTA_TUPLE_REPLY]) &&
	    !cda[CTA_FILTER]) {
		err = ct_nl_read_name(cda, info->nfmsg->nfgen_family, &name,
				      info->extack);
		return err ?: delete_one(end, info, cda, &name);
	}
	if (!ct_nl_wants_filter(cda, family)) {
		flush_all(end);
		return 0;
	}
	err = ct_nl_read_filter(cda, family, &filter, info->extack);
	if (!err)
		flush_some(end, &filter);
	return err;
}

/**
 * ct_nl_delete() - end one flow, some or all
 * @skb: the message
 * @info: about it
 * @cda: its attributes
 *
 * Return: 0 or an error.
 */
int ct_nl_delete(struct sk_buff *skb, const struct nfnl_info *info,
		 const struct nlattr *const cda[])
{
	struct ct_origin origin = origin_of(skb, info);
	struct end end = {
		.cnet = ct_net(info->net),
		.origin = &origin,
	};
	int err;

	end.other = ct_nl_other_get();
	err = delete(&end, info, cda);
	ct_nl_other_put();
	return err;
}
