/* SPDX-License-Identifier: GPL-2.0 */
/*
 * User-mode Linux's barriers as a kernel for the bare processor has them, in
 * place of arch/x86/um/asm/barrier.h in the kernel that "tools/kernel umlfair"
 * builds.
 *
 * User-mode Linux takes fences of the processor for all of them, between CPUs
 * too, so that each unlock there is a full fence. But x86-64 keeps stores in
 * order, and loads in order: only a store and a later load can change places.
 * So between CPUs the compiler is all that must be kept from reordering, but for
 * the full barrier, for which a locked instruction is enough, and cheaper than
 * mfence. Towards devices they stay what they are.
 */
#ifndef _ASM_UM_BARRIER_H_
#define _ASM_UM_BARRIER_H_

#define mb()	asm volatile("mfence" : : : "memory")	/* devices: all */
#define rmb()	asm volatile("lfence" : : : "memory")	/* devices: loads */
#define wmb()	asm volatile("sfence" : : : "memory")	/* devices: stores */

#define __smp_mb()	asm volatile("lock; addl $0, -4(%%rsp)" : : : "memory", "cc")
#define __smp_rmb()	barrier()
#define __smp_wmb()	barrier()

#define __smp_store_mb(var, value)			\
do {							\
	WRITE_ONCE(var, value);				\
	__smp_mb();					\
} while (0)

#define __smp_store_release(p, value)			\
do {							\
	compiletime_assert_atomic_type(*(p));		\
	barrier();					\
	WRITE_ONCE(*(p), value);			\
} while (0)

#define __smp_load_acquire(p)				\
({							\
	typeof(*(p)) ___value = READ_ONCE(*(p));	\
							\
	compiletime_assert_atomic_type(*(p));		\
	barrier();					\
	___value;					\
})

/* A locked instruction is a full barrier itself. */
#define __smp_mb__before_atomic()	do { } while (0)
#define __smp_mb__after_atomic()	do { } while (0)

#include <asm-generic/barrier.h>

#endif /* _ASM_UM_BARRIER_H_ */
