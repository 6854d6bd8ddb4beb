/* Latency under an even load: sends requests at a fixed rate, whatever comes back, and measures for
 * each the time from the call that sends it to the receipt of its result by a reader of committed
 * records.
 *
 *   latency BROKERS REQUESTS RESULTS PARTITIONS SEED CUSTOMERS LICENCES FIRST RATE WARM_S SECONDS
 *
 * The results of a partition come in the order of its requests, one each: so each is told by its
 * place, and the program that answers may write what it likes. Those of the first WARM_S seconds do
 * not count. FIRST: number of the first request; who has answered one does not answer it again.
 * Prints the quantiles in milliseconds as JSON. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

#include "kafka_tool.h"
#include "planlift/codec.h"
#include "workload.h"

enum { REQUEST_SCHEMA = 2, MOST_PARTITIONS = 64, PATIENCE_S = 60 };

#define NS_PER_S INT64_C(1000000000)

struct lane { /* a partition */
    int64_t *sent_ns;
    atomic_uint_fast64_t sent;
    uint64_t received;
};

struct trial {
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    rd_kafka_t *consumer;
    const char *results;
    int32_t partitions;
    uint64_t total;
    uint64_t uncounted; /* the first so many, and the one that asked whether anybody is there */
    uint64_t first;
    uint64_t rate;
    struct workload workload;
    struct lane lanes[MOST_PARTITIONS];
    double *latencies_ms;
    uint64_t counted;
    atomic_uint_fast64_t received;
};

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(int64_t ns)
{
    struct timespec until = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {
    }
}

/* ---- sending --------------------------------------------------------------------------------- */

static void send_request(struct trial *trial, uint64_t number)
{
    struct workload_text text;
    struct pl_request request;
    struct pl_buffer buffer = {.len = 0};
    struct lane *lane;
    int32_t partition;

    workload_request(&trial->workload, trial->first + number, &text, &request);
    pl_request_encode(REQUEST_SCHEMA, &request, &buffer);
    partition = rd_kafka_msg_partitioner_murmur2(
        NULL, request.customer_id.data, request.customer_id.len, trial->partitions, NULL, NULL);
    lane = &trial->lanes[partition];
    lane->sent_ns[lane->sent] = now_ns();
    atomic_fetch_add(&lane->sent, 1); /* before the result can come */
    if (rd_kafka_produce(trial->topic, partition, RD_KAFKA_MSG_F_COPY, buffer.data, buffer.len,
                         request.customer_id.data, request.customer_id.len, NULL) != 0) {
        bench_die("produce", rd_kafka_err2str(rd_kafka_last_error()));
    }
    rd_kafka_poll(trial->producer, 0);
    pl_buffer_done(&buffer);
}

static void await_received(struct trial *trial, uint64_t count)
{
    int64_t deadline = now_ns() + PATIENCE_S * NS_PER_S;

    while (atomic_load(&trial->received) < count) {
        if (now_ns() > deadline) {
            bench_die("results", "not all of them came");
        }
        sleep_until(now_ns() + NS_PER_S / 1000);
    }
}

static void send_all(struct trial *trial)
{
    int64_t began;

    send_request(trial, 0); /* answered once whoever answers has joined its group */
    await_received(trial, 1);
    began = now_ns();
    for (uint64_t number = 1; number < trial->total; number++) {
        sleep_until(began + (int64_t)number * NS_PER_S / (int64_t)trial->rate);
        send_request(trial, number);
    }
    await_received(trial, trial->total);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void open_consumer(struct trial *trial, const char *brokers)
{
    const struct bench_setting settings[] = {
        {"bootstrap.servers", brokers},    {"group.id", "never-joined"},
        {"enable.auto.commit", "false"},   {"isolation.level", "read_committed"},
        {"auto.offset.reset", "earliest"}, {NULL, NULL}};
    rd_kafka_topic_partition_list_t *places = rd_kafka_topic_partition_list_new(trial->partitions);

    trial->consumer = bench_client(RD_KAFKA_CONSUMER, settings);
    rd_kafka_poll_set_consumer(trial->consumer);
    for (int32_t partition = 0; partition < trial->partitions; partition++) {
        int64_t first;
        int64_t end;

        if (rd_kafka_query_watermark_offsets(trial->consumer, trial->results, partition, &first,
                                             &end,
                                             PATIENCE_S * 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            bench_die("the end of a partition", "is not told");
        }
        rd_kafka_topic_partition_list_add(places, trial->results, partition)->offset = end;
    }
    if (rd_kafka_assign(trial->consumer, places) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_die("assign", trial->results);
    }
    rd_kafka_topic_partition_list_destroy(places);
}

static void note_result(struct trial *trial, int32_t partition, int64_t received_ns)
{
    struct lane *lane = &trial->lanes[partition];

    if (lane->received >= atomic_load(&lane->sent)) {
        bench_die("results", "more than requests");
    }
    if (atomic_load(&trial->received) >= trial->uncounted) {
        trial->latencies_ms[trial->counted++] =
            (double)(received_ns - lane->sent_ns[lane->received]) * 1e-6;
    }
    lane->received++;
    atomic_fetch_add(&trial->received, 1);
}

static void *receive_all(void *argument)
{
    struct trial *trial = argument;

    while (atomic_load(&trial->received) < trial->total) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(trial->consumer, 1000);

        if (message == NULL) {
            continue;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            note_result(trial, message->partition, now_ns());
        }
        rd_kafka_message_destroy(message);
    }
    return NULL;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;

    return (difference > 0) - (difference < 0);
}

static double quantile(const struct trial *trial, double share)
{
    return trial->latencies_ms[(uint64_t)(share * (double)(trial->counted - 1))];
}

static void *allocate(size_t count, size_t size)
{
    void *found = calloc(count, size);

    if (found == NULL) {
        bench_die("memory", "there is none");
    }
    return found;
}

static void run(struct trial *trial, const char *brokers, const char *requests)
{
    const struct bench_setting settings[] = {
        {"bootstrap.servers", brokers}, {"linger.ms", "0"}, {"log_level", "3"}, {NULL, NULL}};
    pthread_t receiver;

    trial->latencies_ms = allocate(trial->total, sizeof(*trial->latencies_ms));
    for (int32_t partition = 0; partition < trial->partitions; partition++) {
        trial->lanes[partition].sent_ns = allocate(trial->total, sizeof(int64_t));
    }
    trial->producer = bench_client(RD_KAFKA_PRODUCER, settings);
    trial->topic = rd_kafka_topic_new(trial->producer, requests, NULL);
    open_consumer(trial, brokers);
    if (pthread_create(&receiver, NULL, receive_all, trial) != 0) {
        bench_die("thread", "cannot be made");
    }
    send_all(trial);
    (void)pthread_join(receiver, NULL);
    rd_kafka_destroy(trial->consumer);
    rd_kafka_topic_destroy(trial->topic);
    rd_kafka_destroy(trial->producer);
}

int main(int argc, char **argv)
{
    struct trial trial = {.received = 0};
    uint64_t warm_s;

    if (argc != 12) {
        bench_die("usage", "latency BROKERS REQUESTS RESULTS PARTITIONS SEED CUSTOMERS LICENCES "
                           "FIRST RATE WARM_S SECONDS");
    }
    trial.results = argv[3];
    trial.partitions = (int32_t)strtol(argv[4], NULL, 10);
    trial.workload = workload_of(argv[5], argv[6], argv[7]);
    trial.first = strtoull(argv[8], NULL, 10);
    trial.rate = strtoull(argv[9], NULL, 10);
    warm_s = strtoull(argv[10], NULL, 10);
    trial.uncounted = 1 + warm_s * trial.rate;
    trial.total = trial.uncounted + strtoull(argv[11], NULL, 10) * trial.rate;
    if (trial.partitions < 1 || trial.partitions > MOST_PARTITIONS || trial.rate == 0 ||
        trial.total == trial.uncounted) {
        bench_die("usage", "nothing to measure");
    }
    run(&trial, argv[1], argv[2]);
    qsort(trial.latencies_ms, trial.counted, sizeof(double), compare);
    printf("{\"count\": %" PRIu64 ", \"p50\": %.3f, \"p95\": %.3f, \"p99\": %.3f, \"max\": %.3f}\n",
           trial.counted, quantile(&trial, 0.5), quantile(&trial, 0.95), quantile(&trial, 0.99),
           quantile(&trial, 1));
    for (int32_t partition = 0; partition < trial.partitions; partition++) {
        free(trial.lanes[partition].sent_ns);
    }
    free(trial.latencies_ms);
    return 0;
}
