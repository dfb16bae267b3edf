/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What rules say of a packet that has no flow yet, for the flow to come.
 */
#ifndef CT_NOTE_H
#define CT_NOTE_H

#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/skbuff.h>
#include <linux/types.h>

#include "ct_flow.h"

/* ct_note.has */
#define CT_NOTE_ZONE	BIT(0)
#define CT_NOTE_MARK	BIT(1)
#define CT_NOTE_LABELS	BIT(2)
#define CT_NOTE_EVENTS	BIT(3)

/**
 * struct ct_note - what rules said of a packet
 * @has: CT_NOTE_*, which of the rest was said
 * @zone: connection tracking zone, by direction
 * @mark: connection mark
 * @labels: connection labels
 * @events: which events are wanted, bits 1 << enum ip_conntrack_events
 */
struct ct_note {
	u8 has;
	u16 zone[IP_CT_DIR_MAX];
	u32 mark;
	u32 labels[CT_LABEL_WORDS];
	u16 events;
};

#define CT_NOTE_BUCKETS	1024

extern atomic_t ct_notes;
extern u8 ct_notes_in[CT_NOTE_BUCKETS];

/* The bucket of a packet's note */
static inline u32 ct_note_bucket(const struct sk_buff *skb)
{
	return hash_ptr(skb, ilog2(CT_NOTE_BUCKETS));
}

/**
 * ct_note_any() - may there be a note of a packet?
 * @skb: the packet
 *
 * All that notes cost where rules make none, or few are left of packets that were
 * dropped. Whoever made a note of @skb did so before @skb came here. No function is
 * called, for packets that have no note would pay for that.
 *
 * Context: any.
 *
 * Return: false if there is none.
 */
static inline bool ct_note_any(const struct sk_buff *skb)
{
	return unlikely(atomic_read(&ct_notes)) &&
	       READ_ONCE(ct_notes_in[ct_note_bucket(skb)]);
}

bool ct_note_edit(const struct sk_buff *skb, u32 digest, bool early,
		  void (*edit)(struct ct_note *note, const void *arg),
		  const void *arg);
bool ct_note_begin(const struct sk_buff *skb, u32 digest, struct ct_note *note);
bool ct_note_get(const struct sk_buff *skb, u32 digest, struct ct_note *note);
bool ct_note_take(const struct sk_buff *skb, u32 digest, struct ct_note *note);
u64 ct_note_lost(void);

void ct_note_init(void);
void ct_note_exit(void);

#endif /* CT_NOTE_H */
