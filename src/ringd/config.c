#include "ringd/config.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/tls.h"
#include "ringd/nearest_name.h"

static const struct ring_address DEFAULT_LISTEN = {.host = "127.0.0.1", .port = 6379};
static const struct ring_address DEFAULT_PEER_LISTEN = {.host = "127.0.0.1", .port = 7379};

void config_init(struct config *config)
{
    *config = (struct config){0};
    struct config_values *values = &config->values;
    settings_defaults(&values->settings);
    strcpy(values->data_dir, "ringdb-data");
    values->listen = (struct config_addresses){.count = 1, .items = {DEFAULT_LISTEN}};
    values->peer_listen = (struct config_addresses){.count = 1, .items = {DEFAULT_PEER_LISTEN}};
    values->log_level = LOG_INFO;
    values->store_read_threads = 1;
    values->store_write_buffer_bytes = 64 << 20;
    values->store_block_cache_bytes = 64 << 20;
    values->store_open_files_max = 1000;
    values->free_space_min_bytes = 64 << 20;
    values->free_space_min_percent = 2;
    values->damage_times_max = 3;
    values->damaged_stores_max = 2;
}

void config_deinit(struct config *config)
{
    for (size_t i = 0; i < CONFIG_SETTINGS_MAX; i++) {
        free(config->origins[i]);
        config->origins[i] = NULL;
    }
}

static const struct config_setting *find(const char *name)
{
    for (size_t i = 0; i < CONFIG_TABLE_COUNT; i++) {
        if (strcasecmp(CONFIG_TABLE[i].name, name) == 0)
            return &CONFIG_TABLE[i];
    }
    return NULL;
}

static const char *name_at(size_t i)
{
    return CONFIG_TABLE[i].name;
}

static void *place(struct config_values *values, const struct config_setting *setting)
{
    return (uint8_t *)values + setting->offset;
}

static const void *const_place(const struct config_values *values,
                               const struct config_setting *setting)
{
    return (const uint8_t *)values + setting->offset;
}

static bool in_range(const struct config_setting *setting, uint64_t value)
{
    return value >= setting->minimum && value <= setting->maximum;
}

/* The number that `text` says, if it is one of the setting's type and within its limits. */
static bool parse_scalar(const struct config_setting *setting, const char *text, uint32_t *out)
{
    uint64_t value = 0;
    bool parsed = setting->type == CONFIG_SIZE       ? config_parse_size(text, &value)
                  : setting->type == CONFIG_DURATION ? config_parse_duration(text, &value)
                                                     : config_parse_number(text, &value);
    if (!parsed || !in_range(setting, value))
        return false;
    assert(value <= UINT32_MAX); /* every maximum of the table fits */
    *out = (uint32_t)value;
    return true;
}

static bool parse_choice(const struct config_setting *setting, const char *text, uint32_t *out)
{
    for (uint32_t i = 0; setting->choices[i] != NULL; i++) {
        if (strcasecmp(setting->choices[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool parse_text(const struct config_setting *setting, const char *text, char *out)
{
    size_t length = strlen(text);
    if (!in_range(setting, length))
        return false;
    memcpy(out, text, length + 1);
    return true;
}

static bool parse_addresses(const struct config_setting *setting, const char *text,
                            struct config_addresses *out)
{
    struct config_addresses addresses;
    if (!config_parse_addresses(text, &addresses) || !in_range(setting, addresses.count))
        return false;
    *out = addresses;
    return true;
}

/* False: `text` is not accepted and nothing has changed. */
static bool parse(const struct config_setting *setting, const char *text,
                  struct config_values *values)
{
    void *to = place(values, setting);
    switch (setting->type) {
    case CONFIG_SIZE:
    case CONFIG_DURATION:
    case CONFIG_NUMBER:
        return parse_scalar(setting, text, to);
    case CONFIG_CHOICE:
        return parse_choice(setting, text, to);
    case CONFIG_TEXT:
        return parse_text(setting, text, to);
    case CONFIG_ADDRESSES:
        return parse_addresses(setting, text, to);
    }
    return false;
}

static void say_unknown(const char *name, struct buffer *out)
{
    const char *nearest = nearest_name_find(name, name_at, CONFIG_TABLE_COUNT);
    buffer_printf(out, "unknown setting ");
    config_put_quoted(slice_text(name), out);
    if (nearest != NULL)
        buffer_printf(out, "; the nearest is \"%s\"", nearest);
}

static void say_refused(const struct config_setting *setting, const char *text, struct buffer *out)
{
    buffer_printf(out, "%s does not accept ", setting->name);
    config_put_quoted(slice_text(text), out);
    buffer_printf(out, "; it is ");
    config_describe(setting, out);
}

enum status config_set(struct config *config, const char *name, const char *text,
                       const char *origin, struct buffer *problems)
{
    const struct config_setting *setting = find(name);
    if (setting == NULL) {
        buffer_printf(problems, "%s: ", origin);
        say_unknown(name, problems);
        buffer_put_u8(problems, '\n');
        return STATUS_NOT_FOUND;
    }
    if (!parse(setting, text, &config->values)) {
        buffer_printf(problems, "%s: ", origin);
        say_refused(setting, text, problems);
        buffer_put_u8(problems, '\n');
        return STATUS_INVALID;
    }
    char **kept = &config->origins[setting - CONFIG_TABLE];
    free(*kept);
    *kept = memory_copy(origin, strlen(origin));
    return STATUS_OK;
}

/* Whether all hosts are numbers, and of this machine alone unless `anywhere`. */
static bool check_hosts(const char *name, const struct config_addresses *addresses, bool anywhere,
                        const char *advice, struct buffer *problems)
{
    bool good = true;
    for (size_t i = 0; i < addresses->count; i++) {
        char text[ADDRESS_TEXT_MAX];
        struct socket_address address;
        address_format(&addresses->items[i], text);
        if (!address_is_numeric(&addresses->items[i])) {
            buffer_printf(problems, "%s: the host of %s must be a number such as 127.0.0.1\n", name,
                          text);
            good = false;
        } else if (!anywhere && (address_resolve(&addresses->items[i], &address) != STATUS_OK ||
                                 !address_is_loopback(&address))) {
            buffer_printf(problems, "%s: %s is not loopback; %s\n", name, text, advice);
            good = false;
        }
    }
    return good;
}

static bool check_listeners(const struct config_values *values, struct buffer *problems)
{
    bool good = check_hosts("listen", &values->listen, false,
                            "beyond it clients need TLS: set tls-listen instead", problems);
    good &= check_hosts("tls-listen", &values->tls_listen, true, "", problems);
    good &= check_hosts("peer-listen", &values->peer_listen, values->tls_cluster != 0,
                        "beyond it nodes must speak TLS with each other: set tls-cluster to yes",
                        problems);
    good &= check_hosts("http-listen", &values->http_listen, values->http_anywhere != 0,
                        "beyond it anybody could read all metrics: set http-anywhere to yes if "
                        "that is meant",
                        problems);
    if (values->listen.count + values->tls_listen.count > 0)
        return good;
    buffer_append_slice(problems, slice_text("listen and tls-listen are both empty: no client "
                                             "could connect\n"));
    return false;
}

static bool check_is_set(const char *path, const char *name, const char *because,
                         struct buffer *problems)
{
    if (path[0] != '\0')
        return true;
    buffer_printf(problems, "%s: %s needs it\n", name, because);
    return false;
}

static bool check_tls(const struct config_values *values, struct buffer *problems)
{
    static const char listen[] = "tls-listen";
    static const char cluster[] = "tls-cluster";
    bool good = true;
    if (values->tls_listen.count > 0) {
        good &= check_is_set(values->tls.certificate, "tls-cert-file", listen, problems);
        good &= check_is_set(values->tls.key, "tls-key-file", listen, problems);
        if (values->tls_auth_clients != TLS_AUTH_NO)
            good &= check_is_set(values->tls.ca, "tls-ca-cert-file",
                                 "tls-auth-clients, unless it is no,", problems);
    }
    if (values->tls_cluster != 0) {
        const struct config_tls *files = &values->tls_cluster_files;
        good &= check_is_set(files->certificate, "tls-cluster-cert-file", cluster, problems);
        good &= check_is_set(files->key, "tls-cluster-key-file", cluster, problems);
        good &= check_is_set(files->ca, "tls-cluster-ca-cert-file", cluster, problems);
    }
    return good;
}

static bool check_order(bool good, const char *smaller, const char *larger, const char *how,
                        struct buffer *problems)
{
    if (!good)
        buffer_printf(problems, "%s must be %s %s\n", smaller, how, larger);
    return good;
}

enum status config_check(const struct config *config, struct buffer *problems)
{
    const struct config_values *values = &config->values;
    const struct settings *settings = &values->settings;
    static const char at_most[] = "at most";
    static const char below[] = "below";
    bool good = check_listeners(values, problems);
    good &= check_tls(values, problems);
    good &= check_order(settings->value_bytes_max <= settings->request_bytes_max, "value-size-max",
                        "request-size-max", at_most, problems);
    good &= check_order(settings->value_bytes_max < settings->peer_output_bytes_max,
                        "value-size-max", "peer-output-max", below, problems);
    good &= check_order(settings->value_bytes_max < settings->client_output_bytes_max,
                        "value-size-max", "client-output-max", below, problems);
    good &= check_order(settings->heartbeat_ms < settings->peer_timeout_ms, "heartbeat",
                        "peer-timeout", below, problems);
    good &= check_order(settings->reconnect_min_ms <= settings->reconnect_max_ms, "reconnect-min",
                        "reconnect-max", at_most, problems);
    good &= check_order(settings->read_retry_ms <= settings->request_timeout_ms, "read-retry",
                        "request-timeout", at_most, problems);
    return good ? STATUS_OK : STATUS_INVALID;
}

const char *config_next(const char *name)
{
    if (name == NULL)
        return CONFIG_TABLE[0].name;
    const struct config_setting *setting = find(name);
    assert(setting != NULL);
    size_t next = (size_t)(setting - CONFIG_TABLE) + 1;
    return next < CONFIG_TABLE_COUNT ? CONFIG_TABLE[next].name : NULL;
}

static void get_addresses(const struct config_addresses *addresses, struct buffer *value)
{
    char text[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < addresses->count; i++)
        buffer_printf(value, "%s%s", i == 0 ? "" : " ", address_format(&addresses->items[i], text));
}

bool config_get(const struct config *config, const char *name, struct buffer *value)
{
    char text[CONFIG_NUMBER_TEXT_MAX];
    const struct config_setting *setting = find(name);
    if (setting == NULL)
        return false;
    const void *from = const_place(&config->values, setting);
    uint32_t number = 0;
    if (setting->type != CONFIG_TEXT && setting->type != CONFIG_ADDRESSES)
        memcpy(&number, from, sizeof number);
    switch (setting->type) {
    case CONFIG_SIZE:
        buffer_append_slice(value, slice_text(config_format_size(number, text)));
        break;
    case CONFIG_DURATION:
        buffer_append_slice(value, slice_text(config_format_duration(number, text)));
        break;
    case CONFIG_NUMBER:
        buffer_printf(value, "%" PRIu32, number);
        break;
    case CONFIG_CHOICE:
        buffer_append_slice(value, slice_text(setting->choices[number]));
        break;
    case CONFIG_TEXT:
        buffer_append_slice(value, slice_text(from));
        break;
    case CONFIG_ADDRESSES:
        get_addresses(from, value);
        break;
    }
    return true;
}

enum status config_change(struct config *config, const char *name, struct slice text,
                          struct buffer *reason)
{
    const struct config_setting *setting = find(name);
    if (setting == NULL) {
        say_unknown(name, reason);
        return STATUS_NOT_FOUND;
    }
    if (!setting->at_run_time) {
        buffer_printf(reason, "%s cannot be changed while ringd runs", setting->name);
        return STATUS_UNSUPPORTED;
    }
    char *copy = memory_copy(text.data, text.length);
    struct config_values before = config->values;
    enum status status = STATUS_OK;
    if (strlen(copy) != text.length || !parse(setting, copy, &config->values)) {
        say_refused(setting, copy, reason);
        status = STATUS_INVALID;
    } else if (config_check(config, reason) != STATUS_OK) {
        reason->length--; /* one rule at most breaks by one change; without its newline */
        config->values = before;
        status = STATUS_INVALID;
    } else {
        char **kept = &config->origins[setting - CONFIG_TABLE];
        free(*kept);
        *kept = memory_copy("CONFIG SET", strlen("CONFIG SET"));
    }
    free(copy);
    return status;
}

const struct ring_address *config_client_address(const struct config_values *values)
{
    if (values->advertise.count > 0)
        return &values->advertise.items[0];
    return values->listen.count > 0 ? &values->listen.items[0] : &values->tls_listen.items[0];
}

const struct ring_address *config_peer_address(const struct config_values *values)
{
    return values->peer_advertise.count > 0 ? &values->peer_advertise.items[0]
                                            : &values->peer_listen.items[0];
}
