/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Size: a table that follows the number of flows.
 */
#ifndef CT_AUTOSIZE_H
#define CT_AUTOSIZE_H

#include <linux/types.h>

#define CT_AUTOSIZE_LEAST	16384U	/* default of the lower bound */

int ct_autosize_parse(const char *text, size_t len, unsigned int *buckets);
int ct_autosize_set(unsigned int buckets);
void ct_autosize_begin(void);
void ct_autosize_end(void);

#endif /* CT_AUTOSIZE_H */
