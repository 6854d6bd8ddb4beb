/* Questions that block: committed offsets, watermarks, metadata, settings of topics. The end of a
 * partition is the last stable offset to a read_committed handle, which is every handle's default;
 * committed offsets are asked for as stable (KIP-447) by read_committed handles: while a
 * transaction has some pending, the client asks again until its time is over. */
#include <assert.h>
#include <stdlib.h>

#include "kafka_sim.h"

#define SOCKET_TIMEOUT_MS 60000 /* socket.timeout.ms */

static const struct sim_api offset_fetch_api = {"OffsetFetch", 9, SIM_GROUP_COORDINATOR,
                                                SIM_NO_FATES};
static const struct sim_api list_offsets_api = {"ListOffsets", 2, SIM_LEADER, SIM_NO_FATES};
static const struct sim_api metadata_api = {"Metadata", 3, SIM_LEADER, SIM_NO_FATES};

/* ---- committed offsets ----------------------------------------------------------------------- */

/* What is asked and answered. In the arena: the answer may come when nobody waits for it. */
struct fetch {
    bool wants_stable;
    int64_t offsets[PL_FAKE_MAX_PARTITIONS][PL_INPUT_COUNT];
    bool is_asked[PL_FAKE_MAX_PARTITIONS];
};

static void tally_unstable(struct sim *sim, int32_t partition)
{
    const struct pl_fake_broker *broker = &sim->world.broker;

    sim_occurred(sim, SIM_UNSTABLE_OFFSETS);
    for (int i = 0; i < broker->producer_count; i++) {
        const struct pl_fake_producer *producer = &broker->producers[i];

        if (producer->has_offsets && producer->offsets[partition][PL_TOPIC_EVENTS] >= 0 &&
            producer->state == PL_FAKE_TXN_COMMITTING) {
            sim_mattered(sim, SIM_UNSTABLE_OFFSETS);
        }
    }
}

static rd_kafka_resp_err_t serve_fetch(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    const struct pl_fake_broker *broker = &sim->world.broker;
    struct fetch *fetch = request->data;

    if (sim->has_jumped) { /* offsets are asked for at the start of a restore */
        sim->has_jumped = false;
        sim_mattered(sim, SIM_CLOCK_JUMPED);
    }
    for (int32_t partition = 0; partition < broker->partition_count; partition++) {
        if (!fetch->is_asked[partition]) {
            continue;
        }
        sim_group_note_asked(sim, partition);
        memcpy(fetch->offsets[partition], broker->group_offsets[partition],
               sizeof(fetch->offsets[partition]));
        if (fetch->wants_stable &&
            pl_fake_group_offsets(broker, partition, fetch->offsets[partition]) != PL_OK) {
            tally_unstable(sim, partition);
            return RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
        }
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_committed(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list,
                                       int timeout_ms)
{
    struct fetch *fetch = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*fetch));
    struct sim_request *request =
        sim_request_new(rk, &offset_fetch_api, serve_fetch, sim_request_done, fetch);
    rd_kafka_resp_err_t err;

    sim_yield();
    if (rk->type != RD_KAFKA_CONSUMER) {
        return RD_KAFKA_RESP_ERR__UNKNOWN_GROUP;
    }
    fetch->wants_stable = sim_is_read_committed(rk);
    for (int i = 0; i < list->cnt; i++) {
        fetch->is_asked[list->elems[i].partition] = true;
        list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
    }
    err = sim_ask(request, sim_deadline(rk->sim, timeout_ms));
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        int input = sim_topic_of(rk->sim, list->elems[i].topic);
        int64_t offset = fetch->offsets[list->elems[i].partition][input];

        list->elems[i].offset = offset < 0 ? RD_KAFKA_OFFSET_INVALID : offset;
        list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    return err;
}

/* ---- watermarks ------------------------------------------------------------------------------ */

struct watermarks {
    enum pl_topic topic;
    int32_t partition;
    int64_t low, high;
};

/* Is the end that a read_committed reader sees short of an acknowledged commit? */
static void tally_late_markers(struct sim *sim, const struct pl_fake_log *log)
{
    int64_t stable = pl_fake_stable_end(log);
    int producer = stable < log->end ? log->entries[stable]->producer : -1;

    if (producer >= 0 && sim->world.broker.producers[producer].state == PL_FAKE_TXN_COMMITTING) {
        sim_mattered(sim, SIM_MARKER_LATE);
    }
}

static rd_kafka_resp_err_t serve_list(struct sim_request *request)
{
    struct sim *sim = request->rk->sim;
    struct watermarks *marks = request->data;
    const struct pl_fake_log *log = pl_fake_log(&sim->world.broker, marks->topic, marks->partition);

    marks->low = log->first;
    if (sim_is_read_committed(request->rk)) {
        marks->high = pl_fake_stable_end(log);
    } else {
        marks->high = log->end;
    }
    if (marks->topic == PL_TOPIC_STATE) {
        tally_late_markers(sim, log);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t query(rd_kafka_t *rk, const char *topic, int32_t partition,
                                 int timeout_ms, struct watermarks *ret_marks)
{
    int index = sim_topic_of(rk->sim, topic);
    struct watermarks *marks = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*marks));
    struct sim_request *request =
        sim_request_new(rk, &list_offsets_api, serve_list, sim_request_done, marks);
    rd_kafka_resp_err_t err;

    sim_yield();
    if (index < 0 || partition < 0 ||
        partition >= pl_fake_partition_count(&rk->sim->world.broker, (enum pl_topic)index)) {
        return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    }
    marks->topic = (enum pl_topic)index;
    marks->partition = partition;
    err = sim_ask(request, sim_deadline(rk->sim, timeout_ms));
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *ret_marks = *marks;
    }
    return err;
}

/* It does not keep its time in 2.0.2: while the leader is away it waits for as long as a request
 * may take. */
rd_kafka_resp_err_t rd_kafka_query_watermark_offsets(rd_kafka_t *rk, const char *topic,
                                                     int32_t partition, int64_t *ret_low,
                                                     int64_t *ret_high, int timeout_ms)
{
    struct watermarks marks;
    rd_kafka_resp_err_t err =
        query(rk, topic, partition, timeout_ms > SOCKET_TIMEOUT_MS ? timeout_ms : SOCKET_TIMEOUT_MS,
              &marks);

    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *ret_low = marks.low;
        *ret_high = marks.high;
    }
    return err;
}

/* Of times only the two that stand for a place: the beginning and the end. */
rd_kafka_resp_err_t
rd_kafka_offsets_for_times(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    int64_t deadline_ms = sim_deadline(rk->sim, timeout_ms);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        rd_kafka_topic_partition_t *element = &list->elems[i];
        int64_t left_ms = deadline_ms - sim_now(rk->sim);
        struct watermarks marks = {.low = -1, .high = -1};

        assert(element->offset == RD_KAFKA_OFFSET_BEGINNING ||
               element->offset == RD_KAFKA_OFFSET_END);
        err = query(rk, element->topic, element->partition, left_ms < 0 ? 0 : (int)left_ms, &marks);
        element->offset = element->offset == RD_KAFKA_OFFSET_BEGINNING ? marks.low : marks.high;
        element->err = err;
    }
    return err;
}

/* ---- metadata -------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t serve_metadata(struct sim_request *request)
{
    (void)request; /* topics do not change in a schedule */
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        pl_out_of_memory(size);
    }
    return memory;
}

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = allocate(size);

    memcpy(copy, text, size);
    return copy;
}

rd_kafka_resp_err_t rd_kafka_metadata(rd_kafka_t *rk, int all_topics, rd_kafka_topic_t *only_rkt,
                                      const struct rd_kafka_metadata **ret_metadata, int timeout_ms)
{
    struct sim_request *request =
        sim_request_new(rk, &metadata_api, serve_metadata, sim_request_done, NULL);
    struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t err;

    (void)only_rkt;
    sim_yield();
    err = sim_ask(request, sim_deadline(rk->sim, timeout_ms));
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err;
    }
    metadata = allocate(sizeof(*metadata));
    metadata->topics = allocate(PL_TOPIC_COUNT * sizeof(*metadata->topics));
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (all_topics != 0 || rk->is_known[topic]) {
            metadata->topics[metadata->topic_cnt++] =
                (struct rd_kafka_metadata_topic){.topic = copy_text(rk->sim->topics[topic]),
                                                 .partition_cnt = pl_fake_partition_count(
                                                     &rk->sim->world.broker, (enum pl_topic)topic)};
        }
    }
    *ret_metadata = metadata;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void rd_kafka_metadata_destroy(const struct rd_kafka_metadata *metadata)
{
    /* librdkafka lends it as const but it is ours to free. */
    union {
        const struct rd_kafka_metadata *in;
        struct rd_kafka_metadata *out;
    } owned = {metadata};

    for (int i = 0; i < metadata->topic_cnt; i++) {
        free(metadata->topics[i].topic);
    }
    free(metadata->topics);
    free(owned.out);
}

char *rd_kafka_clusterid(rd_kafka_t *rk, int timeout_ms)
{
    (void)timeout_ms;
    sim_yield();
    return copy_text(rk->sim->cluster_id);
}
