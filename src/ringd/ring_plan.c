#include "ringd/ring_plan.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/address.h"
#include "ringd/config_value.h"

enum { PAIR_MAX = 512 }; /* of one name=value */

/* What has been seen of one node's text. */
struct node_text {
    const char *text;
    bool has_id, has_region, has_client, has_peer;
};

/* Always false. */
static bool add_kind_problem(struct buffer *problems, const char *kind, const char *text,
                             const char *sentence)
{
    buffer_printf(problems, "%s \"%s\": %s\n", kind, text, sentence);
    return false;
}

static bool add_problem(struct buffer *problems, const char *text, const char *sentence)
{
    return add_kind_problem(problems, "node", text, sentence);
}

/* One of the pairs in a text, cut at its '='. */
struct pair {
    char name[PAIR_MAX];
    const char *value; /* in `name`, behind its NUL */
};

/* Take the next pair off `*next`. NULL: done; else what is wrong with it. */
static const char *take_next(const char **next, struct pair *out)
{
    size_t length = strcspn(*next, ",");
    if (length >= sizeof out->name)
        return "a part of it is too long";
    memcpy(out->name, *next, length);
    out->name[length] = '\0';
    char *equals = strchr(out->name, '=');
    if (equals == NULL)
        return "it is not name=value pairs separated by commas";
    *equals = '\0';
    out->value = equals + 1;
    *next += length + ((*next)[length] == ',');
    return NULL;
}

static bool parse_bounded(const char *value, uint64_t maximum, uint64_t *out)
{
    return config_parse_number(value, out) && *out >= 1 && *out <= maximum;
}

static bool take_name(const char *value, char out[RING_NAME_MAX + 1])
{
    if (!ring_name_is_valid(value))
        return false;
    strcpy(out, value);
    return true;
}

static bool take_region(const struct ring *ring, const char *value, struct ring_member *member)
{
    int region = ring_region_index(ring, value);
    if (region < 0)
        return false;
    member->region = (uint8_t)region;
    return true;
}

static bool take_pair(const struct ring *ring, const char *name, const char *value,
                      struct node_text *node, struct ring_member *member, struct buffer *problems)
{
    uint64_t number = 0;
    if (strcmp(name, "id") == 0) {
        node->has_id = parse_bounded(value, UINT32_MAX, &number);
        member->id = (node_id)number;
        return node->has_id || add_problem(problems, node->text, "an id is a number from 1 on");
    }
    if (strcmp(name, "weight") == 0) {
        bool good = parse_bounded(value, RING_WEIGHT_MAX, &number);
        member->weight = (uint32_t)number;
        return good || add_problem(problems, node->text, "a weight is a number from 1 to 10000");
    }
    if (strcmp(name, "region") == 0) {
        node->has_region = take_region(ring, value, member);
        return node->has_region ||
               add_problem(problems, node->text, "the replication does not name its region");
    }
    if (strcmp(name, "rack") == 0)
        return take_name(value, member->rack) ||
               add_problem(problems, node->text, "a rack is 1 to 32 characters of a-z 0-9 _ -");
    if (strcmp(name, "client") == 0) {
        node->has_client = address_parse(value, &member->client) == STATUS_OK;
        return node->has_client || add_problem(problems, node->text, "client is HOST:PORT");
    }
    if (strcmp(name, "peer") == 0) {
        node->has_peer = address_parse(value, &member->peer) == STATUS_OK;
        return node->has_peer || add_problem(problems, node->text, "peer is HOST:PORT");
    }
    return add_problem(problems, node->text,
                       "only id, region, rack, weight, client and peer are known");
}

static bool check_complete(const struct ring *ring, const struct node_text *node,
                           struct buffer *problems)
{
    if (!node->has_id)
        return add_problem(problems, node->text, "it needs an id");
    if (!node->has_client || !node->has_peer)
        return add_problem(problems, node->text, "it needs client and peer addresses");
    if (!node->has_region && ring->region_count > 1)
        return add_problem(problems, node->text, "it needs a region");
    return true;
}

static bool parse_node(const struct ring *ring, const char *text, struct ring_member *member,
                       struct buffer *problems)
{
    struct node_text node = {.text = text};
    *member =
        (struct ring_member){.storage_incarnation = 1, .weight = RING_PLAN_WEIGHT, .rack = "rack1"};
    for (const char *next = text; *next != '\0';) {
        struct pair pair;
        const char *wrong = take_next(&next, &pair);
        if (wrong != NULL)
            return add_problem(problems, text, wrong);
        if (!take_pair(ring, pair.name, pair.value, &node, member, problems))
            return false;
    }
    return check_complete(ring, &node, problems);
}

static int compare_members(const void *a, const void *b)
{
    const struct ring_member *one = a;
    const struct ring_member *other = b;
    return (one->id > other->id) - (one->id < other->id);
}

static bool same_address(const struct ring_address *a, const struct ring_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* Two nodes may not have one id, nor one address of any kind. */
static bool check_distinct(const struct ring *ring, struct buffer *problems)
{
    bool good = true;
    for (size_t i = 0; i < ring->member_count; i++) {
        const struct ring_member *one = &ring->members[i];
        if (same_address(&one->client, &one->peer)) {
            buffer_printf(problems, "node %" PRIu32 " has one address for clients and peers\n",
                          one->id);
            good = false;
        }
        for (size_t j = 0; j < i; j++) {
            const struct ring_member *other = &ring->members[j];
            if (one->id == other->id)
                buffer_printf(problems, "id %" PRIu32 " is given twice\n", one->id);
            else if (same_address(&one->client, &other->client) ||
                     same_address(&one->client, &other->peer) ||
                     same_address(&one->peer, &other->client) ||
                     same_address(&one->peer, &other->peer))
                buffer_printf(problems, "nodes %" PRIu32 " and %" PRIu32 " share an address\n",
                              other->id, one->id);
            else
                continue;
            good = false;
        }
    }
    return good;
}

static bool parse_nodes(const struct ring_plan *plan, struct ring *ring, struct buffer *problems)
{
    bool good = true;
    if (plan->node_count == 0 || plan->node_count > RING_MEMBERS_MAX) {
        buffer_printf(problems, "a ring has 1 to %d nodes, not %zu\n", RING_MEMBERS_MAX,
                      plan->node_count);
        return false;
    }
    ring->members = memory_new(plan->node_count, sizeof *ring->members);
    ring->member_count = (uint16_t)plan->node_count;
    for (size_t i = 0; i < plan->node_count; i++)
        good &= parse_node(ring, plan->nodes[i], &ring->members[i], problems);
    if (!good)
        return false;
    qsort(ring->members, ring->member_count, sizeof *ring->members, compare_members);
    return check_distinct(ring, problems);
}

static bool is_partition_count(uint32_t count)
{
    return count >= PARTITION_COUNT_MIN && count <= PARTITION_COUNT_MAX &&
           (count & (count - 1)) == 0;
}

static bool parse_policy(const struct ring_plan *plan, struct ring *ring, struct buffer *problems)
{
    char reason[RING_REASON_MAX];
    bool good = is_partition_count(plan->partition_count);
    if (!good)
        buffer_printf(problems, "the number of partitions is a power of two from %d to %d\n",
                      PARTITION_COUNT_MIN, PARTITION_COUNT_MAX);
    if (ring_parse_replication(plan->replication, ring->regions, &ring->region_count, reason) !=
        STATUS_OK) {
        buffer_printf(problems, "replication \"%s\": %s\n", plan->replication, reason);
        return false;
    }
    for (size_t i = 0; i < ring->region_count; i++)
        ring->owner_count = (uint8_t)(ring->owner_count + ring->regions[i].replicas);
    return good;
}

static struct ring_keyspace default_keyspace(keyspace_id number)
{
    struct ring_keyspace keyspace = {.number = number, .policy = KEYSPACE_LWW};
    snprintf(keyspace.name, sizeof keyspace.name, "db%u", (unsigned)number);
    return keyspace;
}

/* What has been seen of one keyspace's text. */
struct keyspace_text {
    const char *number, *name, *policy; /* NULL: not there */
    struct pair pairs[3];
};

static bool take_keyspace_pair(const struct pair *pair, struct keyspace_text *out)
{
    const char **places[] = {&out->number, &out->name, &out->policy};
    static const char *const names[] = {"number", "name", "policy"};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(pair->name, names[i]) != 0 || *places[i] != NULL)
            continue;
        out->pairs[i] = *pair;
        *places[i] = out->pairs[i].name + (pair->value - pair->name);
        return true;
    }
    return false;
}

static const char *make_keyspace(const struct keyspace_text *text, struct ring_keyspace *out)
{
    uint64_t number;
    if (text->number == NULL || !config_parse_number(text->number, &number) ||
        number >= RING_KEYSPACES_MAX)
        return "its number must be there and is 0 to 63";
    *out = default_keyspace((keyspace_id)number);
    if (text->name != NULL && !take_name(text->name, out->name))
        return "a name is 1 to 32 characters of a-z 0-9 _ -";
    if (text->policy != NULL && strcmp(text->policy, "siblings") == 0)
        out->policy = KEYSPACE_SIBLINGS;
    else if (text->policy != NULL && strcmp(text->policy, "lww") != 0)
        return "a policy is lww or siblings";
    return NULL;
}

_Static_assert(RING_KEYSPACES_MAX == 64, "the sentence above says so");

static bool parse_keyspace(const char *text, struct ring_keyspace *out, struct buffer *problems)
{
    struct keyspace_text parts = {0};
    const char *wrong = NULL;
    for (const char *next = text; *next != '\0' && wrong == NULL;) {
        struct pair pair;
        wrong = take_next(&next, &pair);
        if (wrong == NULL && !take_keyspace_pair(&pair, &parts))
            wrong = "only number, name and policy are known, each once";
    }
    if (wrong == NULL)
        wrong = make_keyspace(&parts, out);
    return wrong == NULL || add_kind_problem(problems, "keyspace", text, wrong);
}

/* In the place of the one with its number, or behind those below it. */
static void put_keyspace(struct ring *ring, const struct ring_keyspace *keyspace)
{
    uint16_t at = 0;
    while (at < ring->keyspace_count && ring->keyspaces[at].number < keyspace->number)
        at++;
    if (at == ring->keyspace_count || ring->keyspaces[at].number != keyspace->number) {
        memmove(&ring->keyspaces[at + 1], &ring->keyspaces[at],
                (ring->keyspace_count - at) * sizeof ring->keyspaces[0]);
        ring->keyspace_count++;
    }
    ring->keyspaces[at] = *keyspace;
}

static bool check_keyspace_names(const struct ring *ring, struct buffer *problems)
{
    bool good = true;
    for (uint16_t i = 0; i < ring->keyspace_count; i++) {
        for (uint16_t j = 0; j < i; j++) {
            if (strcmp(ring->keyspaces[i].name, ring->keyspaces[j].name) != 0)
                continue;
            buffer_printf(problems, "keyspaces %u and %u are both named %s\n",
                          ring->keyspaces[j].number, ring->keyspaces[i].number,
                          ring->keyspaces[i].name);
            good = false;
        }
    }
    return good;
}

static bool parse_keyspaces(const struct ring_plan *plan, struct ring *ring,
                            struct buffer *problems)
{
    bool good = true;
    bool given[RING_KEYSPACES_MAX] = {false};
    for (keyspace_id i = 0; i < RING_PLAN_KEYSPACES; i++) {
        struct ring_keyspace keyspace = default_keyspace(i);
        put_keyspace(ring, &keyspace);
    }
    for (size_t i = 0; i < plan->keyspace_count; i++) {
        struct ring_keyspace keyspace;
        if (!parse_keyspace(plan->keyspaces[i], &keyspace, problems)) {
            good = false;
        } else if (given[keyspace.number]) {
            buffer_printf(problems, "keyspace number %u is given twice\n", keyspace.number);
            good = false;
        } else {
            given[keyspace.number] = true;
            put_keyspace(ring, &keyspace);
        }
    }
    return good && check_keyspace_names(ring, problems);
}

enum status ring_random_draw(struct ring_random *out, struct buffer *problems)
{
    if (getentropy(out->cluster_id, sizeof out->cluster_id) == 0 &&
        getentropy(&out->seed, sizeof out->seed) == 0 &&
        getentropy(out->secret, sizeof out->secret) == 0)
        return STATUS_OK;
    buffer_printf(problems, "the system gives no random numbers: %s", strerror(errno));
    return STATUS_IO;
}

enum status ring_plan_make(const struct ring_plan *plan, struct ring **out,
                           struct planner_report *report, struct buffer *problems)
{
    struct ring *ring = ring_new();
    enum status status = STATUS_INVALID;
    memcpy(ring->cluster_id, plan->random.cluster_id, sizeof ring->cluster_id);
    memcpy(ring->secret, plan->random.secret, sizeof ring->secret);
    ring->seed = plan->random.seed;
    ring->generation = 1;
    ring->tag = (struct ring_tag){.epoch = 1, .phase = RING_STABLE};
    ring->partition_count = plan->partition_count;
    bool good = parse_keyspaces(plan, ring, problems);
    good &= parse_policy(plan, ring, problems);
    if (!good || !parse_nodes(plan, ring, problems))
        goto fail;
    status = planner_place(ring, NULL, report);
    if (status != STATUS_OK) {
        buffer_printf(problems, "%s\n", report->reason);
        goto fail;
    }
    *out = ring;
    return STATUS_OK;

fail:
    ring_free(ring);
    return status;
}

struct ring *ring_plan_one_node(node_id node, const struct ring_address *client,
                                const struct ring_address *peer, const struct ring_random *random)
{
    char client_text[ADDRESS_TEXT_MAX], peer_text[ADDRESS_TEXT_MAX];
    char text[2 * ADDRESS_TEXT_MAX + 64];
    const char *const nodes[] = {text};
    struct ring_plan plan = {.replication = "local:1",
                             .partition_count = RING_PLAN_PARTITIONS,
                             .nodes = nodes,
                             .node_count = 1,
                             .random = *random};
    struct planner_report report;
    struct buffer problems = {0};
    struct ring *ring = NULL;
    snprintf(text, sizeof text, "id=%" PRIu32 ",client=%s,peer=%s", node,
             address_format(client, client_text), address_format(peer, peer_text));
    enum status status = ring_plan_make(&plan, &ring, &report, &problems);
    assert(status == STATUS_OK);
    assert(problems.length == 0);
    return ring;
}

static uint32_t copies_of(const struct ring *ring, node_id node)
{
    uint32_t copies = 0;
    for (size_t i = 0; i < (size_t)ring->partition_count * ring->owner_count; i++)
        copies += ring->owners[i] == node;
    return copies;
}

void ring_plan_describe(const struct ring *ring, const struct planner_report *report,
                        struct buffer *out)
{
    char client[ADDRESS_TEXT_MAX], peer[ADDRESS_TEXT_MAX];
    buffer_printf(out, "cluster     ");
    for (size_t i = 0; i < sizeof ring->cluster_id; i++)
        buffer_printf(out, "%02x", ring->cluster_id[i]);
    buffer_printf(out, "\npartitions  %" PRIu32 ", %u copies of each\n", ring->partition_count,
                  (unsigned)ring->owner_count);
    for (size_t i = 0; i < ring->region_count; i++)
        buffer_printf(out, "region      %s copies=%u share-min=%.1f%% share-max=%.1f%%\n",
                      ring->regions[i].name, (unsigned)ring->regions[i].replicas,
                      report->share_min_permille[i] / 10.0, report->share_max_permille[i] / 10.0);
    for (uint16_t i = 0; i < ring->keyspace_count; i++)
        if (ring->keyspaces[i].policy == KEYSPACE_SIBLINGS)
            buffer_printf(out, "keyspace    %u name=%s policy=siblings\n",
                          ring->keyspaces[i].number, ring->keyspaces[i].name);
    for (size_t i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        buffer_printf(out,
                      "node        %" PRIu32 " region=%s rack=%s weight=%" PRIu32 " copies=%" PRIu32
                      " client=%s peer=%s\n",
                      member->id, ring->regions[member->region].name, member->rack, member->weight,
                      copies_of(ring, member->id), address_format(&member->client, client),
                      address_format(&member->peer, peer));
    }
    buffer_printf(out, "spread      each node shares partitions with at least %" PRIu32 " others\n",
                  report->scatter_width_min);
    if (report->rack_repeats > 0)
        buffer_printf(out, "racks       %" PRIu32 " partitions have two copies in one rack\n",
                      report->rack_repeats);
    if (report->reason[0] != '\0')
        buffer_printf(out, "note        %s\n", report->reason);
}
