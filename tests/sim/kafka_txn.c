/* The transactional API: states, calls that can be resumed, and what each answer of a broker does,
 * after rdkafka_txnmgr.c and rdkafka_idempotence.c of 2.0.2. A call hands its work to the client's
 * main thread and waits for a result; where its time runs out first, the work goes on and the call
 * is to be made again (retriable error). */
#include "kafka_txn.h"

#define REQUEST_PID_AGAIN_MS 500
#define REGISTER_AGAIN_MS 500
#define REGISTER_CONCURRENT_MS 20

static const struct sim_api init_api = {"InitProducerId", 22, SIM_TXN_COORDINATOR,
                                        SIM_ALL_FATES(INIT_PRODUCER)};
static const struct sim_api partitions_api = {"AddPartitionsToTxn", 24, SIM_TXN_COORDINATOR,
                                              SIM_ALL_FATES(ADD_PARTITIONS)};
struct sim_txn *sim_txn_new(rd_kafka_t *rk)
{
    const char *id = sim_property(rk->conf, "transactional.id");
    struct sim_txn *txn;

    if (id == NULL) {
        return NULL;
    }
    txn = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*txn));
    txn->rk = rk;
    /* The broker keeps the id for longer than the handle lives. */
    txn->id = pl_arena_format(&rk->sim->world.arena, "%s", id).data;
    txn->session.producer = -1;
    return txn;
}

void sim_txn_free(rd_kafka_t *rk)
{
    if (rk->txn != NULL) {
        rd_kafka_error_destroy(rk->txn->result);
        rk->txn->result = NULL;
    }
}

bool sim_txn_may_produce(const rd_kafka_t *rk)
{
    return rk->txn != NULL && rk->txn->state == SIM_STATE_IN_TRANSACTION;
}

bool sim_txn_may_send(const rd_kafka_t *rk, enum pl_topic topic, int32_t partition)
{
    const struct sim_txn *txn = rk->txn;

    return (txn->state == SIM_STATE_IN_TRANSACTION || txn->state == SIM_STATE_BEGIN_COMMIT) &&
           txn->parts[topic][partition] == SIM_PART_REGISTERED;
}

struct pl_fake_session sim_txn_session(const rd_kafka_t *rk)
{
    return rk->txn->session;
}

uint64_t sim_txn_number(const rd_kafka_t *rk)
{
    return rk->txn == NULL ? 0 : rk->txn->number;
}

bool sim_txn_is_aborting(const rd_kafka_t *rk)
{
    return rk->txn != NULL && rk->txn->state == SIM_STATE_ABORTING;
}

void sim_txn_count_failure(rd_kafka_t *rk)
{
    rk->txn->failures++;
}

rd_kafka_resp_err_t sim_txn_normalize(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
                   err == RD_KAFKA_RESP_ERR_PRODUCER_FENCED
               ? RD_KAFKA_RESP_ERR__FENCED
               : err;
}

/* ---- calls and results ----------------------------------------------------------------------- */

/* Result of the call under way, NULL for success; takes error. The first failure stays. */
void sim_txn_set_result(struct sim_txn *txn, rd_kafka_error_t *error)
{
    if (txn->call == NULL || txn->result != NULL) {
        rd_kafka_error_destroy(error);
        txn->has_result = txn->call != NULL;
        return;
    }
    txn->has_result = true;
    txn->result = error;
}

/* Not NULL: another call is under way. */
rd_kafka_error_t *sim_txn_begin_call(struct sim_txn *txn, const char *call)
{
    if (txn->call != NULL && strcmp(txn->call, call) != 0) {
        return sim_error_retriable(sim_error_new(RD_KAFKA_RESP_ERR__CONFLICT,
                                                 "Conflicting %s API call is already in progress",
                                                 txn->call));
    }
    txn->call = call;
    return NULL;
}

/* Whatever a call returns goes through here. */
rd_kafka_error_t *sim_txn_return(struct sim_txn *txn, bool is_resumable, rd_kafka_error_t *error)
{
    if (!is_resumable || (error != NULL && rd_kafka_error_is_retriable(error) == 0)) {
        txn->call = NULL;
        if (txn->result != error) {
            rd_kafka_error_destroy(txn->result);
        }
        txn->result = NULL;
    }
    return error;
}

static bool has_result(void *self)
{
    const struct sim_txn *txn = self;

    return txn->has_result;
}

/* Let the main thread do something and wait for the result; a result that is there already (of a
 * call that was left) is taken instead. */
rd_kafka_error_t *sim_txn_run(struct sim_txn *txn, void (*work)(struct sim_txn *txn),
                              int64_t deadline_ms)
{
    rd_kafka_error_t *error;

    if (!txn->has_result && work != NULL) {
        work(txn);
    }
    if (!txn->has_result && !sim_wait_for(deadline_ms, has_result, txn)) {
        return sim_error_retriable(
            sim_error_new(RD_KAFKA_RESP_ERR__TIMED_OUT,
                          "Timed out waiting for operation to finish, retry call to resume"));
    }
    error = txn->result;
    txn->result = NULL;
    txn->has_result = false;
    return error;
}

/* What is wrong with the state, where it is not one of the mask's. */
rd_kafka_error_t *sim_txn_require(const struct sim_txn *txn, unsigned mask)
{
    if ((mask & 1U << txn->state) != 0) {
        return NULL;
    }
    if (txn->state == SIM_STATE_FATAL_ERROR) {
        return sim_error_fatal(sim_error_new(txn->err, "%s", txn->err_text));
    }
    if (txn->state == SIM_STATE_ABORTABLE_ERROR) {
        return sim_error_requires_abort(sim_error_new(txn->err, "%s", txn->err_text));
    }
    return sim_error_new(RD_KAFKA_RESP_ERR__STATE, "Operation not valid in state %d", txn->state);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void note_failure(struct sim_txn *txn, rd_kafka_resp_err_t err, const char *text)
{
    txn->err = err;
    (void)snprintf(txn->err_text, sizeof(txn->err_text), "%s", text); /* cut to fit */
}

void sim_txn_fail_fatal(rd_kafka_t *rk, rd_kafka_resp_err_t err, const char *text)
{
    struct sim_txn *txn = rk->txn;

    sim_set_fatal(rk, err, text);
    note_failure(txn, err, text);
    txn->state = SIM_STATE_FATAL_ERROR;
    sim_txn_set_result(txn, sim_error_fatal(sim_error_new(err, "%s", text)));
}

void sim_txn_fail(rd_kafka_t *rk, rd_kafka_resp_err_t err, const char *text)
{
    struct sim_txn *txn = rk->txn;

    if (rk->fatal_err != RD_KAFKA_RESP_ERR_NO_ERROR || txn->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return; /* the first counts */
    }
    note_failure(txn, err, text);
    sim_trace(rk->sim, "  %s: transaction failed: %s", rk->process->host, rd_kafka_err2name(err));
    if (txn->state == SIM_STATE_IN_TRANSACTION || txn->state == SIM_STATE_BEGIN_COMMIT ||
        txn->state == SIM_STATE_COMMITTING) {
        txn->state = SIM_STATE_ABORTABLE_ERROR; /* ignored while aborting */
    }
    sim_producer_purge(rk, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
}

/* ---- init_transactions ----------------------------------------------------------------------- */

void sim_txn_require_bump(rd_kafka_t *rk)
{
    rk->txn->requires_bump = true;
}

static rd_kafka_resp_err_t serve_init(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    struct pl_fake_broker *broker = &sim->world.broker;
    struct pl_fake_session *session = request->data;
    struct pl_fake_session opened;
    enum pl_fake_answer answer;

    broker->transaction_timeout_ms =
        sim_property_number(request->rk->conf, "transaction.timeout.ms", 60000);
    if (request->session.producer >= 0 &&
        broker->producers[request->session.producer].epoch != request->session.epoch) {
        return sim_txn_err(sim, request->session, PL_FAKE_OLD_EPOCH); /* a bump of an old epoch */
    }
    sim_draw_marker_delay(sim, request->rk->txn->id);
    answer = pl_fake_ask_producer(broker, request->rk->txn->id, &opened);
    if (answer != PL_FAKE_DONE) {
        return RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS;
    }
    *session = opened;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void request_pid(rd_kafka_t *rk, void *data);

static void take_pid(struct sim_request *request, rd_kafka_resp_err_t err)
{
    struct sim_txn *txn = request->rk->txn;
    bool is_bump = txn->state == SIM_STATE_ABORTING && txn->requires_bump;

    if (txn->state != SIM_STATE_WAIT_PID && !is_bump) {
        return;
    }
    if (err == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH) {
        sim_txn_fail_fatal(request->rk, RD_KAFKA_RESP_ERR__FENCED,
                           "Producer fenced by newer instance");
        return;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        txn->init_err = err;
        sim_client_after(request->rk, REQUEST_PID_AGAIN_MS, request_pid, NULL);
        return;
    }
    txn->session = *(const struct pl_fake_session *)request->data;
    txn->requires_bump = false;
    txn->state = is_bump ? SIM_STATE_ABORT_NOT_ACKED : SIM_STATE_READY_NOT_ACKED;
    sim_txn_set_result(txn, NULL);
}

static void request_pid(rd_kafka_t *rk, void *data)
{
    struct pl_fake_session *session =
        pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*session)); /* as long as the request */
    struct sim_request *request = sim_request_new(rk, &init_api, serve_init, take_pid, session);

    (void)data;
    request->session = rk->txn->session; /* none, at first */
    sim_send(request);
}

void sim_txn_request_pid(struct sim_txn *txn)
{
    request_pid(txn->rk, NULL);
}

static void work_init(struct sim_txn *txn)
{
    switch (txn->state) {
    case SIM_STATE_INIT:
        txn->state = SIM_STATE_WAIT_PID;
        request_pid(txn->rk, NULL);
        break;
    case SIM_STATE_WAIT_PID: /* on its way */
        break;
    default:
        sim_txn_set_result(txn, sim_txn_require(txn, 1U << SIM_STATE_READY_NOT_ACKED));
        break;
    }
}

static void work_ack_init(struct sim_txn *txn)
{
    rd_kafka_error_t *error = sim_txn_require(txn, 1U << SIM_STATE_READY_NOT_ACKED);

    if (error == NULL) {
        txn->state = SIM_STATE_READY;
    }
    sim_txn_set_result(txn, error);
}

rd_kafka_error_t *rd_kafka_init_transactions(rd_kafka_t *rk, int timeout_ms)
{
    struct sim_txn *txn = rk->txn;
    rd_kafka_error_t *error = sim_txn_begin_call(txn, "init_transactions");

    sim_yield();
    if (error != NULL) {
        return error;
    }
    error = sim_txn_run(txn, work_init, sim_deadline(rk->sim, timeout_ms));
    if (error != NULL) {
        if (rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__TIMED_OUT &&
            txn->init_err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_error_destroy(error);
            error = sim_error_retriable(sim_error_new(sim_txn_normalize(txn->init_err),
                                                      "Failed to initialize Producer ID: %s",
                                                      rd_kafka_err2name(txn->init_err)));
        }
        return sim_txn_return(txn, true, error);
    }
    return sim_txn_return(txn, false, sim_txn_run(txn, work_ack_init, sim_deadline(rk->sim, -1)));
}

/* ---- begin_transaction ----------------------------------------------------------------------- */

static void work_begin(struct sim_txn *txn)
{
    rd_kafka_error_t *error = sim_txn_require(txn, 1U << SIM_STATE_READY);

    if (error == NULL) {
        txn->state = SIM_STATE_IN_TRANSACTION;
        txn->number++;
        txn->failures = 0;
        txn->err = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    sim_txn_set_result(txn, error);
}

rd_kafka_error_t *rd_kafka_begin_transaction(rd_kafka_t *rk)
{
    rd_kafka_error_t *error = sim_txn_begin_call(rk->txn, "begin_transaction");

    sim_yield();
    if (error != NULL) {
        return error;
    }
    return sim_txn_return(rk->txn, false,
                          sim_txn_run(rk->txn, work_begin, sim_deadline(rk->sim, -1)));
}

/* ---- AddPartitionsToTxn ---------------------------------------------------------------------- */

struct added {
    bool is_added[PL_TOPIC_COUNT][PL_FAKE_MAX_PARTITIONS];
};

static rd_kafka_resp_err_t serve_partitions(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    const struct added *added = request->data;
    enum pl_fake_answer answer = PL_FAKE_DONE;

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            if (added->is_added[topic][partition] && answer == PL_FAKE_DONE) {
                answer = pl_fake_ask_partition(&sim->world.broker, request->session,
                                               (enum pl_topic)topic, partition);
            }
        }
    }
    return sim_txn_err(sim, request->session, answer);
}

static void register_partitions(rd_kafka_t *rk, void *data);

static void schedule_registration(struct sim_txn *txn, int64_t ms)
{
    if (!txn->will_register) {
        txn->will_register = true;
        sim_client_after(txn->rk, ms, register_partitions, NULL);
    }
}

/* Those that wait for the answer are what it says. */
void sim_txn_move_parts(struct sim_txn *txn, enum sim_part from, enum sim_part to)
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            if (txn->parts[topic][partition] == from) {
                txn->parts[topic][partition] = to;
            }
        }
    }
}

static void take_registered(struct sim_request *request, rd_kafka_resp_err_t err)
{
    struct sim_txn *txn = request->rk->txn;

    txn->is_registering = false;
    if (txn->state != SIM_STATE_IN_TRANSACTION && txn->state != SIM_STATE_BEGIN_COMMIT) {
        return; /* outdated */
    }
    sim_txn_move_parts(txn, SIM_PART_WAITING,
                       err == RD_KAFKA_RESP_ERR_NO_ERROR ? SIM_PART_REGISTERED : SIM_PART_PENDING);
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        sim_producer_kick(request->rk);
        schedule_registration(txn, 1);
        break;
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
        schedule_registration(txn, REGISTER_CONCURRENT_MS);
        break;
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_TXN_STATE:
        sim_txn_fail_fatal(request->rk, sim_txn_normalize(err),
                           "Failed to add partitions to transaction");
        break;
    default: /* no answer, or the coordinator is elsewhere */
        schedule_registration(txn, REGISTER_AGAIN_MS);
        break;
    }
}

static void register_partitions(rd_kafka_t *rk, void *data)
{
    struct sim_txn *txn = rk->txn;
    struct added *added;
    struct sim_request *request;
    bool has_any = false;

    (void)data;
    txn->will_register = false;
    if ((txn->state != SIM_STATE_IN_TRANSACTION && txn->state != SIM_STATE_BEGIN_COMMIT) ||
        txn->is_registering) {
        return;
    }
    added = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*added)); /* as long as the request */
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            added->is_added[topic][partition] = txn->parts[topic][partition] == SIM_PART_PENDING;
            has_any = has_any || added->is_added[topic][partition];
        }
    }
    if (!has_any) {
        return;
    }
    sim_txn_move_parts(txn, SIM_PART_PENDING, SIM_PART_WAITING);
    request = sim_request_new(rk, &partitions_api, serve_partitions, take_registered, added);
    request->session = txn->session;
    txn->is_registering = true;
    txn->request_count++;
    sim_send(request);
}

void sim_txn_add_partition(rd_kafka_t *rk, enum pl_topic topic, int32_t partition)
{
    if (rk->txn->parts[topic][partition] == SIM_PART_NONE) {
        rk->txn->parts[topic][partition] = SIM_PART_PENDING;
        schedule_registration(rk->txn, 1);
    }
}
