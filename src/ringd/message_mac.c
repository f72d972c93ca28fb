#include "ringd/message_mac.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void message_mac(struct slice key, struct slice message, uint8_t out[CONTEXT_MAC_BYTES])
{
    unsigned length = 0;
    const uint8_t *made =
        HMAC(EVP_sha256(), key.data, (int)key.length, message.data, message.length, out, &length);
    assert(made != NULL); /* only memory can be missing, and that ends the process */
    assert(length == CONTEXT_MAC_BYTES);
}
