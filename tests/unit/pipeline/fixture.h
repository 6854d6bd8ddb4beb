/* What the tests of the pipeline share: a world with one process in it, inputs for it, and the
 * pipeline set up on its ports, whole or step by step. */
#ifndef PL_TESTS_PIPELINE_FIXTURE_H
#define PL_TESTS_PIPELINE_FIXTURE_H

#include <stdlib.h>

#include "fake/process.h"
#include "pipeline/flow.h"
#include "planlift/json.h"
#include "planlift/log.h"
#include "wire/avro_fixture.h"

#define PARTITIONS 2
#define DLQ_PARTITIONS 1
#define CLUSTER_ID PL_BYTES_LITERAL("cluster-1")
#define GROUP_ID PL_BYTES_LITERAL("group-1")
#define PARTNER "partner-1"
#define PATIENCE_MS 300000 /* of the world's clock: by then something is wrong */

/* basic (2 seats limit: 300) can become premium; its mail moves on, its list does not. */
#define TEST_CATALOGUE                                                                             \
    "{'version':'test-1',"                                                                         \
    "'families':{'mail':{'name':'Mail','exclusive':true,'conflicts':true,'transition':true},"      \
    "'list':{'name':'List','exclusive':false,'conflicts':false,'transition':false}},"              \
    "'services':{'MAIL1':{'name':'Mail 1','guid':null,'family':'mail'},"                           \
    "'MAIL2':{'name':'Mail 2','guid':null,'family':'mail'},"                                       \
    "'LIST':{'name':'List','guid':null,'family':'list'}},"                                         \
    "'offers':{'basic':{'name':'Basic','sku':null,'guid':null,'maxSeats':300,"                     \
    "'services':['MAIL1','LIST']},"                                                                \
    "'premium':{'name':'Premium','sku':null,'guid':null,'maxSeats':null,"                          \
    "'services':['MAIL2']}},"                                                                      \
    "'upgrades':{'basic':['premium']}}"

/* What takes long to make and is not changed: the schemas, parsed, and the catalogue. */
struct parts {
    struct pl_arena arena;
    struct schema_source source;
    struct pl_decoder *decoder;
    struct pl_catalogue *catalogue;
};

struct fixture {
    struct pl_arena arena; /* of the test's own data */
    struct pl_buffer buffer;
    struct pl_error error;
    struct pl_fake_world world;
    struct pl_fake_process process;
    struct parts own_parts;
    struct parts *parts; /* its own, or those of all tests */
    struct pl_pipeline_options options;
    struct pl_run run; /* for tests of single steps */
    struct pl_batch batch;
    unsigned sent; /* events, for their ids */
};

/* ---- set-up ---------------------------------------------------------------------------------- */

static inline void use_process(struct fixture *fixture, struct pl_fake_process *process)
{
    fixture->options.feed = pl_fake_feed(process);
    fixture->options.txn = pl_fake_txn(process);
    fixture->options.state_log = pl_fake_state_log(process);
    fixture->options.cache = pl_fake_cache(process);
    fixture->options.world = pl_fake_clock(process);
}

/* The first process of the world, or the next one in its place, which the group gives all. */
static inline void start_process(struct fixture *fixture)
{
    pl_fake_process_init(&fixture->process, &fixture->world, "group-1-0");
    use_process(fixture, &fixture->process);
    pl_fake_assign_all(&fixture->process);
}

static inline void end_process(struct fixture *fixture)
{
    assert_int_equal(fixture->process.held_records, 0);
    pl_fake_process_done(&fixture->process);
}

static inline void restart_process(struct fixture *fixture)
{
    end_process(fixture);
    start_process(fixture);
}

static inline void open_parts(struct parts *parts)
{
    struct pl_bytes text = quoted(TEST_CATALOGUE, &parts->arena);
    struct pl_error error;

    init_source(&parts->source, &parts->arena);
    parts->decoder = new_decoder(&parts->source, &parts->arena);
    if (pl_catalogue_parse("test", text, &error, &parts->catalogue) != PL_OK) {
        fail_msg("%s", error.text);
    }
}

static inline void close_parts(struct parts *parts)
{
    pl_decoder_free(parts->decoder);
    pl_catalogue_free(parts->catalogue);
    pl_arena_done(&parts->arena);
}

/* parts: NULL for some of its own. */
static inline struct fixture *open_fixture_on(struct parts *parts)
{
    static const char *const topics[PL_TOPIC_COUNT] = {"events",       "requests", "events.dlq",
                                                       "requests.dlq", "results",  "state"};
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    pl_log_setup(getenv("PLANLIFT_TEST_LOG") == NULL ? PL_LOG_ERROR : PL_LOG_DEBUG, PL_LOG_TEXT);
    pl_fake_world_init(&fixture->world, PARTITIONS, DLQ_PARTITIONS, 1);
    fixture->world.is_wall_stopped = true;
    fixture->parts = parts == NULL ? &fixture->own_parts : parts;
    if (parts == NULL) {
        open_parts(&fixture->own_parts);
    }
    fixture->options = (struct pl_pipeline_options){.catalogue = fixture->parts->catalogue,
                                                    .decoder = fixture->parts->decoder,
                                                    .result_schema_id = RESULT_ID,
                                                    .cluster_id = CLUSTER_ID,
                                                    .group_id = GROUP_ID,
                                                    .partition_count = PARTITIONS,
                                                    .batch_max_records = 100,
                                                    .result_max_accounts = 1000,
                                                    .state_delete_retention_ms = 86400000};
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        fixture->options.topics[topic] = pl_bytes_of(topics[topic]);
    }
    start_process(fixture);
    return fixture;
}

static inline struct fixture *open_fixture(void)
{
    return open_fixture_on(NULL);
}

static inline void close_run(struct fixture *fixture)
{
    struct pl_run *run = &fixture->run;

    if (run->partitions == NULL) {
        return;
    }
    pl_inbox_drop(run, run->inbox.count);
    for (int32_t number = 0; number < PARTITIONS; number++) {
        pl_buffer_done(&run->partitions[number].checkpoint);
    }
    free(run->partitions);
    free(run->inbox.records);
    pl_arena_done(&run->arena);
    pl_batch_done(&run->batches[0]);
    pl_batch_done(&run->batches[1]);
    pl_batch_done(&fixture->batch);
    fixture->batch = (struct pl_batch){.count = 0};
    *run = (struct pl_run){.options = NULL};
}

static inline void close_fixture(struct fixture *fixture)
{
    close_run(fixture);
    end_process(fixture);
    pl_fake_world_done(&fixture->world);
    if (fixture->parts == &fixture->own_parts) {
        close_parts(fixture->parts);
    }
    pl_buffer_done(&fixture->buffer);
    pl_arena_done(&fixture->arena);
    free(fixture);
}

static inline int set_up(void **state)
{
    *state = open_fixture();
    return 0;
}

static inline int tear_down(void **state)
{
    close_fixture(*state);
    return 0;
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown((test), set_up, tear_down)

/* ---- inputs ---------------------------------------------------------------------------------- */

static inline int64_t send_to(struct fixture *fixture, enum pl_topic topic, int32_t partition,
                              struct pl_bytes key, struct pl_bytes value)
{
    const struct pl_message message = {
        .topic = topic, .partition = partition, .key = key, .value = value};

    return pl_fake_append(&fixture->world.broker, &message);
}

static inline int32_t place_of(const struct fixture *fixture, const char *customer)
{
    return pl_fake_partition_of(&fixture->world, pl_bytes_of(customer));
}

/* Where its key belongs. Returns the offset. */
static inline int64_t send_event(struct fixture *fixture, const struct pl_event *event)
{
    struct pl_bytes id = pl_arena_format(&fixture->arena, "event-%u", ++fixture->sent);

    fixture->buffer.len = 0;
    pl_event_encode(EVENT_ID, id, 0, event, &fixture->buffer);
    return send_to(fixture, PL_TOPIC_EVENTS,
                   pl_fake_partition_of(&fixture->world, event->customer_id), event->customer_id,
                   since_start(&fixture->buffer));
}

/* ACTIVE, 10 seats, of PARTNER. */
static inline int64_t send_subscription(struct fixture *fixture, const char *customer,
                                        const char *subscription, const char *offer,
                                        int64_t revision)
{
    return send_event(fixture, &(struct pl_event){.customer_id = pl_bytes_of(customer),
                                                  .kind = PL_EVENT_SUBSCRIPTION_CHANGED,
                                                  .change.subscription_changed = {
                                                      .subscription_id = pl_bytes_of(subscription),
                                                      .offer_id = pl_bytes_of(offer),
                                                      .status = PL_STATUS_ACTIVE,
                                                      .quantity = 100,
                                                      .partner_id = PL_BYTES_LITERAL(PARTNER),
                                                      .revision = revision}});
}

static inline int64_t send_licence(struct fixture *fixture, const char *customer,
                                   const char *subscription, const char *user, const char *name)
{
    return send_event(
        fixture, &(struct pl_event){
                     .customer_id = pl_bytes_of(customer),
                     .kind = PL_EVENT_LICENSE_ASSIGNED,
                     .change.license_assigned = {.subscription_id = pl_bytes_of(subscription),
                                                 .user_id = pl_bytes_of(user),
                                                 .user_principal_name = PL_BYTES_LITERAL("u@x"),
                                                 .display_name = pl_bytes_of(name)}});
}

static inline int64_t send_removal(struct fixture *fixture, const char *customer,
                                   const char *subscription, const char *user)
{
    return send_event(fixture, &(struct pl_event){.customer_id = pl_bytes_of(customer),
                                                  .kind = PL_EVENT_LICENSE_REMOVED,
                                                  .change.license_removed = {
                                                      .subscription_id = pl_bytes_of(subscription),
                                                      .user_id = pl_bytes_of(user)}});
}

static inline int64_t send_grant(struct fixture *fixture, const char *customer)
{
    return send_event(
        fixture, &(struct pl_event){.customer_id = pl_bytes_of(customer),
                                    .kind = PL_EVENT_DELEGATED_ADMIN_CHANGED,
                                    .change.delegated_admin_changed = {
                                        .partner_id = PL_BYTES_LITERAL(PARTNER), .granted = true}});
}

static inline int64_t send_erasure(struct fixture *fixture, const char *customer)
{
    return send_event(fixture, &(struct pl_event){.customer_id = pl_bytes_of(customer),
                                                  .kind = PL_EVENT_CUSTOMER_ERASED});
}

/* A customer with a grant and a basic subscription "s". */
static inline void send_customer(struct fixture *fixture, const char *customer)
{
    (void)send_grant(fixture, customer);
    (void)send_subscription(fixture, customer, "s", "basic", 1);
}

/* CHECK and UPGRADE are for premium, ADD_LICENSES for 5 more. */
static inline int64_t send_request(struct fixture *fixture, const char *customer, const char *id,
                                   enum pl_operation operation, const char *subscription)
{
    const struct pl_request request = {.request_id = pl_bytes_of(id),
                                       .customer_id = pl_bytes_of(customer),
                                       .partner_id = PL_BYTES_LITERAL(PARTNER),
                                       .subscription_id = pl_bytes_of(subscription),
                                       .operation = operation,
                                       .target_offer_id = PL_BYTES_LITERAL("premium"),
                                       .quantity = {operation == PL_OPERATION_ADD_LICENSES, 5},
                                       .requested_by_user_id = PL_BYTES_LITERAL("admin"),
                                       .requested_by_role = PL_BYTES_LITERAL("ADMIN_AGENT")};

    fixture->buffer.len = 0;
    pl_request_encode(REQUEST_ID, &request, &fixture->buffer);
    return send_to(fixture, PL_TOPIC_REQUESTS, place_of(fixture, customer), request.customer_id,
                   since_start(&fixture->buffer));
}

/* "<stem><number>" as a text that lives as long as the fixture. */
static inline const char *numbered(struct fixture *fixture, const char *stem, int number)
{
    return pl_arena_format(&fixture->arena, "%s%d", stem, number).data;
}

/* A text of so many characters. */
static inline const char *long_text(struct fixture *fixture, int len)
{
    return pl_arena_format(&fixture->arena, "%0*d", len, 7).data;
}

/* ---- running --------------------------------------------------------------------------------- */

/* Run the whole pipeline until all is taken in, once for each process. */
static inline enum pl_status run_pipeline(struct fixture *fixture)
{
    assert_true(fixture->process.has_assigned); /* one run for each process */
    fixture->process.stops_when_done = true;
    if (fixture->process.stops_at_ms == 0) {
        fixture->process.stops_at_ms = fixture->world.monotonic_ms + PATIENCE_MS;
    }
    return pl_pipeline_run(&fixture->options, &fixture->error);
}

static inline void run_to_the_end(struct fixture *fixture)
{
    enum pl_status status = run_pipeline(fixture);

    if (status != PL_OK) {
        fail_msg("%s: %s", pl_status_name(status), fixture->error.text);
    }
    assert_true(pl_fake_is_all_taken_in(&fixture->world));
}

/* ---- single steps ---------------------------------------------------------------------------- */

/* A run that owns all partitions and is not restored yet. */
static inline void open_run(struct fixture *fixture)
{
    struct pl_run *run = &fixture->run;

    *run = (struct pl_run){.options = &fixture->options,
                           .batch_limit = fixture->options.batch_max_records};
    run->partitions = calloc(PARTITIONS, sizeof(*run->partitions));
    assert_non_null(run->partitions);
    for (int32_t number = 0; number < PARTITIONS; number++) {
        run->partitions[number].number = number;
    }
    assert_int_equal(pl_serve_group(run, 0, &fixture->error), PL_ABORT);
    assert_int_equal(run->owned_count, PARTITIONS);
}

static inline void open_restored_run(struct fixture *fixture)
{
    open_run(fixture);
    if (pl_recover(&fixture->run, &fixture->error) != PL_OK) {
        fail_msg("%s", fixture->error.text);
    }
}

/* Take all records that there are into the inbox. */
static inline void fill_inbox(struct fixture *fixture)
{
    struct pl_run *run = &fixture->run;
    size_t before;

    do {
        before = run->inbox.count;
        assert_int_equal(pl_serve_group(run, 0, &fixture->error), PL_OK);
    } while (run->inbox.count > before);
    pl_batch_begin(run, &fixture->batch);
}

static inline void assert_ok(const struct fixture *fixture, enum pl_status status)
{
    if (status != PL_OK) {
        fail_msg("%s: %s", pl_status_name(status), fixture->error.text);
    }
}

/* Of the steps of a batch, do those before the one under test; all must go well. */
static inline void decode_all(struct fixture *fixture)
{
    fill_inbox(fixture);
    assert_ok(fixture, pl_decode_batch(&fixture->run, &fixture->batch, &fixture->error));
}

static inline void load_all(struct fixture *fixture)
{
    decode_all(fixture);
    assert_ok(fixture, pl_load_batch(&fixture->run, &fixture->batch, &fixture->error));
}

static inline void decide_all(struct fixture *fixture)
{
    load_all(fixture);
    assert_ok(fixture, pl_decide_batch(&fixture->run, &fixture->batch, &fixture->error));
}

static inline void encode_all(struct fixture *fixture)
{
    decide_all(fixture);
    pl_encode_batch(&fixture->run, &fixture->batch);
}

static inline void commit_all(struct fixture *fixture)
{
    encode_all(fixture);
    assert_ok(fixture, pl_commit_batch(&fixture->run, &fixture->batch, &fixture->error));
}

/* In flight: fixture->batch is free for the next one. */
static inline void launch_all(struct fixture *fixture)
{
    encode_all(fixture);
    pl_batch_done(&fixture->run.batches[0]); /* recovery has used it */
    fixture->run.batches[0] = fixture->batch;
    fixture->batch = (struct pl_batch){.count = 0};
    assert_ok(fixture, pl_launch_batch(&fixture->run, &fixture->run.batches[0], &fixture->error));
}

static inline void process_all(struct fixture *fixture)
{
    commit_all(fixture);
    pl_inbox_drop(&fixture->run, fixture->batch.count);
    assert_ok(fixture, pl_cache_batch(&fixture->run, &fixture->batch, &fixture->error));
}

#endif
