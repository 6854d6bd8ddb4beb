/* The steps of one record, each alone: what decoding, deciding and encoding cost.
 *
 *   micro ROUNDS
 *
 * Prints the nanoseconds of each step as JSON: the mean of the best of some blocks of rounds, for
 * others may be at work on the machine. Under callgrind the same steps are counted in
 * instructions, by the names of their functions (guard.py). */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/catalogue.h"
#include "cli/schemas.h"
#include "planlift/codec.h"
#include "planlift/customer.h"
#include "planlift/decide.h"
#include "planlift/state.h"
#include "workload.h"

enum { MOST_PIECES = 64, BLOCKS = 20 };

struct stored { /* a piece as Redis has it */
    struct pl_bytes field;
    struct pl_bytes value;
};

/* What the steps work on. The first group is made once, the rest anew for each round. */
struct bench {
    struct pl_catalogue *catalogue;
    struct pl_schemas *schemas;
    struct pl_schema_source source;
    struct pl_decoder *decoder;
    struct pl_event event; /* a licence that the customer has already */
    struct pl_request requests[PL_OPERATION_COUNT];
    struct pl_bytes event_value;
    struct pl_bytes request_value;
    struct pl_bytes customer_id;
    struct stored pieces[MOST_PIECES];
    size_t piece_count;

    struct pl_arena arena;
    struct pl_buffer buffer;
    struct pl_customer customer;
    struct pl_result result;
};

static void must(enum pl_status status, const struct pl_error *error)
{
    if (status != PL_OK) {
        (void)fprintf(stderr, "micro: %s\n", error->text);
        exit(1); /* NOLINT(concurrency-mt-unsafe): nothing is to be kept */
    }
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void step_decode_event(struct bench *bench)
{
    struct pl_event event;
    struct pl_refusal refusal;
    struct pl_error error;

    must(pl_decode_event(bench->decoder, bench->event_value, &bench->arena, &event, &refusal,
                         &error),
         &error);
}

static void step_decode_request(struct bench *bench)
{
    struct pl_request request;
    struct pl_refusal refusal;
    struct pl_error error;

    must(pl_decode_request(bench->decoder, bench->request_value, &bench->arena, &request, &refusal,
                           &error),
         &error);
}

static struct pl_bytes find_piece(const struct bench *bench, struct pl_bytes field)
{
    for (size_t i = 0; i < bench->piece_count; i++) {
        if (pl_bytes_equal(bench->pieces[i].field, field)) {
            return bench->pieces[i].value;
        }
    }
    return PL_NULL_BYTES;
}

/* Head and every piece that an upgrade needs. */
static void step_load_customer(struct bench *bench)
{
    const struct pl_piece head = {.kind = PL_PIECE_HEAD};
    struct pl_bytes field = pl_state_field(&head, bench->customer_id, &bench->arena);
    struct pl_pieces needed = {.count = 0};
    struct pl_error error;

    pl_customer_init(&bench->customer, bench->customer_id);
    must(pl_state_decode_head(field, find_piece(bench, field), &bench->arena, &bench->customer,
                              &error),
         &error);
    pl_request_needs(bench->catalogue, &bench->customer, &bench->requests[PL_OPERATION_UPGRADE],
                     &bench->arena, &needed);
    for (size_t i = 0; i < needed.count; i++) {
        field = pl_state_field(&needed.items[i], bench->customer_id, &bench->arena);
        must(pl_state_decode_piece(&needed.items[i], field, find_piece(bench, field), &bench->arena,
                                   &bench->customer, &error),
             &error);
    }
}

static void step_apply_event(struct bench *bench)
{
    pl_event_apply(&bench->customer, &bench->event, &bench->arena);
}

static void decide(struct bench *bench, enum pl_operation operation)
{
    struct pl_request request = bench->requests[operation];
    struct pl_answered digest = pl_request_digest(bench->customer_id, &request);
    enum pl_once once = pl_request_once(&bench->customer, &request, &digest);

    assert(once == PL_ONCE_NEW);
    request.digest = &digest;
    pl_request_decide(bench->catalogue, &bench->customer, &request, 0, &bench->arena,
                      &bench->result);
    pl_request_remember(&bench->customer, &request, &digest, &bench->arena);
}

static void step_decide_check(struct bench *bench)
{
    decide(bench, PL_OPERATION_CHECK);
}

static void step_decide_add_licenses(struct bench *bench)
{
    decide(bench, PL_OPERATION_ADD_LICENSES);
}

static void step_decide_upgrade(struct bench *bench)
{
    decide(bench, PL_OPERATION_UPGRADE);
}

/* Of the decision before. */
static void step_encode_result(struct bench *bench)
{
    const struct pl_result_origin origin = {
        .topic = PL_BYTES_LITERAL("upgrade-requests"), .partition = 3, .offset = 123456};
    const struct pl_result_limits limits = {.max_accounts = 1000, .max_message_bytes = 1000000};
    struct pl_result_part *parts;
    struct pl_error error;
    size_t count;

    must(pl_result_encode(3, &bench->result, &origin, &limits, &bench->arena, &bench->buffer,
                          &parts, &count, &error),
         &error);
}

/* Of the change before. */
static void step_encode_state(struct bench *bench)
{
    struct pl_state_changes changes = {.count = 0};

    pl_state_encode(&bench->customer, &bench->arena, &bench->buffer, &changes);
}

typedef void (*step_fn)(struct bench *bench);

/* In the order of a record's way: each works on what those before left. load_customer brings the
 * stored customer back. */
static const struct {
    const char *name;
    step_fn run;
    bool is_of_a_fresh_customer;
} steps[] = {{"decode_event", step_decode_event, false},
             {"decode_request", step_decode_request, false},
             {"load_customer", step_load_customer, false},
             {"apply_event", step_apply_event, true},
             {"encode_state", step_encode_state, false},
             {"decide_check", step_decide_check, true},
             {"decide_add_licenses", step_decide_add_licenses, true},
             {"decide_upgrade", step_decide_upgrade, true},
             {"encode_result", step_encode_result, false}};

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

/* ---- making it ready ------------------------------------------------------------------------- */

/* A copy that lives as long as the process. */
static struct pl_bytes keep(struct pl_bytes bytes)
{
    char *copy = malloc(bytes.len + 1);

    assert(copy != NULL);
    memcpy(copy, bytes.data, bytes.len);
    return (struct pl_bytes){copy, bytes.len};
}

static void open_program(struct bench *bench)
{
    const struct pl_own_schemas own = pl_schemas_own();
    struct pl_error error;

    must(pl_cli_catalogue_load(NULL, &error, &bench->catalogue), &error);
    must(pl_schemas_load(NULL, &error, &bench->schemas), &error);
    bench->source = pl_schemas_source(bench->schemas);
    must(pl_decoder_new(&own, &bench->source, &error, &bench->decoder), &error);
}

/* The first customer of the workload with one subscription that may be upgraded. */
static uint32_t choose_customer(const struct workload *workload)
{
    struct workload_text text;
    struct pl_event event;

    for (uint32_t customer = 0;; customer++) {
        workload_event(workload, customer, 1, &text, &event);
        if (workload_event_count(workload, customer) == 2 + workload->licences_most &&
            pl_bytes_equal(event.change.subscription_changed.offer_id,
                           PL_BYTES_LITERAL("m365-business-basic"))) {
            return customer;
        }
    }
}

/* All facts about the customer, and the pieces that come of them. */
static void store_customer(struct bench *bench, const struct workload *workload, uint32_t customer)
{
    static struct workload_text texts[64];
    uint32_t count = workload_event_count(workload, customer);
    struct pl_state_changes changes = {.count = 0};

    for (uint32_t i = 0; i < count; i++) {
        workload_event(workload, customer, i, &texts[i], &bench->event);
        if (i == 0) {
            bench->customer_id = bench->event.customer_id;
            pl_customer_init(&bench->customer, bench->customer_id);
        }
        pl_event_apply(&bench->customer, &bench->event, &bench->arena);
    }
    pl_state_encode(&bench->customer, &bench->arena, &bench->buffer, &changes);
    for (size_t i = 0; i < changes.count; i++) {
        const struct pl_state_change *change = &changes.items[i];
        struct pl_bytes value = {bench->buffer.data + change->value_position, change->value_len};

        assert(i < MOST_PIECES);
        bench->pieces[bench->piece_count++] = (struct stored){keep(change->field), keep(value)};
    }
}

static void make_inputs(struct bench *bench, const struct workload *workload, uint32_t customer)
{
    static struct workload_text texts[PL_OPERATION_COUNT];
    size_t made = 0;

    for (uint64_t number = 0; made < PL_OPERATION_COUNT; number++) {
        struct workload_text text;
        struct pl_request request;

        workload_request_of(workload, customer, number, &text, &request);
        if (bench->requests[request.operation].request_id.len == 0) {
            workload_request_of(workload, customer, number, &texts[request.operation],
                                &bench->requests[request.operation]);
            made++;
        }
    }
    bench->buffer.len = 0;
    pl_event_encode(1, PL_BYTES_LITERAL("an-event"), 0, &bench->event, &bench->buffer);
    bench->event_value = keep(pl_buffer_since(&bench->buffer, 0));
    bench->buffer.len = 0;
    pl_request_encode(2, &bench->requests[PL_OPERATION_UPGRADE], &bench->buffer);
    bench->request_value = keep(pl_buffer_since(&bench->buffer, 0));
}

/* ---- measuring ------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void run_round(struct bench *bench, int64_t spent_ns[STEPS])
{
    pl_arena_reset(&bench->arena);
    bench->buffer.len = 0;
    for (size_t i = 0; i < STEPS; i++) {
        int64_t began;

        if (steps[i].is_of_a_fresh_customer) {
            step_load_customer(bench);
        }
        began = now_ns();
        steps[i].run(bench);
        spent_ns[i] += now_ns() - began;
    }
}

static void run_block(struct bench *bench, long long rounds, double best_ns[STEPS])
{
    int64_t spent_ns[STEPS] = {0};

    for (long long round = 0; round < rounds; round++) {
        run_round(bench, spent_ns);
    }
    for (size_t i = 0; i < STEPS; i++) {
        double mean_ns = (double)spent_ns[i] / (double)rounds;

        best_ns[i] = best_ns[i] == 0 || mean_ns < best_ns[i] ? mean_ns : best_ns[i];
    }
}

int main(int argc, char **argv)
{
    const struct workload workload = workload_of("1", "1000", "25");
    struct bench bench = {.piece_count = 0};
    long long rounds = argc == 2 ? strtoll(argv[1], NULL, 10) : 0;
    double best_ns[STEPS] = {0};
    uint32_t customer = choose_customer(&workload);

    if (rounds < 1) {
        (void)fprintf(stderr, "micro: usage: micro ROUNDS\n");
        return 2;
    }
    open_program(&bench);
    store_customer(&bench, &workload, customer);
    make_inputs(&bench, &workload, customer);
    for (int block = 0; block < BLOCKS; block++) {
        run_block(&bench, (rounds + BLOCKS - 1) / BLOCKS, best_ns);
    }
    for (size_t i = 0; i < STEPS; i++) {
        printf("%s\"%s\": %.0f", i == 0 ? "{" : ", ", steps[i].name, best_ns[i]);
    }
    printf(", \"accounts\": %zu}\n", bench.result.affected_account_count);
    return 0;
}
