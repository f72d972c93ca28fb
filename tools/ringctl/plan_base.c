#include "plan_base.h"

#include "cluster.h"
#include "verbs.h"

enum { CHANGE_TIMEOUT_MS = 15000 };

enum exit_code plan_base_load(const struct arguments *arguments, struct register_value **out)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.PLAN"), slice_text("BASE")};
    enum exit_code code = cluster_ask_first(arguments, words, 2, &exchange);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *reply = exchange.replies[0];
    enum status status =
        reply->type == RESP_TYPE_BULK ? register_value_decode(reply->text, out) : STATUS_CORRUPT;
    exchange_deinit(&exchange);
    if (status == STATUS_OK)
        return EXIT_OK;
    verb_complain("what the node goes by is not understood: use the ringctl of its version, see: "
                  "ringctl version");
    return EXIT_FAILED;
}

enum exit_code plan_base_change(const struct arguments *arguments, const struct slice *words,
                                size_t count, struct exchange *out)
{
    struct arguments patient = *arguments;
    if (patient.timeout_ms < CHANGE_TIMEOUT_MS)
        patient.timeout_ms = CHANGE_TIMEOUT_MS;
    return cluster_ask_first(&patient, words, count, out);
}
