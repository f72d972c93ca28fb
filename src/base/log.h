/*
 * log.h - the front end of logging: a level, a line, and a sink that somebody else owns.
 *
 * A line says what an operator can see or do, then key=value pairs. It never
 * holds a user's key or value. The core gives no time: the sink adds it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Where lines go. `write` may be NULL: then nothing is logged. */
struct log_sink {
    void (*write)(void *context, enum log_level level, const char *line);
    void *context;
    enum log_level minimum;
};

/* Lines above 1023 bytes are cut. `sink` may be NULL. */
void log_line(const struct log_sink *sink, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *log_level_name(enum log_level level);

#endif
