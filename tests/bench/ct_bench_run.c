// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection tracker costs: hand-made packets through its hooks.
 *
 * Overview
 *	One skb on each CPU, written anew for each packet, goes through
 *	PRE_ROUTING and POST_ROUTING of the caller's network namespace, as a
 *	forwarded packet does, with its checksum already verified. Whatever has
 *	hooks there is measured with them; this module knows no tracker.
 *
 *	echo SCENARIO > .../parameters/run	runs one (see scenarios[])
 *	cat .../parameters/ns			ns per packet, or per new flow: the
 *						median of the batches
 *	cat .../parameters/longest		longest packet, in ns (udp_watch)
 *	cat .../parameters/runs			how many there have been
 *
 *	Every flow is a conversation, and a packet is the next one of its
 *	conversation: UDP question and answer in turn; TCP a handshake, then
 *	data and its acknowledgment in turn. A "new" scenario begins all
 *	conversations again, so the tracker must not know them any more. Those
 *	of tcp_close are others: they begin, say one thing and end.
 *
 *	A batch of a hot flow is of one flow, the next batch of another one, and
 *	one packet before the clock runs brings it into the caches. So the median
 *	is that of a usual place in a bucket, not of the place that one flow has.
 *
 * Clocks
 *	The kernel's, or with "tsc" the processor's counter. Where one
 *	instruction is one tick of it (qemu -icount), batches of two packets make
 *	the median an exact number of instructions: what happens to few packets
 *	(an interrupt, a collision in the table) is in few batches. Of new flows
 *	a batch is larger, for the memory of the next few is a part of their cost.
 *
 * Marks
 *	Where the clock starts and stops, before each packet, and where a run
 *	begins and ends there is an instruction that does nothing, which a plugin of
 *	QEMU knows (ct_mark.h, plugin/counts.c). They are always there: a mark costs
 *	one instruction, with hooks and without.
 *
 * Context
 *	Packets are sent by kernel threads, one on each CPU that takes part, with
 *	bottom halves off under the RCU read lock, a batch at a time, as a network
 *	driver does. They begin together, and end when the first is done, so that
 *	what is measured is always as many CPUs at once as were asked for. The
 *	lock of the module's parameters keeps two runs apart.
 */
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/skbuff.h>
#include <linux/sort.h>
#include <linux/timex.h>
#include <net/net_namespace.h>

#include "ct_bench.h"
#include "ct_mark.h"

#define FLOWS_MAX	BIT(24)
#define CPUS_MAX	8
#define BATCHES_MIN	20	/* for a median, of several CPUs at once */

static unsigned int room = 100000;
module_param(room, uint, 0444);
MODULE_PARM_DESC(room, "the most conversations of a run (default: 100000)");

static unsigned int flows;
module_param(flows, uint, 0644);
MODULE_PARM_DESC(flows, "conversations (default: as many as there is room for)");

static unsigned int packets = 1000000;
module_param(packets, uint, 0644);
MODULE_PARM_DESC(packets, "packets of a run in existing flows, on each CPU (default: 1000000)");

static unsigned int batch = 200;
module_param(batch, uint, 0644);
MODULE_PARM_DESC(batch, "packets, or new flows, between two looks at the clock (default: 200)");

static unsigned int cpus = 1;
module_param(cpus, uint, 0644);
MODULE_PARM_DESC(cpus, "CPUs that send at the same time (default: 1)");

static bool tsc;
module_param(tsc, bool, 0644);
MODULE_PARM_DESC(tsc, "count ticks of the processor's counter, not ns (default: off)");

static bool empty;
module_param(empty, bool, 0644);
MODULE_PARM_DESC(empty, "two hooks that do nothing, during a run (default: off)");

/* The compiler that made the modules: figures of another one are others. */
#ifndef __VERSION__	/* sparse's own */
#define __VERSION__ "unknown"
#endif
static char *compiler = __VERSION__;
module_param(compiler, charp, 0444);
MODULE_PARM_DESC(compiler, "what compiled this");

static const struct scenario scenarios[] = {
	{ .name = "udp_new", .protonum = IPPROTO_UDP, .each = 1, .begins = true },
	{ .name = "udp_reply", .protonum = IPPROTO_UDP, .each = 1 },
	{ .name = "udp_hot", .protonum = IPPROTO_UDP, .pick = PICK_HOT },
	{ .name = "udp_same", .protonum = IPPROTO_UDP, .pick = PICK_SAME },
	{ .name = "udp_random", .protonum = IPPROTO_UDP, .pick = PICK_RANDOM },
	{ .name = "udp_watch", .protonum = IPPROTO_UDP, .pick = PICK_RANDOM,
	  .watch = true },
	{ .name = "tcp_new", .protonum = IPPROTO_TCP, .each = 3, .begins = true },
	{ .name = "tcp_hot", .protonum = IPPROTO_TCP, .pick = PICK_HOT },
	{ .name = "tcp_random", .protonum = IPPROTO_TCP, .pick = PICK_RANDOM },
	{ .name = "tcp_close", .protonum = IPPROTO_TCP, .each = 8,
	  .closes = true },
};

static u32 *turns;			/* by flow: packets so far */
static struct net_device *device;	/* where packets come from and go to */

static u32 tenths;	/* ns per packet or flow, times ten */
static unsigned long long longest;
static unsigned int runs;

/* Two hooks that do nothing */

static unsigned int nothing(void *priv, struct sk_buff *skb,
			    const struct nf_hook_state *state)
{
	return NF_ACCEPT;
}

static const struct nf_hook_ops empty_hooks[] = {
	{
		.hook = nothing,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP_PRI_CONNTRACK,
	}, {
		.hook = nothing,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP_PRI_CONNTRACK_CONFIRM,
	}, {
		.hook = nothing,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_PRE_ROUTING,
		.priority = NF_IP6_PRI_CONNTRACK,
	}, {
		.hook = nothing,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_POST_ROUTING,
		.priority = NF_IP6_PRI_LAST,
	},
};

/* Sending */

static int okfn(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return 0;
}

static bool send(struct run *run)
{
	u8 family = ct_bench_ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	struct net *net = run->team->net;
	struct sk_buff *skb = run->skb;

	if (nf_hook(family, NF_INET_PRE_ROUTING, net, NULL, skb, device, NULL,
		    okfn) != 1)
		return false;
	if (run->way && !skb_dst(skb))	/* it was translated: routed again */
		skb_dst_set(skb, dst_clone(run->way));
	if (nf_hook(family, NF_INET_POST_ROUTING, net, NULL, skb, NULL, device,
		    okfn) != 1)
		return false;
	nf_reset_ct(skb);
	return true;
}

static bool send_watched(struct run *run)
{
	u64 start = ktime_get_ns();
	bool sent = send(run);

	run->longest = max(run->longest, ktime_get_ns() - start);
	return sent;
}

static bool send_turn(struct run *run, u32 flow, u32 n)
{
	ct_mark(CT_MARK_PACKET);
	ct_bench_write(run, flow, n);
	return run->s->watch ? send_watched(run) : send(run);
}

/* Numerical Recipes' quick and even-handed one: the high bits are good. */
static u32 random_flow(struct run *run)
{
	run->seed = run->seed * 1664525 + 1013904223;
	return run->first + (((u64)run->seed * run->flows) >> 32);
}

static bool send_each(struct run *run, u32 i, u32 end)
{
	const struct scenario *s = run->s;
	u32 flow, n;

	for (flow = run->first + i; flow < run->first + end; flow++) {
		for (n = 0; n < s->each; n++) {
			if (!send_turn(run, flow,
				       s->closes ? n : turns[flow]++))
				return false;
		}
	}
	return true;
}

static bool send_random(struct run *run, u32 i, u32 end)
{
	u32 flow;

	for (; i < end; i++) {
		flow = random_flow(run);
		if (!send_turn(run, flow, turns[flow]++))
			return false;
	}
	return true;
}

/* The turn is kept here: CPUs that share a flow must not meet in our memory. */
static bool send_hot(struct run *run, u32 flow, u32 turn, u32 i, u32 end)
{
	for (; i < end; i++) {
		if (!send_turn(run, flow, turn++))
			return false;
	}
	return true;
}

static u64 now(void)
{
	return tsc ? get_cycles() : ktime_get_ns();
}

static u64 now_begins(void)
{
	ct_mark(CT_MARK_BEGIN);
	return now();
}

static bool send_hot_batch(struct run *run, u32 i, u32 end, u64 *start)
{
	bool same = run->s->pick == PICK_SAME;
	u32 flow, turn;
	bool sent;

	/* A large step that has no factor in common with usual numbers. */
	flow = same ? 0 : run->first + (u64)(i / batch) * 7919 % run->flows;
	turn = turns[flow];
	if (!send_turn(run, flow, turn++))
		return false;
	*start = now_begins();
	sent = send_hot(run, flow, turn, i, end);
	if (!same)
		turns[flow] = turn + end - i;
	return sent;
}

static bool send_batch(struct run *run, u32 i, u32 end, u64 *start)
{
	switch (run->s->pick) {
	case PICK_EACH:
		return send_each(run, i, end);
	case PICK_RANDOM:
		return send_random(run, i, end);
	default:
		return send_hot_batch(run, i, end, start);
	}
}

static u32 sent_by_others(const struct run *run)
{
	u32 sum = 0;
	unsigned int i;

	for (i = 0; i < cpus; i++) {
		if (&run->all[i] != run)
			sum += READ_ONCE(run->all[i].sent);
	}
	return sum;
}

/*
 * Was a batch one of several CPUs at once? Where the others have sent much less
 * or much more meanwhile, a virtual machine's processor did not run, theirs or
 * this one.
 */
static bool counts(const struct run *run, u32 before)
{
	u32 usual = batch * (run->s->each ?: 1) * (cpus - 1);
	u32 others = sent_by_others(run) - before;

	return others >= usual / 2 && others <= usual * 2;
}

static int send_all(struct run *run)
{
	u32 total = run->s->pick == PICK_EACH ? run->flows : packets;
	bool sent = true;
	u32 i, others, took;
	u64 start;

	for (i = 0; i < total && sent && !READ_ONCE(run->team->over);
	     i += batch) {
		local_bh_disable();
		rcu_read_lock();
		others = sent_by_others(run);
		start = now_begins();
		sent = send_batch(run, i, min(total, i + batch), &start);
		took = now() - start;
		ct_mark(CT_MARK_END);
		if (i + batch <= total && counts(run, others))
			run->took[run->batches++] = took;
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	}
	/* All of the flows are to be there. */
	if (run->s->pick != PICK_EACH)
		WRITE_ONCE(run->team->over, true);
	return sent ? 0 : -EIO;
}

static int sender(void *data)
{
	struct run *run = data;
	struct team *team = run->team;

	/* Of this CPU's memory, as a driver's: no neighbour of another one's. */
	run->skb = ct_bench_alloc(team->s->protonum, device);
	run->way = ct_bench_way();
	atomic_dec(&team->ready);
	while (atomic_read(&team->ready))
		cpu_relax();
	run->err = run->skb ? send_all(run) : -ENOMEM;
	if (atomic_dec_and_test(&team->left))
		complete(&team->done);
	return 0;
}

/* One CPU's part */

static int run_begin(struct run *all, struct team *team, unsigned int cpu)
{
	struct run *run = &all[cpu];
	u32 share = flows / cpus;
	u32 total = team->s->pick == PICK_EACH ? share : packets;

	run->team = team;
	run->all = all;
	run->s = team->s;
	run->first = cpu * share;
	run->flows = share;
	run->seed = cpu + 1;
	run->took = kvcalloc(total / batch + 1, sizeof(*run->took), GFP_KERNEL);
	return run->took ? 0 : -ENOMEM;
}

static void run_end(struct run *run)
{
	/* A dropped packet took one of the references. */
	if (run->skb && run->err != -EIO)
		kfree_skb(run->skb);
	kfree_skb(run->skb);
	dst_release(run->way);
	kvfree(run->took);
}

static int u32_compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/*
 * What interrupts a batch, the machine's other work too, is not counted. Of
 * several CPUs it is the mean of their medians, and 0 if there is none.
 */
static void take_results(struct run *run)
{
	u64 sum = 0;
	u32 middle;
	unsigned int i;

	longest = 0;
	tenths = 0;
	for (i = 0; i < cpus; i++) {
		if (cpus > 1 && run[i].batches < BATCHES_MIN)
			return;
		sort(run[i].took, run[i].batches, sizeof(u32), u32_compare,
		     NULL);
		middle = run[i].took[run[i].batches / 2];
		sum += (u64)middle * 10;
		longest = max_t(u64, longest, run[i].longest);
	}
	tenths = div_u64(sum, batch * cpus);
}

/* All of them */

static struct task_struct *sender_make(struct run *run, unsigned int cpu)
{
	struct task_struct *task;

	task = kthread_create(sender, run, "ct_bench/%u", cpu);
	if (!IS_ERR(task)) {
		kthread_bind(task, cpu);
		get_task_struct(task);
	}
	return task;
}

/* Waits until none of them runs our code any more. */
static void senders_end(struct task_struct **task, unsigned int n)
{
	while (n--) {
		kthread_stop(task[n]);
		put_task_struct(task[n]);
	}
}

static int senders_run(struct run *run, struct team *team)
{
	struct task_struct *task[CPUS_MAX];
	unsigned int i;
	int err = 0;

	for (i = 0; i < cpus; i++) {
		task[i] = sender_make(&run[i], i);
		if (IS_ERR(task[i]))
			goto no_task;
	}
	for (i = 0; i < cpus; i++)
		wake_up_process(task[i]);
	if (wait_for_completion_killable(&team->done)) {
		WRITE_ONCE(team->over, true);
		wait_for_completion(&team->done);
		err = -EINTR;
	}
	senders_end(task, cpus);
	if (err)
		return err;
	for (i = 0; i < cpus; i++) {
		if (run[i].err)
			return run[i].err;
	}
	take_results(run);
	return 0;

no_task:
	senders_end(task, i);	/* They never ran, and end without. */
	return -ENOMEM;
}

static int run_team(struct team *team)
{
	struct run *run = kcalloc(cpus, sizeof(*run), GFP_KERNEL);
	unsigned int i;
	int err = 0;

	if (!run)
		return -ENOMEM;
	if (team->s->begins)
		memset(turns, 0, array_size(room, sizeof(*turns)));
	for (i = 0; i < cpus && !err; i++)
		err = run_begin(run, team, i);
	if (!err)
		err = senders_run(run, team);
	for (i = 0; i < cpus; i++)
		run_end(&run[i]);
	kfree(run);
	return err;
}

static int run_scenario(const struct scenario *s)
{
	struct team team = { .s = s, .net = current->nsproxy->net_ns };
	bool hooked = empty;
	int err;

	if (!cpus || cpus > min_t(u32, CPUS_MAX, num_online_cpus()) ||
	    !batch || !packets || flows < cpus || flows > room)
		return -EINVAL;
	atomic_set(&team.ready, cpus);
	atomic_set(&team.left, cpus);
	init_completion(&team.done);
	if (hooked) {
		err = nf_register_net_hooks(team.net, empty_hooks,
					    ARRAY_SIZE(empty_hooks));
		if (err)
			return err;
	}
	ct_mark(CT_MARK_RUN);
	err = run_team(&team);
	ct_mark(CT_MARK_DONE);
	runs++;
	if (hooked)
		nf_unregister_net_hooks(team.net, empty_hooks,
					ARRAY_SIZE(empty_hooks));
	return err;
}

/* Parameters that act */

static int run_set(const char *val, const struct kernel_param *kp)
{
	unsigned int i;

	if (!device)
		return -EAGAIN;	/* a parameter of modprobe */
	for (i = 0; i < ARRAY_SIZE(scenarios); i++) {
		if (sysfs_streq(val, scenarios[i].name))
			return run_scenario(&scenarios[i]);
	}
	return -EINVAL;
}

static const struct kernel_param_ops run_ops = { .set = run_set };
module_param_cb(run, &run_ops, NULL, 0200);
MODULE_PARM_DESC(run, "write a scenario's name to run it");

static int ns_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%u.%u\n", tenths / 10, tenths % 10);
}

static const struct kernel_param_ops ns_ops = { .get = ns_get };
module_param_cb(ns, &ns_ops, NULL, 0444);
MODULE_PARM_DESC(ns, "nanoseconds (or ticks) per packet, or per new flow, of the last run");

module_param(longest, ullong, 0444);
MODULE_PARM_DESC(longest, "longest packet of the last run that watched, in ns");

module_param(runs, uint, 0444);
MODULE_PARM_DESC(runs, "how many runs there have been");

/* Module */

static void device_setup(struct net_device *dev)
{
}

static int __init bench_init(void)
{
	struct net_device *dev;

	if (!room || room > FLOWS_MAX)
		return -EINVAL;
	if (!flows)
		flows = room;
	turns = kvcalloc(room, sizeof(*turns), GFP_KERNEL);
	/* Never registered: the hooks only look at it. */
	dev = alloc_netdev(0, "ct_bench%d", NET_NAME_UNKNOWN, device_setup);
	if (!turns || !dev)
		goto no_memory;
	device = dev;
	return 0;

no_memory:
	if (dev)
		free_netdev(dev);
	kvfree(turns);
	return -ENOMEM;
}

static void __exit bench_exit(void)
{
	free_netdev(device);
	kvfree(turns);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("Traffic for measuring connection trackers");
MODULE_LICENSE("GPL");
