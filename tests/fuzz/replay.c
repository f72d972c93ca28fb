/*
 * replay.c - gives a fuzz target the files that are named, or standard input: main() of every build
 * without libFuzzer.
 *
 * AFL++ drives such a program too (`@@` for the file), and a finding is seen again in a debugger.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* false: it cannot be read, and that was said. */
static bool run_file(FILE *file, const char *name)
{
    struct buffer input = {0};
    size_t got;
    do {
        got = fread(buffer_reserve(&input, 65536), 1, 65536, file);
        input.length += got;
    } while (got > 0);
    bool read = ferror(file) == 0;
    if (!read)
        fprintf(stderr, "could not read %s: %s\n", name, strerror(errno));
    else
        (void)LLVMFuzzerTestOneInput(input.data, input.length);
    buffer_deinit(&input);
    return read;
}

int main(int argc, char **argv)
{
    bool all = true;
    if (argc < 2)
        all = run_file(stdin, "standard input");
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rbe");
        if (file == NULL) {
            fprintf(stderr, "could not open %s: %s\n", argv[i], strerror(errno));
            all = false;
            continue;
        }
        all = run_file(file, argv[i]) && all;
        fclose(file);
    }
    return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
