#include "base/status.h"

#include <stddef.h>

static const char *const NAMES[STATUS_COUNT] = {
    [STATUS_OK] = "ok",
    [STATUS_INVALID] = "invalid",
    [STATUS_CORRUPT] = "corrupt",
    [STATUS_NOT_FOUND] = "not-found",
    [STATUS_IO] = "io-error",
    [STATUS_NO_SPACE] = "no-space",
    [STATUS_TOO_LARGE] = "too-large",
    [STATUS_OVERLOADED] = "overloaded",
    [STATUS_TIMEOUT] = "timeout",
    [STATUS_STALE_TAG] = "stale-tag",
    [STATUS_NOT_OWNER] = "not-owner",
    [STATUS_NOT_READY] = "not-ready",
    [STATUS_CLOCK_SKEW] = "clock-skew",
    [STATUS_UNAVAILABLE] = "unavailable",
    [STATUS_UNCERTAIN] = "uncertain",
    [STATUS_INFEASIBLE] = "infeasible",
    [STATUS_UNSUPPORTED] = "unsupported",
    [STATUS_WRONG_TYPE] = "wrong-type",
    [STATUS_SIBLING_LIMIT] = "sibling-limit",
    [STATUS_REQUEST_UNKNOWN] = "request-unknown",
    [STATUS_REQUEST_DONE] = "request-done",
    [STATUS_REQUEST_CONFLICT] = "request-conflict",
    [STATUS_NOT_A_NUMBER] = "not-a-number",
    [STATUS_OVERFLOW] = "overflow",
    [STATUS_ID_CONFLICT] = "id-conflict",
    [STATUS_ID_LIMIT] = "id-limit",
    [STATUS_REQUEST_TOO_OLD] = "request-too-old",
    [STATUS_REQUEST_AHEAD] = "request-ahead",
    [STATUS_LOG_TRIMMED] = "log-trimmed",
    [STATUS_NO_KEYSPACE] = "no-keyspace",
};

const char *status_name(enum status status)
{
    if ((size_t)status >= STATUS_COUNT || NAMES[status] == NULL)
        return "unknown";
    return NAMES[status];
}
