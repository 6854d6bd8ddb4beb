"""The bugs that are seeded into planlift, one at a time (reliability holes A1 to A11, I1 to I11).

Each replaces snippets that must occur exactly once in their file, so that none can be left behind
by a change of the product without notice. The sources themselves are never touched.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file, relative to the project: whole lines, after a first empty one."""

    file: str
    was: str
    becomes: str

    @property
    def old(self) -> str:
        """What must be there exactly once."""
        return self.was.removeprefix("\n")

    @property
    def new(self) -> str:
        """What stands there instead."""
        return self.becomes.removeprefix("\n")


@dataclass(frozen=True, slots=True)
class Bug:
    """What is wrong, and where. `hole`: of the invariants and of the list of known holes. Rare ones
    take hundreds of schedules: they are not for every day."""

    name: str
    hole: str
    what: str
    edits: tuple[Edit, ...]
    is_rare: bool = False


@dataclass(frozen=True, slots=True)
class Unseen:
    """A bug that the simulation cannot show, why, and the tests that look at it instead."""

    name: str
    hole: str
    why: str
    instead: str


BUGS = (
    Bug(
        "restore_to_lso",
        "I8, A2",
        "the restore stops at the end that read_committed sees",
        (
            Edit(
                "src/io/kafka_pair.c",
                r"""
        status = pl_kafka_offsets(pair->uncommitted, RD_KAFKA_OFFSET_END, list, error);
""",
                r"""
        status = pl_kafka_offsets(pair->committed, RD_KAFKA_OFFSET_END, list, error);
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "restore_uncommitted",
        "I8",
        "the restore reads records of transactions that were aborted",
        (
            Edit(
                "src/io/kafka_pair.c",
                r"""
    status = new_handle(options, use, "read_committed", when_gone, &pair->committed, error);
""",
                r"""
    status = new_handle(options, use, "read_uncommitted", when_gone, &pair->committed, error);
""",
            ),
        ),
    ),
    Bug(
        "input_uncommitted",
        "contract 2",
        "inputs are read read_uncommitted",
        (
            Edit(
                "src/io/kafka_member.c",
                r"""
                                         {"isolation.level", "read_committed"},
""",
                r"""
                                         {"isolation.level", "read_uncommitted"},
""",
            ),
        ),
    ),
    Bug(
        "produce_error_ignored",
        "I6, A4",
        "a record that is refused locally counts as sent",
        (
            Edit(
                "src/io/kafka_txn.c",
                r"""
    return is_of_the_record(err) ? PL_BAD_DATA : PL_ABORT;
""",
                r"""
    return PL_OK;
""",
            ),
        ),
    ),
    Bug(
        "no_compare_and_set",
        "I3, A6",
        "the cache is written whatever its checkpoint is",
        (
            Edit(
                "src/io/redis_cache.c",
                r"""
    "if (redis.call('HGET', key, '#') or '') ~= ARGV[1] then return 0 end\n"
    "local i, n = 3, #ARGV\n"
""",
                r"""
    "local i, n = 3, #ARGV\n"
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "compare_only_presence",
        "I3, A6",
        "the cache is written if it has any checkpoint at all where one is expected",
        (
            Edit(
                "src/io/redis_cache.c",
                r"""
    "if (redis.call('HGET', key, '#') or '') ~= ARGV[1] then return 0 end\n"
    "local i, n = 3, #ARGV\n"
""",
                r"""
    "if (redis.call('HGET', key, '#') or '') == '' and ARGV[1] ~= '' then\n"
    "  return 0\n"
    "end\n"
    "local i, n = 3, #ARGV\n"
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "compare_greater",
        "I3, A6",
        "the cache is written if its checkpoint is not beyond the new one",
        (
            Edit(
                "src/io/redis_cache.c",
                r"""
    "if (redis.call('HGET', key, '#') or '') ~= ARGV[1] then return 0 end\n"
    "local i, n = 3, #ARGV\n"
""",
                r"""
    "local function reached(checkpoint)\n"
    "  local at = 10\n"
    "  local function long()\n"
    "    local value, unit, byte = 0, 1\n"
    "    repeat\n"
    "      byte = checkpoint:byte(at) or 0\n"
    "      value, unit, at = value + byte % 128 * unit, unit * 128, at + 1\n"
    "    until byte < 128\n"
    "    return value / 2\n"
    "  end\n"
    "  local length = long()\n"
    "  at = at + length\n"
    "  return long()\n"
    "end\n"
    "local stored = redis.call('HGET', key, '#') or ''\n"
    "if reached(stored) > reached(ARGV[2]) then return 0 end\n"
    "local i, n = 3, #ARGV\n"
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "inbox_kept_after_abort",
        "I9",
        "records of an aborted batch stay in the inbox and come again from Kafka",
        (
            Edit(
                "src/pipeline/recover.c",
                r"""
    enum pl_status status = feed->ops->stop(feed->self, error);

    pl_inbox_drop(run, run->inbox.count);
""",
                r"""
    enum pl_status status = feed->ops->stop(feed->self, error);

""",
            ),
        ),
    ),
    Bug(
        "no_rewind_after_abort",
        "I9",
        "an aborted batch is dropped as if it were done; only the end of the log is found again",
        (
            Edit(
                "src/pipeline/commit.c",
                r"""
        run->is_restored = false; /* where our state records are must be found out again */
        return batch->status;
""",
                r"""
        for (int32_t n = 0; n < run->options->partition_count; n++) {
            if (batch->parts[n] != NULL) {
                run->partitions[n].progress = batch->parts[n]->progress;
                if (batch->parts[n]->last_offset > 0) {
                    run->partitions[n].next_offset =
                        batch->parts[n]->last_offset + 2;
                }
            }
        }
        return batch->status == PL_ABORT ? PL_OK : batch->status;
""",
            ),
        ),
    ),
    Bug(
        "offset_without_one",
        "I4",
        "the offset of the last record handled is committed, not the one after it",
        (
            Edit(
                "src/pipeline/decide.c",
                r"""
        part->progress.next[record->topic] = record->offset + 1; /* I4: handled, not position() */
""",
                r"""
        part->progress.next[record->topic] = record->offset; /* I4: handled, not position() */
""",
            ),
        ),
    ),
    Bug(
        "cooperative_sticky",
        "I10, A3",
        "the assignor does not keep the two inputs together",
        (
            Edit(
                "src/io/kafka_member.c",
                r"""
                                         {"partition.assignment.strategy", "range"},
""",
                r"""
                                         {"partition.assignment.strategy", "cooperative-sticky"},
""",
            ),
        ),
    ),
    Bug(
        "redelivery_taken",
        "librdkafka 2.0.2",
        "records that the library delivers again after an assign are taken again",
        (
            Edit(
                "src/io/kafka_places.c",
                r"""
    if (input < 0 || !place->is_started || offset < place->next[input]) {
""",
                r"""
    if (input < 0 || !place->is_started) {
""",
            ),
        ),
    ),
    Bug(
        "stale_metadata",
        "I4",
        "group metadata is taken once and kept",
        (
            Edit(
                "src/io/kafka_txn.c",
                r"""
    forget_group(txn);
    txn->group = pl_kafka_feed_metadata(txn->feed);
""",
                r"""
    if (txn->group == NULL) {
        txn->group = pl_kafka_feed_metadata(txn->feed);
    }
""",
            ),
        ),
    ),
    Bug(
        "dirty_cache",
        "I1",
        "decisions on a cache whose checkpoint is not compared",
        (
            Edit(
                "src/pipeline/load.c",
                r"""
    if (!pl_bytes_equal(read->checkpoint, pl_partition_checkpoint(partition))) {
        return judge_mismatch(run, partition, read->checkpoint, error);
""",
                r"""
    if (false) {
        return judge_mismatch(run, partition, read->checkpoint, error);
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "fields_not_counted",
        "I2, A5",
        "a customer whose field is gone counts as one that nobody spoke of",
        (
            Edit(
                "src/pipeline/load.c",
                r"""
    if (read->stored_fields != partition->progress.pieces + 1) {
""",
                r"""
    if (false) {
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "check_sum_ignored",
        "I2",
        "garbled values are believed",
        (
            Edit(
                "src/wire/state_seal.c",
                r"""
    if (sum != check_sum(version, field, body) || version < OLDEST_VERSION) {
""",
                r"""
    if (sum == 0 && version < OLDEST_VERSION) {
""",
            ),
        ),
    ),
    Bug(
        "doubt_ignored",
        "I7, A1",
        "a producer is kept after a commit whose EndTxn was sent again",
        (
            Edit(
                "src/io/kafka_txn.c",
                r"""
    if (status == PL_OK && pl_kafka_doubt_is_raised(&txn->doubt)) {
""",
                r"""
    if (false) {
""",
            ),
        ),
    ),
    Bug(
        "tainted_producer_kept",
        "I7",
        "a producer is kept after a transaction that was aborted or failed",
        (
            Edit(
                "src/io/kafka_txn.c",
                r"""
    txn->must_renew = true; /* the new producer ends what the old one may have left open */
""",
                r"""
""",
            ),
        ),
    ),
    Bug(
        "transaction_without_offsets",
        "I4, A8",
        "results and state are committed without the offsets",
        (
            Edit(
                "src/io/kafka_txn.c",
                r"""
        status = send_offsets(txn, positions, count, error);
    }
    if (status != PL_OK) {
        return taint(txn, status);
    }
    status = PL_AGAIN;
""",
                r"""
        (void)positions, (void)count;
    }
    if (status != PL_OK) {
        return taint(txn, status);
    }
    status = PL_AGAIN;
""",
            ),
        ),
    ),
    Bug(
        "dead_letters_outside",
        "contract 6",
        "dead letters are committed in a transaction of their own, before the batch's",
        (
            Edit(
                "src/pipeline/commit.c",
                r"""
        status = txn->ops->produce(txn->self, &message, error);
    }
    return status;
}

/* A partition's changes, and last its progress record: so that the log up to the end always ends
""",
                r"""
        status = outgoing->is_view ? PL_OK
                                   : txn->ops->produce(txn->self, &message, error);
    }
    return status;
}

static enum pl_status bury(struct pl_run *run, const struct pl_batch *batch,
                           struct pl_error *error)
{
    const struct pl_txn *txn = &run->options->txn;
    enum pl_status status = PL_OK;
    size_t count = 0;

    for (size_t i = 0; status == PL_OK && i < batch->outgoing_count; i++) {
        const struct pl_outgoing *outgoing = &batch->outgoing[i];
        struct pl_message message = {.topic = outgoing->topic,
                                     .partition = outgoing->partition,
                                     .key = outgoing->key,
                                     .value = outgoing->value,
                                     .headers = outgoing->headers,
                                     .header_count = outgoing->header_count};

        if (outgoing->is_view && count++ == 0) {
            status = txn->ops->begin(txn->self, error);
        }
        if (outgoing->is_view && status == PL_OK) {
            status = txn->ops->produce(txn->self, &message, error);
        }
    }
    if (count > 0 && status == PL_OK) {
        status = txn->ops->flush(txn->self, error);
    }
    if (count > 0 && status == PL_OK) {
        status = txn->ops->commit(txn->self, NULL, 0, error);
    }
    if (status != PL_OK) {
        (void)txn->ops->abort(txn->self, NULL);
    }
    return status;
}

/* A partition's changes, and last its progress record: so that the log up to the end always ends
""",
            ),
            Edit(
                "src/pipeline/commit.c",
                r"""
    enum pl_status status = begin(run, error);

    if (status == PL_OK) {
        pl_inbox_hand_over(run, batch);
""",
                r"""
    enum pl_status status = bury(run, batch, error);

    if (status == PL_OK) {
        status = begin(run, error);
    }
    if (status == PL_OK) {
        pl_inbox_hand_over(run, batch);
""",
            ),
        ),
    ),
    Bug(
        "once_by_id_only",
        "I11",
        "a request id that is used again with other fields counts as a repeat",
        (
            Edit(
                "src/core/once.c",
                r"""
            return memcmp(answered->fields, digest->fields, sizeof(digest->fields)) == 0
                       ? PL_ONCE_REPEAT
                       : PL_ONCE_REUSED;
""",
                r"""
            return PL_ONCE_REPEAT;
""",
            ),
        ),
    ),
    Bug(
        "once_forgets_early",
        "I11, A9",
        "only the last 63 answered requests are remembered",
        (
            Edit(
                "src/core/once.c",
                r"""
    for (size_t i = 0; i < count; i++) {
        const struct pl_answered *answered =
            &customer->answered[i / PL_ANSWERED_SEGMENT][i % PL_ANSWERED_SEGMENT];

        assert(customer->answered_is_loaded[i / PL_ANSWERED_SEGMENT]);
""",
                r"""
    for (size_t i = 0; i < count; i++) {
        const struct pl_answered *answered =
            &customer->answered[i / PL_ANSWERED_SEGMENT][i % PL_ANSWERED_SEGMENT];

        if (customer->answered_total >= PL_ANSWERED_MAX &&
            i == (size_t)(customer->answered_total % PL_ANSWERED_MAX)) {
            continue;
        }
        assert(customer->answered_is_loaded[i / PL_ANSWERED_SEGMENT]);
""",
            ),
        ),
    ),
    Bug(
        "restore_before_offsets",
        "I8",
        "state is restored first, and the group's offsets are asked for after it",
        (
            Edit(
                "src/pipeline/recover.c",
                r"""
        if (status == PL_OK) {
            status = pl_find_positions(run, partition, committed[i++], &is_behind[number], error);
        }
    }
    return status;
}
""",
                r"""
    }
    return status;
}

static enum pl_status find_all(struct pl_run *run, int64_t (*committed)[PL_INPUT_COUNT],
                               bool *is_behind, struct pl_error *error)
{
    size_t i = 0;
    enum pl_status status = PL_OK;

    for (int32_t number = 0; status == PL_OK && number < run->options->partition_count;
         number++) {
        if (run->partitions[number].is_owned) {
            status = pl_find_positions(run, &run->partitions[number], committed[i++],
                                    &is_behind[number], error);
        }
    }
    return status;
}
""",
            ),
            Edit(
                "src/pipeline/recover.c",
                r"""
    if (status == PL_OK) {
        status = feed->ops->committed(feed->self, scratch->owned, run->owned_count,
""",
                r"""
    if (status == PL_OK) {
        status = restore_all(run, scratch->committed, scratch->is_behind, error);
    }
    if (status == PL_OK) {
        status = feed->ops->committed(feed->self, scratch->owned, run->owned_count,
""",
            ),
            Edit(
                "src/pipeline/recover.c",
                r"""
    if (status == PL_OK) {
        status = restore_all(run, scratch->committed, scratch->is_behind, error);
    }
    if (status == PL_OK) {
        status = commit_positions(run, scratch->is_behind, error);
""",
                r"""
    if (status == PL_OK) {
        status = find_all(run, scratch->committed, scratch->is_behind, error);
    }
    if (status == PL_OK) {
        status = commit_positions(run, scratch->is_behind, error);
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "continuity_not_checked",
        "I5",
        "nobody looks whether our state records lie where the restore ended",
        (
            Edit(
                "src/pipeline/commit.c",
                r"""
    if (status == PL_OK &&
        (part->first_offset != partition->next_offset || part->last_offset != expected_last)) {
""",
                r"""
    if (status != PL_OK && expected_last < 0) {
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "no_progress_record",
        "I4",
        "no progress record ends the transaction",
        (
            Edit(
                "src/pipeline/commit.c",
                r"""
    if (status == PL_OK) {
        message.key = PL_PROGRESS_FIELD;
""",
                r"""
    if (status == PL_OK && part->changes.count == 0) {
        message.key = PL_PROGRESS_FIELD;
""",
            ),
            Edit(
                "src/pipeline/commit.c",
                r"""
    int64_t expected_last = partition->next_offset + (int64_t)part->changes.count;
""",
                r"""
    int64_t expected_last = partition->next_offset + (int64_t)part->changes.count -
                            (part->changes.count > 0 ? 1 : 0);
""",
            ),
        ),
    ),
    Bug(
        "wall_clock",
        "I11",
        "an expected version holds for a few seconds only",
        (
            Edit(
                "src/pipeline/decide.c",
                r"""
    struct pl_result result;

    switch (pl_request_once(customer, &item->request, digest)) {
""",
                r"""
    struct pl_result result;

    if (batch->now_ms > item->request.requested_at_ms + 20000) {
        item->request.expected_version.is_set = false;
    }
    switch (pl_request_once(customer, &item->request, digest)) {
""",
            ),
        ),
    ),
    Bug(
        "cache_before_commit",
        "I1",
        "Redis is written before the transaction is committed",
        (
            Edit(
                "src/pipeline/pipeline.c",
                r"""
    if (status == PL_OK && next != NULL) {
        status = pl_launch_batch(run, next, error);
    }
""",
                r"""
    for (int32_t n = 0; next != NULL && n < run->options->partition_count; n++) {
        struct pl_part *part = next->parts[n];

        if (status == PL_OK && part != NULL) {
            struct pl_partition *partition = part->partition;
            struct pl_partition before = *partition;

            partition->progress = part->progress;
            partition->progress_offset =
                before.next_offset + (int64_t)part->changes.count;
            partition->next_offset = partition->progress_offset + 2;
            part->first_offset = before.next_offset;
        }
    }
    if (status == PL_OK && next != NULL) {
        status = pl_cache_batch(run, next, error);
    }
    for (int32_t n = 0; next != NULL && n < run->options->partition_count; n++) {
        struct pl_part *part = next->parts[n];

        if (part != NULL && part->first_offset > 0) {
            part->partition->next_offset = part->first_offset;
        }
    }
    if (status == PL_OK && next != NULL) {
        status = pl_launch_batch(run, next, error);
    }
""",
            ),
            Edit(
                "src/pipeline/pipeline.c",
                r"""
        status = pl_cache_batch(run, landed, error);
    }
    return status;
""",
                r"""
    }
    return status;
""",
            ),
        ),
        is_rare=True,
    ),
    Bug(
        "flight_not_seen",
        "I1, I9",
        "a batch is decided on the cache alone, without what the batch in flight makes of it",
        (
            Edit(
                "src/pipeline/load.c",
                r"""
    return part == NULL ? NULL : pl_change_find(part, field);
""",
                r"""
    return part == NULL ? NULL : (pl_change_find(part, field), NULL);
""",
            ),
        ),
    ),
    Bug(
        "launched_unlanded",
        "I9",
        "a batch is launched although the one before it has not landed well",
        (
            Edit(
                "src/pipeline/pipeline.c",
                r"""
    if (status == PL_OK && next != NULL) {
        status = pl_launch_batch(run, next, error);
    }
""",
                r"""
    if ((status == PL_OK || status == PL_ABORT) && next != NULL) {
        status = pl_launch_batch(run, next, error);
        run->is_restored = status == PL_OK;
    }
""",
            ),
        ),
    ),
    Bug(
        "hang_not_seen",
        "I4",
        "a transaction is committed although the one before it may hang since its broker crashed",
        (
            Edit(
                "src/io/kafka_txn.c",
                r"""
    return txn->has_lost_connection;
""",
                r"""
    txn->must_renew = false;
    return false;
""",
            ),
        ),
    ),
    Bug(
        "progress_without_flight",
        "I4",
        "a batch's progress goes on from the last committed one, not from the one in flight",
        (
            Edit(
                "src/pipeline/batch.c",
                r"""
    return part == NULL ? &run->partitions[partition].progress : &part->progress;
""",
                r"""
    return part != part ? &part->progress : &run->partitions[partition].progress;
""",
            ),
        ),
    ),
    Bug(
        "overlay_kept",
        "I9",
        "what an aborted batch did stays in the cache, under the checkpoint of before",
        (
            Edit(
                "src/pipeline/commit.c",
                r"""
        run->is_restored = false; /* where our state records are must be found out again */
""",
                r"""
        run->is_restored = false;
        for (int32_t n = 0; n < run->options->partition_count; n++) {
            if (batch->parts[n] != NULL) {
                run->partitions[n].progress.pieces =
                    batch->parts[n]->progress.pieces;
            }
        }
        (void)pl_cache_batch(
            run, &run->batches[batch == &run->batches[1] ? 1 : 0], NULL);
""",
            ),
        ),
    ),
    Bug(
        "deletions_not_restored",
        "I2, A10",
        "tombstones of the state topic are not carried into the cache",
        (
            Edit(
                "src/pipeline/restore.c",
                r"""
    pl_slice_add(&restore->slice, event->key, event->value);
    return PL_OK;
""",
                r"""
    if (!pl_bytes_is_null(event->value)) {
        pl_slice_add(&restore->slice, event->key, event->value);
    }
    return PL_OK;
""",
            ),
        ),
    ),
    Bug(
        "group_offset_trusted",
        "contract 2",
        "after a restore, reading goes on at the group's offset and not at the progress",
        (
            Edit(
                "src/pipeline/positions.c",
                r"""
        if (status == PL_OK && committed[input] != *next) {
            *ret_is_behind = true;
""",
                r"""
        if (status == PL_OK && committed[input] >= 0 && committed[input] != *next) {
            *next = committed[input];
        }
        if (status == PL_OK && committed[input] != *next) {
            *ret_is_behind = true;
""",
            ),
        ),
        is_rare=True,
    ),
)

UNSEEN: tuple[Unseen, ...] = (
    Unseen(
        "report_error_ignored",
        "I6",
        "librdkafka itself refuses to commit a transaction of which a report failed, and so does "
        "the simulated one: planlift's own count is a second net, and without it nothing is wrong",
        "unit.pipeline.commit",
    ),
    Unseen(
        "cache_outcome_assumed",
        "I3",
        "a write to Redis of unknown outcome that is taken for done shows at the next read, whose "
        "checkpoint is another (I1): a restore, nothing wrong; dirty_cache takes that net away",
        "unit.pipeline.commit",
    ),
    Unseen(
        "unstable_offsets",
        "I8",
        "a group offset that is older than a transaction under way is one that lags behind the "
        "progress, from which planlift goes on in any case; group_offset_trusted takes that away",
        "unit.pipeline.recover",
    ),
    Unseen(
        "checkpoint_of_any_log",
        "I3, A10",
        "the simulated topics are never made anew and lose no records, and no schedule lasts as "
        "long as tombstones are kept",
        "unit.pipeline.restore, system.cache, system.offsets",
    ),
)
