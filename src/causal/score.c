#include "causal/score.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCORE_TEXT_MAX = 1024 }; /* far above all digits of the largest double */

static const uint64_t SIGN = UINT64_C(1) << 63;

bool score_parse(struct slice text, double *out)
{
    char copy[SCORE_TEXT_MAX];
    char *end;
    if (text.length == 0 || text.length >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    if (copy[0] == ' ' || (copy[0] >= '\t' && copy[0] <= '\r'))
        return false;
    errno = 0;
    *out = strtod(copy, &end);
    bool is_range_error =
        errno == ERANGE && (*out == HUGE_VAL || *out == -HUGE_VAL || fpclassify(*out) == FP_ZERO);
    return end == copy + text.length && !is_range_error && !isnan(*out);
}

void score_format(double score, struct buffer *out)
{
    char text[32];
    int length;
    if (isinf(score))
        length = snprintf(text, sizeof text, "%s", score > 0 ? "inf" : "-inf");
    else
        length = snprintf(text, sizeof text, "%.17g", score == 0 ? 0.0 : score);
    buffer_append(out, text, (size_t)length);
}

uint64_t score_to_order(double score)
{
    uint64_t bits;
    memcpy(&bits, &score, sizeof bits);
    if (score == 0)
        bits = 0; /* of either sign */
    return (bits & SIGN) != 0 ? ~bits : bits | SIGN;
}

double score_of_order(uint64_t order)
{
    double score;
    uint64_t bits = (order & SIGN) != 0 ? order & ~SIGN : ~order;
    memcpy(&score, &bits, sizeof score);
    return score;
}

double score_of_value(struct slice value)
{
    double score;
    return score_parse(value, &score) ? score : 0;
}
