/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Size: a table that follows the number of flows.
 */
#ifndef CT_SIZE_H
#define CT_SIZE_H

#include <linux/types.h>

#define CT_SIZE_LEAST	16384U	/* default of the lower bound */

int ct_size_parse(const char *text, size_t len, unsigned int *buckets);
int ct_size_set(unsigned int buckets);
void ct_size_begin(void);
void ct_size_end(void);

#endif /* CT_SIZE_H */
