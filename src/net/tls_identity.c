#include "net/tls_identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char SCHEME[] = "ringdb://";
static const char NODE[] = "/node/";

static bool take_text(struct reader *reader, const char *text)
{
    struct slice wanted = slice_text(text);
    return slice_equal(reader_take(reader, wanted.length), wanted);
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool take_cluster_id(struct reader *reader, uint8_t *out)
{
    for (size_t i = 0; i < TLS_CLUSTER_ID_BYTES; i++) {
        int high = hex_digit(reader_u8(reader));
        int low = hex_digit(reader_u8(reader));
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* All that is left: decimal digits without a leading zero, so that a node has one name. */
static bool take_number(struct reader *reader, node_id *out)
{
    uint64_t value = 0;
    size_t digits = reader_left(reader);
    if (digits == 0 || digits > 10)
        return false;
    for (size_t i = 0; i < digits; i++) {
        uint8_t byte = reader_u8(reader);
        if (byte < (i == 0 ? '1' : '0') || byte > '9')
            return false;
        value = value * 10 + (uint64_t)(byte - '0');
    }
    if (value > UINT32_MAX)
        return false;
    *out = (node_id)value;
    return true;
}

enum status tls_identity_parse(struct slice text, struct tls_identity *out)
{
    struct reader reader = reader_make(text);
    struct tls_identity identity;
    if (!take_text(&reader, SCHEME) || !take_cluster_id(&reader, identity.cluster_id) ||
        !take_text(&reader, NODE) || !take_number(&reader, &identity.node))
        return STATUS_INVALID;
    *out = identity;
    return STATUS_OK;
}

const char *tls_identity_format(const struct tls_identity *identity,
                                char out[TLS_IDENTITY_TEXT_MAX])
{
    char hex[2 * TLS_CLUSTER_ID_BYTES + 1];
    for (size_t i = 0; i < TLS_CLUSTER_ID_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", identity->cluster_id[i]);
    snprintf(out, TLS_IDENTITY_TEXT_MAX, "%s%s%s%" PRIu32, SCHEME, hex, NODE, identity->node);
    return out;
}
