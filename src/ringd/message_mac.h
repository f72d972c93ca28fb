/*
 * message_mac.h - HMAC-SHA-256 by OpenSSL, for what the core must be able to recognise as its own.
 */
#ifndef RINGD_MESSAGE_MAC_H
#define RINGD_MESSAGE_MAC_H

#include "coordinator/context_token.h"

/* A context_mac. Source: RFC 2104, FIPS 198-1. */
void message_mac(struct slice key, struct slice message, uint8_t out[CONTEXT_MAC_BYTES]);

#endif
