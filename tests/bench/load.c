/* Writes the workload of the benchmarks into an input topic.
 *
 *   load events   BROKERS TOPIC SEED CUSTOMERS LICENCES WINDOW
 *   load requests BROKERS TOPIC SEED CUSTOMERS LICENCES COUNT
 *
 * LICENCES: of a customer, least-most. WINDOW: the facts of so many customers come interleaved, in
 * the order of each. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "planlift/buffer.h"
#include "planlift/codec.h"
#include "workload.h"

enum { EVENT_SCHEMA = 1, REQUEST_SCHEMA = 2, FLUSH_MS = 120000 };

struct sender {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    struct pl_buffer buffer;
    uint64_t sent;
};

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1); /* NOLINT(concurrency-mt-unsafe): nothing is to be kept */
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("a record was not accepted", rd_kafka_err2str(message->err));
    }
}

static void open_sender(struct sender *sender, const char *brokers, const char *topic)
{
    const char *settings[][2] = {{"bootstrap.servers", brokers},
                                 {"enable.idempotence", "true"},
                                 {"log_level", "3"},
                                 {"linger.ms", "20"},
                                 {"queue.buffering.max.messages", "1000000"},
                                 {"partitioner", "murmur2_random"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[512];

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            die(settings[i][0], text);
        }
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    sender->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (sender->rk == NULL) {
        die("producer", text);
    }
    sender->topic = rd_kafka_topic_new(sender->rk, topic, NULL);
}

/* Sends what the buffer holds. */
static void send_value(struct sender *sender, struct pl_bytes key)
{
    while (rd_kafka_produce(sender->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            sender->buffer.data, sender->buffer.len, key.data, key.len,
                            NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            die("produce", rd_kafka_err2str(rd_kafka_last_error()));
        }
        rd_kafka_poll(sender->rk, 10);
    }
    sender->buffer.len = 0;
    if (++sender->sent % 1024 == 0) {
        rd_kafka_poll(sender->rk, 0);
    }
}

static void send_event(struct sender *sender, const struct workload *workload, uint32_t customer,
                       uint32_t index)
{
    struct workload_text text;
    struct pl_event event;

    workload_event(workload, customer, index, &text, &event);
    pl_event_encode(EVENT_SCHEMA, pl_bytes_of(text.customer_id), INT64_C(1700000000000), &event,
                    &sender->buffer);
    send_value(sender, event.customer_id);
}

/* Places of the window are filled with the next customer as soon as one has had all its facts. */
static void send_events(struct sender *sender, const struct workload *workload, uint32_t window)
{
    struct {
        uint32_t customer;
        uint32_t next;
    } *open = calloc(window, sizeof(*open));
    uint32_t next_customer = 0;
    uint32_t count = 0;

    if (open == NULL) {
        die("window", "no memory");
    }
    for (; count < window && next_customer < workload->customers; count++) {
        open[count].customer = next_customer++;
    }
    while (count > 0) {
        uint64_t chance = workload_dice(workload->seed, sender->sent, window);
        uint32_t place = (uint32_t)(chance % count);
        uint32_t customer = open[place].customer;

        send_event(sender, workload, customer, open[place].next++);
        if (open[place].next < workload_event_count(workload, customer)) {
            continue;
        }
        if (next_customer < workload->customers) {
            open[place].customer = next_customer++;
            open[place].next = 0;
        } else {
            open[place] = open[--count];
        }
    }
    free(open);
}

static void send_requests(struct sender *sender, const struct workload *workload, uint64_t count)
{
    for (uint64_t number = 0; number < count; number++) {
        struct workload_text text;
        struct pl_request request;

        workload_request(workload, workload_repeated(workload, number), &text, &request);
        pl_request_encode(REQUEST_SCHEMA, &request, &sender->buffer);
        send_value(sender, request.customer_id);
    }
}

static uint32_t number_of(const char *text, char **ret_end)
{
    return (uint32_t)strtoul(text, ret_end, 10);
}

int main(int argc, char **argv)
{
    struct sender sender = {.sent = 0};
    struct workload workload;
    char *end;

    if (argc != 8 || (strcmp(argv[1], "events") != 0 && strcmp(argv[1], "requests") != 0)) {
        die("usage", "load events|requests BROKERS TOPIC SEED CUSTOMERS LICENCES WINDOW|COUNT");
    }
    workload.seed = strtoull(argv[4], NULL, 10);
    workload.customers = number_of(argv[5], &end);
    workload.licences_least = number_of(argv[6], &end);
    workload.licences_most = *end == '-' ? number_of(end + 1, &end) : workload.licences_least;
    open_sender(&sender, argv[2], argv[3]);
    if (strcmp(argv[1], "events") == 0) {
        send_events(&sender, &workload, number_of(argv[7], &end));
    } else {
        send_requests(&sender, &workload, strtoull(argv[7], NULL, 10));
    }
    if (rd_kafka_flush(sender.rk, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("flush", "Kafka did not take all of it in time");
    }
    printf("%" PRIu64 "\n", sender.sent);
    rd_kafka_topic_destroy(sender.topic);
    rd_kafka_destroy(sender.rk);
    pl_buffer_done(&sender.buffer);
    return 0;
}
