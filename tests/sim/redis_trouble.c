/* What befalls the simulated Redis itself: it is flushed, restarted, replaced by a replica that
 * lags behind, full, loading or read-only, and its fields go or are garbled. */
#include "redis.h"
#include "redis_inner.h"

bool sim_redis_is_garbled(const struct sim *sim, int32_t partition, struct pl_bytes field,
                          struct pl_bytes value)
{
    const struct sim_garbled *garbled = sim->redis == NULL ? NULL : sim->redis->garbled;

    while (garbled != NULL &&
           (garbled->partition != partition || !pl_bytes_equal(garbled->field, field) ||
            !pl_bytes_equal(garbled->value, value))) {
        garbled = garbled->next;
    }
    return garbled != NULL;
}

/* ---- misfortunes of the server --------------------------------------------------------------- */

bool sim_redis_is_before(const struct sim *sim, int64_t until_ms)
{
    return !sim->is_calm && sim_now(sim) < until_ms;
}

static int64_t some_time(struct sim *sim, uint32_t most_ms)
{
    return sim_now(sim) + 1 + sim_below(sim, most_ms);
}

/* The server is another, or a new one: connections break, scripts are gone. */
static void restart(struct sim_redis *redis)
{
    redis->life++;
    sim_server_flush_scripts(&redis->server);
}

static void fail_over(struct sim *sim, struct sim_redis *redis)
{
    size_t commits = 1 + sim_below(sim, 6);

    redis->stale |= sim_server_roll_back(&redis->server, commits);
    if (sim_below(sim, 2) == 0) { /* else a proxy hides it from the clients */
        restart(redis);
    }
    if (sim_below(sim, 2) == 0) { /* the replica takes its time to become master */
        redis->read_only_until_ms = some_time(sim, 2000);
    }
    sim_trace(sim, "redis: failover, %zu commits lost", commits);
}

static void restart_from_snapshot(struct sim *sim, struct sim_redis *redis)
{
    uint32_t most = (uint32_t)redis->server.commit_count;
    size_t commits = most == 0 ? 0 : 1 + sim_below(sim, most);

    if (sim_server_roll_back(&redis->server, commits) != 0) {
        sim_mattered(sim, SIM_REDIS_OLD_SNAPSHOT);
    }
    restart(redis);
    redis->loading_until_ms = some_time(sim, 1500);
    sim_trace(sim, "redis: restart from a snapshot, %zu commits lost", commits);
}

static void flush_all(struct sim *sim, struct sim_redis *redis)
{
    for (int32_t partition = 0; partition < sim->world.broker.partition_count; partition++) {
        if (sim->world.hashes[partition].count > 0) {
            sim_mattered(sim, SIM_REDIS_FLUSHED);
        }
    }
    sim_server_flush_all(&redis->server);
    sim_trace(sim, "redis: FLUSHALL");
}

/* Some field of some hash; NULL: all hashes are empty. */
static const struct pl_fake_pair *some_field(struct sim *sim, int32_t *ret_partition)
{
    int32_t count = sim->world.broker.partition_count;
    int32_t first = (int32_t)sim_below(sim, (uint32_t)count);

    for (int32_t i = 0; i < count; i++) {
        const struct pl_fake_map *hash = &sim->world.hashes[(first + i) % count];

        if (hash->count > 0) {
            *ret_partition = (first + i) % count;
            return &hash->pairs[sim_below(sim, (uint32_t)hash->count)];
        }
    }
    return NULL;
}

static void delete_field(struct sim *sim, struct sim_redis *redis)
{
    int32_t partition;
    const struct pl_fake_pair *pair = some_field(sim, &partition);

    if (pair == NULL) {
        return;
    }
    redis->deleted |= UINT32_C(1) << partition;
    sim_trace(sim, "redis: p%d lost field %.*s", (int)partition, (int)pair->key.len,
              pair->key.data);
    sim_server_put(&redis->server, partition, pair->key, PL_NULL_BYTES);
}

/* Another value than it was: a bit turned over, cut short, emptied, or that of another field. */
static struct pl_bytes garble(struct sim *sim, const struct pl_fake_pair *pair)
{
    struct pl_bytes value = pl_arena_copy(&sim->world.arena, pair->value);
    union {
        const char *in;
        unsigned char *out;
    } bytes = {value.data};
    int32_t partition;
    const struct pl_fake_pair *other;
    size_t place;

    if (value.len == 0) {
        return PL_BYTES_LITERAL("x");
    }
    switch (sim_below(sim, 8)) {
    case 0:
        value.len = sim_below(sim, (uint32_t)value.len);
        return value;
    case 1:
        other = some_field(sim, &partition);
        if (!pl_bytes_equal(other->value, value)) {
            return pl_arena_copy(&sim->world.arena, other->value);
        }
        return PL_BYTES_LITERAL("");
    default:
        place = sim_below(sim, (uint32_t)value.len);
        bytes.out[place] ^= (unsigned char)(1U << sim_below(sim, 7));
        return value;
    }
}

static void garble_field(struct sim *sim, struct sim_redis *redis)
{
    struct sim_garbled *garbled = pl_arena_zalloc(&sim->world.arena, 1, sizeof(*garbled));
    const struct pl_fake_pair *pair = some_field(sim, &garbled->partition);

    if (pair == NULL) {
        return;
    }
    garbled->field = pl_arena_copy(&sim->world.arena, pair->key);
    garbled->value = garble(sim, pair);
    garbled->next = redis->garbled;
    redis->garbled = garbled;
    redis->damaged |= UINT32_C(1) << garbled->partition;
    sim_trace(sim, "redis: p%d has field %.*s garbled", (int)garbled->partition, (int)pair->key.len,
              pair->key.data);
    sim_server_put(&redis->server, garbled->partition, garbled->field, garbled->value);
}

static void begin_bad_time(struct sim *sim, struct sim_redis *redis)
{
    if (sim_chance(sim, SIM_REDIS_OOM)) {
        redis->full_until_ms = some_time(sim, 3000);
        sim_trace(sim, "redis: full");
    }
    if (sim_chance(sim, SIM_REDIS_LOADING)) {
        redis->loading_until_ms = some_time(sim, 3000);
        restart(redis);
        sim_trace(sim, "redis: restart, loading");
    }
    if (sim_chance(sim, SIM_REDIS_READONLY)) {
        redis->read_only_until_ms = some_time(sim, 3000);
        sim_trace(sim, "redis: read-only");
    }
}

void sim_redis_tempt_fate(struct sim *sim, struct sim_redis *redis)
{
    if (sim_chance(sim, SIM_REDIS_WRITE_LOST)) {
        fail_over(sim, redis);
    }
    if (sim_chance(sim, SIM_REDIS_OLD_SNAPSHOT)) {
        restart_from_snapshot(sim, redis);
    }
    if (sim_chance(sim, SIM_REDIS_FLUSHED)) {
        flush_all(sim, redis);
    }
    if (sim_chance(sim, SIM_REDIS_FIELD_DELETED)) {
        delete_field(sim, redis);
    }
    if (sim_chance(sim, SIM_REDIS_FIELD_GARBLED)) {
        garble_field(sim, redis);
    }
    begin_bad_time(sim, redis);
    redis->server.is_full = sim_redis_is_before(sim, redis->full_until_ms);
    redis->server.is_loading = sim_redis_is_before(sim, redis->loading_until_ms);
    redis->server.is_read_only = sim_redis_is_before(sim, redis->read_only_until_ms);
}
