/* The producer's queues: producev puts a message into its partition's queue; a thread of the
 * client's own sends what is there, a batch of one partition at a time; delivery reports wait until
 * the application polls or flushes. The broker stores a batch once, however often it is sent
 * (idempotence), and only for the transaction that its partition was added to (KIP-890's first
 * part, on by default since Kafka 3.6). What each failure does: rd_kafka_handle_Produce_error. */
#include <assert.h>
#include <stdarg.h>

#include "kafka_sim.h"

#define LINGER_MS 5
#define RETRY_MS 100
#define MOST_TRIES 40 /* a message's own timeout would strike (message.timeout.ms) */

static const struct sim_api produce_api = {
    .name = "Produce", .key = 0, .place = SIM_LEADER, .fates = SIM_ALL_FATES(PRODUCE)};

struct batch {
    struct sim_queue messages;
    enum pl_topic topic;
    int32_t partition;
    int64_t first_offset; /* -1: not stored */
    uint64_t sequence;    /* of the transaction that it belongs to, at the broker */
    bool is_to_fail;      /* its report is to say so */
};

struct partition_queue {
    struct sim_queue waiting;
    bool is_sending; /* one batch at a time */
    int gap_epoch;   /* in which a batch was numbered that the broker never stored; 0: none */
};

struct sim_producer {
    struct partition_queue queues[PL_TOPIC_COUNT][PL_FAKE_MAX_PARTITIONS];
    struct sim_queue reports;
    int pending; /* messages that are not reported yet */
    int most_pending;
    bool is_kicked;
    bool is_flushing;
};

struct sim_producer *sim_producer_new(rd_kafka_t *rk)
{
    struct sim_producer *producer =
        pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*producer)); /* as long as the handle */

    producer->most_pending =
        (int)sim_property_number(rk->conf, "queue.buffering.max.messages", 100000);
    return producer;
}

static void drop_all(struct sim_queue *queue)
{
    struct sim_message *message;

    while ((message = sim_queue_take(queue)) != NULL) {
        sim_message_free(message);
    }
}

/* What is under way to a broker is not freed: it may still arrive. */
void sim_producer_free(rd_kafka_t *rk)
{
    struct sim_producer *producer = rk->producer;

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            drop_all(&producer->queues[topic][partition].waiting);
        }
    }
    drop_all(&producer->reports);
}

int sim_producer_pending(const rd_kafka_t *rk)
{
    return rk->producer->pending;
}

/* ---- reports --------------------------------------------------------------------------------- */

static void report(rd_kafka_t *rk, struct sim_message *message, rd_kafka_resp_err_t err)
{
    message->public.err = err;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        sim_txn_count_failure(rk);
    }
    sim_queue_put(&rk->producer->reports, message);
}

static void report_all(rd_kafka_t *rk, struct sim_queue *messages, rd_kafka_resp_err_t err)
{
    struct sim_message *message;

    while ((message = sim_queue_take(messages)) != NULL) {
        report(rk, message, err);
    }
}

void sim_producer_purge(rd_kafka_t *rk, rd_kafka_resp_err_t err)
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            report_all(rk, &rk->producer->queues[topic][partition].waiting, err);
        }
    }
}

/* ---- at the broker --------------------------------------------------------------------------- */

static const struct pl_fake_producer *owner_of(const struct sim_request *request)
{
    return &request->rk->sim->world.broker.producers[request->session.producer];
}

/* Nothing of a batch is stored if any of it is too large. */
static bool is_too_large(const struct pl_fake_broker *broker, const struct batch *batch)
{
    for (const struct sim_message *message = batch->messages.first; message != NULL;
         message = message->next) {
        if (message->public.key_len + message->public.len > broker->broker_limits[batch->topic]) {
            return true;
        }
    }
    return false;
}

static rd_kafka_resp_err_t serve_produce(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    struct batch *batch = request->data;
    const struct partition_queue *queue =
        &request->rk->producer->queues[batch->topic][batch->partition];
    const struct pl_fake_producer *owner = owner_of(request);

    if (owner->epoch != request->session.epoch) {
        return sim_txn_err(sim, request->session, PL_FAKE_OLD_EPOCH);
    }
    if (batch->first_offset >= 0) {
        return RD_KAFKA_RESP_ERR_NO_ERROR; /* a duplicate: answered with what it got */
    }
    if (owner->state != PL_FAKE_TXN_OPEN || owner->sequence != batch->sequence ||
        !owner->is_touched[batch->topic][batch->partition]) {
        return RD_KAFKA_RESP_ERR_INVALID_TXN_STATE;
    }
    if (queue->gap_epoch == request->session.epoch) {
        return RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    if (is_too_large(&sim->world.broker, batch)) {
        return RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    }
    for (struct sim_message *message = batch->messages.first; message != NULL;
         message = message->next) {
        struct pl_message stored = sim_message_store(sim, message);
        int64_t offset = -1;
        enum pl_status status =
            pl_fake_produce(&sim->world.broker, request->session, &stored, &offset);

        assert(status == PL_OK); /* looked at above */
        (void)status;
        if (batch->first_offset < 0) {
            batch->first_offset = offset;
        }
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool is_to_try_again(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           err == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
}

/* Back to where they came from, before what came later. */
static void put_back(struct sim_queue *waiting, struct sim_queue *messages)
{
    struct sim_message *message;

    while ((message = sim_queue_take(waiting)) != NULL) {
        sim_queue_put(messages, message);
    }
    *waiting = *messages;
    *messages = (struct sim_queue){NULL, NULL, 0};
}

/* The batch is not to be delivered any more. Its numbers are used up all the same: if the broker
 * did not store it, the next of this epoch are out of order until an abort has bumped it. */
static void give_up_batch(rd_kafka_t *rk, struct batch *batch, const struct sim_request *request,
                          rd_kafka_resp_err_t err)
{
    struct partition_queue *queue = &rk->producer->queues[batch->topic][batch->partition];

    if (batch->first_offset < 0) {
        queue->gap_epoch = request->session.epoch;
    }
    switch (err) {
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
        sim_txn_fail_fatal(rk, RD_KAFKA_RESP_ERR__FENCED, "ProduceRequest: producer fenced");
        break;
    case RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
        put_back(&queue->waiting, &batch->messages); /* to be sent again, but for the abort */
        sim_txn_require_bump(rk);
        sim_txn_fail(rk, err, "skipped sequence numbers");
        break;
    default:
        sim_txn_fail(rk, err, "ProduceRequest failed: current transaction must be aborted");
        break;
    }
    report_all(rk, &batch->messages, err);
}

static void take_produced(struct sim_request *request, rd_kafka_resp_err_t err)
{
    rd_kafka_t *rk = request->rk;
    struct batch *batch = request->data;
    int64_t offset = batch->first_offset;

    if (is_to_try_again(err) && request->attempts < MOST_TRIES) {
        sim_send_later(request, 1 + (int64_t)sim_below(rk->sim, RETRY_MS));
        return;
    }
    if (is_to_try_again(err) || (err == RD_KAFKA_RESP_ERR_NO_ERROR && batch->is_to_fail)) {
        err = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT; /* stored or not, nobody says */
    }
    rk->producer->queues[batch->topic][batch->partition].is_sending = false;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        give_up_batch(rk, batch, request, err);
    }
    for (struct sim_message *message = sim_queue_take(&batch->messages); message != NULL;
         message = sim_queue_take(&batch->messages)) {
        message->public.offset = offset++;
        report(rk, message, RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    sim_producer_kick(rk);
}

/* All that waits, or the first few. */
static void send_batch(rd_kafka_t *rk, enum pl_topic topic, int32_t partition)
{
    struct sim *sim = rk->sim;
    struct partition_queue *queue = &rk->producer->queues[topic][partition];
    struct batch *batch = pl_arena_zalloc(&sim->world.arena, 1, sizeof(*batch));
    struct sim_request *request =
        sim_request_new(rk, &produce_api, serve_produce, take_produced, batch);
    int count = queue->waiting.count;

    if (sim_below(sim, 4) == 0) {
        count = 1 + (int)sim_below(sim, (uint32_t)count);
    }
    *batch = (struct batch){.topic = topic, .partition = partition, .first_offset = -1};
    for (int i = 0; i < count; i++) {
        sim_queue_put(&batch->messages, sim_queue_take(&queue->waiting));
    }
    request->session = sim_txn_session(rk);
    batch->sequence = owner_of(request)->sequence;
    batch->is_to_fail = sim_chance(sim, SIM_REPORT_FAILED);
    if (batch->is_to_fail) {
        sim_mattered(sim, SIM_REPORT_FAILED);
    }
    queue->is_sending = true;
    sim_send(request);
}

static void send_all(rd_kafka_t *rk, void *data)
{
    (void)data;
    rk->producer->is_kicked = false;
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            const struct partition_queue *queue = &rk->producer->queues[topic][partition];

            if (queue->waiting.count > 0 && !queue->is_sending &&
                sim_txn_may_send(rk, (enum pl_topic)topic, partition)) {
                send_batch(rk, (enum pl_topic)topic, partition);
            }
        }
    }
}

void sim_producer_kick(rd_kafka_t *rk)
{
    if (!rk->producer->is_kicked) {
        rk->producer->is_kicked = true;
        sim_client_after(rk, rk->producer->is_flushing ? 0 : (int64_t)sim_below(rk->sim, LINGER_MS),
                         send_all, NULL);
    }
}

/* ---- the application's side ------------------------------------------------------------------ */

struct arguments {
    rd_kafka_topic_t *rkt;
    int32_t partition;
    struct pl_bytes key, value;
    void *opaque;
    rd_kafka_headers_t *headers;
};

static void read_arguments(va_list list, struct arguments *ret)
{
    int type;

    while ((type = va_arg(list, int)) != RD_KAFKA_VTYPE_END) {
        switch (type) {
        case RD_KAFKA_VTYPE_RKT:
            ret->rkt = va_arg(list, rd_kafka_topic_t *);
            break;
        case RD_KAFKA_VTYPE_PARTITION:
            ret->partition = va_arg(list, int32_t);
            break;
        case RD_KAFKA_VTYPE_KEY:
            ret->key.data = va_arg(list, void *);
            ret->key.len = va_arg(list, size_t);
            break;
        case RD_KAFKA_VTYPE_VALUE:
            ret->value.data = va_arg(list, void *);
            ret->value.len = va_arg(list, size_t);
            break;
        case RD_KAFKA_VTYPE_OPAQUE:
            ret->opaque = va_arg(list, void *);
            break;
        case RD_KAFKA_VTYPE_HEADERS:
            ret->headers = va_arg(list, rd_kafka_headers_t *);
            break;
        default:
            assert(type == RD_KAFKA_VTYPE_MSGFLAGS);
            (void)va_arg(list, int);
            break;
        }
    }
}

/* What producev looks at before the message is in its queue. */
static rd_kafka_resp_err_t refuse(rd_kafka_t *rk, const struct arguments *arguments)
{
    struct sim *sim = rk->sim;
    int64_t most = sim_property_number(rk->conf, "message.max.bytes", 1000000);
    int32_t count =
        pl_fake_partition_count(&sim->world.broker, (enum pl_topic)arguments->rkt->index);

    if (rk->fatal_err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return RD_KAFKA_RESP_ERR__FATAL;
    }
    if (!sim_txn_may_produce(rk)) {
        return RD_KAFKA_RESP_ERR__STATE;
    }
    if ((int64_t)(arguments->key.len + arguments->value.len) > most) {
        return RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    }
    if (rk->producer->pending >= rk->producer->most_pending) {
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    }
    if (sim_chance(sim, SIM_PRODUCE_QUEUE_FULL)) {
        sim_mattered(sim, SIM_PRODUCE_QUEUE_FULL); /* its caller must do something */
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    }
    if (arguments->partition < 0 || arguments->partition >= count) {
        return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    }
    if (sim_chance(sim, SIM_PRODUCE_REFUSED)) { /* the topic's metadata is not known just now */
        sim_mattered(sim, SIM_PRODUCE_REFUSED);
        return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_producev(rd_kafka_t *rk, ...)
{
    struct arguments arguments = {.partition = RD_KAFKA_PARTITION_UA};
    struct sim_message *message;
    rd_kafka_resp_err_t err;
    va_list list;

    sim_yield();
    va_start(list, rk);
    read_arguments(list, &arguments);
    va_end(list);
    assert(arguments.rkt != NULL && arguments.rkt->index >= 0);
    err = refuse(rk, &arguments);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err;
    }
    message = sim_message_new(arguments.rkt, arguments.partition, arguments.key, arguments.value);
    message->headers = arguments.headers;
    message->public._private = arguments.opaque;
    sim_queue_put(&rk->producer->queues[message->topic][arguments.partition].waiting, message);
    rk->producer->pending++;
    sim_txn_add_partition(rk, message->topic, arguments.partition);
    sim_producer_kick(rk);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool has_report(void *self)
{
    const rd_kafka_t *rk = self;

    return rk->producer->reports.first != NULL;
}

/* A crash is noticed by its closed connections, before anything else of that broker is heard. */
static void serve_errors(rd_kafka_t *rk)
{
    if (rk->crashes != rk->sim->crashes) {
        rk->crashes = rk->sim->crashes;
        if (rk->conf->error_cb != NULL) {
            rk->conf->error_cb(rk, RD_KAFKA_RESP_ERR__TRANSPORT,
                               "Disconnected (after 1ms in state UP)", rk->conf->opaque);
        }
    }
}

static int serve_reports(rd_kafka_t *rk)
{
    struct sim_message *message;
    int count = 0;

    serve_errors(rk);
    while ((message = sim_queue_take(&rk->producer->reports)) != NULL) {
        rk->producer->pending--;
        if (rk->conf->dr_msg_cb != NULL) {
            rk->conf->dr_msg_cb(rk, &message->public, rk->conf->opaque);
        }
        sim_message_free(message);
        count++;
    }
    return count;
}

int rd_kafka_poll(rd_kafka_t *rk, int timeout_ms)
{
    sim_yield();
    if (rk->type != RD_KAFKA_PRODUCER) {
        if (timeout_ms != 0) {
            (void)sim_wait_until(sim_deadline(rk->sim, timeout_ms));
        }
        return 0;
    }
    if (!has_report(rk) && timeout_ms != 0) {
        (void)sim_wait_for(sim_deadline(rk->sim, timeout_ms), has_report, rk);
    }
    return serve_reports(rk);
}

rd_kafka_resp_err_t rd_kafka_flush(rd_kafka_t *rk, int timeout_ms)
{
    int64_t deadline_ms = sim_deadline(rk->sim, timeout_ms);

    sim_yield();
    rk->producer->is_flushing = true;
    sim_producer_kick(rk);
    (void)serve_reports(rk);
    while (rk->producer->pending > 0 && sim_wait_for(deadline_ms, has_report, rk)) {
        (void)serve_reports(rk);
    }
    rk->producer->is_flushing = false;
    return rk->producer->pending > 0 ? RD_KAFKA_RESP_ERR__TIMED_OUT : RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_purge(rd_kafka_t *rk, int purge_flags)
{
    if ((purge_flags & RD_KAFKA_PURGE_F_QUEUE) != 0) {
        sim_producer_purge(rk, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
    }
    /* In flight: what a broker has of it, it has. Its reports would come with an error; the only
     * caller destroys the handle next. */
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int rd_kafka_outq_len(rd_kafka_t *rk)
{
    return rk->producer->pending;
}
