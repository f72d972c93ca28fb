/*
 * config_table.c - every setting of ringd.
 *
 * A help text is plain words, for error messages, `--help`, and the manual alike.
 */
#include "ringd/config.h"

#include "node/settings.h"
#include "replica/replica.h"

#define PLACE(member) offsetof(struct config_values, member)

enum {
    KB = 1 << 10,
    MB = 1 << 20,
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR
};

static const char *const LOG_LEVELS[] = {"debug", "info", "warn", "error", NULL};
static const char *const TLS_AUTHS[] = {"yes", "optional", "no", NULL}; /* enum tls_auth */
static const char *const PUBSUB_REGIONS[] = {"local", "all", NULL};     /* enum pubsub_regions */
static const char *const NO_YES[] = {"no", "yes", NULL};
static const char *const STORE_SYNCS[] = {"group", "none", NULL};

const struct config_setting CONFIG_TABLE[] = {
    /* who and where */
    {"node-id", CONFIG_NUMBER, PLACE(node_id), 0, UINT32_MAX, NULL, false, "0.1",
     "The number of this node in the ring. 0 takes it from the data directory; another number "
     "must be the one that stands there. It is needed to initialise a data directory."},
    {"data-dir", CONFIG_TEXT, PLACE(data_dir), 1, CONFIG_TEXT_MAX, NULL, false, "0.1",
     "The directory of the store, the identity and the ring. One that does not exist is "
     "initialised as a ring of one node; one that exists must have been initialised."},
    {"listen", CONFIG_ADDRESSES, PLACE(listen), 0, CONFIG_ADDRESSES_MAX, NULL, false, "0.1",
     "Where clients connect without TLS. Hosts are numbers, and only loopback is allowed, because "
     "nothing is encrypted there. It may be empty when tls-listen is not."},
    {"tls-listen", CONFIG_ADDRESSES, PLACE(tls_listen), 0, CONFIG_ADDRESSES_MAX, NULL, false, "0.1",
     "Where clients connect with TLS 1.2 or 1.3. Hosts are numbers. Whoever comes from another "
     "machine and shows no certificate must log in with a password, also as a user that needs "
     "none."},
    {"peer-listen", CONFIG_ADDRESSES, PLACE(peer_listen), 1, CONFIG_ADDRESSES_MAX, NULL, false,
     "0.1",
     "Where other nodes connect. Hosts are numbers. Beyond loopback, tls-cluster must be yes."},
    {"advertise", CONFIG_ADDRESSES, PLACE(advertise), 0, 1, NULL, false, "0.1",
     "Where clients are told to connect, when that is not the first address of listen, or of "
     "tls-listen when listen is empty. It must be the address that the ring has for this node."},
    {"peer-advertise", CONFIG_ADDRESSES, PLACE(peer_advertise), 0, 1, NULL, false, "0.1",
     "Where other nodes are told to connect, when that is not the first address of "
     "peer-listen. It must be the address that the ring has for this node."},
    {"http-listen", CONFIG_ADDRESSES, PLACE(http_listen), 0, CONFIG_ADDRESSES_MAX, NULL, false,
     "0.1",
     "Where /metrics, /healthz and /readyz are read over HTTP; empty for nowhere. Hosts are "
     "numbers. Nothing is encrypted there and nobody logs in, so only loopback is allowed unless "
     "http-anywhere is yes."},
    {"http-anywhere", CONFIG_CHOICE, PLACE(http_anywhere), 0, 0, NO_YES, false, "0.1",
     "Whether http-listen may be beyond loopback. Whoever can connect there then reads all "
     "metrics, with the names of keyspaces and regions and no key or value."},
    {"log-level", CONFIG_CHOICE, PLACE(log_level), 0, 0, LOG_LEVELS, false, "0.1",
     "The least important lines that are logged."},
    {"log-file", CONFIG_TEXT, PLACE(log_file), 0, CONFIG_TEXT_MAX, NULL, false, "0.1",
     "The file that log lines are appended to; empty for standard error. It is opened again on "
     "SIGHUP."},
    {"audit-log", CONFIG_TEXT, PLACE(audit_log), 0, CONFIG_TEXT_MAX, NULL, false, "0.1",
     "The file that a line is appended to for each login, whether it succeeded or not, and for "
     "each command of the category admin, as key=value; empty for none. No password or hash of one "
     "is "
     "in it. It is opened again on SIGHUP."},
    /* TLS */
    {"tls-cert-file", CONFIG_TEXT, PLACE(tls.certificate), 0, CONFIG_TEXT_MAX, NULL, false, "0.1",
     "The certificate that is shown to clients, in PEM form, and after it those between it and "
     "its CA's. This and the next three files are read again on SIGHUP and by ringctl tls reload, "
     "all or none."},
    {"tls-key-file", CONFIG_TEXT, PLACE(tls.key), 0, CONFIG_TEXT_MAX, NULL, false, "0.1",
     "Its private key, without a password. Nobody but the owner of the file may have any right "
     "to it."},
    {"tls-ca-cert-file", CONFIG_TEXT, PLACE(tls.ca), 0, CONFIG_TEXT_MAX, NULL, false, "0.1",
     "The certificates of those who may sign the certificates of clients."},
    {"tls-crl-file", CONFIG_TEXT, PLACE(tls.crl), 0, CONFIG_TEXT_MAX, NULL, false, "0.1",
     "Lists of revoked certificates of clients, one of each CA. A CA without one has revoked "
     "nothing, and one that is out of date is still gone by."},
    {"tls-auth-clients", CONFIG_CHOICE, PLACE(tls_auth_clients), 0, 0, TLS_AUTHS, false, "0.1",
     "Whether a client must show a certificate. With optional it may, and one that is not good "
     "is refused; with no it is not asked."},
    {"tls-handshakes-max", CONFIG_NUMBER, PLACE(settings.tls_handshakes_max), 1, 100000, NULL, true,
     "0.1",
     "Clients that may be in the middle of a TLS handshake. For one more the oldest one is "
     "closed. They do not count as clients yet."},
    {"tls-handshake-timeout", CONFIG_DURATION, PLACE(settings.tls_handshake_timeout_ms), 100,
     10 * MINUTE, NULL, true, "0.1", "How long the TLS handshake of a client may take."},
    {"tls-cluster", CONFIG_CHOICE, PLACE(tls_cluster), 0, 0, NO_YES, false, "0.1",
     "Whether nodes speak TLS with each other, on every connection and with certificates on both "
     "sides. It must be the same on all nodes."},
    {"tls-cluster-cert-file", CONFIG_TEXT, PLACE(tls_cluster_files.certificate), 0, CONFIG_TEXT_MAX,
     NULL, false, "0.1",
     "The certificate of this node for other nodes. It has the subject alternative name "
     "URI:ringdb://CLUSTER/node/N with the id of the cluster in hexadecimal and the node-id, and "
     "is for servers and clients alike. This and the next three files are read again as the ones "
     "above."},
    {"tls-cluster-key-file", CONFIG_TEXT, PLACE(tls_cluster_files.key), 0, CONFIG_TEXT_MAX, NULL,
     false, "0.1", "Its private key, as tls-key-file."},
    {"tls-cluster-ca-cert-file", CONFIG_TEXT, PLACE(tls_cluster_files.ca), 0, CONFIG_TEXT_MAX, NULL,
     false, "0.1",
     "The certificates of those who may sign the certificates of nodes; best a CA that signs "
     "nothing else."},
    {"tls-cluster-crl-file", CONFIG_TEXT, PLACE(tls_cluster_files.crl), 0, CONFIG_TEXT_MAX, NULL,
     false, "0.1", "Lists of revoked certificates of nodes, as tls-crl-file."},
    /* limits for clients */
    {"clients-max", CONFIG_NUMBER, PLACE(settings.clients_max), 1, 1000000, NULL, true, "0.1",
     "Client connections at one time. One more is told so and closed."},
    {"login-failures-max", CONFIG_NUMBER, PLACE(settings.login_failures_max), 0, 1000000, NULL,
     true, "0.1",
     "Failed logins of one address that a node answers in a minute; 0 for no limit. One more is "
     "refused without a look at its password, until time has passed; a login that has succeeded "
     "in the last 10 minutes goes on to do so."},
    {"login-user-failures-max", CONFIG_NUMBER, PLACE(settings.login_user_failures_max), 0, 1000000,
     NULL, true, "0.1", "As login-failures-max, of one user from all addresses together."},
    {"key-size-max", CONFIG_SIZE, PLACE(settings.key_bytes_max), 64, MB, NULL, true, "0.1",
     "The longest key. A longer one is refused."},
    {"value-size-max", CONFIG_SIZE, PLACE(settings.value_bytes_max), KB, 32 * MB, NULL, true, "0.1",
     "The largest value of one key. A larger one is refused."},
    {"siblings-warn", CONFIG_NUMBER, PLACE(settings.siblings_warn), 1, SIBLINGS_LIMIT_MAX, NULL,
     false, "0.1",
     "Concurrent values of one key in a keyspace with the policy siblings: a write that leaves "
     "more of them is counted, and logged once a minute."},
    {"siblings-max", CONFIG_NUMBER, PLACE(settings.siblings_max), 1, SIBLINGS_LIMIT_MAX, NULL,
     false, "0.1",
     "A client's write that would leave more concurrent values of one key than this is refused. "
     "What nodes exchange is never refused for it."},
    {"request-ids-max", CONFIG_NUMBER, PLACE(settings.request_ids_max), 1, 100 * 1000 * 1000, NULL,
     false, "0.1",
     "Requests with ids that a node remembers, each for 10 minutes. At the limit it begins no "
     "new ones."},
    {"request-size-max", CONFIG_SIZE, PLACE(settings.request_bytes_max), 64 * KB, 512 * MB, NULL,
     true, "0.1",
     "The largest command with all its arguments. A connection that sends a larger one is "
     "closed."},
    {"arguments-max", CONFIG_NUMBER, PLACE(settings.arguments_max), 16, 1 << 20, NULL, true, "0.1",
     "Arguments of one command. A connection that sends more is closed."},
    {"pipeline-max", CONFIG_NUMBER, PLACE(settings.pipeline_max), 1, 100000, NULL, true, "0.1",
     "Commands of one connection that are worked on at one time. Further ones wait in the "
     "socket. While its answers are large there are fewer."},
    {"client-output-max", CONFIG_SIZE, PLACE(settings.client_output_bytes_max), 2 * MB, 2048u * MB,
     NULL, true, "0.1",
     "Answers that may wait for one client. A client that does not read is closed above it."},
    /* requests */
    {"request-timeout", CONFIG_DURATION, PLACE(settings.request_timeout_ms), 10, 10 * MINUTE, NULL,
     true, "0.1", "How long a request may take before the client gets an error."},
    {"request-timeout-max", CONFIG_DURATION, PLACE(settings.request_timeout_max_ms),
     REQUEST_TIMEOUT_MAX_MS_MIN, HOUR, NULL, false, "0.1",
     "No request takes longer than this, whatever time it asks for. Deleted data leaves the disk "
     "only when the delete has been on all owners for as long, so it must be the same on all "
     "nodes."},
    {"read-retry", CONFIG_DURATION, PLACE(settings.read_retry_ms), 1, MINUTE, NULL, true, "0.1",
     "A read asks one more owner when one that was asked has been silent for so long; it does so "
     "before when owners take longer than they use to."},
    {"requests-max", CONFIG_NUMBER, PLACE(settings.requests_max), 16, 10000000, NULL, true, "0.1",
     "Requests that this node coordinates at one time. Further ones are refused as overload."},
    {"peer-inflight-max", CONFIG_NUMBER, PLACE(settings.peer_inflight_max), 16, 1 << 20, NULL, true,
     "0.1", "Unanswered requests to one other node. Further ones count as refused by it."},
    {"peer-output-max", CONFIG_SIZE, PLACE(settings.peer_output_bytes_max), MB, 2048u * MB, NULL,
     true, "0.1",
     "Messages that may wait for one other node. The connection is closed above it and what "
     "was lost is repaired later."},
    {"pubsub-regions", CONFIG_CHOICE, PLACE(settings.pubsub_regions), 0, 0, PUBSUB_REGIONS, true,
     "0.1",
     "Whither messages that are published at this node go: to the nodes of its region, or to "
     "those of all regions."},
    {"flush-commands", CONFIG_CHOICE, PLACE(settings.flush_commands), 0, 0, NO_YES, true, "0.1",
     "Whether FLUSHDB and FLUSHALL are carried out at this node. They delete all keys in the whole "
     "cluster, and not those of this node alone."},
    /* peers */
    {"heartbeat", CONFIG_DURATION, PLACE(settings.heartbeat_ms), 10, MINUTE, NULL, true, "0.1",
     "The time between two signs of life to another node."},
    {"peer-timeout", CONFIG_DURATION, PLACE(settings.peer_timeout_ms), 50, 10 * MINUTE, NULL, true,
     "0.1", "Another node that has been silent for so long is taken for unreachable."},
    {"handshake-timeout", CONFIG_DURATION, PLACE(settings.handshake_timeout_ms), 10, 10 * MINUTE,
     NULL, true, "0.1", "How long connecting to another node may take, and then its greeting."},
    {"reconnect-min", CONFIG_DURATION, PLACE(settings.reconnect_min_ms), 1, MINUTE, NULL, true,
     "0.1", "The pause after the first failed attempt to connect to another node."},
    {"reconnect-max", CONFIG_DURATION, PLACE(settings.reconnect_max_ms), 10, HOUR, NULL, true,
     "0.1", "The longest pause; each failure doubles the one before."},
    {"max-clock-skew", CONFIG_DURATION, PLACE(settings.max_clock_skew_ms), 1, HOUR, NULL, false,
     "0.1",
     "A version whose time is further ahead than this is refused. A node whose clock is further "
     "than half of this from the median of all clocks coordinates no writes until the clock is "
     "right again. So two nodes may differ by this much in when they take a key for expired, and "
     "of two writes so near to each other the earlier one may win. It should be far above what "
     "the time service leaves and far below what would hurt."},
    /* repair */
    {"sync-interval", CONFIG_DURATION, PLACE(settings.sync_interval_ms), 10, HOUR, NULL, true,
     "0.1", "The time between two comparisons with another owner while nothing differs."},
    {"sync-page-size", CONFIG_SIZE, PLACE(settings.sync_page_bytes), KB, 16 * MB, NULL, true, "0.1",
     "How much one answer of a repair holds."},
    {"sync-settle", CONFIG_DURATION, PLACE(settings.sync_settle_ms), 0, 10 * MINUTE, NULL, true,
     "0.1", "Writes younger than this are left to their coordinator and not repaired."},
    {"transfer-rate", CONFIG_SIZE, PLACE(settings.transfer_bytes_per_second), 0, 4095u * MB, NULL,
     true, "0.1",
     "How much may come in a second of partitions that are sent to this node whole, because it has "
     "come to own them, or was away for longer than logs reach back. A page of sync-page-size "
     "comes "
     "every 20 seconds at least. They also give way while requests take longer than usual. 0 is no "
     "limit."},
    /* changes of owners */
    {"ring-changes", CONFIG_CHOICE, PLACE(settings.ring_changes), 0, 0, NO_YES, true, "0.1",
     "Whether a plan may be committed at this node, by which nodes that store data join and leave. "
     "A plan that is under way goes on in any case."},
    /* hints */
    {"hint-size-max", CONFIG_SIZE, PLACE(settings.hint_bytes_max), 0, 4095u * MB, NULL, false,
     "0.1",
     "How much this node keeps of writes for other nodes that cannot be reached. More is refused "
     "and nothing is dropped; with 0 it keeps nothing."},
    {"hint-partition-size-max", CONFIG_SIZE, PLACE(settings.hint_partition_bytes_max), KB,
     4095u * MB, NULL, false, "0.1", "The same for one partition."},
    {"hint-rate-max", CONFIG_SIZE, PLACE(settings.hint_rate_bytes_max), 64 * KB, 1024 * MB, NULL,
     false, "0.1",
     "How much of it one other node is given in a second once it is back. It begins with less and "
     "goes on with less while that node answers slowly."},
    {"hint-delay", CONFIG_DURATION, PLACE(settings.hint_delay_ms), 0, 10 * MINUTE, NULL, false,
     "0.1",
     "A node that is back is given what was kept for it after a random part of this time, so that "
     "not all others begin at once."},
    {"log-size-max", CONFIG_SIZE, PLACE(settings.log_bytes_max), MB, 4095u * MB, NULL, false, "0.1",
     "How much all logs of changes may hold. A change stays in the log until all owners have it; "
     "beyond this size the oldest ones go all the same, and an owner that was away for so long is "
     "sent its partitions whole."},
    {"stability-interval", CONFIG_DURATION, PLACE(settings.stability_interval_ms), 100, HOUR, NULL,
     true, "0.1",
     "The time between two reports to another owner of what is on the disk here. Deleted and "
     "expired data is collected by them; while there is some, they come five times as often."},
    {"repair-interval", CONFIG_DURATION, PLACE(settings.repair_interval_ms), 0, 7 * DAY, NULL, true,
     "0.1",
     "The time in which each partition is compared with each other owner by their trees. 0 turns "
     "that off: what was lost behind the clock of a replica then stays lost there."},
    {"scrub-interval", CONFIG_DURATION, PLACE(settings.scrub_interval_ms), 0, 24 * DAY, NULL, true,
     "0.1", "The time in which all cells of each replica are read and checked. 0 turns that off."},
    {"repair-rate", CONFIG_SIZE, PLACE(settings.repair_bytes_per_second), 0, 1024 * MB, NULL, true,
     "0.1",
     "How much comparisons and scrubs may send and read in a second. They also give way while "
     "requests take longer than usual. 0 is no limit."},
    /* store */
    {"store-sync", CONFIG_CHOICE, PLACE(store_sync), 0, 0, STORE_SYNCS, false, "0.1",
     "With group, a write is acknowledged once it is on the disk; writes that come together "
     "are synced together. With none, it is acknowledged once the kernel has it: it survives "
     "the end of the process and not the loss of power."},
    {"group-records-max", CONFIG_NUMBER, PLACE(settings.group_records_max), 1, 65536, NULL, false,
     "0.1", "Records that are synced together at most."},
    {"group-size-max", CONFIG_SIZE, PLACE(settings.group_bytes_max), 4 * KB, 64 * MB, NULL, false,
     "0.1", "Bytes that are synced together at most."},
    {"store-queue-max", CONFIG_NUMBER, PLACE(settings.store_queue_max), 64, 1 << 20, NULL, false,
     "0.1", "Requests that may wait for the store. Further ones are refused as overload."},
    {"cell-cache-size", CONFIG_SIZE, PLACE(settings.cell_cache_bytes), MB, 2048u * MB, NULL, false,
     "0.1", "Memory for the versions of recently used keys, which saves reads before writes."},
    {"checkpoint-records", CONFIG_NUMBER, PLACE(settings.checkpoint_records), 16, 1 << 20, NULL,
     false, "0.1", "Writes to a partition between two records of its state."},
    {"store-read-threads", CONFIG_NUMBER, PLACE(store_read_threads), 1, 16, NULL, false, "0.1",
     "Threads that read from the store."},
    {"store-write-buffer", CONFIG_SIZE, PLACE(store_write_buffer_bytes), MB, 1024 * MB, NULL, false,
     "0.1", "Memory that gathers writes before they become a table file. Up to two are in use."},
    {"store-block-cache", CONFIG_SIZE, PLACE(store_block_cache_bytes), MB, 2048u * MB, NULL, false,
     "0.1", "Memory for blocks of table files."},
    {"store-open-files", CONFIG_NUMBER, PLACE(store_open_files_max), 64, 100000, NULL, false, "0.1",
     "Table files that are kept open."},
    {"free-space-min", CONFIG_SIZE, PLACE(free_space_min_bytes), MB, 4095u * MB, NULL, false, "0.1",
     "Client writes are refused while the disk has less room than this."},
    {"free-space-min-percent", CONFIG_NUMBER, PLACE(free_space_min_percent), 0, 50, NULL, false,
     "0.1", "The same as a share of the file system; the larger of the two counts."},
    {"damage-times-max", CONFIG_NUMBER, PLACE(damage_times_max), 0, 32, NULL, false, "0.1",
     "How often within an hour a damaged store is set aside and rebuilt from the other owners. "
     "Then the node ends, and starts again only when the file damage in its data directory was "
     "removed. With 0 a damaged store is always left to the operator."},
    {"damaged-stores-max", CONFIG_NUMBER, PLACE(damaged_stores_max), 1, 32, NULL, false, "0.1",
     "Damaged stores that stay in the directory damaged of the data directory. Older ones are "
     "removed."},
    {"damaged-stores-mb-max", CONFIG_NUMBER, PLACE(damaged_stores_mb_max), 0, UINT32_MAX, NULL,
     false, "0.1",
     "Megabytes that they may take together; the newest one stays in any case. 0 is no limit."},
};

const size_t CONFIG_TABLE_COUNT = sizeof CONFIG_TABLE / sizeof *CONFIG_TABLE;

_Static_assert(sizeof CONFIG_TABLE / sizeof *CONFIG_TABLE <= CONFIG_SETTINGS_MAX,
               "struct config has an origin for every setting");
