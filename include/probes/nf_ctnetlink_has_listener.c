// SPDX-License-Identifier: GPL-2.0
/* nf_ctnetlink_has_listener is there, and nfnetlink keeps it. */
#include <linux/netfilter.h>
#ifndef CONFIG_NF_CONNTRACK_EVENTS
#error nobody writes it
#endif
bool probe(void);
bool probe(void)
{
	return READ_ONCE(nf_ctnetlink_has_listener);
}
