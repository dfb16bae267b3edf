// SPDX-License-Identifier: GPL-2.0
/*
 * Every protocol that has no file of its own (OSPF, ESP, IGMP, IPIP, ...).
 *
 * A flow is what goes between two addresses under one protocol number. Nothing
 * is known of headers, so nothing is checked, and such a flow never counts as
 * assured.
 *
 * Context: any; the flow lock is held where there is a flow. No lock is taken.
 *
 * RFC 791, 3.1 (Protocol) and RFC 8200, 3 (Next Header).
 */
#include <linux/module.h>

#include "ct_compat.h"
#include "ct_proto.h"

static void generic_judge(const struct ct_flow *flow, const struct ct_pkt *pkt,
			  enum ip_conntrack_dir dir, struct ct_judgement *j)
{
	ct_judge_accept(j, flow, ct_timeout(pkt, CT_TO_GENERIC));
}

static u32 generic_lifetime(const struct ct_flow *flow,
			    const struct ct_knobs *knobs)
{
	return READ_ONCE(knobs->timeout[CT_TO_GENERIC]);
}

const struct ct_proto ct_proto_generic = {
	.name = "unknown",
	.family = NFPROTO_UNSPEC,
	.judge = generic_judge,
	.lifetime = generic_lifetime,
};
EXPORT_SYMBOL_CT(ct_proto_generic);
