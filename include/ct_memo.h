/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is remembered of a packet between its first and its last hook.
 */
#ifndef CT_MEMO_H
#define CT_MEMO_H

#include "ct_tuple.h"

/**
 * enum ct_memo_kind - what the first hook found
 * @CT_MEMO_NONE: nothing is remembered
 * @CT_MEMO_DONE: nothing is left to do for this packet
 * @CT_MEMO_NEW: no flow has this packet yet
 */
enum ct_memo_kind {
	CT_MEMO_NONE,
	CT_MEMO_DONE,
	CT_MEMO_NEW,
};

void ct_memo_put(const struct sk_buff *skb, u32 digest, enum ct_memo_kind kind,
		 const struct ct_tuple *tuple);
enum ct_memo_kind ct_memo_take(const struct sk_buff *skb, u32 digest,
			       struct ct_tuple *tuple);
int ct_memo_init(void);
void ct_memo_exit(void);

#endif /* CT_MEMO_H */
