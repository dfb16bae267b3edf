/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks that the counting plugin of QEMU sees (plugin/counts.c), and nobody else:
 * an instruction that does nothing, with a number in it that no compiler writes.
 * It reads no memory and changes no register or flag.
 */
#ifndef CT_MARK_H
#define CT_MARK_H

#define CT_MARK_RUN	0x63740001	/* a run is about to begin */
#define CT_MARK_BEGIN	0x63740002	/* here the clock starts, once more */
#define CT_MARK_PACKET	0x63740003	/* the next packet */
#define CT_MARK_END	0x63740004	/* here it stops */
#define CT_MARK_DONE	0x63740005	/* the run is over */

/* nopl NUMBER(%rax) */
#define CT_MARK_BYTES	{ 0x0f, 0x1f, 0x80 }

#ifdef CONFIG_X86_64
#define ct_mark(number)							\
	asm volatile(".byte 0x0f, 0x1f, 0x80; .long %c0"		\
		     : : "i" (number) : "memory")
#else
#define ct_mark(number)	((void)(number))
#endif

#endif /* CT_MARK_H */
