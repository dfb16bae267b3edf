// SPDX-License-Identifier: GPL-2.0
/*
 * What is done to a packet that was as it should be.
 *
 * Each mutation knows the field that it breaks, and leaves the rest as it is, so
 * that what comes behind the first check is reached as well.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "ct_fuzz.h"

static u32 chance(struct ct_fuzz *fuzz)
{
	return prandom_u32_state(&fuzz->rnd);
}

static u32 below(struct ct_fuzz *fuzz, u32 n)
{
	return ct_fuzz_below(fuzz, n);
}

static struct tcphdr *tcp_of(struct ct_fuzz_draft *draft)
{
	return (struct tcphdr *)draft->body;
}

/* A distance that some bound or other is near to */
static u32 distance(struct ct_fuzz *fuzz)
{
	static const u32 bounds[] = {
		0, 1, 2, 100, 1460, 32767, 65535, 66000, 1 << 20, 1 << 30,
		0x7fffffff, 0x80000000,
	};
	u32 d = bounds[below(fuzz, ARRAY_SIZE(bounds))] + below(fuzz, 3) - 1;

	return ct_fuzz_one_in(fuzz, 2) ? d : -d;
}

/* TCP */

static void flags(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->body[13] = chance(fuzz);
}

static void seq(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	be32_add_cpu(&tcp_of(draft)->seq, distance(fuzz));
}

static void seq_far(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	tcp_of(draft)->seq = htonl(chance(fuzz));
}

static void ack(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	be32_add_cpu(&tcp_of(draft)->ack_seq, distance(fuzz));
}

static void ack_far(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	tcp_of(draft)->ack_seq = htonl(chance(fuzz));
}

static void window(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	static const u16 sizes[] = { 0, 1, 65535, 1000 };

	tcp_of(draft)->window = htons(sizes[below(fuzz, ARRAY_SIZE(sizes))]);
}

static void urgent(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	tcp_of(draft)->urg = 1;
	tcp_of(draft)->urg_ptr = htons(chance(fuzz));
}

static void offset(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	tcp_of(draft)->doff = below(fuzz, 16);
}

static void reset(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->body[13] = ct_fuzz_one_in(fuzz, 2) ? 0x04 : 0x14;
	if (ct_fuzz_one_in(fuzz, 2))
		seq(fuzz, draft);
}

static void syn(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	static const u8 kinds[] = { 0x02, 0x12, 0xc2, 0x52, 0x03, 0x0a };

	draft->body[13] = kinds[below(fuzz, ARRAY_SIZE(kinds))];
	if (ct_fuzz_one_in(fuzz, 2))
		seq(fuzz, draft);
}

/* Room for @len bytes of options instead of those that there are */
static u8 *make_options(struct ct_fuzz_draft *draft, unsigned int len)
{
	unsigned int data = draft->len - draft->header;

	if (draft->header < sizeof(struct tcphdr) || draft->len < draft->header ||
	    sizeof(struct tcphdr) + len + data > CT_FUZZ_BODY)
		return NULL;
	memmove(draft->body + sizeof(struct tcphdr) + len,
		draft->body + draft->header, data);
	draft->header = sizeof(struct tcphdr) + len;
	draft->len = draft->header + data;
	tcp_of(draft)->doff = draft->header / 4;
	return draft->body + sizeof(struct tcphdr);
}

static void options(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	unsigned int i, len = 4 * (1 + below(fuzz, 10));
	u8 *p = make_options(draft, len);

	/* Kinds that exist, more often than not, and lengths that may be */
	for (i = 0; p && i < len; i++)
		p[i] = ct_fuzz_one_in(fuzz, 3) ? chance(fuzz) : below(fuzz, 12);
}

static void option_length(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	u8 *p = make_options(draft, 20);

	if (!p)
		return;
	memset(p, 1, 20);
	ct_fuzz_options(fuzz, p, false, true);
	p[3] = chance(fuzz);	/* of the timestamps */
}

static void scale(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	u8 *p = make_options(draft, 4);

	if (!p)
		return;
	p[0] = 3;
	p[1] = 3;
	p[2] = chance(fuzz);
	p[3] = 0;
}

static void sack(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	unsigned int i, blocks = 1 + below(fuzz, 4);
	__be32 edge = tcp_of(draft)->ack_seq;
	u8 *p = make_options(draft, 4 + 8 * blocks);

	if (!p)
		return;
	p[0] = 1;
	p[1] = 1;
	p[2] = 5;
	p[3] = 2 + 8 * blocks;
	for (i = 0; i < 2 * blocks; i++) {
		be32_add_cpu(&edge, distance(fuzz));
		memcpy(p + 4 + 4 * i, &edge, sizeof(edge));
	}
}

/* UDP, ICMP, SCTP */

static void udp_length(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	((struct udphdr *)draft->body)->len = htons(ct_fuzz_one_in(fuzz, 2) ?
		draft->len + below(fuzz, 5) - 2 : chance(fuzz));
}

static void udp_unsummed(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	((struct udphdr *)draft->body)->check = 0;
	draft->sum = false;
}

static void icmp_type(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->body[0] = chance(fuzz);
	draft->body[1] = below(fuzz, 4);
}

static void chunk(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->body[12] = ct_fuzz_one_in(fuzz, 4) ? chance(fuzz) :
			  below(fuzz, 16);
	if (ct_fuzz_one_in(fuzz, 2))
		draft->body[13] = chance(fuzz);
	if (ct_fuzz_one_in(fuzz, 2))
		draft->body[15] = chance(fuzz);
}

static void tag(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	u32 n = ct_fuzz_one_in(fuzz, 2) ? 0 : chance(fuzz);

	memcpy(draft->body + 4, &n, sizeof(n));
}

/* All transports */

static void ports(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	__be16 port = htons(ct_fuzz_one_in(fuzz, 3) ? 0 : chance(fuzz));

	memcpy(draft->body + 2 * below(fuzz, 2), &port, sizeof(port));
}

static void bytes(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	unsigned int i, n = 1 + below(fuzz, 4);

	for (i = 0; i < n; i++)
		draft->body[below(fuzz, draft->header)] = chance(fuzz);
}

static void noise(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	prandom_bytes_state(&fuzz->rnd, draft->body, draft->len);
}

static void cut(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->len = below(fuzz, draft->header + 4);
}

static void grow(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	unsigned int n = below(fuzz, 200);

	if (draft->len + n > CT_FUZZ_BODY)
		return;
	memset(draft->body + draft->len, 'y', n);
	draft->len += n;
}

static void checksum(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	static const u8 kinds[] = {
		CHECKSUM_NONE, CHECKSUM_UNNECESSARY, CHECKSUM_COMPLETE,
	};

	ct_fuzz_checksum(draft);
	draft->sum = false;
	draft->summed = kinds[below(fuzz, ARRAY_SIZE(kinds))];
	draft->body[below(fuzz, draft->len)] ^= 1 << below(fuzz, 8);
}

/* Everything else */

static void turn_round(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	swap(draft->src, draft->dst);
	draft->is_reply = !draft->is_reply;
}

static void replay(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	if (fuzz->last.talk)
		*draft = fuzz->last;
}

static void addresses(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	static const u32 special[] = {
		0, 0xffffffff, 0x7f000001, 0xe0000001, 0xa9fe0001, 0x0affffff,
	};
	struct in6_addr *a = ct_fuzz_one_in(fuzz, 2) ? &draft->src : &draft->dst;
	u32 word = special[below(fuzz, ARRAY_SIZE(special))];

	if (draft->is_v6 && ct_fuzz_one_in(fuzz, 2))
		memset(a, word & 0xff, sizeof(*a));
	a->s6_addr32[3] = ct_fuzz_one_in(fuzz, 4) ? htonl(chance(fuzz)) :
			  htonl(word);
	if (ct_fuzz_one_in(fuzz, 4))
		draft->dst = draft->src;
}

static void protocol(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	static const u8 known[] = { 1, 6, 17, 33, 47, 50, 51, 58, 132, 136, 0 };

	draft->protonum = ct_fuzz_one_in(fuzz, 3) ? chance(fuzz) :
			  known[below(fuzz, ARRAY_SIZE(known))];
}

/* IPv4: options; IPv6: a chain of headers, some of them longer than there is */
static void extra(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	static const u8 kinds[] = { 0, 43, 60, 60, 135, 139, 51, 59, 44 };
	unsigned int n = 1 + below(fuzz, 5), at, last = 0;

	if (!draft->is_v6) {
		draft->extra_len = 4 * (1 + below(fuzz, 10));
		memset(draft->extra, 1, draft->extra_len);
		prandom_bytes_state(&fuzz->rnd, draft->extra,
				    below(fuzz, draft->extra_len));
		return;
	}
	draft->extra_first = kinds[below(fuzz, ARRAY_SIZE(kinds))];
	for (at = 0; n && at + 24 <= CT_FUZZ_EXTRA; n--) {
		unsigned int units = below(fuzz, 3);

		last = at;
		memset(draft->extra + at, 0, 8 + 8 * units);
		draft->extra[at] = kinds[below(fuzz, ARRAY_SIZE(kinds))];
		draft->extra[at + 1] = ct_fuzz_one_in(fuzz, 20) ? chance(fuzz) :
				       units;
		at += 8 + 8 * units;
	}
	draft->extra[last] = draft->protonum;
	draft->extra_len = at;
}

static void fragments(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	if (draft->is_v6)
		draft->extra_len = 0;
	draft->pieces = 2 + below(fuzz, 3);
	draft->backwards = ct_fuzz_one_in(fuzz, 3);
	if (ct_fuzz_one_in(fuzz, 4))
		draft->overlap = 1 + below(fuzz, 3);
	if (ct_fuzz_one_in(fuzz, 4))
		draft->lost = 1 + below(fuzz, draft->pieces);
}

static void fragment(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->frag = chance(fuzz);
}

static void paged(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->linear = below(fuzz, draft->header + 1);
}

static void segments(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->gso = 8 + below(fuzz, 500);
	draft->summed = CHECKSUM_UNNECESSARY;
}

static void type_of_service(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->tos = chance(fuzz);
}

/* Raw sockets write what they like, but for a few fields. */
static void raw(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	draft->raw.at = 1 + below(fuzz, draft->is_v6 ? 40 : 20);
	draft->raw.byte = chance(fuzz);
}

/* An error of ICMP that quotes the packet, which was never sent */
static void quote(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	static const u8 types4[] = { 3, 3, 3, 4, 5, 11, 12, 31 };
	static const u8 types6[] = { 1, 1, 2, 3, 4, 137, 100 };
	unsigned int len;

	ct_fuzz_checksum(draft);
	len = ct_fuzz_write(draft, fuzz->scratch, 0,
			    min_t(unsigned int, draft->len, 200));
	draft->header = sizeof(struct icmphdr) + (draft->is_v6 ? 48 : 28);
	memset(draft->body, 0, sizeof(struct icmphdr));
	draft->body[0] = draft->is_v6 ? types6[below(fuzz, ARRAY_SIZE(types6))] :
			 types4[below(fuzz, ARRAY_SIZE(types4))];
	draft->body[1] = below(fuzz, 5);
	memcpy(draft->body + sizeof(struct icmphdr), fuzz->scratch, len);
	draft->len = sizeof(struct icmphdr) + len;
	draft->protonum = draft->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	draft->extra_len = 0;
	turn_round(fuzz, draft);
	if (ct_fuzz_one_in(fuzz, 2))	/* from a router on the way */
		draft->src.s6_addr32[3] = htonl(0x0a00fe00 + below(fuzz, 4));
}

static void quote_cut(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	quote(fuzz, draft);
	draft->len = below(fuzz, draft->len);
}

static void quote_bytes(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	quote(fuzz, draft);
	bytes(fuzz, draft);
}

static void quote_quote(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft)
{
	quote(fuzz, draft);
	quote(fuzz, draft);
}

#define OF(_protocol)	BIT(FUZZ_##_protocol)
#define OF_PORTS	(OF(TCP) | OF(UDP) | OF(UDPLITE) | OF(SCTP) | OF(DCCP))
#define OF_ALL		(BIT(FUZZ_PROTOCOLS) - 1)

/**
 * struct mutation - one thing that may be wrong
 * @name: what it is called
 * @change: does it
 * @of: protocols that have that field
 */
struct mutation {
	const char *name;
	void (*change)(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft);
	unsigned int of;
};

static const struct mutation mutations[] = {
	{ "none", NULL, 0 },
	{ "flags", flags, OF(TCP) },
	{ "seq", seq, OF(TCP) },
	{ "seq-far", seq_far, OF(TCP) },
	{ "ack", ack, OF(TCP) },
	{ "ack-far", ack_far, OF(TCP) },
	{ "window", window, OF(TCP) },
	{ "urgent", urgent, OF(TCP) },
	{ "offset", offset, OF(TCP) },
	{ "reset", reset, OF(TCP) },
	{ "syn", syn, OF(TCP) },
	{ "options", options, OF(TCP) },
	{ "option-length", option_length, OF(TCP) },
	{ "scale", scale, OF(TCP) },
	{ "sack", sack, OF(TCP) },
	{ "udp-length", udp_length, OF(UDP) | OF(UDPLITE) },
	{ "udp-unsummed", udp_unsummed, OF(UDP) | OF(UDPLITE) },
	{ "icmp-type", icmp_type, OF(ECHO) },
	{ "chunk", chunk, OF(SCTP) },
	{ "tag", tag, OF(SCTP) },
	{ "ports", ports, OF_PORTS },
	{ "bytes", bytes, OF_ALL },
	{ "noise", noise, OF_ALL },
	{ "cut", cut, OF_ALL },
	{ "grow", grow, OF_ALL },
	{ "checksum", checksum, OF_PORTS | OF(ECHO) },
	{ "turn-round", turn_round, OF_ALL },
	{ "replay", replay, OF_ALL },
	{ "addresses", addresses, OF_ALL },
	{ "protocol", protocol, OF_ALL },
	{ "extra", extra, OF_ALL },
	{ "fragments", fragments, OF_ALL },
	{ "fragment", fragment, OF_ALL },
	{ "paged", paged, OF_ALL },
	{ "segments", segments, OF(TCP) | OF(UDP) },
	{ "tos", type_of_service, OF_ALL },
	{ "raw", raw, OF_ALL },
	{ "quote", quote, OF_ALL },
	{ "quote-cut", quote_cut, OF_ALL },
	{ "quote-bytes", quote_bytes, OF_ALL },
	{ "quote-quote", quote_quote, OF_ALL },
};

/**
 * ct_fuzz_mutation() - what a mutation is called
 * @i: its number
 *
 * Return: a word, a constant.
 */
const char *ct_fuzz_mutation(unsigned int i)
{
	return mutations[i].name;
}

static unsigned int mutate_once(struct ct_fuzz *fuzz)
{
	unsigned int i;

	do {
		i = 1 + below(fuzz, ARRAY_SIZE(mutations) - 1);
	} while (!(mutations[i].of & BIT(fuzz->draft.talk->protocol)));
	mutations[i].change(fuzz, &fuzz->draft);
	return i;
}

/**
 * ct_fuzz_mutate() - breaks something of the packet, or several things
 * @fuzz: whose
 *
 * Where a mutation has cut the header off, no other one follows: they write
 * where it was.
 *
 * Return: the number of the last mutation.
 */
unsigned int ct_fuzz_mutate(struct ct_fuzz *fuzz)
{
	struct ct_fuzz_draft *draft = &fuzz->draft;
	enum ct_fuzz_protocol protocol = draft->talk->protocol;
	unsigned int i = mutate_once(fuzz);

	while (ct_fuzz_one_in(fuzz, 4) && draft->len >= draft->header &&
	       draft->talk->protocol == protocol && draft->protonum != IPPROTO_ICMP &&
	       draft->protonum != IPPROTO_ICMPV6)
		i = mutate_once(fuzz);
	return i;
}
