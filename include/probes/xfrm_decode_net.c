// SPDX-License-Identifier: GPL-2.0
/* xfrm_decode_session() is told the namespace */
#include <net/xfrm.h>

int probe(struct net *net, struct sk_buff *skb, struct flowi *fl);
int probe(struct net *net, struct sk_buff *skb, struct flowi *fl)
{
	return xfrm_decode_session(net, skb, fl, AF_INET);
}
