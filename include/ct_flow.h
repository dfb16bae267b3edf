/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a flow is: keys, nodes, flows and their rare parts.
 *
 * One object per flow. The two ends of a connection are put in a canonical
 * order before they are hashed, so the packets of both directions meet in one
 * bucket; which of the ends sent a packet falls out of putting its tuple in
 * order. Only a translated flow, whose two directions have different ends,
 * needs a second node in the table (struct ct_alias).
 *
 * An IPv4 flow is two cache lines. The first is what a search reads, and what
 * few packets change. The second has what every packet writes: the lock, the end,
 * the counters. Of TCP's state, of which each segment writes most, there is some
 * in either.
 *
 * Life-cycle
 *	ct_flow_create() free object -> private; IPS_DYING stays set, so that a
 *			 reader who still holds a pointer to the object's former
 *			 life turns away
 *	ct_flow_confirm() IPS_DYING cleared with release semantics and the node
 *			 linked, under one hold of the stripe
 *	ct_flow_end_unlock(), or the reaper: ct_flow_kill_expired()
 *			 IPS_DYING set under @lock by exactly one caller, who
 *			 unlinks the nodes and frees the object
 *
 * The slab is SLAB_TYPESAFE_BY_RCU: the memory stays a flow for as long as a
 * reader is in an RCU read-side section, but not necessarily the same flow.
 * Whoever found a flow without a lock takes @lock and checks IPS_DYING, then
 * the identity it looked for, before it believes anything else.
 *
 * Lock order
 *	table stripe (ct_hash.c) -> flow lock -> source lock (ct_source.c), all
 *	with bottom halves off. Two stripes: lower index first. Never two flows,
 *	never two sources. What stands around these is in docs/locking.md.
 *
 * Legend of the tags below
 *	[H] immutable while the flow can be found; written before publication, by
 *	    WRITE_ONCE: who saw the memory in its former life may still be reading
 *	[S] the stripe lock of the hash; read under RCU
 *	[F] flow lock
 *	[f] written under the flow lock, read without it (READ_ONCE)
 */
#ifndef CT_FLOW_H
#define CT_FLOW_H

#include <linux/in6.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "ct_net.h"

/* ct_key.kind */
#define CT_KEY_IPV6	0x01	/* addr[] are folds; the addresses are behind */
#define CT_KEY_ASKER	0x02	/* query protocols: the asking end is end 1 */
#define CT_KEY_LINK	0x04	/* link-local addresses have their interface in them */
#define CT_KEY_NET	0x78	/* high bits of the namespace's number */
#define CT_KEY_ALIAS	0x80	/* the node is a struct ct_alias; not compared */

#define CT_KEY_NET_SHIFT	13	/* from there to where they are in it */

/**
 * struct ct_key - the two ends of a flow, in canonical order
 * @addr: IPv4 addresses, or for IPv6 a 32-bit fold of each address
 * @port: ports of the ends; for query protocols (ICMP) the identifier, and
 *	the type and code of the question
 * @protonum: IPPROTO_*
 * @kind: CT_KEY_*
 * @zone: connection tracking zone
 * @word: all of it, for comparison
 *
 * Has no padding: it is hashed and compared as words.
 */
struct ct_key {
	union {
		struct {
			__be32 addr[2];
			__be16 port[2];
			u8 protonum;
			u8 kind;
			u16 zone;
		};
		u64 word[2];
	};
};

static_assert(sizeof(struct ct_key) == 16);

/**
 * struct ct_node - what is linked into a bucket
 * @next: [S] next node of the bucket, or an end marker (bit 0 set)
 * @key: [H] key
 */
struct ct_node {
	struct ct_node __rcu *next;
	struct ct_key key;
};

/**
 * struct ct_tcp_peer - what is known of one end of a TCP connection
 * @end: highest sequence number it sent, plus one
 * @maxend: highest sequence number it may send: acknowledgment plus window
 *	of the other end
 * @maxack: highest acknowledgment it sent; of who has not spoken yet, in SYN_SENT,
 *	how much data the SYN had that was let through beside the first one
 * @maxwin: widest window it offered, in units of 1 << @scale, rounded up
 * @scale: its window scale (RFC 7323, 2.2)
 * @flags: CT_TCP_F_*
 */
struct ct_tcp_peer {
	u32 end;
	u32 maxend;
	u32 maxack;
	u16 maxwin;
	u8 scale;
	u8 flags;
};

/**
 * struct ct_tcp - TCP state of a flow
 * @state: enum ct_tcp_state
 * @last: kind of the last segment (enum ct_tcp_kind), and CT_TCP_LAST_REPLY
 *	where it came in reply direction
 * @retrans: how often the last acknowledgment was repeated
 * @last_opts: options of a SYN that was let through unjudged: window scale in
 *	the low four bits, CT_TCP_LAST_SACK, CT_TCP_LAST_WSCALE
 * @peer: the two ends, by direction
 * @last_mark: what identifies the last segment: the sequence number of a SYN,
 *	or a mix of the fields of an acknowledgment
 */
struct ct_tcp {
	u8 state;
	u8 last;
	u8 retrans;
	u8 last_opts;
	struct ct_tcp_peer peer[2];
	u32 last_mark;
};

/**
 * struct ct_sctp - SCTP state of a flow
 * @state: enum ct_sctp_state
 * @flags: CT_SCTP_F_*
 * @stray_dir: direction of the packet that @stray was seen in
 * @vtag: verification tag that packets carry, by direction; 0 if not known
 * @offer: the same for associations that are being set up: the first that was
 *	tried, and the last, of which one may be forged
 * @stray: unknown tag of the last HEARTBEAT; 0 if there was none
 */
struct ct_sctp {
	u8 state;
	u8 flags;
	u8 stray_dir;
	__be32 vtag[2];
	__be32 offer[2][2];
	__be32 stray;
};

/* Both ends of a flow still talk: from then on it is a stream (ct_proto_udp.c). */
#define CT_UDP_STREAM_AFTER	(2 * HZ)

/**
 * struct ct_udp - UDP state of a flow
 * @stream_from: jiffies from which two-way traffic counts as a stream
 */
struct ct_udp {
	u32 stream_from;
};

/**
 * struct ct_gre - GRE state of a flow
 * @timeout: jiffies without a reply
 * @stream_timeout: jiffies with replies
 */
struct ct_gre {
	u32 timeout;
	u32 stream_timeout;
};

/**
 * union ct_state - what a protocol keeps in a flow
 * @phase: of protocols that have states (ct_proto.has_phase), which it is in:
 *	the first field of what they keep
 * @tcp: TCP
 * @sctp: SCTP
 * @udp: UDP
 * @gre: GRE
 *
 * Copied whole into and out of a judgement, hence small.
 */
union ct_state {
	u8 phase;
	struct ct_tcp tcp;
	struct ct_sctp sctp;
	struct ct_udp udp;
	struct ct_gre gre;
};

static_assert(sizeof(union ct_state) == 40);
static_assert(!offsetof(struct ct_tcp, state));
static_assert(!offsetof(struct ct_sctp, state));

/* Private bits of ct_flow.status, in places that no real flow uses */
#define CT_FLOW_ORIGIN	IPS_TEMPLATE	/* the originator is end 1 of the key */
#define CT_FLOW_COUNTED	BIT(12)		/* among its source's: ct_source.c */
#define CT_FLOW_NEW_PENDING	BIT(15)		/* nobody heard of it yet: ct_event.c */
#define CT_FLOW_BOUND	IPS_SEQ_ADJUST	/* translated by us: nat/ct_nat.c */
#define CT_FLOW_PRIVATE	(CT_FLOW_ORIGIN | CT_FLOW_COUNTED | \
			 CT_FLOW_NEW_PENDING | CT_FLOW_BOUND)

/**
 * struct ct_flow - a tracked connection
 * @node: its place in the table; @node.key is the original direction's
 * @hash: [H] hash of @node.key, salted with the namespace
 * @status: [f] IPS_* and CT_FLOW_*
 * @net: [H] namespace, as struct ct_net.id; the rest of its number is in the key
 * @more: [F] what few flows have: 0 mostly; see ct_flow_alias() and ct_flow_rare()
 * @mark: [f] connection mark
 * @state: [F] protocol state
 * @lock: the flow lock; initialised by the slab's constructor only
 * @expires: [f] when the flow ends, in jiffies (low 32 bits)
 * @packets_high: [F] bits 32 to 47 of the packet counters
 * @bytes: [F] bytes by direction
 * @packets_low: [F] bits 0 to 31 of the packet counters
 *
 * 120 bytes on a 64-bit kernel without lock debugging: SLUB keeps the free
 * pointer of a type-stable object behind it, and both are to fit in 128.
 */
struct ct_flow {
	struct ct_node node;
	u32 hash;
	u16 status;
	u16 net;
	unsigned long more;
	u32 mark;
	union ct_state state;
	spinlock_t lock;	/* see the head of this file */
	u32 expires;
	u16 packets_high[2];
	u64 bytes[2];
	u32 packets_low[2];
};

/**
 * struct ct_flow6 - a tracked IPv6 connection
 * @flow: what it shares with IPv4
 * @addr: [H] the addresses, in the order of @flow.node.key, as in struct ct_lookup_key
 */
struct ct_flow6 {
	struct ct_flow flow;
	struct in6_addr addr[2];
};

#if !defined(CONFIG_PREEMPT_RT) && !defined(CONFIG_DEBUG_SPINLOCK) && \
	!defined(CONFIG_DEBUG_LOCK_ALLOC)
static_assert(sizeof(struct ct_flow) + sizeof(void *) <= 128);
static_assert(offsetof(struct ct_flow, mark) < 64 &&
	      offsetof(struct ct_flow, lock) >= 64);
static_assert(sizeof(struct ct_flow6) + sizeof(void *) <= 192);
#endif

/**
 * struct ct_alias - second node of a translated flow, or of one whose directions are in
 *	different zones: its reply direction
 * @node: its place in the table
 * @flow: [H] the flow
 * @ext: [F] what else few flows have
 * @hash: [H] hash of @node.key
 * @net: [H] namespace, as struct ct_net.id
 * @sender: [H] which end of @node.key sends the replies
 * @oif: [H] index of the interface that packets of the original direction may leave
 *	by, as their source is an address of it; 0 for any
 *
 * Type-stable like the flow. After locking @flow a reader checks that the flow
 * still has this very alias before it believes what it found.
 */
struct ct_alias {
	struct ct_node node;
	struct ct_flow *flow;
	struct ct_ext *ext;
	u32 hash;
	u16 net;
	u8 sender;
	int oif;
};

/**
 * struct ct_alias6 - the same of IPv6
 * @alias: what it shares with IPv4
 * @addr: [H] the addresses
 */
struct ct_alias6 {
	struct ct_alias alias;
	struct in6_addr addr[2];
};

/* With the free pointer behind it, as struct ct_flow */
static_assert(sizeof(struct ct_alias) + sizeof(void *) <= 64);
static_assert(sizeof(struct ct_alias6) + sizeof(void *) <= 128);

static inline struct ct_alias6 *ct_alias6(const struct ct_alias *alias)
{
	return container_of(alias, struct ct_alias6, alias);
}

#define CT_LABEL_WORDS	4	/* 128 labels, as tools know them */
#define CT_LABEL_BITS	(CT_LABEL_WORDS * 32)

/**
 * struct ct_ext - what few flows have
 * @start: [F] when the flow began, ns since 1970; 0 without timestamps
 * @labels: [F] connection labels
 * @has_labels: [F] it has been given some, if only zeros
 * @events: [F] which events are wanted, bits 1 << enum ip_conntrack_events
 */
struct ct_ext {
	u64 start;
	u32 labels[CT_LABEL_WORDS];
	bool has_labels;
	u16 events;
};

static inline bool ct_flow_is_ipv6(const struct ct_flow *flow)
{
	return flow->node.key.kind & CT_KEY_IPV6;
}

static inline u8 ct_flow_family(const struct ct_flow *flow)
{
	return ct_flow_is_ipv6(flow) ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

static inline struct ct_flow6 *ct_flow6(const struct ct_flow *flow)
{
	return container_of(flow, struct ct_flow6, flow);
}

/* In ct_flow.more: it leads to a struct ct_alias, and not to a struct ct_ext. */
#define CT_MORE_ALIAS	1UL

/**
 * ct_flow_alias() - the second node of a flow
 * @flow: the flow, its lock held, or private
 *
 * Return: the node; %NULL for most.
 */
static __always_inline struct ct_alias *
ct_flow_alias(const struct ct_flow *flow)
{
	return unlikely(flow->more & CT_MORE_ALIAS) ?
	       (struct ct_alias *)(flow->more & ~CT_MORE_ALIAS) : NULL;
}

/**
 * ct_flow_rare() - what else few flows have
 * @flow: the flow, its lock held, or private
 *
 * Return: it; %NULL for most.
 */
static __always_inline struct ct_ext *ct_flow_rare(const struct ct_flow *flow)
{
	const struct ct_alias *alias = ct_flow_alias(flow);

	return unlikely(alias) ? alias->ext : (struct ct_ext *)flow->more;
}

/* See struct ct_alias; the flow's lock is held. */
static inline int ct_flow_oif(const struct ct_flow *flow)
{
	const struct ct_alias *alias = ct_flow_alias(flow);

	return alias ? alias->oif : 0;
}

/*
 * The flow lock is handed from function to function, and taken by some only
 * where they find something: sparse cannot follow that, and is told that
 * nothing happened. Lockdep watches it at run time.
 */
static inline void ct_flow_lock(struct ct_flow *flow)
{
	spin_lock(&flow->lock);
	__release(&flow->lock);
}

static inline void ct_flow_unlock(struct ct_flow *flow)
{
	__acquire(&flow->lock);
	spin_unlock(&flow->lock);
}

/**
 * ct_flow_alive() - is this flow still one?
 * @flow: the flow, its lock held
 *
 * Return: false if it has ended.
 */
static inline bool ct_flow_alive(const struct ct_flow *flow)
{
	bool alive = !(READ_ONCE(flow->status) & IPS_DYING);

	/*
	 * Pairs with the releases in publish_flow() and kill_flow(). What is
	 * written to the flow depends on the answer, which orders it as well; an
	 * acquire would cost more where it is a full barrier (User-mode Linux).
	 */
	smp_rmb();
	return alive;
}

/**
 * ct_flow_number() - the number of a flow's namespace
 * @flow: the flow; without its lock, or the stripe's, an estimate
 *
 * Return: as struct ct_net.number.
 */
static inline u32 ct_flow_number(const struct ct_flow *flow)
{
	u32 high = READ_ONCE(flow->node.key.kind) & CT_KEY_NET;

	return high << CT_KEY_NET_SHIFT | READ_ONCE(flow->net);
}

static_assert(CT_KEY_NET << CT_KEY_NET_SHIFT == CT_NET_NUMBERS - 1 - U16_MAX);

/**
 * ct_flow_is_of() - is this a flow of that namespace?
 * @flow: the flow; without its lock, or the stripe's, an estimate
 * @cnet: the namespace
 *
 * Return: true if it is.
 */
static inline bool ct_flow_is_of(const struct ct_flow *flow,
				 const struct ct_net *cnet)
{
	return ct_flow_number(flow) == cnet->number;
}

/**
 * ct_flow_prepare() - what a flow begins with
 * @flow: the flow, private
 * @expires: when it ends
 * @status: what is to be set beside what ct_flow_create() set
 *
 * Who saw the memory in its former life may be looking at it still.
 *
 * Context: any, before ct_flow_confirm().
 */
static inline void ct_flow_prepare(struct ct_flow *flow, u32 expires,
				   u32 status)
{
	WRITE_ONCE(flow->expires, expires);
	if (status)
		WRITE_ONCE(flow->status, flow->status | status);
}

/**
 * ct_kind_add() - count flows by kind
 * @cnet: their namespace
 * @status: their status
 * @n: how many; minus one where a flow ends, or is no longer of that kind
 *
 * Context: bottom halves off; the flow's lock held, or the flow private.
 */
static inline void ct_kind_add(const struct ct_net *cnet, u32 status, u32 n)
{
	if (!(status & IPS_SEEN_REPLY))
		ct_stat_add(cnet, unreplied, n);
	if (status & IPS_ASSURED)
		ct_stat_add(cnet, assured, n);
}

/**
 * ct_flow_set_status() - change the status of a flow
 * @flow: the flow, alive, its lock held
 * @cnet: its namespace
 * @status: the new status
 *
 * Context: bottom halves off.
 */
static inline void ct_flow_set_status(struct ct_flow *flow,
				      const struct ct_net *cnet, u32 status)
{
	u32 changed = status ^ flow->status;

	if (changed & IPS_SEEN_REPLY)
		ct_stat_add(cnet, unreplied, status & IPS_SEEN_REPLY ? -1 : 1);
	if (changed & IPS_ASSURED)
		ct_stat_add(cnet, assured, status & IPS_ASSURED ? 1 : -1);
	WRITE_ONCE(flow->status, status);
}

/**
 * ct_flow_count() - count a packet
 * @flow: the flow, its lock held
 * @dir: direction of the packet
 * @len: bytes of the packet, IP header included
 */
static inline void ct_flow_count(struct ct_flow *flow,
				 enum ip_conntrack_dir dir, u32 len)
{
	flow->bytes[dir] += len;
	if (unlikely(!++flow->packets_low[dir]))
		flow->packets_high[dir]++;
}

static inline u64 ct_flow_packets(const struct ct_flow *flow,
				  enum ip_conntrack_dir dir)
{
	return (u64)flow->packets_high[dir] << 32 | flow->packets_low[dir];
}

#endif /* CT_FLOW_H */
