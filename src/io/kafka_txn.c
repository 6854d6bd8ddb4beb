/* The transactional producer. After a transaction that did not simply go through (aborted, failed,
 * or with a request that was sent again or got no answer) the producer is thrown away, and a new
 * one made before the next: its epoch fences what may still be under way (I7). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/kafka_doubt.h"
#include "io/kafka_error.h"
#include "io/kafka_feed.h"
#include "io/kafka_headers.h"
#include "io/kafka_login.h"
#include "io/kafka_producer.h"
#include "io/kafka_settle.h"
#include "planlift/arena.h"
#include "planlift/log.h"

/* The library's calls return in this time, whatever Kafka does, so that the loop goes round (and
 * the watchdog sees it); tried again, they go on where they were. */
#define CALL_TIMEOUT_MS 5000
#define CALL_TRIES 2
#define FLUSH_TIMEOUT_MS 10000
#define ABORT_TIMEOUT_MS 2000 /* a renewed producer ends it in any case */
#define QUEUE_FULL_WAIT_MS 50
#define QUEUE_FULL_TRIES 200

struct span {
    int64_t first, last, count;
};

struct pl_kafka_txn {
    const struct pl_kafka_options *options;
    const struct pl_kafka_topics *topics;
    struct pl_kafka_feed *feed;
    struct pl_kafka_producer producer;
    int hangups_seen;
    rd_kafka_consumer_group_metadata_t *group; /* as it was when the transaction began */
    rd_kafka_topic_partition_list_t *hanging;  /* as asked last; NULL: not yet */
    bool has_committed;                        /* or tried to, since then */
    bool has_lost_connection;                  /* since it was looked at what is unended */
    bool must_renew;             /* tainted: not to be used for another transaction (I7) */
    struct pl_kafka_doubt doubt; /* of the transaction under way */
    uintptr_t sequence;          /* of the transaction, in every message's opaque */
    size_t produced;             /* of this transaction */
    size_t acknowledged;         /* reports, good and bad */
    rd_kafka_resp_err_t failure; /* of the first bad report */
    struct span *spans;          /* state records, by partition (I5) */
};

/* ---- delivery reports ------------------------------------------------------------------------ */

static void *tag_of(const struct pl_kafka_txn *txn, enum pl_topic topic)
{
    return (void *)(txn->sequence * PL_TOPIC_COUNT + (uintptr_t)topic);
}

static void note_state_offset(struct pl_kafka_txn *txn, const rd_kafka_message_t *message)
{
    struct span *span = &txn->spans[message->partition];

    if (span->count == 0 || message->offset < span->first) {
        span->first = message->offset;
    }
    if (span->count == 0 || message->offset > span->last) {
        span->last = message->offset;
    }
    span->count++;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct pl_kafka_txn *txn = opaque;
    uintptr_t tag = (uintptr_t)message->_private;

    (void)rk;
    if (tag / PL_TOPIC_COUNT != txn->sequence) {
        return; /* of a transaction that was given up */
    }
    txn->acknowledged++;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (txn->failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
            txn->failure = message->err;
        }
    } else if (tag % PL_TOPIC_COUNT == PL_TOPIC_STATE) {
        note_state_offset(txn, message);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void forget_group(struct pl_kafka_txn *txn)
{
    if (txn->group != NULL) {
        rd_kafka_consumer_group_metadata_destroy(txn->group);
        txn->group = NULL;
    }
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct pl_kafka_txn *txn = opaque;

    (void)rk;
    pl_log(DEBUG, "producer_error", PL_F_TEXT("reason", reason));
    /* One that was never made has not carried anything: a dead bootstrap server, or a name's first
     * address where nobody listens. UP and UPDATE are the states of one that was. */
    if ((err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__TIMED_OUT) &&
        strstr(reason, " in state UP") != NULL) {
        txn->has_lost_connection = true;
    }
}

static enum pl_status prepare(rd_kafka_conf_t *conf, void *opaque, struct pl_error *error)
{
    struct pl_kafka_txn *txn = opaque;

    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    return pl_kafka_doubt_watch(&txn->doubt, conf, error);
}

static void close_producer(struct pl_kafka_txn *txn)
{
    if (txn->producer.rk != NULL) {
        (void)rd_kafka_poll(txn->producer.rk, 0); /* whether it has lost a connection */
    }
    pl_kafka_producer_close(&txn->producer);
}

static enum pl_status open_producer(struct pl_kafka_txn *txn, struct pl_error *error)
{
    enum pl_status status =
        pl_kafka_producer_open(&txn->producer, txn->options, txn->topics, prepare, txn, error);

    if (status == PL_OK) {
        status = pl_kafka_consume_error(
            error, rd_kafka_init_transactions(txn->producer.rk, CALL_TIMEOUT_MS),
            "starting the transactional producer");
        status = status == PL_ABORT ? PL_AGAIN : status;
    }
    if (status != PL_OK) {
        close_producer(txn);
    }
    return status;
}

enum pl_status pl_kafka_txn_new(const struct pl_kafka_options *options,
                                const struct pl_kafka_topics *topics, struct pl_kafka_feed *feed,
                                struct pl_kafka_txn **ret_txn, struct pl_error *error)
{
    struct pl_kafka_txn *txn = calloc(1, sizeof(*txn));
    enum pl_status status;

    if (txn == NULL) {
        pl_out_of_memory(sizeof(*txn));
    }
    txn->options = options;
    txn->topics = topics;
    txn->feed = feed;
    txn->spans = calloc((size_t)topics->partition_count, sizeof(*txn->spans));
    if (txn->spans == NULL) {
        pl_out_of_memory((size_t)topics->partition_count * sizeof(*txn->spans));
    }
    status = open_producer(txn, error);
    if (status != PL_OK) {
        pl_kafka_txn_free(txn);
        return status;
    }
    *ret_txn = txn;
    return PL_OK;
}

void pl_kafka_txn_free(struct pl_kafka_txn *txn)
{
    if (txn != NULL) {
        close_producer(txn);
        forget_group(txn);
        if (txn->hanging != NULL) {
            rd_kafka_topic_partition_list_destroy(txn->hanging);
        }
        free(txn->spans);
        free(txn);
    }
}

/* ---- a transaction --------------------------------------------------------------------------- */

/* Fenced as a producer may be our own transaction that ran out of time: a new producer finds out.
 * Who has really lost the slot is told so by the group, which is asked. */
static enum pl_status taint(struct pl_kafka_txn *txn, enum pl_status status)
{
    if (status == PL_OK || status == PL_ABORT || status == PL_BAD_DATA) {
        return status;
    }
    txn->must_renew = true;
    if (status == PL_FENCED) {
        pl_kafka_feed_doubt(txn->feed);
        return PL_AGAIN;
    }
    return rd_kafka_fatal_error(txn->producer.rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR ? PL_AGAIN
                                                                                         : status;
}

static enum pl_status renew(void *self, struct pl_error *error)
{
    struct pl_kafka_txn *txn = self;
    enum pl_status status;

    if (!txn->must_renew && txn->producer.rk != NULL) {
        return PL_OK;
    }
    close_producer(txn);
    txn->has_lost_connection = txn->has_lost_connection || txn->has_committed; /* may be untold */
    status = open_producer(txn, error);
    if (status == PL_OK) {
        pl_log(INFO, "producer_renewed", PL_F_TEXT("transactional_id", txn->options->instance_id));
        txn->must_renew = false;
    }
    return status;
}

static bool has_lost_contact(void *self)
{
    struct pl_kafka_txn *txn = self;

    if (txn->producer.rk != NULL) {
        (void)rd_kafka_poll(txn->producer.rk, 0);
    }
    /* Of a producer that is given up it cannot be told. */
    txn->has_lost_connection |= txn->must_renew && txn->has_committed;
    txn->must_renew |= txn->has_lost_connection;
    return txn->has_lost_connection;
}

/* The next transaction must not be committed with what hangs of the last one. */
static enum pl_status check_contact(struct pl_kafka_txn *txn, struct pl_error *error)
{
    return has_lost_contact(txn)
               ? pl_fail(error, PL_ABORT, "the connection to Kafka was lost in between")
               : PL_OK;
}

static enum pl_status begin(void *self, struct pl_error *error)
{
    struct pl_kafka_txn *txn = self;
    enum pl_status status = renew(txn, error);

    if (status == PL_OK) {
        status = check_contact(txn, error);
    }
    if (status != PL_OK) {
        return status;
    }
    pl_kafka_login_renew(txn->options, txn->producer.rk, &txn->hangups_seen);
    txn->sequence++;
    txn->produced = 0;
    txn->acknowledged = 0;
    txn->failure = RD_KAFKA_RESP_ERR_NO_ERROR;
    pl_kafka_doubt_clear(&txn->doubt);
    forget_group(txn);
    txn->group = pl_kafka_feed_metadata(txn->feed);
    memset(txn->spans, 0, (size_t)txn->topics->partition_count * sizeof(*txn->spans));
    return taint(txn, pl_kafka_consume_error(error, rd_kafka_begin_transaction(txn->producer.rk),
                                             "beginning a transaction"));
}

static size_t message_limit(void *self, enum pl_topic topic)
{
    const struct pl_kafka_txn *txn = self;
    int64_t limit = txn->topics->max_message_bytes[topic];

    if (txn->options->message_max_bytes < limit) {
        limit = txn->options->message_max_bytes;
    }
    return limit > PL_KAFKA_SPARE_BYTES ? (size_t)(limit - PL_KAFKA_SPARE_BYTES) : 0;
}

static size_t size_of(const struct pl_message *message)
{
    size_t size = message->key.len + message->value.len;

    for (size_t i = 0; i < message->header_count; i++) {
        size += message->headers[i].name.len + message->headers[i].value.len;
    }
    return size;
}

/* NOLINTNEXTLINE(readability-function-cognitive-complexity): librdkafka's macros, no logic of
 * ours */
static rd_kafka_resp_err_t produce_once(struct pl_kafka_txn *txn, const struct pl_message *message,
                                        rd_kafka_headers_t *list)
{
    /* librdkafka takes the bytes as void * but copies them (F_COPY). */
    union {
        const char *in;
        void *out;
    } key = {message->key.data}, value = {message->value.data};

    return rd_kafka_producev(
        txn->producer.rk, RD_KAFKA_V_RKT(txn->producer.topics[message->topic]),
        RD_KAFKA_V_PARTITION(message->partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key.out, message->key.len), RD_KAFKA_V_VALUE(value.out, message->value.len),
        RD_KAFKA_V_OPAQUE(tag_of(txn, message->topic)), RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_END);
}

/* Would the same record be refused again, however often it is sent? */
static bool is_of_the_record(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        return true;
    default:
        return false;
    }
}

static enum pl_status produce(void *self, const struct pl_message *message, struct pl_error *error)
{
    struct pl_kafka_txn *txn = self;
    bool is_dlq = message->topic == PL_TOPIC_EVENTS_DLQ || message->topic == PL_TOPIC_REQUESTS_DLQ;
    rd_kafka_headers_t *list;
    rd_kafka_resp_err_t err;

    if (!is_dlq && size_of(message) > message_limit(txn, message->topic)) {
        return pl_fail(error, PL_BAD_DATA, "a record of %zu bytes is larger than %s takes (%zu)",
                       size_of(message), txn->options->topics[message->topic],
                       message_limit(txn, message->topic));
    }
    list = pl_kafka_headers_new(message);
    err = produce_once(txn, message, list);
    for (int tries = 0; err == RD_KAFKA_RESP_ERR__QUEUE_FULL && tries < QUEUE_FULL_TRIES; tries++) {
        (void)rd_kafka_poll(txn->producer.rk, QUEUE_FULL_WAIT_MS); /* reports make room */
        err = produce_once(txn, message, list);
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        txn->produced++; /* headers now belong to the message */
        return PL_OK;
    }
    if (list != NULL) {
        rd_kafka_headers_destroy(list);
    }
    (void)pl_kafka_fail(error, err, "producing");
    return is_of_the_record(err) ? PL_BAD_DATA : PL_ABORT;
}

static enum pl_status flush(void *self, struct pl_error *error)
{
    struct pl_kafka_txn *txn = self;
    rd_kafka_resp_err_t err = rd_kafka_flush(txn->producer.rk, FLUSH_TIMEOUT_MS);

    if (txn->failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)pl_kafka_fail(error, txn->failure, "a record was not accepted");
        return is_of_the_record(txn->failure) ? PL_BAD_DATA : PL_ABORT;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR || txn->acknowledged != txn->produced) {
        return pl_fail(error, PL_ABORT, "%zu of %zu records were acknowledged in time",
                       txn->acknowledged, txn->produced); /* I6 */
    }
    return PL_OK;
}

static enum pl_status state_offsets(void *self, int32_t partition, int64_t *ret_first,
                                    int64_t *ret_last, struct pl_error *error)
{
    const struct pl_kafka_txn *txn = self;
    const struct span *span = &txn->spans[partition];

    if (span->count == 0) {
        return PL_NOT_FOUND;
    }
    if (span->last - span->first + 1 != span->count) {
        return pl_fail(error, PL_ABORT,
                       "state records of partition %" PRId32 " are not contiguous: somebody else "
                       "writes to %s",
                       partition, txn->options->topics[PL_TOPIC_STATE]);
    }
    *ret_first = span->first;
    *ret_last = span->last;
    return PL_OK;
}

static rd_kafka_topic_partition_list_t *
position_list(const struct pl_kafka_txn *txn, const struct pl_position *positions, size_t count)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)count * PL_INPUT_COUNT);

    for (size_t i = 0; i < count; i++) {
        for (int input = 0; input < PL_INPUT_COUNT; input++) {
            if (positions[i].next[input] >= 0) {
                rd_kafka_topic_partition_list_add(list, txn->options->topics[input],
                                                  positions[i].partition)
                    ->offset = positions[i].next[input];
            }
        }
    }
    return list;
}

static enum pl_status send_offsets(struct pl_kafka_txn *txn, const struct pl_position *positions,
                                   size_t count, struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = position_list(txn, positions, count);
    enum pl_status status = PL_AGAIN;

    for (int tries = 0; status == PL_AGAIN && tries < CALL_TRIES; tries++) {
        status = pl_kafka_consume_error(error,
                                        rd_kafka_send_offsets_to_transaction(
                                            txn->producer.rk, list, txn->group, CALL_TIMEOUT_MS),
                                        "adding offsets to the transaction");
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static enum pl_status commit(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error)
{
    struct pl_kafka_txn *txn = self;
    enum pl_status status = check_contact(txn, error);

    if (status == PL_OK) {
        status = send_offsets(txn, positions, count, error);
    }
    if (status != PL_OK) {
        return taint(txn, status);
    }
    status = PL_AGAIN;
    txn->has_committed = true;
    for (int tries = 0; status == PL_AGAIN && tries < CALL_TRIES; tries++) {
        status = pl_kafka_consume_error(
            error, rd_kafka_commit_transaction(txn->producer.rk, CALL_TIMEOUT_MS),
            "committing the transaction");
    }
    if (status == PL_OK && pl_kafka_doubt_is_raised(&txn->doubt)) {
        pl_log(WARN, "producer_in_doubt",
               PL_F_TEXT("reason", "a request of the transaction was sent again or not answered"));
        txn->must_renew = true; /* a late EndTxn must not meet the next transaction */
    }
    return taint(txn, status);
}

static enum pl_status abort_transaction(void *self, struct pl_error *error)
{
    struct pl_kafka_txn *txn = self;
    enum pl_status status = PL_OK;

    txn->sequence++; /* late reports are not of the next transaction */
    if (!txn->must_renew) {
        status = pl_kafka_consume_error(
            error, rd_kafka_abort_transaction(txn->producer.rk, ABORT_TIMEOUT_MS),
            "aborting the transaction");
    }
    if (status != PL_OK) {
        pl_log(DEBUG, "abort_failed", PL_F_TEXT("reason", error->text));
    }
    txn->must_renew = true; /* the new producer ends what the old one may have left open */
    return PL_OK;
}

/* ---- hanging transactions -------------------------------------------------------------------- */

/* One transaction of ours in all those places, and in the group's offsets, ends by its abort what
 * an earlier one of the same transactional id left there: to Kafka they are one. */
static enum pl_status roll_back(struct pl_kafka_txn *txn, const struct pl_settlement *settlement,
                                struct pl_error *error)
{
    /* It is never committed: what it says does not matter. */
    static const struct pl_position any = {.partition = 0, .next = {0, 0}};
    enum pl_status status = begin(txn, error);

    for (size_t i = 0; status == PL_OK && i < settlement->place_count; i++) {
        const struct pl_message nothing = {.topic = settlement->places[i].topic,
                                           .partition = settlement->places[i].partition,
                                           .key = PL_BYTES_LITERAL("rolled back")};

        status = produce(txn, &nothing, error);
    }
    if (status == PL_OK) {
        status = flush(txn, error);
    }
    if (status == PL_OK) {
        status = send_offsets(txn, &any, 1, error);
    }
    if (status == PL_OK) {
        status = pl_kafka_consume_error(
            error, rd_kafka_abort_transaction(txn->producer.rk, CALL_TIMEOUT_MS),
            "rolling back a hanging transaction");
    }
    txn->sequence++; /* late reports are not of the next transaction */
    txn->must_renew = true;
    return taint(txn, status);
}

static enum pl_status unended(void *self, bool *ret_hangs, bool *ret_any, struct pl_error *error)
{
    struct pl_kafka_txn *txn = self;
    const struct pl_settlement settlement = {
        .options = txn->options, .topics = txn->topics, .reader = pl_kafka_feed_reader(txn->feed)};

    txn->has_lost_connection = txn->has_committed = false;
    if (txn->hanging != NULL) {
        rd_kafka_topic_partition_list_destroy(txn->hanging);
    }
    txn->hanging = rd_kafka_topic_partition_list_new(0);
    return pl_kafka_unended(&settlement, ret_hangs, ret_any, txn->hanging, error);
}

static enum pl_status settle(void *self, const struct pl_position *positions, size_t count,
                             struct pl_error *error)
{
    struct pl_kafka_txn *txn = self;
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_settlement settlement = {.options = txn->options,
                                       .topics = txn->topics,
                                       .reader = pl_kafka_feed_reader(txn->feed),
                                       .arena = &arena,
                                       .hanging = txn->hanging,
                                       .positions = positions,
                                       .count = count};
    enum pl_status status;

    status = pl_kafka_settle_look(&settlement, error);
    if (status == PL_OK) {
        status = roll_back(txn, &settlement, error);
    }
    pl_arena_done(&arena);
    return status;
}

static int32_t partition_count(void *self, enum pl_topic topic)
{
    const struct pl_kafka_txn *txn = self;

    switch (topic) {
    case PL_TOPIC_EVENTS_DLQ:
        return txn->topics->dlq_partition_count[PL_TOPIC_EVENTS];
    case PL_TOPIC_REQUESTS_DLQ:
        return txn->topics->dlq_partition_count[PL_TOPIC_REQUESTS];
    default:
        return txn->topics->partition_count;
    }
}

struct pl_txn pl_kafka_txn_port(struct pl_kafka_txn *txn)
{
    static const struct pl_txn_ops ops = {.renew = renew,
                                          .has_lost_contact = has_lost_contact,
                                          .unended = unended,
                                          .settle = settle,
                                          .begin = begin,
                                          .produce = produce,
                                          .flush = flush,
                                          .state_offsets = state_offsets,
                                          .commit = commit,
                                          .abort = abort_transaction,
                                          .message_limit = message_limit,
                                          .partition_count = partition_count};

    return (struct pl_txn){&ops, txn};
}
