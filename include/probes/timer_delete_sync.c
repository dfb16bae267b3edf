// SPDX-License-Identifier: GPL-2.0
/* timer_delete_sync() is there, which was del_timer_sync() */
#include <linux/timer.h>
int probe(struct timer_list *timer);
int probe(struct timer_list *timer)
{
	return timer_delete_sync(timer);
}
