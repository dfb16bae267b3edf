// SPDX-License-Identifier: GPL-2.0
/*
 * ctnetlink: questions: one flow, all of them, statistics.
 *
 * Dumps
 *	A dump is a walk (struct ct_walk): no lock is held, and nothing pinned,
 *	while the reader sleeps. A flow that did not fit any more is kept as a
 *	copy and comes first in the next message, so that counters which were
 *	read and zeroed are not lost. The size of messages follows the reader's
 *	buffer; netlink sees to that. Asking for more would cut messages off for
 *	readers with libmnl's usual buffer of a page.
 *
 * Context
 *	Process context, with nfnetlink's mutex of the subsystem; dumps without.
 */
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netlink.h>
#include <linux/slab.h>

#include "ct_nl.h"
#include "ct_room.h"

#define DUMP_PAUSE	256	/* flows looked at before others may run */

static void take_counters(struct ct_flow *flow)
{
	memset(flow->packets_high, 0, sizeof(flow->packets_high));
	memset(flow->packets_low, 0, sizeof(flow->packets_low));
	memset(flow->bytes, 0, sizeof(flow->bytes));
}

static bool is_zeroing(const struct nlmsghdr *nlh)
{
	return NFNL_MSG_TYPE(nlh->nlmsg_type) == IPCTNL_MSG_CT_GET_CTRZERO;
}

/* All flows */

/**
 * struct dump - a dump on its way
 * @walk: where it is
 * @filter: what it is about
 * @filtered: whether it is about some flows only
 * @zero: counters are zeroed
 * @kept: @snap is still to be given
 * @snap: the flow it is at
 */
struct dump {
	struct ct_walk walk;
	struct ct_nl_filter filter;
	bool filtered;
	bool zero;
	bool kept;
	struct ct_snapshot snap;
};

/**
 * struct dump_ask - from a message to dump_start()
 * @cnet: the namespace
 * @cda: attributes
 * @info: message
 */
struct dump_ask {
	struct ct_net *cnet;
	const struct nlattr *const *cda;
	const struct nfnl_info *info;
};

static int dump_start(struct netlink_callback *cb)
{
	const struct dump_ask *ask = cb->data;
	u8 family = ask->info->nfmsg->nfgen_family;
	struct dump *dump;
	int err = 0;

	dump = kzalloc(sizeof(*dump), GFP_KERNEL);
	if (!dump)
		return -ENOMEM;
	dump->filtered = ct_nl_wants_filter(ask->cda, family);
	if (dump->filtered)
		err = ct_nl_read_filter(ask->cda, family, &dump->filter,
					ask->info->extack);
	if (err) {
		kfree(dump);
		return err;
	}
	dump->zero = is_zeroing(ask->info->nlh);
	ct_walk_begin(&dump->walk, ask->cnet, NFPROTO_UNSPEC);
	cb->data = dump;
	return 0;
}

static int dump_done(struct netlink_callback *cb)
{
	kfree(cb->data);
	return 0;
}

static bool dump_look(struct dump *dump)
{
	const struct ct_nl_filter *filter = dump->filtered ? &dump->filter : NULL;
	struct ct_flow *flow = ct_walk_next_locked(&dump->walk);

	if (!flow)
		return false;
	ct_flow_snapshot(flow, ct_now(), &dump->snap);
	dump->kept = !filter || ct_nl_matches(filter, &dump->snap);
	if (dump->kept && dump->zero)
		take_counters(flow);
	ct_flow_unlock(flow);
	local_bh_enable();
	return true;
}

/* Sees to it that there is a flow to be given. Returns false at the end. */
static bool dump_next(struct dump *dump)
{
	unsigned int looked = 0;

	while (!dump->kept) {
		if (!dump_look(dump))
			return false;
		if (++looked % DUMP_PAUSE)
			continue;
		rcu_read_unlock();
		cond_resched();
		rcu_read_lock();
		ct_walk_resume(&dump->walk);
	}
	return true;
}

static int dump_some(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *dump = cb->data;
	const struct ct_nl_shape shape = {
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
		.type = IPCTNL_MSG_CT_NEW,
		.listing = true,
		.acct = READ_ONCE(dump->walk.cnet->knobs.acct),
	};

	rcu_read_lock();
	ct_walk_resume(&dump->walk);
	while (dump_next(dump) && !ct_nl_fill(skb, &dump->snap, &shape))
		dump->kept = false;
	rcu_read_unlock();
	return skb->len;
}

/* One flow */

static struct ct_flow *nl_find(struct ct_net *cnet, const struct ct_tuple *tuple,
			       const struct nlattr *id)
{
	enum ip_conntrack_dir dir;
	struct ct_snapshot snap;
	struct ct_flow *flow;
	struct ct_lookup_key as;

	ct_tuple_identify(tuple, cnet, &as);
	flow = ct_hash_find(cnet, &as, &dir);
	if (!flow || !id)
		return flow;
	ct_flow_snapshot(flow, ct_now(), &snap);
	if ((__force u32)nla_get_be32(id) == ct_flow_id(&snap))
		return flow;
	ct_flow_unlock(flow);
	return NULL;
}

/**
 * ct_nl_find() - find the flow that a message names
 * @cnet: its namespace
 * @tuple: one of its directions
 * @id: CTA_ID, which it has to have; %NULL for any
 *
 * No message says which link a link-local address is of. So the flow may be of
 * any interface, and is the first that is found.
 *
 * Context: RCU read-side section, bottom halves off.
 *
 * Return: the flow, its lock held, or %NULL.
 */
struct ct_flow *ct_nl_find(struct ct_net *cnet, const struct ct_tuple *tuple,
			   const struct nlattr *id)
{
	struct ct_flow *flow = nl_find(cnet, tuple, id);
	struct ct_tuple there = *tuple;
	struct net_device *dev;

	if (flow || !ct_tuple_has_link(tuple))
		return flow;
	for_each_netdev_rcu(cnet->net, dev) {
		there.link = dev->ifindex;
		flow = nl_find(cnet, &there, id);
		if (flow)
			return flow;
	}
	return NULL;
}

static int nl_look_up(struct ct_net *cnet, const struct ct_tuple *tuple, bool zero,
		      struct ct_snapshot *snap)
{
	struct ct_flow *flow;

	rcu_read_lock();
	local_bh_disable();
	flow = ct_nl_find(cnet, tuple, NULL);
	if (flow) {
		ct_flow_snapshot(flow, ct_now(), snap);
		if (zero)
			take_counters(flow);
		ct_flow_unlock(flow);
	}
	local_bh_enable();
	rcu_read_unlock();
	return flow ? 0 : -ENOENT;
}

static int nl_answer_one(struct sk_buff *skb, const struct nfnl_info *info,
			 const struct nlattr *const cda[])
{
	struct ct_net *cnet = ct_net(info->net);
	const struct ct_nl_shape shape = {
		.portid = NETLINK_CB(skb).portid,
		.seq = info->nlh->nlmsg_seq,
		.type = IPCTNL_MSG_CT_NEW,
		.listing = true,
		.acct = READ_ONCE(cnet->knobs.acct),
	};
	struct ct_snapshot snap;
	struct ct_tuple tuple;
	struct sk_buff *answer;
	int err;

	err = ct_nl_read_name(cda, info->nfmsg->nfgen_family, &tuple,
			      info->extack);
	if (err)
		return err;
	answer = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	err = nl_look_up(cnet, &tuple, is_zeroing(info->nlh), &snap);
	if (!err)
		err = ct_nl_fill(answer, &snap, &shape);
	if (err) {
		nlmsg_free(answer);
		return err;
	}
	return nfnetlink_unicast(answer, info->net, shape.portid);
}

int ct_nl_get(struct sk_buff *skb, const struct nfnl_info *info,
	      const struct nlattr *const cda[])
{
	struct dump_ask ask = {
		.cnet = ct_net(info->net),
		.cda = cda,
		.info = info,
	};
	struct netlink_dump_control control = {
		.start = dump_start,
		.dump = dump_some,
		.done = dump_done,
		.data = &ask,
	};

	if (!(info->nlh->nlmsg_flags & NLM_F_DUMP))
		return nl_answer_one(skb, info, cda);
	return netlink_dump_start(info->sk, skb, info->nlh, &control);
}

/*
 * The lists of dying and of unconfirmed flows are always empty: a flow is in the table,
 * or nobody can see it.
 */

/**
 * ct_nl_dump_nothing() - the dump of what there is none of
 * @skb: message
 * @cb: the dump
 *
 * Return: 0.
 */
int ct_nl_dump_nothing(struct sk_buff *skb, struct netlink_callback *cb)
{
	return 0;
}

int ct_nl_get_nothing(struct sk_buff *skb, const struct nfnl_info *info,
		      const struct nlattr *const cda[])
{
	struct netlink_dump_control control = { .dump = ct_nl_dump_nothing };

	if (!(info->nlh->nlmsg_flags & NLM_F_DUMP))
		return -EOPNOTSUPP;
	return netlink_dump_start(info->sk, skb, info->nlh, &control);
}

/* Statistics */

static int put_columns(struct sk_buff *skb, int cpu)
{
	const struct ct_net *cnet = ct_net(sock_net(skb->sk));
	const struct ct_stat *st = per_cpu_ptr(cnet->stat, cpu);
	const struct {
		int attr;
		u32 value;
	} columns[] = {
		{ CTA_STATS_FOUND, st->found },
		{ CTA_STATS_INVALID, ct_stat_invalid(st) },
		{ CTA_STATS_INSERT, st->insert },
		{ CTA_STATS_INSERT_FAILED, st->insert_failed },
		{ CTA_STATS_DROP, st->drop },
		{ CTA_STATS_EARLY_DROP, st->early_drop },
		{ CTA_STATS_ERROR, st->icmp_error },
		{ CTA_STATS_SEARCH_RESTART, st->search_restart },
		{ CTA_STATS_CLASH_RESOLVE, st->clash },
		{ CTA_STATS_CHAIN_TOOLONG, 0 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(columns); i++) {
		if (nla_put_be32(skb, columns[i].attr,
				 htonl(columns[i].value)))
			return -EMSGSIZE;
	}
	return 0;
}

/**
 * ct_nl_dump_cpus() - dump a message for each CPU
 * @skb: message
 * @cb: the dump
 * @type: type of the messages, with the subsystem
 * @put: puts a CPU's attributes into one; returns an error if there is no room
 *
 * Return: length of @skb.
 */
int ct_nl_dump_cpus(struct sk_buff *skb, struct netlink_callback *cb, u16 type,
		    int (*put)(struct sk_buff *skb, int cpu))
{
	struct nlmsghdr *nlh;
	long cpu;

	for (cpu = cb->args[0]; cpu < nr_cpu_ids; cpu++) {
		if (!cpu_possible(cpu))
			continue;
		nlh = nfnl_msg_put(skb, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, type, NLM_F_MULTI,
				   AF_UNSPEC, NFNETLINK_V0, htons(cpu));
		if (!nlh)
			break;
		if (put(skb, cpu)) {
			nlmsg_cancel(skb, nlh);
			break;
		}
		nlmsg_end(skb, nlh);
	}
	cb->args[0] = cpu;
	return skb->len;
}

static int dump_cpus(struct sk_buff *skb, struct netlink_callback *cb)
{
	return ct_nl_dump_cpus(skb, cb,
			       nfnl_msg_type(NFNL_SUBSYS_CTNETLINK,
					     IPCTNL_MSG_CT_GET_STATS_CPU),
			       put_columns);
}

int ct_nl_get_cpus(struct sk_buff *skb, const struct nfnl_info *info,
		   const struct nlattr *const cda[])
{
	struct netlink_dump_control control = { .dump = dump_cpus };

	if (!(info->nlh->nlmsg_flags & NLM_F_DUMP))
		return 0;
	return netlink_dump_start(info->sk, skb, info->nlh, &control);
}

int ct_nl_get_stats(struct sk_buff *skb, const struct nfnl_info *info,
		    const struct nlattr *const cda[])
{
	struct ct_net *cnet = ct_net(info->net);
	u32 portid = NETLINK_CB(skb).portid;
	struct sk_buff *answer;
	struct nlmsghdr *nlh;

	answer = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!answer)
		return -ENOMEM;
	nlh = nfnl_msg_put(answer, portid, info->nlh->nlmsg_seq,
			   nfnl_msg_type(NFNL_SUBSYS_CTNETLINK,
					 IPCTNL_MSG_CT_GET_STATS),
			   0, AF_UNSPEC, NFNETLINK_V0, 0);
	if (!nlh ||
	    nla_put_be32(answer, CTA_STATS_GLOBAL_ENTRIES,
			 htonl(ct_room_used(cnet))) ||
	    nla_put_be32(answer, CTA_STATS_GLOBAL_MAX_ENTRIES,
			 htonl(ct_net_max(cnet)))) {
		nlmsg_free(answer);
		return -EMSGSIZE;
	}
	nlmsg_end(answer, nlh);
	return nfnetlink_unicast(answer, info->net, portid);
}
