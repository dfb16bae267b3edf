// SPDX-License-Identifier: GPL-2.0
/*
 * Notes (ct_note.c): what rules say of a packet reaches that packet and no
 * other, and the room for it is bounded.
 *
 * The packets here are addresses only: nothing behind them is looked at.
 */
#include <kunit/test.h>

#include "ct_compat.h"
#include "ct_note.h"

#define DIGEST	4711
#define ROOM	(1024 * 16)	/* of all notes together */

static const struct sk_buff *packet(unsigned long n)
{
	return (const struct sk_buff *)(0x100000UL + n * 256);
}

static void say_mark(struct ct_note *note, const void *arg)
{
	note->has |= CT_NOTE_MARK;
	note->mark = *(const u32 *)arg;
}

static bool say(unsigned long n, u32 digest, bool early, u32 mark)
{
	return ct_note_edit(packet(n), digest, early, say_mark, &mark);
}

static void reaches_the_last_hook(struct kunit *test)
{
	struct ct_note note = {};

	local_bh_disable();
	KUNIT_EXPECT_TRUE(test, say(1, DIGEST, true, 7));
	KUNIT_EXPECT_TRUE(test, ct_note_any(packet(1)));
	KUNIT_EXPECT_TRUE(test, ct_note_begin(packet(1), DIGEST, &note));
	KUNIT_EXPECT_EQ(test, note.mark, 7U);
	KUNIT_EXPECT_TRUE(test, say(1, DIGEST, false, 8));
	KUNIT_EXPECT_TRUE(test, ct_note_get(packet(1), DIGEST, &note));
	KUNIT_EXPECT_TRUE(test, ct_note_take(packet(1), DIGEST, &note));
	KUNIT_EXPECT_EQ(test, note.mark, 8U);
	KUNIT_EXPECT_FALSE(test, ct_note_take(packet(1), DIGEST, &note));
	local_bh_enable();
}

/* A packet that was dropped leaves its note; the next one there has none. */
static void ends_with_its_packet(struct kunit *test)
{
	struct ct_note note;

	local_bh_disable();
	KUNIT_EXPECT_TRUE(test, say(2, DIGEST, false, 7));
	KUNIT_EXPECT_FALSE(test, ct_note_begin(packet(2), DIGEST, &note));
	KUNIT_EXPECT_FALSE(test, ct_note_get(packet(2), DIGEST, &note));
	/* The same, and something is said of the next before its first hook */
	KUNIT_EXPECT_TRUE(test, say(2, DIGEST, false, 7));
	KUNIT_EXPECT_TRUE(test, say(2, DIGEST, true, 9));
	KUNIT_EXPECT_TRUE(test, ct_note_begin(packet(2), DIGEST, &note));
	KUNIT_EXPECT_EQ(test, note.mark, 9U);
	KUNIT_EXPECT_TRUE(test, ct_note_take(packet(2), DIGEST, &note));
	local_bh_enable();
}

static void is_of_one_packet(struct kunit *test)
{
	struct ct_note note;

	local_bh_disable();
	KUNIT_EXPECT_TRUE(test, say(3, DIGEST, true, 7));
	KUNIT_EXPECT_FALSE(test, ct_note_begin(packet(4), DIGEST, &note));
	KUNIT_EXPECT_FALSE(test, ct_note_get(packet(3), DIGEST + 1, &note));
	KUNIT_EXPECT_FALSE(test, ct_note_begin(packet(3), DIGEST + 1, &note));
	KUNIT_EXPECT_FALSE(test, ct_note_begin(packet(3), DIGEST, &note));
	local_bh_enable();
}

/* What a packet leaves behind sends few others the long way. */
static void few_are_near(struct kunit *test)
{
	struct ct_note note;
	unsigned int near = 0;
	unsigned long n;

	local_bh_disable();
	KUNIT_EXPECT_TRUE(test, say(5, DIGEST, false, 7));
	for (n = 0; n < 4096; n++)
		near += ct_note_any(packet(n));
	KUNIT_EXPECT_GE(test, near, 1U);
	KUNIT_EXPECT_LE(test, near, 40U);
	KUNIT_EXPECT_TRUE(test, ct_note_take(packet(5), DIGEST, &note));
	KUNIT_EXPECT_FALSE(test, ct_note_any(packet(5)));
	local_bh_enable();
}

static void room_is_bounded(struct kunit *test)
{
	u64 lost = ct_note_lost();
	struct ct_note note;
	unsigned long n;

	for (n = 0; n < 2 * ROOM; n++) {
		local_bh_disable();
		say(n, DIGEST, false, 7);
		local_bh_enable();
	}
	KUNIT_EXPECT_LE(test, atomic_read(&ct_notes), ROOM);
	KUNIT_EXPECT_EQ(test, (u64)atomic_read(&ct_notes) + ct_note_lost(),
			lost + 2 * ROOM);
	for (n = 0; n < 2 * ROOM; n++) {
		local_bh_disable();
		ct_note_take(packet(n), DIGEST, &note);
		local_bh_enable();
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&ct_notes), 0);
}

static struct kunit_case note_cases[] = {
	KUNIT_CASE(reaches_the_last_hook),
	KUNIT_CASE(ends_with_its_packet),
	KUNIT_CASE(is_of_one_packet),
	KUNIT_CASE(few_are_near),
	KUNIT_CASE(room_is_bounded),
	{}
};

static struct kunit_suite note_suite = {
	.name = "ct_note",
	.test_cases = note_cases,
};

kunit_test_suite(note_suite);
