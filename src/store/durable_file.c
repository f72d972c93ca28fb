#include "store/durable_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static enum status status_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? STATUS_NO_SPACE : STATUS_IO;
}

/* Close without losing the errno of what failed before. */
static void close_quietly(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

static enum status write_all(int fd, struct slice content)
{
    size_t written = 0;
    while (written < content.length) {
        ssize_t count = write(fd, content.data + written, content.length - written);
        if (count < 0 && errno != EINTR)
            return status_of_errno();
        if (count > 0)
            written += (size_t)count;
    }
    return fsync(fd) == 0 ? STATUS_OK : status_of_errno();
}

static enum status write_temporary(const char *path, struct slice content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return status_of_errno();
    enum status status = write_all(fd, content);
    if (status != STATUS_OK)
        close_quietly(fd);
    else if (close(fd) != 0)
        status = status_of_errno();
    return status;
}

enum status durable_file_sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return STATUS_IO;
    enum status status = fsync(fd) == 0 ? STATUS_OK : STATUS_IO;
    close_quietly(fd);
    return status;
}

enum status durable_file_write(const char *path, struct slice content)
{
    char *copy = memory_copy(path, strlen(path)); /* dirname() cuts its argument */
    struct buffer temporary = {0};
    buffer_printf(&temporary, "%s.tmp", path);
    buffer_put_u8(&temporary, 0);
    const char *name = (const char *)temporary.data;
    enum status status = write_temporary(name, content);
    if (status == STATUS_OK && rename(name, path) != 0)
        status = status_of_errno();
    if (status != STATUS_OK) {
        int saved = errno;
        unlink(name);
        errno = saved;
    } else {
        status = durable_file_sync_directory(dirname(copy));
    }
    buffer_deinit(&temporary);
    free(copy);
    return status;
}

enum status durable_file_read(const char *path, size_t bytes_max, struct buffer *out)
{
    enum status status = STATUS_OK;
    size_t start = out->length;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO;
    for (;;) {
        uint8_t chunk[4096];
        ssize_t count = read(fd, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            status = STATUS_IO;
        if (count <= 0)
            break;
        if (out->length - start + (size_t)count > bytes_max) {
            status = STATUS_TOO_LARGE;
            break;
        }
        buffer_append(out, chunk, (size_t)count);
    }
    close_quietly(fd);
    return status;
}
