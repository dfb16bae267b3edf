// SPDX-License-Identifier: GPL-2.0
/*
 * Counts what a packet costs a processor: a plugin of QEMU (tools/bench, part
 * "counts").
 *
 * Overview
 *	ct_bench.ko marks in a kernel of any kind where a batch of packets begins
 *	and ends, and each packet (ct_mark.h). Between the marks this counts, on
 *	each CPU, instructions of the kernel, what they read and write, locked ones,
 *	fences, indirect calls and jumps; lines of 64 bytes that a packet reads or
 *	writes, without those of the stack; and misses of two small caches. For each
 *	run it appends a line to the file that "out=" names:
 *
 *	RUN BATCHES PACKETS and, each the median of the batches:
 *	instructions loads stores locked fences indirect lines written l1 l2
 *	and, each a mean of the packets:
 *	shared moved
 *	of those packets that no interrupt came into.
 *
 *	A line is shared if several CPUs write it in a run, and has moved if a
 *	packet reads or writes it that another CPU writes: the one who wants it
 *	then waits for the other's cache.
 *
 * What it is not
 *	The caches have no prefetcher, know no instructions and nothing of what
 *	happens between batches, and each CPU has its own. Lines are told apart by
 *	virtual address. A locked instruction is one with the prefix or an xchg
 *	with memory; smp_mb() is one of those. The kernel must not replace them on
 *	a single CPU ("noreplace-smp").
 *
 * Context
 *	QEMU emulates all CPUs in one thread (-icount, or -accel tcg,thread=single):
 *	there are no locks here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"
#include "../ct_mark.h"

#define CPUS		8
#define KERNEL		0xffff800000000000UL	/* its half of the addresses */
#define LINE_SHIFT	6
#define STACK_MASK	(~0x3fffUL)	/* 16 KiB, aligned */
#define SEEN_BITS	12	/* lines of a packet: no more than some hundreds */
#define SHARED_BITS	21	/* lines of a run */
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum count {
	INSTRUCTIONS,
	LOADS,
	STORES,
	LOCKED,
	FENCES,
	INDIRECT,
	LINES,
	WRITTEN,
	L1,
	L2,
	COUNTS
};

/* What an instruction is, beside one */
#define IS_LOCKED	0x1UL
#define IS_FENCE	0x2UL
#define IS_INDIRECT	0x4UL
#define IS_STACK	0x8UL	/* what it writes is on the stack */
#define IS_RETURN	0x10UL	/* from an interrupt */

/**
 * struct cache - sets of lines, the last used one first
 * @bits: log2 of the sets
 * @ways: lines of each
 * @line: those, or 0
 */
struct cache {
	unsigned int bits;
	unsigned int ways;
	unsigned long *line;
};

/**
 * struct seen - a line that a packet has met
 * @line: its number
 * @packet: which packet, or another value where this place is free
 * @written: or only read
 */
struct seen {
	unsigned long line;
	unsigned long packet;
	bool written;
};

/**
 * struct cpu - one of the guest's
 * @counting: it is between two marks
 * @interrupted: this packet was
 * @packets: packets since the first mark
 * @packet: number of this one, of all
 * @stack: where the stack is, 0 if not known yet
 * @count: of this batch
 * @l1: nearest cache
 * @l2: next one
 * @seen: lines of this packet
 * @met: places there that are taken
 * @n_met: how many
 */
struct cpu {
	bool counting;
	bool interrupted;
	unsigned int packets;
	unsigned long packet;
	unsigned long stack;
	unsigned int count[COUNTS];
	struct cache l1;
	struct cache l2;
	struct seen seen[1 << SEEN_BITS];
	unsigned int met[1 << SEEN_BITS];
	unsigned int n_met;
};

/**
 * struct sharing - a line, over a run
 * @line: its number, 0 where this place is free
 * @writes: packets of each CPU that wrote it
 * @reads: packets of each CPU that only read it
 */
struct sharing {
	unsigned long line;
	unsigned int writes[CPUS];
	unsigned int reads[CPUS];
};

static struct cpu cpus[CPUS];
static struct sharing *sharing;	/* one CPU: none */
static unsigned int n_sharing;
static bool full;
static unsigned int *batches;	/* the counts of each */
static unsigned int n_batches, room;
static unsigned long packets;	/* of the run */
static unsigned int runs;
static FILE *out;

/* Caches */

static void cache_init(struct cache *cache, unsigned int bits, unsigned int ways)
{
	cache->bits = bits;
	cache->ways = ways;
	cache->line = calloc((size_t)ways << bits, sizeof(*cache->line));
	if (!cache->line)
		abort();
}

/* Returns whether the line was there; it is there then, the last used one. */
static bool cache_has(struct cache *cache, unsigned long line)
{
	unsigned long *set = cache->line +
		(line & ((1UL << cache->bits) - 1)) * cache->ways;
	unsigned int i;
	bool found;

	for (i = 0; i < cache->ways - 1 && set[i] != line; i++)
		;
	found = set[i] == line;
	memmove(set + 1, set, i * sizeof(*set));
	set[0] = line;
	return found;
}

/* Lines */

static unsigned int hash(unsigned long line, unsigned int bits)
{
	return (line * 0x9e3779b97f4a7c15UL) >> (64 - bits);
}

static void see(struct cpu *cpu, unsigned long line, bool write)
{
	unsigned int i = hash(line, SEEN_BITS);
	struct seen *seen = &cpu->seen[i];

	while (seen->packet == cpu->packet && seen->line != line) {
		i = (i + 1) % ARRAY_SIZE(cpu->seen);
		seen = &cpu->seen[i];
	}
	if (seen->packet != cpu->packet) {
		if (cpu->n_met >= ARRAY_SIZE(cpu->met) / 2)
			return;	/* no packet, but whatever interrupted it */
		*seen = (struct seen){ .line = line, .packet = cpu->packet };
		cpu->met[cpu->n_met++] = i;
	}
	seen->written |= write;
}

static void forget_packet(struct cpu *cpu)
{
	static unsigned long number;

	cpu->packet = ++number;
	cpu->n_met = 0;
	cpu->interrupted = false;
}

static void share(const struct seen *seen, unsigned int cpu)
{
	unsigned int i = hash(seen->line, SHARED_BITS);

	while (sharing[i].line && sharing[i].line != seen->line)
		i = (i + 1) % (1U << SHARED_BITS);
	if (!sharing[i].line) {
		if (n_sharing >= (1U << SHARED_BITS) / 4 * 3) {
			full = true;
			return;
		}
		n_sharing++;
		sharing[i].line = seen->line;
	}
	if (seen->written)
		sharing[i].writes[cpu]++;
	else
		sharing[i].reads[cpu]++;
}

/* The packet is over: the lines that it met. */
static void take_packet(struct cpu *cpu)
{
	const struct seen *seen;
	unsigned int i;

	for (i = 0; i < cpu->n_met; i++) {
		seen = &cpu->seen[cpu->met[i]];
		if (cpu->stack && (seen->line << LINE_SHIFT & STACK_MASK) == cpu->stack)
			continue;
		cpu->count[LINES]++;
		cpu->count[WRITTEN] += seen->written;
		if (sharing && !cpu->interrupted)
			share(seen, cpu - cpus);
	}
	packets += !cpu->interrupted;
	forget_packet(cpu);
}

/* Batches */

static void batch_begin(struct cpu *cpu)
{
	memset(cpu->count, 0, sizeof(cpu->count));
	cpu->packets = 0;
	cpu->stack = 0;
	cpu->counting = true;
	forget_packet(cpu);
}

static void batch_end(struct cpu *cpu)
{
	if (!cpu->counting)
		return;
	take_packet(cpu);
	cpu->counting = false;
	if (n_batches == room) {
		room = room ? room * 2 : 1024;
		batches = realloc(batches, room * sizeof(cpu->count));
		if (!batches)
			abort();
	}
	memcpy(batches + (size_t)n_batches++ * COUNTS, cpu->count,
	       sizeof(cpu->count));
}

/* Runs */

static void run_begin(void)
{
	unsigned int i;

	for (i = 0; i < CPUS; i++)
		cpus[i].counting = false;
	n_batches = 0;
	packets = 0;
	n_sharing = 0;
	full = false;
	if (sharing)
		memset(sharing, 0, sizeof(*sharing) << SHARED_BITS);
}

static int compare(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return x < y ? -1 : x > y;
}

static unsigned int median(enum count which, unsigned int *sorted)
{
	unsigned int i;

	for (i = 0; i < n_batches; i++)
		sorted[i] = batches[(size_t)i * COUNTS + which];
	qsort(sorted, n_batches, sizeof(*sorted), compare);
	return sorted[n_batches / 2];
}

/* Of one line: adds to what is shared, and to what has moved. */
static void add_line(const struct sharing *s, unsigned long *shared,
		     unsigned long *moved)
{
	unsigned int i, writers = 0, writer = 0;
	unsigned long writes = 0;

	for (i = 0; i < CPUS; i++) {
		writes += s->writes[i];
		if (s->writes[i]) {
			writers++;
			writer = i;
		}
	}
	if (writers > 1)
		*shared += writes;
	for (i = 0; i < CPUS; i++) {
		if (writers > 1 || (writers && writer != i))
			*moved += s->writes[i] + s->reads[i];
	}
}

static void print_sharing(void)
{
	unsigned long shared = 0, moved = 0;
	unsigned int i;

	for (i = 0; sharing && i < 1U << SHARED_BITS; i++)
		add_line(&sharing[i], &shared, &moved);
	if (full)
		fprintf(out, " - -\n");
	else
		fprintf(out, " %.3f %.3f\n", (double)shared / packets,
			(double)moved / packets);
}

static void run_done(void)
{
	unsigned int *sorted = malloc((n_batches + 1) * sizeof(*sorted));
	enum count which;

	if (!sorted)
		abort();
	fprintf(out, "%u %u %lu", ++runs, n_batches, packets);
	if (n_batches) {
		for (which = 0; which < COUNTS; which++)
			fprintf(out, " %u", median(which, sorted));
		print_sharing();
	} else {
		fprintf(out, "\n");
	}
	fflush(out);
	free(sorted);
}

/* What QEMU says */

static void mark_executes(unsigned int index, void *data)
{
	struct cpu *cpu = &cpus[index % CPUS];

	switch ((unsigned long)data) {
	case CT_MARK_RUN:
		run_begin();
		break;
	case CT_MARK_BEGIN:
		batch_begin(cpu);
		break;
	case CT_MARK_PACKET:
		if (cpu->counting && cpu->packets++)
			take_packet(cpu);
		break;
	case CT_MARK_END:
		batch_end(cpu);
		break;
	case CT_MARK_DONE:
		run_done();
		break;
	}
}

static void insn_executes(unsigned int index, void *data)
{
	struct cpu *cpu = &cpus[index % CPUS];
	unsigned long what = (unsigned long)data;

	if (!cpu->counting)
		return;
	cpu->count[INSTRUCTIONS]++;
	cpu->count[LOCKED] += !!(what & IS_LOCKED);
	cpu->count[FENCES] += !!(what & IS_FENCE);
	cpu->count[INDIRECT] += !!(what & IS_INDIRECT);
	cpu->interrupted |= what & IS_RETURN;
}

static void memory_accessed(unsigned int index, unsigned int info,
			    unsigned long addr, void *data)
{
	struct cpu *cpu = &cpus[index % CPUS];
	bool write = qemu_plugin_mem_is_store(info);
	unsigned long line = addr >> LINE_SHIFT;
	unsigned long last;

	if (!cpu->counting)
		return;
	cpu->count[write ? STORES : LOADS]++;
	if (write && ((unsigned long)data & IS_STACK) && !cpu->stack)
		cpu->stack = addr & STACK_MASK;
	last = (addr + (1UL << qemu_plugin_mem_size_shift(info)) - 1) >> LINE_SHIFT;
	for (; line <= last; line++) {
		see(cpu, line, write);
		if (cache_has(&cpu->l1, line))
			continue;
		cpu->count[L1]++;
		cpu->count[L2] += !cache_has(&cpu->l2, line);
	}
}

/* Instructions */

/* Returns the number of a mark, or 0. */
static unsigned int mark_number(const unsigned char *code, size_t size)
{
	static const unsigned char bytes[] = CT_MARK_BYTES;
	unsigned int number;

	if (size != sizeof(bytes) + sizeof(number) ||
	    memcmp(code, bytes, sizeof(bytes)))
		return 0;
	memcpy(&number, code + sizeof(bytes), sizeof(number));
	return number >= CT_MARK_RUN && number <= CT_MARK_DONE ? number : 0;
}

static bool is_prefix(unsigned char byte)
{
	static const unsigned char prefixes[] = {
		0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
	};

	return memchr(prefixes, byte, sizeof(prefixes));
}

/*
 * A retpoline: it puts the target where its return address was, and returns,
 * or jumps to where returns are made.
 */
static bool is_retpoline(const unsigned char *code, size_t size,
			 const unsigned char *next)
{
	return size == 4 && (code[0] & 0xfb) == 0x48 && code[1] == 0x89 &&
	       (code[2] & 0xc7) == 0x04 && code[3] == 0x24 && next &&
	       (next[0] == 0xc3 || next[0] == 0xe9);
}

/* Of an opcode and what is behind it */
static unsigned long opcode_kind(const unsigned char *op, size_t size)
{
	unsigned char modrm = size > 1 ? op[1] : 0, reg = modrm >> 3 & 7;

	if (op[0] == 0xcf)	/* iret */
		return IS_RETURN;
	if (op[0] == 0xe8 || (op[0] & 0xf8) == 0x50)	/* call, push */
		return IS_STACK;
	if ((op[0] & 0xfe) == 0x86 && size > 1 && modrm < 0xc0)	/* xchg */
		return IS_LOCKED;
	if (op[0] == 0xff && size > 1 && (reg == 2 || reg == 4))
		return IS_INDIRECT;	/* call, jmp */
	if (op[0] == 0x0f && size > 2 && modrm == 0xae && op[2] >= 0xe8)
		return IS_FENCE;	/* lfence, mfence, sfence */
	return 0;
}

static unsigned long kind(const unsigned char *code, size_t size,
			  const unsigned char *next)
{
	unsigned long what = 0;
	size_t i;

	if (is_retpoline(code, size, next))
		return IS_INDIRECT;
	for (i = 0; i < size && is_prefix(code[i]); i++) {
		if (code[i] == 0xf0)
			what |= IS_LOCKED;
	}
	if (i < size && (code[i] & 0xf0) == 0x40)	/* REX */
		i++;
	return i < size ? what | opcode_kind(code + i, size - i) : what;
}

static void instrument(struct qemu_plugin_insn *insn,
		       struct qemu_plugin_insn *next)
{
	const unsigned char *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	unsigned long what = mark_number(code, size);

	if (what) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, mark_executes,
						       CT_PLUGIN_NO_REGS,
						       (void *)what);
		return;
	}
	what = kind(code, size, next ? qemu_plugin_insn_data(next) : NULL);
	qemu_plugin_register_vcpu_insn_exec_cb(insn, insn_executes,
					       CT_PLUGIN_NO_REGS, (void *)what);
	qemu_plugin_register_vcpu_mem_cb(insn, memory_accessed, CT_PLUGIN_NO_REGS,
					 CT_PLUGIN_MEM_RW, (void *)what);
}

static void translated(unsigned long id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *insn;

	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (qemu_plugin_insn_vaddr(insn) >= KERNEL)
			instrument(insn, i + 1 < n ?
				   qemu_plugin_tb_get_insn(tb, i + 1) : NULL);
	}
}

static void counting(unsigned long id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
}

/*
 * The guest boots as fast as without. When the first mark of all is translated,
 * QEMU translates everything anew, for us to count in it.
 */
static void waiting(unsigned long id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *insn;
	static bool found;

	for (i = 0; i < n && !found; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		found = mark_number(qemu_plugin_insn_data(insn),
				    qemu_plugin_insn_size(insn));
		if (found)
			qemu_plugin_reset(id, counting);
	}
}

CT_PLUGIN_EXPORT int qemu_plugin_version = CT_PLUGIN_VERSION;

/**
 * qemu_plugin_install() - QEMU has loaded this
 * @id: which plugin it is
 * @info: what QEMU is
 * @argc: number of arguments
 * @argv: "out=FILE", and "sharing=on" where lines of several CPUs matter
 *
 * Return: 0, or not 0 if it cannot work.
 */
CT_PLUGIN_EXPORT int qemu_plugin_install(unsigned long id,
					 const struct qemu_info_t *info,
					 int argc, char **argv)
{
	unsigned int i;
	int arg;

	for (arg = 0; arg < argc; arg++) {
		if (!strncmp(argv[arg], "out=", 4))
			out = fopen(argv[arg] + 4, "a");
		else if (!strcmp(argv[arg], "sharing=on"))
			sharing = calloc(1U << SHARED_BITS, sizeof(*sharing));
	}
	if (!out)
		return -1;
	for (i = 0; i < CPUS; i++) {
		cache_init(&cpus[i].l1, 6, 8);	/* 32 KiB */
		cache_init(&cpus[i].l2, 9, 8);	/* 256 KiB */
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, waiting);
	return 0;
}
