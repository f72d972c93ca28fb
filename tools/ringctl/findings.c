#include "findings.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

/* Replaces what is in `out`. */
static void put_text(struct buffer *out, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        abort(); /* no memory (base/memory.h) */
    buffer_clear(out);
    buffer_append_slice(out, slice_text(text));
    buffer_put_u8(out, '\0');
    free(text);
}

void findings_add(struct findings *findings, enum severity severity, const char *check,
                  node_id node, const char *format, ...)
{
    va_list arguments;
    findings->counts[severity]++;
    if (findings->kept == FINDINGS_MAX)
        return;
    struct finding *finding = &findings->items[findings->kept++];
    *finding = (struct finding){.severity = severity, .check = check, .node = node};
    va_start(arguments, format);
    put_text(&finding->cause, format, arguments);
    va_end(arguments);
}

void findings_next(struct findings *findings, const char *format, ...)
{
    va_list arguments;
    assert(findings->kept > 0);
    struct finding *last = &findings->items[findings->kept - 1];
    if (last->next_step.length > 0)
        return; /* the latest one was not kept */
    va_start(arguments, format);
    put_text(&last->next_step, format, arguments);
    va_end(arguments);
}

void findings_sort(struct findings *findings)
{
    for (size_t i = 1; i < findings->kept; i++) {
        struct finding moved = findings->items[i];
        size_t at = i;
        for (; at > 0 && findings->items[at - 1].severity < moved.severity; at--)
            findings->items[at] = findings->items[at - 1];
        findings->items[at] = moved;
    }
}

const char *severity_name(enum severity severity)
{
    static const char *const names[] = {[SEVERITY_NOTICE] = "notice",
                                        [SEVERITY_WARNING] = "warning",
                                        [SEVERITY_CRITICAL] = "critical"};
    return names[severity];
}

void findings_deinit(struct findings *findings)
{
    for (size_t i = 0; i < findings->kept; i++) {
        buffer_deinit(&findings->items[i].cause);
        buffer_deinit(&findings->items[i].next_step);
    }
    findings->kept = 0;
}
