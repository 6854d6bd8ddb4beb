/* A library to preload: measures a program's work between the first input record and the end of the
 * last commit, in the same way for planlift and for the floor. METER_INPUT is the topic whose first
 * record starts the clock, METER_OUTPUT the file that the figures go to at exit, as JSON. */
/* NOLINTNEXTLINE(readability-identifier-naming): for RTLD_NEXT; before any include */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

enum { TOPICS = 8, NAME_BYTES = 250 };

struct moment {
    double wall_s;
    double cpu_s; /* of all threads */
};

struct tally {
    _Atomic(rd_kafka_topic_t *) topic; /* NULL: free; each producer has handles of its own */
    char name[NAME_BYTES];
    atomic_llong records;
    atomic_llong bytes; /* key and value */
};

static struct {
    struct moment began, ended;
    bool has_begun;
    atomic_llong transactions;
    atomic_llong commit_ns; /* from the flush to the end of the commit */
    struct tally tallies[TOPICS];
    void (*report)(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);
} meter;

/* The commit flushes too. */
static _Thread_local int depth;

static void find_next(const char *name, void *ret_function)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL) {
        abort();
    }
    memcpy(ret_function, &found, sizeof(found));
}

static double seconds(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct moment now(void)
{
    return (struct moment){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

static double enter(void)
{
    depth++;
    return seconds(CLOCK_MONOTONIC);
}

static void leave(double began_s)
{
    if (--depth == 0) {
        atomic_fetch_add(&meter.commit_ns, (long long)((seconds(CLOCK_MONOTONIC) - began_s) * 1e9));
    }
}

static void note_input(const rd_kafka_message_t *message)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets any */
    const char *input = getenv("METER_INPUT");

    if (input != NULL && message->rkt != NULL &&
        strcmp(rd_kafka_topic_name(message->rkt), input) == 0) {
        meter.has_begun = true;
        meter.began = now();
    }
}

static void note_output(const rd_kafka_message_t *message)
{
    for (struct tally *tally = meter.tallies; tally < meter.tallies + TOPICS; tally++) {
        rd_kafka_topic_t *none = NULL;

        if (atomic_load(&tally->topic) == message->rkt ||
            atomic_compare_exchange_strong(&tally->topic, &none, message->rkt)) {
            if (tally->name[0] == '\0') {
                (void)snprintf(tally->name, NAME_BYTES, "%s", rd_kafka_topic_name(message->rkt));
            }
            atomic_fetch_add(&tally->records, 1);
            atomic_fetch_add(&tally->bytes, (long long)(message->len + message->key_len));
            return;
        }
    }
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        note_output(message);
    }
    meter.report(rk, message, opaque);
}

static long long peak_rss_kib(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    long long kib = -1;

    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kib = strtoll(line + 6, NULL, 10);
        }
    }
    if (status != NULL) {
        (void)fclose(status);
    }
    return kib;
}

__attribute__((destructor)) static void write_figures(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets any */
    const char *path = getenv("METER_OUTPUT");
    FILE *file = path == NULL ? NULL : fopen(path, "we");

    if (file == NULL) {
        return;
    }
    (void)fprintf(file,
                  "{\"seconds\": %.6f, \"cpu_s\": %.6f, \"peak_rss_kib\": %lld, "
                  "\"transactions\": %lld, \"commit_s\": %.6f, \"topics\": [",
                  meter.ended.wall_s - meter.began.wall_s, meter.ended.cpu_s - meter.began.cpu_s,
                  peak_rss_kib(), (long long)meter.transactions, (double)meter.commit_ns * 1e-9);
    for (const struct tally *tally = meter.tallies;
         tally < meter.tallies + TOPICS && tally->topic != NULL; tally++) {
        (void)fprintf(file, "%s{\"topic\": \"%s\", \"records\": %lld, \"bytes\": %lld}",
                      tally == meter.tallies ? "" : ", ", tally->name, (long long)tally->records,
                      (long long)tally->bytes);
    }
    (void)fprintf(file, "]}\n");
    (void)fclose(file);
}

/* NOLINTBEGIN(readability-identifier-naming, readability-inconsistent-declaration-parameter-name):
 * the names are the library's. */

rd_kafka_message_t *rd_kafka_consumer_poll(rd_kafka_t *rk, int timeout_ms)
{
    static rd_kafka_message_t *(*next)(rd_kafka_t * rk, int timeout_ms);
    rd_kafka_message_t *message;

    if (next == NULL) {
        find_next("rd_kafka_consumer_poll", &next);
    }
    message = next(rk, timeout_ms);
    if (!meter.has_begun && message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        note_input(message);
    }
    return message;
}

void rd_kafka_conf_set_dr_msg_cb(rd_kafka_conf_t *conf,
                                 void (*report)(rd_kafka_t *rk, const rd_kafka_message_t *message,
                                                void *opaque))
{
    void (*next)(rd_kafka_conf_t * conf,
                 void (*report)(rd_kafka_t * rk, const rd_kafka_message_t *message, void *opaque)) =
        NULL;

    if (meter.report != NULL && meter.report != report) {
        abort(); /* there is room for one */
    }
    meter.report = report;
    find_next("rd_kafka_conf_set_dr_msg_cb", &next);
    next(conf, on_report);
}

rd_kafka_resp_err_t rd_kafka_flush(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_resp_err_t (*next)(rd_kafka_t * rk, int timeout_ms) = NULL;
    double began = enter();
    rd_kafka_resp_err_t err;

    find_next("rd_kafka_flush", &next);
    err = next(rk, timeout_ms);
    leave(began);
    return err;
}

rd_kafka_error_t *
rd_kafka_send_offsets_to_transaction(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets,
                                     const rd_kafka_consumer_group_metadata_t *cgmetadata,
                                     int timeout_ms)
{
    rd_kafka_error_t *(*next)(rd_kafka_t * rk, const rd_kafka_topic_partition_list_t *offsets,
                              const rd_kafka_consumer_group_metadata_t *cgmetadata,
                              int timeout_ms) = NULL;
    double began = enter();
    rd_kafka_error_t *error;

    find_next("rd_kafka_send_offsets_to_transaction", &next);
    error = next(rk, offsets, cgmetadata, timeout_ms);
    leave(began);
    return error;
}

rd_kafka_error_t *rd_kafka_commit_transaction(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_error_t *(*next)(rd_kafka_t * rk, int timeout_ms) = NULL;
    double began = enter();
    rd_kafka_error_t *error;

    find_next("rd_kafka_commit_transaction", &next);
    error = next(rk, timeout_ms);
    leave(began);
    meter.ended = now();
    if (error == NULL) {
        atomic_fetch_add(&meter.transactions, 1);
    }
    return error;
}

/* NOLINTEND(readability-identifier-naming, readability-inconsistent-declaration-parameter-name) */
