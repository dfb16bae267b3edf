// SPDX-License-Identifier: GPL-2.0
/*
 * Text that somebody wrote, read.
 *
 * Context
 *	Any.
 */
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

#include "ct_compat.h"
#include "ct_text.h"

/**
 * ct_parse_number() - read a number that an administrator wrote
 * @text: what was written
 * @len: bytes of it
 * @number: the number, if there is one
 *
 * White space around the number is no harm, anything else is: signs, words, a
 * second number. 0x and 0 in front mean what they mean in C.
 *
 * Context: Any.
 * Return: 0 or -EINVAL, also for what does not fit.
 */
int ct_parse_number(const char *text, size_t len, unsigned long *number)
{
	size_t used = strnlen(text, len);
	char copy[32];

	if (memchr_inv(text + used, 0, len - used))
		return -EINVAL;
	while (used && isspace(text[used - 1]))
		used--;
	while (used && isspace(*text)) {
		text++;
		used--;
	}
	if (!used || used >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, used);
	copy[used] = '\0';
	if (!isdigit(copy[0]) || kstrtoul(copy, 0, number))
		return -EINVAL;
	return 0;
}
EXPORT_SYMBOL_CT_TEST(ct_parse_number);
