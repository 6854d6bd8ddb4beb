/* Checks at rest, straight from the world. The answers themselves are judged by the oracle, from
 * the dump. */
#include "judge.h"

#include <inttypes.h>
#include <string.h>

#include "dump.h"
#include "planlift/state.h"
#include "redis.h"

struct judge {
    struct sim *sim;
    FILE *out;
    int32_t partition;
    struct pl_fake_map fold;     /* of the state log, '#' aside */
    bool has_progress;           /* of the last '#' record: */
    struct pl_progress progress; /* borrows from the log */
    int64_t progress_offset;
};

#define VIOLATION(judge, format, ...)                                                              \
    sim_dump_text((judge)->out, 'V', "partition %d: " format, (int)(judge)->partition, __VA_ARGS__)

/* ---- the state log --------------------------------------------------------------------------- */

static void take_progress(struct judge *judge, const struct pl_fake_entry *entry)
{
    struct pl_progress progress;

    if (pl_progress_decode(entry->value, &progress, NULL) != PL_OK) {
        VIOLATION(judge, "state offset %" PRId64 ": damaged progress record", entry->offset);
        return;
    }
    if (judge->has_progress && memcmp(progress.incarnation, judge->progress.incarnation,
                                      sizeof(progress.incarnation)) != 0) {
        VIOLATION(judge, "state offset %" PRId64 ": another incarnation", entry->offset);
    }
    for (int input = 0; judge->has_progress && input < PL_INPUT_COUNT; input++) {
        if (progress.next[input] < judge->progress.next[input]) {
            VIOLATION(judge, "state offset %" PRId64 ": progress of input %d went back",
                      entry->offset, input);
        }
    }
    judge->progress = progress;
    judge->progress_offset = entry->offset;
    judge->has_progress = true;
}

static bool is_record_of_ours(const struct pl_fake_entry *entry)
{
    return entry->kind == PL_FAKE_ENTRY_RECORD && entry->producer >= 0;
}

/* A transaction lies in one piece and ends with its progress record (I4, I5): what comes behind any
 * other record is a further one of the same producer. Compaction may have taken either. */
static void check_piece(struct judge *judge, const struct pl_fake_log *log, int64_t offset)
{
    const struct pl_fake_entry *entry = log->entries[offset];
    const struct pl_fake_entry *next = offset + 1 < log->end ? log->entries[offset + 1] : NULL;

    if (pl_bytes_equal(entry->key, PL_PROGRESS_FIELD) || next == NULL || next->is_gone) {
        return;
    }
    if (!is_record_of_ours(next) || next->producer != entry->producer ||
        next->state != PL_FAKE_ENTRY_COMMITTED) {
        VIOLATION(judge, "state offset %" PRId64 ": no progress record ends its transaction",
                  offset);
    }
}

static void fold_state(struct judge *judge)
{
    struct sim *sim = judge->sim;
    const struct pl_fake_log *log =
        pl_fake_log(&sim->world.broker, PL_TOPIC_STATE, judge->partition);

    for (int64_t offset = log->first; offset < log->end; offset++) {
        const struct pl_fake_entry *entry = log->entries[offset];

        if (entry->state == PL_FAKE_ENTRY_OPEN) {
            VIOLATION(judge, "state offset %" PRId64 ": its transaction is still open", offset);
        }
        if (entry->kind != PL_FAKE_ENTRY_RECORD || entry->state != PL_FAKE_ENTRY_COMMITTED ||
            entry->is_gone) {
            continue;
        }
        check_piece(judge, log, offset);
        if (pl_bytes_equal(entry->key, PL_PROGRESS_FIELD)) {
            take_progress(judge, entry);
        } else {
            pl_fake_map_put(&judge->fold, entry->key, entry->value);
        }
    }
    if (!judge->has_progress) {
        VIOLATION(judge, "%s", "the state log has no progress record");
    } else if (judge->progress.pieces != (int64_t)judge->fold.count) {
        VIOLATION(judge, "progress says %" PRId64 " pieces, the log holds %zu",
                  judge->progress.pieces, judge->fold.count);
    }
}

/* ---- Redis ----------------------------------------------------------------------------------- */

static void check_checkpoint(struct judge *judge, struct pl_bytes value)
{
    struct sim *sim = judge->sim;
    int64_t end = pl_fake_log(&sim->world.broker, PL_TOPIC_STATE, judge->partition)->end;
    struct pl_checkpoint checkpoint;

    if (pl_checkpoint_decode(value, &checkpoint, NULL) != PL_OK) {
        VIOLATION(judge, "%s", "Redis has no readable checkpoint");
        return;
    }
    /* Records and markers of aborted transactions may stand behind what it tells of. */
    if (!checkpoint.is_whole || checkpoint.next_offset > end ||
        checkpoint.next_offset <= judge->progress_offset ||
        checkpoint.progress_offset != judge->progress_offset) {
        VIOLATION(judge,
                  "the checkpoint in Redis is at %" PRId64 " (progress at %" PRId64
                  "%s), the log ends at %" PRId64 " (progress at %" PRId64 ")",
                  checkpoint.next_offset, checkpoint.progress_offset,
                  checkpoint.is_whole ? "" : ", not whole", end, judge->progress_offset);
    }
    if (checkpoint.progress.pieces != judge->progress.pieces ||
        memcmp(checkpoint.progress.next, judge->progress.next, sizeof(judge->progress.next)) != 0 ||
        memcmp(checkpoint.progress.incarnation, judge->progress.incarnation, 16) != 0) {
        VIOLATION(judge, "%s", "the checkpoint in Redis has another progress than the log");
    }
}

static void check_redis(struct judge *judge)
{
    const struct pl_fake_map *hash = &judge->sim->world.hashes[judge->partition];

    for (size_t i = 0; i < hash->count; i++) {
        const struct pl_fake_pair *pair = &hash->pairs[i];
        struct pl_bytes wanted = pl_fake_map_get(&judge->fold, pair->key);

        if (pl_bytes_equal(pair->key, PL_PROGRESS_FIELD)) {
            continue;
        }
        if (pl_bytes_is_null(wanted)) {
            VIOLATION(judge, "Redis has the field %.*s, the state log has not", (int)pair->key.len,
                      pair->key.data);
        } else if (pl_bytes_compare(wanted, pair->value) != 0 &&
                   !sim_redis_is_garbled(judge->sim, judge->partition, pair->key, pair->value)) {
            VIOLATION(judge, "Redis has another value of the field %.*s than the state log",
                      (int)pair->key.len, pair->key.data);
        }
    }
    for (size_t i = 0; i < judge->fold.count; i++) {
        if (pl_bytes_is_null(pl_fake_map_get(hash, judge->fold.pairs[i].key))) {
            VIOLATION(judge, "Redis lacks the field %.*s", (int)judge->fold.pairs[i].key.len,
                      judge->fold.pairs[i].key.data);
        }
    }
    check_checkpoint(judge, pl_fake_map_get(hash, PL_PROGRESS_FIELD));
}

/* ---- offsets --------------------------------------------------------------------------------- */

static void check_offsets(struct judge *judge)
{
    struct pl_fake_broker *broker = &judge->sim->world.broker;

    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        int64_t committed = broker->group_offsets[judge->partition][input];
        const struct pl_fake_log *log = pl_fake_log(broker, (enum pl_topic)input, judge->partition);

        if (committed != judge->progress.next[input]) {
            VIOLATION(judge, "input %d: the group's offset is %" PRId64 ", progress is %" PRId64,
                      input, committed, judge->progress.next[input]);
        }
        if (committed > log->end || pl_fake_next(log, committed < 0 ? 0 : committed) != NULL) {
            VIOLATION(judge,
                      "input %d: the group's offset is %" PRId64 ", the log ends at %" PRId64,
                      input, committed, log->end);
        }
    }
}

static void judge_partition(struct judge *judge)
{
    fold_state(judge);
    if (judge->has_progress) {
        check_redis(judge);
        check_offsets(judge);
    }
    pl_fake_map_clear(&judge->fold);
}

/* ---- a foreign writer ------------------------------------------------------------------------ */

static void judge_foreign(struct judge *judge)
{
    const struct pl_fake_log *log =
        pl_fake_log(&judge->sim->world.broker, PL_TOPIC_STATE, judge->partition);
    int64_t foreign = INT64_MAX;

    for (int64_t offset = log->first; offset < log->end; offset++) {
        const struct pl_fake_entry *entry = log->entries[offset];

        if (entry->kind != PL_FAKE_ENTRY_RECORD) {
            continue;
        }
        if (!is_record_of_ours(entry)) {
            foreign = offset;
        } else if (offset > foreign && entry->state == PL_FAKE_ENTRY_COMMITTED) {
            VIOLATION(judge, "state offset %" PRId64 " was committed behind the foreign %" PRId64,
                      offset, foreign);
            return;
        }
    }
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Something that takes a slot or a partition from a process that is still there. */
static bool explains_fencing(const struct sim *sim)
{
    return sim->tallies[SIM_DOUBLED].occurred + sim->tallies[SIM_PAUSED].occurred +
               sim->tallies[SIM_STATIC_TAKEOVER].occurred +
               sim->tallies[SIM_SESSION_EXPIRED].occurred >
           0;
}

static void judge_process(struct judge *judge, const struct sim_process *process)
{
    struct sim *sim = judge->sim;

    if (process->state != SIM_PROCESS_ENDED) {
        return;
    }
    if (process->status == PL_FATAL && sim->tallies[SIM_FOREIGN_WRITE].occurred > 0) {
        sim_mattered(sim, SIM_FOREIGN_WRITE);
    }
    if (process->status == PL_OK && process->stop == 0) {
        sim_dump_text(judge->out, 'V', "process %d ended without being asked to", process->number);
    }
    if ((process->status == PL_FENCED && !explains_fencing(sim)) ||
        (process->status != PL_OK && process->status != PL_FENCED &&
         !sim->options.has_foreign_writer)) {
        sim_dump_text(judge->out, 'V', "process %d ended with status %d: %s", process->number,
                      (int)process->status, process->error.text);
    }
}

/* I7: what is under way of one transaction must not take part in another. */
static void judge_late_requests(struct judge *judge)
{
    const struct sim_tally *tally = &judge->sim->tallies[SIM_LATE_INTO_NEXT];

    if (tally->occurred > tally->mattered) {
        sim_dump_text(judge->out, 'V',
                      "a late request took part in a later transaction (%" PRIu64 " times)",
                      tally->occurred - tally->mattered);
    }
}

void sim_judge(struct sim *sim, FILE *out)
{
    struct judge judge = {.sim = sim, .out = out};

    judge_late_requests(&judge);

    for (int i = 0; i < sim->process_count; i++) {
        judge_process(&judge, sim->processes[i]);
    }
    for (int32_t i = 0; i < sim->world.broker.partition_count; i++) {
        judge = (struct judge){.sim = sim, .out = out, .partition = i};
        if (sim->options.has_foreign_writer) {
            judge_foreign(&judge);
        } else {
            judge_partition(&judge);
        }
    }
    if (sim->world.broker.offsets_went_back > 0) {
        sim_dump_text(out, 'V', "the group's offsets went back %u times",
                      sim->world.broker.offsets_went_back);
    }
}
