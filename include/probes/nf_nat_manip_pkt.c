// SPDX-License-Identifier: GPL-2.0
/* nf_nat_hook has a way to rewrite a packet */
#include <linux/netfilter.h>
unsigned int probe_manip(struct sk_buff *skb, struct nf_conn *ct,
			 enum nf_nat_manip_type mtype,
			 enum ip_conntrack_dir dir);
const struct nf_nat_hook probe = { .manip_pkt = probe_manip };
