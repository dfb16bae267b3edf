/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Protocols: what each knows about itself.
 *
 * A protocol is one ct_proto_X.c and one line in the table of ct_proto.c;
 * nothing else names it. Judging is a pure function, so that it can be tested
 * as a table of packets and answers.
 */
#ifndef CT_PROTO_H
#define CT_PROTO_H

#include <linux/indirect_call_wrapper.h>

#include "ct_flow.h"
#include "ct_tuple.h"

struct seq_file;

/**
 * enum ct_verdict - what becomes of a packet and its flow
 * @CT_ACCEPT: belongs to the flow; apply the judgement
 * @CT_LEARN: belongs to the flow: take over what was learnt, and count it; it
 *	proves nothing, so that timeout and status stay as they are
 * @CT_PASS: belongs to the flow, but is not believed, or says nothing: count it,
 *	and touch nothing
 * @CT_REFUSE: INVALID, for the judgement's reason
 * @CT_RENEW: the flow is over and this packet begins another on its tuple
 * @CT_END: belongs to the flow, which is over with it
 */
enum ct_verdict {
	CT_ACCEPT,
	CT_LEARN,
	CT_PASS,
	CT_REFUSE,
	CT_RENEW,
	CT_END,
};

/**
 * struct ct_judgement - the answer of a protocol
 * @verdict: what becomes of the packet
 * @reason: why it was refused
 * @status: IPS_* bits to set in the flow
 * @timeout: jiffies until the flow ends
 * @stays: the flow's state stays as it is, and @next means nothing
 * @next: the flow's next state; taken over unless @stays, or the packet passes.
 *	That of a packet that is refused may have what its receiver does with it
 *	if no rule drops it
 */
struct ct_judgement {
	enum ct_verdict verdict;
	enum ct_reason reason;
	u32 status;
	u32 timeout;
	bool stays;
	union ct_state next;
};

/**
 * struct ct_proto - a protocol
 * @name: as /proc prints it
 * @protonum: IPPROTO_*; 0 for the one that serves the rest
 * @family: NFPROTO_*; NFPROTO_UNSPEC for both
 * @has_phase: has states, of whose changes listeners want to hear
 * @read: read the layer 4 part of a tuple from at most the first eight bytes
 *	at @off, all that an ICMP error is sure to quote (RFC 792); %NULL if
 *	there is none. Return: false if they are not there
 * @check: read the header of @pkt once and for all: validate it, fill the layer
 *	4 part of the tuple and the protocol's part of @pkt; %NULL if there is no
 *	header that is known
 * @quote: offset of the packet that this one (an error) quotes; 0 if it is
 *	not an error; %NULL if it never is
 * @invert: layer 4 part of the inverse; %NULL for swapped ports. Return: false
 *	if there is no inverse
 * @identify: layer 4 part of a key from a tuple; %NULL for ports that go with
 *	their ends. Return: true if the tuple's direction is that of an answer
 * @restore: the way back; @answer as returned by @identify; %NULL likewise
 * @judge: judge @pkt, which came in direction @dir of @flow, or which has no
 *	flow yet (%NULL). Writes all of @j but what @j->verdict makes
 *	meaningless. Pure: reads its arguments, writes @j
 * @print_tuple: write the layer 4 part of a tuple at @p, 40 bytes at most, each
 *	field with a space behind. Return: where to go on;
 *	%NULL for nothing
 * @print_state: the same for what stands between the timeout and the first
 *	tuple; %NULL for nothing
 * @is_open: was the flow answered, but its handshake not completed, or did nothing
 *	come of it: could anybody have begun it in another's name? %NULL for no
 * @worth: how much the flow is worth keeping when there is no room: 0 is
 *	given up first; %NULL for 1
 * @lifetime: jiffies that a packet like its last gives the flow: with what is
 *	left of them, an estimate of how long it has been idle
 *
 * All are called in any context, with the flow lock held where there is a
 * flow, but for @worth and @lifetime, which look at it without.
 */
struct ct_proto {
	const char *name;
	u8 protonum;
	u8 family;
	bool has_phase;

	bool (*read)(const struct sk_buff *skb, unsigned int off,
		     struct ct_tuple *tuple);
	enum ct_reason (*check)(struct ct_pkt *pkt);
	unsigned int (*quote)(const struct ct_pkt *pkt);

	bool (*invert)(struct ct_tuple *inverse, const struct ct_tuple *tuple);
	bool (*identify)(const struct ct_tuple *tuple, struct ct_key *key);
	void (*restore)(struct ct_tuple *tuple, const struct ct_key *key,
			bool answer);

	void (*judge)(const struct ct_flow *flow, const struct ct_pkt *pkt,
		      enum ip_conntrack_dir dir, struct ct_judgement *j);

	char *(*print_tuple)(char *p, const struct ct_tuple *tuple);
	char *(*print_state)(char *p, const union ct_state *state);
	bool (*is_open)(const struct ct_flow *flow);
	unsigned int (*worth)(const struct ct_flow *flow);
	u32 (*lifetime)(const struct ct_flow *flow,
			const struct ct_knobs *knobs);
};

extern const struct ct_proto ct_proto_tcp;
extern const struct ct_proto ct_proto_udp;
extern const struct ct_proto ct_proto_icmp;
extern const struct ct_proto ct_proto_icmpv6;
extern const struct ct_proto ct_proto_sctp;
extern const struct ct_proto ct_proto_gre;
extern const struct ct_proto ct_proto_generic;

extern const struct ct_proto *const ct_protos[U8_MAX + 1];

/**
 * ct_proto_find() - the protocol that serves a packet
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @protonum: IPPROTO_*
 *
 * Context: any.
 *
 * Return: the protocol; never %NULL.
 */
static inline const struct ct_proto *ct_proto_find(u8 family, u8 protonum)
{
	const struct ct_proto *proto = ct_protos[protonum];

	if (unlikely(!proto))
		return &ct_proto_generic;
	if (unlikely(proto->family != NFPROTO_UNSPEC &&
		     proto->family != family))
		return &ct_proto_generic;
	return proto;
}

/* Named where they are called often: a direct call costs less. */
enum ct_reason ct_tcp_check(struct ct_pkt *pkt);
enum ct_reason ct_udp_check(struct ct_pkt *pkt);
void ct_tcp_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
		  enum ip_conntrack_dir dir, struct ct_judgement *j);
void ct_udp_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
		  enum ip_conntrack_dir dir, struct ct_judgement *j);

/**
 * ct_proto_check() - read a packet's transport header
 * @pkt: the packet, its addresses read, @pkt->proto set
 *
 * Return: CT_R_OK, or why the packet is not to be tracked.
 */
static inline enum ct_reason ct_proto_check(struct ct_pkt *pkt)
{
	if (!pkt->proto->check)
		return CT_R_OK;
	return INDIRECT_CALL_2(pkt->proto->check, ct_tcp_check, ct_udp_check,
			       pkt);
}

/**
 * ct_proto_judge() - judge a packet
 * @flow: its flow, the lock held; %NULL if it has none yet
 * @pkt: the packet
 * @dir: its direction
 * @j: the judgement
 */
static inline void ct_proto_judge(const struct ct_flow *flow,
				  const struct ct_pkt *pkt,
				  enum ip_conntrack_dir dir,
				  struct ct_judgement *j)
{
	INDIRECT_CALL_2(pkt->proto->judge, ct_tcp_judge, ct_udp_judge, flow,
			pkt, dir, j);
}

/* Shared by the protocols whose first four bytes are two ports. */
bool ct_ports_read(const struct sk_buff *skb, unsigned int off,
		   struct ct_tuple *tuple);
char *ct_ports_print(char *p, const struct ct_tuple *tuple);

enum ct_reason ct_checksum_verify(const struct ct_pkt *pkt);

/**
 * ct_checksum() - verify the transport checksum of a packet
 * @pkt: the packet, its tuple and @pkt->l4off filled
 *
 * Only at PRE_ROUTING: what this host sends may not have its checksum yet, and
 * what is delivered is verified by its receiver.
 *
 * Return: CT_R_OK or CT_R_CHECKSUM.
 */
static inline enum ct_reason ct_checksum(const struct ct_pkt *pkt)
{
	if (likely(pkt->hook != NF_INET_PRE_ROUTING ||
		   skb_csum_unnecessary(pkt->skb)))
		return CT_R_OK;
	return ct_checksum_verify(pkt);
}

/**
 * ct_judge_refuse() - refuse a packet
 * @j: the judgement
 * @reason: why
 */
static inline void ct_judge_refuse(struct ct_judgement *j,
				   enum ct_reason reason)
{
	j->verdict = CT_REFUSE;
	j->reason = reason;
	j->stays = true;
}

/**
 * ct_judge_accept() - accept a packet
 * @j: the judgement
 * @flow: its flow; %NULL if it has none yet
 * @timeout: jiffies until the flow ends
 *
 * The state stays as it is, and is zero in a new flow.
 */
static inline void ct_judge_accept(struct ct_judgement *j,
				   const struct ct_flow *flow, u32 timeout)
{
	j->verdict = CT_ACCEPT;
	j->reason = CT_R_OK;
	j->status = 0;
	j->timeout = timeout;
	j->stays = flow;
	if (!flow)
		memset(&j->next, 0, sizeof(j->next));
}

/**
 * ct_proto_quote() - does a packet quote another?
 * @pkt: the packet
 *
 * Return: offset of the packet that it quotes; 0 if it is not an ICMP error.
 */
static inline unsigned int ct_proto_quote(const struct ct_pkt *pkt)
{
	return pkt->proto->quote ? pkt->proto->quote(pkt) : 0;
}

/**
 * ct_tuple_sport() - source port of a tuple, as rules know it
 * @t: the tuple
 *
 * Return: the port; of a query protocol its identifier.
 */
static inline __be16 ct_tuple_sport(const struct ct_tuple *t)
{
	return ct_proto_find(t->family, t->protonum)->identify ? t->icmp.id :
								 t->sport;
}

/**
 * ct_tuple_dport() - destination port of a tuple, as rules know it
 * @t: the tuple
 *
 * Return: the port; of a query protocol its type and code.
 */
static inline __be16 ct_tuple_dport(const struct ct_tuple *t)
{
	return ct_proto_find(t->family, t->protonum)->identify ?
	       htons(t->icmp.type << 8 | t->icmp.code) : t->dport;
}

/**
 * ct_timeout() - a timeout of the packet's namespace
 * @pkt: the packet
 * @timeout: which
 *
 * Return: jiffies.
 */
static inline u32 ct_timeout(const struct ct_pkt *pkt, enum ct_timeout timeout)
{
	return READ_ONCE(pkt->cnet->knobs.timeout[timeout]);
}

#endif /* CT_PROTO_H */
