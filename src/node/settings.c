#include "node/settings.h"

/* Nodes that store data may join, leave and move. */
enum { RING_CHANGES_DEFAULT = 0 };

void settings_defaults(struct settings *settings)
{
    *settings = (struct settings){
        .clients_max = 10000,
        .login_failures_max = 30,
        .login_user_failures_max = 300,
        .key_bytes_max = 32 << 10,
        .value_bytes_max = 8 << 20,
        .siblings_warn = 8,
        .siblings_max = 64,
        .request_ids_max = 1000000,
        .arguments_max = 1 << 20,
        .request_bytes_max = 64 << 20,
        .pipeline_max = 128,
        .client_output_bytes_max = 256 << 20,
        .tls_handshakes_max = 1024,
        .tls_handshake_timeout_ms = 10000,
        .request_timeout_ms = 5000,
        .request_timeout_max_ms = 60000,
        .read_retry_ms = 200,
        .requests_max = 100000,
        .peer_inflight_max = 16384,
        .peer_output_bytes_max = 64 << 20,
        .heartbeat_ms = 500,
        .peer_timeout_ms = 2000,
        .handshake_timeout_ms = 2000,
        .reconnect_min_ms = 50,
        .reconnect_max_ms = 2000,
        .max_clock_skew_ms = 500,
        .sync_interval_ms = 1000,
        .sync_page_bytes = 256 << 10,
        .sync_settle_ms = 1000,
        .ring_changes = RING_CHANGES_DEFAULT,
        .hint_bytes_max = 512 << 20,
        .hint_partition_bytes_max = 128 << 20,
        .hint_rate_bytes_max = 8 << 20,
        .hint_delay_ms = 5000,
        .log_bytes_max = 1 << 30,
        .stability_interval_ms = 5000,
        .repair_interval_ms = 600000,
        .scrub_interval_ms = 604800000,
        .repair_bytes_per_second = 8 << 20,
        .group_records_max = 256,
        .group_bytes_max = 256 << 10,
        .store_queue_max = 65536,
        .cell_cache_bytes = 64 << 20,
        .checkpoint_records = 4096,
    };
}
