/* The numbers as Prometheus reads them: names by its conventions, base units, a HELP and a TYPE
 * line for each. No label has a customer's or a user's data (I14). */
#include "cli/run/metrics_page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "planlift/compiler.h"
#include "planlift/log.h"

#define LINE_BYTES 512

PL_PRINTF(2, 3)
static void put(struct pl_buffer *page, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (len > 0 && (size_t)len < sizeof(line)) { /* longer ones are none of ours */
        pl_buffer_put(page, line, (size_t)len);
    }
}

static void put_head(struct pl_buffer *page, const char *name, const char *type, const char *help)
{
    put(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value, as the format wants it between its quotes. */
static const char *escape(struct pl_bytes value, char ret_escaped[LINE_BYTES / 2])
{
    size_t len = 0;

    for (size_t i = 0; i < value.len && len + 3 < LINE_BYTES / 2; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\' || value.data[i] == '\n') {
            ret_escaped[len++] = '\\';
        }
        ret_escaped[len] = value.data[i];
        if (value.data[i] == '\n') {
            ret_escaped[len] = 'n';
        }
        len++;
    }
    ret_escaped[len] = '\0';
    return ret_escaped;
}

/* ---- what was done --------------------------------------------------------------------------- */

/* What each operation may come to. */
static const struct {
    enum pl_operation operation;
    enum pl_outcome outcome;
} answers[] = {{PL_OPERATION_CHECK, PL_OUTCOME_ELIGIBLE},
               {PL_OPERATION_CHECK, PL_OUTCOME_NOT_ELIGIBLE},
               {PL_OPERATION_UPGRADE, PL_OUTCOME_UPGRADED},
               {PL_OPERATION_UPGRADE, PL_OUTCOME_REFUSED},
               {PL_OPERATION_ADD_LICENSES, PL_OUTCOME_LICENSES_ADDED},
               {PL_OPERATION_ADD_LICENSES, PL_OUTCOME_REFUSED}};

static void put_requests(const struct pl_counts *counts, struct pl_buffer *page)
{
    put_head(page, "planlift_requests_total", "counter", "Requests answered.");
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        put(page, "planlift_requests_total{operation=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
            pl_operation_names[answers[i].operation], pl_outcome_names[answers[i].outcome],
            counts->requests[answers[i].operation][answers[i].outcome]);
    }
    put_head(page, "planlift_repeated_requests_total", "counter",
             "Requests that were answered before and got no second result.");
    put(page, "planlift_repeated_requests_total %" PRIu64 "\n", counts->repeats);
    put_head(page, "planlift_refusals_total", "counter",
             "Results that have this error, also among the possible upgrades of a CHECK.");
    for (int code = 0; code < PL_ERROR_CODE_COUNT; code++) {
        put(page, "planlift_refusals_total{code=\"%s\"} %" PRIu64 "\n", pl_error_code_names[code],
            counts->refusals[code]);
    }
    put_head(page, "planlift_affected_accounts_total", "counter",
             "User accounts that upgrades affected.");
    put(page, "planlift_affected_accounts_total %" PRIu64 "\n", counts->affected_accounts);
}

static void put_inputs(const struct pl_counts *counts, struct pl_buffer *page)
{
    static const char *const inputs[PL_INPUT_COUNT] = {
        [PL_TOPIC_EVENTS] = "events", [PL_TOPIC_REQUESTS] = "requests"};

    put_head(page, "planlift_events_total", "counter", "Facts taken in.");
    for (int kind = 0; kind < PL_EVENT_KIND_COUNT; kind++) {
        put(page, "planlift_events_total{type=\"%s\"} %" PRIu64 "\n", pl_event_kind_names[kind],
            counts->events[kind]);
    }
    put_head(page, "planlift_dead_letters_total", "counter", "Records set aside.");
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        for (int code = 0; code < PL_DEAD_LETTER_COUNT; code++) {
            put(page, "planlift_dead_letters_total{input=\"%s\",code=\"%s\"} %" PRIu64 "\n",
                inputs[input], pl_dead_letter_names[code], counts->dead_letters[input][code]);
        }
    }
}

/* ---- how long it took ------------------------------------------------------------------------ */

/* label: "stage=\"decode\"," or "". */
static void put_histogram(const struct pl_histogram *histogram, const double *bounds, size_t count,
                          const char *name, const char *label, struct pl_buffer *page)
{
    uint64_t below = 0;
    size_t label_len = strlen(label);

    for (size_t i = 0; i < count; i++) {
        below += histogram->buckets[i];
        put(page, "%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", name, label, bounds[i], below);
    }
    put(page, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, label, histogram->count);
    if (label_len == 0) {
        put(page, "%s_sum %.9g\n%s_count %" PRIu64 "\n", name, histogram->sum, name,
            histogram->count);
    } else {
        put(page, "%s_sum{%.*s} %.9g\n", name, (int)label_len - 1, label, histogram->sum);
        put(page, "%s_count{%.*s} %" PRIu64 "\n", name, (int)label_len - 1, label,
            histogram->count);
    }
}

static void put_times(const struct pl_metrics_view *view, struct pl_buffer *page)
{
    put_head(page, "planlift_batch_records", "histogram", "Records in a committed batch.");
    put_histogram(&view->batches, pl_batch_bounds, pl_batch_bound_count, "planlift_batch_records",
                  "", page);
    put_head(page, "planlift_stage_duration_seconds", "histogram",
             "What a stage of a batch took; flush, commit, cache_read and cache_write: one call.");
    for (int stage = 0; stage < PL_STAGE_COUNT; stage++) {
        char label[64];

        (void)snprintf(label, sizeof(label), "stage=\"%s\",", pl_stage_names[stage]); /* fits */
        put_histogram(&view->stages[stage], pl_stage_bounds, pl_stage_bound_count,
                      "planlift_stage_duration_seconds", label, page);
    }
    put_head(page, "planlift_failed_transactions_total", "counter",
             "Transactions that were aborted or whose outcome was not told.");
    put(page, "planlift_failed_transactions_total %" PRIu64 "\n", view->failed_transactions);
}

/* ---- partitions ------------------------------------------------------------------------------ */

static void put_lag(const struct pl_metrics_view *view, const struct pl_metrics_about *about,
                    struct pl_buffer *page)
{
    put_head(page, "planlift_input_lag_records", "gauge",
             "Offsets between the last one committed and the end of the input, of our partitions.");
    for (size_t number = 0; number < view->partition_count; number++) {
        const struct pl_partition_metrics *partition = &view->partitions[number];

        for (int input = 0; partition->is_owned && input < PL_INPUT_COUNT; input++) {
            char topic[LINE_BYTES / 2];
            int64_t lag = partition->end[input] - partition->next[input];

            if (partition->end[input] >= 0 && partition->next[input] >= 0) {
                put(page,
                    "planlift_input_lag_records{topic=\"%s\",partition=\"%zu\"} %" PRId64 "\n",
                    escape(pl_bytes_of(about->topics[input]), topic), number, lag < 0 ? 0 : lag);
            }
        }
    }
}

static void put_partitions(const struct pl_metrics_view *view, struct pl_buffer *page)
{
    put_head(page, "planlift_partition_current", "gauge",
             "1: our partition's cache is proven and it is worked on; 0: it is being restored.");
    for (size_t number = 0; number < view->partition_count; number++) {
        if (view->partitions[number].is_owned) {
            put(page, "planlift_partition_current{partition=\"%zu\"} %d\n", number,
                view->partitions[number].is_current ? 1 : 0);
        }
    }
    put_head(page, "planlift_catch_up_records", "gauge",
             "Offsets of the state topic that a restore still has to read.");
    for (size_t number = 0; number < view->partition_count; number++) {
        if (view->partitions[number].is_owned) {
            put(page, "planlift_catch_up_records{partition=\"%zu\"} %" PRId64 "\n", number,
                view->partitions[number].catch_up_records);
        }
    }
    put_head(page, "planlift_cache_rebuilds_total", "counter",
             "Partitions whose cache was made anew from the state topic.");
    put(page, "planlift_cache_rebuilds_total %" PRIu64 "\n", view->rebuilds);
}

/* ---- the service ----------------------------------------------------------------------------- */

static void put_health(struct pl_health *health, struct pl_buffer *page)
{
    put_head(page, "planlift_condition_met", "gauge",
             "1: a condition of readiness is met; /readyz tells why where not.");
    for (int i = 0; i < PL_CONDITION_COUNT; i++) {
        put(page, "planlift_condition_met{condition=\"%s\"} %d\n",
            pl_condition_name((enum pl_condition)i),
            pl_health_is_met(health, (enum pl_condition)i) ? 1 : 0);
    }
}

static void put_events(struct pl_buffer *page)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct pl_log_count counts[PL_LOG_COUNTS_MOST];
    size_t count = pl_log_counts(counts);
    uint64_t resets = 0;

    put_head(page, "planlift_log_events_total", "counter",
             "Events of the log, also those below log.level.");
    for (size_t i = 0; i < count; i++) {
        put(page, "planlift_log_events_total{level=\"%s\",event=\"%s\"} %" PRIu64 "\n",
            levels[counts[i].level], counts[i].event, counts[i].count);
        resets += strcmp(counts[i].event, "producer_renewed") == 0 ? counts[i].count : 0;
    }
    put_head(page, "planlift_producer_resets_total", "counter",
             "Producers that were given up for a new one.");
    put(page, "planlift_producer_resets_total %" PRIu64 "\n", resets);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Resident memory; 0: the system does not tell. */
static unsigned long long resident_bytes(void)
{
    char text[128] = "";
    char *second = NULL;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file != NULL) {
        if (fgets(text, sizeof(text), file) != NULL) {
            second = strchr(text, ' ');
        }
        (void)fclose(file); /* only read */
    }
    return second == NULL ? 0
                          : strtoull(second, NULL, 10) * (unsigned long long)sysconf(_SC_PAGESIZE);
}

/* The names that Prometheus' client libraries have. */
static void put_registry(const struct pl_metrics_view *view, struct pl_buffer *page)
{
    put_head(
        page, "planlift_registry_questions_total", "counter",
        "What the schema registry was asked; failed: it could not be, or gave no such answer.");
    put(page, "planlift_registry_questions_total{outcome=\"answered\"} %" PRIu64 "\n",
        view->registry_questions[1]);
    put(page, "planlift_registry_questions_total{outcome=\"failed\"} %" PRIu64 "\n",
        view->registry_questions[0]);
}

static void put_process(const struct pl_metrics_about *about, struct pl_buffer *page)
{
    struct rusage usage;
    unsigned long long resident = resident_bytes();

    if (resident > 0) {
        put_head(page, "process_resident_memory_bytes", "gauge", "Resident memory.");
        put(page, "process_resident_memory_bytes %llu\n", resident);
    }
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        put_head(page, "process_cpu_seconds_total", "counter", "User and system time.");
        put(page, "process_cpu_seconds_total %.6f\n",
            seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    }
    put_head(page, "process_start_time_seconds", "gauge", "When it started, since 1970.");
    put(page, "process_start_time_seconds %.3f\n", (double)about->started_ms / 1000);
}

static void put_info(const struct pl_metrics_view *view, struct pl_buffer *page)
{
    char version[LINE_BYTES / 2];

    put_head(page, "planlift_build_info", "gauge", "1; the version is in the label.");
    put(page, "planlift_build_info{version=\"%s\"} 1\n", PLANLIFT_VERSION);
    put_head(page, "planlift_catalogue_info", "gauge",
             "1; version and SHA-256 of the catalogue are in the labels.");
    if (view->catalogue_sha256[0] != '\0') {
        put(page, "planlift_catalogue_info{version=\"%s\",sha256=\"%s\"} 1\n",
            escape(pl_bytes_of(view->catalogue_version), version), view->catalogue_sha256);
    }
}

void pl_metrics_page(struct pl_metrics *metrics, struct pl_health *health,
                     const struct pl_metrics_about *about, struct pl_buffer *page)
{
    struct pl_metrics_view view;

    pl_metrics_read(metrics, &view);
    put_requests(&view.counts, page);
    put_inputs(&view.counts, page);
    put_times(&view, page);
    put_lag(&view, about, page);
    put_partitions(&view, page);
    put_registry(&view, page);
    put_health(health, page);
    put_events(page);
    put_process(about, page);
    put_info(&view, page);
    pl_metrics_view_done(&view);
}

void pl_metrics_put_catalogue(struct pl_metrics *metrics, struct pl_buffer *page)
{
    struct pl_metrics_view view;
    char version[LINE_BYTES / 2];

    pl_metrics_read(metrics, &view);
    if (view.catalogue_sha256[0] != '\0') {
        put(page, "catalogue %s sha256 %s\n", escape(pl_bytes_of(view.catalogue_version), version),
            view.catalogue_sha256);
    }
    pl_metrics_view_done(&view);
}
