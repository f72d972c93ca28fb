#include "store/identity_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

static const char TITLE[] = "ringdb identity ";

static const char *yes_or_no(bool yes)
{
    return yes ? "yes" : "no";
}

void identity_text_encode(const struct identity_text *text, struct buffer *out)
{
    const struct identity *now = &text->now;
    size_t start = out->length;
    buffer_printf(out, "%s%d\ncluster_id=", TITLE, IDENTITY_FORMAT);
    for (size_t i = 0; i < sizeof now->cluster_id; i++)
        buffer_printf(out, "%02x", now->cluster_id[i]);
    buffer_printf(out, "\nnode_id=%" PRIu32 "\nstorage_incarnation=%" PRIu16 "\n", now->node,
                  now->storage_incarnation);
    buffer_printf(out, "boot_epoch=%" PRIu32 "\nsession=%" PRIu64 "\nclean=%s\n", now->boot_epoch,
                  now->session, yes_or_no(now->clean));
    if (text->changing)
        buffer_printf(out, "next_boot_epoch=%" PRIu32 "\nnext_session=%" PRIu64 "\nnext_clean=%s\n",
                      text->next.boot_epoch, text->next.session, yes_or_no(text->next.clean));
    if (text->counted)
        buffer_printf(
            out, "store_files=%" PRIu64 "\nstore_bytes=%" PRIu64 "\nstore_digest=%016" PRIx64 "\n",
            text->inventory.files, text->inventory.bytes, text->inventory.digest);
    uint64_t sum = hash64(slice_make(out->data + start, out->length - start), 0);
    buffer_printf(out, "checksum=%016" PRIx64 "\n", sum);
}

/* Wrong digits are harmless here: the text would not come out the same. */
static void take_hex(const char *value, uint8_t *out, size_t bytes)
{
    if (strlen(value) != 2 * bytes)
        return;
    for (size_t i = 0; i < bytes; i++) {
        char digits[3] = {value[2 * i], value[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static void take_line(const char *name, const char *value, struct identity_text *out)
{
    if (strcmp(name, "cluster_id") == 0)
        take_hex(value, out->now.cluster_id, sizeof out->now.cluster_id);
    else if (strcmp(name, "node_id") == 0)
        out->now.node = (node_id)strtoull(value, NULL, 10);
    else if (strcmp(name, "storage_incarnation") == 0)
        out->now.storage_incarnation = (uint16_t)strtoull(value, NULL, 10);
    else if (strcmp(name, "boot_epoch") == 0)
        out->now.boot_epoch = (uint32_t)strtoull(value, NULL, 10);
    else if (strcmp(name, "session") == 0)
        out->now.session = strtoull(value, NULL, 10);
    else if (strcmp(name, "clean") == 0)
        out->now.clean = strcmp(value, "yes") == 0;
    else if (strcmp(name, "next_boot_epoch") == 0)
        out->next.boot_epoch = (uint32_t)strtoull(value, NULL, 10);
    else if (strcmp(name, "next_session") == 0)
        out->next.session = strtoull(value, NULL, 10);
    else if (strcmp(name, "next_clean") == 0)
        out->next.clean = strcmp(value, "yes") == 0;
    else if (strcmp(name, "store_files") == 0)
        out->inventory.files = strtoull(value, NULL, 10);
    else if (strcmp(name, "store_bytes") == 0)
        out->inventory.bytes = strtoull(value, NULL, 10);
    else if (strcmp(name, "store_digest") == 0)
        out->inventory.digest = strtoull(value, NULL, 16);
}

static void take_lines(char *lines, struct identity_text *out)
{
    char *line;
    while ((line = strsep(&lines, "\n")) != NULL) {
        char *value = strchr(line, '=');
        if (value != NULL) {
            *value = 0;
            take_line(line, value + 1, out);
        }
    }
    out->changing = out->next.session != 0;
    out->counted = out->inventory.files != 0;
    if (out->changing) {
        struct identity next = out->now;
        next.boot_epoch = out->next.boot_epoch;
        next.session = out->next.session;
        next.clean = out->next.clean;
        out->next = next;
    }
}

/* Another format may have other lines; its last one is the checksum of all before it. */
static bool checksum_fits(const char *bytes, size_t length)
{
    char last[64];
    const char *line = strstr(bytes, "\nchecksum=");
    if (line == NULL)
        return false;
    size_t body = (size_t)(line + 1 - bytes);
    snprintf(last, sizeof last, "checksum=%016" PRIx64 "\n", hash64(slice_make(bytes, body), 0));
    return strlen(last) == length - body && memcmp(bytes + body, last, length - body) == 0;
}

enum status identity_text_decode(struct slice bytes, struct identity_text *out)
{
    enum status status = STATUS_CORRUPT;
    struct buffer again = {0};
    struct identity_text text = {0};
    char *copy = memory_copy(bytes.data, bytes.length);
    size_t title = strlen(TITLE);
    if (strncmp(copy, TITLE, title) == 0 && checksum_fits(copy, bytes.length)) {
        if (strtoul(copy + title, NULL, 10) != IDENTITY_FORMAT) {
            status = STATUS_UNSUPPORTED;
        } else {
            take_lines(copy, &text);
            identity_text_encode(&text, &again);
            if (slice_equal(buffer_slice(&again), bytes))
                status = STATUS_OK;
        }
    }
    if (status == STATUS_OK)
        *out = text;
    buffer_deinit(&again);
    free(copy);
    return status;
}
