/* What subcommands for operators and integrators work with: settings, and the things that are made
 * of them when they are asked for; reading a topic; the end. Nothing here joins the group. */
#ifndef PL_CLI_SESSION_H
#define PL_CLI_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "cli/settings.h"
#include "cli/table.h"
#include "io/kafka_scan.h"
#include "io/kafka_sender.h"
#include "io/world.h"
#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/catalogue.h"
#include "planlift/codec.h"

struct pl_schemas;

/* Options that all of these subcommands have. */
struct pl_session_given {
    const char *config_path;
    bool is_verbose;
};

/* Their rows in a table of options. */
#define PL_SESSION_OPTIONS(given)                                                                  \
    {.letter = 'c',                                                                                \
     .name = "config",                                                                             \
     .argument = "FILE",                                                                           \
     .meaning = "settings, as key=value lines (planlift run --help lists them)",                   \
     .text = &(given)->config_path},                                                               \
    {                                                                                              \
        .letter = 'v', .name = "verbose", .meaning = "log on standard error what is done",         \
        .is_given = &(given)->is_verbose                                                           \
    }

/* In place; must not move once it is open. */
struct pl_session {
    const char *command; /* "planlift results" */
    struct pl_settings settings;
    struct pl_system_world system;
    struct pl_world world;
    struct pl_arena arena; /* as long as the session; a command may reset it between records */
    struct pl_page page;   /* standard output */
    int64_t started_ms;    /* of the work that progress is reported of */
    int64_t reported_ms;
    bool has_report; /* a line of it stands on the terminal */
    /* NULL until asked for. */
    struct pl_catalogue *catalogue;
    struct pl_schemas *schemas;
    struct pl_schema_source source; /* the decoder borrows it */
    struct pl_decoder *decoder;
    struct pl_kafka_scan *scan;
    struct pl_kafka_sender *sender;
    struct pl_redis *redis;
};

/* Load the settings; connects to nothing. SIGINT and SIGTERM ask to stop from now on. Errors:
 * PL_BAD_DATA. Owns: pl_session_close, also after an error. */
PL_MUST_CHECK enum pl_status pl_session_open(struct pl_session *session, const char *command,
                                             const struct pl_session_given *given,
                                             struct pl_error *error);
void pl_session_close(struct pl_session *session);

/* Complain of an error on standard error, see to the output, and close. Returns the exit code: 0;
 * 2 for PL_BAD_DATA, which is wrong use or configuration; 1 for the others. */
int pl_session_end(struct pl_session *session, enum pl_status status, const struct pl_error *error);

/* Open, work, and end. Returns the exit code. */
typedef enum pl_status pl_session_work_fn(struct pl_session *session, const void *given,
                                          struct pl_error *error);
int pl_session_run(const char *command, const struct pl_session_given *session_given,
                   pl_session_work_fn *work, const void *given);

bool pl_session_is_stopped(const struct pl_session *session);

/* ---- made when asked for; do nothing where it is there --------------------------------------- */

/* Errors: PL_BAD_DATA. */
PL_MUST_CHECK enum pl_status pl_session_catalogue(struct pl_session *session,
                                                  struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_session_schemas(struct pl_session *session, struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_session_decoder(struct pl_session *session, struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_session_scan(struct pl_session *session, struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_session_sender(struct pl_session *session, struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_session_redis(struct pl_session *session, struct pl_error *error);

/* ---- reading --------------------------------------------------------------------------------- */

/* What is done with a record; for an endless reading also, with kind IDLE, when there is none for a
 * moment. PL_NOT_FOUND: that was enough. */
typedef enum pl_status pl_session_take_fn(void *self, const struct pl_scan_event *event,
                                          struct pl_error *error);

/* Read as planned, showing progress where it takes long. Where the reading is endless, a stop is a
 * good end. Errors: those of the scan and of take; PL_AGAIN (stopped before the end). */
PL_MUST_CHECK enum pl_status pl_session_read(struct pl_session *session,
                                             const struct pl_kafka_scan_plan *plan,
                                             pl_session_take_fn *take, void *self,
                                             struct pl_error *error);

/* ---- talking --------------------------------------------------------------------------------- */

/* Say how far it is, on standard error, now and then: "what: 45%". total 0: just what is done. */
void pl_session_progress(struct pl_session *session, const char *what, int64_t done, int64_t total);
/* The work is done: take the line away. */
void pl_session_progress_end(struct pl_session *session);

/* Something to know, on standard error. */
void pl_session_note(struct pl_session *session, const char *format, ...) PL_PRINTF(2, 3);

/* Write the buffer and a newline to standard output, and empty it. */
void pl_session_put_line(struct pl_session *session, struct pl_buffer *line);

/* Output goes to its reader now. Errors: PL_FATAL (it cannot be written). */
PL_MUST_CHECK enum pl_status pl_session_flush(struct pl_session *session, struct pl_error *error);

#endif
