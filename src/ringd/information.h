/*
 * information.h - the lines of INFO that only the process knows: memory, processor, network, store.
 */
#ifndef RINGD_INFORMATION_H
#define RINGD_INFORMATION_H

#include "base/bytes.h"
#include "ringd/host_metrics.h"

/*
 * Append `name:value\r\n` lines of one section of INFO: "server", "clients", "memory",
 * "persistence", "stats" or "cpu"; nothing for any other. `damage_reason` is that of the last
 * damaged store; both texts may be empty.
 */
void information_append(const char *section, const struct host_view *view,
                        const char *damage_reason, const char *config_file, struct buffer *out);

#endif
