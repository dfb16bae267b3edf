// SPDX-License-Identifier: GPL-2.0
/*
 * Packets that nobody would send, through the hooks of whoever tracks them.
 *
 * Overview
 *	Some hundred conversations go on in all protocols and both families,
 *	forwarded ones and those of the host itself. One packet in two is as it
 *	should be; in the others some field, chosen with knowledge of what it
 *	means, is not (see ct_fuzz_mutate.c). What a packet is depends on the
 *	seed and on nothing else, so that two trackers can be shown the same
 *	ones; this module knows none of them.
 *
 *	write "SEED COUNT" to /proc/ct_fuzz	sends COUNT packets, in the
 *						writer's network namespace
 *	write "SEED COUNT trace"		and remembers what became of each
 *	write "SEED COUNT show FIRST LAST"	and logs these packets
 *	read it					one line for each remembered:
 *	  NUMBER TALK PROTOCOL VERSION WAY DIRECTION NAME MUTATION VERDICT MARK
 *	  WHY
 *	.../parameters/sent			packets of all who ever wrote
 *	.../parameters/talks			conversations at a time: where they
 *						are few, processors meet in each
 *
 *	A verdict is "accept", or the first hook (1) or the last one (2) and
 *	"drop" or "kept". MARK is the packet's mark behind the first hook, where
 *	a rule may have left what it thinks of the packet. WHY is what the
 *	tracker would have logged of it, with _ for each space, or "-": with the
 *	parameter hear=1 this module is the kernel's logger.
 *
 * Packets and the IP layer
 *	The IP layer checks its header before the hooks see it. So does this
 *	one: lengths are right, unless a raw socket might have sent the packet
 *	("raw", LOCAL_OUT only). Transport headers may be in pages.
 *
 * Context
 *	Process; hooks with bottom halves off under the RCU read lock. Each who
 *	has the file open is on its own: several may send at once.
 */
#include <linux/cred.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/nsproxy.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <net/checksum.h>
#include <net/netfilter/nf_log.h>
#include <net/net_namespace.h>

#include "ct_fuzz.h"

#define HEADROOM	128
#define TRACE_MAX	4000000
#define WHY_LEN		88

enum verdict { ACCEPT, DROP_FIRST, KEPT_FIRST, DROP_LAST, KEPT_LAST };

static const char * const verdict_names[] = {
	"accept", "1drop", "1kept", "2drop", "2kept",
};

static const char * const protocol_names[FUZZ_PROTOCOLS] = {
	"tcp", "udp", "udplite", "echo", "sctp", "dccp", "gre", "pptp", "other",
};

static const char * const way_names[FUZZ_WAYS] = { "forward", "in", "out" };

/**
 * struct record - what became of a packet
 * @name: what kind it was
 * @mark: behind the first hook
 * @talk: number of its conversation
 * @mutation: what was wrong with it
 * @protocol: of the conversation
 * @way: likewise
 * @is_v6: likewise
 * @is_reply: its direction
 * @verdict: enum verdict
 * @why: what was logged
 */
struct record {
	const char *name;
	u32 mark;
	u32 talk;
	u8 mutation;
	u8 protocol;
	u8 way;
	bool is_v6;
	bool is_reply;
	u8 verdict;
	char why[WHY_LEN];
};

/**
 * struct fuzz_file - one who has the file open
 * @fuzz: who sends
 * @records: what became of the packets, or NULL
 * @n: how many of them
 * @room: for how many there is room
 * @first: log from this packet
 * @last: to this one
 * @lock: one run, or one reader, at a time
 */
struct fuzz_file {
	struct ct_fuzz fuzz;
	struct record *records;
	unsigned int n;
	unsigned int room;
	unsigned int first;
	unsigned int last;
	struct mutex lock;	/* of all of it */
};

static struct net_device *device;
static atomic_long_t sent;

static unsigned int talks = CT_FUZZ_TALKS;
module_param(talks, uint, 0444);
MODULE_PARM_DESC(talks, "conversations at a time, 1 to 256 (default: 256)");

/* What trackers log */

static bool hear;
module_param(hear, bool, 0444);
MODULE_PARM_DESC(hear, "be the kernel's logger, and remember why (default: off)");

static DEFINE_PER_CPU(char *, heard);	/* where to; bottom halves off */

static void hear_line(struct net *net, u_int8_t pf, unsigned int hook,
		      const struct sk_buff *skb, const struct net_device *in,
		      const struct net_device *out,
		      const struct nf_loginfo *info, const char *prefix)
{
	char *to = this_cpu_read(heard);

	if (to)
		strscpy(to, prefix, WHY_LEN);
}

static struct nf_logger logger = {
	.name	= "ct_fuzz",
	.type	= NF_LOG_TYPE_LOG,
	.logfn	= hear_line,
	.me	= THIS_MODULE,
};

static void listen(struct net *net)
{
	nf_log_set(net, NFPROTO_IPV4, &logger);
	nf_log_set(net, NFPROTO_IPV6, &logger);
}

/* Hooks */

/* A packet that waited in a queue ends behind the hook that put it there. */
static int okfn(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	kfree_skb(skb);
	return 0;
}

static enum nf_inet_hooks hook_of(const struct ct_fuzz_draft *draft, bool first)
{
	enum ct_fuzz_way way = draft->talk->way;
	bool from_peer;

	if (way == FUZZ_FORWARD)
		return first ? NF_INET_PRE_ROUTING : NF_INET_POST_ROUTING;
	from_peer = way == FUZZ_IN ? !draft->is_reply : draft->is_reply;
	if (from_peer)
		return first ? NF_INET_PRE_ROUTING : NF_INET_LOCAL_IN;
	return first ? NF_INET_LOCAL_OUT : NF_INET_POST_ROUTING;
}

/* 1: it goes on; else it is not ours any more: 0 kept, negative dropped */
static int pass(struct net *net, struct sk_buff *skb, enum nf_inet_hooks hook)
{
	bool comes = hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_IN;

	return nf_hook(skb->protocol == htons(ETH_P_IP) ? NFPROTO_IPV4 :
		       NFPROTO_IPV6, hook, net, NULL, skb,
		       comes ? device : NULL, comes ? NULL : device, okfn);
}

static enum verdict traverse(struct net *net, struct sk_buff *skb,
			     const struct ct_fuzz_draft *draft, u32 *mark)
{
	enum nf_inet_hooks first = hook_of(draft, true);
	int ret;

	skb->skb_iif = first == NF_INET_PRE_ROUTING;
	ret = pass(net, skb, first);
	if (ret != 1)
		return ret ? DROP_FIRST : KEPT_FIRST;
	*mark = skb->mark;
	ret = pass(net, skb, hook_of(draft, false));
	if (ret != 1)
		return ret ? DROP_LAST : KEPT_LAST;
	kfree_skb(skb);
	return ACCEPT;
}

/* Packets */

static unsigned int header_of(const struct ct_fuzz_draft *draft)
{
	return draft->is_v6 ? sizeof(struct ipv6hdr) :
	       sizeof(struct iphdr) + draft->extra_len;
}

static void describe(struct sk_buff *skb, const struct ct_fuzz_draft *draft)
{
	unsigned int from;

	skb->protocol = draft->is_v6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, header_of(draft));
	skb->dev = device;
	skb->pkt_type = PACKET_HOST;
	skb->ip_summed = draft->summed;
	/* Of all from the IP header on: that of IPv4 sums up to nothing. */
	from = draft->is_v6 ? 0 : header_of(draft);
	if (draft->summed == CHECKSUM_COMPLETE)
		skb->csum = skb_checksum(skb, from, skb->len - from, 0);
	if (draft->gso && skb->len > draft->gso) {
		skb_shinfo(skb)->gso_size = draft->gso;
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(draft->len, draft->gso);
		skb_shinfo(skb)->gso_type = draft->protonum == IPPROTO_UDP ?
			SKB_GSO_UDP_L4 : draft->is_v6 ? SKB_GSO_TCPV6 :
			SKB_GSO_TCPV4;
	}
	if (draft->raw.at && hook_of(draft, true) == NF_INET_LOCAL_OUT)
		skb->data[draft->raw.at - 1] = draft->raw.byte;
}

/* The bytes @at to @end of the body, as a packet of its own */
static struct sk_buff *make(struct ct_fuzz *fuzz, unsigned int at,
			    unsigned int end)
{
	struct ct_fuzz_draft *draft = &fuzz->draft;
	unsigned int len = ct_fuzz_write(draft, fuzz->scratch, at, end);
	unsigned int linear = min_t(unsigned int, len,
				    header_of(draft) + draft->linear);
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(HEADROOM + linear, len - linear, 0, &err,
				   GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	skb_put(skb, linear);
	skb->data_len = len - linear;
	skb->len += len - linear;
	skb_store_bits(skb, 0, fuzz->scratch, len);
	describe(skb, draft);
	return skb;
}

static void show(struct fuzz_file *file, unsigned int number,
		 const struct sk_buff *skb)
{
	if (number < file->first || number > file->last)
		return;
	pr_info("ct_fuzz: %u: %s, %u bytes\n", number,
		way_names[file->fuzz.draft.talk->way], skb->len);
	print_hex_dump(KERN_INFO, "", DUMP_PREFIX_OFFSET, 16, 1,
		       file->fuzz.scratch, skb->len, false);
}

static enum verdict send(struct fuzz_file *file, unsigned int number,
			 unsigned int at, unsigned int end,
			 struct record *record)
{
	struct sk_buff *skb = make(&file->fuzz, at, end);
	enum verdict verdict;

	if (!skb)
		return DROP_FIRST;
	show(file, number, skb);
	local_bh_disable();
	rcu_read_lock();
	this_cpu_write(heard, record->why);
	verdict = traverse(current->nsproxy->net_ns, skb, &file->fuzz.draft,
			   &record->mark);
	this_cpu_write(heard, NULL);
	rcu_read_unlock();
	local_bh_enable();
	atomic_long_inc(&sent);
	return verdict;
}

/* The verdict that counts is that of the fragment which completes the packet. */
static enum verdict send_pieces(struct fuzz_file *file, unsigned int number,
				struct record *record)
{
	struct ct_fuzz_draft *draft = &file->fuzz.draft;
	unsigned int piece, i, at, end, n = draft->pieces;
	unsigned int size = round_up(DIV_ROUND_UP(draft->len, n), 8);
	enum verdict verdict, result = KEPT_FIRST;

	for (i = 0; i < n; i++) {
		piece = draft->backwards ? n - 1 - i : i;
		if (piece + 1 == draft->lost)
			continue;
		at = min_t(unsigned int, piece * size, draft->len);
		end = min_t(unsigned int, at + size, draft->len);
		if (piece && at > 8 * draft->overlap)
			at -= 8 * draft->overlap;
		verdict = send(file, number, at, end, record);
		if (verdict != KEPT_FIRST)
			result = verdict;
	}
	return result;
}

static void fuzz_one(struct fuzz_file *file, unsigned int number)
{
	struct ct_fuzz *fuzz = &file->fuzz;
	struct record record = { .name = ct_fuzz_say(fuzz) };

	if (ct_fuzz_one_in(fuzz, 2))
		record.mutation = ct_fuzz_mutate(fuzz);
	else
		fuzz->last = fuzz->draft;
	if (fuzz->draft.sum)
		ct_fuzz_checksum(&fuzz->draft);
	record.talk = fuzz->draft.talk->number;
	record.protocol = fuzz->draft.talk->protocol;
	record.way = fuzz->draft.talk->way;
	record.is_v6 = fuzz->draft.is_v6;
	record.is_reply = fuzz->draft.is_reply;
	record.verdict = fuzz->draft.pieces > 1 ?
		send_pieces(file, number, &record) :
		send(file, number, 0, fuzz->draft.len, &record);
	if (file->n < file->room)
		file->records[file->n++] = record;
}

/* The file */

static int run(struct fuzz_file *file, u32 seed, unsigned int count)
{
	struct net *net = current->nsproxy->net_ns;
	unsigned int i;

	memset(&file->fuzz, 0, sizeof(file->fuzz));
	prandom_seed_state(&file->fuzz.rnd, seed);
	file->fuzz.at_once = clamp_t(u32, talks, 1, CT_FUZZ_TALKS);
	if (hear)
		listen(net);
	for (i = 0; i < count && !fatal_signal_pending(current); i++) {
		fuzz_one(file, i);
		cond_resched();
	}
	if (hear)
		nf_log_unset(net, &logger);
	return i < count ? -EINTR : 0;
}

static int prepare(struct fuzz_file *file, unsigned int room)
{
	vfree(file->records);
	file->records = NULL;
	file->n = 0;
	file->room = 0;
	if (!room)
		return 0;
	file->records = vmalloc(array_size(room, sizeof(*file->records)));
	if (!file->records)
		return -ENOMEM;
	file->room = room;
	return 0;
}

static ssize_t fuzz_write(struct file *f, const char __user *from, size_t len,
			  loff_t *pos)
{
	struct fuzz_file *file = ((struct seq_file *)f->private_data)->private;
	unsigned int count, first = U32_MAX, last = 0;
	char text[80], what[8] = "";
	u32 seed;
	int err, words;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, len))
		return -EFAULT;
	text[len] = '\0';
	words = sscanf(text, "%u %u %7s %u %u", &seed, &count, what, &first,
		       &last);
	if (words < 2 || (words > 2 && strcmp(what, "trace") &&
			  strcmp(what, "show")))
		return -EINVAL;
	if (!strcmp(what, "trace") && count > TRACE_MAX)
		return -E2BIG;
	mutex_lock(&file->lock);
	file->first = first;
	file->last = last;
	err = prepare(file, strcmp(what, "trace") ? 0 : count);
	if (!err)
		err = run(file, seed, count);
	mutex_unlock(&file->lock);
	return err ?: len;
}

static void *fuzz_start(struct seq_file *seq, loff_t *pos)
{
	struct fuzz_file *file = seq->private;

	mutex_lock(&file->lock);
	return *pos < file->n ? &file->records[*pos] : NULL;
}

static void *fuzz_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct fuzz_file *file = seq->private;

	return ++*pos < file->n ? &file->records[*pos] : NULL;
}

static void fuzz_stop(struct seq_file *seq, void *v)
{
	struct fuzz_file *file = seq->private;

	mutex_unlock(&file->lock);
}

static int fuzz_show(struct seq_file *seq, void *v)
{
	struct fuzz_file *file = seq->private;
	struct record *r = v;

	strreplace(r->why, ' ', '_');
	strreplace(r->why, '\n', '_');
	seq_printf(seq, "%zu %u %s %u %s %s %s %s %s %u %s\n",
		   (size_t)(r - file->records), r->talk,
		   protocol_names[r->protocol], r->is_v6 ? 6 : 4,
		   way_names[r->way], r->is_reply ? "reply" : "original",
		   r->name, ct_fuzz_mutation(r->mutation),
		   verdict_names[r->verdict], r->mark, r->why[0] ? r->why : "-");
	return 0;
}

static const struct seq_operations fuzz_seq_ops = {
	.start = fuzz_start,
	.next = fuzz_next,
	.stop = fuzz_stop,
	.show = fuzz_show,
};

static int fuzz_open(struct inode *inode, struct file *f)
{
	struct fuzz_file *file = kvzalloc(sizeof(*file), GFP_KERNEL);
	int err;

	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	err = seq_open(f, &fuzz_seq_ops);
	if (err) {
		kvfree(file);
		return err;
	}
	((struct seq_file *)f->private_data)->private = file;
	return 0;
}

static int fuzz_release(struct inode *inode, struct file *f)
{
	struct fuzz_file *file = ((struct seq_file *)f->private_data)->private;

	vfree(file->records);
	kvfree(file);
	return seq_release(inode, f);
}

static const struct proc_ops fuzz_proc_ops = {
	.proc_open = fuzz_open,
	.proc_read = seq_read,
	.proc_write = fuzz_write,
	.proc_lseek = seq_lseek,
	.proc_release = fuzz_release,
};

static int sent_get(char *to, const struct kernel_param *kp)
{
	return sysfs_emit(to, "%ld\n", atomic_long_read(&sent));
}

static const struct kernel_param_ops sent_ops = { .get = sent_get };
module_param_cb(sent, &sent_ops, NULL, 0444);
MODULE_PARM_DESC(sent, "packets of all who ever wrote");

/* Module */

static void device_setup(struct net_device *dev)
{
}

static int __init fuzz_init(void)
{
	int err = -ENOMEM;

	/* Never registered: the hooks only look at it. */
	device = alloc_netdev(0, "ct_fuzz%d", NET_NAME_UNKNOWN, device_setup);
	if (!device)
		return err;
	if (hear)
		err = nf_log_register(NFPROTO_UNSPEC, &logger);
	if (hear && err)
		goto no_logger;
	if (proc_create("ct_fuzz", 0600, NULL, &fuzz_proc_ops))
		return 0;
	err = -ENOMEM;
	if (hear)
		nf_log_unregister(&logger);
no_logger:
	free_netdev(device);
	return err;
}

static void __exit fuzz_exit(void)
{
	remove_proc_entry("ct_fuzz", NULL);
	if (hear)
		nf_log_unregister(&logger);
	free_netdev(device);
}

module_init(fuzz_init);
module_exit(fuzz_exit);

MODULE_AUTHOR("The ip_conntrack developers");
MODULE_DESCRIPTION("Packets that nobody would send");
MODULE_LICENSE("GPL");
