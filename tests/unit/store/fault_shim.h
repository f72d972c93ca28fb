/*
 * fault_shim.h - system calls that fail on demand, in the process of the test.
 *
 * The program's own write(), fsync(), fdatasync() and rename() stand before those of the C
 * library, also for LevelDB's shared library. Without a fault they pass through.
 */
#ifndef TESTS_STORE_FAULT_SHIM_H
#define TESTS_STORE_FAULT_SHIM_H

#include <stdbool.h>
#include <stddef.h>

/* Back to no faults; lets a held fdatasync go on. */
void fault_clear(void);

/* The next `times` calls fail with `error`; a negative number: all. */
void fault_fdatasync(int error, int times);
void fault_fsync(int error, int times);
void fault_rename(int error, int times);

/* The first `calls` calls of fsync, fdatasync and rename pass, all later ones fail with EIO. */
void fault_stop_after(unsigned calls);

/*
 * The file system of `path` is full but for `bytes`: a write to a file below it takes what fits,
 * then fails with `error`.
 */
void fault_disk_full(const char *path, int error, size_t bytes);

/* Hold every fdatasync until fault_clear(), and wait until one is held. */
void fault_hold_fdatasync(void);
void fault_wait_until_held(void);

#endif
