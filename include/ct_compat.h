/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels, and nothing else. What a kernel has is found by
 * compiling include/probes/NAME.c at build time (CT_HAVE_NAME), never by its
 * version number: stable kernels carry changes back.
 */
#ifndef CT_COMPAT_H
#define CT_COMPAT_H

#include <linux/crc32.h>
#include <linux/crc32c.h>
#include <linux/export.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/local_lock.h>	/* wants them before it */
#include <linux/sysctl.h>
#include <net/net_namespace.h>
#include <net/netfilter/nf_log.h>

#include "generated-ct/ct_probes.h"

/* Our symbols are for our companions alone. */
#ifdef CT_HAVE_EXPORT_NS_TOKEN
#define EXPORT_SYMBOL_CT(sym) EXPORT_SYMBOL_NS_GPL(sym, IP_CONNTRACK)
#define CT_IMPORT() MODULE_IMPORT_NS(IP_CONNTRACK)
#else
#define EXPORT_SYMBOL_CT(sym) EXPORT_SYMBOL_NS_GPL(sym, "IP_CONNTRACK")
#define CT_IMPORT() MODULE_IMPORT_NS("IP_CONNTRACK")
#endif

/* What only the KUnit suites call is exported where there is KUnit. */
#if IS_ENABLED(CONFIG_KUNIT)
#define EXPORT_SYMBOL_CT_TEST(sym) EXPORT_SYMBOL_CT(sym)
#else
#define EXPORT_SYMBOL_CT_TEST(sym)
#endif

/*
 * A big structure on the stack, on every packet's way, of which only what was
 * written is read: kernels that zero all of them before use need not.
 */
#if __has_attribute(__uninitialized__)
#define CT_UNINIT __attribute__((__uninitialized__))
#else
#define CT_UNINIT
#endif

#ifdef CT_HAVE_CTL_TABLE_CONST
#define CT_CTL_CONST const
#else
#define CT_CTL_CONST
#endif

/*
 * @table has @n entries. Older kernels end at an empty one instead, so there
 * is room for one more.
 */
static inline struct ctl_table_header *
ct_register_sysctl(struct net *net, const char *path, struct ctl_table *table,
		   size_t n)
{
#ifdef CT_HAVE_REGISTER_NET_SYSCTL_SZ
	return register_net_sysctl_sz(net, path, table, n);
#else
	return register_net_sysctl(net, path, table);
#endif
}

/* Is it sure that nobody logs? Some kernels do not tell. */
static inline bool ct_log_is_missing(u8 pf)
{
#ifdef CT_HAVE_NF_LOG_IS_REGISTERED
	return !nf_log_is_registered(pf);
#else
	return false;
#endif
}

/*
 * Has anyone begun to listen to events of a tracker? True where the kernel does not
 * say. See ct_event_is_unheard().
 */
static inline bool ct_has_listener(void)
{
#ifdef CT_HAVE_NF_CTNETLINK_HAS_LISTENER
	return READ_ONCE(nf_ctnetlink_has_listener);
#else
	return true;
#endif
}

/*
 * Per-CPU data used with bottom halves off: enough everywhere but on
 * PREEMPT_RT, where newer kernels want a lock named.
 */
static inline void ct_local_lock_bh(local_lock_t __percpu *lock)
{
#ifdef CT_HAVE_LOCAL_LOCK_NESTED_BH
	local_lock_nested_bh(lock);
#endif
}

static inline void ct_local_unlock_bh(local_lock_t __percpu *lock)
{
#ifdef CT_HAVE_LOCAL_LOCK_NESTED_BH
	local_unlock_nested_bh(lock);
#endif
}

/*
 * CRC32c without the crypto library where there is a choice: one module less
 * that has to be there.
 */
#ifdef CT_HAVE_CRC32C_LE
#define ct_crc32c(crc, data, len) __crc32c_le(crc, data, len)
#else
#define ct_crc32c(crc, data, len) crc32c(crc, data, len)
#endif

static inline void ct_hrtimer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*fn)(struct hrtimer *),
				    clockid_t clock, enum hrtimer_mode mode)
{
#ifdef CT_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, fn, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#endif
}

#endif /* CT_COMPAT_H */
