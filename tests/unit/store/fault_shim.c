#include "fault_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fault {
    int error;
    int times; /* left; negative: without end */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct fault fdatasync_fault;
static struct fault fsync_fault;
static struct fault rename_fault;
static struct fault write_fault;
static bool stopping;
static unsigned calls_left;
static char full_path[512];
static size_t bytes_left;
static bool holding;
static bool held;

void fault_clear(void)
{
    pthread_mutex_lock(&lock);
    fdatasync_fault.times = 0;
    fsync_fault.times = 0;
    rename_fault.times = 0;
    write_fault.times = 0;
    stopping = false;
    holding = false;
    held = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void set(struct fault *fault, int error, int times)
{
    pthread_mutex_lock(&lock);
    *fault = (struct fault){.error = error, .times = times};
    pthread_mutex_unlock(&lock);
}

void fault_fdatasync(int error, int times)
{
    set(&fdatasync_fault, error, times);
}

void fault_fsync(int error, int times)
{
    set(&fsync_fault, error, times);
}

void fault_rename(int error, int times)
{
    set(&rename_fault, error, times);
}

void fault_stop_after(unsigned calls)
{
    pthread_mutex_lock(&lock);
    stopping = true;
    calls_left = calls;
    pthread_mutex_unlock(&lock);
}

void fault_disk_full(const char *path, int error, size_t bytes)
{
    pthread_mutex_lock(&lock);
    snprintf(full_path, sizeof full_path, "%s", path);
    bytes_left = bytes;
    write_fault = (struct fault){.error = error, .times = -1};
    pthread_mutex_unlock(&lock);
}

void fault_hold_fdatasync(void)
{
    pthread_mutex_lock(&lock);
    holding = true;
    pthread_mutex_unlock(&lock);
}

void fault_wait_until_held(void)
{
    pthread_mutex_lock(&lock);
    while (!held)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* Under the lock: whether this call is to fail; then errno is set. */
static bool strikes(struct fault *fault)
{
    if (fault->times == 0)
        return false;
    if (fault->times > 0)
        fault->times--;
    errno = fault->error;
    return true;
}

/* The same for a call that makes something durable. */
static bool stops(struct fault *fault)
{
    if (stopping && calls_left == 0) {
        errno = EIO;
        return true;
    }
    calls_left -= stopping;
    return strikes(fault);
}

static bool stops_now(struct fault *fault)
{
    pthread_mutex_lock(&lock);
    bool result = stops(fault);
    pthread_mutex_unlock(&lock);
    return result;
}

int fdatasync(int fd)
{
    pthread_mutex_lock(&lock);
    while (holding) {
        held = true;
        pthread_cond_broadcast(&changed);
        pthread_cond_wait(&changed, &lock);
    }
    bool fails = stops(&fdatasync_fault);
    pthread_mutex_unlock(&lock);
    return fails ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return stops_now(&fsync_fault) ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    return stops_now(&rename_fault) ? -1
                                    : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static bool below_full_path(int fd)
{
    char link[64];
    char path[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = 0;
    return strncmp(path, full_path, strlen(full_path)) == 0;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    bool fails = false;
    pthread_mutex_lock(&lock);
    if (write_fault.times != 0 && below_full_path(fd)) {
        if (bytes_left == 0 && count > 0)
            fails = strikes(&write_fault);
        else if (count > bytes_left)
            count = bytes_left;
        bytes_left -= fails ? 0 : count;
    }
    pthread_mutex_unlock(&lock);
    return fails ? -1 : (ssize_t)syscall(SYS_write, fd, bytes, count);
}
