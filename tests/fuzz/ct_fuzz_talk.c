// SPDX-License-Identifier: GPL-2.0
/*
 * Conversations, and packets of them as they should be.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/sctp.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/checksum.h>
#include <net/gre.h>
#include <net/ip6_checksum.h>

#include "ct_compat.h"
#include "ct_fuzz.h"

#define CLIENTS		64
#define SERVERS		4

/* Headers as they are on the wire, and no more of them than is needed */

struct chunk {
	u8 type;
	u8 flags;
	__be16 len;
} __packed;

struct sctp_packet {
	__be16 source;
	__be16 dest;
	__be32 tag;
	__le32 checksum;
	struct chunk chunk;
	__be32 init_tag;	/* INIT, INIT ACK */
	__be32 window;
	__be16 streams[2];
	__be32 tsn;
} __packed;

struct dccp_packet {
	__be16 source;
	__be16 dest;
	u8 doff;
	u8 cscov;
	__sum16 check;
	u8 type;	/* and the bit that says that numbers are long */
	u8 reserved;
	u8 seq[6];
	u8 ack[8];
	__be32 service;
} __packed;

static void *say(struct ct_fuzz_draft *draft, u8 protonum, unsigned int header,
		 unsigned int data)
{
	draft->protonum = protonum;
	draft->header = header;
	draft->len = header + data;
	memset(draft->body, 0, header);
	memset(draft->body + header, 'x', data);
	return draft->body;
}

/* TCP */

enum step {
	SYN, SYNACK, ACK, DATA, AGAIN, KEEPALIVE, FIN, RST,
	GAP,		/* data behind others that took another path */
	FORGED,		/* a reset by somebody who guesses: no end believes it */
	STEPS
};

static const char * const step_names[STEPS] = {
	"syn", "syn-ack", "ack", "data", "again", "keepalive", "fin", "rst",
	"gap", "forged",
};

/* The options of a segment; returns their length, a multiple of four. */
unsigned int ct_fuzz_options(struct ct_fuzz *fuzz, u8 *to, bool is_syn,
			     bool has_stamps)
{
	u8 *p = to;

	if (is_syn) {
		*p++ = 2;	/* maximum segment size */
		*p++ = 4;
		put_unaligned_be16(1460, p);
		p += 2;
		if (has_stamps) {
			*p++ = 4;	/* SACK permitted */
			*p++ = 2;
			*p++ = 3;	/* window scale */
			*p++ = 3;
			*p++ = ct_fuzz_below(fuzz, 15);
			*p++ = 1;
		}
	}
	if (has_stamps) {
		*p++ = 1;
		*p++ = 1;
		*p++ = 8;
		*p++ = 10;
		put_unaligned_be32(prandom_u32_state(&fuzz->rnd), p);
		put_unaligned_be32(prandom_u32_state(&fuzz->rnd), p + 4);
		p += 8;
	}
	while ((p - to) % 4)
		*p++ = 0;
	return p - to;
}

static enum step next_step(struct ct_fuzz *fuzz, struct ct_fuzz_talk *talk,
			   bool *is_reply)
{
	*is_reply = ct_fuzz_one_in(fuzz, 2);
	if (talk->turn < 3 && !ct_fuzz_one_in(fuzz, 50)) {
		*is_reply = talk->turn == 1;
		return talk->turn == 0 ? SYN : talk->turn == 1 ? SYNACK : ACK;
	}
	switch (ct_fuzz_below(fuzz, 41)) {
	case 0:
		return RST;
	case 1:
	case 2:
		return FIN;
	case 3:
		return KEEPALIVE;
	case 4 ... 6:
		return AGAIN;
	case 7 ... 17:
		return ACK;
	case 40:
		return ct_fuzz_one_in(fuzz, 2) ? GAP : FORGED;
	default:
		return DATA;
	}
}

static const char *say_tcp(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft,
			   struct ct_fuzz_talk *talk)
{
	enum step step = next_step(fuzz, talk, &draft->is_reply);
	unsigned int data = 0, options;
	bool is_reply = draft->is_reply;
	u32 *seq = &talk->seq[is_reply];
	u32 said = step == KEEPALIVE || step == AGAIN ? *seq - 1 : *seq;
	struct tcphdr *tcp;

	if (step == GAP)
		*seq += ct_fuzz_below(fuzz, 40000);
	if (step == GAP || step == FORGED)
		said = *seq + (step == FORGED) * (1 + ct_fuzz_below(fuzz, 500));
	if (step == DATA || step == AGAIN || step == GAP)
		data = 1 + ct_fuzz_below(fuzz, 200);
	memset(draft->body, 0, sizeof(*tcp));
	options = ct_fuzz_options(fuzz, draft->body + sizeof(*tcp),
				  step <= SYNACK, talk->has_stamps);
	draft->protonum = IPPROTO_TCP;
	draft->header = sizeof(*tcp) + options;
	draft->len = draft->header + data;
	memset(draft->body + draft->header, 'x', data);
	tcp = (struct tcphdr *)draft->body;
	tcp->source = talk->ports[is_reply];
	tcp->dest = talk->ports[!is_reply];
	tcp->seq = htonl(said);
	tcp->ack_seq = step == SYN ? 0 : htonl(talk->seq[!is_reply]);
	tcp->doff = draft->header / 4;
	tcp->syn = step <= SYNACK;
	tcp->ack = step != SYN;
	tcp->psh = data > 100;
	tcp->fin = step == FIN;
	tcp->rst = step == RST || step == FORGED;
	tcp->window = htons(1000 + ct_fuzz_below(fuzz, 64000));
	if (step != AGAIN && step != FORGED)
		*seq += data + (step <= SYNACK) + (step == FIN);
	return step_names[step];
}

/* Others */

static const char *say_udp(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft,
			   struct ct_fuzz_talk *talk)
{
	bool is_lite = talk->protocol == FUZZ_UDPLITE;
	unsigned int data = ct_fuzz_below(fuzz, 200);
	struct udphdr *udp = say(draft, is_lite ? IPPROTO_UDPLITE : IPPROTO_UDP,
				 sizeof(*udp), data);

	udp->source = talk->ports[draft->is_reply];
	udp->dest = talk->ports[!draft->is_reply];
	udp->len = is_lite ? 0 : htons(sizeof(*udp) + data);
	return draft->is_reply ? "answer" : "question";
}

static const char *say_echo(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft,
			    struct ct_fuzz_talk *talk)
{
	struct icmphdr *icmp = say(draft, talk->is_v6 ? IPPROTO_ICMPV6 :
				   IPPROTO_ICMP, sizeof(*icmp),
				   ct_fuzz_below(fuzz, 100));

	if (talk->is_v6)
		icmp->type = draft->is_reply ? ICMPV6_ECHO_REPLY :
			     ICMPV6_ECHO_REQUEST;
	else
		icmp->type = draft->is_reply ? ICMP_ECHOREPLY : ICMP_ECHO;
	icmp->un.echo.id = talk->ports[0];
	icmp->un.echo.sequence = htons(talk->turn);
	return draft->is_reply ? "answer" : "question";
}

static const char *say_sctp(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft,
			    struct ct_fuzz_talk *talk)
{
	/* INIT, INIT ACK, COOKIE ECHO, COOKIE ACK; then what may come, chance */
	static const u8 begin[] = { 1, 2, 10, 11 };
	static const u8 rest[] = { 0, 0, 0, 3, 3, 4, 5, 6, 7, 8, 9, 14, 15 };
	unsigned int len = sizeof(struct sctp_packet);
	struct sctp_packet *sctp = say(draft, IPPROTO_SCTP, len, 0);
	bool is_reply;

	if (talk->turn < ARRAY_SIZE(begin) && !ct_fuzz_one_in(fuzz, 30)) {
		draft->is_reply = talk->turn & 1;
		sctp->chunk.type = begin[talk->turn];
	} else {
		sctp->chunk.type = rest[ct_fuzz_below(fuzz, ARRAY_SIZE(rest))];
	}
	is_reply = draft->is_reply;
	sctp->source = talk->ports[is_reply];
	sctp->dest = talk->ports[!is_reply];
	/* A tag is what the other end chose. */
	sctp->tag = sctp->chunk.type == 1 ? 0 : htonl(talk->tag[!is_reply]);
	sctp->chunk.len = htons(len - 12);
	sctp->init_tag = htonl(talk->tag[is_reply]);
	sctp->window = htonl(65536);
	sctp->streams[0] = htons(10);
	sctp->streams[1] = htons(10);
	sctp->tsn = htonl(talk->seq[is_reply]++);
	return "chunk";
}

static const char *say_dccp(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft,
			    struct ct_fuzz_talk *talk)
{
	struct dccp_packet *dccp = say(draft, IPPROTO_DCCP, sizeof(*dccp), 0);

	if (talk->turn < 3)
		draft->is_reply = talk->turn & 1;
	dccp->source = talk->ports[draft->is_reply];
	dccp->dest = talk->ports[!draft->is_reply];
	dccp->doff = sizeof(*dccp) / 4;
	dccp->type = (talk->turn < 3 ? talk->turn : ct_fuzz_below(fuzz, 10)) << 1 | 1;
	put_unaligned_be32(talk->seq[draft->is_reply]++, dccp->seq + 2);
	put_unaligned_be32(talk->seq[!draft->is_reply], dccp->ack + 4);
	return "packet";
}

static const char *say_gre(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft,
			   struct ct_fuzz_talk *talk)
{
	bool is_pptp = talk->protocol == FUZZ_PPTP;
	__be16 *gre = say(draft, IPPROTO_GRE, is_pptp ? 12 : 8,
			  ct_fuzz_below(fuzz, 100));

	gre[0] = is_pptp ? htons(0x3001) : htons(0x2000);
	gre[1] = is_pptp ? htons(0x880b) : htons(0x0800);
	gre[2] = is_pptp ? htons(draft->len - 12) : 0;
	gre[3] = talk->ports[!draft->is_reply];
	return "packet";
}

static const char *say_other(struct ct_fuzz *fuzz, struct ct_fuzz_draft *draft,
			     struct ct_fuzz_talk *talk)
{
	say(draft, 50 + (ntohs(talk->ports[0]) & 127), 4,
	    ct_fuzz_below(fuzz, 100));
	return "packet";
}

static const char *(* const say_it[])(struct ct_fuzz *fuzz,
				      struct ct_fuzz_draft *draft,
				      struct ct_fuzz_talk *talk) = {
	[FUZZ_TCP] = say_tcp,
	[FUZZ_UDP] = say_udp,
	[FUZZ_UDPLITE] = say_udp,
	[FUZZ_ECHO] = say_echo,
	[FUZZ_SCTP] = say_sctp,
	[FUZZ_DCCP] = say_dccp,
	[FUZZ_GRE] = say_gre,
	[FUZZ_PPTP] = say_gre,
	[FUZZ_OTHER] = say_other,
};

/* Conversations */

static void address(struct ct_fuzz_talk *talk, int end, u32 host)
{
	struct in6_addr *a = &talk->ends[end];

	memset(a, 0, sizeof(*a));
	if (talk->is_v6) {
		a->s6_addr32[0] = htonl(0x20010db8);
		a->s6_addr32[1] = htonl(end);
		a->s6_addr32[3] = htonl(host);
	} else {
		a->s6_addr32[3] = htonl((end ? 0xc0000200 : 0x0a000000) + host);
	}
}

static void begin(struct ct_fuzz *fuzz, struct ct_fuzz_talk *talk)
{
	static const u8 often[] = {
		FUZZ_TCP, FUZZ_TCP, FUZZ_TCP, FUZZ_TCP, FUZZ_TCP, FUZZ_TCP,
		FUZZ_TCP, FUZZ_TCP, FUZZ_UDP, FUZZ_UDP, FUZZ_UDP, FUZZ_ECHO,
		FUZZ_ECHO, FUZZ_SCTP, FUZZ_SCTP, FUZZ_UDPLITE, FUZZ_DCCP,
		FUZZ_GRE, FUZZ_PPTP, FUZZ_OTHER,
	};
	int i;

	*talk = (struct ct_fuzz_talk) {
		.number = ++fuzz->begun,
		.protocol = often[ct_fuzz_below(fuzz, ARRAY_SIZE(often))],
		.way = ct_fuzz_one_in(fuzz, 3) ?
		       ct_fuzz_below(fuzz, FUZZ_WAYS) : FUZZ_FORWARD,
		.is_v6 = ct_fuzz_one_in(fuzz, 3),
		.has_stamps = !ct_fuzz_one_in(fuzz, 3),
	};
	address(talk, 0, 1 + ct_fuzz_below(fuzz, CLIENTS));
	address(talk, 1, 1 + ct_fuzz_below(fuzz, SERVERS));
	talk->ports[0] = htons(1 + ct_fuzz_below(fuzz, 65535));
	talk->ports[1] = htons(1 + ct_fuzz_below(fuzz, 1024));
	for (i = 0; i < 2; i++) {
		talk->seq[i] = prandom_u32_state(&fuzz->rnd);
		talk->tag[i] = prandom_u32_state(&fuzz->rnd) | 1;
	}
}

/**
 * ct_fuzz_say() - makes the next packet of some conversation, as it should be
 * @fuzz: who
 *
 * Return: what it is called.
 */
const char *ct_fuzz_say(struct ct_fuzz *fuzz)
{
	struct ct_fuzz_talk *talk;
	struct ct_fuzz_draft *draft = &fuzz->draft;
	const char *name;

	talk = &fuzz->talks[ct_fuzz_below(fuzz, fuzz->at_once)];
	if (!talk->number || ct_fuzz_one_in(fuzz, 30))
		begin(fuzz, talk);
	memset(draft, 0, offsetof(struct ct_fuzz_draft, body));
	draft->talk = talk;
	draft->is_v6 = talk->is_v6;
	draft->is_reply = talk->turn && ct_fuzz_one_in(fuzz, 2);
	draft->sum = true;
	draft->summed = ct_fuzz_one_in(fuzz, 2) ? CHECKSUM_NONE :
			CHECKSUM_UNNECESSARY;
	draft->linear = U16_MAX;
	draft->pieces = 1;
	name = say_it[talk->protocol](fuzz, draft, talk);
	draft->src = talk->ends[draft->is_reply];
	draft->dst = talk->ends[!draft->is_reply];
	talk->turn++;
	return name;
}

/* On the wire */

static __sum16 sum_of(const struct ct_fuzz_draft *draft)
{
	__wsum sum = csum_partial(draft->body, draft->len, 0);

	if (draft->protonum == IPPROTO_ICMP)
		return csum_fold(sum);
	if (draft->is_v6)
		return csum_ipv6_magic(&draft->src, &draft->dst, draft->len,
				       draft->protonum, sum);
	return csum_tcpudp_magic(draft->src.s6_addr32[3],
				 draft->dst.s6_addr32[3], draft->len,
				 draft->protonum, sum);
}

/**
 * ct_fuzz_checksum() - gives a packet its correct transport checksum
 * @draft: which
 */
void ct_fuzz_checksum(struct ct_fuzz_draft *draft)
{
	unsigned int at;
	__sum16 sum;

	switch (draft->protonum) {
	case IPPROTO_TCP:
		at = 16;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		at = 6;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		at = 2;
		break;
	case IPPROTO_SCTP:
		if (draft->len < 12)
			return;
		memset(draft->body + 8, 0, 4);
		put_unaligned_le32(~ct_crc32c(~0, draft->body, draft->len),
				   draft->body + 8);
		return;
	default:
		return;
	}
	if (draft->len < at + 2)
		return;
	memset(draft->body + at, 0, 2);
	sum = sum_of(draft) ?: CSUM_MANGLED_0;
	memcpy(draft->body + at, &sum, 2);
}

static unsigned int write_v4(struct ct_fuzz_draft *draft, u8 *to,
			     unsigned int at, unsigned int end)
{
	unsigned int header = sizeof(struct iphdr) + draft->extra_len;
	bool is_last = end == draft->len;
	struct iphdr ip = {
		.version = 4,
		.ihl = header / 4,
		.tos = draft->tos,
		.tot_len = htons(header + end - at),
		.id = draft->talk->ports[0],
		.frag_off = htons(draft->frag ?: at / 8 | (is_last ? 0 : 0x2000)),
		.ttl = 64,
		.protocol = draft->protonum,
		.saddr = draft->src.s6_addr32[3],
		.daddr = draft->dst.s6_addr32[3],
	};

	memcpy(to, &ip, sizeof(ip));
	memcpy(to + sizeof(ip), draft->extra, draft->extra_len);
	((struct iphdr *)to)->check = ip_fast_csum(to, header / 4);
	return header;
}

static unsigned int write_v6(struct ct_fuzz_draft *draft, u8 *to,
			     unsigned int at, unsigned int end)
{
	bool is_piece = at || end < draft->len;
	unsigned int header = sizeof(struct ipv6hdr) + draft->extra_len;
	u8 next = is_piece ? NEXTHDR_FRAGMENT : draft->protonum;
	struct ipv6hdr ip = {
		.version = 6,
		.priority = draft->tos >> 4,
		.nexthdr = draft->extra_len ? draft->extra_first : next,
		.hop_limit = 64,
		.saddr = draft->src,
		.daddr = draft->dst,
	};
	struct frag_hdr frag = {
		.nexthdr = draft->protonum,
		.frag_off = htons((at & ~7) | (end < draft->len)),
		.identification = htonl(ntohs(draft->talk->ports[0])),
	};

	memcpy(to + sizeof(ip), draft->extra, draft->extra_len);
	if (is_piece) {
		memcpy(to + header, &frag, sizeof(frag));
		header += sizeof(frag);
	}
	ip.payload_len = htons(header - sizeof(ip) + end - at);
	memcpy(to, &ip, sizeof(ip));
	return header;
}

/**
 * ct_fuzz_write() - writes a packet, or a fragment of it
 * @draft: which
 * @to: where: room for the headers, the extra ones and the body
 * @at: from this byte of the body
 * @end: up to this one
 *
 * Return: its length.
 */
unsigned int ct_fuzz_write(struct ct_fuzz_draft *draft, u8 *to,
			   unsigned int at, unsigned int end)
{
	unsigned int header;

	header = draft->is_v6 ? write_v6(draft, to, at, end) :
		 write_v4(draft, to, at, end);
	memcpy(to + header, draft->body + at, end - at);
	return header + end - at;
}
