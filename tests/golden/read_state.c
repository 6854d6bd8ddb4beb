/* Reads stored pieces with planlift's own code, for tests/system/test_golden.py. Each line in is a
 * field and its value, "<hex> <hex>": all of one partition of the state topic, or with the argument
 * "cache" of one Redis hash. Out come the progress as a line of JSON, then a line of STATE
 * (contract 9) for each customer. Anything that does not fit is told on stderr, and ends it
 * with 1. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planlift/decide.h"
#include "planlift/state.h"
#include "wire/json_state.h"

#define LINE_MAX_BYTES ((size_t)4 * 1024 * 1024)

struct item {
    struct pl_bytes field, value;
    bool is_used;
};

struct store {
    struct pl_arena arena;
    struct item *items;
    size_t count, capacity;
};

static _Noreturn void give_up(const char *what, struct pl_bytes where)
{
    (void)fprintf(stderr, "read_state: %s: %.*s\n", what, (int)where.len,
                  where.len == 0 ? "" : where.data);
    exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

/* ---- in -------------------------------------------------------------------------------------- */

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes that *text spells up to a blank or the end of its line; *text is then behind it. */
static struct pl_bytes unhex(const char **text, struct pl_arena *arena)
{
    size_t len = strspn(*text, "0123456789abcdef") / 2;
    char *data = pl_arena_alloc(arena, len);

    for (size_t i = 0; i < len; i++) {
        data[i] = (char)(digit((*text)[2 * i]) << 4 | digit((*text)[2 * i + 1]));
    }
    *text += 2 * len + 1;
    return (struct pl_bytes){data, len};
}

static void read_store(struct store *store)
{
    char *line = pl_arena_alloc(&store->arena, LINE_MAX_BYTES);

    while (fgets(line, (int)LINE_MAX_BYTES, stdin) != NULL) {
        const char *text = line;
        struct item item = {.is_used = false};

        item.field = unhex(&text, &store->arena);
        item.value = unhex(&text, &store->arena);
        if (store->count == store->capacity) {
            store->capacity = store->capacity == 0 ? 64 : store->capacity * 2;
            store->items = pl_arena_grow(&store->arena, store->items, store->count, store->capacity,
                                         sizeof(*store->items));
        }
        store->items[store->count++] = item;
    }
}

/* The field's value, once; without one there is a piece missing. */
static struct pl_bytes take(struct store *store, struct pl_bytes field)
{
    for (size_t i = 0; i < store->count; i++) {
        struct item *item = &store->items[i];

        if (pl_bytes_equal(item->field, field) && !item->is_used) {
            item->is_used = true;
            return item->value;
        }
    }
    give_up("missing", field);
}

/* ---- customers ------------------------------------------------------------------------------- */

static void take_piece(struct store *store, struct pl_customer *customer,
                       const struct pl_piece *piece)
{
    struct pl_bytes field = pl_state_field(piece, customer->customer_id, &store->arena);
    struct pl_error error;

    if (pl_state_decode_piece(piece, field, take(store, field), &store->arena, customer, &error) !=
        PL_OK) {
        give_up(error.text, field);
    }
}

static void take_chunks(struct store *store, struct pl_customer *customer,
                        const struct pl_subscription *subscription)
{
    for (size_t i = 0; i < subscription->chunk_count; i++) {
        const struct pl_chunk *chunk = &subscription->chunks[i];
        struct pl_piece piece = {.kind = PL_PIECE_CHUNK,
                                 .ordinal = subscription->ordinal,
                                 .chunk_depth = chunk->depth,
                                 .chunk_start = chunk->start};

        if (!chunk->is_loaded) {
            take_piece(store, customer, &piece);
        }
    }
}

static void print_customer(struct store *store, struct pl_bytes head)
{
    struct pl_buffer out = {NULL, 0, 0};
    struct pl_customer customer;
    struct pl_error error;

    pl_customer_init(&customer, (struct pl_bytes){head.data + 2, head.len - 2});
    if (pl_state_decode_head(head, take(store, head), &store->arena, &customer, &error) != PL_OK) {
        give_up(error.text, head);
    }
    for (uint32_t segment = 0; segment < PL_ANSWERED_SEGMENTS; segment++) {
        struct pl_piece piece = {.kind = PL_PIECE_ANSWERED, .segment = segment};

        if (!customer.answered_is_loaded[segment]) {
            take_piece(store, &customer, &piece);
        }
    }
    for (size_t i = 0; i < customer.subscription_count; i++) {
        take_chunks(store, &customer, &customer.subscriptions[i]);
    }
    pl_json_state_write(&customer, &store->arena, &out);
    (void)printf("%.*s\n", (int)out.len, out.data);
    pl_buffer_done(&out);
}

/* ---- progress -------------------------------------------------------------------------------- */

static void print_progress(struct store *store, bool is_cache)
{
    struct pl_bytes value = take(store, PL_PROGRESS_FIELD);
    struct pl_checkpoint checkpoint = {.is_whole = true};
    struct pl_progress *progress = &checkpoint.progress;
    struct pl_error error;
    enum pl_status status = is_cache ? pl_checkpoint_decode(value, &checkpoint, &error)
                                     : pl_progress_decode(value, progress, &error);

    if (status != PL_OK) {
        give_up(error.text, PL_PROGRESS_FIELD);
    }
    if (!checkpoint.is_whole || progress->pieces != (int64_t)store->count - 1) {
        give_up("the pieces are not all here", PL_PROGRESS_FIELD);
    }
    (void)printf("{\"groupId\": \"%.*s\", \"incarnation\": \"", (int)progress->group_id.len,
                 progress->group_id.data);
    for (size_t i = 0; i < sizeof(progress->incarnation); i++) {
        (void)printf("%02x", progress->incarnation[i]);
    }
    (void)printf("\", \"nextEvent\": %" PRId64 ", \"nextRequest\": %" PRId64
                 ", \"pieces\": %" PRId64 ", \"catalogueVersion\": \"%.*s\"}\n",
                 progress->next[PL_TOPIC_EVENTS], progress->next[PL_TOPIC_REQUESTS],
                 progress->pieces, (int)progress->catalogue_version.len,
                 progress->catalogue_version.data);
}

int main(int argc, char **argv)
{
    struct store store = {.arena = PL_ARENA_INIT};

    read_store(&store);
    print_progress(&store, argc > 1 && strcmp(argv[1], "cache") == 0);
    for (size_t i = 0; i < store.count; i++) {
        if (store.items[i].field.data[0] == 'h') {
            print_customer(&store, store.items[i].field);
        }
    }
    for (size_t i = 0; i < store.count; i++) {
        if (!store.items[i].is_used) {
            give_up("belongs to no customer", store.items[i].field);
        }
    }
    pl_arena_done(&store.arena);
    return 0;
}
