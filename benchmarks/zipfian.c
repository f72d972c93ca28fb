#include "zipfian.h"

#include <assert.h>
#include <math.h>

/* The integral of x^-theta, and its inverse. */
static double integral(double theta, double x)
{
    return (pow(x, 1 - theta) - 1) / (1 - theta);
}

static double inverse(double theta, double y)
{
    return pow(1 + y * (1 - theta), 1 / (1 - theta));
}

struct zipfian zipfian_make(uint64_t count, double theta)
{
    assert(count >= 1);
    assert(theta > 0 && theta != 1);
    return (struct zipfian){
        .count = count,
        .theta = theta,
        .h_first = integral(theta, 1.5) - 1,
        .h_last = integral(theta, (double)count + 0.5),
        .shortcut = 2 - inverse(theta, integral(theta, 2.5) - pow(2, -theta)),
    };
}

uint64_t zipfian_next(const struct zipfian *z, struct random *random)
{
    for (;;) {
        double u = z->h_last + random_unit(random) * (z->h_first - z->h_last);
        double x = inverse(z->theta, u);
        double k = floor(x + 0.5);
        if (k < 1)
            k = 1;
        if (k > (double)z->count)
            k = (double)z->count;
        /* The first test saves the second one nearly always. */
        if (k - x <= z->shortcut || u >= integral(z->theta, k + 0.5) - pow(k, -z->theta))
            return (uint64_t)k - 1;
    }
}

uint64_t zipfian_scatter(uint64_t rank, uint64_t count)
{
    struct random mixed = random_make(rank);
    return random_u64(&mixed) % count;
}
