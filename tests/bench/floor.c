/* The floor: a bare librdkafka loop that copies each input record into as many records and bytes as
 * planlift writes, in the same transactions, with no Redis, no Avro and no decision. Nothing that
 * keeps the promise can be faster; bench.py runs it beside planlift.
 *
 *   floor BROKERS GROUP COUNT PRODUCERS BATCH IN:OUT:RECORDS:BYTES...
 *
 * COUNT: input records until it ends (0: at SIGTERM). PRODUCERS: 1, or 2 that take turns, so that
 * one's markers are written while the other works. BATCH: records of a transaction at the most.
 * RECORDS per input record, and BYTES of each with its key, may have decimals. */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "kafka_tool.h"

enum { MOST_OUTPUTS = 8, CALL_MS = 30000, NAME = 128 };

struct output {
    char input[NAME];
    char topic[NAME];
    double rate;  /* records per input record */
    double bytes; /* of each, with its key */
    double owed;  /* records not yet written */
};

struct floor {
    struct output outputs[MOST_OUTPUTS];
    size_t output_count;
    rd_kafka_t *consumer;
    rd_kafka_t *producers[2];
    uint64_t producer_count;
    rd_kafka_message_t **batch;
    size_t batch_limit;
    uint64_t copied;
    uint64_t transactions;
};

static volatile sig_atomic_t must_stop;
static char filler[1 << 20];

static void stop(int signal_number)
{
    (void)signal_number;
    must_stop = 1;
}

static void must(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL) {
        bench_die(what, rd_kafka_error_string(error));
    }
}

static void open_consumer(struct floor *floor, const char *brokers, const char *group)
{
    const struct bench_setting settings[] = {{"bootstrap.servers", brokers},
                                             {"group.id", group},
                                             {"group.instance.id", group},
                                             {"session.timeout.ms", "10000"},
                                             {"enable.auto.commit", "false"},
                                             {"enable.auto.offset.store", "false"},
                                             {"auto.offset.reset", "earliest"},
                                             {"isolation.level", "read_committed"},
                                             {"partition.assignment.strategy", "range"},
                                             {"queued.min.messages", "1000000"},
                                             {"fetch.wait.max.ms", "100"},
                                             {NULL, NULL}};
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(2);

    floor->consumer = bench_client(RD_KAFKA_CONSUMER, settings);
    rd_kafka_poll_set_consumer(floor->consumer);
    for (size_t i = 0; i < floor->output_count; i++) {
        if (rd_kafka_topic_partition_list_find(topics, floor->outputs[i].input,
                                               RD_KAFKA_PARTITION_UA) == NULL) {
            rd_kafka_topic_partition_list_add(topics, floor->outputs[i].input,
                                              RD_KAFKA_PARTITION_UA);
        }
    }
    if (rd_kafka_subscribe(floor->consumer, topics) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_die("subscribe", group);
    }
    rd_kafka_topic_partition_list_destroy(topics);
}

static rd_kafka_t *open_producer(const char *brokers, const char *group, uint64_t number)
{
    char id[2 * NAME];
    const struct bench_setting settings[] = {{"bootstrap.servers", brokers},
                                             {"transactional.id", id},
                                             {"transaction.timeout.ms", "10000"},
                                             {"retry.backoff.ms", "1"},
                                             {"linger.ms", "5"},
                                             {"queue.buffering.max.messages", "500000"},
                                             {NULL, NULL}};
    rd_kafka_t *producer;

    (void)snprintf(id, sizeof(id), "%s.%" PRIu64, group, number);
    producer = bench_client(RD_KAFKA_PRODUCER, settings);
    must(rd_kafka_init_transactions(producer, CALL_MS), "init_transactions");
    return producer;
}

static void write_one(rd_kafka_t *producer, const struct output *output,
                      const rd_kafka_message_t *message)
{
    size_t bytes = (size_t)output->bytes;
    size_t value_bytes = bytes > message->key_len ? bytes - message->key_len : 0;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__QUEUE_FULL;

    while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        err = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(output->topic),
                                RD_KAFKA_V_PARTITION(message->partition),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_KEY(message->key, message->key_len),
                                RD_KAFKA_V_VALUE(filler, value_bytes), RD_KAFKA_V_END);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(producer, 10);
        }
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_die("produce", rd_kafka_err2str(err));
    }
}

static void copy(struct floor *floor, rd_kafka_t *producer, const rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);

    for (size_t i = 0; i < floor->output_count; i++) {
        struct output *output = &floor->outputs[i];

        if (strcmp(output->input, topic) != 0) {
            continue;
        }
        for (output->owed += output->rate; output->owed >= 1; output->owed -= 1) {
            write_one(producer, output, message);
        }
    }
}

static void commit(const struct floor *floor, rd_kafka_t *producer, size_t count)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(16);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(floor->consumer);

    for (size_t i = 0; i < count; i++) {
        const rd_kafka_message_t *message = floor->batch[i];
        const char *topic = rd_kafka_topic_name(message->rkt);
        rd_kafka_topic_partition_t *place =
            rd_kafka_topic_partition_list_find(offsets, topic, message->partition);

        if (place == NULL) {
            place = rd_kafka_topic_partition_list_add(offsets, topic, message->partition);
        }
        place->offset = message->offset + 1;
    }
    must(rd_kafka_send_offsets_to_transaction(producer, offsets, group, CALL_MS), "offsets");
    must(rd_kafka_commit_transaction(producer, -1), "commit");
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
}

/* Wait for a record, then take what else is there: as planlift gathers its batches. */
static size_t gather(struct floor *floor)
{
    size_t count = 0;

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
    size_t count = gather(floor);

    if (count == 0) {
        return;
    }
    must(rd_kafka_begin_transaction(producer), "begin");
    for (size_t i = 0; i < count; i++) {
        copy(floor, producer, floor->batch[i]);
    }
    commit(floor, producer, count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_message_destroy(floor->batch[i]);
    }
    floor->copied += count;
    floor->transactions++;
}

/* The next part of IN:OUT:RECORDS:BYTES. */
static const char *cut(const char *text, char *ret_part)
{
    size_t len = strcspn(text, ":");

    if (len >= NAME || text[len] == '\0') {
        bench_die("not IN:OUT:RECORDS:BYTES", text);
    }
    memcpy(ret_part, text, len);
    ret_part[len] = '\0';
    return text + len + 1;
}

static void read_output(struct floor *floor, const char *text)
{
    struct output *output = &floor->outputs[floor->output_count++];
    char rate[NAME];

    text = cut(cut(cut(text, output->input), output->topic), rate);
    output->rate = strtod(rate, NULL);
    output->bytes = strtod(text, NULL);
    if (output->bytes > (double)sizeof(filler)) {
        bench_die("too large", text);
    }
}

int main(int argc, char **argv)
{
    struct floor floor = {.output_count = 0};
    uint64_t wanted;

    if (argc < 7 || argc > 6 + MOST_OUTPUTS) {
        bench_die("usage", "floor BROKERS GROUP COUNT PRODUCERS BATCH IN:OUT:RECORDS:BYTES...");
    }
    (void)signal(SIGTERM, stop);
    wanted = strtoull(argv[3], NULL, 10);
    floor.producer_count = strtoull(argv[4], NULL, 10) == 2 ? 2 : 1;
    floor.batch_limit = strtoull(argv[5], NULL, 10);
    floor.batch = calloc(floor.batch_limit, sizeof(rd_kafka_message_t *));
    for (size_t i = 0; i < sizeof(filler); i++) {
        filler[i] = (char)(i * 2654435761U >> 13); /* of many values, as state is */
    }
    for (int i = 6; i < argc; i++) {
        read_output(&floor, argv[i]);
    }
    for (uint64_t i = 0; i < floor.producer_count; i++) {
        floor.producers[i] = open_producer(argv[1], argv[2], i);
    }
    open_consumer(&floor, argv[1], argv[2]);
    while (must_stop == 0 && (wanted == 0 || floor.copied < wanted)) {
        turn(&floor);
    }
    rd_kafka_consumer_close(floor.consumer);
    rd_kafka_destroy(floor.consumer);
    for (uint64_t i = 0; i < floor.producer_count; i++) {
        rd_kafka_destroy(floor.producers[i]);
    }
    free(floor.batch);
    return 0;
}
