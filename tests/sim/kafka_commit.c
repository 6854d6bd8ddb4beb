/* send_offsets_to_transaction, commit_transaction, abort_transaction, after rdkafka_txnmgr.c of
 * 2.0.2: AddOffsetsToTxn goes to the transaction coordinator, TxnOffsetCommit to the group's,
 * EndTxn to the transaction coordinator again; each is sent again by the library itself
 * where there was no answer, which is how an EndTxn can come late. */
#include "kafka_txn.h"

#define BACKOFF_MS 30
#define RECONNECT_MS 600
#define OFFSETS_AGAIN_MS 500

static const struct sim_api add_offsets_api = {"AddOffsetsToTxn", 25, SIM_TXN_COORDINATOR,
                                               SIM_ALL_FATES(ADD_OFFSETS)};
static const struct sim_api end_api = {"EndTxn", 26, SIM_TXN_COORDINATOR, SIM_ALL_FATES(END_TXN)};
static const struct sim_api offsets_api = {"TxnOffsetCommit", 28, SIM_GROUP_COORDINATOR,
                                           SIM_ALL_FATES(TXN_OFFSETS)};

static bool is_unanswered(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

static void send_again(struct sim_request *request, rd_kafka_resp_err_t err)
{
    uint32_t most = is_unanswered(err) ? RECONNECT_MS : BACKOFF_MS;

    sim_send_later(request, 1 + (int64_t)sim_below(request->rk->sim, most));
}

/* ---- offsets --------------------------------------------------------------------------------- */

/* One call's offsets. In the arena: a request may come late. */
struct offsets {
    struct pl_position positions[PL_FAKE_MAX_PARTITIONS];
    size_t count;
    struct rd_kafka_consumer_group_metadata_s metadata;
    int64_t deadline_ms;
};

static void note_offset(struct offsets *offsets, const struct sim *sim,
                        const rd_kafka_topic_partition_t *element)
{
    int input = sim_topic_of(sim, element->topic);
    size_t i = 0;

    while (i < offsets->count && offsets->positions[i].partition != element->partition) {
        i++;
    }
    if (i == offsets->count) {
        offsets->positions[offsets->count++] =
            (struct pl_position){.partition = element->partition, .next = {-1, -1}};
    }
    offsets->positions[i].next[input] = element->offset;
}

static rd_kafka_resp_err_t serve_add_offsets(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;

    return sim_txn_err(sim, request->session,
                       pl_fake_ask_group(&sim->world.broker, request->session));
}

static rd_kafka_resp_err_t serve_offsets(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    struct pl_fake_broker *broker = &sim->world.broker;
    const struct offsets *offsets = request->data;
    const struct pl_fake_producer *producer = &broker->producers[request->session.producer];
    rd_kafka_resp_err_t err;

    if (producer->epoch != request->session.epoch) {
        return sim_txn_err(sim, request->session, PL_FAKE_OLD_EPOCH);
    }
    err = sim_group_check(sim, &offsets->metadata);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        sim_occurred(sim, SIM_GENERATION_OLD);
        if (producer->state == PL_FAKE_TXN_OPEN) {
            sim_mattered(sim, SIM_GENERATION_OLD);
        }
        return err;
    }
    if (producer->state != PL_FAKE_TXN_OPEN || !producer->has_offsets) {
        return RD_KAFKA_RESP_ERR_INVALID_TXN_STATE;
    }
    (void)pl_fake_add_offsets(broker, request->session, offsets->positions, offsets->count);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void take_offsets(struct sim_request *request, rd_kafka_resp_err_t err)
{
    struct sim_txn *txn = request->rk->txn;
    const struct offsets *offsets = request->data;
    rd_kafka_error_t *error;

    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        sim_txn_set_result(txn, NULL);
        return;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
        if (sim_now(request->rk->sim) < offsets->deadline_ms) {
            if (txn->state == SIM_STATE_IN_TRANSACTION) {
                sim_send_later(request, OFFSETS_AGAIN_MS);
                return;
            }
            err = RD_KAFKA_RESP_ERR__STATE; /* of the transaction, when it was to be sent again */
        }
        break;
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
        sim_txn_fail_fatal(request->rk, sim_txn_normalize(err), "TxnOffsetCommit failed");
        return; /* which is the result */
    default:
        break;
    }
    sim_txn_fail(request->rk, err, "Failed to commit offsets to transaction");
    error =
        sim_error_new(err, "Failed to commit offsets to transaction: %s", rd_kafka_err2name(err));
    sim_txn_set_result(txn, sim_error_requires_abort(error));
}

static void take_offsets_added(struct sim_request *request, rd_kafka_resp_err_t err)
{
    rd_kafka_t *rk = request->rk;
    const struct offsets *offsets = request->data;
    bool is_late = sim_now(rk->sim) >= offsets->deadline_ms;
    struct sim_request *next;

    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && is_late) {
        err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        next = sim_request_new(rk, &offsets_api, serve_offsets, take_offsets, request->data);
        next->session = request->session;
        sim_send(next);
        return;
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
        sim_txn_fail_fatal(rk, sim_txn_normalize(err), "Failed to add offsets to transaction");
        return;
    default: /* no answer, elsewhere, loading, concurrent */
        if (!is_late) {
            send_again(request, err);
            return;
        }
        sim_txn_set_result(
            rk->txn, sim_error_retriable(sim_error_new(
                         err, "Failed to add offsets to transaction: %s", rd_kafka_err2name(err))));
        return;
    }
}

rd_kafka_error_t *
rd_kafka_send_offsets_to_transaction(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list,
                                     const rd_kafka_consumer_group_metadata_t *metadata,
                                     int timeout_ms)
{
    struct sim_txn *txn = rk->txn;
    struct offsets *offsets = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*offsets));
    int64_t most_ms = sim_property_number(rk->conf, "transaction.timeout.ms", 60000);
    struct sim_request *request =
        sim_request_new(rk, &add_offsets_api, serve_add_offsets, take_offsets_added, offsets);
    rd_kafka_error_t *error = sim_txn_begin_call(txn, "send_offsets_to_transaction");

    sim_yield();
    if (error != NULL) {
        return error;
    }
    for (int i = 0; i < list->cnt; i++) {
        if (list->elems[i].offset >= 0) {
            note_offset(offsets, rk->sim, &list->elems[i]);
        }
    }
    if (offsets->count == 0) {
        return sim_txn_return(txn, false, NULL);
    }
    offsets->metadata = *metadata;
    offsets->deadline_ms = sim_deadline(rk->sim, timeout_ms);
    if (offsets->deadline_ms > sim_now(rk->sim) + most_ms) {
        offsets->deadline_ms = sim_now(rk->sim) + most_ms;
    }
    error = sim_txn_require(txn, 1U << SIM_STATE_IN_TRANSACTION);
    if (error != NULL) {
        return sim_txn_return(txn, false, error);
    }
    request->session = txn->session;
    txn->request_count++;
    sim_send(request);
    return sim_txn_return(txn, false, sim_txn_run(txn, NULL, sim_deadline(rk->sim, -1)));
}

/* ---- EndTxn ---------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t serve_end(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    const bool *is_commit = request->data;

    sim_draw_marker_delay(sim, request->rk->txn->id);
    return sim_txn_err(sim, request->session,
                       pl_fake_ask_end(&sim->world.broker, request->session, *is_commit));
}

/* Both ends wait for the application to take note. */
static void end_is_done(struct sim_txn *txn, bool is_commit)
{
    if (txn->requires_bump) {
        txn->state = SIM_STATE_ABORTING;
        sim_txn_request_pid(txn); /* whose answer goes on from here */
        return;
    }
    txn->state = is_commit ? SIM_STATE_COMMIT_NOT_ACKED : SIM_STATE_ABORT_NOT_ACKED;
    sim_txn_set_result(txn, NULL);
}

/* An answer to a transaction that has failed meanwhile. */
static void take_end_of_failed(struct sim_txn *txn, rd_kafka_resp_err_t err, bool is_commit)
{
    rd_kafka_error_t *error = sim_error_new(txn->err, "EndTxn: %s, but it had failed: %s",
                                            rd_kafka_err2name(err), txn->err_text);

    sim_txn_set_result(txn, err == RD_KAFKA_RESP_ERR_NO_ERROR && is_commit
                                ? sim_error_fatal(error)
                                : sim_error_requires_abort(error));
}

static void fail_end(struct sim_request *request, rd_kafka_resp_err_t err)
{
    struct sim_txn *txn = request->rk->txn;

    switch (err) {
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
        sim_txn_fail_fatal(request->rk, sim_txn_normalize(err), "Failed to end transaction");
        return;
    default:
        if (txn->state == SIM_STATE_COMMITTING || txn->state == SIM_STATE_ABORTING) {
            send_again(request, err);
            return;
        }
        sim_txn_set_result(txn, sim_error_retriable(sim_error_new(err, "EndTxn failed: %s",
                                                                  rd_kafka_err2name(err))));
        return;
    }
}

static void take_end(struct sim_request *request, rd_kafka_resp_err_t err)
{
    struct sim_txn *txn = request->rk->txn;
    const bool *is_commit = request->data;

    if (txn->state == SIM_STATE_ABORTABLE_ERROR) {
        take_end_of_failed(txn, err, *is_commit);
    } else if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail_end(request, err);
    } else if (txn->state == SIM_STATE_COMMITTING || txn->state == SIM_STATE_ABORTING) {
        end_is_done(txn, *is_commit);
    } else {
        sim_txn_set_result(txn, sim_error_new(RD_KAFKA_RESP_ERR__OUTDATED, "EndTxn is outdated"));
    }
}

static void send_end(struct sim_txn *txn, bool is_commit)
{
    static bool ends[] = {false, true};
    struct sim_request *request =
        sim_request_new(txn->rk, &end_api, serve_end, take_end, &ends[is_commit ? 1 : 0]);

    request->session = txn->session;
    sim_send(request);
}

static void complete(struct sim_txn *txn)
{
    memset(txn->parts, 0, sizeof(txn->parts));
    txn->request_count = 0;
    txn->state = SIM_STATE_READY;
}

/* ---- commit ---------------------------------------------------------------------------------- */

static void work_begin_commit(struct sim_txn *txn)
{
    rd_kafka_error_t *error =
        sim_txn_require(txn, 1U << SIM_STATE_IN_TRANSACTION | 1U << SIM_STATE_BEGIN_COMMIT |
                                 1U << SIM_STATE_COMMITTING | 1U << SIM_STATE_COMMIT_NOT_ACKED);

    if (error == NULL && txn->state == SIM_STATE_IN_TRANSACTION) {
        txn->state = SIM_STATE_BEGIN_COMMIT;
    }
    sim_txn_set_result(txn, error);
}

static void work_commit(struct sim_txn *txn)
{
    rd_kafka_error_t *error =
        sim_txn_require(txn, 1U << SIM_STATE_BEGIN_COMMIT | 1U << SIM_STATE_COMMITTING |
                                 1U << SIM_STATE_COMMIT_NOT_ACKED);

    if (error != NULL || txn->state == SIM_STATE_COMMIT_NOT_ACKED) {
        sim_txn_set_result(txn, error);
    } else if (txn->state == SIM_STATE_COMMITTING) {
        return; /* its answer is still to come */
    } else if (txn->failures > 0) {
        sim_txn_fail(txn->rk, RD_KAFKA_RESP_ERR__INCONSISTENT, "messages failed delivery");
        sim_txn_set_result(txn, sim_error_requires_abort(sim_error_new(
                                    RD_KAFKA_RESP_ERR__INCONSISTENT,
                                    "%lld message(s) failed delivery", (long long)txn->failures)));
    } else if (txn->request_count == 0) {
        end_is_done(txn, true);
    } else {
        txn->state = SIM_STATE_COMMITTING;
        send_end(txn, true);
    }
}

static void work_ack_commit(struct sim_txn *txn)
{
    rd_kafka_error_t *error = sim_txn_require(txn, 1U << SIM_STATE_COMMIT_NOT_ACKED);

    if (error == NULL) {
        complete(txn);
    }
    sim_txn_set_result(txn, error);
}

/* Messages are flushed within the call's time. NULL: they are. */
static rd_kafka_error_t *flush(rd_kafka_t *rk, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - sim_now(rk->sim);
    rd_kafka_resp_err_t err;

    left_ms = left_ms < 0 ? 0 : left_ms;
    err = rd_kafka_flush(rk, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? NULL
               : sim_error_retriable(sim_error_new(err, "Failed to flush all outstanding messages "
                                                        "within the API timeout"));
}

static void note_unknown(const rd_kafka_t *rk)
{
    const struct sim_txn *txn = rk->txn;
    const struct pl_fake_producer *producer =
        &rk->sim->world.broker.producers[txn->session.producer];

    if (txn->state != SIM_STATE_COMMITTING) {
        return;
    }
    sim_occurred(rk->sim, SIM_COMMIT_UNKNOWN);
    if (producer->epoch == txn->session.epoch &&
        (producer->state == PL_FAKE_TXN_COMMITTING ||
         (producer->state == PL_FAKE_TXN_NONE && producer->ended == PL_FAKE_TXN_COMMITTING))) {
        sim_mattered(rk->sim, SIM_COMMIT_UNKNOWN);
    }
}

rd_kafka_error_t *rd_kafka_commit_transaction(rd_kafka_t *rk, int timeout_ms)
{
    struct sim_txn *txn = rk->txn;
    int64_t deadline_ms = sim_deadline(rk->sim, timeout_ms);
    rd_kafka_error_t *error = sim_txn_begin_call(txn, "commit_transaction");

    sim_yield();
    if (error != NULL) {
        return error;
    }
    error = sim_txn_run(txn, work_begin_commit, deadline_ms);
    if (error != NULL) {
        return sim_txn_return(txn, false, error);
    }
    error = flush(rk, deadline_ms);
    if (error == NULL) {
        error = sim_txn_run(txn, work_commit, deadline_ms);
    }
    if (error != NULL) {
        note_unknown(rk);
        return sim_txn_return(txn, true, error);
    }
    return sim_txn_return(txn, false, sim_txn_run(txn, work_ack_commit, sim_deadline(rk->sim, -1)));
}

/* ---- abort ----------------------------------------------------------------------------------- */

static void work_begin_abort(struct sim_txn *txn)
{
    rd_kafka_error_t *error =
        sim_txn_require(txn, 1U << SIM_STATE_IN_TRANSACTION | 1U << SIM_STATE_BEGIN_ABORT |
                                 1U << SIM_STATE_ABORTING | 1U << SIM_STATE_ABORTABLE_ERROR |
                                 1U << SIM_STATE_ABORT_NOT_ACKED);

    if (error == NULL &&
        (txn->state == SIM_STATE_IN_TRANSACTION || txn->state == SIM_STATE_ABORTABLE_ERROR)) {
        txn->state = SIM_STATE_BEGIN_ABORT;
        sim_txn_move_parts(txn, SIM_PART_PENDING, SIM_PART_NONE);
        sim_txn_move_parts(txn, SIM_PART_WAITING, SIM_PART_NONE);
    }
    sim_txn_set_result(txn, error);
}

static void work_abort(struct sim_txn *txn)
{
    rd_kafka_error_t *error =
        sim_txn_require(txn, 1U << SIM_STATE_BEGIN_ABORT | 1U << SIM_STATE_ABORTING |
                                 1U << SIM_STATE_ABORT_NOT_ACKED);

    if (error != NULL || txn->state == SIM_STATE_ABORT_NOT_ACKED) {
        sim_txn_set_result(txn, error);
    } else if (txn->state == SIM_STATE_ABORTING) {
        return; /* its answer is still to come */
    } else if (txn->request_count == 0) {
        end_is_done(txn, false);
    } else {
        txn->state = SIM_STATE_ABORTING;
        send_end(txn, false);
    }
}

static void work_ack_abort(struct sim_txn *txn)
{
    rd_kafka_error_t *error = sim_txn_require(txn, 1U << SIM_STATE_ABORT_NOT_ACKED);

    if (error == NULL) {
        complete(txn);
    }
    sim_txn_set_result(txn, error);
}

rd_kafka_error_t *rd_kafka_abort_transaction(rd_kafka_t *rk, int timeout_ms)
{
    struct sim_txn *txn = rk->txn;
    int64_t deadline_ms = sim_deadline(rk->sim, timeout_ms);
    rd_kafka_error_t *error = sim_txn_begin_call(txn, "abort_transaction");

    sim_yield();
    if (error != NULL) {
        return error;
    }
    error = sim_txn_run(txn, work_begin_abort, deadline_ms);
    if (error != NULL) {
        return sim_txn_return(txn, false, error);
    }
    sim_producer_purge(rk, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
    error = flush(rk, deadline_ms);
    if (error == NULL) {
        error = sim_txn_run(txn, work_abort, deadline_ms);
    }
    if (error != NULL) {
        return sim_txn_return(txn, true, error);
    }
    return sim_txn_return(txn, false, sim_txn_run(txn, work_ack_abort, sim_deadline(rk->sim, -1)));
}
