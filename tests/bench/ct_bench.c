// SPDX-License-Identifier: GPL-2.0
/*
 * What a connection tracker costs: hand-made packets through its hooks.
 *
 * Overview
 *	One skb, written anew for each packet, goes through PRE_ROUTING and
 *	POST_ROUTING of the caller's network namespace, as a forwarded packet
 *	does, with its checksum already verified. Whatever has hooks there is
 *	measured with them; this module knows no tracker.
 *
 *	echo SCENARIO > .../parameters/run	runs one (see scenarios[])
 *	cat .../parameters/ns			ns per packet, or per new flow: the
 *						median of the batches
 *	cat .../parameters/longest		longest packet, in ns (udp_watch)
 *
 *	Every flow is a conversation, and a packet is the next one of its
 *	conversation: UDP question and answer in turn; TCP a handshake, then
 *	data and its acknowledgment in turn. A "new" scenario begins all
 *	conversations again, so the tracker must not know them any more.
 *
 * Context
 *	Process. Packets are sent with bottom halves off under the RCU read
 *	lock, BATCH at a time, as a network driver does. The lock of the module's
 *	parameters keeps two runs apart.
 */
#include <linux/bits.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/nsproxy.h>
#include <linux/sched.h>
#include <linux/skbuff.h>
#include <linux/sort.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/net_namespace.h>

#define BATCH		200
#define HEADROOM	128	/* a driver leaves some */
#define PAYLOAD		100
#define CLIENTS		0x0a000000	/* 10.0.0.0/8, an address a flow */
#define SERVER		0xc0000201	/* 192.0.2.1 */
#define CLIENT_SEQ	1000
#define SERVER_SEQ	2000
#define FLOWS_MAX	BIT(24)

static unsigned int flows = 100000;
module_param(flows, uint, 0444);
MODULE_PARM_DESC(flows, "conversations of each protocol (default: 100000)");

static unsigned int packets = 1000000;
module_param(packets, uint, 0644);
MODULE_PARM_DESC(packets, "packets of a run in existing flows (default: 1000000)");

static bool empty;
module_param(empty, bool, 0644);
MODULE_PARM_DESC(empty, "two hooks that do nothing, during a run (default: off)");

static bool tcp_options = true;
module_param(tcp_options, bool, 0644);
MODULE_PARM_DESC(tcp_options, "time stamps in TCP, and what a SYN has (default: on)");

/**
 * struct scenario - what is sent
 * @name: its name
 * @protonum: IPPROTO_TCP or IPPROTO_UDP
 * @begin: packets that each flow begins with, flow after flow; 0 where they
 *	have begun, and @packets are sent
 * @random: of random flows, instead of one hot one
 * @watch: note the longest packet
 */
struct scenario {
	const char *name;
	u8 protonum;
	u8 begin;
	bool random;
	bool watch;
};

static const struct scenario scenarios[] = {
	{ .name = "udp_new", .protonum = IPPROTO_UDP, .begin = 1 },
	{ .name = "udp_hot", .protonum = IPPROTO_UDP },
	{ .name = "udp_random", .protonum = IPPROTO_UDP, .random = true },
	{ .name = "udp_watch", .protonum = IPPROTO_UDP, .random = true,
	  .watch = true },
	{ .name = "tcp_new", .protonum = IPPROTO_TCP, .begin = 3 },
	{ .name = "tcp_hot", .protonum = IPPROTO_TCP },
	{ .name = "tcp_random", .protonum = IPPROTO_TCP, .random = true },
};

/**
 * struct packet - what the skb holds
 * @ip: IP header
 * @tcp: one transport header
 * @udp: the other
 * @data: options and payload
 */
struct packet {
	struct iphdr ip;
	union {
		struct tcphdr tcp;
		struct udphdr udp;
	};
	u8 data[20 + PAYLOAD];
};

/**
 * struct run - one run
 * @net: network namespace
 * @skb: the packet
 * @packet: its contents
 * @seed: state of the random numbers
 * @sent: packets sent
 * @batches: full batches sent
 * @ns: how long each of them took
 * @longest: longest packet, in ns
 */
struct run {
	struct net *net;
	struct sk_buff *skb;
	struct packet *packet;
	u32 seed;
	u32 sent;
	u32 batches;
	u32 *ns;
	u64 longest;
};

static u32 *udp_turns;		/* by flow: packets of its conversation so far */
static u32 *tcp_turns;
static struct net_device *device;	/* where packets come from and go to */

static u32 tenths;	/* ns per packet or flow, times ten */
static unsigned long long longest;

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
	},
};

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
static unsigned int write_options(struct packet *packet, bool syn)
{
	struct tcphdr *th = &packet->tcp;
	unsigned int len = 0;

	if (tcp_options) {
		len = syn ? sizeof(syn_options) : sizeof(usual_options);
		memcpy(th + 1, syn ? syn_options : usual_options, len);
	}
	th->doff = (sizeof(*th) + len) / 4;
	return sizeof(*th) + len;
}

/* The turn's packet of a TCP conversation. Returns its length behind IP. */
static unsigned int write_tcp(struct packet *packet, u32 turn, bool *reply)
{
	struct tcphdr *th = &packet->tcp;
	u32 seq = CLIENT_SEQ, ack = 0, pair;
	unsigned int len = 0;

	if (turn >= 3) {
		pair = (turn - 3) / 2;
		*reply = !(turn & 1);
		seq += 1 + pair * PAYLOAD;
		ack = SERVER_SEQ + 1;
		len = PAYLOAD;
	} else {
		*reply = turn == 1;
		if (turn == 2) {
			seq++;
			ack = SERVER_SEQ + 1;
		}
	}
	if (*reply) {
		ack = seq + (len ?: 1);
		seq = SERVER_SEQ + !!len;
		len = 0;
	}
	th->source = *reply ? htons(443) : htons(40000);
	th->dest = *reply ? htons(40000) : htons(443);
	th->seq = htonl(seq);
	th->ack_seq = htonl(ack);
	th->syn = turn < 2;
	th->ack = turn > 0;
	th->psh = len > 0;
	th->window = htons(64000);
	return len + write_options(packet, turn < 2);
}

static unsigned int write_udp(struct packet *packet, u32 turn, bool *reply)
{
	struct udphdr *uh = &packet->udp;

	*reply = turn & 1;
	uh->source = *reply ? htons(53) : htons(40000);
	uh->dest = *reply ? htons(40000) : htons(53);
	uh->len = htons(sizeof(*uh) + PAYLOAD);
	return sizeof(*uh) + PAYLOAD;
}

static void write_packet(struct run *run, const struct scenario *s, u32 flow)
{
	struct iphdr *iph = &run->packet->ip;
	__be32 client = htonl(CLIENTS + flow);
	unsigned int len;
	bool reply;

	if (s->protonum == IPPROTO_TCP)
		len = write_tcp(run->packet, tcp_turns[flow]++, &reply);
	else
		len = write_udp(run->packet, udp_turns[flow]++, &reply);
	len += sizeof(*iph);
	iph->id = htons((u16)run->sent++);
	iph->tot_len = htons(len);
	iph->saddr = reply ? htonl(SERVER) : client;
	iph->daddr = reply ? client : htonl(SERVER);
	__skb_set_length(run->skb, len);
}

/*
 * A packet whose tracker drops it is freed there: the second reference keeps
 * it, and the run ends.
 */
static struct sk_buff *packet_alloc(const struct scenario *s)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + sizeof(struct packet),
					GFP_KERNEL);
	struct packet *packet;

	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	packet = skb_put_zero(skb, sizeof(*packet));
	packet->ip.version = 4;
	packet->ip.ihl = 5;
	packet->ip.ttl = 64;
	packet->ip.protocol = s->protonum;
	if (s->protonum == IPPROTO_UDP)
		packet->udp.check = CSUM_MANGLED_0;	/* has one, and it is good */
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(packet->ip));
	skb->protocol = htons(ETH_P_IP);
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
	struct sk_buff *skb = run->skb;

	if (nf_hook(NFPROTO_IPV4, NF_INET_PRE_ROUTING, run->net, NULL, skb,
		    device, NULL, okfn) != 1)
		return false;
	if (nf_hook(NFPROTO_IPV4, NF_INET_POST_ROUTING, run->net, NULL, skb,
		    NULL, device, okfn) != 1)
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

/* Numerical Recipes' quick and even-handed one: the high bits are good. */
static u32 random_flow(struct run *run)
{
	run->seed = run->seed * 1664525 + 1013904223;
	return ((u64)run->seed * flows) >> 32;
}

static bool send_some(struct run *run, const struct scenario *s, u32 i, u32 end)
{
	u32 flow, n;

	for (; i < end; i++) {
		flow = s->begin ? i : s->random ? random_flow(run) : 0;
		for (n = s->begin ?: 1; n; n--) {
			write_packet(run, s, flow);
			if (!(s->watch ? send_watched(run) : send(run)))
				return false;
		}
	}
	return true;
}

static int send_all(struct run *run, const struct scenario *s, u32 total)
{
	bool sent = true;
	u64 start;
	u32 i;

	for (i = 0; i < total && sent; i += BATCH) {
		local_bh_disable();
		rcu_read_lock();
		start = ktime_get_ns();
		sent = send_some(run, s, i, min(total, i + BATCH));
		if (i + BATCH <= total)
			run->ns[run->batches++] = ktime_get_ns() - start;
		rcu_read_unlock();
		local_bh_enable();
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return sent ? 0 : -EIO;
}

static int u32_compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* What interrupts a batch, the machine's other work too, is not counted. */
static u32 median(struct run *run)
{
	sort(run->ns, run->batches, sizeof(*run->ns), u32_compare, NULL);
	return run->ns[run->batches / 2];
}

static int run_hooked(struct run *run, const struct scenario *s)
{
	u32 total = s->begin ? flows : packets;
	int err;

	run->ns = kvcalloc(total / BATCH + 1, sizeof(*run->ns), GFP_KERNEL);
	if (!run->ns)
		return -ENOMEM;
	if (s->begin)
		memset(s->protonum == IPPROTO_TCP ? tcp_turns : udp_turns, 0,
		       array_size(flows, sizeof(u32)));
	err = send_all(run, s, total);
	tenths = median(run) * 10 / BATCH;
	longest = run->longest;
	kvfree(run->ns);
	return err;
}

static int run_with_packet(struct run *run, const struct scenario *s)
{
	int err;

	run->skb = packet_alloc(s);
	if (!run->skb)
		return -ENOMEM;
	run->packet = (struct packet *)run->skb->data;
	err = run_hooked(run, s);
	/* A dropped packet took one of the references. */
	if (err != -EIO)
		kfree_skb(run->skb);
	kfree_skb(run->skb);
	return err;
}

static int run_scenario(const struct scenario *s)
{
	struct run run = { .net = current->nsproxy->net_ns, .seed = 1 };
	bool hooked = empty;
	int err;

	if (hooked) {
		err = nf_register_net_hooks(run.net, empty_hooks,
					    ARRAY_SIZE(empty_hooks));
		if (err)
			return err;
	}
	err = run_with_packet(&run, s);
	if (hooked)
		nf_unregister_net_hooks(run.net, empty_hooks,
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
MODULE_PARM_DESC(ns, "nanoseconds per packet, or per new flow, of the last run");

module_param(longest, ullong, 0444);
MODULE_PARM_DESC(longest, "longest packet of the last run that watched, in ns");

/* Module */

static void device_setup(struct net_device *dev)
{
}

static int __init bench_init(void)
{
	struct net_device *dev;

	if (!flows || flows > FLOWS_MAX)
		return -EINVAL;
	udp_turns = kvcalloc(flows, sizeof(*udp_turns), GFP_KERNEL);
	tcp_turns = kvcalloc(flows, sizeof(*tcp_turns), GFP_KERNEL);
	/* Never registered: the hooks only look at it. */
	dev = alloc_netdev(0, "ct_bench%d", NET_NAME_UNKNOWN, device_setup);
	if (!udp_turns || !tcp_turns || !dev)
		goto no_memory;
	device = dev;
	return 0;

no_memory:
	if (dev)
		free_netdev(dev);
	kvfree(tcp_turns);
	kvfree(udp_turns);
	return -ENOMEM;
}

static void __exit bench_exit(void)
{
	free_netdev(device);
	kvfree(tcp_turns);
	kvfree(udp_turns);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("Traffic for measuring connection trackers");
MODULE_LICENSE("GPL");
