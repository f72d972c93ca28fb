/*
 * server_version.h - which Redis this server says it is.
 *
 * Clients choose by it what they may send. 7.2.4 is the last version under the
 * licence that the protocol was known by; compatible servers announce the same.
 */
#ifndef COMMANDS_SERVER_VERSION_H
#define COMMANDS_SERVER_VERSION_H

#define REDIS_VERSION "7.2.4"

/* `since` of the commands that RingDB has had from its first version on. */
#define RINGDB_SINCE_FIRST "0.1.0"

#endif
