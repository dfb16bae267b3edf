/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is remembered of a packet between its first and its last hook.
 */
#ifndef CT_MEMO_H
#define CT_MEMO_H

#include "ct_tuple.h"

/**
 * enum ct_memo_kind - what is left to do for a packet at its last hook
 * @CT_MEMO_NONE: nothing is remembered
 * @CT_MEMO_DONE: nothing
 * @CT_MEMO_NEW: no flow has this packet yet: make one
 * @CT_MEMO_END: its flow is over with it: end it
 */
enum ct_memo_kind {
	CT_MEMO_NONE,
	CT_MEMO_DONE,
	CT_MEMO_NEW,
	CT_MEMO_END,
};

/**
 * struct ct_memo - what is remembered of a packet
 * @kind: what is left to do
 * @info: what the packet is to its flow: enum ct_info
 * @tuple: its tuple before translation; for CT_MEMO_NEW, and for packets that
 *	were refused, where nothing equals it if they could not be read
 */
struct ct_memo {
	u8 kind;
	u8 info;
	struct ct_tuple tuple;
};

void ct_memo_put(const struct sk_buff *skb, u32 digest,
		 const struct ct_memo *memo);
enum ct_memo_kind ct_memo_take(const struct sk_buff *skb, u32 digest, bool keep,
			       struct ct_tuple *tuple);
enum ct_memo_kind ct_memo_peek(const struct sk_buff *skb, u32 digest, u8 *info,
			       struct ct_tuple *tuple);
bool ct_memo_has_new(const struct ct_tuple *tuple);
int ct_memo_init(void);
void ct_memo_exit(void);

#endif /* CT_MEMO_H */
