/*
 * test_resp_mutation.c - damaged requests and replies, from a fixed seed.
 *
 * Each round takes a few parts of a corpus, damages them, and cuts the result:
 * both parsers must stay inside their input (address sanitizer) and say the
 * same as of the uncut input (resp_check.h). tests/fuzz/ does this with guidance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../fuzz/resp_check.h"
#include "base/random.h"

enum { ROUNDS = 20000, PARTS_MAX = 6, DAMAGES_MAX = 4 };

static const char *const parts[] = {
    "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n",
    "*1\r\n$4\r\nPING\r\n",
    "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    "*18\r\n",
    "$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n",
    "*-1\r\n*0\r\n\r\n",
    "set \"a \\x41\\n\" 'b\\'c' d\r\n",
    "PING\n",
    "$100\r\n",
    "%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n#t\r\n_\r\n",
    ">2\r\n+message\r\n=8\r\ntxt:text\r\n",
    "|1\r\n+ttl\r\n,1.5\r\n",
    "~2\r\n(123456789\r\n,-inf\r\n",
    "!9\r\nERR error\r\n-ERR no\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
    "$-1\r\n*-1\r\n",
};

static const char interesting[] = "\r\n*$:%~>|+-_#,(!=0123456789\"'\\x \t\0\x16\x7f\xff";

static void damage(struct buffer *input, struct random *random)
{
    size_t at = (size_t)random_below(random, input->length);
    uint8_t byte = (uint8_t)interesting[random_below(random, sizeof interesting - 1)];
    switch (random_below(random, 5)) {
    case 0:
        input->data[at] = byte;
        break;
    case 1:
        input->data[at] ^= (uint8_t)(1u << random_below(random, 8));
        break;
    case 2: /* remove */
        if (input->length > 1) {
            memmove(input->data + at, input->data + at + 1, input->length - at - 1);
            input->length--;
        }
        break;
    case 3: /* insert */
        buffer_reserve(input, 1);
        memmove(input->data + at + 1, input->data + at, input->length - at);
        input->data[at] = byte;
        input->length++;
        break;
    case 4: /* cut off */
        input->length = at + 1;
        break;
    }
}

static void damaged_input_means_the_same_in_pieces(void **state)
{
    struct random random = random_make(20240607);
    struct buffer input = {0};
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        buffer_clear(&input);
        for (uint64_t i = 1 + random_below(&random, PARTS_MAX); i > 0; i--) {
            const char *part = parts[random_below(&random, sizeof parts / sizeof *parts)];
            buffer_append_slice(&input, slice_text(part));
        }
        for (uint64_t i = random_below(&random, DAMAGES_MAX + 1); i > 0; i--)
            damage(&input, &random);
        struct resp_cut cut = {.first = (size_t)(1 + random_below(&random, input.length)),
                               .step = (size_t)random_below(&random, 8)};
        if (!resp_same_in_pieces(buffer_slice(&input), cut))
            fail_msg("round %d: cut at %zu, then every %zu bytes, gives another result", round,
                     cut.first, cut.step);
    }
    buffer_deinit(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_input_means_the_same_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
