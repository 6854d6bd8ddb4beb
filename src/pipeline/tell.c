/* tell: the log's lines on single records, each with the trace id that its sender gave it; of a
 * batch only once it is committed. No key, no id, no payload goes in (I14): topic, partition and
 * offset say which record it is. */
#include <string.h>

#include "flow.h"
#include "planlift/log.h"
#include "planlift/trace.h"

#define OWN_FIELDS 2         /* that a line has beside place and trace */
#define DEAD_LETTERS_MOST 20 /* lines of one batch; of the others their number */

static void tell(const struct pl_run *run, const struct pl_item *item, enum pl_log_level level,
                 const char *event, const struct pl_log_field own[OWN_FIELDS])
{
    const struct pl_record *record = item->record;
    bool has_trace = item->trace_id != NULL;
    char trace_id[PL_TRACE_ID_BYTES + 1] = "";
    const struct pl_log_field fields[] = {
        PL_F_TEXT("topic", run->options->topics[record->topic].data),
        PL_F_INT("partition", record->partition),
        PL_F_INT("offset", record->offset),
        own[0],
        own[1],
        PL_F_TEXT("trace_id", trace_id)};
    unsigned count = sizeof(fields) / sizeof(fields[0]);

    if (has_trace) {
        memcpy(trace_id, item->trace_id, PL_TRACE_ID_BYTES);
    }
    pl_log_write(level, event, fields, has_trace ? count : count - 1);
}

static void tell_dead_letter(const struct pl_run *run, const struct pl_item *item)
{
    const struct pl_log_field own[OWN_FIELDS] = {
        PL_F_TEXT("code", pl_dead_letter_names[item->refusal->code]),
        PL_F_TEXT("reason", item->refusal->message)};

    tell(run, item, PL_LOG_WARN, "dead_letter", own);
}

static void tell_answer(const struct pl_run *run, const struct pl_item *item)
{
    const struct pl_answer *answer = &item->answer;
    const struct pl_log_field own[OWN_FIELDS] = {
        PL_F_TEXT("operation", pl_operation_names[item->request.operation]),
        PL_F_TEXT("outcome", answer->is_given ? pl_outcome_names[answer->outcome] : "repeated")};

    tell(run, item, PL_LOG_DEBUG, "answered", own);
}

void pl_tell_batch(const struct pl_run *run, const struct pl_batch *batch)
{
    bool has_answers = pl_log_is_on(PL_LOG_DEBUG);
    size_t dead = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct pl_item *item = &batch->items[i];

        if (item->kind == PL_ITEM_DEAD && dead++ < DEAD_LETTERS_MOST) {
            tell_dead_letter(run, item);
        } else if (item->kind == PL_ITEM_REQUEST && has_answers) {
            tell_answer(run, item);
        }
    }
    if (dead > DEAD_LETTERS_MOST) {
        pl_log(WARN, "more_dead_letters", PL_F_INT("count", dead - DEAD_LETTERS_MOST));
    }
}
