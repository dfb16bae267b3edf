// SPDX-License-Identifier: GPL-2.0
/* EXPORT_SYMBOL_NS_GPL() takes the namespace as a bare word */
#include <linux/export.h>
#include <linux/module.h>
int probe(void);
int probe(void)
{
	return 0;
}
EXPORT_SYMBOL_NS_GPL(probe, PROBE);
MODULE_IMPORT_NS(PROBE);
