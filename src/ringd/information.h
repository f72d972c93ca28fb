/*
 * information.h - the lines of INFO that only the process knows: memory, processor, network, store.
 */
#ifndef RINGD_INFORMATION_H
#define RINGD_INFORMATION_H

#include "base/bytes.h"
#include "net/loop.h"
#include "store/quarantine.h"
#include "store/store_engine.h"

/*
 * Append `name:value\r\n` lines of one section of INFO: "server", "clients", "memory",
 * "persistence", "stats" or "cpu"; nothing for any other. `config_file` may be empty.
 */
void information_append(const char *section, const struct loop_statistics *loop,
                        const struct store_engine_stats *store,
                        const struct quarantine_history *damage, const char *config_file,
                        struct buffer *out);

#endif
