/*
 * memory_limit.h - how much memory this process may have before the kernel ends it.
 *
 * The least of the machine's memory and the limits of the control groups around the process
 * (version 2, as systemd and containers set them). Each call reads a few small files of /proc and
 * /sys; where the system does not tell, the machine's memory is the limit.
 */
#ifndef RINGD_MEMORY_LIMIT_H
#define RINGD_MEMORY_LIMIT_H

#include <stdint.h>

uint64_t memory_machine_bytes(void); /* 0: not known */
uint64_t memory_limit_bytes(void);   /* 0: not known */

/*
 * The least memory.max of the group `path`, as "/a/b" of /proc/self/cgroup, and of those around it
 * below `root`. UINT64_MAX: none of them has a limit.
 */
uint64_t memory_group_limit(const char *root, const char *path);

#endif
