// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of packets between their first and their last hook.
 *
 * Overview
 *	Nothing hangs on the skb, so what the first hook found is written down
 *	here, by the skb's address. Each CPU remembers some packets: enough for
 *	a receive list of 64. What is found again is believed only if the
 *	packet's digest (what no translation changes) is the same, and it is
 *	forgotten when it is taken. Where the memory is gone, because the
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
#include "ct_packet.h"

#define CT_MEMO_SETS	32
#define CT_MEMO_WAYS	4
#define CT_MEMO_STAMPS	8192

static unsigned int forget;
module_param(forget, uint, 0644);
MODULE_PARM_DESC(forget, "for tests: forget one packet in so many (0: none)");

/**
 * struct place - room for one packet
 * @skb: the packet's address, as a name only
 * @digest: its digest
 * @stamp: no other packet has it, and of the same CPU later ones have more
 * @memo: what is remembered of it
 */
struct place {
	const struct sk_buff *skb;
	u32 digest;
	unsigned long stamp;
	struct ct_memo memo;
};

/**
 * struct memo_cpu - memory of one CPU
 * @lock: holds the rest
 * @stamp: of the last packet
 * @turn: way of a set that is overwritten next
 * @place: packets, by address
 */
struct memo_cpu {
	local_lock_t lock;
	unsigned long stamp;
	u8 turn[CT_MEMO_SETS];
	struct place place[CT_MEMO_SETS][CT_MEMO_WAYS];
};

static struct memo_cpu __percpu *memos;

/*
 * A packet that went to another CPU, or was dropped, is remembered still when
 * its address has a new tenant, maybe seen elsewhere. So here stands the stamp
 * of the packet that was remembered last under an address, for all CPUs, and no
 * other is believed. Addresses that share a place cost each other their memory.
 */
static unsigned long newest[CT_MEMO_STAMPS];

static unsigned long *newest_of(const struct sk_buff *skb)
{
	unsigned long n = (unsigned long)skb >> order_base_2(sizeof(*skb));

	return &newest[n % CT_MEMO_STAMPS];
}

static unsigned int set_of(const struct sk_buff *skb)
{
	return hash_ptr(skb, ilog2(CT_MEMO_SETS));
}

static struct place *find(struct place *set, const struct sk_buff *skb)
{
	unsigned int way;

	for (way = 0; way < CT_MEMO_WAYS; way++) {
		if (set[way].skb == skb)
			return &set[way];
	}
	return NULL;
}

/* What is remembered of this packet, not of one of the past */
static struct place *find_newest(struct place *set, const struct sk_buff *skb)
{
	struct place *place = find(set, skb);

	return place && place->stamp == READ_ONCE(*newest_of(skb)) ? place :
								      NULL;
}

static bool has_tuple(const struct ct_memo *memo)
{
	return memo->kind == CT_MEMO_NEW || memo->info == CT_INFO_INVALID;
}

static bool is_forgotten(void)
{
	unsigned int one_in = READ_ONCE(forget);

	return unlikely(one_in) && !(get_random_u32() % one_in);
}

/**
 * ct_memo_put() - remember a packet
 * @skb: the packet
 * @digest: its digest
 * @memo: what is to be remembered
 *
 * Whatever was remembered under the same address is forgotten.
 */
void ct_memo_put(const struct sk_buff *skb, u32 digest,
		 const struct ct_memo *memo)
{
	unsigned int s = set_of(skb);
	struct memo_cpu *cpu;
	struct place *place;

	ct_local_lock_bh(&memos->lock);
	cpu = this_cpu_ptr(memos);
	place = find(cpu->place[s], skb);
	if (!place)
		place = &cpu->place[s][cpu->turn[s]++ % CT_MEMO_WAYS];
	place->skb = is_forgotten() ? NULL : skb;
	place->digest = digest;
	cpu->stamp += nr_cpu_ids;
	place->stamp = cpu->stamp;
	WRITE_ONCE(*newest_of(skb), cpu->stamp);
	place->memo.kind = memo->kind;
	place->memo.info = memo->info;
	if (has_tuple(memo))
		place->memo.tuple = memo->tuple;
	ct_local_unlock_bh(&memos->lock);
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
	struct place *place;

	ct_local_lock_bh(&memos->lock);
	place = find_newest(this_cpu_ptr(memos)->place[set_of(skb)], skb);
	if (place) {
		if (place->digest == digest)
			kind = place->memo.kind;
		if (kind == CT_MEMO_NEW)
			*tuple = place->memo.tuple;
		if (!keep || !kind)
			place->skb = NULL;
		else if (kind == CT_MEMO_END)
			kind = CT_MEMO_DONE;
		else
			place->memo.kind = CT_MEMO_DONE;
	}
	ct_local_unlock_bh(&memos->lock);
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
	const struct place *place;

	ct_local_lock_bh(&memos->lock);
	place = find_newest(this_cpu_ptr(memos)->place[set_of(skb)], skb);
	if (place && place->digest == digest) {
		kind = place->memo.kind;
		*info = place->memo.info;
		if (tuple && kind == CT_MEMO_NEW)
			*tuple = place->memo.tuple;
	}
	ct_local_unlock_bh(&memos->lock);
	return kind;
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
	const struct place *place, *end, *last = NULL;
	bool found;

	ct_local_lock_bh(&memos->lock);
	place = this_cpu_ptr(memos)->place[0];
	end = place + CT_MEMO_SETS * CT_MEMO_WAYS;
	for (; place < end; place++) {
		if (place->skb && has_tuple(&place->memo) &&
		    ct_tuple_equal(&place->memo.tuple, tuple) &&
		    (!last || (long)(place->stamp - last->stamp) > 0))
			last = place;
	}
	found = last && last->memo.kind == CT_MEMO_NEW;
	ct_local_unlock_bh(&memos->lock);
	return found;
}

int ct_memo_init(void)
{
	int cpu;

	memos = alloc_percpu(struct memo_cpu);
	if (!memos)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		local_lock_init(&per_cpu_ptr(memos, cpu)->lock);
		per_cpu_ptr(memos, cpu)->stamp = cpu;
	}
	return 0;
}

void ct_memo_exit(void)
{
	free_percpu(memos);
}
