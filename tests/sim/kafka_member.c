/* The consumer's membership as its main thread lives it, after rdkafka_cgrp.c of 2.0.2 with the
 * eager protocol: heartbeats go on whatever the application does; a rebalance becomes a callback
 * that waits in the consumer's queue until the application polls; only when it has unassigned does
 * the member join again. A fenced member raises a fatal error and joins no more. */
#include "inner.h"
#include "kafka_sim.h"

#define TICK_MS 100
#define JOIN_AGAIN_MS 1000 /* rkcg_join_intvl */

enum join_state {
    JOIN_INIT,
    JOIN_WAIT_JOIN,
    JOIN_WAIT_SYNC,
    JOIN_WAIT_ASSIGN_CALL,
    JOIN_WAIT_UNASSIGN_CALL,
    JOIN_STEADY
};

struct sim_member {
    enum join_state state;
    char id[96];
    int32_t generation;
    int64_t joins_ms; /* not before */
    int64_t beats_ms; /* next heartbeat */
    bool is_beating;  /* one is under way */
    bool is_closed;
    bool has_share; /* an assignment of the group's, which may be empty */
    struct sim_share share;
    bool has_callback; /* in the consumer's queue */
    rd_kafka_resp_err_t callback;
    struct sim_share callback_share;
};

static const struct sim_api join_api = {
    "JoinGroup",
    11,
    SIM_GROUP_COORDINATOR,
    {SIM_JOIN_REQUEST_LOST, SIM_JOIN_REPLY_LOST, -1, SIM_JOIN_LATE}};
static const struct sim_api sync_api = {"SyncGroup", 14, SIM_GROUP_COORDINATOR, SIM_NO_FATES};
static const struct sim_api beat_api = {"Heartbeat", 12, SIM_GROUP_COORDINATOR, SIM_NO_FATES};
static const struct sim_api leave_api = {"LeaveGroup", 13, SIM_GROUP_COORDINATOR, SIM_NO_FATES};

static bool has_fatal(const rd_kafka_t *rk)
{
    return rk->fatal_err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool sim_member_is_cooperative(const rd_kafka_t *rk)
{
    const char *strategy = sim_property(rk->conf, "partition.assignment.strategy");

    return rk->member != NULL && strategy != NULL && strcmp(strategy, "cooperative-sticky") == 0;
}

int32_t sim_member_generation(const rd_kafka_t *rk)
{
    return rk->member == NULL ? -1 : rk->member->generation;
}

const char *sim_member_id(const rd_kafka_t *rk)
{
    return rk->member == NULL ? "" : rk->member->id;
}

static struct sim_request *new_request(rd_kafka_t *rk, const struct sim_api *api,
                                       sim_serve_fn *serve, sim_answered_fn *answered)
{
    struct sim_group_call *call =
        pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*call)); /* as long as the request */
    const char *instance_id = sim_property(rk->conf, "group.instance.id");

    (void)snprintf(call->member_id, sizeof(call->member_id), "%s", rk->member->id);
    (void)snprintf(call->instance_id, sizeof(call->instance_id), "%s",
                   instance_id == NULL ? "" : instance_id);
    (void)snprintf(call->host, sizeof(call->host), "%s", rk->process->host);
    call->generation = rk->member->generation;
    call->session_timeout_ms = sim_property_number(rk->conf, "session.timeout.ms", 45000);
    call->owned = rk->member->share;
    call->is_cooperative = sim_member_is_cooperative(rk);
    call->process = rk->process;
    return sim_request_new(rk, api, serve, answered, call);
}

/* ---- rebalances ------------------------------------------------------------------------------ */

static void rejoin(rd_kafka_t *rk, int64_t ms)
{
    rk->member->state = JOIN_INIT;
    rk->member->joins_ms = sim_now(rk->sim) + ms;
}

/* To the application; with a fatal error the client unassigns by itself. */
static void call_for(rd_kafka_t *rk, rd_kafka_resp_err_t err, const struct sim_share *share)
{
    struct sim_member *member = rk->member;

    if (has_fatal(rk)) {
        sim_consumer_assign(rk, NULL);
        member->has_share = false;
        return;
    }
    member->state = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? JOIN_WAIT_ASSIGN_CALL
                                                                : JOIN_WAIT_UNASSIGN_CALL;
    sim_consumer_hold(rk, true);
    member->has_callback = true;
    member->callback = err;
    member->callback_share = *share;
}

static void revoke_and_rejoin(rd_kafka_t *rk)
{
    struct sim_member *member = rk->member;

    if (member->state == JOIN_WAIT_ASSIGN_CALL || member->state == JOIN_WAIT_UNASSIGN_CALL) {
        return; /* the application has to answer first */
    }
    if (sim_consumer_is_reading(rk)) {
        sim_mattered(rk->sim, SIM_REBALANCED);
    }
    if (member->has_share) {
        struct sim_share share = member->share;

        member->has_share = false;
        call_for(rk, RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS, &share);
    } else {
        rejoin(rk, 0);
    }
}

static void fence(rd_kafka_t *rk)
{
    if (sim_group_has(rk->sim, rk->process)) { /* by a member of its own that it knows nothing of */
        sim_mattered(rk->sim, SIM_JOIN_LATE);
    }
    sim_set_fatal(rk, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
                  "Fatal consumer error: Broker: Static consumer fenced by other consumer with "
                  "same group.instance.id");
}

bool sim_member_has_callback(const rd_kafka_t *rk)
{
    return rk->member != NULL && rk->member->has_callback;
}

void sim_member_call_back(rd_kafka_t *rk)
{
    struct sim_member *member = rk->member;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    member->has_callback = false;
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            if (member->callback_share.has[input][partition]) {
                rd_kafka_topic_partition_list_add(list, rk->sim->topics[input], partition);
            }
        }
    }
    sim_trace(rk->sim, "%s of %d", rd_kafka_err2name(member->callback), list->cnt);
    rk->conf->rebalance_cb(rk, member->callback, list, rk->conf->opaque);
    rd_kafka_topic_partition_list_destroy(list);
}

void sim_member_note_assign(rd_kafka_t *rk, bool is_unassign)
{
    struct sim_member *member = rk->member;

    if (member == NULL) {
        return;
    }
    if (!is_unassign && member->state == JOIN_WAIT_ASSIGN_CALL) {
        member->state = JOIN_STEADY;
        sim_consumer_hold(rk, false);
    } else if (is_unassign && member->state == JOIN_WAIT_UNASSIGN_CALL) {
        sim_consumer_hold(rk, false);
        rejoin(rk, 0);
    }
}

/* ---- joining --------------------------------------------------------------------------------- */

static void take_sync(struct sim_request *request, rd_kafka_resp_err_t err)
{
    rd_kafka_t *rk = request->rk;
    struct sim_member *member = rk->member;
    const struct sim_group_call *call = request->data;

    if (member->state != JOIN_WAIT_SYNC || member->is_closed) {
        return;
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        member->share = call->ret_share;
        member->has_share = true;
        call_for(rk, RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, &member->share);
        return;
    }
    if (err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
        fence(rk);
    } else if (err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION) {
        member->generation = -1;
    } else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID) {
        member->id[0] = '\0';
    }
    rejoin(rk, (int64_t)sim_below(rk->sim, JOIN_AGAIN_MS));
}

/* The range assignor: partition number n of both topics goes to the same member. */
static void assign_ranges(const struct sim *sim, struct sim_group_call *call)
{
    int32_t partitions = sim->world.broker.partition_count;
    int32_t each = partitions / call->share_count;
    int32_t extra = partitions % call->share_count;
    int32_t next = 0;

    for (int i = 0; i < call->share_count; i++) {
        for (int32_t end = next + each + (i < extra ? 1 : 0); next < end; next++) {
            for (int input = 0; input < PL_INPUT_COUNT; input++) {
                call->shares[i].has[input][next] = true;
            }
        }
    }
}

static int size_of(const struct sim_share *share)
{
    int size = 0;

    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        for (int32_t partition = 0; partition < PL_FAKE_MAX_PARTITIONS; partition++) {
            size += share->has[input][partition] ? 1 : 0;
        }
    }
    return size;
}

/* Who is to have it: who has it already and may keep it, else who has least. */
static int choose_sticky(const struct sim_group_call *call, int input, int32_t partition, int most)
{
    int chosen = 0;

    for (int i = 0; i < call->share_count; i++) {
        int size = size_of(&call->shares[i]);

        if (call->ret_owned[i].has[input][partition] && size < most) {
            return i;
        }
        if (size < size_of(&call->shares[chosen])) {
            chosen = i;
        }
    }
    return chosen;
}

/* Cooperative-sticky: everybody keeps what it has up to a fair number, the rest goes one by one to
 * whoever has least, whatever topic it is of: the two inputs of a partition come apart. */
static void assign_sticky(const struct sim *sim, struct sim_group_call *call)
{
    int32_t partitions = sim->world.broker.partition_count;
    int most = (partitions * PL_INPUT_COUNT + call->share_count - 1) / call->share_count;

    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        for (int32_t partition = 0; partition < partitions; partition++) {
            int chosen = choose_sticky(call, input, partition, most);

            call->shares[chosen].has[input][partition] = true;
        }
    }
}

static void take_join(struct sim_request *request, rd_kafka_resp_err_t err)
{
    rd_kafka_t *rk = request->rk;
    struct sim_member *member = rk->member;
    const struct sim_group_call *joined = request->data;
    struct sim_request *sync;
    struct sim_group_call *call;

    if (member->state != JOIN_WAIT_JOIN || member->is_closed) {
        return;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
            fence(rk);
        } else if (err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID) {
            member->id[0] = '\0';
        } else if (err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION) {
            member->generation = -1;
        }
        rejoin(rk, (int64_t)sim_below(rk->sim, JOIN_AGAIN_MS));
        return;
    }
    memcpy(member->id, joined->ret_member_id, sizeof(member->id));
    member->generation = joined->ret_generation;
    member->state = JOIN_WAIT_SYNC;
    sync = new_request(rk, &sync_api, sim_group_sync, take_sync);
    call = sync->data;
    if (joined->ret_is_leader) {
        call->has_shares = true;
        call->share_count = joined->ret_member_count;
        memcpy(call->share_members, joined->ret_members, sizeof(call->share_members));
        memcpy(call->ret_owned, joined->ret_owned, sizeof(call->ret_owned));
        if (sim_member_is_cooperative(rk)) {
            assign_sticky(rk->sim, call);
        } else {
            assign_ranges(rk->sim, call);
        }
    }
    sim_send(sync);
}

/* ---- heartbeats ------------------------------------------------------------------------------ */

static void take_beat(struct sim_request *request, rd_kafka_resp_err_t err)
{
    rd_kafka_t *rk = request->rk;
    struct sim_member *member = rk->member;

    member->is_beating = false;
    if (member->state <= JOIN_WAIT_SYNC || member->is_closed) {
        return; /* outdated */
    }
    switch (err) {
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
        revoke_and_rejoin(rk);
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
        member->id[0] = '\0';
        revoke_and_rejoin(rk);
        break;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
        member->generation = -1;
        revoke_and_rejoin(rk);
        break;
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        fence(rk);
        revoke_and_rejoin(rk);
        break;
    default: /* none, or nothing that can be told */
        break;
    }
}

/* The main thread comes round. */
static void tick(rd_kafka_t *rk, void *data)
{
    struct sim_member *member = rk->member;
    int64_t now = sim_now(rk->sim);
    int64_t next_ms;

    (void)data;
    if (member->is_closed || (has_fatal(rk) && member->state == JOIN_INIT)) {
        return;
    }
    if (member->state == JOIN_INIT && now >= member->joins_ms) {
        member->state = JOIN_WAIT_JOIN;
        sim_send(new_request(rk, &join_api, sim_group_join, take_join));
    } else if (member->state > JOIN_WAIT_SYNC && now >= member->beats_ms && !member->is_beating) {
        member->beats_ms = now + sim_property_number(rk->conf, "heartbeat.interval.ms", 3000);
        member->is_beating = true;
        sim_send(new_request(rk, &beat_api, sim_group_heartbeat, take_beat));
    }
    next_ms = member->beats_ms > now ? member->beats_ms - now : TICK_MS;
    sim_client_after(rk, member->state > JOIN_WAIT_SYNC ? next_ms : TICK_MS, tick, NULL);
}

void sim_member_subscribe(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
    (void)list; /* the two inputs, always */
    rk->member = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*rk->member));
    rk->member->generation = -1;
    sim_client_after(rk, sim_latency(rk->sim), tick, NULL);
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void ignore_answer(struct sim_request *request, rd_kafka_resp_err_t err)
{
    (void)request, (void)err;
}

/* The application's callback is made a last time; a static member keeps its place. */
void sim_member_close(rd_kafka_t *rk)
{
    struct sim_member *member = rk->member;

    if (member == NULL || member->is_closed) {
        return;
    }
    if (member->has_share && !has_fatal(rk) && member->state == JOIN_STEADY) {
        member->callback = RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
        member->callback_share = member->share;
        member->state = JOIN_WAIT_UNASSIGN_CALL;
        sim_member_call_back(rk);
    }
    member->is_closed = true;
    member->has_callback = false;
    if (sim_property(rk->conf, "group.instance.id") == NULL && member->id[0] != '\0') {
        sim_send(new_request(rk, &leave_api, sim_group_leave, ignore_answer));
    }
}
