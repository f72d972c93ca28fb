/*
 * chart.c - two panels above each other: operations a second, and p50, p99 and the longest
 * latency of each second on a logarithmic scale, so that a standstill and the daily life show both.
 */
#include "chart.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 900,
    LEFT = 80,
    RIGHT = 20,
    PANEL_WIDTH = WIDTH - LEFT - RIGHT,
    PANEL_HEIGHT = 200,
    FIRST_TOP = 50,
    SECOND_TOP = 310,
    HEIGHT = 560,
    POINTS_MAX = 900 /* more seconds than this share points: the worst of each group is drawn */
};

/* A value's place in its panel. */
struct axis {
    double top; /* y of the upper edge */
    double low, high;
    bool logarithmic;
};

static double place(const struct axis *axis, double value)
{
    double low = axis->low, high = axis->high;
    if (axis->logarithmic) {
        value = log10(value > 1e-6 ? value : 1e-6);
        low = log10(low);
        high = log10(high);
    }
    double share = high > low ? (value - low) / (high - low) : 0;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return axis->top + PANEL_HEIGHT * (1 - share);
}

typedef double take_value(const struct second *second);

static double take_rate(const struct second *second)
{
    return (double)second->operations;
}

static double take_p50(const struct second *second)
{
    return (double)second->p50_ns / 1e6;
}

static double take_p99(const struct second *second)
{
    return (double)second->p99_ns / 1e6;
}

static double take_max(const struct second *second)
{
    return (double)second->max_ns / 1e6;
}

/* The worst value of a group of seconds: the lowest rate, the longest time. */
static double worst_of(const struct measure *m, size_t first, size_t end, take_value *take)
{
    double worst = take(&m->seconds[first]);
    for (size_t i = first + 1; i < end; i++) {
        double value = take(&m->seconds[i]);
        if (take == take_rate ? value < worst : value > worst)
            worst = value;
    }
    return worst;
}

static void draw_line(FILE *out, const struct measure *m, const struct axis *axis, take_value *take,
                      const char *color)
{
    size_t group = (m->second_count + POINTS_MAX - 1) / POINTS_MAX;
    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", color);
    for (size_t i = 0; i < m->second_count; i += group) {
        size_t end = i + group < m->second_count ? i + group : m->second_count;
        double x = LEFT + PANEL_WIDTH * ((double)i + 0.5) / (double)m->second_count;
        fprintf(out, "%.1f,%.1f ", x, place(axis, worst_of(m, i, end, take)));
    }
    fprintf(out, "\"/>\n");
}

static void draw_text(FILE *out, double x, double y, const char *anchor, const char *color,
                      const char *text)
{
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n", x, y,
            anchor, color, text);
}

static void draw_level(FILE *out, const struct axis *axis, double value)
{
    char text[32];
    double y = place(axis, value);
    snprintf(text, sizeof text, "%.15g", value);
    fprintf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", LEFT,
            WIDTH - RIGHT, y, y);
    draw_text(out, LEFT - 8, y + 4, "end", "#555", text);
}

/* 1, 2 or 5 times a power of ten, at least `value`. */
static double round_up(double value)
{
    double power = pow(10, floor(log10(value > 0 ? value : 1)));
    double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < 4; i++) {
        if (steps[i] * power >= value)
            return steps[i] * power;
    }
    return 10 * power;
}

static struct axis rate_axis(const struct measure *m)
{
    double most = 1;
    for (size_t i = 0; i < m->second_count; i++) {
        if (take_rate(&m->seconds[i]) > most)
            most = take_rate(&m->seconds[i]);
    }
    return (struct axis){.top = FIRST_TOP, .low = 0, .high = round_up(most)};
}

static struct axis time_axis(const struct measure *m)
{
    double least = 1e9, most = 0.001;
    for (size_t i = 0; i < m->second_count; i++) {
        if (m->seconds[i].operations == 0)
            continue;
        least = fmin(least, take_p50(&m->seconds[i]));
        most = fmax(most, take_max(&m->seconds[i]));
    }
    return (struct axis){.top = SECOND_TOP,
                         .low = pow(10, floor(log10(fmax(fmin(least, most), 0.001)))),
                         .high = pow(10, ceil(log10(most * 1.001))),
                         .logarithmic = true};
}

static void draw_seconds(FILE *out, const struct measure *m)
{
    char text[32];
    double step = round_up((double)m->second_count / 10);
    for (double s = 0; s <= (double)m->second_count; s += step < 1 ? 1 : step) {
        double x = LEFT + PANEL_WIDTH * s / (double)m->second_count;
        snprintf(text, sizeof text, "%g s", s);
        draw_text(out, x, SECOND_TOP + PANEL_HEIGHT + 20, "middle", "#555", text);
    }
}

static void draw(FILE *out, const struct bench_options *o, const struct measure *m)
{
    struct axis rates = rate_axis(m), times = time_axis(m);
    char title[160];
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    snprintf(title, sizeof title, "ringbench, workload %c, %zu-byte values, %" PRIu64 " keys",
             o->mix->letter, o->value_bytes, o->keys);
    draw_text(out, LEFT, 24, "start", "black", title);
    draw_text(out, LEFT, FIRST_TOP - 8, "start", "#1565c0", "operations a second");
    draw_text(out, LEFT, SECOND_TOP - 8, "start", "#2e7d32", "p50 ms");
    draw_text(out, LEFT + 70, SECOND_TOP - 8, "start", "#ef6c00", "p99 ms");
    draw_text(out, LEFT + 140, SECOND_TOP - 8, "start", "#c62828", "longest ms");
    for (int i = 0; i <= 4; i++)
        draw_level(out, &rates, rates.high * i / 4);
    for (double level = times.low; level <= times.high * 1.001; level *= 10)
        draw_level(out, &times, level);
    draw_seconds(out, m);
    draw_line(out, m, &rates, take_rate, "#1565c0");
    draw_line(out, m, &times, take_p50, "#2e7d32");
    draw_line(out, m, &times, take_p99, "#ef6c00");
    draw_line(out, m, &times, take_max, "#c62828");
    fprintf(out, "</svg>\n");
}

bool chart_write(const char *path, const struct bench_options *options,
                 const struct measure *measure)
{
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return false;
    draw(out, options, measure);
    bool good = ferror(out) == 0;
    return fclose(out) == 0 && good;
}
