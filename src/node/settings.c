#include "node/settings.h"

void settings_defaults(struct settings *settings)
{
    *settings = (struct settings){
        .clients_max = 10000,
        .key_bytes_max = 32 << 10,
        .value_bytes_max = 8 << 20,
        .siblings_warn = 8,
        .siblings_max = 64,
        .arguments_max = 1 << 20,
        .request_bytes_max = 64 << 20,
        .pipeline_max = 128,
        .client_output_bytes_max = 256 << 20,
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
        .log_bytes_max = 1 << 30,
        .stability_interval_ms = 5000,
        .group_records_max = 256,
        .group_bytes_max = 256 << 10,
        .store_queue_max = 65536,
        .cell_cache_bytes = 64 << 20,
        .checkpoint_records = 4096,
    };
}
