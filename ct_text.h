/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text put together piece by piece, for lists of a million lines. Each function
 * writes at @p, where there must be room, and returns where to go on.
 */
#ifndef CT_TEXT_H
#define CT_TEXT_H

#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>

static __always_inline char *ct_text(char *p, const char *text)
{
	size_t len = strlen(text);

	memcpy(p, text, len);
	return p + len;
}

/* What num_to_str() of the kernel does, which modules cannot call */
static inline char *ct_text_u32(char *p, u32 n)
{
	char digits[10], *d = digits + sizeof(digits);

	do {
		*--d = '0' + n % 10;
		n /= 10;
	} while (n);
	memcpy(p, d, digits + sizeof(digits) - d);
	return p + (digits + sizeof(digits) - d);
}

/* Nine digits at a time: a 64-bit division is a call on 32-bit kernels. */
static inline char *ct_text_number(char *p, u64 n)
{
	const u32 billion = 1000000000;
	u32 low, at = billion;
	u64 high;

	if (likely(n <= U32_MAX))
		return ct_text_u32(p, n);
	high = div_u64_rem(n, billion, &low);
	p = ct_text_number(p, high);
	while (at /= 10)
		*p++ = '0' + low / at % 10;
	return p;
}

/* "NAME" and a number, and a space behind */
static __always_inline char *ct_text_field(char *p, const char *name, u64 n)
{
	p = ct_text_number(ct_text(p, name), n);
	*p++ = ' ';
	return p;
}

int ct_parse_number(const char *text, size_t len, unsigned long *number);

#endif /* CT_TEXT_H */
