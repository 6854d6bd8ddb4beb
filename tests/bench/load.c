/* Writes the workload of the benchmarks into an input topic.
 *
 *   load KIND BROKERS TOPIC SEED CUSTOMERS LICENCES FIRST WINDOW|COUNT
 *
 * events: all facts of all customers, those of WINDOW customers interleaved, in the order of each.
 * requests: COUNT of them, from number FIRST on, of any customers. licences-in-turn, checks-in-turn
 * and requests-in-turn: COUNT of them, of one customer after the other, over and over. LICENCES: of
 * a customer, as workload.h says. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "kafka_tool.h"
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

static void open_sender(struct sender *sender, const char *brokers, const char *topic)
{
    const struct bench_setting settings[] = {{"bootstrap.servers", brokers},
                                             {"enable.idempotence", "true"},
                                             {"log_level", "3"},
                                             {"linger.ms", "20"},
                                             {"queue.buffering.max.messages", "1000000"},
                                             {"partitioner", "murmur2_random"},
                                             {NULL, NULL}};

    sender->rk = bench_client(RD_KAFKA_PRODUCER, settings);
    sender->topic = rd_kafka_topic_new(sender->rk, topic, NULL);
}

/* Sends what the buffer holds. */
static void send_value(struct sender *sender, struct pl_bytes key)
{
    while (rd_kafka_produce(sender->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            sender->buffer.data, sender->buffer.len, key.data, key.len,
                            NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            bench_die("produce", rd_kafka_err2str(rd_kafka_last_error()));
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
        bench_die("window", "no memory");
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

static void send_request(struct sender *sender, const struct pl_request *request)
{
    pl_request_encode(REQUEST_SCHEMA, request, &sender->buffer);
    send_value(sender, request->customer_id);
}

static void send_requests(struct sender *sender, const struct workload *workload, uint64_t first,
                          uint64_t count)
{
    for (uint64_t number = first; number < first + count; number++) {
        struct workload_text text;
        struct pl_request request;

        workload_request(workload, workload_repeated(workload, number), &text, &request);
        send_request(sender, &request);
    }
}

/* One customer after the other, so that so many records in a row are of so many customers. */
static void send_in_turn(struct sender *sender, const struct workload *workload, const char *kind,
                         uint64_t first, uint64_t count)
{
    bool are_checks = strcmp(kind, "checks-in-turn") == 0;

    for (uint64_t number = first; number < first + count; number++) {
        uint32_t customer = (uint32_t)(number % workload->customers);
        struct workload_text text;
        struct pl_request request;

        if (strcmp(kind, "licences-in-turn") == 0) {
            send_event(sender, workload, customer,
                       workload_licence_index(workload, customer, number));
            continue;
        }
        workload_request_of(workload, customer, number, &text, &request);
        if (are_checks) {
            request.operation = PL_OPERATION_CHECK;
            request.target_offer_id = PL_NULL_BYTES;
            request.quantity.is_set = false;
        }
        send_request(sender, &request);
    }
}

int main(int argc, char **argv)
{
    struct sender sender = {.sent = 0};
    struct workload workload;
    uint64_t first;
    uint64_t last;

    if (argc != 9) {
        bench_die("usage", "load KIND BROKERS TOPIC SEED CUSTOMERS LICENCES FIRST WINDOW|COUNT");
    }
    workload = workload_of(argv[4], argv[5], argv[6]);
    first = strtoull(argv[7], NULL, 10);
    last = strtoull(argv[8], NULL, 10);
    open_sender(&sender, argv[2], argv[3]);
    if (strcmp(argv[1], "events") == 0) {
        send_events(&sender, &workload, (uint32_t)last);
    } else if (strcmp(argv[1], "requests") == 0) {
        send_requests(&sender, &workload, first, last);
    } else {
        send_in_turn(&sender, &workload, argv[1], first, last);
    }
    if (rd_kafka_flush(sender.rk, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_die("flush", "Kafka did not take all of it in time");
    }
    printf("%" PRIu64 "\n", sender.sent);
    rd_kafka_topic_destroy(sender.topic);
    rd_kafka_destroy(sender.rk);
    pl_buffer_done(&sender.buffer);
    return 0;
}
