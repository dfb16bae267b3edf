/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What counts.c uses of QEMU's interface for TCG plugins, version 1, as QEMU's
 * manual describes it ("QEMU TCG Plugins"): Debian's QEMU exports these functions
 * and has no package with their header. Written down here for 64-bit hosts.
 */
#ifndef CT_QEMU_PLUGIN_H
#define CT_QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#define CT_PLUGIN_VERSION	1
#define CT_PLUGIN_EXPORT	__attribute__((visibility("default")))

/* Instructions that are translated together, and one of them */
struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* What QEMU knows of itself; only handed on. */
struct qemu_info_t;

/* May the plugin look at registers? Version 1 has no means to. */
enum qemu_plugin_cb_flags {
	CT_PLUGIN_NO_REGS = 0,
};

enum qemu_plugin_mem_rw {
	CT_PLUGIN_MEM_RW = 3,
};

/* What QEMU calls */
CT_PLUGIN_EXPORT int qemu_plugin_install(unsigned long id,
					 const struct qemu_info_t *info,
					 int argc, char **argv);

/* What it offers */
void qemu_plugin_reset(unsigned long id, void (*done)(unsigned long id));
void qemu_plugin_outs(const char *text);
void qemu_plugin_register_vcpu_tb_trans_cb(unsigned long id,
					   void (*translated)(unsigned long id,
							      struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
unsigned long qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*executes)(unsigned int cpu,
							     void *data),
					    enum qemu_plugin_cb_flags flags,
					    void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      void (*accessed)(unsigned int cpu,
						       unsigned int info,
						       unsigned long addr,
						       void *data),
				      enum qemu_plugin_cb_flags flags,
				      enum qemu_plugin_mem_rw which, void *data);
bool qemu_plugin_mem_is_store(unsigned int info);
unsigned int qemu_plugin_mem_size_shift(unsigned int info);

#endif /* CT_QEMU_PLUGIN_H */
