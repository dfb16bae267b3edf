/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a network namespace has: limits, timeouts, knobs and counters.
 */
#ifndef CT_NET_H
#define CT_NET_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "ct_stat.h"

struct ct_bridge_ops;
struct ct_flow;
struct ct_pending;
struct ct_pending_pool;
struct ct_said;
struct ctl_table_header;

/*
 * Timeouts: X(NAME, sysctl name, seconds). The TCP ones stand in the order of
 * enum ct_tcp_state from SYN_SENT on, the SCTP ones in that of enum
 * ct_sctp_state from CLOSED on. RFC 9293, 3.5 and 3.6 name the TCP states;
 * RFC 5382 and RFC 4787 what a middle box owes them.
 */
#define CT_TIMEOUTS(X)							\
	X(TCP_SYN_SENT,		"tcp_timeout_syn_sent",		120)	\
	X(TCP_SYN_RECV,		"tcp_timeout_syn_recv",		60)	\
	X(TCP_ESTABLISHED,	"tcp_timeout_established",	432000)	\
	X(TCP_FIN_WAIT,		"tcp_timeout_fin_wait",		120)	\
	X(TCP_CLOSE_WAIT,	"tcp_timeout_close_wait",	60)	\
	X(TCP_LAST_ACK,		"tcp_timeout_last_ack",		30)	\
	X(TCP_TIME_WAIT,	"tcp_timeout_time_wait",	120)	\
	X(TCP_CLOSE,		"tcp_timeout_close",		10)	\
	X(TCP_RETRANS,		"tcp_timeout_max_retrans",	300)	\
	X(TCP_UNACK,		"tcp_timeout_unacknowledged",	300)	\
	X(UDP,			"udp_timeout",			30)	\
	X(UDP_STREAM,		"udp_timeout_stream",		120)	\
	X(UDP_ANSWERED,		"udp_timeout_answered",		0)	\
	X(ICMP,			"icmp_timeout",			30)	\
	X(ICMPV6,		"icmpv6_timeout",		30)	\
	X(GENERIC,		"generic_timeout",		600)	\
	X(SCTP_CLOSED,		"sctp_timeout_closed",		10)	\
	X(SCTP_COOKIE_WAIT,	"sctp_timeout_cookie_wait",	3)	\
	X(SCTP_COOKIE_ECHOED,	"sctp_timeout_cookie_echoed",	3)	\
	X(SCTP_ESTABLISHED,	"sctp_timeout_established",	210)	\
	X(SCTP_SHUTDOWN_SENT,	"sctp_timeout_shutdown_sent",	3)	\
	X(SCTP_SHUTDOWN_RECD,	"sctp_timeout_shutdown_recd",	3)	\
	X(SCTP_SHUTDOWN_ACK_SENT, "sctp_timeout_shutdown_ack_sent", 3)	\
	X(SCTP_HEARTBEAT_SENT,	"sctp_timeout_heartbeat_sent",	30)	\
	X(GRE,			"gre_timeout",			30)	\
	X(GRE_STREAM,		"gre_timeout_stream",		180)

#define CT_TO_ENUM(name, ...) CT_TO_##name,
enum ct_timeout {
	CT_TIMEOUTS(CT_TO_ENUM)
	CT_TO_MAX
};

#undef CT_TO_ENUM

/* Longest timeout: half the range of a 32-bit clock, in whole seconds. */
#define CT_TIMEOUT_MAX_SECS (INT_MAX / HZ)

/**
 * struct ct_knobs - what the administrator sets
 * @timeout: by enum ct_timeout, in jiffies
 * @max: most flows; 0 for no limit
 * @checksum: verify checksums at PRE_ROUTING
 * @log_invalid: protocol whose INVALID packets are logged; 255 for all
 * @acct: show counters
 * @timestamp: note when flows begin
 * @events: send events to listeners
 * @tcp_loose: pick up connections in their middle
 * @tcp_be_liberal: judge only resets by the window
 * @tcp_max_retrans: repeats before the short timeout applies
 * @tcp_ignore_invalid_rst: let resets from before the window pass
 * @full_policy: enum ct_full_policy
 * @source_prefix4: bits of an IPv4 address that make a source; set by
 *	ct_source_set_prefix() only
 * @source_prefix6: the same for IPv6
 * @max_per_source: most flows of a source, 0 for no limit; set by
 *	ct_source_set_limit() only
 * @buckets_auto: the number of buckets follows that of flows; this and the
 *	next two are the initial namespace's
 * @buckets_min: not below this
 * @buckets_max: not above this
 *
 * Written by sysctl without a lock, each field by itself; read with
 * READ_ONCE() on every packet.
 */
struct ct_knobs {
	u32 timeout[CT_TO_MAX];
	unsigned int max;
	unsigned int max_per_source;
	unsigned int buckets_min;
	unsigned int buckets_max;
	u8 checksum;
	u8 log_invalid;
	u8 acct;
	u8 timestamp;
	u8 events;
	u8 tcp_loose;
	u8 tcp_be_liberal;
	u8 tcp_max_retrans;
	u8 tcp_ignore_invalid_rst;
	u8 full_policy;
	u8 source_prefix4;
	u8 source_prefix6;
	u8 buckets_auto;
};

/* Numbers of namespaces: 16 bits in a flow, and five in its key */
#define CT_NET_NUMBERS	BIT(20)
#define CT_NET_NONE	U32_MAX

/* A first and a last hook, on the way in and out, for each family */
#define CT_HOOKS (IS_ENABLED(CONFIG_IPV6) ? 8 : 4)

/* bridge/ct_bridge.c */
#define CT_BRIDGE_HOOKS 2

/* enum ct_event has so many */
#define CT_EVENT_KINDS 3

/**
 * enum ct_naming - under which names something is offered
 * @CT_NAMES_CLASSIC: ip_conntrack, as Linux 2.4 and 2.6 had it
 * @CT_NAMES_NF: nf_conntrack, where that is not there to offer it
 * @CT_NAMINGS: how many there are
 */
enum ct_naming {
	CT_NAMES_CLASSIC,
	CT_NAMES_NF,
	CT_NAMINGS
};

/**
 * struct ct_no_room - of a namespace that has as many flows as it may have
 * @vain: when room was last looked for in vain; jiffies
 * @vain_assured: the same, when assured flows could have been given up
 * @swept: when it was last looked for with more time
 * @sweep: does that
 */
struct ct_no_room {
	u32 vain;
	u32 vain_assured;
	u32 swept;
	struct delayed_work sweep;
};

/**
 * struct ct_net - tracker of one network namespace
 * @net: the namespace; valid for as long as this is
 * @count: flows alive, and room that CPUs have in hand: ct_room.c
 * @in_hand: some CPU may have some; no lock: see ct_room.c
 * @knobs: what the administrator sets
 * @stat: counters
 * @key_word: what the second word of all keys of this namespace has beside their
 *	ends: the high bits of @number
 * @hash_mix: salt of this namespace's hashes
 * @number: by which its flows know it; CT_NET_NONE where there was none left
 * @id: the low bits of it
 * @leaving: it is on its way out; see ct_net_alive()
 * @pending: packets on their way that have no flow yet: ct_pending.c
 * @said: what rules said of some of them, by tuple; the same
 * @nat_lost: what packets refer to that may have to be translated, and of which
 *	nothing can be kept: they are dropped. %NULL where nothing is translated here;
 *	set once, under nat/ct_nat_main.c's hooks_lock, read anywhere, freed at the end
 * @bridge: what the tracker asks of bridges, while bridged packets are tracked;
 *	under ct_bridged.c's lock, read under RCU
 * @bridge_users: rules that ask for that; under a lock of bridge/ct_bridge.c
 * @hooks: the hooks, which are given this structure
 * @bridge_hooks: those of bridges, the same
 * @sysctl: all knobs, and the limit once more, a folder further up
 * @setting: of what ct_source.c sets, one at a time
 * @no_room: what ct_room.c keeps
 * @unheard: jiffy in which nobody listened to a kind of event: ct_event.h; without a
 *	lock, each word for itself
 */
struct ct_net {
	struct net *net;
	struct ct_knobs knobs;
	struct ct_stat __percpu *stat;
	struct ct_pending_pool __percpu *pending;
	struct ct_said *said;
	struct ct_pending *nat_lost;
	u64 key_word;
	u32 hash_mix;
	u32 number;
	u16 id;
	bool leaving;
	const struct ct_bridge_ops *bridge;
	unsigned int bridge_users;
	struct nf_hook_ops hooks[CT_HOOKS];
	struct nf_hook_ops bridge_hooks[CT_BRIDGE_HOOKS];
	struct ctl_table_header *sysctl[CT_NAMINGS][2];
	struct mutex setting;	/* see above */
	struct ct_no_room no_room;
	u32 unheard[CT_EVENT_KINDS];
	atomic_t count ____cacheline_aligned_in_smp;
	bool in_hand;
};

extern unsigned int ct_net_id;
extern struct ct_net *ct_net_initial;	/* of the initial namespace */

static inline struct ct_net *ct_net(const struct net *net)
{
	return net_generic(net, ct_net_id);
}

/**
 * ct_net_alive() - the tracker of a namespace that may be on its way out
 * @net: the namespace
 *
 * An RCU grace period passes between the mark and the end.
 *
 * Context: RCU read-side section.
 *
 * Return: the tracker, for as long as the section lasts, or %NULL.
 */
static inline struct ct_net *ct_net_alive(const struct net *net)
{
	struct ct_net *cnet = ct_net(net);

	return READ_ONCE(cnet->leaving) ? NULL : cnet;
}

/**
 * ct_now() - the clock of everything here
 *
 * Return: jiffies, low 32 bits.
 */
static inline u32 ct_now(void)
{
	return (u32)jiffies;
}

/**
 * ct_left() - how long until a time
 * @expires: the time
 * @now: the present
 *
 * Return: jiffies; negative if it has passed.
 */
static inline s32 ct_left(u32 expires, u32 now)
{
	return (s32)(expires - now);
}

/**
 * ct_net_max() - most flows that a namespace may have
 * @cnet: the namespace
 *
 * No namespace has more than the initial one allows.
 *
 * Return: the number; 0 for no limit.
 */
static inline unsigned int ct_net_max(const struct ct_net *cnet)
{
	unsigned int all = READ_ONCE(ct_net_initial->knobs.max);
	unsigned int own = READ_ONCE(cnet->knobs.max);

	return min_not_zero(own, all);
}

int ct_net_enroll(struct ct_net *cnet);
void ct_net_dismiss(struct ct_net *cnet);
void ct_net_each(void (*visit)(struct ct_net *cnet));
struct ct_net *ct_flow_net(const struct ct_flow *flow);
void ct_net_set_ending(struct ct_net *cnet);
bool ct_flow_is_ending(const struct ct_flow *flow);

void ct_knobs_init(struct ct_net *cnet, unsigned int max, bool acct);

#endif /* CT_NET_H */
