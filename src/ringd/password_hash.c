#include "ringd/password_hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <unistd.h>

enum { ENTROPY_BYTES_MAX = 256, SECRET_BYTES_MAX = 512 };

void password_hash(struct slice password, uint8_t out[USER_HASH_BYTES])
{
    unsigned length = 0;
    int made = EVP_Digest(password.data, password.length, out, &length, EVP_sha256(), NULL);
    assert(made == 1); /* only memory can be missing, and that ends the process */
    assert(length == USER_HASH_BYTES);
}

enum status password_hash_slowly(const uint8_t digest[USER_HASH_BYTES], uint8_t cost,
                                 const uint8_t salt[USER_SALT_BYTES], uint8_t out[USER_HASH_BYTES])
{
    const uint64_t block = 8, lanes = 1;
    uint64_t n = (uint64_t)1 << cost;
    assert(cost >= USER_COST_MIN && cost <= USER_COST_MAX);
    uint64_t bytes_max = 128 * block * (n + lanes + 2); /* RFC 7914: V, B and a block of work */
    int made = EVP_PBE_scrypt((const char *)digest, USER_HASH_BYTES, salt, USER_SALT_BYTES, n,
                              block, lanes, bytes_max, out, USER_HASH_BYTES);
    return made == 1 ? STATUS_OK : STATUS_OVERLOADED;
}

bool random_secret(uint8_t *out, size_t length)
{
    assert(length <= SECRET_BYTES_MAX);
    for (size_t done = 0; done < length;) {
        size_t part = length - done < ENTROPY_BYTES_MAX ? length - done : ENTROPY_BYTES_MAX;
        if (getentropy(out + done, part) != 0)
            return false;
        done += part;
    }
    return true;
}
