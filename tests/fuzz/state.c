/* What is read back from the state topic and from Redis. The first byte says which piece it is to
 * be, and whether the rest is the value as it is found, or a body that gets a good envelope. */
#include "planlift/state.h"

#include <stdlib.h>

#include "fuzz.h"
#include "planlift/decide.h"
#include "wire/state_seal.h"

/* What a byte may cost: a chunk takes one in the directory, and is a struct. */
#define BYTES_PER_BYTE 128

#define CUSTOMER PL_BYTES_LITERAL("c")

enum what { WHAT_HEAD, WHAT_CHUNK, WHAT_ANSWERED, WHAT_PROGRESS, WHAT_CHECKPOINT, WHAT_COUNT };

static const struct pl_piece head_piece = {.kind = PL_PIECE_HEAD};
/* Those that the customer below has. */
static const struct pl_piece chunk_piece = {.kind = PL_PIECE_CHUNK, .ordinal = 1};
static const struct pl_piece answered_piece = {.kind = PL_PIECE_ANSWERED};

/* ---- one value ------------------------------------------------------------------------------- */

static void seal(struct pl_buffer *buffer, struct pl_bytes field, struct pl_bytes body)
{
    size_t position = pl_seal_open(buffer);

    pl_buffer_put(buffer, body.data, body.len);
    pl_seal_close(buffer, position, field);
}

static void check_status(enum pl_status status, const struct pl_error *error)
{
    ENSURE(status == PL_OK || status == PL_BAD_DATA || status == PL_FATAL);
    if (status != PL_OK) {
        pl_fuzz_check_text(error->text);
    }
}

/* ---- heads ----------------------------------------------------------------------------------- */

static bool decode_head(struct pl_bytes value, struct pl_arena *arena, struct pl_customer *customer)
{
    struct pl_error error = {""};
    enum pl_status status;

    pl_customer_init(customer, CUSTOMER);
    status = pl_state_decode_head(pl_state_field(&head_piece, CUSTOMER, arena), value, arena,
                                  customer, &error);
    check_status(status, &error);
    return status == PL_OK;
}

/* What a customer that is known only by its head is stored as. */
static void encode_head(struct pl_customer *customer, struct pl_arena *arena,
                        struct pl_buffer *buffer)
{
    struct pl_state_changes changes = {.items = NULL};

    customer->is_dirty = true;
    pl_state_encode(customer, arena, buffer, &changes);
    ENSURE(changes.count == 1 && changes.pieces_delta == 0);
}

static void check_head(struct pl_bytes value, struct pl_arena *arena)
{
    struct pl_buffer first = {NULL, 0, 0};
    struct pl_buffer second = {NULL, 0, 0};
    struct pl_customer customer;

    if (decode_head(value, arena, &customer)) {
        ENSURE(arena->used_bytes <= 4096 + value.len * BYTES_PER_BYTE);
        encode_head(&customer, arena, &first);
        ENSURE(decode_head(pl_buffer_since(&first, 0), arena, &customer));
        encode_head(&customer, arena, &second);
        ENSURE(pl_fuzz_is_same(&first, &second));
    }
    pl_buffer_done(&first);
    pl_buffer_done(&second);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

static const struct pl_event assigned = {
    .customer_id = {"c", 1},
    .kind = PL_EVENT_LICENSE_ASSIGNED,
    .change.license_assigned = {
        .subscription_id = {"s", 1}, .user_id = {"u", 1}, .user_principal_name = {"u@x", 3}}};

/* A customer with a chunk of licences and a segment of answered requests in the store. */
static void make_customer(struct pl_arena *arena, struct pl_customer *customer)
{
    struct pl_buffer value = {NULL, 0, 0};
    /* Version 1, 3 requests answered, 2 ordinals; a subscription s of offer o, all else empty or 0,
     * ordinal 1, 2 licences, one chunk of revision 1; no grants. */
    static const char body[] = "\2\6\4\2\2s\2o\2\2\0\0\0\2\0\2\4\2\0\2\2\0\0\0";

    seal(&value, pl_state_field(&head_piece, CUSTOMER, arena), PL_BYTES_LITERAL(body));
    ENSURE(decode_head(pl_arena_copy(arena, pl_buffer_since(&value, 0)), arena, customer));
    pl_buffer_done(&value);
}

/* What was read can be used, and is stored again as the same. */
static void check_piece(const struct pl_piece *piece, struct pl_bytes value, struct pl_arena *arena)
{
    struct pl_bytes field = pl_state_field(piece, CUSTOMER, arena);
    struct pl_state_changes changes = {.items = NULL};
    struct pl_buffer buffer = {NULL, 0, 0};
    struct pl_customer customer;
    struct pl_error error = {""};
    size_t before;
    enum pl_status status;

    make_customer(arena, &customer);
    before = arena->used_bytes;
    status = pl_state_decode_piece(piece, field, value, arena, &customer, &error);
    check_status(status, &error);
    ENSURE(arena->used_bytes - before <= 4096 + value.len * BYTES_PER_BYTE);
    if (status == PL_OK) {
        if (piece->kind == PL_PIECE_CHUNK) {
            pl_event_apply(&customer, &assigned, arena);
        } else {
            customer.answered_is_dirty[piece->segment] = true;
            customer.is_dirty = true;
        }
        pl_state_encode(&customer, arena, &buffer, &changes);
        ENSURE(changes.count >= 2); /* the piece, and the head */
    }
    pl_buffer_done(&buffer);
}

/* ---- progress and checkpoint ----------------------------------------------------------------- */

static void check_progress(struct pl_bytes value)
{
    struct pl_buffer first = {NULL, 0, 0};
    struct pl_buffer second = {NULL, 0, 0};
    struct pl_progress progress;
    struct pl_error error = {""};
    enum pl_status status = pl_progress_decode(value, &progress, &error);

    check_status(status, &error);
    if (status == PL_OK) {
        pl_progress_encode(&progress, &first);
        ENSURE(pl_progress_decode(pl_buffer_since(&first, 0), &progress, &error) == PL_OK);
        pl_progress_encode(&progress, &second);
        ENSURE(pl_fuzz_is_same(&first, &second));
    }
    pl_buffer_done(&first);
    pl_buffer_done(&second);
}

static void check_checkpoint(struct pl_bytes value)
{
    struct pl_buffer first = {NULL, 0, 0};
    struct pl_buffer second = {NULL, 0, 0};
    struct pl_checkpoint checkpoint;
    struct pl_error error = {""};
    enum pl_status status = pl_checkpoint_decode(value, &checkpoint, &error);

    check_status(status, &error);
    if (status == PL_OK) {
        pl_checkpoint_encode(&checkpoint, &first);
        ENSURE(pl_checkpoint_decode(pl_buffer_since(&first, 0), &checkpoint, &error) == PL_OK);
        pl_checkpoint_encode(&checkpoint, &second);
        ENSURE(pl_fuzz_is_same(&first, &second));
    }
    pl_buffer_done(&first);
    pl_buffer_done(&second);
}

/* ---- the target ------------------------------------------------------------------------------ */

static struct pl_bytes field_of(enum what what, struct pl_arena *arena)
{
    switch (what) {
    case WHAT_HEAD:
        return pl_state_field(&head_piece, CUSTOMER, arena);
    case WHAT_CHUNK:
        return pl_state_field(&chunk_piece, CUSTOMER, arena);
    case WHAT_ANSWERED:
        return pl_state_field(&answered_piece, CUSTOMER, arena);
    case WHAT_PROGRESS:
    case WHAT_CHECKPOINT:
    case WHAT_COUNT:
        break;
    }
    return PL_PROGRESS_FIELD;
}

static void check(enum what what, struct pl_bytes value, struct pl_arena *arena)
{
    switch (what) {
    case WHAT_HEAD:
        check_head(value, arena);
        return;
    case WHAT_CHUNK:
        check_piece(&chunk_piece, value, arena);
        return;
    case WHAT_ANSWERED:
        check_piece(&answered_piece, value, arena);
        return;
    case WHAT_PROGRESS:
        check_progress(value);
        return;
    case WHAT_CHECKPOINT:
    case WHAT_COUNT:
        check_checkpoint(value);
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes rest = pl_fuzz_input(data, size);
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_buffer value = {NULL, 0, 0};
    unsigned char first = rest.len == 0 ? 0 : (unsigned char)rest.data[0];
    enum what what = (enum what)(first % WHAT_COUNT);
    struct pl_bytes found;
    char *copy;

    rest = rest.len == 0 ? rest : (struct pl_bytes){rest.data + 1, rest.len - 1};
    if (first < 128) {
        seal(&value, field_of(what, &arena), rest);
    } else {
        pl_buffer_put(&value, rest.data, rest.len);
    }
    found = value.len == 0 ? PL_BYTES_LITERAL("") : pl_buffer_since(&value, 0);
    copy = pl_fuzz_copy(found);
    check(what, (struct pl_bytes){copy, found.len}, &arena);
    free(copy);
    pl_buffer_done(&value);
    pl_arena_done(&arena);
    return 0;
}
