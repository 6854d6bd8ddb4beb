/* Clients of the scripts. Nothing that depends on time or chance is printed. */
#include "truth_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALL_MS 10000
#define AWAIT_MS 30000
#define MOST_SHOWN 20

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_ms(int ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&time, NULL);
}

static void fail(const char *what, const char *why)
{
    (void)printf("%s failed: %s\n", what, why);
    (void)fflush(stdout);
    exit(1); /* NOLINT(concurrency-mt-unsafe): nobody else is to end it */
}

/* ---- callbacks ------------------------------------------------------------------------------- */

static void ignore_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

/* Enough of a record to know it by. */
static int shown(const rd_kafka_message_t *message)
{
    return message->len < MOST_SHOWN ? (int)message->len : MOST_SHOWN;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    const struct client *client = opaque;

    (void)rk;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)printf("%s report of %.*s: %s\n", client->name, shown(message),
                     (const char *)message->payload, rd_kafka_err2name(message->err));
    } else {
        (void)printf("%s report of %.*s: offset %lld\n", client->name, shown(message),
                     (const char *)message->payload, (long long)message->offset);
    }
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct client *client = opaque;
    bool is_assign = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;

    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    }
    client->assigned += is_assign ? 1 : 0;
    (void)rd_kafka_assign(rk, is_assign ? list : NULL);
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are librdkafka's */
static rd_kafka_resp_err_t on_sent(rd_kafka_t *rk, int socket, const char *broker,
                                   int32_t broker_id, int16_t api_key, int16_t api_version,
                                   int32_t correlation_id, size_t size, void *opaque)
{
    struct client *client = opaque;

    (void)rk, (void)socket, (void)broker, (void)broker_id;
    (void)api_version, (void)correlation_id, (void)size;
    client->ends_sent += api_key == 26 ? 1 : 0;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                  char *text, size_t size)
{
    (void)conf, (void)text, (void)size;
    return rd_kafka_interceptor_add_on_request_sent(rk, "truth", on_sent, opaque);
}

/* ---- handles --------------------------------------------------------------------------------- */

/* Pairs of names and values, up to a NULL. */
static rd_kafka_conf_t *new_conf(const struct truth *truth, const char *const *pairs)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[256];

    rd_kafka_conf_set_log_cb(conf, ignore_log);
    if (rd_kafka_conf_set(conf, "bootstrap.servers", truth->servers, text, sizeof(text)) !=
        RD_KAFKA_CONF_OK) {
        fail("bootstrap.servers", text);
    }
    for (; *pairs != NULL; pairs += 2) {
        if (rd_kafka_conf_set(conf, pairs[0], pairs[1], text, sizeof(text)) != RD_KAFKA_CONF_OK) {
            fail(pairs[0], text);
        }
    }
    return conf;
}

static void open_handle(struct client *client, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char text[256];

    rd_kafka_conf_set_opaque(conf, client);
    client->rk = rd_kafka_new(type, conf, text, sizeof(text));
    if (client->rk == NULL) {
        fail(client->name, text);
    }
}

void client_producer(struct client *client, const struct truth *truth, const char *id,
                     const char *timeout_ms)
{
    char whole_id[128];
    const char *const pairs[] = {"transactional.id",
                                 whole_id,
                                 "transaction.timeout.ms",
                                 timeout_ms,
                                 "message.timeout.ms",
                                 timeout_ms,
                                 "message.max.bytes",
                                 "10000000",
                                 "linger.ms",
                                 "0",
                                 "retry.backoff.ms",
                                 "1",
                                 NULL};
    rd_kafka_conf_t *conf;

    (void)snprintf(whole_id, sizeof(whole_id), "%s-%s", truth->id, id);
    conf = new_conf(truth, pairs);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    (void)rd_kafka_conf_interceptor_add_on_new(conf, "truth", on_new, client);
    open_handle(client, RD_KAFKA_PRODUCER, conf);
}

void client_reader(struct client *client, const struct truth *truth, const char *isolation)
{
    const char *const pairs[] = {"group.id",
                                 truth->group,
                                 "isolation.level",
                                 isolation,
                                 "enable.auto.commit",
                                 "false",
                                 "enable.partition.eof",
                                 "true",
                                 "auto.offset.reset",
                                 "error",
                                 "fetch.wait.max.ms",
                                 "50",
                                 NULL};

    open_handle(client, RD_KAFKA_CONSUMER, new_conf(truth, pairs));
    (void)rd_kafka_poll_set_consumer(client->rk);
}

void client_member(struct client *client, const struct truth *truth, const char *instance)
{
    char whole_instance[128];
    const char *const pairs[] = {"group.id",
                                 truth->group,
                                 "enable.auto.commit",
                                 "false",
                                 "session.timeout.ms",
                                 "6000",
                                 "heartbeat.interval.ms",
                                 "500",
                                 "partition.assignment.strategy",
                                 "range",
                                 "auto.offset.reset",
                                 "error",
                                 instance == NULL ? NULL : "group.instance.id",
                                 whole_instance,
                                 NULL};
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    rd_kafka_conf_t *conf;

    (void)snprintf(whole_instance, sizeof(whole_instance), "%s-%s", truth->id,
                   instance == NULL ? "" : instance);
    conf = new_conf(truth, pairs);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    open_handle(client, RD_KAFKA_CONSUMER, conf);
    (void)rd_kafka_poll_set_consumer(client->rk);
    rd_kafka_topic_partition_list_add(list, truth->events, RD_KAFKA_PARTITION_UA);
    rd_kafka_topic_partition_list_add(list, truth->requests, RD_KAFKA_PARTITION_UA);
    tell_err(client, "subscribe", rd_kafka_subscribe(client->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
}

void client_close(struct client *client)
{
    rd_kafka_destroy(client->rk);
    client->rk = NULL;
}

/* ---- telling --------------------------------------------------------------------------------- */

void tell(const struct client *client, const char *what, rd_kafka_error_t *error)
{
    if (error == NULL) {
        (void)printf("%s %s: done\n", client->name, what);
        return;
    }
    (void)printf("%s %s: %s%s%s%s\n", client->name, what, rd_kafka_error_name(error),
                 rd_kafka_error_is_fatal(error) != 0 ? ", fatal" : "",
                 rd_kafka_error_is_retriable(error) != 0 ? ", retriable" : "",
                 rd_kafka_error_txn_requires_abort(error) != 0 ? ", requires abort" : "");
    rd_kafka_error_destroy(error);
}

void tell_err(const struct client *client, const char *what, rd_kafka_resp_err_t err)
{
    (void)printf("%s %s: %s\n", client->name, what,
                 err == RD_KAFKA_RESP_ERR_NO_ERROR ? "done" : rd_kafka_err2name(err));
}

/* ---- writing --------------------------------------------------------------------------------- */

void put(struct client *client, const char *topic, int32_t partition, const char *value)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(client->rk, topic, NULL);
    union { /* copied (F_COPY), but not const to librdkafka */
        const char *in;
        void *out;
    } bytes = {value};
    rd_kafka_resp_err_t err =
        rd_kafka_producev(client->rk, RD_KAFKA_V_RKT(rkt), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_VALUE(bytes.out, strlen(value)), RD_KAFKA_V_END);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        tell_err(client, "producev", err);
    }
    rd_kafka_topic_destroy(rkt);
}

void flush(struct client *client)
{
    tell_err(client, "flush", rd_kafka_flush(client->rk, CALL_MS));
}

void put_whole(struct client *client, const char *topic, const char *value)
{
    tell(client, "begin", rd_kafka_begin_transaction(client->rk));
    put(client, topic, 0, value);
    flush(client);
    tell(client, "commit", rd_kafka_commit_transaction(client->rk, CALL_MS));
}

/* ---- reading --------------------------------------------------------------------------------- */

static void find_range(struct client *reader, const char *topic, int64_t *ret_first,
                       int64_t *ret_end)
{
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(reader->rk, topic, 0, ret_first, ret_end, CALL_MS);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail("query_watermark_offsets", rd_kafka_err2name(err));
    }
}

void tell_range(struct client *reader, const char *topic)
{
    int64_t first = -1;
    int64_t end = -1;

    find_range(reader, topic, &first, &end);
    (void)printf("%s range: %lld to %lld\n", reader->name, (long long)first, (long long)end);
}

void await_markers(struct client *committed, struct client *uncommitted, const char *topic)
{
    int64_t deadline_ms = now_ms() + AWAIT_MS;
    int64_t first;
    int64_t stable = -1;
    int64_t end = -2;

    while (stable != end && now_ms() < deadline_ms) {
        find_range(committed, topic, &first, &stable);
        find_range(uncommitted, topic, &first, &end);
        if (stable != end) {
            pause_ms(100);
        }
    }
    if (stable != end) {
        fail("waiting for markers", topic);
    }
}

void tell_places(struct client *reader, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place = rd_kafka_topic_partition_list_add(list, topic, 0);
    int64_t first;
    rd_kafka_resp_err_t err;

    place->offset = RD_KAFKA_OFFSET_BEGINNING;
    err = rd_kafka_offsets_for_times(reader->rk, list, CALL_MS);
    first = place->offset;
    place->offset = RD_KAFKA_OFFSET_END;
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        err = rd_kafka_offsets_for_times(reader->rk, list, CALL_MS);
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        tell_err(reader, "offsets_for_times", err);
    } else {
        (void)printf("%s places: %lld and %lld\n", reader->name, (long long)first,
                     (long long)place->offset);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* Prints it, but for an end before the one that is wanted. True: that was it, or nothing more is to
 * come. */
static bool take_message(const struct client *reader, const rd_kafka_message_t *message,
                         int64_t wanted_end)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (message->offset >= wanted_end) {
            (void)printf("%s end at %lld\n", reader->name, (long long)message->offset);
        }
        return message->offset >= wanted_end;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)printf("%s error: %s\n", reader->name, rd_kafka_err2name(message->err));
        return true;
    }
    (void)printf("%s record at %lld: %.*s\n", reader->name, (long long)message->offset,
                 shown(message), (const char *)message->payload);
    return false;
}

void start_reading(struct client *reader, const char *topic, int64_t from)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = from;
    tell_err(reader, "assign", rd_kafka_assign(reader->rk, list));
    rd_kafka_topic_partition_list_destroy(list);
}

void read_until(struct client *reader, int64_t end)
{
    int64_t deadline_ms = now_ms() + AWAIT_MS;
    bool is_end = false;

    while (!is_end && now_ms() < deadline_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, 1000);

        if (message != NULL) {
            is_end = take_message(reader, message, end);
            rd_kafka_message_destroy(message);
        }
    }
    if (!is_end) {
        (void)printf("%s is told no end\n", reader->name);
    }
}

void read_on(struct client *reader, const char *topic, int64_t from)
{
    start_reading(reader, topic, from);
    read_until(reader, 0);
    (void)rd_kafka_assign(reader->rk, NULL);
}

/* ---- the group ------------------------------------------------------------------------------- */

void tell_committed(struct client *client, const struct truth *truth, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    rd_kafka_topic_partition_list_add(list, truth->events, 0);
    err = rd_kafka_committed(client->rk, list, timeout_ms);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        tell_err(client, "committed", err);
    } else {
        (void)printf("%s committed: %lld\n", client->name, (long long)list->elems[0].offset);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

void send_offset(struct client *producer, const struct truth *truth, int64_t offset,
                 rd_kafka_consumer_group_metadata_t *metadata)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_consumer_group_metadata_t *outside =
        rd_kafka_consumer_group_metadata_new(truth->group);

    rd_kafka_topic_partition_list_add(list, truth->events, 0)->offset = offset;
    tell(producer, "send_offsets",
         rd_kafka_send_offsets_to_transaction(producer->rk, list,
                                              metadata == NULL ? outside : metadata, CALL_MS));
    rd_kafka_consumer_group_metadata_destroy(outside);
    rd_kafka_topic_partition_list_destroy(list);
}

void await_assigned(struct client *const *members, const int *wanted, int count)
{
    int64_t deadline_ms = now_ms() + AWAIT_MS;
    bool is_done = false;

    while (!is_done && now_ms() < deadline_ms) {
        is_done = true;
        for (int i = 0; i < count; i++) {
            rd_kafka_message_t *message = rd_kafka_consumer_poll(members[i]->rk, 50);

            if (message != NULL) {
                rd_kafka_message_destroy(message);
            }
            is_done = is_done && members[i]->assigned >= wanted[i];
        }
    }
    for (int i = 0; i < count; i++) {
        (void)printf("%s is %s\n", members[i]->name,
                     members[i]->assigned >= wanted[i] ? "assigned" : "not assigned");
    }
}
