// SPDX-License-Identifier: GPL-2.0
/*
 * Protocols: who serves which.
 *
 * Overview
 *	A protocol that is not in the table is served by the generic one, which
 *	knows addresses only. A protocol that belongs to one family of addresses
 *	is generic in the other.
 *
 * Context
 *	Any. No lock is taken and nothing is kept.
 */
#include <linux/in.h>
#include <linux/module.h>

#include "ct_compat.h"
#include "ct_proto.h"

const struct ct_proto *const ct_protos[U8_MAX + 1] = {
	[IPPROTO_ICMP] = &ct_proto_icmp,
	[IPPROTO_TCP] = &ct_proto_tcp,
	[IPPROTO_UDP] = &ct_proto_udp,
	[IPPROTO_GRE] = &ct_proto_gre,
	[IPPROTO_ICMPV6] = &ct_proto_icmpv6,
	[IPPROTO_SCTP] = &ct_proto_sctp,
};
EXPORT_SYMBOL_CT(ct_protos);
