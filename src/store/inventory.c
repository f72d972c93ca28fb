#include "store/inventory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/hash.h"

static bool counts(const char *name)
{
    static const char *const OTHERS[] = {".", "..", "LOCK", "LOG", "LOG.old"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        if (strcmp(name, OTHERS[i]) == 0)
            return false;
    }
    return true;
}

enum status inventory_take(const char *path, struct inventory *out)
{
    enum status status = STATUS_OK;
    struct dirent *entry;
    struct inventory inventory = {0};
    DIR *directory = opendir(path);
    if (directory == NULL)
        return STATUS_IO;
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        struct stat info;
        if (!counts(entry->d_name))
            continue;
        if (fstatat(dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            break;
        inventory.files++;
        inventory.bytes += (uint64_t)info.st_size;
        inventory.digest += hash64(slice_text(entry->d_name), (uint64_t)info.st_size);
    }
    if (errno != 0)
        status = STATUS_IO;
    int saved = errno;
    closedir(directory);
    errno = saved;
    if (status == STATUS_OK)
        *out = inventory;
    return status;
}
