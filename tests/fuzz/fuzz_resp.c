/*
 * fuzz_resp.c - any bytes, cut anywhere, mean the same to the RESP parsers as in one piece.
 *
 * The first two bytes of the fuzzer's data choose the cut, the rest is the
 * input of the request reader and of the reply reader (resp_check.h).
 */
#include "resp_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct resp_cut cut = {.first = data[0], .step = data[1]};
    if (!resp_same_in_pieces(slice_make(data + 2, size - 2), cut))
        abort();
    return 0;
}
