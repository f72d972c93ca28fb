#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

void scratch_make(char path[SCRATCH_PATH_MAX])
{
    const char *parent = getenv("TMPDIR");
    snprintf(path, SCRATCH_PATH_MAX, "%s/ringdb-test-XXXXXX", parent == NULL ? "/tmp" : parent);
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void scratch_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void scratch_join(char out[SCRATCH_PATH_MAX], const char *directory, const char *name)
{
    assert_in_range(snprintf(out, SCRATCH_PATH_MAX, "%s/%s", directory, name), 1,
                    SCRATCH_PATH_MAX - 1);
}

static void read_whole(const char *path, struct buffer *out)
{
    uint8_t chunk[4096];
    size_t count;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while ((count = fread(chunk, 1, sizeof chunk, file)) > 0)
        buffer_append(out, chunk, count);
    assert_int_equal(ferror(file), 0);
    fclose(file);
}

static void write_whole(const char *path, struct slice bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (bytes.length > 0)
        assert_int_equal(fwrite(bytes.data, 1, bytes.length, file), bytes.length);
    assert_int_equal(fclose(file), 0);
}

void scratch_copy(const char *from, const char *to)
{
    struct stat info;
    int found = lstat(from, &info);
    if (found != 0 && errno == ENOENT)
        return; /* a store that is open removes what it needs no longer */
    assert_int_equal(found, 0);
    if (!S_ISDIR(info.st_mode)) {
        struct buffer bytes = {0};
        read_whole(from, &bytes);
        write_whole(to, buffer_slice(&bytes));
        buffer_deinit(&bytes);
        return;
    }
    struct dirent *entry;
    DIR *directory = opendir(from);
    assert_non_null(directory);
    mkdir(to, 0700);
    while ((entry = readdir(directory)) != NULL) {
        char source[SCRATCH_PATH_MAX];
        char target[SCRATCH_PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        scratch_join(source, from, entry->d_name);
        scratch_join(target, to, entry->d_name);
        scratch_copy(source, target);
    }
    closedir(directory);
}

bool scratch_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

long scratch_size(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return (long)info.st_size;
}

static bool fits(const char *name, const char *part)
{
    size_t length = strlen(part);
    if (part[0] == '.')
        return strlen(name) > length && strcmp(name + strlen(name) - length, part) == 0;
    return strncmp(name, part, length) == 0;
}

bool scratch_find(const char *directory, const char *part, char path[SCRATCH_PATH_MAX])
{
    char last[256] = "";
    struct dirent *entry;
    DIR *open_directory = opendir(directory);
    assert_non_null(open_directory);
    while ((entry = readdir(open_directory)) != NULL) {
        if (fits(entry->d_name, part) && strcmp(entry->d_name, last) > 0)
            snprintf(last, sizeof last, "%s", entry->d_name);
    }
    closedir(open_directory);
    if (last[0] == 0)
        return false;
    scratch_join(path, directory, last);
    return true;
}

void scratch_delete(const char *path)
{
    assert_int_equal(unlink(path), 0);
}

void scratch_truncate(const char *path, long size)
{
    assert_true(size >= 0);
    assert_int_equal(truncate(path, size), 0);
}

void scratch_flip(const char *path, long offset)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    int whence = offset < 0 ? SEEK_END : SEEK_SET;
    assert_int_equal(fseek(file, offset, whence), 0);
    int byte = fgetc(file);
    assert_int_not_equal(byte, EOF);
    assert_int_equal(fseek(file, offset, whence), 0);
    assert_int_not_equal(fputc(~byte & 0xff, file), EOF);
    assert_int_equal(fclose(file), 0);
}

long scratch_offset_of(const char *path, const char *text)
{
    struct buffer bytes = {0};
    read_whole(path, &bytes);
    assert_true(bytes.length > 0);
    const uint8_t *found = memmem(bytes.data, bytes.length, text, strlen(text));
    assert_non_null(found);
    long offset = (long)(found - bytes.data);
    buffer_deinit(&bytes);
    return offset;
}

void scratch_zero(const char *path, long offset, long bytes)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    for (long i = 0; i < bytes; i++)
        assert_int_not_equal(fputc(0, file), EOF);
    assert_int_equal(fclose(file), 0);
}

void scratch_write(const char *path, const char *text)
{
    write_whole(path, slice_text(text));
}
