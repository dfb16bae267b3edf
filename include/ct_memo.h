/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is remembered of a packet between its first and its last hook.
 */
#ifndef CT_MEMO_H
#define CT_MEMO_H

#include <linux/local_lock.h>
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
 * struct ct_memo - what is remembered of a packet
 * @kind: what is left to do
 * @info: what the packet is to its flow: enum ct_info
 * @tuple: its tuple before translation; for CT_MEMO_NEW
 */
struct ct_memo {
	u8 kind;
	u8 info;
	struct ct_tuple tuple;
};

/**
 * struct ct_memo_place - room for one packet
 * @skb: the packet's address, as a name only
 * @digest: its digest
 * @memo: what is remembered of it
 */
struct ct_memo_place {
	const struct sk_buff *skb;
	u32 digest;
	struct ct_memo memo;
};

/**
 * struct ct_memo_last - what a CPU remembers first
 * @lock: holds the rest, and the CPU's other places
 * @place: the packet that was remembered last
 * @others: how many other places are taken
 */
struct ct_memo_last {
	local_lock_t lock;
	struct ct_memo_place place;
	unsigned int others;
};

DECLARE_PER_CPU(struct ct_memo_last, ct_memo_last);

extern unsigned int ct_memo_forget;

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
 * ct_memo_put() - remember a packet
 * @skb: the packet
 * @digest: its digest
 * @memo: what is to be remembered; @memo->tuple is read for CT_MEMO_NEW only
 *
 * Whatever was remembered under the same address is forgotten.
 *
 * Context: bottom halves off.
 */
static __always_inline void ct_memo_put(const struct sk_buff *skb, u32 digest,
					const struct ct_memo *memo)
{
	struct ct_memo_last *last;

	ct_local_lock_bh(&ct_memo_last.lock);
	last = this_cpu_ptr(&ct_memo_last);
	if (unlikely(last->others ||
		     (last->place.skb && last->place.skb != skb)))
		ct_memo_make_room(skb);
	last->place.skb = skb;
	last->place.digest = digest;
	last->place.memo.kind = memo->kind;
	last->place.memo.info = memo->info;
	if (memo->kind == CT_MEMO_NEW)
		last->place.memo.tuple = memo->tuple;
	if (unlikely(READ_ONCE(ct_memo_forget)) && ct_memo_is_forgotten())
		last->place.skb = NULL;
	ct_local_unlock_bh(&ct_memo_last.lock);
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
	place = &this_cpu_ptr(&ct_memo_last)->place;
	done = place->skb == skb && place->digest == digest &&
	       place->memo.kind == CT_MEMO_DONE;
	if (done)
		place->skb = NULL;
	ct_local_unlock_bh(&ct_memo_last.lock);
	return done;
}

#endif /* CT_MEMO_H */
