// SPDX-License-Identifier: GPL-2.0
/*
 * Size: a table that follows the number of flows.
 *
 * Overview
 *	Where ip_conntrack_buckets_auto is set, the reaper says once a second how
 *	many flows there are. With more flows than buckets the table grows at
 *	once; with fewer than a CT_AUTOSIZE_SPARSE'th it shrinks, once that has
 *	lasted for CT_AUTOSIZE_PATIENCE looks: memory that was needed a moment ago is
 *	likely to be needed again. Either way it ends up with one to two buckets
 *	for a flow, as far as the administrator's bounds allow, so that neither
 *	limit is near.
 *
 * Context
 *	autosize_follow(): the reaper. The change itself: a work item of its own,
 *	for it sleeps until all buckets have moved. Both read knobs of the initial
 *	namespace, and the reaper outlives that: they do between ct_autosize_begin()
 *	and ct_autosize_end() only.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "ct_gc.h"
#include "ct_hash.h"
#include "ct_net.h"
#include "ct_autosize.h"
#include "ct_text.h"

#define CT_AUTOSIZE_SPARSE		8
#define CT_AUTOSIZE_PATIENCE	60

static void autosize_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(resize_work, autosize_work);
static unsigned int wanted;	/* buckets; written by the reaper */
static unsigned int sparse;	/* looks since when; the reaper's */

/* The reaper moves the rest where the caller was killed. */
static int resize_to(unsigned int buckets)
{
	int err = ct_hash_resize(buckets);

	if (err == -EINTR)
		ct_gc_kick();
	return err;
}

static void autosize_work(struct work_struct *work)
{
	unsigned int old = ct_hash_buckets(), buckets = READ_ONCE(wanted);
	int err;

	/* Somebody may have set another size since this was queued. */
	if (!READ_ONCE(ct_net(&init_net)->knobs.buckets_auto))
		return;
	err = resize_to(buckets);
	if (err)
		pr_warn_ratelimited("table stays at %u buckets: no memory for %u, error %d\n",
				    old, buckets, err);
	else
		pr_info_ratelimited("table has %u buckets now, %u before\n",
				    buckets, old);
}

/* Buckets for so many flows, within the bounds */
static unsigned int fitting(unsigned long flows, const struct ct_knobs *knobs)
{
	unsigned long least = max(READ_ONCE(knobs->buckets_min), 1U);
	unsigned long most = max(least, READ_ONCE(knobs->buckets_max) + 0UL);
	unsigned int buckets;

	if (ct_hash_size(clamp(flows, least, most), &buckets))
		return ct_hash_buckets();
	return buckets > most && buckets / 2 >= least ? buckets / 2 : buckets;
}

/*
 * See whether the table still fits so many flows. Called once a second by the reaper;
 * returns true if it is to be called again even without flows.
 */
static bool autosize_follow(unsigned long flows)
{
	const struct ct_knobs *knobs = &ct_net(&init_net)->knobs;
	unsigned int buckets = ct_hash_buckets(), better;

	if (!READ_ONCE(knobs->buckets_auto) || !buckets) {
		sparse = 0;
		return false;
	}
	better = fitting(flows, knobs);
	if (flows >= buckets / CT_AUTOSIZE_SPARSE)
		sparse = 0;
	else if (better < buckets)
		sparse++;
	if (better > buckets || sparse >= CT_AUTOSIZE_PATIENCE) {
		sparse = 0;
		WRITE_ONCE(wanted, better);
		ct_gc_queue(&resize_work, 0);
	}
	return better < buckets;
}

static bool is_auto(const char *text, size_t len)
{
	while (len && isspace(text[len - 1]))
		len--;
	return len == strlen("auto") && !memcmp(text, "auto", len);
}

/**
 * ct_autosize_parse() - read what somebody wants of the table's size
 * @text: a number, or "auto"
 * @len: bytes of it
 * @buckets: set to the number of buckets that it comes to; 0 for "auto"
 *
 * Says in the log why it refuses, and what it rounds to.
 *
 * Context: any.
 *
 * Return: 0 or -EINVAL.
 */
int ct_autosize_parse(const char *text, size_t len, unsigned int *buckets)
{
	unsigned long number;
	int shown = 0;

	len = strnlen(text, len);
	if (is_auto(text, len)) {
		*buckets = 0;
		return 0;
	}
	if (ct_parse_number(text, len, &number) ||
	    ct_hash_size(number, buckets)) {
		while (shown < len && shown < 32 && isgraph(text[shown]))
			shown++;
		pr_err("hashsize '%.*s' refused: it must be a number from 1 to %u, or auto\n",
		       shown, text, CT_BUCKETS_MAX);
		return -EINVAL;
	}
	if (*buckets != number)
		pr_info("hashsize %lu becomes %u: a power of two, at least %u\n",
			number, *buckets, CT_BUCKETS_MIN);
	return 0;
}

/**
 * ct_autosize_set() - set the size of the table
 * @buckets: as ct_autosize_parse() has it
 *
 * A number ends that the table follows the flows.
 *
 * Context: process, sleeps.
 *
 * Return: as ct_hash_resize().
 */
int ct_autosize_set(unsigned int buckets)
{
	struct ct_knobs *knobs = &ct_net(&init_net)->knobs;
	bool was_auto = READ_ONCE(knobs->buckets_auto);
	int err;

	WRITE_ONCE(knobs->buckets_auto, !buckets);
	if (!buckets) {
		ct_gc_kick();
		return 0;
	}
	err = resize_to(buckets);
	if (err && err != -EINTR)	/* that one is under way */
		WRITE_ONCE(knobs->buckets_auto, was_auto);
	return err;
}

/**
 * ct_autosize_begin() - the initial namespace is there
 *
 * The reaper is woken: what was set before the table could follow was not looked at.
 *
 * Context: process, sleeps.
 */
void ct_autosize_begin(void)
{
	ct_gc_follow(autosize_follow);
	ct_gc_kick();
}

/**
 * ct_autosize_end() - change nothing any more: the initial namespace is about to go
 *
 * The reaper may go on: it moves buckets and ends flows, and asks in vain here.
 *
 * Context: process, sleeps.
 */
void ct_autosize_end(void)
{
	ct_gc_follow(NULL);
	cancel_delayed_work_sync(&resize_work);
}
