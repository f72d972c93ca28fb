/*
 * metrics_table.c - the numbers with a place of their own: name, type, unit, help, field of INFO.
 *
 * Rows of a family stand together. A name follows what operators of Dynamo's relatives know,
 * where there is one: reference "redis" 5.2.
 */
#include "commands/metrics.h"

#define VIEW ((struct metrics_view *)0)
#define ROW(in, called, family, of_type, in_unit, label, member, text)                             \
    {                                                                                              \
        .name = (family), .labels = (label), .help = (text), .field = (called), .section = (in),   \
        .type = (of_type), .unit = (in_unit), .kind = METRIC_KIND_OF(VIEW->member),                \
        .offset = offsetof(struct metrics_view, member)                                            \
    }

/* Of the ring section, without labels: the others are written out. */
#define GAUGE(field, name, member, text)                                                           \
    ROW(METRICS_RING, field, name, METRIC_GAUGE, METRIC_PLAIN, "", member, text)
#define BYTES(field, name, member, text)                                                           \
    ROW(METRICS_RING, field, name, METRIC_GAUGE, METRIC_BYTES, "", member, text)
#define SECONDS(field, name, member, text)                                                         \
    ROW(METRICS_RING, field, name, METRIC_GAUGE, METRIC_SECONDS, "", member, text)
#define MILLISECONDS(field, name, member, text)                                                    \
    ROW(METRICS_RING, field, name, METRIC_GAUGE, METRIC_MILLISECONDS, "", member, text)
#define COUNTER(field, name, member, text)                                                         \
    ROW(METRICS_RING, field, name, METRIC_COUNTER, METRIC_PLAIN, "", statistics.member, text)
#define BYTE_COUNTER(field, name, member, text)                                                    \
    ROW(METRICS_RING, field, name, METRIC_COUNTER, METRIC_BYTES, "", statistics.member, text)
#define LABELED(field, name, label, member, text)                                                  \
    ROW(METRICS_RING, field, name, METRIC_GAUGE, METRIC_PLAIN, label, member, text)
#define LABELED_COUNTER(field, name, label, member, text)                                          \
    ROW(METRICS_RING, field, name, METRIC_COUNTER, METRIC_PLAIN, label, member, text)
#define STATS(field, name, member, text)                                                           \
    ROW(METRICS_STATS, field, name, METRIC_COUNTER, METRIC_PLAIN, "", statistics.member, text)
#define STATS_LABELED(field, name, label, member, text)                                            \
    ROW(METRICS_STATS, field, name, METRIC_COUNTER, METRIC_PLAIN, label, statistics.member, text)
/* One of INFO alone; a page has it in another form. */
#define FIELD(in, called, member) ROW(in, called, NULL, METRIC_GAUGE, METRIC_PLAIN, "", member, "")

#define PARTITIONS  "Partitions by how many of their owners are up, as this node sees it."
#define REFUSALS    "Requests that were refused by users' rights."
#define DIFFERENCES "Cells that differed between two owners, by what the comparison concluded."
#define CHECKED     "What scrubs have read: replicas, cells, and ranges whose tree was wrong."
#define TOPICS      "Channels and patterns that clients of this node listen to."
#define PUBLICATIONS                                                                               \
    "Published messages to and from other nodes; dropped: a node took them too slowly."
#define SPECULATIVE                                                                                \
    "Owners that reads asked because others took longer than they use to: sent, of help, and "     \
    "refused by the budget."
#define RETRIES                                                                                    \
    "Owners that reads asked after read-retry of silence: sent, and refused by the budget."

const struct metric METRICS_TABLE[] = {
    /* the node */
    ROW(METRICS_SECTION_NONE, NULL, "ringd_uptime_seconds", METRIC_GAUGE, METRIC_SECONDS, "",
        uptime_s, "Time since this node started."),
    GAUGE("ring_epoch", "ringd_ring_epoch", epoch, "The version of the ring that is in force."),
    GAUGE("ring_members", "ringd_cluster_members", members, "Members of the ring."),
    GAUGE("ring_members_up", "ringd_cluster_members_up", ring.members_up,
          "Members that this node can reach, itself included."),
    GAUGE("ring_members_slow", "ringd_cluster_members_slow", members_slow,
          "Members that are asked for data only when nobody faster can be."),
    GAUGE(NULL, "ringd_cluster_healthy", is_healthy,
          "Whether every owner of every partition is up and all replicas here are ready."),
    GAUGE(NULL, "ringd_cluster_available", is_available,
          "Whether every partition has a majority of its owners up."),
    FIELD(METRICS_RING, "ring_partitions", partitions),
    GAUGE("ring_owners_per_partition", "ringd_ring_owners_per_partition", owners_per_partition,
          "Owners of each partition."),
    LABELED("ring_partitions_all_owners", "ringd_partitions", "state=\"all\"", ring.partitions_all,
            PARTITIONS),
    LABELED("ring_partitions_quorum", "ringd_partitions", "state=\"quorum\"",
            ring.partitions_quorum, PARTITIONS),
    LABELED("ring_partitions_below_quorum", "ringd_partitions", "state=\"below_quorum\"",
            ring.partitions_below, PARTITIONS),
    GAUGE("ring_replicas", "ringd_replicas", ring.owned, "Partitions that this node owns."),
    GAUGE("ring_replicas_ready", "ringd_replicas_ready", ring.ready,
          "Of these, those whose replica here is whole and serves."),
    GAUGE("ring_rebuilt_percent", "ringd_rebuilt_percent", store.percent,
          "Replicas that are whole again, of those that had to be rebuilt."),
    MILLISECONDS("ring_rebuild_left_ms", "ringd_rebuild_left_seconds", store.left_ms,
                 "Until all replicas are whole, at the pace so far; 0: not known, or done."),
    GAUGE("ring_draining", "ringd_draining", drain.on,
          "Whether this node hands over what it does, to be stopped."),
    GAUGE("ring_drained", "ringd_drained", drain.is_done, "Whether it has, and can be stopped."),
    GAUGE("ring_seq", "ringd_register_seq", config.seq,
          "The version of what all nodes agree on: ring, keyspaces and users."),
    GAUGE("ring_seq_known_by", "ringd_register_known_by", config.known_by,
          "Members that have this version on their disks."),
    GAUGE("ring_stewards", "ringd_register_stewards", config.steward_count,
          "Members whose majority agrees on it."),
    GAUGE("ring_stewards_up", "ringd_register_stewards_up", config.stewards_up,
          "Of these, those that this node can reach."),
    /* clocks */
    GAUGE("ring_clock_fenced", "ringd_clock_fenced", clock.fenced,
          "Whether this node makes no versions because its clock is too far from the others."),
    MILLISECONDS("ring_clock_offset_ms", "ringd_clock_offset_seconds", clock.offset_ms,
                 "How far the own clock is ahead of the time that the nodes agree on."),
    MILLISECONDS("ring_clock_offset_max_ms", "ringd_clock_offset_max_seconds", clock.offset_max_ms,
                 "The largest difference between the own clock and a peer's."),
    MILLISECONDS("ring_clock_uncertainty_ms", "ringd_clock_uncertainty_seconds",
                 clock.uncertainty_ms, "How far off the offset may be, either way."),
    MILLISECONDS(NULL, "ringd_clock_offset_limit_seconds", clock.limit_ms,
                 "The offset from which on the node is fenced."),
    GAUGE("ring_clocks_compared", "ringd_clocks_compared", clock.clocks,
          "Clocks that were compared, the own one included."),
    COUNTER("ring_clock_fences", "ringd_clock_fences_total", clock_fences,
            "Times that the own clock was found too far from the others."),
    /* requests; by op, level and result in ringd_coordinator_requests_total */
    COUNTER("ring_requests_coordinated", "ringd_coordinator_started_total", requests_coordinated,
            "Requests that this node has coordinated."),
    COUNTER("ring_requests_forwarded", "ringd_coordinator_forwarded_total", requests_forwarded,
            "Requests that were given to another owner to coordinate."),
    COUNTER("ring_requests_forwarded_around", "ringd_coordinator_forwarded_around_total",
            requests_forwarded_around,
            "Requests that went to a node which reaches more owners than this one."),
    COUNTER("ring_requests_unavailable", "ringd_coordinator_unavailable_total",
            requests_unavailable, "Requests refused because too few owners could be asked."),
    COUNTER("ring_requests_uncertain", "ringd_coordinator_uncertain_total", requests_uncertain,
            "Writes that were sent and whose level was not met: they may apply."),
    COUNTER("ring_requests_timeout", "ringd_coordinator_timeouts_total", requests_timeout,
            "Reads whose level was not met in time."),
    COUNTER("ring_requests_overloaded", "ringd_coordinator_overloaded_total", requests_overloaded,
            "Requests refused because a queue was full."),
    COUNTER("ring_requests_clock_skew", "ringd_coordinator_clock_skew_total", requests_clock_skew,
            "Requests refused because of a clock."),
    COUNTER("ring_requests_held", "ringd_coordinator_held_total", requests_held,
            "Writes that waited until an owner might make versions again."),
    COUNTER("ring_requests_sibling_limit", "ringd_coordinator_sibling_limit_total",
            requests_sibling_limit, "Writes refused because their key has too many values."),
    COUNTER("ring_requests_repeated", "ringd_coordinator_repeated_total", requests_repeated,
            "Requests with an id that was known: their first answer was given again."),
    COUNTER(NULL, "ringd_coordinator_repeated_by_quorum_total", requests_repeated_by_quorum,
            "Of these, those that only another owner knew."),
    COUNTER("ring_requests_unknown", "ringd_coordinator_unknown_total", requests_unknown,
            "Requests with an id, where nobody could tell whether it was carried out."),
    COUNTER("ring_contexts_refused", "ringd_contexts_refused_total", contexts_refused,
            "Context tokens that were not what RING.GET gave for the key."),
    COUNTER("ring_read_repairs", "ringd_read_repairs_total", read_repairs,
            "Cells that were written back before a read was answered."),
    COUNTER("ring_writes_again", "ringd_writes_again_total", writes_again,
            "Strings written once more because owners counted increments they had not seen."),
    COUNTER("ring_read_fetches", "ringd_read_fetches_total", read_fetches,
            "Times that an owner was asked for values it had only named."),
    LABELED_COUNTER("ring_speculative_reads_sent", "ringd_speculative_reads_total",
                    "result=\"sent\"", statistics.speculative_reads_sent, SPECULATIVE),
    LABELED_COUNTER("ring_speculative_reads_won", "ringd_speculative_reads_total", "result=\"won\"",
                    statistics.speculative_reads_won, SPECULATIVE),
    LABELED_COUNTER("ring_speculative_reads_refused_by_budget", "ringd_speculative_reads_total",
                    "result=\"refused\"", statistics.speculative_reads_refused, SPECULATIVE),
    COUNTER("ring_exploring_reads_sent", "ringd_exploring_reads_total", exploring_reads_sent,
            "Owners that were asked only to be measured."),
    LABELED_COUNTER("ring_read_retries_sent", "ringd_read_retries_total", "result=\"sent\"",
                    statistics.read_retries_sent, RETRIES),
    LABELED_COUNTER("ring_read_retries_refused_by_budget", "ringd_read_retries_total",
                    "result=\"refused\"", statistics.read_retries_refused, RETRIES),
    BYTE_COUNTER("ring_read_bytes_omitted", "ringd_read_omitted_bytes_total", read_bytes_omitted,
                 "Bytes of values that owners named and did not send."),
    /* versions */
    COUNTER("ring_lww_losses", "ringd_lww_losses_total", lww_losses,
            "Concurrent values that last-writer-wins dropped at replicas here."),
    COUNTER("ring_siblings_warned", "ringd_siblings_warned_total", siblings_warned,
            "Writes here that left more than siblings-warn versions of their key."),
    COUNTER("ring_increments_folded", "ringd_increments_folded_total", increments_folded,
            "Increments whose ids left their counters."),
    /* garbage */
    GAUGE("ring_tombstones", "ringd_tombstones", garbage.tombstones,
          "Deleted cells whose tombstones are on the disk here."),
    GAUGE("ring_tombstones_stable", "ringd_tombstones_stable", garbage.waiting,
          "Of these, those that all owners have and that are about to be collected."),
    COUNTER("ring_tombstones_collected", "ringd_tombstones_collected_total", tombstones_purged,
            "Tombstones that were collected."),
    GAUGE("ring_gc_held_back_by", "ringd_gc_holders", garbage.holder_count,
          "Members for whom the collection of garbage waits."),
    GAUGE("ring_log_records", "ringd_log_records", garbage.log_records,
          "Changes in the logs of all partitions here."),
    BYTES("ring_log_bytes", "ringd_log_bytes", garbage.log_bytes, "Bytes of these logs."),
    GAUGE("ring_partitions_wanted", "ringd_partitions_wanted", garbage.partitions_wanted,
          "Partitions that are fetched whole, or wait for it."),
    COUNTER("ring_partitions_received", "ringd_partitions_received_total", partitions_received,
            "Partitions that came whole because no log reached back far enough."),
    GAUGE("ring_expired_waiting", "ringd_expired_waiting", expiry.waiting,
          "Expired values that are still on the disk here."),
    MILLISECONDS("ring_safe_time_lag_ms", "ringd_safe_time_lag_seconds", expiry.lag_ms,
                 "How far the time below which no owner makes anything is behind."),
    GAUGE("ring_dropped_keys_left", "ringd_dropped_keys_left", drop.keys_left,
          "Cells of dropped keyspaces that are still on the disk here."),
    COUNTER("ring_dropped_keys_removed", "ringd_dropped_keys_removed_total", dropped_keys_removed,
            "Cells of dropped keyspaces that were removed."),
    COUNTER("ring_dropped_hints_removed", "ringd_dropped_hints_removed_total",
            dropped_hints_removed, "Hints of dropped keyspaces that were removed."),
    /* hints */
    GAUGE("ring_hints_held", "ringd_hints_pending", hints.totals.cells,
          "Cells kept here for owners that could not be reached."),
    BYTES("ring_hints_held_bytes", "ringd_hints_bytes", hints.totals.bytes, "Bytes of these."),
    SECONDS("ring_hints_oldest_seconds", "ringd_hint_oldest_seconds", hints_oldest_s,
            "Age of the oldest one."),
    COUNTER("ring_hints_stored", "ringd_hints_written_total", hints_stored,
            "Hints that were stored, each for a cell that had none."),
    COUNTER("ring_hints_merged", "ringd_hints_merged_total", hints_merged,
            "Hints that were merged into one that was there."),
    COUNTER("ring_hints_repeated", "ringd_hints_repeated_total", hints_repeated,
            "Hints that said nothing new."),
    COUNTER("ring_hints_refused", "ringd_hints_refused_total", hints_refused,
            "Hints that were refused at a limit."),
    COUNTER("ring_hints_read", "ringd_hints_read_total", hints_read,
            "Hints that sloppy reads have met, and given to owners."),
    COUNTER("ring_sloppy_reads", "ringd_sloppy_reads_total", sloppy_reads,
            "Reads that a fallback answered in the place of an owner."),
    LABELED_COUNTER("ring_hints_delivered", "ringd_hints_sent_total", "",
                    hints.totals.delivered_cells, "Hints that owners have taken over."),
    ROW(METRICS_RING, "ring_hints_delivered_bytes", "ringd_hints_sent_bytes_total", METRIC_COUNTER,
        METRIC_BYTES, "", hints.totals.delivered_bytes, "Bytes of these."),
    LABELED_COUNTER("ring_hints_refused_by_owners", "ringd_hints_rejected_total", "",
                    hints.totals.refused_cells, "Hints that owners did not take."),
    GAUGE("ring_hints_set_aside", "ringd_hints_set_aside", hints.aside,
          "Hints that cannot be understood and wait for an operator."),
    GAUGE("ring_hints_full", "ringd_hints_full", hints.is_full,
          "Whether no more hints are taken at all."),
    GAUGE("ring_hints_partitions_full", "ringd_hints_partitions_full", hints.partitions_full,
          "Partitions of which no more hints are taken."),
    /* peers */
    BYTE_COUNTER("ring_peer_bytes_received", "ringd_peer_received_bytes_total", peer_bytes_in,
                 "Bytes of messages from other nodes."),
    BYTE_COUNTER("ring_peer_bytes_sent", "ringd_peer_sent_bytes_total", peer_bytes_out,
                 "Bytes of messages to other nodes."),
    COUNTER("ring_sync_pages_sent", "ringd_sync_pages_sent_total", sync_pages_sent,
            "Pages of logs that other owners were sent."),
    COUNTER("ring_sync_cells_received", "ringd_sync_cells_received_total", sync_cells_received,
            "Cells that came by the logs of other owners."),
    COUNTER("ring_frames_refused", "ringd_frames_refused_total", frames_refused,
            "Messages of peers that were refused: of another ring or incarnation, or corrupt."),
    COUNTER("ring_store_errors", "ringd_store_refusals_total", store_errors,
            "Answers of the own store that said that it failed."),
    /* anti-entropy */
    GAUGE("ring_repair_paused", "ringd_antientropy_paused", repair.paused,
          "Whether comparisons and scrubs are paused by an operator."),
    GAUGE(NULL, "ringd_antientropy_yielding", repair.yielding,
          "Whether they give way because requests take longer than usual."),
    GAUGE("ring_repair_pairs", "ringd_antientropy_pairs", repair.pairs,
          "Pairs of a partition and another owner that this node compares."),
    GAUGE("ring_repair_pairs_compared", "ringd_antientropy_pairs_compared", repair.pairs_compared,
          "Of these, those that were compared since the start."),
    SECONDS("ring_repair_oldest_comparison_seconds", "ringd_antientropy_oldest_comparison_seconds",
            repair_oldest_s, "Since the pair that was compared longest ago was."),
    LABELED_COUNTER("ring_repair_exchanges", "ringd_antientropy_exchanges_total", "",
                    repair.exchanges, "Comparisons of a pair that ended well."),
    LABELED_COUNTER("ring_repair_exchanges_equal", "ringd_antientropy_exchanges_equal_total", "",
                    repair.exchanges_equal, "Of these, those that found no difference."),
    LABELED_COUNTER("ring_repair_exchanges_failed", "ringd_antientropy_exchanges_failed_total", "",
                    repair.exchanges_failed, "Comparisons that did not end well."),
    ROW(METRICS_RING, "ring_repair_bytes_sent", "ringd_antientropy_sent_bytes_total",
        METRIC_COUNTER, METRIC_BYTES, "", repair.bytes_sent, "Bytes that comparisons have sent."),
    ROW(METRICS_RING, "ring_repair_bytes_received", "ringd_antientropy_received_bytes_total",
        METRIC_COUNTER, METRIC_BYTES, "", repair.bytes_received,
        "Bytes that comparisons have received."),
    LABELED_COUNTER("ring_repair_differences_behind", "ringd_antientropy_differences_total",
                    "class=\"behind\"", repair.differences.behind, DIFFERENCES),
    LABELED_COUNTER("ring_repair_differences_superseded", "ringd_antientropy_differences_total",
                    "class=\"superseded\"", repair.differences.superseded, DIFFERENCES),
    LABELED_COUNTER("ring_repair_differences_in_flight", "ringd_antientropy_differences_total",
                    "class=\"in_flight\"", repair.differences.in_flight, DIFFERENCES),
    LABELED_COUNTER("ring_repair_differences_corrupt", "ringd_antientropy_differences_total",
                    "class=\"corrupt\"", repair.differences.corrupt, DIFFERENCES),
    LABELED_COUNTER("ring_repair_differences_expired", "ringd_antientropy_differences_total",
                    "class=\"expired\"", repair.differences.expired, DIFFERENCES),
    LABELED_COUNTER("ring_repair_cells_repaired", "ringd_antientropy_cells_repaired_total", "",
                    repair.repaired, "Cells that comparisons have repaired, on either side."),
    LABELED_COUNTER("ring_scrub_replicas", "ringd_scrub_total", "what=\"replicas\"", repair.scrubs,
                    CHECKED),
    LABELED_COUNTER("ring_scrub_cells", "ringd_scrub_total", "what=\"cells\"", repair.scrub_cells,
                    CHECKED),
    LABELED_COUNTER("ring_scrub_ranges_wrong", "ringd_scrub_total", "what=\"ranges_wrong\"",
                    repair.scrub_ranges_wrong, CHECKED),
    ROW(METRICS_RING, "ring_scrub_bytes", "ringd_scrub_bytes_total", METRIC_COUNTER, METRIC_BYTES,
        "", repair.scrub_bytes, "Bytes that scrubs have read."),
    /* clients */
    ROW(METRICS_CLIENTS, "connected_clients", "ringd_connected_clients", METRIC_GAUGE, METRIC_PLAIN,
        "", clients, "Client connections."),
    ROW(METRICS_CLIENTS, "maxclients", "ringd_clients_max", METRIC_GAUGE, METRIC_PLAIN, "",
        clients_max, "The setting clients-max."),
    ROW(METRICS_CLIENTS, "blocked_clients", "ringd_blocked_clients", METRIC_GAUGE, METRIC_PLAIN, "",
        clients_blocked, "Clients that wait in a command such as WAIT."),
    STATS("total_connections_received", "ringd_connections_received_total", connections_received,
          "Client connections that were accepted."),
    STATS("total_commands_processed", "ringd_commands_processed_total", commands_processed,
          "Commands of clients that were answered."),
    FIELD(METRICS_STATS, "instantaneous_ops_per_sec", calls_per_second),
    STATS("total_error_replies", "ringd_error_replies_total", errors_replied,
          "Commands that were answered with an error."),
    FIELD(METRICS_STATS, "total_net_input_bytes", statistics.client_bytes_in),
    FIELD(METRICS_STATS, "total_net_output_bytes", statistics.client_bytes_out),
    STATS("keyspace_hits", "ringd_keyspace_hits_total", keyspace_hits,
          "Reads of clients that found a value."),
    STATS("keyspace_misses", "ringd_keyspace_misses_total", keyspace_misses,
          "Reads of clients that found none."),
    STATS("expired_keys", "ringd_expired_keys_total", expired_dropped,
          "Expired values that have left the disk here."),
    STATS_LABELED("acl_access_denied_auth", "ringd_acl_denied_total", "reason=\"login\"",
                  acl_denied_logins, REFUSALS),
    STATS_LABELED("acl_access_denied_cmd", "ringd_acl_denied_total", "reason=\"command\"",
                  acl_denied_commands, REFUSALS),
    STATS_LABELED("acl_access_denied_key", "ringd_acl_denied_total", "reason=\"key\"",
                  acl_denied_keys, REFUSALS),
    STATS_LABELED("acl_access_denied_channel", "ringd_acl_denied_total", "reason=\"channel\"",
                  acl_denied_channels, REFUSALS),
    STATS("acl_access_limited_auth", "ringd_logins_limited_total", acl_limited_logins,
          "Logins that were not looked at, after too many that failed."),
    /* published messages */
    ROW(METRICS_STATS, "pubsub_channels", "ringd_pubsub_topics", METRIC_GAUGE, METRIC_PLAIN,
        "kind=\"channel\"", channels, TOPICS),
    ROW(METRICS_STATS, "pubsub_patterns", "ringd_pubsub_topics", METRIC_GAUGE, METRIC_PLAIN,
        "kind=\"pattern\"", patterns, TOPICS),
    ROW(METRICS_STATS, "pubsubshard_channels", "ringd_pubsub_topics", METRIC_GAUGE, METRIC_PLAIN,
        "kind=\"shard_channel\"", shard_channels, TOPICS),
    LABELED_COUNTER("ring_publications_sent", "ringd_publications_total", "result=\"sent\"",
                    statistics.publications_sent, PUBLICATIONS),
    LABELED_COUNTER("ring_publications_received", "ringd_publications_total", "result=\"received\"",
                    statistics.publications_received, PUBLICATIONS),
    LABELED_COUNTER("ring_publications_dropped", "ringd_publications_total", "result=\"dropped\"",
                    statistics.publications_dropped, PUBLICATIONS),
};

const size_t METRICS_TABLE_COUNT = sizeof METRICS_TABLE / sizeof *METRICS_TABLE;
