// SPDX-License-Identifier: GPL-2.0
/*
 * Counters of all CPUs added up, and the words for reasons.
 *
 * Context
 *	Any. Nothing here sleeps or takes a lock.
 */
#include <linux/module.h>

#include "ct_compat.h"
#include "ct_net.h"
#include "ct_stat.h"

#define CT_R_TEXT(name, text)						\
	[CT_R_##name] = text,

static const char *const texts[CT_R_MAX] = {
	CT_REASONS(CT_R_TEXT)
};

#undef CT_R_TEXT

/**
 * ct_stat_sum() - add a counter up over all CPUs
 * @cnet: the namespace
 * @offset: of the counter in struct ct_stat
 *
 * Context: any.
 *
 * Return: the sum. Of a counter that also goes down, the low 32 bits of it.
 */
u64 ct_stat_sum(const struct ct_net *cnet, size_t offset)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*(u32 *)((void *)per_cpu_ptr(cnet->stat, cpu) +
					  offset));
	return sum;
}
EXPORT_SYMBOL_CT_TEST(ct_stat_sum);

/**
 * ct_stat_kind() - how many flows of a kind there are
 * @cnet: the namespace
 * @offset: of its counter in struct ct_stat; see ct_kind_add()
 *
 * Context: any.
 *
 * Return: the number; 0 where the end of a flow was seen before its beginning.
 */
unsigned int ct_stat_kind(const struct ct_net *cnet, size_t offset)
{
	return max_t(s32, ct_stat_sum(cnet, offset), 0);
}

/**
 * ct_room_used() - how many flows a namespace has
 * @cnet: the namespace
 *
 * While flows begin it may be off by what CPUs are fetching, never above the limit.
 * While flows only end, never too low: what moves from hand to @count is read
 * there first.
 *
 * Context: any.
 *
 * Return: the number.
 */
unsigned int ct_room_used(const struct ct_net *cnet)
{
	/* Pairs, like those of each CPU, with the releases in ct_room_leave(). */
	int cpu, used = atomic_read_acquire(&cnet->count);

	for_each_possible_cpu(cpu)
		used -= atomic_read_acquire(&per_cpu_ptr(cnet->stat, cpu)->room);
	return max(used, 0);
}
EXPORT_SYMBOL_CT(ct_room_used);

/**
 * ct_reason_text() - a reason in words
 * @reason: the reason
 *
 * Context: any.
 *
 * Return: a constant string.
 */
const char *ct_reason_text(enum ct_reason reason)
{
	return reason < CT_R_MAX ? texts[reason] : "unknown";
}
EXPORT_SYMBOL_CT(ct_reason_text);
