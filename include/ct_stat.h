/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters and reasons.
 *
 * Every packet that is refused has a reason, and every reason a counter. The
 * counters are per CPU and per namespace, written with bottom halves off, and
 * added up by whoever reads them.
 */
#ifndef CT_STAT_H
#define CT_STAT_H

#include <linux/atomic.h>
#include <linux/percpu.h>
#include <linux/types.h>

/*
 * Why a packet was not tracked: enum ct_reason. CT_R_OK is none. Reasons below
 * CT_R_INVALID leave the packet alone without a complaint; those above make it
 * INVALID.
 */
#define CT_REASONS(X)							\
	X(OK,			"tracked")				\
	X(UNTRACKED,		"not to be tracked")			\
	X(NODEFRAG,		"fragment of a socket that asked for no defragmentation") \
	X(INVALID,		"invalid")				\
	X(IP_HEADER,		"truncated or malformed IP header")	\
	X(IP_LENGTH,		"IP length beyond the packet")		\
	X(FRAGMENT,		"fragment")				\
	X(L4_HEADER,		"truncated transport header")		\
	X(L4_LENGTH,		"transport length beyond the packet")	\
	X(CHECKSUM,		"wrong checksum")			\
	X(TCP_FLAGS,		"impossible TCP flags")			\
	X(TCP_OPTIONS,		"malformed TCP options")		\
	X(TCP_NOT_SYN,		"TCP segment of no known connection")	\
	X(TCP_STATE,		"TCP segment out of state")		\
	X(TCP_SEQ_OVER,		"TCP sequence above the window")	\
	X(TCP_ACK_OVER,		"TCP acknowledgment of data not seen")	\
	X(TCP_RST_SEQ,		"TCP reset before the window")		\
	X(ICMP_TYPE,		"unknown ICMP type")			\
	X(ICMP_NO_QUERY,	"ICMP answer without a question")	\
	X(ICMP_QUOTE,		"ICMP error with a malformed quote")	\
	X(ICMP_NO_FLOW,		"ICMP error about no known flow")	\
	X(ICMP_OUTER,		"ICMP error not sent to the quoted source") \
	X(ICMP_REDIRECT,	"ICMPv6 redirect from beyond the link")	\
	X(SCTP_CHUNK,		"malformed or impossible SCTP chunk")	\
	X(SCTP_VTAG,		"wrong SCTP verification tag")		\
	X(SCTP_STATE,		"SCTP chunk out of state")		\
	X(GRE_HEADER,		"malformed GRE header")			\
	X(TAKEN,		"replies would be those of another connection")	\
	X(NAT_FULL,		"translation: nothing is free")		\
	X(NAT_LOST,		"translation: no memory")		\
	X(NAT_WRITE,		"translation: cannot be written")	\
	X(NAT_MOVED,		"translation: another way out")

#define CT_R_ENUM(name, ...) CT_R_##name,
enum ct_reason {
	CT_REASONS(CT_R_ENUM)
	CT_R_MAX
};

#undef CT_R_ENUM

/*
 * Why a flow ended: enum ct_ended. From CT_ENDED_EARLY on it was before its
 * time (column "delete_list").
 */
#define CT_ENDS(X)							\
	X(TIMEOUT,	"its time was over")				\
	X(RENEWED,	"a new connection took its place")		\
	X(RESET,	"nothing but a reset came of it")		\
	X(DISPLACED,	"a translator gave its place away")		\
	X(EVICTED,	"given up for room")				\
	X(REQUEST,	"deleted by request")				\
	X(NAMESPACE,	"its namespace went")

#define CT_E_ENUM(name, ...) CT_ENDED_##name,
enum ct_ended {
	CT_ENDS(CT_E_ENUM)
	CT_ENDED_MAX,
	CT_ENDED_EARLY = CT_ENDED_DISPLACED
};

#undef CT_E_ENUM

/**
 * enum ct_rank - what a flow is worth when there is no room: ct_room.c
 * @CT_RANK_CLOSING: it ends anyway
 * @CT_RANK_UNREPLIED: it was never answered
 * @CT_RANK_REPLIED: it was, but is not assured
 * @CT_RANK_ASSURED: it is
 * @CT_RANKS: how many there are
 */
enum ct_rank {
	CT_RANK_CLOSING,
	CT_RANK_UNREPLIED,
	CT_RANK_REPLIED,
	CT_RANK_ASSURED,
	CT_RANKS
};

/**
 * struct ct_stat - counters of one CPU in one namespace
 * @searched: nodes compared in look-ups
 * @found: packets whose flow was found
 * @fresh: flows created (column "new")
 * @insert: flows inserted
 * @unreplied: flows that were never answered; see ct_kind_add()
 * @assured: assured flows; the same
 * @room: no counter: flows that this CPU may make without asking; ct_room.c
 * @ignore: packets left alone
 * @ended: flows removed (column "delete"), by why
 * @insert_failed: flows that could not be inserted
 * @drop: packets dropped for want of room or memory
 * @early_drop: flows given up to make room
 * @icmp_error: ICMP errors that were invalid
 * @search_restart: look-ups begun again because a chain moved away
 * @clash: first packets that joined the flow of another first packet
 * @looked_again: packets that carried no answer at the last hook
 * @asked_again: packets that carried no answer when a rule asked
 * @pending_lost: first packets of which what rules said was lost, or what they
 *	were before translation, for want of room or memory
 * @event_lost: events that somebody who wanted to know did not get
 * @event_late: ends of flows that were told again until all had got them
 * @given_up: flows given up to make room, by what they were worth
 * @room_passed: first packets that got no flow for want of room, and passed
 * @source_full: first packets dropped for what their source had already
 * @reason: packets by reason
 *
 * What a new flow changes comes first, and is in one cache line.
 */
struct ct_stat {
	u32 searched;
	u32 found;
	u32 fresh;
	u32 insert;
	u32 unreplied;
	u32 assured;
	atomic_t room;
	u32 ignore;
	u32 ended[CT_ENDED_MAX];
	u32 insert_failed;
	u32 drop;
	u32 early_drop;
	u32 icmp_error;
	u32 search_restart;
	u32 clash;
	u32 looked_again;
	u32 asked_again;
	u32 pending_lost;
	u32 event_lost;
	u32 event_late;
	u32 given_up[CT_RANKS];
	u32 room_passed;
	u32 source_full;
	u32 reason[CT_R_MAX];
} __aligned(32);

/*
 * Bottom halves are off where these are used, which is enough for the plain
 * increment, except where that leaves the section preemptible.
 */
#ifdef CONFIG_PREEMPT_RT
#define ct_cpu_add(var, n) this_cpu_add(var, n)
#else
#define ct_cpu_add(var, n) __this_cpu_add(var, n)
#endif
#define ct_stat_add(cnet, field, n) ct_cpu_add((cnet)->stat->field, n)
#define ct_stat_inc(cnet, field) ct_stat_add(cnet, field, 1)

struct ct_net;

u64 ct_stat_sum(const struct ct_net *cnet, size_t offset);
unsigned int ct_room_used(const struct ct_net *cnet);
unsigned int ct_stat_kind(const struct ct_net *cnet, size_t offset);
const char *ct_reason_text(enum ct_reason reason);

/**
 * ct_reason_is_invalid() - does this reason make a packet INVALID?
 * @reason: the reason
 *
 * Return: true if it does.
 */
static inline bool ct_reason_is_invalid(enum ct_reason reason)
{
	return reason >= CT_R_INVALID;
}

/**
 * ct_stat_invalid() - how many packets were INVALID
 * @stat: counters of one CPU
 *
 * Return: the sum over all reasons.
 */
static inline u32 ct_stat_invalid(const struct ct_stat *stat)
{
	u32 sum = 0;
	int i;

	for (i = CT_R_INVALID; i < CT_R_MAX; i++)
		sum += stat->reason[i];
	return sum;
}

/**
 * ct_stat_ended() - how many flows ended
 * @stat: counters of one CPU
 * @from: for this reason and those after it
 *
 * Return: the sum.
 */
static inline u32 ct_stat_ended(const struct ct_stat *stat, enum ct_ended from)
{
	u32 sum = 0;
	int i;

	for (i = from; i < CT_ENDED_MAX; i++)
		sum += stat->ended[i];
	return sum;
}

#endif /* CT_STAT_H */
