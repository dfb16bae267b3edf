// SPDX-License-Identifier: GPL-2.0
/*
 * Notes: what rules say of a packet that has no flow yet.
 *
 * Overview
 *	A rule may give a packet a zone before it is tracked, and a mark, labels
 *	or a choice of events while its flow is still to be made. That must reach
 *	the flow wherever the packet goes meanwhile: to another CPU, into a queue
 *	of user space. So it is not kept in the memory of a CPU (ct_memo.c) but
 *	here, in one place for all, by the skb's address and the packet's digest.
 *	Where rules say nothing of the kind there are no notes, and all they cost
 *	is a look at their number; where there are some, a look at how many are in
 *	the packet's bucket (ct_note_any()).
 *
 *	A packet that is dropped leaves its note behind. It is thrown away when
 *	another packet with that address begins its way (ct_note_begin()), or, the
 *	oldest first, when there are too many: notes are bounded. What is thrown
 *	away for want of room is counted (ct_note_lost()).
 *
 * Stages
 *	Made before the first hook, a note is early; that hook finds it and makes
 *	it the tracked packet's, and so tells it from what a packet of the past
 *	has left.
 *
 * Context
 *	Bottom halves off. Locks: a bucket's, innermost. Nothing here sleeps but
 *	exit.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "ct_compat.h"
#include "ct_note.h"

#define NOTE_ROOM	16	/* notes in a bucket */

/**
 * struct entry - the note of a packet
 * @list: bucket.list
 * @skb: the packet's address, as a name only
 * @digest: its digest
 * @early: made before its first hook, which has not seen it yet
 * @note: what was said
 */
struct entry {
	struct list_head list;
	const struct sk_buff *skb;
	u32 digest;
	bool early;
	struct ct_note note;
};

/**
 * struct bucket - some of the notes
 * @lock: holds the rest
 * @list: notes, oldest first
 * @lost: how many were thrown away for want of room, or not made; read without
 *	@lock
 */
struct bucket {
	spinlock_t lock;	/* see above */
	struct list_head list;
	unsigned int lost;
};

atomic_t ct_notes;
EXPORT_SYMBOL_CT_TEST(ct_notes);

/*
 * How many are in a bucket, by its number. Written under the bucket's lock, read
 * without by each packet, hence apart from it and small.
 */
u8 ct_notes_in[CT_NOTE_BUCKETS];
EXPORT_SYMBOL_CT_TEST(ct_notes_in);

static_assert(NOTE_ROOM <= U8_MAX);

static struct bucket buckets[CT_NOTE_BUCKETS];

static struct bucket *bucket_of(const struct sk_buff *skb)
{
	return &buckets[ct_note_bucket(skb)];
}

static u8 *number_in(const struct bucket *b)
{
	return &ct_notes_in[b - buckets];
}

static struct entry *find(struct bucket *b, const struct sk_buff *skb)
{
	struct entry *entry;

	list_for_each_entry(entry, &b->list, list) {
		if (entry->skb == skb)
			return entry;
	}
	return NULL;
}

static void drop(struct bucket *b, struct entry *entry)
{
	u8 *n = number_in(b);

	list_del(&entry->list);
	WRITE_ONCE(*n, *n - 1);
	atomic_dec(&ct_notes);
	kfree(entry);
}

static struct entry *add(struct bucket *b, const struct sk_buff *skb,
			 u32 digest, bool early)
{
	u8 *n = number_in(b);
	struct entry *entry;

	entry = kzalloc(sizeof(*entry), GFP_ATOMIC | __GFP_NOWARN);
	if (!entry) {
		WRITE_ONCE(b->lost, b->lost + 1);
		return NULL;
	}
	if (*n == NOTE_ROOM) {
		WRITE_ONCE(b->lost, b->lost + 1);
		drop(b, list_first_entry(&b->list, struct entry, list));
	}
	entry->skb = skb;
	entry->digest = digest;
	entry->early = early;
	list_add_tail(&entry->list, &b->list);
	WRITE_ONCE(*n, *n + 1);
	atomic_inc(&ct_notes);
	return entry;
}

/**
 * ct_note_edit() - say something of a packet
 * @skb: the packet
 * @digest: its digest
 * @early: its first hook has not seen it yet
 * @edit: is given what was said so far, and says more
 * @arg: passed to @edit
 *
 * Context: bottom halves off; @edit is called with a lock held.
 *
 * Return: false if there is no memory.
 */
bool ct_note_edit(const struct sk_buff *skb, u32 digest, bool early,
		  void (*edit)(struct ct_note *note, const void *arg),
		  const void *arg)
{
	struct bucket *b = bucket_of(skb);
	struct entry *entry;

	spin_lock(&b->lock);
	entry = find(b, skb);
	if (entry && (entry->digest != digest || (early && !entry->early))) {
		drop(b, entry);
		entry = NULL;
	}
	if (!entry)
		entry = add(b, skb, digest, early);
	if (entry)
		edit(&entry->note, arg);
	spin_unlock(&b->lock);
	return entry;
}
EXPORT_SYMBOL_CT_TEST(ct_note_edit);

/**
 * ct_note_begin() - what was said of a packet before its first hook
 * @skb: the packet
 * @digest: its digest
 * @note: set to it
 *
 * What a packet of the past left under this address goes.
 *
 * Context: bottom halves off.
 *
 * Return: false if nothing was said.
 */
bool ct_note_begin(const struct sk_buff *skb, u32 digest, struct ct_note *note)
{
	struct bucket *b = bucket_of(skb);
	struct entry *entry;
	bool early;

	spin_lock(&b->lock);
	entry = find(b, skb);
	early = entry && entry->early && entry->digest == digest;
	if (early) {
		entry->early = false;
		*note = entry->note;
	} else if (entry) {
		drop(b, entry);
	}
	spin_unlock(&b->lock);
	return early;
}
EXPORT_SYMBOL_CT_TEST(ct_note_begin);

static bool look(const struct sk_buff *skb, u32 digest, struct ct_note *note,
		 bool take)
{
	struct bucket *b = bucket_of(skb);
	struct entry *entry;
	bool found;

	spin_lock(&b->lock);
	entry = find(b, skb);
	found = entry && entry->digest == digest;
	if (found)
		*note = entry->note;
	if (entry && take)
		drop(b, entry);
	spin_unlock(&b->lock);
	return found;
}

/**
 * ct_note_get() - what was said of a packet
 * @skb: the packet
 * @digest: its digest
 * @note: set to it
 *
 * Context: bottom halves off.
 *
 * Return: false if nothing was said.
 */
bool ct_note_get(const struct sk_buff *skb, u32 digest, struct ct_note *note)
{
	return ct_note_any(skb) && look(skb, digest, note, false);
}
EXPORT_SYMBOL_CT_TEST(ct_note_get);

/**
 * ct_note_take() - what was said of a packet; forget it
 * @skb: the packet
 * @digest: its digest
 * @note: set to it
 *
 * Context: bottom halves off.
 *
 * Return: false if nothing was said.
 */
bool ct_note_take(const struct sk_buff *skb, u32 digest, struct ct_note *note)
{
	return ct_note_any(skb) && look(skb, digest, note, true);
}
EXPORT_SYMBOL_CT_TEST(ct_note_take);

/**
 * ct_note_lost() - how many notes were lost for want of room or memory
 *
 * Context: any.
 *
 * Return: the number.
 */
u64 ct_note_lost(void)
{
	u64 lost = 0;
	int i;

	for (i = 0; i < CT_NOTE_BUCKETS; i++)
		lost += READ_ONCE(buckets[i].lost);
	return lost;
}
EXPORT_SYMBOL_CT_TEST(ct_note_lost);

void ct_note_init(void)
{
	int i;

	for (i = 0; i < CT_NOTE_BUCKETS; i++) {
		spin_lock_init(&buckets[i].lock);
		INIT_LIST_HEAD(&buckets[i].list);
	}
}

/* No packet is on its way any more. */
void ct_note_exit(void)
{
	struct bucket *b;
	int i;

	for (i = 0; i < CT_NOTE_BUCKETS; i++) {
		b = &buckets[i];
		while (!list_empty(&b->list))
			drop(b, list_first_entry(&b->list, struct entry, list));
	}
}
