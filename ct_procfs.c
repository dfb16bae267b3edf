// SPDX-License-Identifier: GPL-2.0
/*
 * Files under /proc/net: the table, the statistics and the reasons.
 *
 * Overview
 *	ip_conntrack		IPv4 flows, a line each
 *	ip6_conntrack		IPv6 flows, the same
 *	stat/ip_conntrack	counters, a row per CPU
 *	stat/ip_conntrack_reasons why packets were not tracked
 *	and where that is asked for
 *	nf_conntrack		all flows, in the form of nf_conntrack
 *	stat/nf_conntrack	counters, with the columns of nf_conntrack
 *	All but the reasons are read by programs that are older than this one: a
 *	byte changed here breaks them.
 *
 * Context
 *	Process context. The walk needs the RCU read lock while a buffer is
 *	filled. No other lock is held while a line is formatted: the walk copies
 *	a flow and lets it go, the line is made from the copy. Nothing is held
 *	between two reads: a reader that stops in the middle stops nobody.
 *
 * Speed
 *	A dump may have a million lines. The text of a line is put together from
 *	decimal numbers and constant strings; nothing in it goes through the
 *	format parser of seq_printf(). A read fills a buffer of many lines: each
 *	has to find its place in the table again.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "ct_compat.h"
#include "ct_hash.h"
#include "ct_net.h"
#include "ct_procfs.h"
#include "ct_proto.h"
#include "ct_room.h"
#include "ct_text.h"

/* A line */

/* IPv6, with all that a flow can have, is some 560. */
#define LINE_MAX	640

static char *put_ipv4(char *p, const union nf_inet_addr *addr)
{
	const u8 *octet = (const u8 *)addr;
	int i;

	for (i = 0; i < 4; i++) {
		p = ct_text_u32(p, octet[i]);
		*p++ = '.';
	}
	return p - 1;
}

/* All eight groups with all their digits, as %pI6 has them. */
static char *put_ipv6(char *p, const union nf_inet_addr *addr)
{
	static const char digit[] = "0123456789abcdef";
	const u8 *octet = addr->in6.s6_addr;
	int i;

	for (i = 0; i < 16; i++) {
		*p++ = digit[octet[i] >> 4];
		*p++ = digit[octet[i] & 15];
		if (i % 2)
			*p++ = ':';
	}
	return p - 1;
}

static char *put_addresses(char *p, const struct ct_tuple *tuple)
{
	char *(*put)(char *p, const union nf_inet_addr *addr);

	put = tuple->family == NFPROTO_IPV6 ? put_ipv6 : put_ipv4;
	p = put(ct_text(p, "src="), &tuple->src);
	p = put(ct_text(p, " dst="), &tuple->dst);
	*p++ = ' ';
	return p;
}

static bool one_zone(const struct ct_snapshot *snap)
{
	return snap->tuple[IP_CT_DIR_ORIGINAL].zone ==
	       snap->tuple[IP_CT_DIR_REPLY].zone;
}

static char *put_direction(char *p, const struct ct_snapshot *snap,
			   enum ip_conntrack_dir dir, bool acct)
{
	const struct ct_tuple *tuple = &snap->tuple[dir];

	p = put_addresses(p, tuple);
	if (snap->proto->print_tuple)
		p = snap->proto->print_tuple(p, tuple);
	if (tuple->zone && !one_zone(snap))
		p = ct_text_field(p, dir == IP_CT_DIR_REPLY ? "zone-reply=" :
				  "zone-orig=", tuple->zone);
	if (!acct)
		return p;
	p = ct_text_field(p, "packets=", snap->packets[dir]);
	return ct_text_field(p, "bytes=", snap->bytes[dir]);
}

static char *put_head(char *p, const struct ct_snapshot *snap)
{
	const int width = 8;
	char *name = p;

	p = ct_text(p, snap->proto->name);
	while (p < name + width)
		*p++ = ' ';
	*p++ = ' ';
	p = ct_text_field(p, "", snap->tuple[IP_CT_DIR_ORIGINAL].protonum);
	p = ct_text_field(p, "", max(0, snap->left) / HZ);
	if (snap->proto->print_state)
		p = snap->proto->print_state(p, &snap->state);
	return p;
}

static char *put_family(char *p, const struct ct_snapshot *snap)
{
	bool ipv6 = snap->tuple[IP_CT_DIR_ORIGINAL].family == NFPROTO_IPV6;

	return ct_text(p, ipv6 ? "ipv6     10 " : "ipv4     2 ");
}

static char *put_age(char *p, const struct ct_snapshot *snap)
{
	u64 now = ktime_get_real_ns();

	if (!snap->start)
		return p;
	/* The clock may have been set back. */
	return ct_text_field(p, "delta-time=", now < snap->start ? 0 :
			     div_u64(now - snap->start, NSEC_PER_SEC));
}

static char *put_end(char *p, const struct ct_snapshot *snap,
		     enum ct_naming naming)
{
	u16 zone = snap->tuple[IP_CT_DIR_ORIGINAL].zone;
	bool nf = naming == CT_NAMES_NF;

	p = ct_text_field(p, "mark=", snap->mark);
	if (!nf)
		p = ct_text(p, "secmark=0 ");
	if (one_zone(snap) && (zone || nf))
		p = ct_text_field(p, "zone=", zone);
	if (nf)
		p = put_age(p, snap);
	return ct_text(p, "use=1\n");
}

/**
 * ct_procfs_line() - write the line of a flow
 * @s: where to
 * @snap: the flow
 * @naming: in which form
 * @acct: with counters
 *
 * A classic line has secmark=0, for no flow has one, and every line use=1, for
 * flows have no reference count: they stand there because readers count fields.
 * A zone was no field of classic lines: it is in them only where there is one.
 *
 * Context: Any. Takes no lock.
 */
void ct_procfs_line(struct seq_file *s, const struct ct_snapshot *snap,
		    enum ct_naming naming, bool acct)
{
	char line[LINE_MAX], *p = line;

	if (naming == CT_NAMES_NF)
		p = put_family(p, snap);
	p = put_head(p, snap);
	p = put_direction(p, snap, IP_CT_DIR_ORIGINAL, acct);
	if (!(snap->status & IPS_SEEN_REPLY))
		p = ct_text(p, "[UNREPLIED] ");
	p = put_direction(p, snap, IP_CT_DIR_REPLY, acct);
	if (snap->status & IPS_ASSURED)
		p = ct_text(p, "[ASSURED] ");
	p = put_end(p, snap, naming);
	seq_write(s, line, p - line);
}
EXPORT_SYMBOL_CT_TEST(ct_procfs_line);

/* The table */

/**
 * struct file_kind - one of our files
 * @name: under /proc/net or /proc/net/stat
 * @show: what is in it; %NULL for the table itself
 * @naming: whose form it has
 * @family: flows of this family; NFPROTO_UNSPEC for all
 */
struct file_kind {
	const char *name;
	int (*show)(struct seq_file *s, void *v);
	enum ct_naming naming;
	u8 family;
};

static const struct file_kind *file_kind(const struct seq_file *s)
{
	return pde_data(file_inode(s->file));
}

/**
 * struct dump - an open table file
 * @p: what seq_file_net() wants to find first
 * @walk: where the reader is
 * @snap: the flow that it is at
 * @pos: which line that is
 * @valid: there is one; false behind the last
 */
struct dump {
	struct seq_net_private p;
	struct ct_walk walk;
	struct ct_snapshot snap;
	loff_t pos;
	bool valid;
};

#define DUMP_BUFFER	(32 * 1024)

/*
 * seq_file's buffer is a page, unless it was given a larger one before anything
 * was put into it.
 */
static void dump_grow_buffer(struct seq_file *s)
{
	char *buf;

	if (s->size >= DUMP_BUFFER || s->count)
		return;
	buf = kvmalloc(DUMP_BUFFER, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!buf)
		return;
	kvfree(s->buf);
	s->buf = buf;
	s->size = DUMP_BUFFER;
}

static void dump_rewind(struct seq_file *s)
{
	struct dump *dump = s->private;

	ct_walk_begin(&dump->walk, ct_net(seq_file_net(s)),
		      file_kind(s)->family);
	dump->pos = 0;
	dump->valid = ct_walk_next(&dump->walk, &dump->snap);
}

static void *dump_next(struct seq_file *s, void *v, loff_t *pos)
{
	struct dump *dump = s->private;

	dump->pos = ++*pos;
	dump->valid = ct_walk_next(&dump->walk, &dump->snap);
	return dump->valid ? &dump->snap : NULL;
}

/*
 * The reader comes back for the line that did not fit any more, and gets it as
 * it was. Only a reader who jumps (pread(), lseek()) makes the walk begin anew.
 */
static void *dump_start(struct seq_file *s, loff_t *pos)
	__acquires(RCU)
{
	struct dump *dump = s->private;

	dump_grow_buffer(s);
	rcu_read_lock();
	ct_walk_resume(&dump->walk);
	if (!*pos || *pos != dump->pos) {
		dump_rewind(s);
		while (dump->valid && dump->pos < *pos) {
			dump->pos++;
			dump->valid = ct_walk_next(&dump->walk, &dump->snap);
		}
		dump->pos = *pos;
	}
	return dump->valid ? &dump->snap : NULL;
}

static void dump_stop(struct seq_file *s, void *v)
	__releases(RCU)
{
	rcu_read_unlock();
}

static int dump_show(struct seq_file *s, void *v)
{
	const struct ct_net *cnet = ct_net(seq_file_net(s));

	ct_procfs_line(s, v, file_kind(s)->naming,
		       READ_ONCE(cnet->knobs.acct));
	return 0;
}

static const struct seq_operations dump_ops = {
	.start = dump_start,
	.next = dump_next,
	.stop = dump_stop,
	.show = dump_show,
};

/* Statistics */

static int stat_show(struct seq_file *s, void *v)
{
	struct ct_net *cnet = ct_net(seq_file_single_net(s));
	unsigned int entries = ct_room_used(cnet);
	bool nf = file_kind(s)->naming == CT_NAMES_NF;
	const struct ct_stat *st;
	int cpu;

	seq_printf(s, "entries  %s found new invalid ignore delete %s insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n",
		   nf ? "clashres" : "searched",
		   nf ? "chainlength" : "delete_list");
	for_each_possible_cpu(cpu) {
		st = per_cpu_ptr(cnet->stat, cpu);
		seq_printf(s, "%08x  %08x %08x %08x %08x %08x %08x %08x ",
			   entries, nf ? st->clash : st->searched, st->found,
			   st->fresh, ct_stat_invalid(st), st->ignore,
			   ct_stat_ended(st, CT_ENDED_TIMEOUT),
			   nf ? 0 /* no chain is too long */ :
				ct_stat_ended(st, CT_ENDED_EARLY));
		seq_printf(s, "%08x %08x %08x %08x %08x  %08x %08x %08x %08x\n",
			   st->insert, st->insert_failed, st->drop,
			   st->early_drop, st->icmp_error,
			   0, 0, 0, /* nothing is expected yet */
			   st->search_restart);
	}
	return 0;
}

static void put_total(struct seq_file *s, u64 total, const char *text)
{
	seq_printf(s, "%10llu %s\n", total, text);
}

/* What is counted beside the reasons of refusals */
static const struct {
	size_t offset;
	const char *text;
} others[] = {
#define CT_OTHER(field, text) { offsetof(struct ct_stat, field), text }
	CT_OTHER(clash, "first packets that joined another's flow (not refused)"),
	CT_OTHER(looked_again, "packets looked up again at the last hook (not refused)"),
	CT_OTHER(asked_again, "packets looked up again for a rule (not refused)"),
	CT_OTHER(pending_lost, "first packets of which a note was lost (not refused)"),
	CT_OTHER(event_lost, "events that a listener did not get (not refused)"),
	CT_OTHER(event_late, "ends of flows that a listener got late (not refused)"),
	CT_OTHER(given_up[CT_RANK_CLOSING], "closing flows given up for room (not refused)"),
	CT_OTHER(given_up[CT_RANK_UNREPLIED], "unanswered flows given up for room (not refused)"),
	CT_OTHER(given_up[CT_RANK_REPLIED], "answered flows given up for room (not refused)"),
	CT_OTHER(given_up[CT_RANK_ASSURED], "assured flows given up for room (not refused)"),
	CT_OTHER(room_passed, "first packets that passed without a flow (not refused)"),
	CT_OTHER(source_full, "first packets of a source with too many flows (not refused)"),
	CT_OTHER(drop, "first packets dropped, no room or memory (not refused)"),
#undef CT_OTHER
#define CT_ENDED(name, text) {						\
	offsetof(struct ct_stat, ended[CT_ENDED_##name]),		\
	"flows ended: " text " (not refused)" },
	CT_ENDS(CT_ENDED)
#undef CT_ENDED
};

static int reasons_show(struct seq_file *s, void *v)
{
	struct ct_net *cnet = ct_net(seq_file_single_net(s));
	int i;

	for (i = CT_R_OK + 1; i < CT_R_MAX; i++)
		put_total(s, ct_stat_sum(cnet, offsetof(struct ct_stat,
							reason[i])),
			  ct_reason_text(i));
	for (i = 0; i < ARRAY_SIZE(others); i++)
		put_total(s, ct_stat_sum(cnet, others[i].offset),
			  others[i].text);
	return 0;
}

/* Life-cycle */

static const struct file_kind files[] = {
	{ "ip_conntrack", NULL, CT_NAMES_CLASSIC, NFPROTO_IPV4 },
	{ "ip6_conntrack", NULL, CT_NAMES_CLASSIC, NFPROTO_IPV6 },
	{ "ip_conntrack", stat_show, CT_NAMES_CLASSIC },
	{ "ip_conntrack_reasons", reasons_show, CT_NAMES_CLASSIC },
	{ "nf_conntrack", NULL, CT_NAMES_NF, NFPROTO_UNSPEC },
	{ "nf_conntrack", stat_show, CT_NAMES_NF },
};

static struct proc_dir_entry *create_dump(struct net *net,
					  const struct file_kind *kind)
{
	kuid_t uid = make_kuid(net->user_ns, 0);
	kgid_t gid = make_kgid(net->user_ns, 0);
	struct proc_dir_entry *file;

	file = proc_create_net_data(kind->name, 0440, net->proc_net, &dump_ops,
				    sizeof(struct dump), (void *)kind);
	if (file && uid_valid(uid) && gid_valid(gid))
		proc_set_user(file, uid, gid);
	return file;
}

static struct proc_dir_entry *create_file(struct net *net,
					  const struct file_kind *kind)
{
	if (!kind->show)
		return create_dump(net, kind);
	return proc_create_net_single(kind->name, 0444, net->proc_net_stat,
				      kind->show, (void *)kind);
}

/* The first @n of them, as far as they have these names */
static void remove_files(struct net *net, enum ct_naming naming, size_t n)
{
	while (n--) {
		if (files[n].naming == naming)
			remove_proc_entry(files[n].name, files[n].show ?
					  net->proc_net_stat : net->proc_net);
	}
}

/**
 * ct_procfs_init() - make the files of a namespace
 * @net: the namespace, its tracker set up but for the hooks
 * @naming: under which names
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM, also when a name is taken; nothing is left then.
 */
int ct_procfs_init(struct net *net, enum ct_naming naming)
{
	size_t i;

	if (!IS_ENABLED(CONFIG_PROC_FS))
		return 0;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		if (files[i].naming != naming || create_file(net, &files[i]))
			continue;
		remove_files(net, naming, i);
		return -ENOMEM;
	}
	return 0;
}

/**
 * ct_procfs_exit() - remove the files of a namespace
 * @net: the namespace
 * @naming: under which names
 *
 * Waits for those who are reading. Files still open read nothing afterwards.
 *
 * Context: Process context, may sleep.
 */
void ct_procfs_exit(struct net *net, enum ct_naming naming)
{
	if (IS_ENABLED(CONFIG_PROC_FS))
		remove_files(net, naming, ARRAY_SIZE(files));
}
