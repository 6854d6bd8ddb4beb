/* Why a record is set aside (contract section 7), in the order in which the reasons are looked
 * for. */
#ifndef PL_DEAD_LETTER_H
#define PL_DEAD_LETTER_H

#include "planlift/bytes.h"

#define PL_DEAD_LETTERS(X)                                                                         \
    X(NULL_VALUE, "null_value")                                                                    \
    X(MALFORMED, "malformed")                                                                      \
    X(UNKNOWN_SCHEMA, "unknown_schema")                                                            \
    X(INCOMPATIBLE_SCHEMA, "incompatible_schema")                                                  \
    X(KEY_MISMATCH, "key_mismatch")                                                                \
    X(WRONG_PARTITION, "wrong_partition")                                                          \
    X(INVALID_EVENT, "invalid_event")                                                              \
    X(REQUEST_ID_REUSED, "request_id_reused")                                                      \
    X(UNPROCESSABLE, "unprocessable")

enum pl_dead_letter {
#define X(name, wire) PL_DEAD_LETTER_##name,
    PL_DEAD_LETTERS(X)
#undef X
};
#define PL_DEAD_LETTER_ONE(name, wire) +1
enum { PL_DEAD_LETTER_COUNT = 0 PL_DEAD_LETTERS(PL_DEAD_LETTER_ONE) };

/* Value of the header planlift-error-code. */
extern const char *const pl_dead_letter_names[PL_DEAD_LETTER_COUNT];

/* The headers that say why (contract 3), in the order they are written. */
#define PL_DEAD_LETTER_HEADERS(X)                                                                  \
    X(ERROR_CODE, "planlift-error-code")                                                           \
    X(ERROR_MESSAGE, "planlift-error-message")                                                     \
    X(TOPIC, "planlift-topic")                                                                     \
    X(PARTITION, "planlift-partition")                                                             \
    X(OFFSET, "planlift-offset")                                                                   \
    X(TIME, "planlift-time")

enum pl_dead_letter_header {
#define X(name, wire) PL_DEAD_LETTER_HEADER_##name,
    PL_DEAD_LETTER_HEADERS(X)
#undef X
};
enum { PL_DEAD_LETTER_HEADER_COUNT = 0 PL_DEAD_LETTER_HEADERS(PL_DEAD_LETTER_ONE) };

extern const char *const pl_dead_letter_header_names[PL_DEAD_LETTER_HEADER_COUNT];

/* Which of them has this name; -1: none. */
int pl_dead_letter_header_index(struct pl_bytes name);

/* A record's refusal: the code and, for planlift-error-message, what was found where. */
struct pl_refusal {
    enum pl_dead_letter code;
    char message[256]; /* no personal data: places, counts and names of schema fields only */
};

#endif
