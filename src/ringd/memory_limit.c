#include "ringd/memory_limit.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GROUP_ROOT "/sys/fs/cgroup"

uint64_t memory_machine_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages <= 0 || page_bytes <= 0 ? 0 : (uint64_t)pages * (uint64_t)page_bytes;
}

/* A file that is not there, or says "max", is no limit. */
static uint64_t limit_of(const char *directory)
{
    char path[PATH_MAX];
    uint64_t bytes = UINT64_MAX;
    if (snprintf(path, sizeof path, "%s/memory.max", directory) >= (int)sizeof path)
        return UINT64_MAX;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return UINT64_MAX;
    if (fscanf(file, "%" SCNu64, &bytes) != 1)
        bytes = UINT64_MAX;
    fclose(file);
    return bytes;
}

uint64_t memory_group_limit(const char *root, const char *path)
{
    char directory[PATH_MAX];
    size_t root_length = strlen(root);
    uint64_t least = UINT64_MAX;
    if (snprintf(directory, sizeof directory, "%s%s", root, path) >= (int)sizeof directory)
        return UINT64_MAX;
    for (;;) {
        uint64_t limit = limit_of(directory);
        char *slash = strrchr(directory, '/');
        least = limit < least ? limit : least;
        if (slash == NULL || slash < directory + root_length)
            return least;
        *slash = '\0';
    }
}

/* The path of the own group; empty where there is none of version 2. */
static void find_group(char out[PATH_MAX])
{
    char line[PATH_MAX];
    FILE *file = fopen("/proc/self/cgroup", "re");
    *out = '\0';
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, PATH_MAX, "%s", line + 3);
        break;
    }
    fclose(file);
}

uint64_t memory_limit_bytes(void)
{
    char group[PATH_MAX];
    uint64_t machine = memory_machine_bytes();
    find_group(group);
    uint64_t limit = memory_group_limit(GROUP_ROOT, group);
    return limit < machine || (machine == 0 && limit != UINT64_MAX) ? limit : machine;
}
