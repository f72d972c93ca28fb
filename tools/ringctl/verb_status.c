/*
 * verb_status.c - the views of all members, merged.
 *
 * What one node says of another is a vote; what a node says of itself counts when it
 * answers. So a node is
 *
 *     up        it answers, and nobody calls it down
 *     disputed  it answers, and somebody calls it down: a cut between nodes
 *     silent    it does not answer here, and somebody calls it up: just lost, or paused
 *     down      it does not answer, and nobody calls it up
 *
 * Of clocks each node speaks for itself: how far its own one is from what the others
 * agree on, and whether it therefore coordinates no writes.
 *
 * Risk is counted from the table of owners: which partitions would have fewer owners
 * than a quorum if one more node, or a whole region, were lost. The last line says what can be.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "losses.h"
#include "node_tls.h"
#include "net/address.h"
#include "verbs.h"

enum { SKEW_SHOWN_MS = 100 }; /* a clock further away is named, although nothing is refused yet */

enum state { STATE_UP, STATE_DISPUTED, STATE_SILENT, STATE_DOWN };

static const char *const STATES[] = {"up", "disputed", "silent", "down"};

/* One member, as itself and the others see it. */
struct view {
    const struct resp_value *status; /* its own answer; NULL: none */
    const struct resp_value *tls;    /* its INFO tls; NULL: none */
    char reason[EXCHANGE_REASON_MAX];
    uint32_t up_votes, down_votes; /* of other members that answer */
    int64_t epoch, owned, ready;
};

struct picture {
    const struct cluster *cluster;
    struct view *views; /* as cluster->members */
    size_t answering;
    size_t alarms; /* nodes whose certificates need somebody now */
    size_t fenced; /* nodes that coordinate no writes because of their clocks */
    /* Sentences, each but the first after a newline. */
    struct buffer disagreement, skew, work, drains, risk;
};

static const struct report_column COLUMNS[] = {
    {"node", REPORT_NUMBER},         {"role", REPORT_TEXT},    {"region", REPORT_TEXT},
    {"rack", REPORT_TEXT},           {"state", REPORT_TEXT},   {"client", REPORT_TEXT},
    {"partitions", REPORT_NUMBER},   {"ready", REPORT_NUMBER}, {"said_up_by", REPORT_NUMBER},
    {"said_down_by", REPORT_NUMBER}, {"version", REPORT_TEXT}};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

static void begin_sentence(struct buffer *sentences)
{
    if (sentences->length > 0)
        buffer_put_u8(sentences, '\n');
}

static enum state state_of(const struct view *view)
{
    if (view->status != NULL)
        return view->down_votes == 0 ? STATE_UP : STATE_DISPUTED;
    return view->up_votes > 0 ? STATE_SILENT : STATE_DOWN;
}

/* As the node says of itself: serving, draining, drained. */
static const char *drain_of(const struct view *view)
{
    return fields_text(fields_get(view->status, "drain"), "state", "serving");
}

static const char *shown_state(const struct view *view)
{
    enum state state = state_of(view);
    return state == STATE_UP && strcmp(drain_of(view), "serving") != 0 ? drain_of(view)
                                                                       : STATES[state];
}

/* ---- gathering ---- */

/* What the member `from` says of the others. */
static void count_votes(struct picture *picture, size_t from)
{
    const struct cluster *cluster = picture->cluster;
    const struct resp_value *rows = fields_get(picture->views[from].status, "members");
    for (size_t i = 0; i < fields_count(rows); i++) {
        const struct resp_value *row = fields_at(rows, i);
        const char *state = fields_text(row, "state", "");
        for (size_t j = 0; j < cluster->member_count; j++) {
            if (j == from || cluster->members[j].id != fields_integer(row, "id", 0))
                continue;
            picture->views[j].up_votes += strcmp(state, "up") == 0;
            picture->views[j].down_votes += strcmp(state, "down") == 0;
            if (strcmp(state, "down") == 0 && picture->views[j].status != NULL) {
                begin_sentence(&picture->disagreement);
                buffer_printf(&picture->disagreement,
                              "node %" PRIu32 " calls node %" PRIu32 " down, which answers here",
                              cluster->members[from].id, cluster->members[j].id);
            }
        }
    }
}

static void gather(struct picture *picture, const struct exchange *answers)
{
    const struct cluster *cluster = picture->cluster;
    for (size_t i = 0; i < cluster->member_count; i++) {
        struct view *view = &picture->views[i];
        view->status = cluster_reply(&answers[i], view->reason);
        if (view->status == NULL)
            continue;
        view->tls = answers[i].replies[1];
        const struct resp_value *replicas = fields_get(view->status, "replicas");
        picture->answering++;
        view->epoch = fields_integer(view->status, "epoch", 0);
        view->owned = fields_integer(replicas, "owned", 0);
        view->ready = fields_integer(replicas, "ready", 0);
    }
    for (size_t i = 0; i < cluster->member_count; i++)
        count_votes(picture, i);
}

/* ---- sentences ---- */

static void compare_rings(struct picture *picture)
{
    const struct cluster *cluster = picture->cluster;
    for (size_t i = 0; i < cluster->member_count; i++) {
        const struct view *view = &picture->views[i];
        if (view->status == NULL)
            continue;
        if (strcmp(fields_text(view->status, "cluster_id", ""), cluster->id) != 0) {
            begin_sentence(&picture->disagreement);
            buffer_printf(&picture->disagreement, "node %" PRIu32 " is of another cluster",
                          cluster->members[i].id);
        } else if (view->epoch != cluster->epoch) {
            begin_sentence(&picture->disagreement);
            buffer_printf(&picture->disagreement,
                          "node %" PRIu32 " is at epoch %" PRId64 ", the first node asked at "
                          "%" PRId64,
                          cluster->members[i].id, view->epoch, cluster->epoch);
        }
    }
}

static void describe_clock(struct picture *picture, uint32_t node, const struct resp_value *clock)
{
    int64_t offset_ms = fields_integer(clock, "offset_ms", 0);
    int64_t wait_ms = fields_integer(clock, "wait_ms", 0);
    bool fenced = fields_integer(clock, "fenced", 0) != 0;
    int64_t apart_ms = offset_ms < 0 ? -offset_ms : offset_ms;
    bool far = apart_ms >= SKEW_SHOWN_MS;
    picture->fenced += fenced;
    if (!fenced && !far)
        return;
    begin_sentence(&picture->skew);
    buffer_printf(&picture->skew, "node %" PRIu32, node);
    if (far)
        buffer_printf(&picture->skew, "'s clock is %" PRId64 " ms %s the others%s", apart_ms,
                      offset_ms > 0 ? "ahead of" : "behind", fenced ? ":" : "");
    if (fenced)
        buffer_printf(&picture->skew, "%s is fenced and coordinates no writes", far ? " it" : "");
    if (fenced && wait_ms > 0)
        buffer_printf(&picture->skew,
                      " for %" PRId64 " ms, until its clock is past all times that "
                      "it may have given",
                      wait_ms);
    else if (fenced && far)
        buffer_printf(&picture->skew, " until it is right");
    else if (fenced)
        buffer_printf(&picture->skew, " until its clock has been compared");
}

static void describe_skew(struct picture *picture)
{
    const struct cluster *cluster = picture->cluster;
    for (size_t i = 0; i < cluster->member_count; i++) {
        const struct view *view = &picture->views[i];
        const struct resp_value *clock =
            view->status == NULL ? NULL : fields_get(view->status, "clock");
        if (clock != NULL)
            describe_clock(picture, cluster->members[i].id, clock);
    }
}

/* After the sentence on a rebuild: since when, and why. */
static void describe_damage(struct picture *picture, const struct resp_value *store)
{
    char text[32];
    time_t seconds = (time_t)(fields_integer(store, "damage_ms", 0) / 1000);
    struct tm utc;
    if (fields_integer(store, "damage_times", 0) == 0 || gmtime_r(&seconds, &utc) == NULL)
        return;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    buffer_printf(&picture->work,
                  "; its store was damaged at %s (%s) and is kept in the directory "
                  "damaged of its data directory",
                  text, fields_text(store, "damage_reason", ""));
}

static void describe_rebuild(struct picture *picture, uint32_t node, const struct view *view)
{
    const struct resp_value *store = fields_get(view->status, "store");
    const char *state = fields_text(store, "state", "rebuilding");
    int64_t left_ms = fields_integer(store, "left_ms", 0);
    if (strcmp(state, "rebuilding") != 0) {
        buffer_printf(&picture->work, "the store of node %" PRIu32 " is %s%s", node, state,
                      strcmp(state, "unconfirmed") == 0
                          ? ": no other node has found yet that it is what it was"
                          : "");
        return;
    }
    buffer_printf(&picture->work,
                  "node %" PRIu32 " rebuilds %" PRId64 " of its %" PRId64 " replicas, %" PRId64
                  " %% are done",
                  node, view->owned - view->ready, view->owned,
                  fields_integer(store, "rebuilt_percent", 0));
    if (left_ms > 0)
        buffer_printf(&picture->work, ", about %" PRId64 " s are left", (left_ms + 999) / 1000);
    describe_damage(picture, store);
}

static void describe_work(struct picture *picture)
{
    const struct cluster *cluster = picture->cluster;
    for (size_t i = 0; i < cluster->member_count; i++) {
        const struct view *view = &picture->views[i];
        if (view->status == NULL || view->ready == view->owned)
            continue;
        begin_sentence(&picture->work);
        describe_rebuild(picture, cluster->members[i].id, view);
    }
}

static void describe_drains(struct picture *picture)
{
    for (size_t i = 0; i < picture->cluster->member_count; i++) {
        const struct view *view = &picture->views[i];
        const struct resp_value *drain = fields_get(view->status, "drain");
        if (strcmp(drain_of(view), "serving") == 0)
            continue;
        begin_sentence(&picture->drains);
        if (strcmp(drain_of(view), "drained") == 0)
            buffer_printf(&picture->drains, "node %" PRIu32 " is drained: it can be stopped",
                          picture->cluster->members[i].id);
        else
            buffer_printf(&picture->drains, "node %" PRIu32 " drains: %s",
                          picture->cluster->members[i].id, fields_text(drain, "reason", "?"));
    }
}

/* How many partitions lose their quorum if one more node is lost: the worst case in words. */
static void describe_next_loss(struct picture *picture, const struct losses *losses,
                               uint32_t already)
{
    const struct cluster *cluster = picture->cluster;
    uint32_t worst = 0;
    struct buffer nodes = {0};
    for (size_t i = 0; i < cluster->member_count; i++) {
        bool lost[RING_MEMBERS_MAX] = {false};
        if (picture->views[i].status == NULL)
            continue;
        lost[i] = true;
        uint32_t more = losses_below(losses, lost, losses_quorum(losses)) - already;
        if (more == 0)
            continue;
        buffer_printf(&nodes, "%s%" PRIu32, nodes.length == 0 ? "" : ", ", cluster->members[i].id);
        worst = more > worst ? more : worst;
    }
    begin_sentence(&picture->risk);
    if (worst == 0)
        buffer_printf(&picture->risk, "losing any one more node: no partition loses its quorum");
    else
        buffer_printf(&picture->risk,
                      "losing one more node (of %.*s): up to %" PRIu32 " partitions lose their "
                      "quorum",
                      (int)nodes.length, (const char *)nodes.data, worst);
    buffer_deinit(&nodes);
}

static void describe_region_losses(struct picture *picture, const struct losses *losses,
                                   uint32_t already)
{
    const struct cluster *cluster = picture->cluster;
    for (size_t i = 0; i < cluster->member_count; i++) {
        const char *region = cluster->members[i].region;
        bool lost[RING_MEMBERS_MAX] = {false};
        bool seen = false, others = false;
        for (size_t j = 0; j < cluster->member_count; j++) {
            lost[j] = strcmp(cluster->members[j].region, region) == 0;
            seen |= lost[j] && j < i;
            others |= !lost[j];
        }
        if (seen || !others)
            continue;
        begin_sentence(&picture->risk);
        buffer_printf(&picture->risk, "losing region %s: %" PRIu32 " partitions lose their quorum",
                      region, losses_below(losses, lost, losses_quorum(losses)) - already);
    }
}

static uint32_t describe_risk(struct picture *picture, const struct losses *losses)
{
    const struct cluster *cluster = picture->cluster;
    uint32_t short_of = losses_below(losses, NULL, cluster->owner_count);
    uint32_t without = losses_below(losses, NULL, losses_quorum(losses));
    begin_sentence(&picture->risk);
    buffer_printf(&picture->risk,
                  "%" PRIu32 " of %" PRIu32 " partitions miss an owner, %" PRIu32
                  " of them their quorum",
                  short_of, cluster->partition_count, without);
    describe_next_loss(picture, losses, without);
    describe_region_losses(picture, losses, without);
    return without;
}

static void describe_certificates(struct picture *picture)
{
    for (size_t i = 0; i < picture->cluster->member_count; i++) {
        struct node_tls tls;
        node_tls_read(picture->views[i].tls, &tls);
        node_tls_describe(&tls, picture->cluster->members[i].id, &picture->risk);
        picture->alarms += node_tls_is_degraded(&tls);
    }
}

/* ---- the report ---- */

static void add_sentences(struct report *report, const char *name, const struct buffer *sentences,
                          bool json)
{
    if (sentences->length > 0)
        report_fact(report, name, REPORT_TEXTS, "%.*s", (int)sentences->length,
                    (const char *)sentences->data);
    else
        report_fact(report, name, REPORT_TEXTS, "%s", json ? "" : "none");
}

static void add_nodes(struct report *report, const struct picture *picture)
{
    const struct cluster *cluster = picture->cluster;
    struct report_table *table = report_table(report, "nodes", COLUMNS, COLUMN_COUNT);
    for (size_t i = 0; i < cluster->member_count; i++) {
        char address[ADDRESS_TEXT_MAX];
        const struct cluster_member *member = &cluster->members[i];
        const struct view *view = &picture->views[i];
        enum state state = state_of(view);
        report_cell(table, "%" PRIu32, member->id);
        report_cell(table, "%s", member->role);
        report_cell(table, "%s", member->region);
        report_cell(table, "%s", member->rack);
        report_cell(table, "%s", shown_state(view));
        if (state != STATE_UP)
            report_alarm(table);
        report_cell(table, "%s", address_format(&member->client, address));
        bool known = view->status != NULL;
        report_cell(table, known ? "%" PRId64 : NULL, view->owned);
        report_cell(table, known ? "%" PRId64 : NULL, view->ready);
        report_cell(table, "%" PRIu32, view->up_votes);
        report_cell(table, "%" PRIu32, view->down_votes);
        if (known)
            report_cell(table, "%s", fields_text(view->status, "version", "?"));
        else
            report_cell(table, NULL);
    }
}

static enum exit_code print_picture(const struct arguments *arguments, struct picture *picture)
{
    const struct cluster *cluster = picture->cluster;
    struct report *report = report_new();
    compare_rings(picture);
    describe_skew(picture);
    describe_work(picture);
    describe_drains(picture);
    bool answers[RING_MEMBERS_MAX];
    for (size_t i = 0; i < cluster->member_count; i++)
        answers[i] = picture->views[i].status != NULL;
    const struct losses losses = {.cluster = cluster, .answers = answers};
    struct buffer can_be_lost = {0};
    uint32_t without_quorum = describe_risk(picture, &losses);
    describe_certificates(picture);
    bool well = picture->answering == cluster->member_count && picture->disagreement.length == 0 &&
                picture->work.length == 0 && picture->fenced == 0 && picture->alarms == 0;
    report_fact(report, "cluster", REPORT_TEXT, "%s", cluster->id);
    report_fact(report, "epoch", REPORT_NUMBER, "%" PRId64, cluster->epoch);
    report_fact(report, "replication", REPORT_TEXT, "%s", cluster->replication);
    report_fact(report, "partitions", REPORT_NUMBER, "%" PRIu32, cluster->partition_count);
    report_fact(report, "members", REPORT_NUMBER, "%zu", cluster->member_count);
    report_fact(report, "answering", REPORT_NUMBER, "%zu", picture->answering);
    add_nodes(report, picture);
    add_sentences(report, "disagreement", &picture->disagreement, arguments->json);
    add_sentences(report, "skew", &picture->skew, arguments->json);
    add_sentences(report, "work", &picture->work, arguments->json);
    if (picture->drains.length > 0 || arguments->json)
        add_sentences(report, "drains", &picture->drains, arguments->json);
    add_sentences(report, "risk", &picture->risk, arguments->json);
    report_fact(report, "without_quorum", REPORT_NUMBER, "%" PRIu32, without_quorum);
    report_fact(report, "health", REPORT_TEXT, "%s", well ? "ok" : "degraded");
    losses_describe(&losses, &can_be_lost);
    if (arguments->json)
        report_fact(report, "nodes_that_can_be_lost", REPORT_NUMBER, "%" PRIu32,
                    losses_nodes(&losses));
    report_fact(report, "can_be_lost", REPORT_TEXT, "%.*s", (int)can_be_lost.length,
                (const char *)can_be_lost.data);
    buffer_deinit(&can_be_lost);
    verb_print(arguments, report);
    return well ? EXIT_OK : EXIT_DEGRADED;
}

enum exit_code verb_status(const struct arguments *arguments)
{
    static const char *const status[] = {"RING.STATUS", NULL}, *const tls[] = {"INFO", "tls", NULL};
    const char *const *const questions[] = {status, tls};
    struct cluster cluster;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct picture picture = {.cluster = &cluster,
                              .views = memory_new(cluster.member_count, sizeof *picture.views)};
    cluster_ask_all_these(&cluster, arguments, questions, 2, answers);
    gather(&picture, answers);
    code = print_picture(arguments, &picture);
    buffer_deinit(&picture.disagreement);
    buffer_deinit(&picture.skew);
    buffer_deinit(&picture.work);
    buffer_deinit(&picture.drains);
    buffer_deinit(&picture.risk);
    free(picture.views);
    cluster_forget(&cluster, answers);
    free(answers);
    cluster_deinit(&cluster);
    return code;
}
