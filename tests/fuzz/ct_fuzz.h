/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fuzzing of connection trackers: a packet while it is made.
 */
#ifndef CT_FUZZ_H
#define CT_FUZZ_H

#include <linux/in6.h>
#include <linux/prandom.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#define CT_FUZZ_BODY	1280
#define CT_FUZZ_EXTRA	120
#define CT_FUZZ_TALKS	256

enum ct_fuzz_protocol {
	FUZZ_TCP,
	FUZZ_UDP,
	FUZZ_UDPLITE,
	FUZZ_ECHO,
	FUZZ_SCTP,
	FUZZ_DCCP,
	FUZZ_GRE,
	FUZZ_PPTP,
	FUZZ_OTHER,
	FUZZ_PROTOCOLS
};

/* Which hooks the original direction meets; the reply goes the other way */
enum ct_fuzz_way {
	FUZZ_FORWARD,	/* PRE_ROUTING, POST_ROUTING; so does the reply */
	FUZZ_IN,	/* PRE_ROUTING, LOCAL_IN */
	FUZZ_OUT,	/* LOCAL_OUT, POST_ROUTING */
	FUZZ_WAYS
};

/**
 * struct ct_fuzz_talk - a conversation between two ends
 * @number: of all conversations, from 1
 * @protocol: of what
 * @way: through which hooks
 * @is_v6: IP version
 * @has_stamps: TCP with timestamps, and with window scaling
 * @turn: how far it is; 0: nothing was said
 * @ends: addresses, client first; of IPv4 the last four bytes
 * @ports: of the same; also ids and keys
 * @seq: what each says next
 * @tag: SCTP: verification tags
 */
struct ct_fuzz_talk {
	u32 number;
	enum ct_fuzz_protocol protocol;
	enum ct_fuzz_way way;
	bool is_v6;
	bool has_stamps;
	unsigned int turn;
	struct in6_addr ends[2];
	__be16 ports[2];
	u32 seq[2];
	u32 tag[2];
};

/**
 * struct ct_fuzz_draft - a packet
 * @talk: its conversation
 * @is_v6: IP version
 * @is_reply: which way it goes
 * @protonum: IPPROTO_*, of @body
 * @src: source address
 * @dst: destination address
 * @tos: type of service, or traffic class
 * @frag: IPv4: the header's field
 * @extra: IPv4: options; IPv6: extension headers
 * @extra_len: bytes of them
 * @extra_first: IPv6: type of the first extension header
 * @header: bytes of the transport header that mutations prefer
 * @len: bytes of @body
 * @sum: it gets a correct checksum
 * @summed: CHECKSUM_*: what a driver says of it
 * @linear: bytes behind the IP header that are not in pages; more: all
 * @gso: size of the segments it stands for, or 0
 * @pieces: send it in so many fragments
 * @overlap: fragments overlap by this many units of 8 bytes
 * @lost: this fragment is not sent, from 1
 * @backwards: last fragment first
 * @raw: of the IP header, number of a byte that a raw socket wrote, from 1, and
 *	the byte
 * @body: transport header and data
 */
struct ct_fuzz_draft {
	struct ct_fuzz_talk *talk;
	bool is_v6;
	bool is_reply;
	u8 protonum;
	struct in6_addr src;
	struct in6_addr dst;
	u8 tos;
	u16 frag;
	u8 extra[CT_FUZZ_EXTRA];
	u8 extra_len;
	u8 extra_first;
	u8 header;
	u16 len;
	bool sum;
	u8 summed;
	u16 linear;
	u16 gso;
	u8 pieces;
	u8 overlap;
	u8 lost;
	bool backwards;
	struct {
		u8 at;
		u8 byte;
	} raw;
	u8 body[CT_FUZZ_BODY];
};

/**
 * struct ct_fuzz - one who sends
 * @rnd: chance; the same seed, the same packets
 * @begun: how many conversations
 * @at_once: how many of them go on at a time, at most CT_FUZZ_TALKS
 * @talks: those that go on
 * @draft: the packet
 * @last: the one before it that was as it should be
 * @scratch: a packet in one piece
 */
struct ct_fuzz {
	struct rnd_state rnd;
	u32 begun;
	u32 at_once;
	struct ct_fuzz_talk talks[CT_FUZZ_TALKS];
	struct ct_fuzz_draft draft;
	struct ct_fuzz_draft last;
	u8 scratch[60 + CT_FUZZ_EXTRA + CT_FUZZ_BODY];
};

/* A number below @below, which is not 0 */
static inline u32 ct_fuzz_below(struct ct_fuzz *fuzz, u32 below)
{
	return (u64)prandom_u32_state(&fuzz->rnd) * below >> 32;
}

static inline bool ct_fuzz_one_in(struct ct_fuzz *fuzz, u32 n)
{
	return !ct_fuzz_below(fuzz, n);
}

const char *ct_fuzz_say(struct ct_fuzz *fuzz);
unsigned int ct_fuzz_mutate(struct ct_fuzz *fuzz);
const char *ct_fuzz_mutation(unsigned int i);
unsigned int ct_fuzz_write(struct ct_fuzz_draft *draft, u8 *to,
			   unsigned int at, unsigned int end);
void ct_fuzz_checksum(struct ct_fuzz_draft *draft);
unsigned int ct_fuzz_options(struct ct_fuzz *fuzz, u8 *to, bool is_syn,
			     bool has_stamps);

#endif /* CT_FUZZ_H */
