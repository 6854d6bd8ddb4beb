/* Headers of results. */
#include "wire/result_headers.h"

#define CE_SOURCE "/planlift/customers/"

enum {
    HEADER_SPECVERSION,
    HEADER_CE_SOURCE,
    HEADER_CE_ID,
    HEADER_CE_TYPE,
    HEADER_CE_TIME,
    HEADER_CONTENT_TYPE,
    HEADER_SOURCE
};
enum { HEADER_COUNT = HEADER_SOURCE + 1 }; /* then those of the request's trace */

/* "planlift." and the outcome in lower case with hyphens. */
static const char *const types[PL_OUTCOME_COUNT] = {
    [PL_OUTCOME_ELIGIBLE] = "planlift.eligible",
    [PL_OUTCOME_NOT_ELIGIBLE] = "planlift.not-eligible",
    [PL_OUTCOME_UPGRADED] = "planlift.upgraded",
    [PL_OUTCOME_LICENSES_ADDED] = "planlift.licenses-added",
    [PL_OUTCOME_REFUSED] = "planlift.refused",
};

/* ---- values ---------------------------------------------------------------------------------- */

/* Digits of the longest int64_t, sign included. */
#define DECIMAL_MAX_BYTES 20

static char *put_bytes(char *at, struct pl_bytes bytes)
{
    if (bytes.len > 0) {
        memcpy(at, bytes.data, bytes.len);
    }
    return at + bytes.len;
}

static char *put_decimal(char *at, int64_t number)
{
    char digits[DECIMAL_MAX_BYTES];
    size_t start = sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do {
        digits[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0) {
        digits[--start] = '-';
    }
    return put_bytes(at, (struct pl_bytes){digits + start, sizeof(digits) - start});
}

/* RFC 3986, section 2.3. */
static bool is_unreserved(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static char *put_percent_encoded(char *at, struct pl_bytes text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (is_unreserved(byte)) {
            *at++ = (char)byte;
        } else {
            *at++ = '%';
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        }
    }
    return at;
}

static struct pl_bytes ce_source(struct pl_bytes customer_id, struct pl_arena *arena)
{
    struct pl_bytes prefix = PL_BYTES_LITERAL(CE_SOURCE);
    char *text = pl_arena_alloc(arena, prefix.len + 3 * customer_id.len);
    const char *end = put_percent_encoded(put_bytes(text, prefix), customer_id);

    return (struct pl_bytes){text, (size_t)(end - text)};
}

static struct pl_bytes source(const struct pl_result_origin *origin, struct pl_arena *arena)
{
    char *text = pl_arena_alloc(arena, origin->topic.len + 2 + (size_t)2 * DECIMAL_MAX_BYTES);
    char *at = put_bytes(text, origin->topic);

    *at++ = '/';
    at = put_decimal(at, origin->partition);
    *at++ = '/';
    at = put_decimal(at, origin->offset);
    return (struct pl_bytes){text, (size_t)(at - text)};
}

/* ---- headers --------------------------------------------------------------------------------- */

/* W3C Trace Context, taken on as it is: a null stays null, and what is there twice goes on
 * twice. */
static bool is_trace(const struct pl_header *header)
{
    return pl_bytes_equal(header->name, PL_BYTES_LITERAL("traceparent")) ||
           pl_bytes_equal(header->name, PL_BYTES_LITERAL("tracestate"));
}

struct pl_header *pl_result_headers(const struct pl_result *result,
                                    const struct pl_result_origin *origin, struct pl_arena *arena,
                                    size_t *ret_count)
{
    struct pl_header *headers =
        pl_arena_alloc(arena, (HEADER_COUNT + origin->header_count) * sizeof(*headers));
    struct pl_bytes place = source(origin, arena);
    struct pl_bytes id = pl_bytes_is_empty(result->request_id) ? place : result->request_id;
    size_t count = HEADER_COUNT;

    headers[HEADER_SPECVERSION] =
        (struct pl_header){PL_BYTES_LITERAL("ce_specversion"), PL_BYTES_LITERAL("1.0")};
    headers[HEADER_CE_SOURCE] =
        (struct pl_header){PL_BYTES_LITERAL("ce_source"), ce_source(result->customer_id, arena)};
    headers[HEADER_CE_ID] = (struct pl_header){PL_BYTES_LITERAL("ce_id"), id};
    headers[HEADER_CE_TYPE] =
        (struct pl_header){PL_BYTES_LITERAL("ce_type"), pl_bytes_of(types[result->outcome])};
    headers[HEADER_CE_TIME] =
        (struct pl_header){PL_BYTES_LITERAL("ce_time"), pl_time_text(result->decided_at_ms, arena)};
    headers[HEADER_CONTENT_TYPE] =
        (struct pl_header){PL_BYTES_LITERAL("content-type"), PL_BYTES_LITERAL("application/avro")};
    headers[HEADER_SOURCE] = (struct pl_header){PL_BYTES_LITERAL("planlift-source"), place};
    for (size_t i = 0; i < origin->header_count; i++) {
        if (is_trace(&origin->headers[i])) {
            headers[count++] = origin->headers[i];
        }
    }
    *ret_count = count;
    return headers;
}

struct pl_header *pl_result_part_headers(const struct pl_header *whole, size_t count, size_t part,
                                         struct pl_arena *arena)
{
    struct pl_header *headers = pl_arena_grow(arena, whole, count, count, sizeof(*headers));
    struct pl_bytes id = whole[HEADER_CE_ID].value;
    char *text = pl_arena_alloc(arena, id.len + 1 + DECIMAL_MAX_BYTES);
    char *at = put_bytes(text, id);

    *at++ = '/';
    at = put_decimal(at, (int64_t)part);
    headers[HEADER_CE_ID].value = (struct pl_bytes){text, (size_t)(at - text)};
    return headers;
}

size_t pl_result_part_suffix_bytes(size_t part)
{
    char digits[DECIMAL_MAX_BYTES];

    return 1 + (size_t)(put_decimal(digits, (int64_t)part) - digits);
}

size_t pl_headers_bytes(const struct pl_header *headers, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += headers[i].name.len + headers[i].value.len;
    }
    return bytes;
}
