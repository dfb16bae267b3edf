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

#define CT_MEMO_SETS	32
#define CT_MEMO_WAYS	4

static unsigned int forget;
module_param(forget, uint, 0644);
MODULE_PARM_DESC(forget, "for tests: forget one packet in so many (0: none)");

/**
 * struct memo - what is remembered of one packet
 * @skb: the packet's address, as a name only
 * @digest: its digest
 * @kind: what the first hook found
 * @tuple: its tuple before translation; for CT_MEMO_NEW
 */
struct memo {
	const struct sk_buff *skb;
	u32 digest;
	enum ct_memo_kind kind;
	struct ct_tuple tuple;
};

/**
 * struct memo_cpu - memory of one CPU
 * @lock: holds the rest
 * @turn: way of a set that is overwritten next
 * @memo: packets, by address
 */
struct memo_cpu {
	local_lock_t lock;
	u8 turn[CT_MEMO_SETS];
	struct memo memo[CT_MEMO_SETS][CT_MEMO_WAYS];
};

static struct memo_cpu __percpu *memos;

static struct memo *find(struct memo *set, const struct sk_buff *skb)
{
	unsigned int way;

	for (way = 0; way < CT_MEMO_WAYS; way++) {
		if (set[way].skb == skb)
			return &set[way];
	}
	return NULL;
}

/**
 * ct_memo_put() - remember a packet
 * @skb: the packet
 * @digest: its digest
 * @kind: what was found
 * @tuple: its tuple; for CT_MEMO_NEW
 *
 * Whatever was remembered under the same address is forgotten.
 */
void ct_memo_put(const struct sk_buff *skb, u32 digest, enum ct_memo_kind kind,
		 const struct ct_tuple *tuple)
{
	unsigned int s = hash_ptr(skb, ilog2(CT_MEMO_SETS));
	struct memo_cpu *cpu;
	struct memo *memo;

	ct_local_lock_bh(&memos->lock);
	cpu = this_cpu_ptr(memos);
	memo = find(cpu->memo[s], skb);
	if (!memo)
		memo = &cpu->memo[s][cpu->turn[s]++ % CT_MEMO_WAYS];
	memo->skb = skb;
	memo->digest = digest;
	memo->kind = kind;
	if (kind == CT_MEMO_NEW)
		memo->tuple = *tuple;
	ct_local_unlock_bh(&memos->lock);
}

/**
 * ct_memo_take() - what is remembered of a packet; forget it
 * @skb: the packet
 * @digest: its digest
 * @tuple: set to its tuple before translation, for CT_MEMO_NEW
 *
 * Return: CT_MEMO_NONE if nothing is.
 */
enum ct_memo_kind ct_memo_take(const struct sk_buff *skb, u32 digest,
			       struct ct_tuple *tuple)
{
	unsigned int s = hash_ptr(skb, ilog2(CT_MEMO_SETS));
	enum ct_memo_kind kind = CT_MEMO_NONE;
	unsigned int one_in = READ_ONCE(forget);
	struct memo *memo;

	ct_local_lock_bh(&memos->lock);
	memo = find(this_cpu_ptr(memos)->memo[s], skb);
	if (memo) {
		if (memo->digest == digest)
			kind = memo->kind;
		if (kind == CT_MEMO_NEW)
			*tuple = memo->tuple;
		memo->skb = NULL;
	}
	ct_local_unlock_bh(&memos->lock);
	if (unlikely(one_in) && !(get_random_u32() % one_in))
		return CT_MEMO_NONE;
	return kind;
}

int ct_memo_init(void)
{
	int cpu;

	memos = alloc_percpu(struct memo_cpu);
	if (!memos)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		local_lock_init(&per_cpu_ptr(memos, cpu)->lock);
	return 0;
}

void ct_memo_exit(void)
{
	free_percpu(memos);
}
