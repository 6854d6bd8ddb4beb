/* Results to Avro, written straight in the order of upgrade-result.avsc (which pl_own_schema_parse
 * compares with the contract), in one record or cut into parts. */
#include "planlift/codec.h"
#include "wire/avro_binary.h"
#include "wire/frame.h"
#include "wire/result_headers.h"

/* ---- fields ---------------------------------------------------------------------------------- */

/* Branches of a union [null, T]. */
static void put_is_set(struct pl_buffer *buffer, bool is_set)
{
    pl_put_long(buffer, is_set ? 1 : 0);
}

static void put_error(struct pl_buffer *buffer, const struct pl_upgrade_error *upgrade_error)
{
    pl_put_string(buffer, pl_bytes_of(pl_error_code_names[upgrade_error->code]));
    pl_put_string(buffer, upgrade_error->message);
    pl_put_optional_string(buffer, upgrade_error->subscription_id);
    pl_put_names(buffer, upgrade_error->services);
}

static void put_errors(struct pl_buffer *buffer, const struct pl_error_list *errors)
{
    pl_put_array_start(buffer, errors->count);
    for (size_t i = 0; i < errors->count; i++) {
        put_error(buffer, &errors->items[i]);
    }
    pl_put_array_end(buffer);
}

static void put_possible_upgrades(struct pl_buffer *buffer, const struct pl_result *result)
{
    pl_put_array_start(buffer, result->possible_upgrade_count);
    for (size_t i = 0; i < result->possible_upgrade_count; i++) {
        const struct pl_possible_upgrade *upgrade = &result->possible_upgrades[i];

        pl_put_string(buffer, upgrade->target_offer_id);
        pl_put_boolean(buffer, upgrade->eligible);
        pl_put_long(buffer, upgrade->upgrade_type);
        pl_put_long(buffer, upgrade->quantity);
        put_errors(buffer, &upgrade->errors);
        pl_put_long(buffer, upgrade->affected_accounts);
        pl_put_names(buffer, upgrade->additional_services);
    }
    pl_put_array_end(buffer);
}

static void put_subscription(struct pl_buffer *buffer, const struct pl_subscription_view *view)
{
    put_is_set(buffer, view->is_set);
    if (view->is_set) {
        pl_put_string(buffer, view->subscription_id);
        pl_put_string(buffer, view->offer_id);
        pl_put_string(buffer, view->offer_name);
        pl_put_long(buffer, view->status);
        pl_put_long(buffer, view->quantity);
    }
}

static void put_account(struct pl_buffer *buffer, const struct pl_affected_account *account)
{
    pl_put_string(buffer, account->user_id);
    pl_put_string(buffer, account->user_principal_name);
    pl_put_optional_string(buffer, account->display_name);
    pl_put_array_start(buffer, account->transition_count);
    for (size_t i = 0; i < account->transition_count; i++) {
        pl_put_string(buffer, account->transitions[i].service);
        pl_put_optional_string(buffer, account->transitions[i].replacement);
        pl_put_long(buffer, account->transitions[i].transition);
    }
    pl_put_array_end(buffer);
    put_is_set(buffer, account->license_error != NULL);
    if (account->license_error != NULL) {
        put_error(buffer, account->license_error);
    }
}

static void put_service_transitions(struct pl_buffer *buffer, const struct pl_result *result)
{
    pl_put_array_start(buffer, result->services_to_transition_count);
    for (size_t i = 0; i < result->services_to_transition_count; i++) {
        const struct pl_service_transition *service = &result->services_to_transition[i];

        pl_put_string(buffer, service->service);
        pl_put_string(buffer, service->service_name);
        pl_put_optional_string(buffer, service->replacement);
        pl_put_optional_string(buffer, service->replacement_name);
        pl_put_long(buffer, service->transition);
        pl_put_long(buffer, service->accounts);
    }
    pl_put_array_end(buffer);
}

static void put_billing_line(struct pl_buffer *buffer, const struct pl_billing_line *line)
{
    pl_put_string(buffer, line->subscription_id);
    pl_put_string(buffer, line->offer_id);
    pl_put_string(buffer, line->offer_name);
    pl_put_long(buffer, line->quantity);
}

static void put_billing(struct pl_buffer *buffer, const struct pl_billing *billing)
{
    put_is_set(buffer, billing->is_set);
    if (billing->is_set) {
        put_is_set(buffer, billing->cancelled.is_set);
        if (billing->cancelled.is_set) {
            put_billing_line(buffer, &billing->cancelled);
        }
        put_billing_line(buffer, &billing->added);
        pl_put_long(buffer, billing->effective_at_ms);
    }
}

/* ---- a record in three pieces ---------------------------------------------------------------- */

/* All before affectedAccounts. */
static void put_head(struct pl_buffer *buffer, const struct pl_result *result)
{
    pl_put_string(buffer, result->request_id);
    pl_put_optional_string(buffer, result->order_id);
    pl_put_string(buffer, result->customer_id);
    pl_put_string(buffer, result->partner_id);
    pl_put_string(buffer, result->subscription_id);
    pl_put_long(buffer, result->operation);
    pl_put_long(buffer, result->outcome);
    pl_put_long(buffer, result->upgrade_type);
    put_errors(buffer, &result->errors);
    put_possible_upgrades(buffer, result);
    put_subscription(buffer, &result->source);
    put_subscription(buffer, &result->target);
}

/* All between affectedAccounts and part. */
static void put_tail(struct pl_buffer *buffer, const struct pl_result *result)
{
    put_service_transitions(buffer, result);
    put_billing(buffer, &result->billing);
    pl_put_long(buffer, result->customer_version);
    pl_put_string(buffer, result->catalogue_version);
    pl_put_long(buffer, result->decided_at_ms);
}

static void put_part(struct pl_buffer *buffer, size_t part, size_t parts)
{
    pl_put_long(buffer, (int64_t)part);
    pl_put_long(buffer, (int64_t)parts);
}

static void put_whole(struct pl_buffer *buffer, uint32_t schema_id, const struct pl_result *result)
{
    pl_put_frame(buffer, schema_id);
    put_head(buffer, result);
    pl_put_array_start(buffer, result->affected_account_count);
    for (size_t i = 0; i < result->affected_account_count; i++) {
        put_account(buffer, &result->affected_accounts[i]);
    }
    pl_put_array_end(buffer);
    put_tail(buffer, result);
    put_part(buffer, 1, 1);
}

/* ---- cutting --------------------------------------------------------------------------------- */

/* A result that goes out in parts, encoded once: the head, every account, the tail. */
struct split {
    uint32_t schema_id;
    const struct pl_result_limits *limits;
    const struct pl_header *headers; /* of the whole */
    size_t header_count;
    struct pl_buffer pieces;
    size_t *accounts; /* positions in pieces: where each account starts, and where the last ends */
    size_t account_count;
    size_t fixed_bytes; /* of every part: key, headers, frame, head and tail */
    size_t *firsts;     /* the first account of each part, and account_count after the last */
};

static size_t long_bytes(size_t number)
{
    size_t zigzag = number << 1;
    size_t bytes = 1;

    while (zigzag >= 0x80) {
        zigzag >>= 7;
        bytes++;
    }
    return bytes;
}

/* How many accounts go into a part; 0: not even one fits. */
static size_t fit_part(const struct split *split, size_t first, size_t part, size_t parts)
{
    size_t fixed = split->fixed_bytes + pl_result_part_suffix_bytes(part) + long_bytes(part) +
                   long_bytes(parts) + long_bytes(0); /* the last ends the array */
    size_t limit = split->limits->max_message_bytes;
    size_t end = first;

    while (end < split->account_count && end - first < split->limits->max_accounts &&
           fixed + long_bytes(end + 1 - first) + split->accounts[end + 1] -
                   split->accounts[first] <=
               limit) {
        end++;
    }
    return end - first;
}

/* Cut as if there were about `parts` parts, whose number is in every part; returns how many there
 * are, 0 where an account does not fit. */
static size_t cut(struct split *split, size_t parts)
{
    size_t first = 0;
    size_t count = 0;

    while (first < split->account_count) {
        size_t fitting = fit_part(split, first, count + 1, parts);

        if (fitting == 0) {
            return 0;
        }
        split->firsts[count++] = first;
        first += fitting;
    }
    split->firsts[count] = split->account_count;
    return count;
}

/* Cut so that the length of the number of parts is right: a longer one leaves less room, so that
 * there can only be more. */
static size_t cut_exactly(struct split *split)
{
    size_t parts = cut(split, 1);
    size_t guess = 1;

    while (parts > 0 && long_bytes(parts) != long_bytes(guess)) {
        guess = parts;
        parts = cut(split, guess);
    }
    return parts;
}

static void encode_pieces(struct split *split, const struct pl_result *result,
                          struct pl_arena *arena)
{
    size_t count = result->affected_account_count;

    split->accounts = pl_arena_alloc(arena, (count + 1) * sizeof(size_t));
    split->firsts = pl_arena_alloc(arena, (count + 1) * sizeof(size_t));
    split->account_count = count;
    put_head(&split->pieces, result);
    for (size_t i = 0; i < count; i++) {
        split->accounts[i] = split->pieces.len;
        put_account(&split->pieces, &result->affected_accounts[i]);
    }
    split->accounts[count] = split->pieces.len;
    put_tail(&split->pieces, result);
    split->fixed_bytes = result->customer_id.len +
                         pl_headers_bytes(split->headers, split->header_count) + PL_FRAME_BYTES +
                         split->pieces.len - (split->accounts[count] - split->accounts[0]);
}

/* Append one part to buffer. */
static void put_slice(const struct split *split, size_t part, size_t parts,
                      struct pl_buffer *buffer)
{
    const struct pl_buffer *pieces = &split->pieces;
    size_t first = split->firsts[part - 1];
    size_t end = split->firsts[part];
    size_t from = split->accounts[first];
    size_t tail = split->accounts[split->account_count];

    pl_put_frame(buffer, split->schema_id);
    pl_buffer_put(buffer, pieces->data, split->accounts[0]);
    pl_put_array_start(buffer, end - first);
    pl_buffer_put(buffer, pieces->data + from, split->accounts[end] - from);
    pl_put_array_end(buffer);
    pl_buffer_put(buffer, pieces->data + tail, pieces->len - tail);
    put_part(buffer, part, parts);
}

static struct pl_result_part *put_parts(const struct split *split, size_t parts,
                                        struct pl_arena *arena, struct pl_buffer *buffer)
{
    struct pl_result_part *result_parts = pl_arena_alloc(arena, parts * sizeof(*result_parts));

    for (size_t i = 0; i < parts; i++) {
        size_t position = buffer->len;

        put_slice(split, i + 1, parts, buffer);
        result_parts[i] = (struct pl_result_part){
            .value_position = position,
            .value_len = buffer->len - position,
            .headers = pl_result_part_headers(split->headers, split->header_count, i + 1, arena),
            .header_count = split->header_count,
        };
    }
    return result_parts;
}

/* NOLINTNEXTLINE(readability-function-size): the parameters are those of codec.h */
enum pl_status pl_result_encode(uint32_t schema_id, const struct pl_result *result,
                                const struct pl_result_origin *origin,
                                const struct pl_result_limits *limits, struct pl_arena *arena,
                                struct pl_buffer *buffer, struct pl_result_part **ret_parts,
                                size_t *ret_count, struct pl_error *error)
{
    struct split split = {.schema_id = schema_id, .limits = limits};
    size_t position = buffer->len;
    size_t parts;

    split.headers = pl_result_headers(result, origin, arena, &split.header_count);
    if (result->affected_account_count <= limits->max_accounts) {
        size_t other =
            result->customer_id.len + pl_headers_bytes(split.headers, split.header_count);

        put_whole(buffer, schema_id, result);
        if (buffer->len - position + other <= limits->max_message_bytes) {
            *ret_parts = pl_arena_alloc(arena, sizeof(**ret_parts));
            **ret_parts = (struct pl_result_part){position, buffer->len - position, split.headers,
                                                  split.header_count};
            *ret_count = 1;
            return PL_OK;
        }
        buffer->len = position;
    }
    encode_pieces(&split, result, arena);
    parts = cut_exactly(&split);
    if (parts > 0) {
        *ret_parts = put_parts(&split, parts, arena, buffer);
        *ret_count = parts;
    }
    pl_buffer_done(&split.pieces);
    if (parts == 0) {
        return pl_fail(error, PL_BAD_DATA,
                       "the result does not fit into a message of %zu bytes, even with one account "
                       "a part",
                       limits->max_message_bytes);
    }
    return PL_OK;
}
