/* The replay. A result's customerVersion says how many facts its customer had taken in before;
 * after an erasure the same version comes again, so where an outcome does not fit, the next place
 * with that version is tried. */
#include "cli/explain/replay.h"

#include <inttypes.h>

#include "cli/show.h"
#include "wire/json_state.h"

/* Where a request is decided again, among the places with the right version. */
struct choice {
    size_t skips;    /* so many are passed over */
    bool is_settled; /* no other fits either: this one stands */
};

enum trial { TRIAL_DONE, TRIAL_UNFITTING, TRIAL_UNREACHED };

struct run {
    const struct pl_history *history;
    const struct pl_catalogue *catalogue;
    struct pl_arena *arena;
    struct pl_replay *replay;
    struct pl_customer customer;
    size_t next_event;
    struct choice *choices; /* by request */
    size_t request;         /* that the trial came to */
};

static void miss(struct run *run, struct pl_bytes text)
{
    run->replay->missing = pl_show_append(run->replay->missing, "\n", text, run->arena);
}

static const struct pl_past_result *result_of(const struct pl_history *history, int64_t offset)
{
    for (size_t i = 0; i < history->result_count; i++) {
        if (history->results[i].source_offset == offset) {
            return &history->results[i];
        }
    }
    return NULL;
}

static const struct pl_past_request *request_at(const struct pl_history *history, int64_t offset)
{
    for (size_t i = 0; i < history->request_count; i++) {
        if (history->requests[i].offset == offset) {
            return &history->requests[i];
        }
    }
    return NULL;
}

/* ---- facts ----------------------------------------------------------------------------------- */

static void apply_event(struct run *run)
{
    pl_event_apply(&run->customer, &run->history->events[run->next_event++].event, run->arena);
}

/* Apply facts until the customer has the version that the result was decided on. */
static bool go_to_version(struct run *run, int64_t version, size_t skips)
{
    for (;; skips--) {
        while (run->customer.version != version && run->next_event < run->history->event_count) {
            apply_event(run);
        }
        if (skips == 0 || run->next_event == run->history->event_count) {
            return skips == 0 && run->customer.version == version;
        }
        apply_event(run);
    }
}

/* ---- requests -------------------------------------------------------------------------------- */

static void note_wanted(struct run *run)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    run->replay->is_decided = true;
    run->replay->events_before = run->next_event;
    run->replay->requests_before = run->request;
    run->replay->trace = (struct pl_trace){.arena = run->arena};
    pl_json_state_write(&run->customer, run->arena, &buffer);
    run->replay->customer_json = pl_arena_copy(run->arena, pl_buffer_since(&buffer, 0));
    pl_buffer_done(&buffer);
}

/* Decide the request again; false: what comes of it is not what was published. */
static bool decide(struct run *run, const struct pl_past_request *past,
                   const struct pl_past_result *published)
{
    struct pl_result other = {.request_id = PL_NULL_BYTES};
    struct pl_trace unused = {.arena = run->arena};
    struct pl_answered digest = pl_request_digest(run->customer.customer_id, &past->request);
    bool is_wanted = past == run->replay->request;
    struct pl_result *result = is_wanted ? &run->replay->result : &other;

    if (is_wanted) {
        note_wanted(run);
    }
    pl_request_explain(run->catalogue, &run->customer, &past->request, published->decided_at_ms,
                       is_wanted ? &run->replay->trace : &unused, result);
    pl_request_remember(&run->customer, &past->request, &digest, run->arena);
    if (!is_wanted) {
        return result->outcome == published->outcome;
    }
    run->replay->is_equal =
        pl_bytes_equal(pl_result_essence(result, run->arena), published->essence);
    return run->replay->is_equal;
}

/* A request without a result: a repeat or a dead letter, or its result is not retained. */
static void pass_over(struct run *run, const struct pl_past_request *past)
{
    struct pl_answered digest = pl_request_digest(run->customer.customer_id, &past->request);

    if (pl_request_once(&run->customer, &past->request, &digest) == PL_ONCE_NEW) {
        miss(run, pl_arena_format(run->arena,
                                  "no result of the request %.*s (offset %" PRId64
                                  ") is there: it became a dead letter, or its result is not "
                                  "retained",
                                  PL_ARG(past->request.request_id), past->offset));
    }
}

/* Is there another place with the same version, behind an erasure? */
static bool has_erasure_ahead(const struct run *run)
{
    for (size_t i = run->next_event; i < run->history->event_count; i++) {
        if (run->history->events[i].event.kind == PL_EVENT_CUSTOMER_ERASED) {
            return true;
        }
    }
    return false;
}

static enum trial replay_request(struct run *run, const struct pl_past_request *past,
                                 const struct pl_past_result *published)
{
    const struct choice *choice = &run->choices[run->request];

    if (!go_to_version(run, published->customer_version, choice->skips)) {
        miss(run, pl_arena_format(
                      run->arena,
                      "the request %.*s (offset %" PRId64 ") was decided on version %" PRId64
                      " of the customer, which what is retained does not lead to",
                      PL_ARG(past->request.request_id), past->offset, published->customer_version));
        return TRIAL_UNREACHED;
    }
    if (decide(run, past, published)) {
        return TRIAL_DONE;
    }
    if (!choice->is_settled && has_erasure_ahead(run)) {
        return TRIAL_UNFITTING;
    }
    if (past == run->replay->request) {
        return TRIAL_DONE;
    }
    miss(run, pl_arena_format(run->arena,
                              "an earlier request, %.*s (offset %" PRId64
                              "), does not replay to its published outcome %s",
                              PL_ARG(past->request.request_id), past->offset,
                              pl_outcome_names[published->outcome]));
    return TRIAL_DONE;
}

static enum trial try_once(struct run *run)
{
    const struct pl_history *history = run->history;
    enum trial trial = TRIAL_DONE;

    for (run->request = 0; run->request < history->request_count; run->request++) {
        const struct pl_past_request *past = &history->requests[run->request];
        const struct pl_past_result *published = result_of(history, past->offset);

        if (published == NULL) {
            pass_over(run, past);
        } else {
            trial = replay_request(run, past, published);
        }
        if (trial != TRIAL_DONE || past == run->replay->request) {
            return trial;
        }
    }
    return trial;
}

/* Try the places with the right version one after the other, where there are several. */
static void replay_all(struct run *run, struct pl_bytes customer_id)
{
    const struct pl_bytes gaps = run->replay->missing;
    struct choice *choice;

    for (;;) {
        run->replay->missing = gaps;
        run->replay->is_decided = false;
        run->next_event = 0;
        pl_customer_init(&run->customer, customer_id);
        switch (try_once(run)) {
        case TRIAL_DONE:
            return;
        case TRIAL_UNFITTING:
            run->choices[run->request].skips++;
            break;
        case TRIAL_UNREACHED:
            choice = &run->choices[run->request];
            if (choice->skips == 0) {
                return;
            }
            *choice = (struct choice){.is_settled = true};
            break;
        }
    }
}

/* ---- what is there --------------------------------------------------------------------------- */

static void find_wanted(const struct pl_history *history, struct pl_bytes request_id,
                        struct pl_replay *replay)
{
    for (size_t i = 0; i < history->result_count; i++) {
        if (pl_bytes_equal(history->results[i].request_id, request_id)) {
            replay->published = &history->results[i];
            replay->request = request_at(history, history->results[i].source_offset);
        }
    }
}

/* Results that tell of requests which are gone: what those changed cannot be known. */
static void look_for_gaps(struct run *run)
{
    static const char *const inputs[PL_INPUT_COUNT] = {"facts", "requests"};
    const struct pl_history *history = run->history;
    size_t gone = 0;

    for (size_t i = 0; i < history->result_count; i++) {
        gone += request_at(history, history->results[i].source_offset) == NULL ? 1 : 0;
    }
    if (gone > 0) {
        miss(run, pl_arena_format(run->arena, "%zu answered requests are not retained", gone));
    }
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        if (history->first[input] > 0) {
            miss(run, pl_arena_format(run->arena,
                                      "%s are retained from offset %" PRId64
                                      " on; the customer may have had earlier ones",
                                      inputs[input], history->first[input]));
        }
    }
}

void pl_replay_run(const struct pl_history *history, const struct pl_catalogue *catalogue,
                   struct pl_bytes customer_id, struct pl_bytes request_id, struct pl_arena *arena,
                   struct pl_replay *ret_replay)
{
    struct run run = {
        .history = history, .catalogue = catalogue, .arena = arena, .replay = ret_replay};

    *ret_replay = (struct pl_replay){.missing = PL_BYTES_LITERAL("")};
    find_wanted(history, request_id, ret_replay);
    look_for_gaps(&run);
    if (ret_replay->request == NULL) {
        return;
    }
    run.choices = pl_arena_zalloc(arena, history->request_count, sizeof(*run.choices));
    replay_all(&run, customer_id);
}
