// SPDX-License-Identifier: GPL-2.0
/* nf_log_is_registered() is there */
#include <linux/netfilter.h>
#include <net/netfilter/nf_log.h>
bool probe(void);
bool probe(void)
{
	return nf_log_is_registered(NFPROTO_IPV4);
}
