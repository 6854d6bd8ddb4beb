/* The log: one event a line on standard error, as text or JSON. No personal data goes in (I14). */
#ifndef PL_LOG_H
#define PL_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "planlift/bytes.h"
#include "planlift/compiler.h"

enum pl_log_level { PL_LOG_DEBUG, PL_LOG_INFO, PL_LOG_WARN, PL_LOG_ERROR };

enum pl_log_format { PL_LOG_TEXT, PL_LOG_JSON };

/* One key and value of a line; make them with the PL_F_* macros. */
struct pl_log_field {
    const char *key;
    const char *text; /* NULL: number counts */
    int64_t number;
};

#define PL_F_TEXT(key, value) ((struct pl_log_field){(key), (value), 0})
#define PL_F_INT(key, value) ((struct pl_log_field){(key), NULL, (int64_t)(value)})

/* Set level and format; before, everything from INFO on is written as text. Thread: call it before
 * other threads start; pl_log_write may be called from any thread. */
void pl_log_setup(enum pl_log_level level, enum pl_log_format format);

bool pl_log_is_on(enum pl_log_level level);

/* Write one line: time, level, event (a lower_case name, a string literal), and the fields in
 * order. */
void pl_log_write(enum pl_log_level level, const char *event, const struct pl_log_field *fields,
                  unsigned count);

/* How often an event was told of, whether or not its line was written. Thread: any. */
struct pl_log_count {
    const char *event;
    enum pl_log_level level;
    uint64_t count;
};
#define PL_LOG_COUNTS_MOST 128 /* there are not nearly as many names of events */

/* Those from INFO on, ordered by event. Returns how many there are. */
size_t pl_log_counts(struct pl_log_count ret_counts[PL_LOG_COUNTS_MOST]);

/* pl_log(INFO, "restored", PL_F_INT("partition", 3)). At least one field. */
#define pl_log(level, event, ...)                                                                  \
    pl_log_write(PL_LOG_##level, (event), (const struct pl_log_field[]){__VA_ARGS__},              \
                 (unsigned)(sizeof((const struct pl_log_field[]){__VA_ARGS__}) /                   \
                            sizeof(struct pl_log_field)))

#endif
