// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection tracker does when there is too much: floods, connections
 * that begin or live meanwhile, first packets that meet, and how long a packet
 * has to wait.
 *
 * Overview
 *	Packets go through PRE_ROUTING and POST_ROUTING of the caller's network
 *	namespace, as forwarded ones do, their checksums verified. Whatever has
 *	hooks there is tried; this module knows no tracker.
 *
 *	.../parameters/run, write	does one of these:
 *	  flood N			N SYNs, each from another source
 *	  establish N			N connections, with data both ways
 *	  talk N			data both ways in each of these
 *	  honest N GAP ROUND [PACE]	one long flood; after each GAP of its SYNs
 *					one of N handshakes begins, whose SYN-ACK
 *					comes ROUND of them later; it waits for the
 *					next jiffy after each PACE of them
 *	  race N			N times the first packet of a UDP flow on
 *					two CPUs at once, both ways
 *	  udp N				N UDP flows of one packet
 *	  watch 0|1			a packet of one of these each 100 us, from
 *					a timer
 *	.../parameters/sent, dropped	packets of the last run
 *	.../parameters/ns		of one packet of it, on average
 *	.../parameters/late		watch: the longest from when a packet was
 *					due to when it was through, in ns
 *
 * Context
 *	Process, packets in batches with bottom halves off under the RCU read
 *	lock; the timer: softirq. The lock of the module's parameters keeps two
 *	runs apart; a watch goes on beside them.
 */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/net_namespace.h>

#include "ct_compat.h"

#define BATCH		64
#define HEADROOM	128
#define PAYLOAD		100
#define SERVER		0xc0000201	/* 192.0.2.1 */
#define STRANGERS	0x0b000000	/* 11.0.0.0/8: the flood */
#define FRIENDS		0x0a000000	/* 10.0.0.0/8: established */
#define CALLERS		0x0c000000	/* 12.0.0.0/8: handshakes meanwhile */
#define RACERS		0x0d000000	/* 13.0.0.0/8 */
#define ASKERS		0x0e000000	/* 14.0.0.0/8: UDP */
#define WATCH_NS	100000

/**
 * struct packet - what an skb holds
 * @ip: IP header
 * @tcp: one transport header
 * @udp: the other
 * @data: payload
 */
struct packet {
	struct iphdr ip;
	union {
		struct tcphdr tcp;
		struct udphdr udp;
	};
	u8 data[PAYLOAD];
};

static struct net_device *device;
static unsigned int sent, dropped, ns;
static unsigned long long late;
static unsigned int asked;	/* UDP flows that there are */
static u16 ip_id;

/* Packets */

/* One reference is the packet's, which a drop takes; one is ours. */
static struct sk_buff *packet_alloc(void)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + sizeof(struct packet),
					GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	skb_put_zero(skb, sizeof(struct packet));
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct iphdr));
	skb->protocol = htons(ETH_P_IP);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->dev = device;
	return skb_get(skb);
}

static void packet_free(struct sk_buff *skb)
{
	kfree_skb(skb);
	kfree_skb(skb);
}

static struct packet *write_ip(struct sk_buff *skb, u8 protonum, u32 client,
			       bool reply, unsigned int len)
{
	struct packet *p = (struct packet *)skb->data;

	p->ip = (struct iphdr) {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = protonum,
		.id = htons(ip_id++),
		.tot_len = htons(sizeof(p->ip) + len),
		.saddr = htonl(reply ? SERVER : client),
		.daddr = htonl(reply ? client : SERVER),
	};
	__skb_set_length(skb, sizeof(p->ip) + len);
	return p;
}

static void write_udp(struct sk_buff *skb, u32 client, bool reply)
{
	unsigned int len = sizeof(struct udphdr) + PAYLOAD;
	struct packet *p = write_ip(skb, IPPROTO_UDP, client, reply, len);

	p->udp = (struct udphdr) {
		.source = reply ? htons(53) : htons(40000),
		.dest = reply ? htons(40000) : htons(53),
		.len = htons(len),
		.check = CSUM_MANGLED_0,
	};
}

enum segment { SYN, SYNACK, ACK, QUESTION, ANSWER };

/* Each end begins at 1000 and says PAYLOAD bytes, again and again. */
static void write_tcp(struct sk_buff *skb, u32 client, enum segment what)
{
	bool reply = what == SYNACK || what == ANSWER;
	bool data = what == QUESTION || what == ANSWER;
	struct packet *p = write_ip(skb, IPPROTO_TCP, client, reply,
				    sizeof(struct tcphdr) +
				    (data ? PAYLOAD : 0));

	p->tcp = (struct tcphdr) {
		.source = reply ? htons(443) : htons(40000),
		.dest = reply ? htons(40000) : htons(443),
		.seq = htonl(what <= SYNACK ? 1000 : 1001),
		.ack_seq = htonl(what == SYN ? 0 : what == ANSWER ?
				 1001 + PAYLOAD : 1001),
		.doff = sizeof(p->tcp) / 4,
		.syn = what <= SYNACK,
		.ack = what != SYN,
		.psh = data,
		.window = htons(64000),
	};
}

static int okfn(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return 0;
}

static bool pass(struct net *net, struct sk_buff *skb)
{
	if (nf_hook(NFPROTO_IPV4, NF_INET_PRE_ROUTING, net, NULL, skb, device,
		    NULL, okfn) == 1 &&
	    nf_hook(NFPROTO_IPV4, NF_INET_POST_ROUTING, net, NULL, skb, NULL,
		    device, okfn) == 1) {
		nf_reset_ct(skb);
		return true;
	}
	skb_get(skb);	/* the drop took one */
	nf_reset_ct(skb);
	return false;
}

static void send(struct net *net, struct sk_buff *skb)
{
	sent++;
	dropped += !pass(net, skb);
}

/* All 24 bits, each once: an odd factor */
static u32 stranger(u32 i)
{
	return STRANGERS + (i * 0x9e3779b1U >> 8);
}

/* Runs */

static unsigned int flooded;	/* where the flood goes on */

static void send_segments(struct net *net, struct sk_buff *skb, u32 client,
			  enum segment first, enum segment last)
{
	enum segment what;

	for (what = first; what <= last; what++) {
		write_tcp(skb, client, what);
		send(net, skb);
	}
}

/**
 * struct storm - a run
 * @name: what it is called
 * @step: its Nth part
 */
struct storm {
	const char *name;
	void (*step)(struct net *net, struct sk_buff *skb, u32 i,
		     const unsigned int *arg);
};

static void flood(struct net *net, struct sk_buff *skb, u32 i,
		  const unsigned int *arg)
{
	send_segments(net, skb, stranger(flooded++), SYN, SYN);
}

static void establish(struct net *net, struct sk_buff *skb, u32 i,
		      const unsigned int *arg)
{
	send_segments(net, skb, FRIENDS + i, SYN, ANSWER);
}

static void talk(struct net *net, struct sk_buff *skb, u32 i,
		 const unsigned int *arg)
{
	send_segments(net, skb, FRIENDS + i, QUESTION, ANSWER);
}

static void ask(struct net *net, struct sk_buff *skb, u32 i,
		const unsigned int *arg)
{
	write_udp(skb, ASKERS + i, false);
	send(net, skb);
	asked = i + 1;
}

/* The Nth SYN of a flood in which handshakes begin and go on */
static void honest(struct net *net, struct sk_buff *skb, u32 i,
		   const unsigned int *arg)
{
	unsigned int n = arg[0], gap = arg[1], round = arg[2];

	if (!(i % gap) && i / gap < n)
		send_segments(net, skb, CALLERS + i / gap, SYN, SYN);
	flood(net, skb, i, arg);
	if (i >= round && !((i - round) % gap) && (i - round) / gap < n)
		send_segments(net, skb, CALLERS + (i - round) / gap, SYNACK,
			      ACK);
}

static const struct storm storms[] = {
	{ "flood", flood },
	{ "establish", establish },
	{ "talk", talk },
	{ "udp", ask },
	{ "honest", honest },
};

static int run(const struct storm *storm, const unsigned int *arg)
{
	u32 i, end, total = arg[0], pace = arg[3];
	struct net *net = current->nsproxy->net_ns;
	struct sk_buff *skb = packet_alloc();
	u64 start, took = 0;

	if (!skb)
		return -ENOMEM;
	if (storm->step == honest)
		total = arg[0] * arg[1] + arg[2];
	for (i = 0; i < total; i = end) {
		end = min(total, i + BATCH);
		local_bh_disable();
		rcu_read_lock();
		start = ktime_get_ns();
		for (; i < end; i++)
			storm->step(net, skb, i, arg);
		took += ktime_get_ns() - start;
		rcu_read_unlock();
		local_bh_enable();
		if (fatal_signal_pending(current))
			break;
		if (pace && end % pace < BATCH)
			schedule_timeout_uninterruptible(1);
		cond_resched();
	}
	packet_free(skb);
	ns = sent ? div_u64(took, sent) : 0;
	return i < total ? -EINTR : 0;
}

/* Two CPUs */

/**
 * struct race - two that begin together, again and again
 * @net: network namespace
 * @rounds: how often
 * @at: how often each has come to the line
 * @dropped: packets that each lost
 * @done: for the one that started it
 */
struct race {
	struct net *net;
	u32 rounds;
	atomic_t at[2];
	unsigned int dropped[2];
	struct completion done[2];
};

struct racer {
	struct race *race;
	struct sk_buff *skb;
	int me;
};

static void race_once(struct racer *racer, u32 i)
{
	struct race *race = racer->race;

	write_udp(racer->skb, RACERS + i, racer->me);
	atomic_inc(&race->at[racer->me]);
	while (atomic_read(&race->at[!racer->me]) <
	       atomic_read(&race->at[racer->me]))
		cpu_relax();
	if (!pass(race->net, racer->skb))
		race->dropped[racer->me]++;
}

static int racing(void *arg)
{
	struct racer *racer = arg;
	u32 i, end;

	for (i = 0; i < racer->race->rounds; i = end) {
		end = min(racer->race->rounds, i + BATCH);
		local_bh_disable();
		rcu_read_lock();
		for (; i < end; i++)
			race_once(racer, i);
		rcu_read_unlock();
		local_bh_enable();
		cond_resched();
	}
	complete(&racer->race->done[racer->me]);
	return 0;
}

static void race_free(struct racer *racers, struct task_struct **task)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (!IS_ERR_OR_NULL(task[i]))
			kthread_stop(task[i]);	/* it never ran */
		if (racers[i].skb)
			packet_free(racers[i].skb);
	}
}

static int run_race(const unsigned int *arg)
{
	struct race race = { .net = current->nsproxy->net_ns, .rounds = arg[0] };
	struct racer racers[2] = { { .race = &race }, { .race = &race, .me = 1 } };
	int i, cpu = cpumask_first(cpu_online_mask);
	struct task_struct *task[2] = {};

	if (num_online_cpus() < 2)
		return -ENODEV;
	for (i = 0; i < 2; i++) {
		init_completion(&race.done[i]);
		racers[i].skb = packet_alloc();
		task[i] = kthread_create(racing, &racers[i], "ct_storm/%d", i);
		if (!racers[i].skb || IS_ERR(task[i])) {
			race_free(racers, task);
			return -ENOMEM;
		}
		kthread_bind(task[i], cpu);
		cpu = cpumask_next(cpu, cpu_online_mask);
	}
	for (i = 0; i < 2; i++)
		wake_up_process(task[i]);
	for (i = 0; i < 2; i++) {
		wait_for_completion(&race.done[i]);
		packet_free(racers[i].skb);
		dropped += race.dropped[i];
	}
	sent = 2 * race.rounds;
	return 0;
}

/* Watching */

static struct hrtimer watch_timer;
static struct net *watch_net;
static struct sk_buff *watch_skb;
static u32 watch_seed;

static enum hrtimer_restart watch(struct hrtimer *timer)
{
	ktime_t due = hrtimer_get_expires(timer);

	watch_seed = watch_seed * 1664525 + 1013904223;
	write_udp(watch_skb, ASKERS + (u32)(((u64)watch_seed * asked) >> 32),
		  watch_seed & 0x100);
	rcu_read_lock();
	dropped += !pass(watch_net, watch_skb);
	rcu_read_unlock();
	late = max_t(u64, late, ktime_to_ns(ktime_sub(ktime_get(), due)));
	hrtimer_forward_now(timer, ns_to_ktime(WATCH_NS));
	return HRTIMER_RESTART;
}

static void watch_end(void)
{
	if (!watch_skb)
		return;
	hrtimer_cancel(&watch_timer);
	packet_free(watch_skb);
	watch_skb = NULL;
}

static int watch_begin(void)
{
	watch_end();
	watch_skb = packet_alloc();
	if (!watch_skb)
		return -ENOMEM;
	late = 0;
	watch_net = current->nsproxy->net_ns;
	hrtimer_start(&watch_timer, ns_to_ktime(WATCH_NS),
		      HRTIMER_MODE_REL_SOFT);
	return 0;
}

/* Parameters that act */

static int run_set(const char *val, const struct kernel_param *kp)
{
	unsigned int i, arg[4] = { 0, 1 };
	char name[16];

	if (!device)
		return -EAGAIN;	/* a parameter of modprobe */
	if (sscanf(val, "%15s %u %u %u %u", name, &arg[0], &arg[1], &arg[2],
		   &arg[3]) < 2 || !arg[1])
		return -EINVAL;
	sent = 0;
	dropped = 0;
	ns = 0;
	if (!strcmp(name, "race"))
		return run_race(arg);
	if (!strcmp(name, "watch")) {
		if (arg[0])
			return watch_begin();
		watch_end();
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(storms); i++) {
		if (!strcmp(name, storms[i].name))
			return run(&storms[i], arg);
	}
	return -EINVAL;
}

static const struct kernel_param_ops run_ops = { .set = run_set };
module_param_cb(run, &run_ops, NULL, 0200);
MODULE_PARM_DESC(run, "write a run to begin it");

module_param(sent, uint, 0444);
MODULE_PARM_DESC(sent, "packets of the last run");
module_param(dropped, uint, 0444);
MODULE_PARM_DESC(dropped, "of these, dropped by a hook");
module_param(ns, uint, 0444);
MODULE_PARM_DESC(ns, "nanoseconds of a packet, on average");
module_param(late, ullong, 0444);
MODULE_PARM_DESC(late, "watch: longest wait of a packet, in ns");

/* Module */

static void device_setup(struct net_device *dev)
{
}

static int __init storm_init(void)
{
	struct net_device *dev;

	/* Never registered: the hooks only look at it. */
	dev = alloc_netdev(0, "ct_storm%d", NET_NAME_UNKNOWN, device_setup);
	if (!dev)
		return -ENOMEM;
	ct_hrtimer_setup(&watch_timer, watch, CLOCK_MONOTONIC,
			 HRTIMER_MODE_REL_SOFT);
	device = dev;
	return 0;
}

static void __exit storm_exit(void)
{
	watch_end();
	free_netdev(device);
}

module_init(storm_init);
module_exit(storm_exit);

MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("Too much traffic for connection trackers");
MODULE_LICENSE("GPL");
