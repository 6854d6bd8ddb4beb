/* The group coordinator of the classic protocol, for the one group: joining in two rounds (join,
 * sync), generations, heartbeats and sessions, static members (KIP-345). After Apache Kafka's
 * ClassicGroup and GroupMetadataManager (4.1): a static member that comes back with an empty member
 * id to a stable group takes its place without a rebalance, and whoever has the old member id is
 * fenced (FENCED_INSTANCE_ID); a member awaiting an answer does not run out of its session; static
 * members do not leave. Left out: the initial delay of an empty group, the rebalance timeout (five
 * minutes by default: a schedule is shorter), protocols other than the leader's. */
#include <assert.h>

#include "inner.h"
#include "kafka_sim.h"

enum phase { PHASE_EMPTY, PHASE_PREPARING, PHASE_COMPLETING, PHASE_STABLE };

struct member {
    char id[96];
    char instance_id[64];
    char host[64];
    struct sim_process *process;
    int64_t session_timeout_ms;
    int64_t heard_ms;
    struct sim_request *waiting; /* a join or a sync that is not answered yet */
    bool is_cooperative;
    struct sim_share owned; /* as it said when it joined */
    struct sim_share share; /* as the leader says */
};

struct sim_group {
    enum phase phase;
    int32_t generation;
    char leader_id[96];
    struct member members[SIM_MAX_MEMBERS];
    int count;
    unsigned ids; /* member ids given so far */
    bool is_scaled;
    bool has_lost[PL_FAKE_MAX_PARTITIONS]; /* offsets, and nobody has looked since */
};

void sim_group_init(struct sim *sim)
{
    sim->group = pl_arena_zalloc(&sim->world.arena, 1, sizeof(*sim->group));
}

void sim_group_note_scaling(struct sim *sim)
{
    sim->group->is_scaled = true;
}

/* ---- members --------------------------------------------------------------------------------- */

static struct member *find_member(struct sim_group *group, const char *id)
{
    for (int i = 0; i < group->count; i++) {
        if (strcmp(group->members[i].id, id) == 0) {
            return &group->members[i];
        }
    }
    return NULL;
}

bool sim_group_has(const struct sim *sim, const struct sim_process *process)
{
    for (int i = 0; i < sim->group->count; i++) {
        if (sim->group->members[i].process == process) {
            return true;
        }
    }
    return false;
}

static struct member *find_instance(struct sim_group *group, const char *instance_id)
{
    for (int i = 0; i < group->count; i++) {
        if (instance_id[0] != '\0' && strcmp(group->members[i].instance_id, instance_id) == 0) {
            return &group->members[i];
        }
    }
    return NULL;
}

/* *ret_member is set where it is a member, by its newest id. */
static rd_kafka_resp_err_t check_member(struct sim_group *group, const char *id,
                                        const char *instance_id, struct member **ret_member)
{
    struct member *instance = find_instance(group, instance_id);
    struct member *member = find_member(group, id);

    if (instance_id[0] != '\0' && instance == NULL) {
        return RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID;
    }
    if (instance != NULL && strcmp(instance->id, id) != 0) {
        return RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    }
    if (member == NULL) {
        return RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID;
    }
    *ret_member = member;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void answer_waiting(struct member *member, rd_kafka_resp_err_t err)
{
    struct sim_request *request = member->waiting;

    if (request != NULL) {
        member->waiting = NULL;
        sim_answer(request, err);
    }
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void prepare_rebalance(struct sim *sim);
static void complete_join_if_all_are_there(struct sim *sim);

static void remove_member(struct sim *sim, struct member *member)
{
    struct sim_group *group = sim->group;

    answer_waiting(member, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    *member = group->members[--group->count];
    if (group->phase == PHASE_PREPARING) {
        complete_join_if_all_are_there(sim);
    } else {
        prepare_rebalance(sim);
    }
}

struct session {
    char id[96];
    int64_t heard_ms;
};

static void check_session(void *self, const void *data)
{
    struct sim *sim = self;
    const struct session *session = data;
    struct member *member = find_member(sim->group, session->id);

    if (member != NULL && member->heard_ms == session->heard_ms && member->waiting == NULL) {
        sim_occurred(sim, SIM_SESSION_EXPIRED);
        if (!sim_is_dead(member->process)) {
            sim_mattered(sim, SIM_SESSION_EXPIRED); /* it will come back */
        }
        remove_member(sim, member);
    }
}

/* Heard of: its session begins anew. */
static void hear(struct sim *sim, struct member *member)
{
    struct session session = {.heard_ms = sim_now(sim)};

    memcpy(session.id, member->id, sizeof(session.id));
    member->heard_ms = sim_now(sim);
    pl_fake_after(&sim->world, member->session_timeout_ms, check_session, sim, &session,
                  sizeof(session));
}

/* ---- the first round: join ------------------------------------------------------------------- */

static void prepare_rebalance(struct sim *sim)
{
    struct sim_group *group = sim->group;

    sim_occurred(sim, SIM_REBALANCED);
    if (group->phase == PHASE_COMPLETING) { /* those that wait for their share do so in vain */
        for (int i = 0; i < group->count; i++) {
            answer_waiting(&group->members[i], RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
            hear(sim, &group->members[i]);
        }
    }
    if (group->is_scaled) {
        group->is_scaled = false;
        sim_mattered(sim, SIM_SCALED);
    }
    group->phase = PHASE_PREPARING;
    complete_join_if_all_are_there(sim);
}

/* In the order of librdkafka's assignors: by instance id, else by member id. */
static bool is_before(const struct member *a, const struct member *b)
{
    if (a->instance_id[0] != '\0' && b->instance_id[0] != '\0') {
        return strcmp(a->instance_id, b->instance_id) < 0;
    }
    return strcmp(a->id, b->id) < 0;
}

static void sort_members(struct sim_group *group)
{
    for (int i = 1; i < group->count; i++) {
        for (int j = i; j > 0 && is_before(&group->members[j], &group->members[j - 1]); j--) {
            struct member member = group->members[j];

            group->members[j] = group->members[j - 1];
            group->members[j - 1] = member;
        }
    }
}

static void fill_join(const struct sim_group *group, const struct member *member,
                      struct sim_group_call *call, bool is_leader)
{
    memcpy(call->ret_member_id, member->id, sizeof(call->ret_member_id));
    call->ret_generation = group->generation;
    call->ret_is_leader = is_leader;
    call->ret_member_count = group->count;
    for (int i = 0; i < group->count; i++) {
        memcpy(call->ret_members[i], group->members[i].id, sizeof(call->ret_members[i]));
        call->ret_owned[i] = group->members[i].owned;
    }
}

static void complete_join_if_all_are_there(struct sim *sim)
{
    struct sim_group *group = sim->group;

    for (int i = 0; i < group->count; i++) {
        if (group->members[i].waiting == NULL) {
            return;
        }
    }
    group->generation++;
    group->phase = group->count == 0 ? PHASE_EMPTY : PHASE_COMPLETING;
    sim_trace(sim, "  group: generation %d of %d members", (int)group->generation, group->count);
    sort_members(group);
    if (group->count > 0 && find_member(group, group->leader_id) == NULL) {
        memcpy(group->leader_id, group->members[0].id, sizeof(group->leader_id));
    }
    for (int i = 0; i < group->count; i++) {
        struct member *member = &group->members[i];

        fill_join(group, member, member->waiting->data, strcmp(member->id, group->leader_id) == 0);
        answer_waiting(member, RD_KAFKA_RESP_ERR_NO_ERROR);
        hear(sim, member);
    }
}

static void give_id(struct sim_group *group, struct member *member, const char *prefix)
{
    (void)snprintf(member->id, sizeof(member->id), "%s-%u", prefix, ++group->ids);
}

static void take_description(struct member *member, const struct sim_group_call *call)
{
    memcpy(member->host, call->host, sizeof(member->host));
    member->process = call->process;
    member->session_timeout_ms = call->session_timeout_ms;
    member->is_cooperative = call->is_cooperative;
    member->owned = call->owned;
}

/* Wait for the others. What comes late, over a connection that its client has left, does not come
 * after what that client has asked since. */
static void park(struct member *member, struct sim_request *request)
{
    if (member->waiting != NULL && request->is_broken && !member->waiting->is_broken) {
        return;
    }
    member->waiting = request;
    request->is_parked = true;
}

static rd_kafka_resp_err_t add_member(struct sim *sim, struct sim_request *request)
{
    struct sim_group *group = sim->group;
    const struct sim_group_call *call = request->data;
    struct member *member;

    assert(group->count < SIM_MAX_MEMBERS);
    member = &group->members[group->count++];
    *member = (struct member){.heard_ms = sim_now(sim)};
    memcpy(member->instance_id, call->instance_id, sizeof(member->instance_id));
    give_id(group, member, call->instance_id[0] != '\0' ? call->instance_id : call->host);
    take_description(member, call);
    park(member, request);
    if (group->phase == PHASE_PREPARING) {
        complete_join_if_all_are_there(sim);
    } else {
        prepare_rebalance(sim);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* A static member came back under a new member id. Its share stays as it is where the group is
 * stable; it is not made to assign, even if it was the leader. */
static rd_kafka_resp_err_t replace_member(struct sim *sim, struct member *member,
                                          struct sim_request *request)
{
    struct sim_group *group = sim->group;
    struct sim_group_call *call = request->data;
    bool was_leader = strcmp(member->id, group->leader_id) == 0;
    char old_host[sizeof(member->host)];

    memcpy(old_host, member->host, sizeof(old_host));
    sim_occurred(sim, SIM_STATIC_TAKEOVER);
    if (!sim_is_dead(member->process) && member->process != call->process) {
        sim_mattered(sim, SIM_STATIC_TAKEOVER);
        sim_mattered(sim, SIM_DOUBLED);
    }
    answer_waiting(member, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    give_id(group, member, call->instance_id);
    take_description(member, call);
    memcpy(member->host, old_host, sizeof(member->host)); /* as Kafka 4.1 describes it, measured */
    if (was_leader) {
        memcpy(group->leader_id, member->id, sizeof(group->leader_id));
    }
    if (group->phase == PHASE_STABLE) {
        hear(sim, member);
        fill_join(group, member, call, false);
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    park(member, request);
    if (group->phase == PHASE_PREPARING) {
        complete_join_if_all_are_there(sim);
    } else {
        prepare_rebalance(sim);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t rejoin(struct sim *sim, struct member *member,
                                  struct sim_request *request)
{
    struct sim_group *group = sim->group;
    struct sim_group_call *call = request->data;
    bool is_leader = strcmp(member->id, group->leader_id) == 0;

    take_description(member, call);
    if (group->phase == PHASE_COMPLETING || (group->phase == PHASE_STABLE && !is_leader)) {
        hear(sim, member);
        fill_join(group, member, call, is_leader); /* nothing is new to it */
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    park(member, request);
    if (group->phase == PHASE_PREPARING) {
        complete_join_if_all_are_there(sim);
    } else {
        prepare_rebalance(sim);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t sim_group_join(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    const struct sim_group_call *call = request->data;
    struct member *member = find_instance(sim->group, call->instance_id);
    rd_kafka_resp_err_t err;

    if (request->rk->is_destroyed) {
        return RD_KAFKA_RESP_ERR__TRANSPORT; /* its connection is closed: the broker drops it */
    }
    if (call->member_id[0] == '\0') {
        return member == NULL ? add_member(sim, request) : replace_member(sim, member, request);
    }
    err = check_member(sim->group, call->member_id, call->instance_id, &member);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? rejoin(sim, member, request) : err;
}

/* ---- the second round: sync ------------------------------------------------------------------ */

static void take_shares(struct sim *sim, const struct sim_group_call *call)
{
    struct sim_group *group = sim->group;

    for (int i = 0; i < call->share_count; i++) {
        struct member *member = find_member(group, call->share_members[i]);

        if (member != NULL) {
            member->share = call->shares[i];
        }
    }
    group->phase = PHASE_STABLE;
    for (int i = 0; i < group->count; i++) {
        struct member *member = &group->members[i];

        if (member->waiting != NULL) {
            ((struct sim_group_call *)member->waiting->data)->ret_share = member->share;
            answer_waiting(member, RD_KAFKA_RESP_ERR_NO_ERROR);
            hear(sim, member);
        }
    }
}

rd_kafka_resp_err_t sim_group_sync(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    struct sim_group *group = sim->group;
    struct sim_group_call *call = request->data;
    struct member *member = NULL;
    rd_kafka_resp_err_t err = check_member(group, call->member_id, call->instance_id, &member);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err;
    }
    if (call->generation != group->generation) {
        return RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
    }
    switch (group->phase) {
    case PHASE_EMPTY:
        return RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID;
    case PHASE_PREPARING:
        return RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    case PHASE_COMPLETING:
        park(member, request);
        if (call->has_shares) {
            take_shares(sim, call);
        }
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    case PHASE_STABLE:
        break;
    }
    hear(sim, member);
    call->ret_share = member->share;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- everything else ------------------------------------------------------------------------- */

rd_kafka_resp_err_t sim_group_heartbeat(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    const struct sim_group_call *call = request->data;
    struct member *member = NULL;
    rd_kafka_resp_err_t err = check_member(sim->group, call->member_id, call->instance_id, &member);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err;
    }
    if (call->generation != sim->group->generation) {
        return RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
    }
    hear(sim, member);
    return sim->group->phase == PHASE_PREPARING ? RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS
                                                : RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t sim_group_leave(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    const struct sim_group_call *call = request->data;
    struct member *member = NULL;
    rd_kafka_resp_err_t err = check_member(sim->group, call->member_id, call->instance_id, &member);

    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        remove_member(sim, member);
    }
    return err;
}

size_t sim_group_describe(const struct sim *sim, struct sim_group_view ret_views[SIM_MAX_MEMBERS])
{
    for (int i = 0; i < sim->group->count; i++) {
        const struct member *member = &sim->group->members[i];

        memcpy(ret_views[i].instance_id, member->instance_id, sizeof(ret_views[i].instance_id));
        memcpy(ret_views[i].client_id, member->host, sizeof(ret_views[i].client_id));
    }
    return (size_t)sim->group->count;
}

rd_kafka_resp_err_t sim_group_check(struct sim *sim,
                                    const struct rd_kafka_consumer_group_metadata_s *metadata)
{
    struct member *member = NULL;
    rd_kafka_resp_err_t err;

    if (metadata->generation < 0 && sim->group->phase == PHASE_EMPTY) {
        return RD_KAFKA_RESP_ERR_NO_ERROR; /* offsets of a group that nobody is in */
    }
    if (metadata->generation < 0 && metadata->member_id[0] == '\0' &&
        metadata->instance_id[0] == '\0') {
        return RD_KAFKA_RESP_ERR_NO_ERROR; /* transactional: not fenced (reliability A8) */
    }
    err = check_member(sim->group, metadata->member_id, metadata->instance_id, &member);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->generation != sim->group->generation) {
        err = RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
    }
    return err;
}

/* ---- offsets --------------------------------------------------------------------------------- */

bool sim_group_is_empty(const struct sim *sim)
{
    return sim->group->phase == PHASE_EMPTY && sim->group->generation > 0;
}

void sim_group_lose_offsets(struct sim *sim)
{
    struct pl_fake_broker *broker = &sim->world.broker;
    int32_t chosen = (int32_t)sim_below(sim, (uint32_t)broker->partition_count);
    bool is_all = sim_below(sim, 3) == 0;
    bool is_reset = !is_all && sim_below(sim, 2) == 0;

    for (int32_t partition = 0; partition < broker->partition_count; partition++) {
        int64_t *offsets = broker->group_offsets[partition];
        int input = (int)sim_below(sim, PL_INPUT_COUNT);

        if (!is_all && partition != chosen) {
            continue;
        }
        sim->group->has_lost[partition] = offsets[input] > 0;
        if (is_reset && offsets[input] > 0) {
            offsets[input] = (int64_t)sim_below(sim, (uint32_t)offsets[input]);
        } else {
            offsets[input] = -1;
        }
        sim_trace(sim, "offset of %s/%d is %lld now", sim->topics[input], (int)partition,
                  (long long)offsets[input]);
    }
}

void sim_group_note_asked(struct sim *sim, int32_t partition)
{
    if (sim->group->has_lost[partition]) {
        sim->group->has_lost[partition] = false;
        sim_mattered(sim, SIM_GROUP_OFFSETS_LOST);
    }
}
