/* count: what a batch has come to, for the metrics; told only once it is committed, so that what is
 * done again after an abort does not count twice. */
#include "flow.h"
#include "planlift/metrics.h"

static uint32_t codes_of(const struct pl_error_list *errors)
{
    uint32_t codes = 0;

    for (size_t i = 0; i < errors->count; i++) {
        codes |= UINT32_C(1) << errors->items[i].code;
    }
    return codes;
}

void pl_count_answer(struct pl_item *item, const struct pl_result *result)
{
    item->answer = (struct pl_answer){.is_given = true,
                                      .outcome = result->outcome,
                                      .codes = codes_of(&result->errors),
                                      .affected_accounts = result->affected_account_count};
    for (size_t i = 0; i < result->possible_upgrade_count; i++) {
        item->answer.codes |= codes_of(&result->possible_upgrades[i].errors);
    }
}

static void count_answer(const struct pl_item *item, struct pl_counts *counts)
{
    const struct pl_answer *answer = &item->answer;

    if (!answer->is_given) {
        counts->repeats++;
        return;
    }
    counts->requests[item->request.operation][answer->outcome]++;
    counts->affected_accounts += answer->affected_accounts;
    for (int code = 0; code < PL_ERROR_CODE_COUNT; code++) {
        counts->refusals[code] += (answer->codes >> code) & 1;
    }
}

void pl_count_batch(struct pl_run *run, const struct pl_batch *batch)
{
    struct pl_counts counts = {.repeats = 0};

    if (run->options->metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        const struct pl_item *item = &batch->items[i];

        switch (item->kind) {
        case PL_ITEM_EVENT:
            counts.events[item->event.kind]++;
            break;
        case PL_ITEM_REQUEST:
            count_answer(item, &counts);
            break;
        case PL_ITEM_DEAD:
            counts.dead_letters[item->record->topic][item->refusal->code]++;
            break;
        }
    }
    pl_metrics_add_batch(run->options->metrics, &counts, batch->count);
}
