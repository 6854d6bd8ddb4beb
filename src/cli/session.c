/* Settings, what is made of them, reading, and the end, for subcommands. */
#include "cli/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/signals.h"
#include "cli/catalogue.h"
#include "cli/schemas.h"

#define READ_TIMEOUT_MS 100
#define REPORT_RECORDS 1024
#define REPORT_AFTER_MS 1000
#define REPORT_TERMINAL_MS 200
#define REPORT_FILE_MS 5000

/* ---- opening and closing --------------------------------------------------------------------- */

enum pl_status pl_session_open(struct pl_session *session, const char *command,
                               const struct pl_session_given *given, struct pl_error *error)
{
    /* What goes wrong is told by the command itself; the Kafka client warns of each try. */
    static const struct pl_config_fixed quiet = {PL_SETTING_LOG_LEVEL, "error"};

    *session = (struct pl_session){.command = command,
                                   .arena = PL_ARENA_INIT,
                                   .page = pl_page_of(stdout),
                                   .system = {.stop = pl_signals_catch_stop()}};
    session->world = pl_system_world_port(&session->system);
    session->started_ms = session->world.ops->monotonic_ms(session->world.self);
    return pl_settings_load_fixed(given->config_path, &quiet, given->is_verbose ? 0 : 1,
                                  &session->settings, error);
}

void pl_session_close(struct pl_session *session)
{
    pl_kafka_sender_free(session->sender);
    pl_kafka_scan_free(session->scan);
    pl_redis_free(session->redis);
    pl_decoder_free(session->decoder);
    pl_schemas_free(session->schemas);
    pl_catalogue_free(session->catalogue);
    pl_settings_done(&session->settings);
    pl_arena_done(&session->arena);
}

int pl_session_end(struct pl_session *session, enum pl_status status, const struct pl_error *error)
{
    struct pl_error failure = {""};
    int code = status == PL_OK ? 0 : status == PL_BAD_DATA ? 2 : 1;

    pl_session_progress_end(session);
    if (status != PL_OK) {
        (void)fprintf(stderr, "%s: %s\n", session->command, error->text); /* nowhere else */
    }
    if (pl_session_flush(session, &failure) != PL_OK && code == 0) {
        (void)fprintf(stderr, "%s: %s\n", session->command, failure.text);
        code = 1;
    }
    pl_session_close(session);
    return code;
}

int pl_session_run(const char *command, const struct pl_session_given *session_given,
                   pl_session_work_fn *work, const void *given)
{
    struct pl_session session;
    struct pl_error error = {""};
    enum pl_status status = pl_session_open(&session, command, session_given, &error);

    if (status == PL_OK) {
        status = work(&session, given, &error);
    }
    return pl_session_end(&session, status, &error);
}

bool pl_session_is_stopped(const struct pl_session *session)
{
    return session->world.ops->should_stop(session->world.self);
}

/* ---- made when asked for --------------------------------------------------------------------- */

enum pl_status pl_session_catalogue(struct pl_session *session, struct pl_error *error)
{
    const char *path = pl_config_text(session->settings.config, PL_SETTING_CATALOGUE_PATH);

    if (session->catalogue != NULL) {
        return PL_OK;
    }
    return pl_cli_catalogue_load(path, error, &session->catalogue) == PL_OK ? PL_OK : PL_BAD_DATA;
}

enum pl_status pl_session_schemas(struct pl_session *session, struct pl_error *error)
{
    enum pl_status status = PL_OK;

    if (session->schemas == NULL) {
        status = pl_schemas_open(&session->settings, &session->world, NULL, NULL, error,
                                 &session->schemas);
    }
    return status == PL_OK ? PL_OK : PL_BAD_DATA;
}

enum pl_status pl_session_decoder(struct pl_session *session, struct pl_error *error)
{
    const struct pl_own_schemas own = pl_schemas_own();
    enum pl_status status;

    if (session->decoder != NULL) {
        return PL_OK;
    }
    status = pl_session_schemas(session, error);
    if (status == PL_OK) {
        session->source = pl_schemas_source(session->schemas);
        status = pl_decoder_new(&own, &session->source, error, &session->decoder);
    }
    return status == PL_OK ? PL_OK : PL_BAD_DATA;
}

enum pl_status pl_session_scan(struct pl_session *session, struct pl_error *error)
{
    return session->scan != NULL
               ? PL_OK
               : pl_kafka_scan_new(&session->settings.kafka, &session->scan, error);
}

enum pl_status pl_session_sender(struct pl_session *session, struct pl_error *error)
{
    return session->sender != NULL
               ? PL_OK
               : pl_kafka_sender_new(&session->settings.kafka, &session->sender, error);
}

enum pl_status pl_session_redis(struct pl_session *session, struct pl_error *error)
{
    return session->redis != NULL ? PL_OK
                                  : pl_settings_redis(&session->settings, &session->redis, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void report_reading(struct pl_session *session, const struct pl_kafka_scan_plan *plan)
{
    char what[300];
    int64_t done;
    int64_t total;

    pl_kafka_scan_progress(session->scan, &done, &total);
    (void)snprintf(what, sizeof(what), "reading %s", session->settings.kafka.topics[plan->topic]);
    pl_session_progress(session, what, done, total); /* a topic's name has at most 249 characters */
}

static enum pl_status read_on(struct pl_session *session, const struct pl_kafka_scan_plan *plan,
                              pl_session_take_fn *take, void *self, struct pl_error *error)
{
    struct pl_scan_event event = {.kind = PL_SCAN_IDLE};
    enum pl_status status = PL_OK;
    unsigned records = 0;

    while (status == PL_OK && !pl_session_is_stopped(session)) {
        status = pl_kafka_scan_next(session->scan, READ_TIMEOUT_MS, &event, error);
        if (status != PL_OK || event.kind == PL_SCAN_END) {
            return status;
        }
        if (event.kind == PL_SCAN_RECORD || plan->is_endless) {
            status = take(self, &event, error);
        }
        if (!plan->is_endless && (event.kind == PL_SCAN_IDLE || records++ % REPORT_RECORDS == 0)) {
            report_reading(session, plan);
        }
    }
    if (status == PL_OK && !plan->is_endless) {
        return pl_fail(error, PL_AGAIN, "stopped before it was done");
    }
    return status == PL_NOT_FOUND ? PL_OK : status;
}

enum pl_status pl_session_read(struct pl_session *session, const struct pl_kafka_scan_plan *plan,
                               pl_session_take_fn *take, void *self, struct pl_error *error)
{
    enum pl_status status = pl_session_scan(session, error);

    if (status == PL_OK) {
        session->started_ms = session->world.ops->monotonic_ms(session->world.self);
        status = pl_kafka_scan_start(session->scan, plan, error);
    }
    if (status == PL_OK) {
        status = read_on(session, plan, take, self, error);
    }
    pl_session_progress_end(session);
    return status;
}

/* ---- talking --------------------------------------------------------------------------------- */

void pl_session_progress(struct pl_session *session, const char *what, int64_t done, int64_t total)
{
    int64_t now = session->world.ops->monotonic_ms(session->world.self);
    bool is_terminal;

    if (now - session->started_ms < REPORT_AFTER_MS ||
        now - session->reported_ms < REPORT_TERMINAL_MS) {
        return;
    }
    is_terminal = isatty(STDERR_FILENO) == 1;
    if (!is_terminal && now - session->reported_ms < REPORT_FILE_MS) {
        return;
    }
    session->reported_ms = now;
    session->has_report = is_terminal;
    (void)fprintf(stderr, "%s%s: %s: ", is_terminal ? "\r\033[K" : "", session->command, what);
    if (total > 0) {
        (void)fprintf(stderr, "%" PRId64 "%%", done * 100 / total);
    } else {
        (void)fprintf(stderr, "%" PRId64, done);
    }
    (void)fputs(is_terminal ? "" : "\n", stderr);
}

void pl_session_progress_end(struct pl_session *session)
{
    if (session->has_report) {
        (void)fputs("\r\033[K", stderr);
        session->has_report = false;
    }
}

void pl_session_note(struct pl_session *session, const char *format, ...)
{
    va_list arguments;

    pl_session_progress_end(session);
    (void)fprintf(stderr, "%s: ", session->command);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

void pl_session_put_line(struct pl_session *session, struct pl_buffer *line)
{
    pl_buffer_put_byte(line, '\n');
    (void)fwrite(line->data, 1, line->len, session->page.out); /* the flush looks */
    line->len = 0;
}

enum pl_status pl_session_flush(struct pl_session *session, struct pl_error *error)
{
    if (fflush(session->page.out) == 0 && ferror(session->page.out) == 0) {
        return PL_OK;
    }
    return pl_fail(error, PL_FATAL, "cannot write the output: %s",
                   strerror(errno)); /* NOLINT(concurrency-mt-unsafe): for this thread's error */
}
