/* The scripts. Each is a short story of one or two clients on fresh topics. */
#include <stdio.h>
#include <string.h>

#include "truth_client.h"

#define CALL_MS 10000
#define LONG_MS "60000" /* a transaction that does not time out */

struct readers {
    struct client committed, uncommitted;
};

static void open_readers(struct readers *readers, const struct truth *truth)
{
    *readers = (struct readers){.committed = {.name = "committed"},
                                .uncommitted = {.name = "uncommitted"}};
    client_reader(&readers->committed, truth, "read_committed");
    client_reader(&readers->uncommitted, truth, "read_uncommitted");
}

static void close_readers(struct readers *readers)
{
    client_close(&readers->committed);
    client_close(&readers->uncommitted);
}

/* All markers are there: what do both kinds of readers find? */
static void look(struct readers *readers, const char *topic)
{
    await_markers(&readers->committed, &readers->uncommitted, topic);
    tell_range(&readers->uncommitted, topic);
    read_on(&readers->committed, topic, 0);
}

static void init(struct client *client, const struct truth *truth, const char *id)
{
    client_producer(client, truth, id, LONG_MS);
    tell(client, "init", rd_kafka_init_transactions(client->rk, 3 * CALL_MS));
}

static void begin(struct client *client)
{
    tell(client, "begin", rd_kafka_begin_transaction(client->rk));
}

static void commit(struct client *client)
{
    tell(client, "commit", rd_kafka_commit_transaction(client->rk, CALL_MS));
}

static void abort_txn(struct client *client)
{
    tell(client, "abort", rd_kafka_abort_transaction(client->rk, CALL_MS));
}

static void tell_fatal(const struct client *client)
{
    char text[256];

    tell_err(client, "fatal", rd_kafka_fatal_error(client->rk, text, sizeof(text)));
}

/* ---- one producer ---------------------------------------------------------------------------- */

/* Each end takes one offset for its marker. */
static void commits(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "a");
    begin(&a);
    put(&a, truth->state, 0, "one");
    put(&a, truth->state, 0, "two");
    flush(&a);
    tell_range(&readers.uncommitted, truth->state);
    commit(&a);
    put_whole(&a, truth->state, "three");
    printf("EndTxn was sent %d times\n", a.ends_sent);
    look(&readers, truth->state);
    client_close(&a);
    close_readers(&readers);
}

static void aborts(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "a");
    begin(&a);
    put(&a, truth->state, 0, "aborted");
    flush(&a);
    abort_txn(&a);
    look(&readers, truth->state);
    put_whole(&a, truth->state, "committed");
    look(&readers, truth->state);
    read_on(&readers.uncommitted, truth->state, 0);
    client_close(&a);
    close_readers(&readers);
}

/* Nothing is sent, so no EndTxn is either. */
static void empty_transactions(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "a");
    begin(&a);
    commit(&a);
    begin(&a);
    abort_txn(&a);
    printf("EndTxn was sent %d times\n", a.ends_sent);
    look(&readers, truth->state);
    client_close(&a);
    close_readers(&readers);
}

static void calls_out_of_order(const struct truth *truth)
{
    struct client a = {.name = "a"};

    init(&a, truth, "a");
    tell(&a, "init again", rd_kafka_init_transactions(a.rk, CALL_MS));
    put(&a, truth->state, 0, "outside");
    commit(&a);
    abort_txn(&a);
    send_offset(&a, truth, 1, NULL);
    begin(&a);
    begin(&a);
    commit(&a);
    commit(&a);
    client_close(&a);
}

/* The record that was refused is missing, and the commit works all the same (reliability A4). */
static void refused_locally(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "a");
    put_whole(&a, truth->state, "first"); /* now it knows the topic */
    begin(&a);
    put(&a, truth->state, 0, "second");
    put(&a, truth->state, 99, "nowhere");
    flush(&a);
    commit(&a);
    look(&readers, truth->state);
    client_close(&a);
    close_readers(&readers);
}

/* The topic takes no records of a megabyte and more: the broker says so in the report. */
static void refused_by_broker(const struct truth *truth)
{
    static char large[2000001];
    struct client a = {.name = "a"};
    struct readers readers;

    memset(large, 'x', sizeof(large) - 1);
    open_readers(&readers, truth);
    init(&a, truth, "a");
    begin(&a);
    put(&a, truth->results, 0, "small");
    flush(&a);
    put(&a, truth->state, 0, large);
    flush(&a);
    commit(&a);
    tell_fatal(&a);
    abort_txn(&a);
    put_whole(&a, truth->state, "next"); /* of a sequence that the broker never saw begin */
    abort_txn(&a);
    put_whole(&a, truth->state, "of a new epoch");
    look(&readers, truth->state);
    look(&readers, truth->results);
    client_close(&a);
    close_readers(&readers);
}

/* ---- two producers --------------------------------------------------------------------------- */

static void fenced_in_transaction(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct client b = {.name = "b"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "same");
    begin(&a);
    put(&a, truth->state, 0, "of a");
    flush(&a);
    init(&b, truth, "same");
    look(&readers, truth->state);
    commit(&a);
    tell_fatal(&a);
    abort_txn(&a);
    begin(&a);
    put_whole(&b, truth->state, "of b");
    look(&readers, truth->state);
    client_close(&a);
    client_close(&b);
    close_readers(&readers);
}

static void fenced_before_producing(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct client b = {.name = "b"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "same");
    init(&b, truth, "same");
    begin(&a);
    put(&a, truth->state, 0, "of a");
    flush(&a);
    tell_fatal(&a);
    commit(&a);
    look(&readers, truth->state);
    client_close(&a);
    client_close(&b);
    close_readers(&readers);
}

static void fenced_before_offsets(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct client b = {.name = "b"};
    struct readers readers;

    init(&a, truth, "same");
    begin(&a);
    put(&a, truth->state, 0, "of a");
    flush(&a);
    init(&b, truth, "same");
    send_offset(&a, truth, 5, NULL);
    tell_fatal(&a);
    open_readers(&readers, truth);
    tell_committed(&readers.committed, truth, CALL_MS);
    close_readers(&readers);
    client_close(&a);
    client_close(&b);
}

/* read_committed ends where the first open transaction begins. */
static void stable_offset(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct client b = {.name = "b"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "a");
    init(&b, truth, "b");
    begin(&a);
    put(&a, truth->state, 0, "of a");
    flush(&a);
    put_whole(&b, truth->state, "of b");
    pause_ms(500);
    tell_range(&readers.uncommitted, truth->state);
    tell_range(&readers.committed, truth->state);
    tell_places(&readers.uncommitted, truth->state);
    tell_places(&readers.committed, truth->state);
    read_on(&readers.committed, truth->state, 0);
    read_on(&readers.uncommitted, truth->state, 0);
    commit(&a);
    look(&readers, truth->state);
    client_close(&a);
    client_close(&b);
    close_readers(&readers);
}

/* The end is told for each place that it is reached at, though nothing comes but markers. */
static void ends_of_a_partition(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "a");
    put_whole(&a, truth->state, "first");
    await_markers(&readers.committed, &readers.uncommitted, truth->state);
    start_reading(&readers.committed, truth->state, 0);
    read_until(&readers.committed, 2);
    begin(&a);
    put(&a, truth->state, 0, "aborted");
    flush(&a);
    abort_txn(&a);
    read_until(&readers.committed, 4);
    put_whole(&a, truth->state, "second");
    read_until(&readers.committed, 6);
    client_close(&a);
    close_readers(&readers);
}

/* The broker ends a transaction that lasts too long, and its producer is fenced. */
static void timed_out(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct readers readers;

    open_readers(&readers, truth);
    client_producer(&a, truth, "a", "2000");
    tell(&a, "init", rd_kafka_init_transactions(a.rk, 3 * CALL_MS));
    begin(&a);
    put(&a, truth->state, 0, "too late");
    flush(&a);
    await_markers(&readers.committed, &readers.uncommitted, truth->state);
    look(&readers, truth->state);
    commit(&a);
    tell_fatal(&a);
    client_close(&a);
    init(&a, truth, "a");
    put_whole(&a, truth->state, "in time");
    look(&readers, truth->state);
    client_close(&a);
    close_readers(&readers);
}

/* ---- offsets --------------------------------------------------------------------------------- */

/* Pending offsets are unstable: a read_committed handle waits for them. */
static void offsets(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct readers readers;

    open_readers(&readers, truth);
    init(&a, truth, "a");
    tell_committed(&readers.committed, truth, CALL_MS);
    begin(&a);
    send_offset(&a, truth, 3, NULL);
    tell_committed(&readers.committed, truth, 1500);
    tell_committed(&readers.uncommitted, truth, CALL_MS);
    commit(&a);
    tell_committed(&readers.committed, truth, CALL_MS);
    begin(&a);
    send_offset(&a, truth, 7, NULL);
    abort_txn(&a);
    tell_committed(&readers.committed, truth, CALL_MS);
    client_close(&a);
    close_readers(&readers);
}

static void offsets_of_members(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct client m = {.name = "m"};
    struct client n = {.name = "n"};
    struct client *const members[] = {&m, &n};
    rd_kafka_consumer_group_metadata_t *metadata;

    init(&a, truth, "a");
    client_member(&m, truth, "m");
    await_assigned(members, (const int[]){1}, 1);
    metadata = rd_kafka_consumer_group_metadata(m.rk);
    begin(&a);
    send_offset(&a, truth, 1, metadata);
    commit(&a);
    client_member(&n, truth, "n");
    await_assigned(members, (const int[]){2, 1}, 2);
    begin(&a);
    send_offset(&a, truth, 2, metadata); /* of the generation before */
    commit(&a);
    abort_txn(&a);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    metadata = rd_kafka_consumer_group_metadata(m.rk);
    begin(&a);
    send_offset(&a, truth, 2, metadata);
    commit(&a);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    tell_committed(&m, truth, CALL_MS);
    client_close(&m);
    client_close(&n);
    client_close(&a);
}

static void offsets_of_one_who_left(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct client m = {.name = "m"};
    struct client *const members[] = {&m};
    rd_kafka_consumer_group_metadata_t *metadata;

    init(&a, truth, "a");
    client_member(&m, truth, NULL);
    await_assigned(members, (const int[]){1}, 1);
    metadata = rd_kafka_consumer_group_metadata(m.rk);
    tell_err(&m, "close", rd_kafka_consumer_close(m.rk));
    client_close(&m);
    pause_ms(500);
    begin(&a);
    send_offset(&a, truth, 1, metadata);
    abort_txn(&a);
    begin(&a);
    send_offset(&a, truth, 1, NULL);
    commit(&a);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    client_close(&a);
}

/* Another handle takes the place of a static member, which is told so for good. */
static void static_takeover(const struct truth *truth)
{
    struct client a = {.name = "a"};
    struct client m = {.name = "m"};
    struct client n = {.name = "n"};
    struct client *const first[] = {&m};
    struct client *const second[] = {&n};
    rd_kafka_consumer_group_metadata_t *metadata;

    init(&a, truth, "a");
    client_member(&m, truth, "same");
    await_assigned(first, (const int[]){1}, 1);
    client_member(&n, truth, "same");
    await_assigned(second, (const int[]){1}, 1);
    metadata = rd_kafka_consumer_group_metadata(m.rk);
    begin(&a);
    send_offset(&a, truth, 1, metadata);
    abort_txn(&a);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    for (int i = 0; i < 100 && rd_kafka_fatal_error(m.rk, NULL, 0) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(m.rk, 100);

        if (message != NULL) {
            rd_kafka_message_destroy(message);
        }
    }
    tell_fatal(&m);
    metadata = rd_kafka_consumer_group_metadata(n.rk);
    begin(&a);
    send_offset(&a, truth, 1, metadata);
    commit(&a);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    client_close(&m);
    client_close(&n);
    client_close(&a);
}

/* A static member that comes back takes its place again, and nobody else is disturbed. */
static void static_restart(const struct truth *truth)
{
    struct client m = {.name = "m"};
    struct client n = {.name = "n"};
    struct client *const members[] = {&m, &n};

    client_member(&m, truth, "m");
    await_assigned(members, (const int[]){1}, 1);
    client_member(&n, truth, "n");
    await_assigned(members, (const int[]){2, 1}, 2);
    client_close(&n);
    n.assigned = 0;
    client_member(&n, truth, "n");
    await_assigned(members, (const int[]){2, 1}, 2);
    pause_ms(1500);
    await_assigned(members, (const int[]){2, 1}, 2);
    printf("m was given partitions %d times\n", m.assigned);
    client_close(&m);
    client_close(&n);
}

/* ---- the list -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(const struct truth *truth);
} scripts[] = {{"commits", commits},
               {"aborts", aborts},
               {"empty_transactions", empty_transactions},
               {"calls_out_of_order", calls_out_of_order},
               {"refused_locally", refused_locally},
               {"refused_by_broker", refused_by_broker},
               {"fenced_in_transaction", fenced_in_transaction},
               {"fenced_before_producing", fenced_before_producing},
               {"fenced_before_offsets", fenced_before_offsets},
               {"stable_offset", stable_offset},
               {"ends_of_a_partition", ends_of_a_partition},
               {"timed_out", timed_out},
               {"offsets", offsets},
               {"offsets_of_members", offsets_of_members},
               {"offsets_of_one_who_left", offsets_of_one_who_left},
               {"static_takeover", static_takeover},
               {"static_restart", static_restart}};

const char *truth_script(int number)
{
    return number < (int)(sizeof(scripts) / sizeof(scripts[0])) ? scripts[number].name : NULL;
}

void truth_run(int number, const struct truth *truth)
{
    scripts[number].run(truth);
}
