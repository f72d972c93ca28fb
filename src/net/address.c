#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* 1..65535 in decimal without sign, blanks or leading zeros. */
static bool parse_port(const char *text, uint16_t *port)
{
    uint32_t value = 0;
    if (*text < '1' || *text > '9')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (uint32_t)(*text - '0');
        if (value > UINT16_MAX)
            return false;
    }
    *port = (uint16_t)value;
    return true;
}

static bool is_host_byte(char byte)
{
    return byte > ' ' && byte != '[' && byte != ']' && byte != ',' && byte != 0x7f;
}

enum status address_parse(const char *text, struct ring_address *out)
{
    struct ring_address address;
    const char *colon = strrchr(text, ':');
    const char *host = text;
    if (colon == NULL || !parse_port(colon + 1, &address.port))
        return STATUS_INVALID;
    size_t length = (size_t)(colon - text);
    bool bracketed = length >= 2 && host[0] == '[' && host[length - 1] == ']';
    if (bracketed) {
        host++;
        length -= 2;
    }
    if (length == 0 || length > RING_HOST_MAX)
        return STATUS_INVALID;
    for (size_t i = 0; i < length; i++) {
        if (!is_host_byte(host[i]) || (host[i] == ':' && !bracketed))
            return STATUS_INVALID;
    }
    memcpy(address.host, host, length);
    memset(address.host + length, 0, sizeof address.host - length);
    *out = address;
    return STATUS_OK;
}

const char *address_format(const struct ring_address *address, char out[ADDRESS_TEXT_MAX])
{
    bool bracketed = strchr(address->host, ':') != NULL;
    snprintf(out, ADDRESS_TEXT_MAX, bracketed ? "[%s]:%u" : "%s:%u", address->host,
             (unsigned)address->port);
    return out;
}

static enum status look_up(const struct ring_address *address, int flags,
                           struct socket_address *out)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[6];
    snprintf(port, sizeof port, "%u", (unsigned)address->port);
    if (getaddrinfo(address->host, port, &hints, &found) != 0)
        return STATUS_NOT_FOUND;
    *out = (struct socket_address){.length = found->ai_addrlen};
    memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return STATUS_OK;
}

enum status address_resolve(const struct ring_address *address, struct socket_address *out)
{
    return look_up(address, 0, out);
}

bool address_is_numeric(const struct ring_address *address)
{
    struct socket_address ignored;
    return look_up(address, AI_NUMERICHOST, &ignored) == STATUS_OK;
}

bool address_is_loopback(const struct socket_address *address)
{
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in ip4;
        memcpy(&ip4, &address->storage, sizeof ip4);
        return ntohl(ip4.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 ip6;
        memcpy(&ip6, &address->storage, sizeof ip6);
        return IN6_IS_ADDR_LOOPBACK(&ip6.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&ip6.sin6_addr) && ip6.sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

const char *address_describe(const struct sockaddr *address, char out[ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN];
    strcpy(out, "?");
    if (address->sa_family == AF_INET) {
        struct sockaddr_in ip4;
        memcpy(&ip4, address, sizeof ip4);
        if (inet_ntop(AF_INET, &ip4.sin_addr, host, sizeof host) != NULL)
            snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", host, (unsigned)ntohs(ip4.sin_port));
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ip6;
        memcpy(&ip6, address, sizeof ip6);
        if (inet_ntop(AF_INET6, &ip6.sin6_addr, host, sizeof host) != NULL)
            snprintf(out, ADDRESS_TEXT_MAX, "[%s]:%u", host, (unsigned)ntohs(ip6.sin6_port));
    }
    return out;
}
