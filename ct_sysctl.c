// SPDX-License-Identifier: GPL-2.0
/*
 * What the administrator sets: net/ipv4/netfilter/ip_conntrack_* and
 * net/ipv4/ip_conntrack_max, in each network namespace; where that is asked for,
 * also net/netfilter/nf_conntrack_* and net/nf_conntrack_max.
 *
 * Overview
 *	A table of struct knob says which sysctls there are, where in struct
 *	ct_net each is kept, what it may be and what it is called. One handler
 *	serves them all, under all names. A new knob is a field of struct
 *	ct_knobs, a line in that table and a paragraph of the manual page.
 *
 * Context
 *	Process context, may sleep. No lock: a value is read into a local,
 *	checked, and then stored at once with WRITE_ONCE(), so that a packet
 *	sees the old value or the new one and a refused write changes nothing.
 *
 * The kernel's own proc_do*() handlers do not read what is written: they
 * accept what stands behind the first number.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/kmod.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysctl.h>

#include "ct_compat.h"
#include "ct_hash.h"
#include "ct_net.h"
#include "ct_room.h"
#include "ct_autosize.h"
#include "ct_source.h"
#include "ct_sysctl.h"
#include "ct_text.h"

/**
 * enum knob_kind - how a sysctl is kept
 * @KNOB_SECONDS: u32 in jiffies, shown in seconds
 * @KNOB_BYTE: u8
 * @KNOB_LOG: u8; when set, somebody must be there to log
 * @KNOB_MAX: unsigned int, in no namespace above the initial one's
 * @KNOB_COUNT: number of flows; read only
 * @KNOB_KIND: number of flows of a kind, counted per CPU; read only
 * @KNOB_BUCKETS: size of the table
 * @KNOB_UINT: unsigned int
 * @KNOB_SOURCE: unsigned int, set by ct_source_set_limit()
 * @KNOB_PREFIX: u8, set by ct_source_set_prefix()
 */
enum knob_kind {
	KNOB_SECONDS,
	KNOB_BYTE,
	KNOB_LOG,
	KNOB_MAX,
	KNOB_COUNT,
	KNOB_KIND,
	KNOB_BUCKETS,
	KNOB_UINT,
	KNOB_SOURCE,
	KNOB_PREFIX,
};

/**
 * struct knob - a sysctl
 * @name: file names
 * @offset: of the value in struct ct_net, or of KNOB_KIND in struct ct_stat; 0
 *	if it is in neither
 * @high: highest value
 * @initial: what a namespace begins with
 * @kind: how it is kept
 * @common: all namespaces share it, and the initial one sets it
 */
struct knob {
	const char *name[CT_NAMINGS];
	size_t offset;
	unsigned int high;
	unsigned int initial;
	enum knob_kind kind;
	bool common;
};

#define KNOB_OF(_kind, _name, _high, _initial, _field, _common) {	\
	.name = {							\
		[CT_NAMES_CLASSIC] = "ip_conntrack_" _name,		\
		[CT_NAMES_NF] = "nf_conntrack_" _name,			\
	},								\
	.offset = offsetof(struct ct_net, _field),			\
	.high = _high,							\
	.initial = _initial,						\
	.kind = _kind,							\
	.common = _common,						\
}

#define KNOB(_kind, _name, _high, _initial, _field)			\
	KNOB_OF(_kind, _name, _high, _initial, _field, false)
#define KNOB_COMMON(_kind, _name, _high, _initial, _field)		\
	KNOB_OF(_kind, _name, _high, _initial, _field, true)

#define KNOB_FLOWS(_name, _field) {					\
	.name = {							\
		[CT_NAMES_CLASSIC] = "ip_conntrack_" _name,		\
		[CT_NAMES_NF] = "nf_conntrack_" _name,			\
	},								\
	.offset = offsetof(struct ct_stat, _field),			\
	.kind = KNOB_KIND,						\
}

#define KNOB_TIMEOUT(_id, _name, _seconds)				\
	KNOB(KNOB_SECONDS, _name, CT_TIMEOUT_MAX_SECS, _seconds,	\
	     knobs.timeout[CT_TO_##_id]),

static const struct knob netfilter_knobs[] = {
	KNOB(KNOB_MAX, "max", INT_MAX, 0, knobs.max),
	KNOB(KNOB_COUNT, "count", 0, 0, count),
	KNOB_FLOWS("count_unreplied", unreplied),
	KNOB_FLOWS("count_assured", assured),
	KNOB_COMMON(KNOB_BUCKETS, "buckets", UINT_MAX, 0, net),
	KNOB_COMMON(KNOB_BYTE, "buckets_auto", 1, 0, knobs.buckets_auto),
	KNOB_COMMON(KNOB_UINT, "buckets_min", CT_BUCKETS_MAX, CT_AUTOSIZE_LEAST,
		    knobs.buckets_min),
	KNOB_COMMON(KNOB_UINT, "buckets_max", CT_BUCKETS_MAX, 0,
		    knobs.buckets_max),
	KNOB(KNOB_BYTE, "full_policy", CT_FULL_POLICIES - 1, CT_FULL_REFUSE,
	     knobs.full_policy),
	KNOB(KNOB_SOURCE, "max_per_source", INT_MAX, 0, knobs.max_per_source),
	KNOB(KNOB_PREFIX, "source_prefix4", 32, 32, knobs.source_prefix4),
	KNOB(KNOB_PREFIX, "source_prefix6", 128, 64, knobs.source_prefix6),
	KNOB(KNOB_BYTE, "checksum", 1, 1, knobs.checksum),
	KNOB(KNOB_LOG, "log_invalid", 255, 0, knobs.log_invalid),
	KNOB(KNOB_BYTE, "acct", 1, 1, knobs.acct),
	KNOB(KNOB_BYTE, "timestamp", 1, 0, knobs.timestamp),
	KNOB(KNOB_BYTE, "events", 2, 1, knobs.events),
	KNOB(KNOB_BYTE, "tcp_loose", 3, 1, knobs.tcp_loose),
	KNOB(KNOB_BYTE, "tcp_be_liberal", 1, 0, knobs.tcp_be_liberal),
	KNOB(KNOB_BYTE, "tcp_max_retrans", 255, 3, knobs.tcp_max_retrans),
	KNOB(KNOB_BYTE, "tcp_ignore_invalid_rst", 1, 0,
	     knobs.tcp_ignore_invalid_rst),
	CT_TIMEOUTS(KNOB_TIMEOUT)
};

static const struct knob limit_knobs[] = {
	KNOB(KNOB_MAX, "max", INT_MAX, 0, knobs.max),
};

/**
 * struct place - a folder with knobs
 * @path: the folder
 * @knobs: what is in it
 * @n: how many
 */
struct place {
	const char *path;
	const struct knob *knobs;
	size_t n;
};

#define LIMIT(_path) { _path, limit_knobs, ARRAY_SIZE(limit_knobs) }
#define ALL(_path) { _path, netfilter_knobs, ARRAY_SIZE(netfilter_knobs) }

/* The limit is first: the end of the head of ct_names.c says why. */
static const struct place places[CT_NAMINGS][2] = {
	[CT_NAMES_CLASSIC] = { LIMIT("net/ipv4"), ALL("net/ipv4/netfilter") },
	[CT_NAMES_NF] = { LIMIT("net"), ALL("net/netfilter") },
};

/* Numbers */

/* Reading and writing */

static unsigned int knob_read(const struct knob *knob,
			      const struct ct_net *cnet, const void *data)
{
	switch (knob->kind) {
	case KNOB_SECONDS:
		return READ_ONCE(*(const u32 *)data) / HZ;
	case KNOB_BYTE:
	case KNOB_LOG:
	case KNOB_PREFIX:
		return READ_ONCE(*(const u8 *)data);
	case KNOB_MAX:
	case KNOB_UINT:
	case KNOB_SOURCE:
		return READ_ONCE(*(const unsigned int *)data);
	case KNOB_COUNT:
		return ct_room_used(cnet);
	case KNOB_KIND:
		return ct_stat_kind(cnet, knob->offset);
	case KNOB_BUCKETS:
		return ct_hash_buckets();
	}
	return 0;
}

/* A namespace may ask for less than the initial one allows, not for more. */
static bool max_allowed(const struct ct_net *cnet, unsigned long wanted)
{
	unsigned int all;

	if (net_eq(cnet->net, &init_net))
		return true;
	all = READ_ONCE(ct_net(&init_net)->knobs.max);
	return !all || wanted <= all;
}

/* Whoever sets log_invalid means to read it somewhere. */
static void want_logger(void)
{
	request_module("nf_log_syslog");
}

static int knob_write(const struct knob *knob, struct ct_net *cnet,
		      void *data, unsigned long value)
{
	if (value > knob->high)
		return -EINVAL;

	switch (knob->kind) {
	case KNOB_SECONDS:
		WRITE_ONCE(*(u32 *)data, value * HZ);
		return 0;
	case KNOB_LOG:
		if (value)
			want_logger();
		fallthrough;
	case KNOB_BYTE:
		WRITE_ONCE(*(u8 *)data, value);
		return 0;
	case KNOB_MAX:
		if (!max_allowed(cnet, value))
			return -EINVAL;
		WRITE_ONCE(*(unsigned int *)data, value);
		if (value)
			ct_room_limited(cnet);
		return 0;
	case KNOB_UINT:
		WRITE_ONCE(*(unsigned int *)data, value);
		return 0;
	case KNOB_SOURCE:
		return ct_source_set_limit(cnet, value);
	case KNOB_PREFIX:
		return ct_source_set_prefix(cnet, data, value);
	case KNOB_COUNT:
	case KNOB_KIND:
	case KNOB_BUCKETS:
		break;
	}
	return -EPERM;
}

static int buckets_write(const char *text, size_t len)
{
	unsigned int buckets;
	int err;

	err = ct_autosize_parse(text, len, &buckets);
	return err ?: ct_autosize_set(buckets);
}

static int knob_handler(CT_CTL_CONST struct ctl_table *table, int write,
			void *buffer, size_t *lenp, loff_t *ppos)
{
	const struct knob *knob = table->extra1;
	unsigned int shown = 0;
	unsigned long value;
	int err;

	if (!write) {
		const struct ctl_table local = {
			.data = &shown,
			.maxlen = sizeof(shown),
		};

		shown = knob_read(knob, table->extra2, table->data);
		return proc_douintvec((CT_CTL_CONST struct ctl_table *)&local,
				      0, buffer, lenp, ppos);
	}

	if (!*lenp)
		return 0;
	if (*ppos)	/* a number is written at once, from the beginning */
		return -EINVAL;
	if (knob->kind == KNOB_BUCKETS) {
		err = buckets_write(buffer, *lenp);
	} else {
		err = ct_parse_number(buffer, *lenp, &value);
		if (!err)
			err = knob_write(knob, table->extra2, table->data,
					 value);
	}
	if (!err)
		*ppos += *lenp;
	return err;
}

/* Life-cycle */

static umode_t knob_mode(const struct knob *knob, const struct ct_net *cnet)
{
	if (knob->kind == KNOB_COUNT || knob->kind == KNOB_KIND)
		return 0444;
	if (knob->common && !net_eq(cnet->net, &init_net))
		return 0444;
	return 0644;
}

/* One more entry than there are knobs: older kernels stop at an empty one. */
static struct ctl_table_header *knobs_register(struct ct_net *cnet,
					       const struct place *place,
					       enum ct_naming naming)
{
	const struct knob *knobs = place->knobs;
	struct ctl_table_header *header;
	struct ctl_table *table;
	struct ct_net *whose;
	size_t i;

	table = kcalloc(place->n + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return NULL;
	for (i = 0; i < place->n; i++) {
		table[i].procname = knobs[i].name[naming];
		whose = knobs[i].common ? ct_net(&init_net) : cnet;
		table[i].data = (void *)whose + knobs[i].offset;
		table[i].maxlen = sizeof(int);
		table[i].mode = knob_mode(&knobs[i], cnet);
		table[i].proc_handler = knob_handler;
		table[i].extra1 = (void *)&knobs[i];
		table[i].extra2 = cnet;
	}
	header = ct_register_sysctl(cnet->net, place->path, table, place->n);
	if (!header)
		kfree(table);
	return header;
}

static void knobs_unregister(struct ctl_table_header *header)
{
	const struct ctl_table *table = header->ctl_table_arg;

	unregister_net_sysctl_table(header);
	kfree(table);
}

/**
 * ct_sysctl_init() - make the sysctls of a namespace
 * @net: the namespace, its knobs set to their defaults
 * @naming: under which names
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM, also when a name is taken; nothing is left then.
 */
int ct_sysctl_init(struct net *net, enum ct_naming naming)
{
	const struct place *place = places[naming];
	struct ct_net *cnet = ct_net(net);
	struct ctl_table_header **header = cnet->sysctl[naming];

	if (!IS_ENABLED(CONFIG_SYSCTL))
		return 0;
	header[0] = knobs_register(cnet, &place[0], naming);
	if (!header[0])
		return -ENOMEM;
	header[1] = knobs_register(cnet, &place[1], naming);
	if (!header[1]) {
		knobs_unregister(header[0]);
		return -ENOMEM;
	}
	return 0;
}

/**
 * ct_sysctl_exit() - remove the sysctls of a namespace
 * @net: the namespace
 * @naming: under which names
 *
 * Waits for those who are reading or writing.
 *
 * Context: Process context, may sleep.
 */
void ct_sysctl_exit(struct net *net, enum ct_naming naming)
{
	struct ct_net *cnet = ct_net(net);

	if (!IS_ENABLED(CONFIG_SYSCTL))
		return;
	knobs_unregister(cnet->sysctl[naming][1]);
	knobs_unregister(cnet->sysctl[naming][0]);
}

/**
 * ct_knobs_init() - what a namespace begins with
 * @cnet: the namespace
 * @max: most flows; 0 for no limit
 * @acct: show counters
 *
 * Context: Any.
 */
void ct_knobs_init(struct ct_net *cnet, unsigned int max, bool acct)
{
	const struct knob *knob = netfilter_knobs;
	void *data;

	for (; knob < netfilter_knobs + ARRAY_SIZE(netfilter_knobs); knob++) {
		data = (void *)cnet + knob->offset;
		if (knob->kind == KNOB_SECONDS)
			*(u32 *)data = knob->initial * HZ;
		else if (knob->kind == KNOB_BYTE || knob->kind == KNOB_LOG ||
			 knob->kind == KNOB_PREFIX)
			*(u8 *)data = knob->initial;
		else if (knob->kind == KNOB_UINT)
			*(unsigned int *)data = knob->initial;
	}
	cnet->knobs.buckets_max = 16 * ct_hash_default();
	cnet->knobs.max = max;
	cnet->knobs.acct = acct;
}
EXPORT_SYMBOL_CT_TEST(ct_knobs_init);
