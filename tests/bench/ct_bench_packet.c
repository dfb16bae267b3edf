// SPDX-License-Identifier: GPL-2.0
/*
 * Conversations of ct_bench_run.c, and their packets.
 *
 * Context
 *	As there.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/moduleparam.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/route.h>

#include "ct_bench.h"

#define HEADROOM	128	/* a driver leaves some */
#define PAYLOAD		100
#define CLIENTS		0x0a000000	/* 10.0.0.0/8, an address a flow */
#define SERVER		0xc0000201	/* 192.0.2.1 */
#define NETWORK6	0x20010db8	/* 2001:db8::/32 */
#define CLIENT_SEQ	1000
#define SERVER_SEQ	2000

bool ct_bench_ipv6;
module_param_named(ipv6, ct_bench_ipv6, bool, 0644);
MODULE_PARM_DESC(ipv6, "conversations in IPv6 (default: off)");

static bool with_options = true;
module_param_named(tcp_options, with_options, bool, 0644);
MODULE_PARM_DESC(tcp_options, "time stamps in TCP, and what a SYN has (default: on)");

static unsigned int outside;
module_param(outside, uint, 0644);
MODULE_PARM_DESC(outside, "bits of an IPv4 client's address that a rule inverts: answers go to what it is then (default: 0)");

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

	if (with_options) {
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

/**
 * ct_bench_write() - write the next packet of a conversation
 * @run: whose
 * @flow: which conversation
 * @n: which packet of it
 */
void ct_bench_write(struct run *run, u32 flow, u32 n)
{
	const struct scenario *s = run->s;
	struct turn turn = next_turn(s, n);
	unsigned int len;

	if (s->protonum == IPPROTO_TCP)
		len = write_tcp(tcp_hdr(run->skb), &turn,
				s->closes ? htons(50000) : htons(40000));
	else
		len = write_udp(udp_hdr(run->skb), &turn);
	if (ct_bench_ipv6)
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

/**
 * ct_bench_way() - where packets go that are translated
 *
 * nf_nat asks anew for the way of a packet that it has translated: it needs one. Without
 * a rule that translates nobody reads it.
 *
 * Return: a way that is held, or %NULL where none is needed, or to be had.
 */
struct dst_entry *ct_bench_way(void)
{
	struct flowi4 to = { .daddr = htonl(INADDR_LOOPBACK) };
	struct rtable *rt = outside ? ip_route_output_key(&init_net, &to) : NULL;

	return IS_ERR_OR_NULL(rt) ? NULL : &rt->dst;
}

/**
 * ct_bench_alloc() - make a packet
 * @protonum: IPPROTO_TCP or IPPROTO_UDP
 * @device: where it comes from
 *
 * A packet whose tracker drops it is freed there: the second reference keeps
 * it, and the run ends.
 *
 * Return: the packet; %NULL if there is no memory.
 */
struct sk_buff *ct_bench_alloc(u8 protonum, struct net_device *device)
{
	struct sk_buff *skb = alloc_skb(HEADROOM + PACKET_MAX, GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	skb_put_zero(skb, PACKET_MAX);
	skb_reset_network_header(skb);
	if (ct_bench_ipv6)
		begin_ipv6(skb, protonum);
	else
		begin_ipv4(skb, protonum);
	if (protonum == IPPROTO_UDP)	/* has one, and it is good */
		udp_hdr(skb)->check = CSUM_MANGLED_0;
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->dev = device;
	return skb_get(skb);
}
