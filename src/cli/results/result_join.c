/* Parts of results, put together again. */
#include "cli/results/result_join.h"

#include <stdlib.h>

/* The result under way in a partition. */
struct slot {
    struct pl_arena arena; /* of its parts */
    struct pl_result result;
    struct pl_affected_account *accounts;
    size_t account_count;
    size_t account_capacity;
    int32_t taken; /* parts */
    int32_t parts; /* 0: none is under way */
};

struct pl_result_join {
    struct slot *slots;
    int32_t partition_count;
    size_t broken;
};

struct pl_result_join *pl_result_join_new(int32_t partition_count)
{
    struct pl_result_join *join = calloc(1, sizeof(*join));

    if (join != NULL) {
        join->partition_count = partition_count;
        join->slots = calloc((size_t)partition_count, sizeof(*join->slots));
    }
    if (join == NULL || join->slots == NULL) {
        pl_out_of_memory((size_t)partition_count * sizeof(struct slot));
    }
    return join;
}

void pl_result_join_free(struct pl_result_join *join)
{
    if (join == NULL) {
        return;
    }
    for (int32_t i = 0; i < join->partition_count; i++) {
        pl_arena_done(&join->slots[i].arena);
    }
    free(join->slots);
    free(join);
}

static bool goes_on(const struct slot *slot, const struct pl_result_record *record)
{
    return slot->parts == record->parts && slot->taken + 1 == record->part &&
           pl_bytes_equal(slot->result.request_id, record->result.request_id) &&
           pl_bytes_equal(slot->result.customer_id, record->result.customer_id);
}

static void begin(struct slot *slot, const struct pl_result_record *record)
{
    slot->result = record->result;
    slot->parts = record->parts;
    slot->taken = 0;
    slot->accounts = NULL;
    slot->account_count = slot->account_capacity = 0;
}

static void add_accounts(struct slot *slot, const struct pl_result *part)
{
    size_t count = slot->account_count + part->affected_account_count;

    if (count > slot->account_capacity) {
        size_t capacity = count > 2 * slot->account_capacity ? count : 2 * slot->account_capacity;

        slot->accounts = pl_arena_grow(&slot->arena, slot->accounts, slot->account_count, capacity,
                                       sizeof(*slot->accounts));
        slot->account_capacity = capacity;
    }
    for (size_t i = 0; i < part->affected_account_count; i++) {
        slot->accounts[slot->account_count++] = part->affected_accounts[i];
    }
}

enum pl_status pl_result_join_take(struct pl_result_join *join, struct pl_decoder *decoder,
                                   int32_t partition, struct pl_bytes value,
                                   const struct pl_result **ret_result, struct pl_error *error)
{
    struct slot *slot = &join->slots[partition];
    struct pl_result_record record;
    struct pl_refusal refusal;
    enum pl_status status;

    *ret_result = NULL;
    if (slot->parts == 0) {
        pl_arena_reset(&slot->arena); /* the result before is not asked for any more */
    }
    status = pl_decode_result(decoder, value, &slot->arena, &record, &refusal, error);
    if (status == PL_BAD_DATA) {
        return pl_fail(error, status, "%s: %s", pl_dead_letter_names[refusal.code],
                       refusal.message);
    }
    if (status != PL_OK) {
        return status;
    }
    if (slot->parts > 0 && !goes_on(slot, &record)) {
        join->broken++;
        slot->parts = 0;
    }
    if (slot->parts == 0 && record.part > 1) { /* its first parts are gone */
        join->broken += record.part == record.parts;
        return PL_OK;
    }
    if (slot->parts == 0) {
        begin(slot, &record);
    }
    add_accounts(slot, &record.result);
    if (++slot->taken == slot->parts) {
        slot->result.affected_accounts = slot->accounts;
        slot->result.affected_account_count = slot->account_count;
        slot->parts = 0;
        *ret_result = &slot->result;
    }
    return PL_OK;
}

size_t pl_result_join_broken(const struct pl_result_join *join)
{
    return join->broken;
}
