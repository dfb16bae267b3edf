/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is remembered of a packet between its first and its last hook.
 */
#ifndef CT_MEMO_H
#define CT_MEMO_H

#include <linux/hash.h>
#include <linux/local_lock.h>
#include <linux/log2.h>
#include <linux/percpu.h>

#include "ct_compat.h"
#include "ct_tuple.h"

/**
 * enum ct_memo_kind - what is left to do for a packet at its last hook
 * @CT_MEMO_NONE: nothing is remembered
 * @CT_MEMO_DONE: nothing
 * @CT_MEMO_NEW: no flow has this packet yet: make one
 * @CT_MEMO_END: its flow is over with it: end it
 */
enum ct_memo_kind {
	CT_MEMO_NONE,
	CT_MEMO_DONE,
	CT_MEMO_NEW,
	CT_MEMO_END,
};

/**
 * enum ct_info - what a packet is to its flow
 * @CT_INFO_ESTABLISHED: of a flow that has had a reply
 * @CT_INFO_RELATED: an error about a reply
 * @CT_INFO_NEW: of a flow that has had none
 * @CT_INFO_ESTABLISHED_REPLY: a reply
 * @CT_INFO_RELATED_REPLY: an error about a packet of the original direction
 * @CT_INFO_INVALID: refused, or not looked at yet
 * @CT_INFO_UNTRACKED: not to be tracked
 *
 * The numbers are those of enum ip_conntrack_info, which has none for INVALID.
 */
enum ct_info {
	CT_INFO_ESTABLISHED = IP_CT_ESTABLISHED,
	CT_INFO_RELATED = IP_CT_RELATED,
	CT_INFO_NEW = IP_CT_NEW,
	CT_INFO_ESTABLISHED_REPLY = IP_CT_ESTABLISHED_REPLY,
	CT_INFO_RELATED_REPLY = IP_CT_RELATED_REPLY,
	CT_INFO_INVALID = IP_CT_NUMBER + 1,
	CT_INFO_UNTRACKED = IP_CT_UNTRACKED,
};

/**
 * struct ct_memo - what is remembered of a packet
 * @kind: what is left to do
 * @info: what the packet is to its flow: enum ct_info
 * @tuple: its tuple before translation; for CT_MEMO_NEW, and for packets that
 *	were refused, where nothing equals it if they could not be read
 */
struct ct_memo {
	u8 kind;
	u8 info;
	struct ct_tuple tuple;
};

/**
 * struct ct_memo_place - room for one packet
 * @skb: the packet's address, as a name only
 * @stamp: no other packet has it, and of the same CPU later ones have more
 * @digest: its digest
 * @memo: what is remembered of it
 */
struct ct_memo_place {
	const struct sk_buff *skb;
	unsigned long stamp;
	u32 digest;
	struct ct_memo memo;
};

/**
 * struct ct_memo_last - what a CPU remembers first
 * @lock: holds the rest, and the CPU's other places
 * @place: the packet that was remembered last; its stamp stays when it goes
 * @others: how many other places are taken
 */
struct ct_memo_last {
	local_lock_t lock;
	struct ct_memo_place place;
	unsigned int others;
};

DECLARE_PER_CPU(struct ct_memo_last, ct_memo_last);

#define CT_MEMO_STAMPS	8192

/*
 * A packet that went to another CPU, or was dropped, is remembered still when
 * its address has a new tenant, maybe seen elsewhere. So here stands the stamp
 * of the packet that was remembered last under an address, for all CPUs, and no
 * other is believed. Addresses that share a place cost each other their memory.
 * Neighbours, which are often on different CPUs, are not to share a cache line:
 * hence a hash.
 */
extern unsigned long ct_memo_newest[CT_MEMO_STAMPS];

extern unsigned int ct_memo_forget;

static inline unsigned long *ct_memo_newest_of(const struct sk_buff *skb)
{
	return &ct_memo_newest[hash_ptr(skb, ilog2(CT_MEMO_STAMPS))];
}

static inline bool ct_memo_is_newest(const struct ct_memo_place *place)
{
	return place->stamp == READ_ONCE(*ct_memo_newest_of(place->skb));
}

/* Packets that begin a flow, or were refused */
static inline bool ct_memo_has_tuple(const struct ct_memo *memo)
{
	return memo->kind == CT_MEMO_NEW || memo->info == CT_INFO_INVALID;
}

void ct_memo_make_room(const struct sk_buff *skb);
enum ct_memo_kind ct_memo_take(const struct sk_buff *skb, u32 digest, bool keep,
			       struct ct_tuple *tuple);
enum ct_memo_kind ct_memo_peek(const struct sk_buff *skb, u32 digest, u8 *info,
			       struct ct_tuple *tuple);
bool ct_memo_has_new(const struct ct_tuple *tuple);
bool ct_memo_is_forgotten(void);
int ct_memo_init(void);
void ct_memo_exit(void);

/**
 * ct_memo_open() - begin to remember a packet
 * @skb: the packet
 * @digest: its digest
 * @kind: what is left to do
 * @info: what it is to its flow
 *
 * Whatever was remembered under the same address is forgotten. Nothing else may
 * be done before ct_memo_close().
 *
 * Context: bottom halves off.
 *
 * Return: where its tuple goes, if it is kept: see ct_memo_has_tuple().
 */
static __always_inline struct ct_tuple *ct_memo_open(const struct sk_buff *skb,
						     u32 digest, u8 kind,
						     u8 info)
{
	struct ct_memo_last *last;

	ct_local_lock_bh(&ct_memo_last.lock);
	last = this_cpu_ptr(&ct_memo_last);
	if (unlikely(last->others ||
		     (last->place.skb && last->place.skb != skb)))
		ct_memo_make_room(skb);
	last->place.skb = skb;
	last->place.stamp += nr_cpu_ids;
	WRITE_ONCE(*ct_memo_newest_of(skb), last->place.stamp);
	last->place.digest = digest;
	last->place.memo.kind = kind;
	last->place.memo.info = info;
	return &last->place.memo.tuple;
}

static __always_inline void ct_memo_close(void)
{
	if (unlikely(READ_ONCE(ct_memo_forget)) && ct_memo_is_forgotten())
		this_cpu_ptr(&ct_memo_last)->place.skb = NULL;
	ct_local_unlock_bh(&ct_memo_last.lock);
}

/**
 * ct_memo_put() - remember a packet
 * @skb: the packet
 * @digest: its digest
 * @memo: what is to be remembered
 *
 * Whatever was remembered under the same address is forgotten.
 *
 * Context: bottom halves off.
 */
static __always_inline void ct_memo_put(const struct sk_buff *skb, u32 digest,
					const struct ct_memo *memo)
{
	struct ct_tuple *tuple = ct_memo_open(skb, digest, memo->kind,
					      memo->info);

	if (unlikely(ct_memo_has_tuple(memo)))
		*tuple = memo->tuple;
	ct_memo_close();
}

/**
 * ct_memo_put_done() - remember a packet with which nothing is left to do
 * @skb: the packet
 * @digest: its digest
 * @info: what it is to its flow, and not CT_INFO_INVALID
 *
 * Context: bottom halves off.
 */
static __always_inline void ct_memo_put_done(const struct sk_buff *skb,
					     u32 digest, enum ct_info info)
{
	ct_memo_open(skb, digest, CT_MEMO_DONE, info);
	ct_memo_close();
}

/* Is it the packet that was remembered last? ct_memo_last.lock held. */
static __always_inline struct ct_memo_place *
ct_memo_last_of(const struct sk_buff *skb, u32 digest)
{
	struct ct_memo_place *place = &this_cpu_ptr(&ct_memo_last)->place;

	return place->skb == skb && place->digest == digest &&
	       ct_memo_is_newest(place) ? place : NULL;
}

/**
 * ct_memo_is_done() - is nothing left to do for a packet? Then forget it
 * @skb: the packet
 * @digest: its digest
 *
 * Context: bottom halves off.
 *
 * Return: false if ct_memo_take() has to say more.
 */
static __always_inline bool ct_memo_is_done(const struct sk_buff *skb,
					    u32 digest)
{
	struct ct_memo_place *place;
	bool done;

	ct_local_lock_bh(&ct_memo_last.lock);
	place = ct_memo_last_of(skb, digest);
	done = place && place->memo.kind == CT_MEMO_DONE;
	if (done)
		place->skb = NULL;
	ct_local_unlock_bh(&ct_memo_last.lock);
	return done;
}

/**
 * ct_memo_open_new() - was a packet to begin a flow?
 * @skb: the packet
 * @digest: its digest
 *
 * Nothing else may be done before ct_memo_close_new().
 *
 * Context: bottom halves off.
 *
 * Return: its tuple before translation; %NULL if ct_memo_take() has to say more.
 */
static __always_inline const struct ct_tuple *
ct_memo_open_new(const struct sk_buff *skb, u32 digest)
{
	struct ct_memo_place *place;

	ct_local_lock_bh(&ct_memo_last.lock);
	place = ct_memo_last_of(skb, digest);
	return likely(place && place->memo.kind == CT_MEMO_NEW) ?
	       &place->memo.tuple : NULL;
}

static __always_inline void ct_memo_close_new(void)
{
	ct_local_unlock_bh(&ct_memo_last.lock);
}

/**
 * ct_memo_drop() - forget a packet
 * @skb: the packet, remembered last
 *
 * Context: bottom halves off.
 */
static __always_inline void ct_memo_drop(const struct sk_buff *skb)
{
	struct ct_memo_place *place;

	ct_local_lock_bh(&ct_memo_last.lock);
	place = &this_cpu_ptr(&ct_memo_last)->place;
	if (likely(place->skb == skb))
		place->skb = NULL;
	ct_local_unlock_bh(&ct_memo_last.lock);
}

/**
 * ct_memo_info() - what is a packet to its flow?
 * @skb: the packet
 * @digest: its digest
 * @info: set to it
 *
 * Context: bottom halves off.
 *
 * Return: false if ct_memo_peek() has to say more.
 */
static __always_inline bool ct_memo_info(const struct sk_buff *skb, u32 digest,
					 enum ct_info *info)
{
	const struct ct_memo_place *place;

	ct_local_lock_bh(&ct_memo_last.lock);
	place = ct_memo_last_of(skb, digest);
	if (place)
		*info = place->memo.info;
	ct_local_unlock_bh(&ct_memo_last.lock);
	return place;
}

#endif /* CT_MEMO_H */
