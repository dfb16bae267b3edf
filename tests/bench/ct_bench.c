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
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
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
#include <linux/tcp.h>
#include <linux/timex.h>
#include <linux/udp.h>
#include <net/net_namespace.h>

#include "ct_mark.h"

#define HEADROOM	128	/* a driver leaves some */
#define PAYLOAD		100
#define CLIENTS		0x0a000000	/* 10.0.0.0/8, an address a flow */
#define SERVER		0xc0000201	/* 192.0.2.1 */
#define NETWORK6	0x20010db8	/* 2001:db8::/32 */
#define CLIENT_SEQ	1000
#define SERVER_SEQ	2000
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

static bool ipv6;
module_param(ipv6, bool, 0644);
MODULE_PARM_DESC(ipv6, "conversations in IPv6 (default: off)");

static unsigned int outside;
module_param(outside, uint, 0644);
MODULE_PARM_DESC(outside, "bits of an IPv4 client's address that a rule inverts: answers go to what it is then (default: 0)");

static bool tsc;
module_param(tsc, bool, 0644);
MODULE_PARM_DESC(tsc, "count ticks of the processor's counter, not ns (default: off)");

static bool empty;
module_param(empty, bool, 0644);
MODULE_PARM_DESC(empty, "two hooks that do nothing, during a run (default: off)");

static bool tcp_options = true;
module_param(tcp_options, bool, 0644);
MODULE_PARM_DESC(tcp_options, "time stamps in TCP, and what a SYN has (default: on)");

/* The compiler that made the modules: figures of another one are others. */
#ifndef __VERSION__	/* sparse's own */
#define __VERSION__ "unknown"
#endif
static char *compiler = __VERSION__;
module_param(compiler, charp, 0444);
MODULE_PARM_DESC(compiler, "what compiled this");

enum pick {
	PICK_EACH,	/* flow after flow */
	PICK_HOT,	/* one in each batch */
	PICK_SAME,	/* always the same one, on all CPUs */
	PICK_RANDOM,
};

/**
 * struct scenario - what is sent
 * @name: its name
 * @protonum: IPPROTO_TCP or IPPROTO_UDP
 * @pick: which flow
 * @each: packets of each flow, one behind the other (PICK_EACH)
 * @begins: these begin all conversations again
 * @closes: conversations that end, others than those of the rest
 * @watch: note the longest packet
 */
struct scenario {
	const char *name;
	u8 protonum;
	enum pick pick;
	u8 each;
	bool begins;
	bool closes;
	bool watch;
};

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

/* The longest packet: IPv6, TCP with all options */
#define PACKET_MAX	(sizeof(struct ipv6hdr) + sizeof(struct tcphdr) + \
			 20 + PAYLOAD)

/**
 * struct turn - one packet of a conversation
 * @seq: TCP sequence number, without the beginning
 * @ack: bytes of the other end that are acknowledged, likewise
 * @len: payload
 * @reply: from the server
 * @syn: TCP flag
 * @fin: TCP flag
 */
struct turn {
	u32 seq;
	u32 ack;
	u16 len;
	bool reply;
	bool syn;
	bool fin;
};

/**
 * struct team - the CPUs of a run
 * @s: what is sent
 * @net: network namespace
 * @ready: those that are about to begin
 * @over: one is done
 * @left: those that are not
 * @done: none is left
 */
struct team {
	const struct scenario *s;
	struct net *net;
	atomic_t ready;
	bool over;
	atomic_t left;
	struct completion done;
};

/**
 * struct run - what one CPU does
 * @team: with whom
 * @all: what each of them does
 * @s: what is sent
 * @skb: the packet
 * @first: first of its flows
 * @flows: how many
 * @seed: state of the random numbers
 * @sent: packets sent
 * @batches: full batches sent that count
 * @took: how long each of them took
 * @longest: longest packet, in ns
 * @err: how it ended
 *
 * Each in cache lines of its own.
 */
struct run {
	struct team *team;
	const struct run *all;
	const struct scenario *s;
	struct sk_buff *skb;
	u32 first;
	u32 flows;
	u32 seed;
	u32 sent;
	u32 batches;
	u32 *took;
	u64 longest;
	int err;
} __aligned(128);

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

/* Conversations */

/* Handshake, then data and its acknowledgment in turn */
static struct turn tcp_turn(u32 n)
{
	u32 said = n > 3 ? (n - 3) / 2 * PAYLOAD : 0;

	if (n < 2)
		return (struct turn){ .reply = n, .ack = n, .syn = true };
	if (n == 2)
		return (struct turn){ .seq = 1, .ack = 1 };
	if (n & 1)
		return (struct turn){ .seq = 1 + said, .ack = 1, .len = PAYLOAD };
	return (struct turn){ .reply = true, .seq = 1,
			      .ack = 1 + said + PAYLOAD };
}

/* Handshake, data, both ends say good-bye */
static struct turn tcp_closing_turn(u32 n)
{
	const u32 end = 1 + PAYLOAD;

	if (n < 5)
		return tcp_turn(n);
	if (n == 5)
		return (struct turn){ .seq = end, .ack = 1, .fin = true };
	if (n == 6)
		return (struct turn){ .reply = true, .seq = 1, .ack = end + 1,
				      .fin = true };
	return (struct turn){ .seq = end + 1, .ack = 2 };
}

static struct turn udp_turn(u32 n)
{
	return (struct turn){ .reply = n & 1, .len = PAYLOAD };
}

static struct turn next_turn(const struct scenario *s, u32 n)
{
	if (s->closes)
		return tcp_closing_turn(n);
	return s->protonum == IPPROTO_TCP ? tcp_turn(n) : udp_turn(n);
}

/* Packets */

/* MSS 1460, SACK permitted, time stamp, window scale 7 (RFC 9293, 7323, 2018) */
static const u8 syn_options[] = {
	2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1, 1, 3, 3, 7,
};

/* Time stamp (RFC 7323, appendix A) */
static const u8 usual_options[] = {
	1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1,
};

/* Returns the length of the transport header. */
static unsigned int write_options(struct tcphdr *th, bool syn)
{
	unsigned int len = 0;

	if (tcp_options) {
		len = syn ? sizeof(syn_options) : sizeof(usual_options);
		memcpy(th + 1, syn ? syn_options : usual_options, len);
	}
	th->doff = (sizeof(*th) + len) / 4;
	return sizeof(*th) + len;
}

/* Returns the length behind the IP header. */
static unsigned int write_tcp(struct tcphdr *th, const struct turn *turn,
			      __be16 port)
{
	u32 seq = turn->reply ? SERVER_SEQ : CLIENT_SEQ;
	u32 ack = turn->reply ? CLIENT_SEQ : SERVER_SEQ;
	bool first = turn->syn && !turn->reply;

	th->source = turn->reply ? htons(443) : port;
	th->dest = turn->reply ? port : htons(443);
	th->seq = htonl(seq + turn->seq);
	th->ack_seq = first ? 0 : htonl(ack + turn->ack);
	th->syn = turn->syn;
	th->ack = !first;
	th->psh = turn->len > 0;
	th->fin = turn->fin;
	th->window = htons(64000);
	return turn->len + write_options(th, turn->syn);
}

static unsigned int write_udp(struct udphdr *uh, const struct turn *turn)
{
	uh->source = turn->reply ? htons(53) : htons(40000);
	uh->dest = turn->reply ? htons(40000) : htons(53);
	uh->len = htons(sizeof(*uh) + turn->len);
	return sizeof(*uh) + turn->len;
}

static void write_ipv4(struct run *run, u32 flow, bool reply, unsigned int len)
{
	struct iphdr *iph = ip_hdr(run->skb);
	__be32 client = htonl(CLIENTS + flow);
	__be32 known = htonl((CLIENTS + flow) ^ outside);

	iph->id = htons((u16)run->sent);
	iph->tot_len = htons(sizeof(*iph) + len);
	iph->saddr = reply ? htonl(SERVER) : client;
	iph->daddr = reply ? known : htonl(SERVER);
}

static void write_ipv6(struct run *run, u32 flow, bool reply, unsigned int len)
{
	struct ipv6hdr *iph = ipv6_hdr(run->skb);

	iph->payload_len = htons(len);
	iph->saddr.s6_addr32[3] = htonl(reply ? SERVER : CLIENTS + flow);
	iph->daddr.s6_addr32[3] = htonl(reply ? CLIENTS + flow : SERVER);
}

static void write_packet(struct run *run, u32 flow, u32 n)
{
	const struct scenario *s = run->s;
	struct turn turn = next_turn(s, n);
	unsigned int len;

	if (s->protonum == IPPROTO_TCP)
		len = write_tcp(tcp_hdr(run->skb), &turn,
				s->closes ? htons(50000) : htons(40000));
	else
		len = write_udp(udp_hdr(run->skb), &turn);
	if (ipv6)
		write_ipv6(run, flow, turn.reply, len);
	else
		write_ipv4(run, flow, turn.reply, len);
	run->sent++;
	__skb_set_length(run->skb, skb_network_header_len(run->skb) + len);
}

static void begin_ipv4(struct sk_buff *skb, u8 protonum)
{
	struct iphdr *iph = ip_hdr(skb);

	iph->version = 4;
	iph->ihl = 5;
	iph->ttl = 64;
	iph->protocol = protonum;
	skb->protocol = htons(ETH_P_IP);
	skb_set_transport_header(skb, sizeof(*iph));
}

static void begin_ipv6(struct sk_buff *skb, u8 protonum)
{
	struct ipv6hdr *iph = ipv6_hdr(skb);

	iph->version = 6;
	iph->hop_limit = 64;
	iph->nexthdr = protonum;
	iph->saddr.s6_addr32[0] = htonl(NETWORK6);
	iph->daddr.s6_addr32[0] = htonl(NETWORK6);
	skb->protocol = htons(ETH_P_IPV6);
	skb_set_transport_header(skb, sizeof(*iph));
}

/*
 * A packet whose tracker drops it is freed there: the second reference keeps
 * it, and the run ends.
 */
static struct sk_buff *packet_alloc(u8 protonum)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + PACKET_MAX, GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	skb_put_zero(skb, PACKET_MAX);
	skb_reset_network_header(skb);
	if (ipv6)
		begin_ipv6(skb, protonum);
	else
		begin_ipv4(skb, protonum);
	if (protonum == IPPROTO_UDP)	/* has one, and it is good */
		udp_hdr(skb)->check = CSUM_MANGLED_0;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->dev = device;
	return skb_get(skb);
}

/* Sending */

static int okfn(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return 0;
}

static bool send(struct run *run)
{
	u8 family = ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	struct net *net = run->team->net;
	struct sk_buff *skb = run->skb;

	if (nf_hook(family, NF_INET_PRE_ROUTING, net, NULL, skb, device, NULL,
		    okfn) != 1)
		return false;
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
	write_packet(run, flow, n);
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
	run->skb = packet_alloc(team->s->protonum);
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
