/* Dead letters as their topics hold them: found, chosen, shown. */
#ifndef PL_CLI_LETTER_H
#define PL_CLI_LETTER_H

#include "cli/session.h"
#include "planlift/dead_letter.h"

/* Views are valid until the next record is read. */
struct pl_letter {
    struct pl_record record;
    int64_t stored_ms;
    const struct pl_header *headers; /* all of them */
    size_t header_count;
    struct pl_bytes ours[PL_DEAD_LETTER_HEADER_COUNT]; /* by the enum; null: not there */
};

/* Where dead letters lie. */
struct pl_letter_place {
    enum pl_topic topic; /* PL_TOPIC_EVENTS_DLQ or PL_TOPIC_REQUESTS_DLQ */
    int32_t partition;
    int64_t offset;
};

/* Which ones; null and 0: any. */
struct pl_letter_choice {
    struct pl_bytes topic; /* its own name, or that of the input */
    struct pl_bytes code;
    struct pl_bytes customer; /* by the key */
    int64_t since_ms;         /* when it became one */
};

/* "upgrade-requests.dlq/3/17", or with the input's name. Errors: PL_BAD_DATA. */
PL_MUST_CHECK enum pl_status pl_letter_place_parse(const struct pl_session *session,
                                                   const char *text,
                                                   struct pl_letter_place *ret_place,
                                                   struct pl_error *error);

/* Options that choose. */
struct pl_letter_given {
    const char *topic;
    const char *code;
    const char *customer;
    const char *since;
};

/* Their rows in a table of options. */
#define PL_LETTER_OPTIONS(given)                                                                   \
    {.name = "topic",                                                                              \
     .argument = "TOPIC",                                                                          \
     .meaning = "only those of this topic of dead letters, or of this input topic",                \
     .text = &(given)->topic},                                                                     \
        {.name = "code",                                                                           \
         .argument = "CODE",                                                                       \
         .meaning = "only those with this code, for example malformed",                            \
         .text = &(given)->code},                                                                  \
        {.name = "customer",                                                                       \
         .argument = "ID",                                                                         \
         .meaning = "only those whose key is this customer",                                       \
         .text = &(given)->customer},                                                              \
    {                                                                                              \
        .name = "since", .argument = "TIME",                                                       \
        .meaning = "only those of then or later: 2026-02-03T04:05:06Z, 2026-02-03, or how long "   \
                   "ago, as 90s, 15m, 2h, 7d",                                                     \
        .text = &(given)->since                                                                    \
    }

/* Errors: PL_BAD_DATA (no time; there is no such topic or code). */
PL_MUST_CHECK enum pl_status pl_letter_choose(const struct pl_session *session,
                                              const struct pl_letter_given *given,
                                              struct pl_letter_choice *ret_choice,
                                              struct pl_error *error);

/* PL_NOT_FOUND: that was enough. */
typedef enum pl_status pl_letter_take_fn(void *self, const struct pl_letter *letter,
                                         struct pl_error *error);

/* Hand on all that are chosen, those of events first, by partition and offset: those that are there
 * at the start. The session's arena is reset between them. Errors: as pl_session_read. */
PL_MUST_CHECK enum pl_status pl_letters_read(struct pl_session *session,
                                             const struct pl_letter_choice *choice,
                                             pl_letter_take_fn *take, void *self,
                                             struct pl_error *error);

/* Hand on the one at a place. Errors: PL_NOT_FOUND (there is none); as pl_session_read. */
PL_MUST_CHECK enum pl_status pl_letter_read(struct pl_session *session,
                                            const struct pl_letter_place *place,
                                            pl_letter_take_fn *take, void *self,
                                            struct pl_error *error);

/* The topic that a dead letter came from, by where it lies. */
enum pl_topic pl_letter_input(const struct pl_letter *letter);

/* "upgrade-requests.dlq/3/17" */
struct pl_bytes pl_letter_place_text(const struct pl_session *session,
                                     const struct pl_letter *letter, struct pl_arena *arena);

/* Append a JSON object; with_value: with the record's value, and what it says if it can be read. */
void pl_letter_write(struct pl_session *session, const struct pl_letter *letter, bool with_value,
                     struct pl_buffer *buffer);

/* Append what the value says, as JSON: REQUEST or the event. False: it cannot be read, *ret_refusal
 * says why. */
bool pl_letter_write_content(struct pl_session *session, const struct pl_letter *letter,
                             struct pl_buffer *buffer, struct pl_refusal *ret_refusal);

#endif
