/* Requests on their way to a broker and back, and what goes wrong there.
 *
 * TCP keeps order and repeats nothing; what a client sees of trouble is a broken connection, after
 * which it does not know whether the request came. A request that was in the socket's buffer of a
 * paused broker may still come when the client has long sent it again on another connection: that
 * is "late" (KAFKA-17754, measured on a real broker: reliability A1). "Came twice" is what a proxy
 * or a retransmitting client library does: the second copy right behind the first. */
#include <assert.h>

#include "inner.h"
#include "kafka_sim.h"

#define SLOW_MS 200      /* now and then a request takes up to this long */
#define LATE_MS 12000    /* a late one up to this: most are much earlier */
#define BACKOFF_MS 30    /* between two tries on a connection that is there */
#define RECONNECT_MS 600 /* until a broken one is back and the coordinator found again */
#define MARKER_MS 8000   /* late markers come up to this much later */
#define DOWN_MS 12000    /* a broker that went down is away for up to this */
#define LYING_MS 20      /* a late one that waits for its moment looks this often */
#define TROUBLED 24      /* a request in trouble is so much more often befallen */
#define NEVER_MS (INT64_MAX / 2)

/* How a place is away. */
enum absence { ABSENCE_ELSEWHERE, ABSENCE_LOADING, ABSENCE_UNREACHABLE, ABSENCE_COUNT };

struct place {
    int64_t away_until_ms;
    enum absence absence;
    bool was_asked;
};

struct sim_cluster {
    struct place places[SIM_PLACE_COUNT];
    unsigned timeouts_seen; /* of the broker's count */
};

void sim_cluster_init(struct sim *sim)
{
    sim->cluster = pl_arena_zalloc(&sim->world.arena, 1, sizeof(*sim->cluster));
}

void sim_go_away(struct sim *sim, enum sim_place place, int64_t ms)
{
    sim->cluster->places[place] = (struct place){
        .away_until_ms = sim_now(sim) + ms, .absence = (enum absence)sim_below(sim, ABSENCE_COUNT)};
}

bool sim_is_away(const struct sim *sim, enum sim_place place)
{
    return !sim->is_calm && sim_now(sim) < sim->cluster->places[place].away_until_ms;
}

int64_t sim_latency(struct sim *sim)
{
    return sim_below(sim, 40) == 0 ? (int64_t)sim_below(sim, SLOW_MS) : (int64_t)sim_below(sim, 3);
}

int64_t sim_deadline(const struct sim *sim, int timeout_ms)
{
    return timeout_ms < 0 ? NEVER_MS : sim_now(sim) + timeout_ms;
}

/* ---- the client's threads -------------------------------------------------------------------- */

struct client_event {
    rd_kafka_t *rk;
    sim_client_fn *fn;
    void *data;
};

static void run_client_event(void *self, const void *data)
{
    struct sim *sim = self;
    const struct client_event *event = data;
    const struct sim_process *process = event->rk->process;

    if (event->rk->is_destroyed || sim_is_dead(process)) {
        return;
    }
    if (!sim_is_live(process)) { /* stopped: once it goes on */
        sim_client_after(event->rk, process->paused_until_ms - sim_now(sim), event->fn,
                         event->data);
        return;
    }
    event->fn(event->rk, event->data);
}

void sim_client_after(rd_kafka_t *rk, int64_t ms, sim_client_fn *fn, void *data)
{
    struct client_event event = {rk, fn, data};

    pl_fake_after(&rk->sim->world, ms, run_client_event, rk->sim, &event, sizeof(event));
}

/* ---- what transactional ids are up to -------------------------------------------------------- */

static const struct pl_fake_producer *find_producer(const struct sim *sim, const char *id)
{
    const struct pl_fake_broker *broker = &sim->world.broker;

    for (int i = 0; id != NULL && i < broker->producer_count; i++) {
        if (strcmp(broker->producers[i].id, id) == 0) {
            return &broker->producers[i];
        }
    }
    return NULL;
}

static const struct pl_fake_producer *producer_of(const struct sim_request *request)
{
    return find_producer(request->rk->sim, sim_property(request->rk->conf, "transactional.id"));
}

/* Transactions that the broker gave up since the last look. */
static void count_timeouts(struct sim *sim)
{
    for (; sim->cluster->timeouts_seen < sim->world.broker.timeouts;
         sim->cluster->timeouts_seen++) {
        sim_occurred(sim, SIM_TXN_TIMED_OUT);
    }
}

rd_kafka_resp_err_t sim_txn_err(struct sim *sim, struct pl_fake_session session,
                                enum pl_fake_answer answer)
{
    const struct pl_fake_producer *producer = &sim->world.broker.producers[session.producer];

    switch (answer) {
    case PL_FAKE_DONE:
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    case PL_FAKE_CONCURRENT:
        return RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS;
    case PL_FAKE_INVALID_STATE:
        return RD_KAFKA_RESP_ERR_INVALID_TXN_STATE;
    case PL_FAKE_OLD_EPOCH:
        break;
    }
    if (producer->timed_out_epoch == session.epoch) {
        sim_mattered(sim, SIM_TXN_TIMED_OUT);
    } else {
        sim_occurred(sim, SIM_PRODUCER_FENCED);
        sim_mattered(sim, SIM_PRODUCER_FENCED);
    }
    return RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

void sim_draw_marker_delay(struct sim *sim, const char *transactional_id)
{
    const struct pl_fake_producer *producer = find_producer(sim, transactional_id);

    sim->world.broker.marker_delay_ms = 0;
    if (producer != NULL && producer->state == PL_FAKE_TXN_OPEN &&
        sim_chance(sim, SIM_MARKER_LATE)) {
        sim->world.broker.marker_delay_ms =
            1 + (int64_t)sim_below(sim, (uint32_t)MARKER_MS >> sim_below(sim, 11));
    }
}

/* ---- there and back -------------------------------------------------------------------------- */

struct delivery {
    struct sim_request *request;
    bool wants_answer;
    bool is_twice, is_late;
    bool loses_answer;
    int64_t lies_until_ms; /* of a late one: or until the next transaction is open */
};

struct answer {
    struct sim_request *request;
    rd_kafka_resp_err_t err;
    int fate; /* the manner that broke the connection; -1: none */
};

static void intercept_sent(const struct sim_request *request)
{
    const struct sim_interceptors *list = &request->rk->on_sent;

    for (int i = 0; i < list->count; i++) {
        (void)list->items[i].on_sent(request->rk, -1, "simulated:9092/0", 0, request->api->key, 0,
                                     (int32_t)request->attempts, 100, list->items[i].opaque);
    }
}

static void intercept_received(const struct sim_request *request, rd_kafka_resp_err_t err)
{
    const struct sim_interceptors *list = &request->rk->on_received;

    for (int i = 0; i < list->count; i++) {
        (void)list->items[i].on_received(request->rk, -1, "simulated:9092/0", 0, request->api->key,
                                         0, (int32_t)request->attempts, 100, 1, err,
                                         list->items[i].opaque);
    }
}

static void take_answer(rd_kafka_t *rk, void *data)
{
    const struct answer *answer = data;
    struct sim_request *request = answer->request;
    bool is_lost = answer->err == RD_KAFKA_RESP_ERR__TRANSPORT;

    sim_trace(rk->sim, "  %s: %s answered %s", rk->process->host, request->api->name,
              rd_kafka_err2name(answer->err));
    if (answer->fate >= 0) {
        sim_mattered(rk->sim, (enum sim_manner)answer->fate); /* its client is there to care */
    }
    intercept_received(request, is_lost ? answer->err : RD_KAFKA_RESP_ERR_NO_ERROR);
    request->answered(request, answer->err);
}

static void send_answer(struct sim_request *request, rd_kafka_resp_err_t err, int fate)
{
    struct answer *answer =
        pl_arena_alloc(&request->rk->sim->world.arena, sizeof(*answer)); /* outlives the event */

    *answer = (struct answer){request, err, fate};
    sim_client_after(request->rk, sim_latency(request->rk->sim), take_answer, answer);
}

void sim_answer(struct sim_request *request, rd_kafka_resp_err_t err)
{
    request->is_parked = false;
    request->is_answered = true;
    if (!request->is_broken) {
        send_answer(request, err, -1);
    }
}

/* The place is away; RD_KAFKA_RESP_ERR_NO_ERROR: it is not. */
static rd_kafka_resp_err_t absence(struct sim *sim, const struct sim_api *api)
{
    static const enum sim_manner manners[SIM_PLACE_COUNT] = {
        [SIM_TXN_COORDINATOR] = SIM_TXN_COORDINATOR_AWAY,
        [SIM_GROUP_COORDINATOR] = SIM_GROUP_COORDINATOR_AWAY,
        [SIM_LEADER] = SIM_LEADER_AWAY};
    struct place *place = &sim->cluster->places[api->place];

    if (!sim_is_away(sim, api->place)) {
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (!place->was_asked) {
        place->was_asked = true;
        sim_mattered(sim, manners[api->place]);
    }
    switch (place->absence) {
    case ABSENCE_ELSEWHERE:
        return api->place == SIM_LEADER ? RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
                                        : RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
    case ABSENCE_LOADING:
        return api->place == SIM_LEADER ? RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                                        : RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
    case ABSENCE_UNREACHABLE:
    case ABSENCE_COUNT:
        break;
    }
    return RD_KAFKA_RESP_ERR__TRANSPORT;
}

static bool is_of_a_transaction(const struct sim_request *request)
{
    switch (request->api->fates[SIM_FATE_LATE]) {
    case SIM_ADD_PARTITIONS_LATE:
    case SIM_ADD_OFFSETS_LATE:
    case SIM_TXN_OFFSETS_LATE:
    case SIM_END_TXN_LATE:
        return true;
    default:
        return false;
    }
}

/* Is a transaction open that is later than the request's? */
static bool meets_next(const struct sim_request *request)
{
    const struct pl_fake_producer *producer = producer_of(request);

    return producer != NULL && producer->state == PL_FAKE_TXN_OPEN &&
           (producer->epoch != request->session.epoch ||
            sim_txn_number(request->rk) > request->number);
}

/* Was it late for something? A late request can take part in a later transaction of its epoch, or
 * even end it (KAFKA-17754). */
static void judge_late(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    const struct pl_fake_producer *producer = producer_of(request);

    if (producer == NULL ||
        (producer->epoch == request->sent_epoch && producer->sequence == request->sent_sequence)) {
        return;
    }
    sim_mattered(sim, (enum sim_manner)request->api->fates[SIM_FATE_LATE]);
    if (!is_of_a_transaction(request) || !meets_next(request)) {
        return;
    }
    sim_occurred(sim, SIM_LATE_INTO_NEXT);
    if (producer->epoch != request->session.epoch) {
        sim_mattered(sim, SIM_LATE_INTO_NEXT); /* else nothing kept it out */
    }
}

static void deliver(struct delivery delivery, int64_t ms);

static void arrive(void *self, const void *data)
{
    struct sim *sim = self;
    const struct delivery *delivery = data;
    struct sim_request *request = delivery->request;
    rd_kafka_resp_err_t err;

    if (sim_now(sim) < delivery->lies_until_ms && !meets_next(request)) {
        deliver(*delivery, 1 + (int64_t)sim_below(sim, LYING_MS));
        return;
    }
    err = absence(sim, request->api);
    count_timeouts(sim);
    if (delivery->is_late) {
        judge_late(request);
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        err = request->serve(request);
        sim_trace(sim, "  %s of %s served: %s%s", request->api->name, request->rk->process->host,
                  rd_kafka_err2name(err), delivery->is_late ? " (late)" : "");
        if (delivery->is_twice) {
            (void)request->serve(request);
            if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                sim_mattered(sim, (enum sim_manner)request->api->fates[SIM_FATE_REPEATED]);
            }
        }
    }
    if (delivery->loses_answer) {
        request->is_broken = true;
        if (sim_below(sim, 3) == 0) { /* its broker went down right then */
            sim_go_away(sim, request->api->place, 1 + (int64_t)sim_below(sim, DOWN_MS));
        }
        send_answer(request, RD_KAFKA_RESP_ERR__TRANSPORT,
                    request->api->fates[SIM_FATE_REPLY_LOST]);
    } else if (delivery->wants_answer && !request->is_parked && !request->is_answered) {
        send_answer(request, err, -1);
    }
}

static void deliver(struct delivery delivery, int64_t ms)
{
    struct sim *sim = delivery.request->rk->sim;

    pl_fake_after(&sim->world, ms, arrive, sim, &delivery, sizeof(delivery));
}

/* Most late requests come while the next thing is being tried. */
static int64_t late_ms(struct sim *sim)
{
    return 1 + (int64_t)sim_below(sim, (uint32_t)LATE_MS >> sim_below(sim, 9));
}

/* What made a transaction fail is often still there when it is aborted. */
static bool befalls(struct sim_request *request, enum sim_fate fate)
{
    int manner = request->api->fates[fate];
    int throws = sim_txn_is_aborting(request->rk) ? TROUBLED : 1;

    for (int i = 0; manner >= 0 && i < throws; i++) {
        if (sim_chance(request->rk->sim, (enum sim_manner)manner)) {
            return true;
        }
    }
    return false;
}

void sim_send(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    const struct pl_fake_producer *producer = producer_of(request);
    struct delivery delivery = {.request = request, .wants_answer = true};
    int64_t ms = sim_latency(sim);

    request->attempts++;
    request->is_done = request->is_answered = request->is_broken = false;
    intercept_sent(request);
    if (producer != NULL) {
        request->sent_epoch = producer->epoch;
        request->sent_sequence = producer->sequence;
    }
    if (befalls(request, SIM_FATE_REQUEST_LOST)) {
        send_answer(request, RD_KAFKA_RESP_ERR__TRANSPORT,
                    request->api->fates[SIM_FATE_REQUEST_LOST]);
        return;
    }
    delivery.is_late = befalls(request, SIM_FATE_LATE);
    delivery.is_twice = befalls(request, SIM_FATE_REPEATED);
    if (delivery.is_late) {
        delivery.wants_answer = false;
        request->is_broken = true;
        ms += late_ms(sim);
        if (is_of_a_transaction(request) && sim_below(sim, 2) == 0) {
            delivery.lies_until_ms = sim_now(sim) + LATE_MS;
        }
        send_answer(request, RD_KAFKA_RESP_ERR__TRANSPORT, -1);
    } else {
        delivery.loses_answer = befalls(request, SIM_FATE_REPLY_LOST);
    }
    deliver(delivery, ms);
}

static void send_now(rd_kafka_t *rk, void *data)
{
    (void)rk;
    sim_send(data);
}

void sim_send_later(struct sim_request *request, int64_t ms)
{
    sim_client_after(request->rk, ms, send_now, request);
}

struct sim_request *sim_request_new(rd_kafka_t *rk, const struct sim_api *api, sim_serve_fn *serve,
                                    sim_answered_fn *answered, void *data)
{
    struct sim_request *request = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*request));

    *request = (struct sim_request){.rk = rk,
                                    .api = api,
                                    .serve = serve,
                                    .answered = answered,
                                    .data = data,
                                    .session = {-1, 0},
                                    .number = sim_txn_number(rk)};
    return request;
}

/* ---- calls that block ------------------------------------------------------------------------ */

void sim_request_done(struct sim_request *request, rd_kafka_resp_err_t err)
{
    request->is_done = true;
    request->err = err;
}

static bool is_done(void *self)
{
    const struct sim_request *request = self;

    return request->is_done;
}

static bool is_to_try_again(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
        return true;
    default:
        return false;
    }
}

rd_kafka_resp_err_t sim_ask(struct sim_request *request, int64_t deadline_ms)
{
    struct sim *sim = request->rk->sim;

    sim_send(request);
    while (sim_wait_for(deadline_ms, is_done, request)) {
        bool is_broken = request->err != RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS &&
                         request->err != RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
        int64_t again_ms =
            sim_now(sim) + 1 + (int64_t)sim_below(sim, is_broken ? RECONNECT_MS : BACKOFF_MS);

        if (!is_to_try_again(request->err)) {
            return request->err;
        }
        if (again_ms >= deadline_ms) {
            break;
        }
        (void)sim_wait_until(again_ms);
        sim_send(request);
    }
    return RD_KAFKA_RESP_ERR__TIMED_OUT;
}
