#include "ringd/config_file.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

/* Where the reader stands; problems begin with it. */
struct source {
    const char *path;
    unsigned line; /* 1.. */
    unsigned depth;
    struct config *config;
    struct buffer *problems;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* What follows a backslash between double quotes. False: no such escape. */
static bool take_escape(struct reader *reader, struct buffer *words)
{
    uint8_t byte = reader_u8(reader);
    switch (byte) {
    case 'n':
        buffer_put_u8(words, '\n');
        return true;
    case 'r':
        buffer_put_u8(words, '\r');
        return true;
    case 't':
        buffer_put_u8(words, '\t');
        return true;
    case '"':
    case '\\':
        buffer_put_u8(words, byte);
        return true;
    case 'x': {
        int high = hex_digit(reader_u8(reader));
        int low = hex_digit(reader_u8(reader));
        if (high < 0 || low < 0 || (high == 0 && low == 0))
            return false;
        buffer_put_u8(words, (uint8_t)(high * 16 + low));
        return true;
    }
    default:
        return false;
    }
}

static enum status take_quoted(struct reader *reader, struct buffer *words, const char **problem)
{
    uint8_t quote = reader_u8(reader);
    while (reader_left(reader) > 0) {
        uint8_t byte = reader_u8(reader);
        if (byte == quote) {
            if (reader_left(reader) > 0 && !is_blank(*reader->next)) {
                *problem = "a closing quote must be followed by a blank";
                return STATUS_INVALID;
            }
            return STATUS_OK;
        }
        if (byte == '\\' && quote == '"') {
            if (!take_escape(reader, words)) {
                *problem = "after a backslash only n r t \" \\ and x with two hexadecimal "
                           "digits, not both 0, are known";
                return STATUS_INVALID;
            }
        } else if (byte == '\\' && reader_left(reader) > 0 && *reader->next == '\'') {
            buffer_put_u8(words, reader_u8(reader));
        } else {
            buffer_put_u8(words, byte);
        }
    }
    *problem = "a quote is not closed";
    return STATUS_INVALID;
}

static enum status take_bare(struct reader *reader, struct buffer *words, const char **problem)
{
    while (reader_left(reader) > 0 && !is_blank(*reader->next)) {
        uint8_t byte = reader_u8(reader);
        if (byte == '"' || byte == '\'') {
            *problem = "a quote can only begin a word";
            return STATUS_INVALID;
        }
        buffer_put_u8(words, byte);
    }
    return STATUS_OK;
}

enum status config_file_split(struct slice line, struct buffer *words, size_t *count,
                              const char **problem)
{
    struct reader reader = reader_make(line);
    *count = 0;
    if (line.length > 0 && memchr(line.data, '\0', line.length) != NULL) {
        *problem = "a line cannot hold a zero byte";
        return STATUS_INVALID;
    }
    for (;;) {
        while (reader_left(&reader) > 0 && is_blank(*reader.next))
            reader.next++;
        if (reader_left(&reader) == 0 || *reader.next == '#')
            return STATUS_OK;
        bool quoted = *reader.next == '"' || *reader.next == '\'';
        enum status status =
            quoted ? take_quoted(&reader, words, problem) : take_bare(&reader, words, problem);
        if (status != STATUS_OK)
            return status;
        buffer_put_u8(words, '\0');
        (*count)++;
    }
}

static void add_problem(const struct source *source, const char *text)
{
    buffer_printf(source->problems, "%s:%u: %s\n", source->path, source->line, text);
}

/* Read a whole file. False: errno says why. */
static bool read_file(const char *path, struct buffer *content)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t got;
    do {
        got = fread(buffer_reserve(content, 4096), 1, 4096, file);
        content->length += got;
    } while (got > 0 && content->length <= CONFIG_FILE_BYTES_MAX);
    bool failed = ferror(file) != 0;
    int error = content->length > CONFIG_FILE_BYTES_MAX ? EFBIG : errno;
    fclose(file);
    errno = error;
    return !failed && content->length <= CONFIG_FILE_BYTES_MAX;
}

static enum status load(const struct source *from, const char *path);

/* `pattern` seen from the directory of the file that includes it; to be freed. */
static char *resolve(const char *includer, const char *pattern)
{
    struct buffer path = {0};
    const char *slash = strrchr(includer, '/');
    if (pattern[0] != '/' && slash != NULL)
        buffer_append(&path, includer, (size_t)(slash - includer) + 1);
    buffer_append(&path, pattern, strlen(pattern) + 1);
    return (char *)path.data;
}

/* A directory that is not there matches nothing; one that cannot be read is a problem. */
static int on_glob_error(const char *path, int error)
{
    (void)path;
    return error != ENOENT;
}

static enum status include(const struct source *source, const char *pattern)
{
    enum status status = STATUS_OK;
    glob_t found;
    if (source->depth + 1 >= CONFIG_INCLUDE_DEPTH_MAX) {
        add_problem(source, "files are included too deep, or include each other");
        return STATUS_INVALID;
    }
    char *path = resolve(source->path, pattern);
    /* GLOB_NOCHECK: a path without wildcards that does not exist fails when it is opened. */
    int flags = strpbrk(pattern, "*?[") == NULL ? GLOB_NOCHECK : 0;
    int result = glob(path, flags, on_glob_error, &found);
    if (result == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            if (load(source, found.gl_pathv[i]) != STATUS_OK)
                status = STATUS_INVALID;
        }
        globfree(&found);
    } else if (result != GLOB_NOMATCH) {
        add_problem(source, "the directory of the included files cannot be read");
        status = STATUS_INVALID;
    }
    free(path);
    return status;
}

/* Join the words after the first one by blanks, in their place. */
static char *join_values(struct buffer *words, size_t count)
{
    char *values = (char *)words->data + strlen((char *)words->data) + 1;
    char *end = values + strlen(values);
    for (size_t i = 2; i < count; i++) {
        *end = ' ';
        end += strlen(end);
    }
    return values;
}

static enum status take_line(const struct source *source, struct slice line)
{
    struct buffer words = {0};
    size_t count = 0;
    const char *problem = NULL;
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    enum status status = config_file_split(line, &words, &count, &problem);
    if (status == STATUS_OK && count == 1) {
        problem = "a name needs a value; an empty one is \"\"";
        status = STATUS_INVALID;
    }
    if (status != STATUS_OK) {
        add_problem(source, problem);
    } else if (count > 1) {
        const char *name = (const char *)words.data;
        char *value = join_values(&words, count);
        if (strcasecmp(name, "include") == 0) {
            status = include(source, value);
        } else {
            char origin[PATH_MAX + 16];
            snprintf(origin, sizeof origin, "%s:%u", source->path, source->line);
            status = config_set(source->config, name, value, origin, source->problems);
        }
    }
    buffer_deinit(&words);
    return status;
}

static enum status load(const struct source *from, const char *path)
{
    struct source source = *from;
    struct buffer content = {0};
    enum status status = STATUS_OK;
    source.path = path;
    source.line = 0;
    source.depth = from->depth + 1;
    if (!read_file(path, &content)) {
        const char *why = strerror(errno);
        if (from->line > 0)
            buffer_printf(source.problems, "%s:%u: ", from->path, from->line);
        buffer_printf(source.problems, "could not read %s: %s\n", path, why);
        buffer_deinit(&content);
        return STATUS_INVALID;
    }
    struct slice rest = buffer_slice(&content);
    while (rest.length > 0) {
        const uint8_t *newline = memchr(rest.data, '\n', rest.length);
        size_t length = newline == NULL ? rest.length : (size_t)(newline - rest.data);
        source.line++;
        if (take_line(&source, slice_make(rest.data, length)) != STATUS_OK)
            status = STATUS_INVALID;
        size_t used = newline == NULL ? length : length + 1;
        rest = slice_make(rest.data + used, rest.length - used);
    }
    buffer_deinit(&content);
    return status;
}

enum status config_file_load(struct config *config, const char *path, struct buffer *problems)
{
    struct source top = {.config = config, .problems = problems};
    return load(&top, path);
}
