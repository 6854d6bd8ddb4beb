/* The cache port: the world's hashes, with an exact compare-and-set on the checkpoint. */
#include "process.h"

#define CHECKPOINT PL_BYTES_LITERAL("#")

static enum pl_status read_fields(void *self, struct pl_cache_read *reads, size_t count,
                                  struct pl_arena *arena, struct pl_error *error)
{
    struct pl_fake_process *process = self;
    enum pl_status status = pl_fake_enter(process, PL_FAKE_CACHE_READ, error).status;

    for (size_t i = 0; status == PL_OK && i < count; i++) {
        const struct pl_fake_map *hash = &process->world->hashes[reads[i].partition];

        for (size_t j = 0; j < reads[i].field_count; j++) {
            reads[i].fields[j].value =
                pl_arena_copy(arena, pl_fake_map_get(hash, reads[i].fields[j].field));
        }
        reads[i].checkpoint = pl_arena_copy(arena, pl_fake_map_get(hash, CHECKPOINT));
        reads[i].stored_fields = (int64_t)hash->count;
    }
    return status;
}

/* All of the update or, if the checkpoint is another, nothing. */
static bool apply(struct pl_fake_world *world, const struct pl_cache_update *update)
{
    struct pl_fake_map *hash = &world->hashes[update->partition];
    struct pl_bytes found = pl_fake_map_get(hash, CHECKPOINT);

    if (!pl_bytes_equal(found, update->expected)) {
        return false;
    }
    for (size_t i = 0; i < update->write_count; i++) {
        pl_fake_map_put(hash, update->writes[i].field, update->writes[i].value);
    }
    pl_fake_map_put(hash, CHECKPOINT, update->checkpoint);
    return true;
}

static void apply_late(void *self, const void *data)
{
    (void)apply(self, data); /* nobody waits for the answer any more */
}

/* A copy of the update on its way, which outlives the call. */
static void send_late(struct pl_fake_world *world, const struct pl_cache_update *update,
                      int64_t late_ms)
{
    struct pl_arena *arena = &world->arena;
    struct pl_cache_write *writes = pl_arena_alloc(arena, update->write_count * sizeof(*writes));
    struct pl_cache_update copy = *update;

    for (size_t i = 0; i < update->write_count; i++) {
        writes[i].field = pl_arena_copy(arena, update->writes[i].field);
        writes[i].value = pl_arena_copy(arena, update->writes[i].value);
    }
    copy.expected = pl_arena_copy(arena, update->expected);
    copy.checkpoint = pl_arena_copy(arena, update->checkpoint);
    copy.writes = writes;
    pl_fake_after(world, late_ms, apply_late, world, &copy, sizeof(copy));
}

static enum pl_status update(void *self, struct pl_cache_update *updates, size_t count,
                             struct pl_error *error)
{
    struct pl_fake_process *process = self;
    struct pl_fake_verdict verdict = pl_fake_enter(process, PL_FAKE_CACHE_UPDATE, error);

    for (size_t i = 0; i < count && i < verdict.applied; i++) {
        if (verdict.late_ms > 0) {
            send_late(process->world, &updates[i], verdict.late_ms);
        } else {
            updates[i].is_applied = apply(process->world, &updates[i]);
        }
    }
    return verdict.status;
}

static enum pl_status drop(void *self, int32_t partition, struct pl_bytes expected,
                           struct pl_error *error)
{
    struct pl_fake_process *process = self;
    struct pl_fake_verdict verdict = pl_fake_enter(process, PL_FAKE_CACHE_DROP, error);
    struct pl_fake_map *hash = &process->world->hashes[partition];
    bool is_expected = pl_bytes_equal(pl_fake_map_get(hash, CHECKPOINT), expected);

    if (verdict.applied > 0 && is_expected) {
        pl_fake_map_clear(hash);
    }
    if (verdict.status == PL_OK && !is_expected) {
        return pl_fail(error, PL_ABORT, "the checkpoint is another");
    }
    return verdict.status;
}

struct pl_cache pl_fake_cache(struct pl_fake_process *process)
{
    static const struct pl_cache_ops ops = {.read = read_fields, .update = update, .drop = drop};

    return (struct pl_cache){&ops, process};
}
