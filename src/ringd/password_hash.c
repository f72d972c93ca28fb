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
