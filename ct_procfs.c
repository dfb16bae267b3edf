// SPDX-License-Identifier: GPL-2.0
/*
 * Files under /proc/net: the table, the statistics and the reasons.
 *
 * Overview
 *	ip_conntrack		IPv4 flows, a line each
 *	ip6_conntrack		IPv6 flows, the same
 *	stat/ip_conntrack	counters, a row per CPU
 *	stat/ip_conntrack_reasons why packets were not tracked
 *	The first three are read by programs that are older than this one: a
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
 *	format parser of seq_printf().
 */
#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/string.h>

#include "ct_compat.h"
#include "ct_hash.h"
#include "ct_net.h"
#include "ct_note.h"
#include "ct_procfs.h"
#include "ct_proto.h"

/* A line */

static char *put_octet(char *p, u8 n)
{
	if (n >= 100)
		*p++ = '0' + n / 100;
	if (n >= 10)
		*p++ = '0' + n / 10 % 10;
	*p++ = '0' + n % 10;
	return p;
}

static char *put_ipv4(char *p, const union nf_inet_addr *addr)
{
	const u8 *octet = (const u8 *)addr;
	int i;

	for (i = 0; i < 4; i++) {
		p = put_octet(p, octet[i]);
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

static void put_addresses(struct seq_file *s, const struct ct_tuple *tuple)
{
	char text[sizeof("src= dst= ") + 2 * 40], *p = text;
	char *(*put)(char *p, const union nf_inet_addr *addr);

	put = tuple->family == NFPROTO_IPV6 ? put_ipv6 : put_ipv4;
	memcpy(p, "src=", 4);
	p = put(p + 4, &tuple->src);
	memcpy(p, " dst=", 5);
	p = put(p + 5, &tuple->dst);
	*p++ = ' ';
	seq_write(s, text, p - text);
}

static void put_direction(struct seq_file *s, const struct ct_snapshot *snap,
			  enum ip_conntrack_dir dir, bool acct)
{
	put_addresses(s, &snap->tuple[dir]);
	if (snap->proto->print_tuple)
		snap->proto->print_tuple(s, &snap->tuple[dir]);
	if (!acct)
		return;
	seq_put_decimal_ull(s, "packets=", snap->packets[dir]);
	seq_put_decimal_ull(s, " bytes=", snap->bytes[dir]);
	seq_putc(s, ' ');
}

static void put_head(struct seq_file *s, const struct ct_snapshot *snap)
{
	static const char blanks[] = "        ";
	size_t len = strlen(snap->proto->name);

	seq_write(s, snap->proto->name, len);
	if (len < sizeof(blanks) - 1)
		seq_write(s, blanks, sizeof(blanks) - 1 - len);
	seq_put_decimal_ull(s, " ", snap->tuple[IP_CT_DIR_ORIGINAL].protonum);
	seq_put_decimal_ull(s, " ", max(0, snap->left) / HZ);
	seq_putc(s, ' ');
	if (snap->proto->print_state)
		snap->proto->print_state(s, &snap->state);
}

/**
 * ct_procfs_line() - write the line of a flow
 * @s: where to
 * @snap: the flow
 * @acct: with counters
 *
 * The line ends in secmark=0, for no flow has one, and use=1, for flows have
 * no reference count: both stand there because readers count fields.
 *
 * Context: Any. Takes no lock.
 */
void ct_procfs_line(struct seq_file *s, const struct ct_snapshot *snap,
		    bool acct)
{
	put_head(s, snap);
	put_direction(s, snap, IP_CT_DIR_ORIGINAL, acct);
	if (!(snap->status & IPS_SEEN_REPLY))
		seq_puts(s, "[UNREPLIED] ");
	put_direction(s, snap, IP_CT_DIR_REPLY, acct);
	if (snap->status & IPS_ASSURED)
		seq_puts(s, "[ASSURED] ");
	seq_put_decimal_ull(s, "mark=", snap->mark);
	seq_puts(s, " secmark=0 use=1\n");
}
EXPORT_SYMBOL_CT_TEST(ct_procfs_line);

/* The table */

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

static void dump_rewind(struct seq_file *s)
{
	unsigned long family = (unsigned long)pde_data(file_inode(s->file));
	struct dump *dump = s->private;

	ct_walk_begin(&dump->walk, ct_net(seq_file_net(s)), family);
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

	ct_procfs_line(s, v, READ_ONCE(cnet->knobs.acct));
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
	unsigned int entries = atomic_read(&cnet->count);
	const struct ct_stat *st;
	int cpu;

	seq_puts(s, "entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n");
	for_each_possible_cpu(cpu) {
		st = per_cpu_ptr(cnet->stat, cpu);
		seq_printf(s, "%08x  %08x %08x %08x %08x %08x %08x %08x ",
			   entries, st->searched, st->found, st->fresh,
			   ct_stat_invalid(st), st->ignore, st->dead,
			   st->dead_list);
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

static int reasons_show(struct seq_file *s, void *v)
{
	struct ct_net *cnet = ct_net(seq_file_single_net(s));
	u64 total[CT_R_MAX] = {}, raced = 0, lost = 0, again = 0;
	u64 event_lost = 0, event_late = 0;
	const struct ct_stat *st;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		st = per_cpu_ptr(cnet->stat, cpu);
		for (i = 0; i < CT_R_MAX; i++)
			total[i] += st->reason[i];
		raced += st->raced;
		lost += st->memo_lost;
		again += st->asked_again;
		event_lost += st->event_lost;
		event_late += st->event_late;
	}
	for (i = CT_R_OK + 1; i < CT_R_MAX; i++)
		put_total(s, total[i], ct_reason_text(i));
	put_total(s, raced, "first packets that joined another's flow (not refused)");
	put_total(s, lost, "packets looked up again at the last hook (not refused)");
	put_total(s, again, "packets looked up again for a rule (not refused)");
	put_total(s, event_lost, "events that a listener did not get (not refused)");
	put_total(s, ct_note_lost(), "notes of rules on packets that were lost (not refused)");
	put_total(s, event_late, "ends of flows that a listener got late (not refused)");
	return 0;
}

/* Life-cycle */

static int create_dump(struct net *net, const char *name, unsigned long family)
{
	kuid_t uid = make_kuid(net->user_ns, 0);
	kgid_t gid = make_kgid(net->user_ns, 0);
	struct proc_dir_entry *file;

	file = proc_create_net_data(name, 0440, net->proc_net, &dump_ops,
				    sizeof(struct dump), (void *)family);
	if (!file)
		return -ENOMEM;
	if (uid_valid(uid) && gid_valid(gid))
		proc_set_user(file, uid, gid);
	return 0;
}

static int create_single(struct net *net, const char *name,
			 int (*show)(struct seq_file *s, void *v))
{
	if (!proc_create_net_single(name, 0444, net->proc_net_stat, show, NULL))
		return -ENOMEM;
	return 0;
}

/**
 * ct_procfs_init() - make the files of a namespace
 * @net: the namespace, its tracker set up but for the hooks
 *
 * Context: Process context, may sleep.
 * Return: 0 or -ENOMEM, also when a name is taken; nothing is left then.
 */
int ct_procfs_init(struct net *net)
{
	int err;

	if (!IS_ENABLED(CONFIG_PROC_FS))
		return 0;
	err = create_dump(net, "ip_conntrack", NFPROTO_IPV4);
	if (err)
		return err;
	err = create_dump(net, "ip6_conntrack", NFPROTO_IPV6);
	if (err)
		goto no_ipv6;
	err = create_single(net, "ip_conntrack", stat_show);
	if (err)
		goto no_stat;
	err = create_single(net, "ip_conntrack_reasons", reasons_show);
	if (err)
		goto no_reasons;
	return 0;

no_reasons:
	remove_proc_entry("ip_conntrack", net->proc_net_stat);
no_stat:
	remove_proc_entry("ip6_conntrack", net->proc_net);
no_ipv6:
	remove_proc_entry("ip_conntrack", net->proc_net);
	return err;
}

/**
 * ct_procfs_exit() - remove the files of a namespace
 * @net: the namespace
 *
 * Waits for those who are reading. Files still open read nothing afterwards.
 *
 * Context: Process context, may sleep.
 */
void ct_procfs_exit(struct net *net)
{
	if (!IS_ENABLED(CONFIG_PROC_FS))
		return;
	remove_proc_entry("ip_conntrack_reasons", net->proc_net_stat);
	remove_proc_entry("ip_conntrack", net->proc_net_stat);
	remove_proc_entry("ip6_conntrack", net->proc_net);
	remove_proc_entry("ip_conntrack", net->proc_net);
}
