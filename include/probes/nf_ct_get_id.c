// SPDX-License-Identifier: GPL-2.0
/* nf_ct_hook tells an entry's number, for traces of nft */
#include <linux/netfilter.h>
u32 probe_get_id(const struct nf_conntrack *nfct);
const struct nf_ct_hook probe = { .get_id = probe_get_id };
