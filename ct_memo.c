// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of packets between their first and their last hook.
 *
 * Overview
 *	Nothing hangs on the skb, so what the first hook found is written down
 *	here, by the skb's address. Each CPU remembers some packets: enough for
 *	a receive list of 64. What is found again is believed only if the
 *	packet's digest (what no translation changes) is the same, and it is
 *	forgotten when it is taken. Mostly a packet goes all its way before the
 *	next comes: the last one has a place of its own, and those before it
 *	move to a hash only when they are not through yet. Where the memory is gone, because the
 *	packet went to another CPU or waited in a queue, the last hook works
 *	the answer out again: slower, never wrong.
 *
 *	The parameter "forget" makes one memory in so many vanish, to test that.
 *
 * Context
 *	Bottom halves off. On PREEMPT_RT that is not enough to be alone on a
 *	CPU, hence the local lock. Nothing here sleeps.
 */
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/random.h>

#include "ct_compat.h"
#include "ct_memo.h"

#define CT_MEMO_SETS	32
#define CT_MEMO_WAYS	4

unsigned int ct_memo_forget;
module_param_named(forget, ct_memo_forget, uint, 0644);
MODULE_PARM_DESC(forget, "for tests: forget one packet in so many (0: none)");

DEFINE_PER_CPU(struct ct_memo_last, ct_memo_last);

/**
 * struct others - what a CPU remembers beside the last packet
 * @since: when one was put there last, in jiffies
 * @turn: way of a set that is overwritten next
 * @set: packets, by address
 *
 * Under ct_memo_last.lock.
 */
struct others {
	u32 since;
	u8 turn[CT_MEMO_SETS];
	struct ct_memo_place set[CT_MEMO_SETS][CT_MEMO_WAYS];
};

static struct others __percpu *all_others;

unsigned long ct_memo_newest[CT_MEMO_STAMPS];

static unsigned int set_of(const struct sk_buff *skb)
{
	return hash_ptr(skb, ilog2(CT_MEMO_SETS));
}

static struct ct_memo_place *find_other(const struct sk_buff *skb)
{
	struct ct_memo_place *set;
	unsigned int way;

	set = this_cpu_ptr(all_others)->set[set_of(skb)];
	for (way = 0; way < CT_MEMO_WAYS; way++) {
		if (set[way].skb == skb)
			return &set[way];
	}
	return NULL;
}

/* What is remembered of this packet, not of one of the past */
static struct ct_memo_place *find(struct ct_memo_last *last,
				  const struct sk_buff *skb)
{
	struct ct_memo_place *place = NULL;

	if (likely(last->place.skb == skb))
		place = &last->place;
	else if (last->others)
		place = find_other(skb);
	return place && ct_memo_is_newest(place) ? place : NULL;
}

static void forget_place(struct ct_memo_last *last, struct ct_memo_place *place)
{
	place->skb = NULL;
	if (unlikely(place != &last->place))
		last->others--;
}

/* The last packet is still on its way, and another comes. */
static void move_last(struct ct_memo_last *last)
{
	struct others *others = this_cpu_ptr(all_others);
	unsigned int s = set_of(last->place.skb);
	struct ct_memo_place *place;

	place = &others->set[s][others->turn[s]++ % CT_MEMO_WAYS];
	if (!place->skb)
		last->others++;
	*place = last->place;
	others->since = ct_now();
}

/*
 * A packet that is dropped is never taken. What is left after a second is of
 * that kind, or of a packet that waits in a queue, and can be worked out again.
 */
static void tidy(struct ct_memo_last *last, const struct sk_buff *skb)
{
	struct others *others = this_cpu_ptr(all_others);
	struct ct_memo_place *old;

	if (ct_left(others->since + HZ, ct_now()) < 0) {
		memset(others->set, 0, sizeof(others->set));
		last->others = 0;
		return;
	}
	old = find_other(skb);
	if (old)
		forget_place(last, old);
}

/**
 * ct_memo_make_room() - let go of what is in the way of a packet
 * @skb: the packet
 *
 * For ct_memo_put(): the last packet moves to the others if it is still on its
 * way, and what was remembered under the address of this one is forgotten.
 *
 * Context: bottom halves off, ct_memo_last.lock held.
 */
void ct_memo_make_room(const struct sk_buff *skb)
{
	struct ct_memo_last *last = this_cpu_ptr(&ct_memo_last);

	if (last->place.skb && last->place.skb != skb)
		move_last(last);
	if (last->others)
		tidy(last, skb);
}

/**
 * ct_memo_is_forgotten() - is this one of the packets to be forgotten?
 *
 * Context: any.
 *
 * Return: true for one in so many, as the parameter says.
 */
bool ct_memo_is_forgotten(void)
{
	unsigned int one_in = READ_ONCE(ct_memo_forget);

	return one_in && !(get_random_u32() % one_in);
}

/**
 * ct_memo_take() - what is left to do for a packet; forget it
 * @skb: the packet
 * @digest: its digest
 * @keep: the packet comes by again (loopback): do not forget it, but that a
 *	flow was to be made of it; the end of a flow is left for that time
 * @tuple: set to its tuple before translation, for CT_MEMO_NEW
 *
 * Return: CT_MEMO_NONE if nothing is remembered.
 */
enum ct_memo_kind ct_memo_take(const struct sk_buff *skb, u32 digest, bool keep,
			       struct ct_tuple *tuple)
{
	enum ct_memo_kind kind = CT_MEMO_NONE;
	struct ct_memo_last *last;
	struct ct_memo_place *place;

	ct_local_lock_bh(&ct_memo_last.lock);
	last = this_cpu_ptr(&ct_memo_last);
	place = find(last, skb);
	if (place) {
		if (likely(place->digest == digest))
			kind = place->memo.kind;
		if (kind == CT_MEMO_NEW)
			*tuple = place->memo.tuple;
		if (likely(!keep || !kind))
			forget_place(last, place);
		else if (kind == CT_MEMO_END)
			kind = CT_MEMO_DONE;
		else
			place->memo.kind = CT_MEMO_DONE;
	}
	ct_local_unlock_bh(&ct_memo_last.lock);
	return kind;
}

/**
 * ct_memo_peek() - what is remembered of a packet
 * @skb: the packet
 * @digest: its digest
 * @info: set to what it is to its flow
 * @tuple: set to its tuple before translation, for CT_MEMO_NEW; may be %NULL
 *
 * Return: CT_MEMO_NONE if nothing is remembered.
 */
enum ct_memo_kind ct_memo_peek(const struct sk_buff *skb, u32 digest, u8 *info,
			       struct ct_tuple *tuple)
{
	enum ct_memo_kind kind = CT_MEMO_NONE;
	const struct ct_memo_place *place;

	ct_local_lock_bh(&ct_memo_last.lock);
	place = find(this_cpu_ptr(&ct_memo_last), skb);
	if (place && place->digest == digest) {
		kind = place->memo.kind;
		*info = place->memo.info;
		if (tuple && kind == CT_MEMO_NEW)
			*tuple = place->memo.tuple;
	}
	ct_local_unlock_bh(&ct_memo_last.lock);
	return kind;
}

/* The later of two packets, if the second has this tuple */
static const struct ct_memo_place *later(const struct ct_memo_place *a,
					 const struct ct_memo_place *b,
					 const struct ct_tuple *tuple)
{
	if (!b->skb || !ct_memo_has_tuple(&b->memo) ||
	    !ct_tuple_equal(&b->memo.tuple, tuple))
		return a;
	return !a || (long)(b->stamp - a->stamp) > 0 ? b : a;
}

/**
 * ct_memo_has_new() - is a packet on its way here that has no flow yet?
 * @tuple: its tuple
 *
 * This host answers such a packet while it is still in a hook: that is how a
 * rule's reset or ICMP error is recognised. What was dropped before is still
 * remembered, so the last packet with that tuple is the one that counts. Slow:
 * looks at everything.
 *
 * Return: true if this CPU remembers one.
 */
bool ct_memo_has_new(const struct ct_tuple *tuple)
{
	const struct ct_memo_place *place, *end, *last;
	bool found;

	ct_local_lock_bh(&ct_memo_last.lock);
	last = later(NULL, &this_cpu_ptr(&ct_memo_last)->place, tuple);
	place = this_cpu_ptr(all_others)->set[0];
	end = place + CT_MEMO_SETS * CT_MEMO_WAYS;
	for (; place < end; place++)
		last = later(last, place, tuple);
	found = last && last->memo.kind == CT_MEMO_NEW;
	ct_local_unlock_bh(&ct_memo_last.lock);
	return found;
}

int ct_memo_init(void)
{
	int cpu;

	all_others = alloc_percpu(struct others);
	if (!all_others)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		local_lock_init(&per_cpu(ct_memo_last, cpu).lock);
		per_cpu(ct_memo_last, cpu).place.stamp = cpu;
	}
	return 0;
}

void ct_memo_exit(void)
{
	free_percpu(all_others);
}
