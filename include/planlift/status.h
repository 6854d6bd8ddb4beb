/* The one error vocabulary: a status says what the caller must do, the text says what happened. */
#ifndef PL_STATUS_H
#define PL_STATUS_H

#include "planlift/compiler.h"

enum pl_status {
    PL_OK,
    PL_AGAIN,     /* nothing happened; the same call may succeed later (timeout, unreachable) */
    PL_NOT_FOUND, /* the thing asked for does not exist */
    PL_BAD_DATA,  /* the data can never be processed: refuse it, or dead-letter the record */
    PL_ABORT,     /* the transaction must be aborted and the batch done again */
    PL_FENCED,    /* another process has taken over: leave */
    PL_FATAL      /* cannot go on: leave, the text tells the remedy */
};

/* Filled by whoever first detects a failure; says what, where, and what to do. */
struct pl_error {
    char text[1024];
};

/* Name of a status for logs, for example "again". */
const char *pl_status_name(enum pl_status status);

/* Set the text (truncated to fit). error may be NULL. Returns status, for `return pl_fail(...)`. */
enum pl_status pl_fail(struct pl_error *error, enum pl_status status, const char *format, ...)
    PL_PRINTF(3, 4);

/* Put "<formatted>: " before the text there is. error may be NULL. Returns status. */
enum pl_status pl_fail_at(struct pl_error *error, enum pl_status status, const char *format, ...)
    PL_PRINTF(3, 4);

#endif
