// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: counted, and logged where that was asked for.
 *
 * Context
 *	Hooks, bottom halves off. Nothing here sleeps. The log has the kernel's
 *	limit for what the network can cause (net.core.message_burst); counters
 *	and tracepoints have none.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/net.h>
#include <net/netfilter/nf_log.h>

#include "ct_compat.h"
#include "ct_explain.h"
#include "ct_net.h"
#include "ct_proto.h"
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

static bool is_logged(const struct ct_pkt *pkt)
{
	u8 which = READ_ONCE(pkt->cnet->knobs.log_invalid);

	return which == 255 || (which && which == pkt->tuple.protonum);
}

/* By the kernel's logger, or a line of ours where there is surely none. */
static void log_refusal(const struct ct_pkt *pkt, enum ct_reason reason,
			const struct nf_hook_state *state)
{
	if (!ct_log_is_missing(state->pf)) {
		nf_log_packet(state->net, state->pf, state->hook, pkt->skb,
			      state->in, state->out, NULL,
			      "ip_conntrack: invalid, %s: ",
			      ct_reason_text(reason));
		return;
	}
	pr_info("invalid packet, protocol %u: %s\n",
		pkt->tuple.protonum, ct_reason_text(reason));
}

/**
 * ct_refuse() - note that a packet is not tracked
 * @pkt: the packet, as far as it could be read
 * @reason: why
 * @state: the hook
 *
 * Context: bottom halves off.
 */
void ct_refuse(const struct ct_pkt *pkt, enum ct_reason reason,
	       const struct nf_hook_state *state)
{
	ct_stat_inc(pkt->cnet, reason[reason]);
	if (!ct_reason_is_invalid(reason)) {
		ct_stat_inc(pkt->cnet, ignore);
		return;
	}
	ct_trace_invalid(pkt, reason);
	if (unlikely(is_logged(pkt)) && net_ratelimit())
		log_refusal(pkt, reason, state);
}
EXPORT_SYMBOL_CT(ct_refuse);
