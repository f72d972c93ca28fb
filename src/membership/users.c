#include "membership/users.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    USER_FLAGS_ALL = USER_ON | USER_NOPASS | USER_ALL_CHANNELS,
    FLAG_SALTED = 1 << 7 /* in bytes only: cost and salt follow the passwords */
};

/* ---- one user ---- */

void user_init(struct user *user, const char *name)
{
    *user = (struct user){0};
    assert(user_name_is_valid(slice_text(name)));
    snprintf(user->name, sizeof user->name, "%s", name);
    buffer_append_slice(&user->commands, slice_text("-@all"));
}

void user_init_default(struct user *user)
{
    user_init(user, USER_DEFAULT_NAME);
    user->flags = USER_FLAGS_ALL;
    buffer_clear(&user->commands);
    buffer_append_slice(&user->commands, slice_text("+@all"));
    buffer_append_slice(&user->keys, slice_text("~*"));
}

static void copy_buffer(const struct buffer *from, struct buffer *to)
{
    *to = (struct buffer){0};
    buffer_append_slice(to, buffer_slice(from));
}

void user_copy(const struct user *from, struct user *to)
{
    *to = *from;
    copy_buffer(&from->commands, &to->commands);
    copy_buffer(&from->keys, &to->keys);
    copy_buffer(&from->options, &to->options);
}

void user_deinit(struct user *user)
{
    buffer_deinit(&user->commands);
    buffer_deinit(&user->keys);
    buffer_deinit(&user->options);
    *user = (struct user){0};
}

bool user_is_unsalted(const struct user *user)
{
    return user->password_count > 0 && user->cost == 0;
}

bool user_name_is_valid(struct slice name)
{
    if (name.length == 0 || name.length > USER_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= ' ' || name.data[i] == 0x7f)
            return false;
    return true;
}

size_t user_words_bytes(const struct user *user)
{
    return user->commands.length + user->keys.length + user->options.length;
}

bool user_next_word(struct slice words, size_t *at, struct slice *word)
{
    if (*at >= words.length)
        return false;
    const uint8_t *start = words.data + *at;
    const uint8_t *space = memchr(start, ' ', words.length - *at);
    size_t length = space == NULL ? words.length - *at : (size_t)(space - start);
    *word = slice_make(start, length);
    *at += length + 1;
    return true;
}

/* ---- sets ---- */

void user_set_deinit(struct user_set *set)
{
    for (uint16_t i = 0; i < set->count; i++)
        user_deinit(&set->items[i]);
    free(set->items);
    *set = (struct user_set){0};
}

void user_set_copy(const struct user_set *from, struct user_set *to)
{
    *to = (struct user_set){0};
    if (from->count == 0)
        return;
    to->items = memory_new(from->count, sizeof *to->items);
    for (; to->count < from->count; to->count++)
        user_copy(&from->items[to->count], &to->items[to->count]);
}

/* Where the name is or would be. */
static uint16_t index_of(const struct user_set *set, struct slice name, bool *found)
{
    uint16_t low = 0, high = set->count;
    while (low < high) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        int order = slice_compare(slice_text(set->items[middle].name), name);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = (uint16_t)(middle + 1);
        else
            high = middle;
    }
    *found = false;
    return low;
}

const struct user *user_set_find(const struct user_set *set, struct slice name)
{
    bool found;
    uint16_t at = index_of(set, name, &found);
    return found ? &set->items[at] : NULL;
}

void user_set_put(struct user_set *set, struct user *user)
{
    bool found;
    uint16_t at = index_of(set, slice_text(user->name), &found);
    if (found) {
        user_deinit(&set->items[at]);
    } else {
        assert(set->count < USERS_MAX);
        set->items = memory_resize(set->items, set->count + 1u, sizeof *set->items);
        memmove(&set->items[at + 1], &set->items[at],
                (size_t)(set->count - at) * sizeof *set->items);
        set->count++;
    }
    set->items[at] = *user;
    *user = (struct user){0};
}

bool user_set_remove(struct user_set *set, struct slice name)
{
    bool found;
    uint16_t at = index_of(set, name, &found);
    if (!found)
        return false;
    user_deinit(&set->items[at]);
    set->count--;
    memmove(&set->items[at], &set->items[at + 1], (size_t)(set->count - at) * sizeof *set->items);
    return true;
}

bool user_set_equal(const struct user_set *a, const struct user_set *b)
{
    struct buffer left = {0}, right = {0};
    user_set_encode(a, &left);
    user_set_encode(b, &right);
    bool equal = slice_equal(buffer_slice(&left), buffer_slice(&right));
    buffer_deinit(&left);
    buffer_deinit(&right);
    return equal;
}

/* ---- bytes ---- */

void user_set_encode(const struct user_set *set, struct buffer *out)
{
    buffer_put_varint(out, set->count);
    for (uint16_t i = 0; i < set->count; i++) {
        const struct user *user = &set->items[i];
        assert(user_words_bytes(user) <= USER_WORDS_BYTES_MAX);
        buffer_put_bytes(out, slice_text(user->name));
        assert(user->cost == 0 || user->password_count > 0);
        buffer_put_u8(out, user->flags | (user->cost != 0 ? FLAG_SALTED : 0));
        buffer_put_u8(out, user->password_count);
        buffer_append(out, user->passwords, (size_t)user->password_count * USER_HASH_BYTES);
        if (user->cost != 0) {
            buffer_put_u8(out, user->cost);
            buffer_append(out, user->salt, sizeof user->salt);
        }
        buffer_put_bytes(out, buffer_slice(&user->commands));
        buffer_put_bytes(out, buffer_slice(&user->keys));
        buffer_put_bytes(out, buffer_slice(&user->options));
    }
}

static bool words_are_canonical(struct slice words)
{
    if (words.length > 0 && words.data[words.length - 1] == ' ')
        return false;
    struct slice word;
    for (size_t at = 0; user_next_word(words, &at, &word);)
        if (word.length == 0 || memchr(word.data, 0, word.length) != NULL)
            return false;
    return true;
}

static void read_words(struct reader *reader, struct buffer *out)
{
    struct slice words = reader_bytes(reader);
    if (words.length > USER_WORDS_BYTES_MAX || !words_are_canonical(words))
        reader->failed = true;
    else
        buffer_append_slice(out, words);
}

static void read_name(struct reader *reader, struct user *out)
{
    struct slice name = reader_bytes(reader);
    if (user_name_is_valid(name))
        memcpy(out->name, name.data, name.length);
    else
        reader->failed = true;
}

static void read_passwords(struct reader *reader, struct user *out)
{
    uint8_t count = reader_u8(reader);
    if (count > USER_PASSWORDS_MAX || (count > 0 && (out->flags & USER_NOPASS) != 0)) {
        reader->failed = true;
        return;
    }
    struct slice hashes = reader_take(reader, (size_t)count * USER_HASH_BYTES);
    if (reader->failed || count == 0)
        return;
    memcpy(out->passwords, hashes.data, hashes.length);
    out->password_count = count;
}

static void read_salt(struct reader *reader, struct user *out)
{
    out->cost = reader_u8(reader);
    struct slice salt = reader_take(reader, sizeof out->salt);
    if (reader->failed || out->password_count == 0 || out->cost < USER_COST_MIN ||
        out->cost > USER_COST_MAX)
        reader->failed = true;
    else
        memcpy(out->salt, salt.data, salt.length);
}

static bool commands_are_canonical(const struct user *user)
{
    struct slice commands = buffer_slice(&user->commands), first;
    size_t at = 0;
    return user_next_word(commands, &at, &first) &&
           (slice_equal(first, slice_text("+@all")) || slice_equal(first, slice_text("-@all")));
}

static void read_user(struct reader *reader, struct user *out)
{
    read_name(reader, out);
    uint8_t flags = reader_u8(reader);
    out->flags = flags & USER_FLAGS_ALL;
    if ((flags & ~(USER_FLAGS_ALL | FLAG_SALTED)) != 0)
        reader->failed = true;
    read_passwords(reader, out);
    if ((flags & FLAG_SALTED) != 0)
        read_salt(reader, out);
    read_words(reader, &out->commands);
    read_words(reader, &out->keys);
    read_words(reader, &out->options);
    if (user_words_bytes(out) > USER_WORDS_BYTES_MAX || !commands_are_canonical(out))
        reader->failed = true;
}

enum status user_set_decode(struct slice bytes, struct user_set *out)
{
    struct reader reader = reader_make(bytes);
    uint16_t count = (uint16_t)reader_varint_max(&reader, USERS_MAX);
    *out = (struct user_set){0};
    if (count > 0 && !reader.failed)
        out->items = memory_new(count, sizeof *out->items);
    while (out->count < count && !reader.failed) {
        struct user *user = &out->items[out->count++];
        read_user(&reader, user);
        if (out->count > 1 && strcmp(user[-1].name, user->name) >= 0)
            reader.failed = true;
    }
    enum status status = reader_end(&reader);
    if (status != STATUS_OK)
        user_set_deinit(out);
    return status;
}
