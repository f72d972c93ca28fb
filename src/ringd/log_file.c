#include "ringd/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

struct log_file {
    int fd;     /* the same number for the whole life, so that writers need not look */
    char *path; /* empty: standard error */
};

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

enum status log_file_open(const char *path, struct log_file **out)
{
    int fd = path[0] == '\0' ? STDERR_FILENO : open_path(path);
    if (fd < 0)
        return STATUS_IO;
    struct log_file *file = memory_new(1, sizeof *file);
    file->fd = fd;
    file->path = memory_copy(path, strlen(path));
    *out = file;
    return STATUS_OK;
}

void log_file_close(struct log_file *file)
{
    if (file == NULL)
        return;
    if (file->path[0] != '\0')
        close(file->fd);
    free(file->path);
    free(file);
}

enum status log_file_reopen(struct log_file *file)
{
    if (file->path[0] == '\0')
        return STATUS_OK;
    int fd = open_path(file->path);
    if (fd < 0)
        return STATUS_IO;
    /* Replaces the descriptor in one step: a writer hits the old file or the new one. */
    int result = dup3(fd, file->fd, O_CLOEXEC);
    int error = errno;
    close(fd);
    errno = error;
    return result < 0 ? STATUS_IO : STATUS_OK;
}

static void write_line(void *context, enum log_level level, const char *line)
{
    struct log_file *file = context;
    struct timespec now;
    struct tm utc;
    char text[1200]; /* a line has at most 1023 bytes (base/log.h) */
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(text + length, sizeof text - length, ".%03ldZ %s %s\n",
                        now.tv_nsec / 1000000, log_level_name(level), line);
    if (more > 0)
        (void)!write(file->fd, text, length + (size_t)more);
}

struct log_sink log_file_sink(struct log_file *file, enum log_level minimum)
{
    return (struct log_sink){.write = write_line, .context = file, .minimum = minimum};
}
