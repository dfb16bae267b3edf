// SPDX-License-Identifier: GPL-2.0
/* nf_ct_hook has a way to confirm, for bridges */
#include <linux/netfilter.h>
int probe_confirm(struct sk_buff *skb);
const struct nf_ct_hook probe = { .confirm = probe_confirm };
