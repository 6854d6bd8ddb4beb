/* JSON texts <-> plain structs: catalogue files, and the lines of `planlift decide` (contract
 * 9). */
#ifndef PL_JSON_H
#define PL_JSON_H

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/catalogue.h"
#include "planlift/customer.h"
#include "planlift/model.h"

/* Parse and check a catalogue text (contract 4). name: the file, for messages.
 * Errors: PL_BAD_DATA: the text says file, place (line and column, or a path such as
 * offers."x".services[3]) and reason. Owns: free *ret_catalogue with pl_catalogue_free. */
PL_MUST_CHECK enum pl_status pl_catalogue_parse(const char *name, struct pl_bytes text,
                                                struct pl_error *error,
                                                struct pl_catalogue **ret_catalogue);

/* One line in of `decide`. */
struct pl_decide_line {
    bool is_request; /* else an event */
    struct pl_customer customer;
    struct pl_request request;
    struct pl_event event;
    int64_t now_ms; /* requests only */
};

/* Errors: PL_BAD_DATA: a bad line (contract 9), the text says what is wrong and where in the
 * line. */
PL_MUST_CHECK enum pl_status pl_decide_line_parse(struct pl_bytes line, struct pl_arena *arena,
                                                  struct pl_error *error,
                                                  struct pl_decide_line *ret_line);

/* Append the line out, without a newline. result is NULL for an event; customer is NULL after
 * CustomerErased. */
void pl_decide_line_write(const struct pl_result *result, const struct pl_customer *customer,
                          struct pl_arena *arena, struct pl_buffer *buffer);

/* A line that is a REQUEST of contract 9 by itself. Errors: as pl_decide_line_parse. */
PL_MUST_CHECK enum pl_status pl_request_line_parse(struct pl_bytes line, struct pl_arena *arena,
                                                   struct pl_error *error,
                                                   struct pl_request *ret_request);

/* Append {"error": text}. */
void pl_decide_error_write(const char *text, struct pl_buffer *buffer);

#endif
