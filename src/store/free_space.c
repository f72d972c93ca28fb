#include "store/free_space.h"

#include <sys/statvfs.h>

enum status free_space_read(const char *path, const struct free_space_floor *floor,
                            struct free_space *out)
{
    struct statvfs info;
    if (statvfs(path, &info) != 0)
        return STATUS_IO;
    uint64_t share = (uint64_t)info.f_blocks * info.f_frsize / 100 * floor->percent;
    out->free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    out->floor_bytes = share > floor->bytes ? share : floor->bytes;
    out->low = out->free_bytes < out->floor_bytes;
    return STATUS_OK;
}
