/* The floor: a bare librdkafka loop that copies each input record into as many records and bytes as
 * planlift writes, in the same transactions and with the same client settings, with no Redis, no Avro
 * and no decision. Nothing that keeps the promise can be faster; tests/bench/bench.py runs it beside
 * planlift.
 *
 *   floor BROKERS GROUP COUNT PRODUCERS BATCH OUTPUT...
 *
 * COUNT: input records until it ends (0: never). PRODUCERS: 1, or 2 transactional producers that take
 * turns, so that one's markers are written while the other works. OUTPUT:
 * input-topic:output-topic:records-per-input:bytes-per-record, both may have decimals. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

enum { MAX_OUTPUTS = 8, MAX_BATCH = 100000, MAX_TOPICS = 4, MAX_PARTITIONS = 64 };

struct output {
    char input[128];
    char topic[128];
    double rate;  /* records per input record */
    double bytes; /* per record */
    double owed;  /* records not yet written */
};

struct floor {
    struct output outputs[MAX_OUTPUTS];
    int output_count;
    rd_kafka_t *consumer;
    rd_kafka_t *producers[2];
    int producer_count;
    rd_kafka_message_t **batch;
    int batch_limit;
    int64_t copied, transactions;
    double commit_s;
};

static volatile sig_atomic_t must_stop;
static char filler[1 << 20];

static void stop(int signal_number)
{
    (void)signal_number;
    must_stop = 1;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "floor: %s: %s\n", what, why);
    exit(1);
}

static void must(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL) {
        die(what, rd_kafka_error_string(error));
    }
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk, (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("a record was not accepted", rd_kafka_err2str(message->err));
    }
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *const (*settings)[2])
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[512];
    rd_kafka_t *rk;

    for (; (*settings)[0] != NULL; settings++) {
        if (rd_kafka_conf_set(conf, (*settings)[0], (*settings)[1], text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            die((*settings)[0], text);
        }
    }
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    }
    rk = rd_kafka_new(type, conf, text, sizeof(text));
    if (rk == NULL) {
        die("client", text);
    }
    return rk;
}

/* As src/io/kafka_feed.c has them. */
static void open_consumer(struct floor *floor, const char *brokers, const char *group)
{
    const char *settings[][2] = {{"bootstrap.servers", brokers},
                                 {"group.id", group},
                                 {"group.instance.id", group},
                                 {"session.timeout.ms", "10000"},
                                 {"enable.auto.commit", "false"},
                                 {"enable.auto.offset.store", "false"},
                                 {"auto.offset.reset", "earliest"},
                                 {"isolation.level", "read_committed"},
                                 {"partition.assignment.strategy", "range"},
                                 {"queued.min.messages", "1000000"},
                                 {"fetch.wait.max.ms", "500"},
                                 {NULL, NULL}};
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(2);

    floor->consumer = client(RD_KAFKA_CONSUMER, settings);
    rd_kafka_poll_set_consumer(floor->consumer);
    for (int i = 0; i < floor->output_count; i++) {
        if (rd_kafka_topic_partition_list_find(topics, floor->outputs[i].input,
                                               RD_KAFKA_PARTITION_UA) == NULL) {
            rd_kafka_topic_partition_list_add(topics, floor->outputs[i].input,
                                              RD_KAFKA_PARTITION_UA);
        }
    }
    if (rd_kafka_subscribe(floor->consumer, topics) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("subscribe", group);
    }
    rd_kafka_topic_partition_list_destroy(topics);
}

/* As src/io/kafka_txn.c has them. */
static void open_producer(struct floor *floor, const char *brokers, const char *group, int number)
{
    char id[256];
    const char *settings[][2] = {{"bootstrap.servers", brokers},
                                 {"transactional.id", id},
                                 {"transaction.timeout.ms", "10000"},
                                 {"retry.backoff.ms", "1"},
                                 {"linger.ms", "5"},
                                 {"queue.buffering.max.messages", "500000"},
                                 {NULL, NULL}};

    (void)snprintf(id, sizeof(id), "%s-%d", group, number);
    floor->producers[number] = client(RD_KAFKA_PRODUCER, settings);
    must(rd_kafka_init_transactions(floor->producers[number], 30000), "init_transactions");
}

static void write_one(rd_kafka_t *producer, const struct output *output,
                      const rd_kafka_message_t *message)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__QUEUE_FULL;

    while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        err = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(output->topic), RD_KAFKA_V_PARTITION(message->partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(message->key, message->key_len),
            RD_KAFKA_V_VALUE(filler, (size_t)output->bytes), RD_KAFKA_V_END);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(producer, 10);
        }
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("produce", rd_kafka_err2str(err));
    }
}

static void copy(struct floor *floor, rd_kafka_t *producer, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);

    for (int i = 0; i < floor->output_count; i++) {
        struct output *output = &floor->outputs[i];

        if (strcmp(output->input, topic) != 0) {
            continue;
        }
        for (output->owed += output->rate; output->owed >= 1; output->owed -= 1) {
            write_one(producer, output, message);
        }
    }
}

static void commit(struct floor *floor, rd_kafka_t *producer, int count)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(16);
    rd_kafka_consumer_group_metadata_t *metadata =
        rd_kafka_consumer_group_metadata(floor->consumer);
    double began = now_s();

    for (int i = 0; i < count; i++) {
        const rd_kafka_message_t *message = floor->batch[i];
        const char *topic = rd_kafka_topic_name(message->rkt);
        rd_kafka_topic_partition_t *place =
            rd_kafka_topic_partition_list_find(offsets, topic, message->partition);

        if (place == NULL) {
            place = rd_kafka_topic_partition_list_add(offsets, topic, message->partition);
        }
        place->offset = message->offset + 1;
    }
    must(rd_kafka_send_offsets_to_transaction(producer, offsets, metadata, 30000), "offsets");
    must(rd_kafka_commit_transaction(producer, -1), "commit");
    floor->commit_s += now_s() - began;
    rd_kafka_consumer_group_metadata_destroy(metadata);
    rd_kafka_topic_partition_list_destroy(offsets);
}

/* Wait for a record, then take what else is there: as planlift gathers its batches. */
static int gather(struct floor *floor)
{
    int count = 0;

    while (count < floor->batch_limit) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(floor->consumer, count == 0 ? 100 : 0);

        if (message == NULL) {
            break;
        }
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_message_destroy(message);
            continue;
        }
        floor->batch[count++] = message;
    }
    return count;
}

static void turn(struct floor *floor)
{
    rd_kafka_t *producer = floor->producers[floor->transactions % floor->producer_count];
    int count = gather(floor);

    if (count == 0) {
        return;
    }
    must(rd_kafka_begin_transaction(producer), "begin");
    for (int i = 0; i < count; i++) {
        copy(floor, producer, floor->batch[i]);
    }
    commit(floor, producer, count);
    for (int i = 0; i < count; i++) {
        rd_kafka_message_destroy(floor->batch[i]);
    }
    floor->copied += count;
    floor->transactions++;
}

static void read_output(struct floor *floor, const char *text)
{
    struct output *output = &floor->outputs[floor->output_count++];

    if (floor->output_count > MAX_OUTPUTS ||
        sscanf(text, "%127[^:]:%127[^:]:%lf:%lf", output->input, output->topic, &output->rate,
               &output->bytes) != 4 ||
        output->bytes > (double)sizeof(filler)) {
        die("not an output", text);
    }
}

int main(int argc, char **argv)
{
    struct floor floor = {.output_count = 0};
    int64_t wanted;
    double began;

    if (argc < 7) {
        die("usage", "floor BROKERS GROUP COUNT PRODUCERS BATCH IN:OUT:RECORDS:BYTES...");
    }
    signal(SIGTERM, stop);
    wanted = strtoll(argv[3], NULL, 10);
    floor.producer_count = atoi(argv[4]) == 2 ? 2 : 1;
    floor.batch_limit = atoi(argv[5]);
    floor.batch = calloc((size_t)floor.batch_limit, sizeof(rd_kafka_message_t *));
    for (size_t i = 0; i < sizeof(filler); i++) {
        filler[i] = (char)(i * 2654435761U >> 13); /* as little compressible as state is */
    }
    for (int i = 6; i < argc; i++) {
        read_output(&floor, argv[i]);
    }
    for (int i = 0; i < floor.producer_count; i++) {
        open_producer(&floor, argv[1], argv[2], i);
    }
    open_consumer(&floor, argv[1], argv[2]);
    began = now_s();
    while (must_stop == 0 && (wanted == 0 || floor.copied < wanted)) {
        turn(&floor);
        if (floor.copied == 0) {
            began = now_s(); /* joining the group is not copying */
        }
    }
    printf("{\"records\": %" PRId64 ", \"seconds\": %.4f, \"transactions\": %" PRId64
           ", \"commit_ms\": %.3f}\n",
           floor.copied, now_s() - began, floor.transactions,
           floor.transactions == 0 ? 0 : floor.commit_s * 1e3 / (double)floor.transactions);
    rd_kafka_consumer_close(floor.consumer);
    rd_kafka_destroy(floor.consumer);
    for (int i = 0; i < floor.producer_count; i++) {
        rd_kafka_destroy(floor.producers[i]);
    }
    free(floor.batch);
    return 0;
}
