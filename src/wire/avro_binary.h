/* Avro's binary primitives: a writer onto a buffer and a bounded reader over a view. Writing never
 * fails; a reader that meets something wrong turns bad and stays bad, so callers check once. */
#ifndef PL_WIRE_AVRO_BINARY_H
#define PL_WIRE_AVRO_BINARY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "planlift/buffer.h"
#include "planlift/bytes.h"

/* A 64-bit varint takes at most so many bytes (Avro specification, binary encoding). */
#define PL_VARINT_MAX_BYTES 10

/* ---- writing --------------------------------------------------------------------------------- */

static inline void pl_put_long(struct pl_buffer *buffer, int64_t value)
{
    unsigned char bytes[PL_VARINT_MAX_BYTES];
    uint64_t zigzag = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    size_t len = 0;

    while (zigzag >= 0x80) {
        bytes[len++] = (unsigned char)(zigzag | 0x80);
        zigzag >>= 7;
    }
    bytes[len++] = (unsigned char)zigzag;
    pl_buffer_put(buffer, bytes, len);
}

static inline void pl_put_boolean(struct pl_buffer *buffer, bool value)
{
    pl_buffer_put_byte(buffer, value ? 1 : 0);
}

static inline void pl_put_string(struct pl_buffer *buffer, struct pl_bytes value)
{
    pl_put_long(buffer, (int64_t)value.len);
    pl_buffer_put(buffer, value.data, value.len);
}

/* A union [null, string]; an empty optional string is null (contract 3). */
static inline void pl_put_optional_string(struct pl_buffer *buffer, struct pl_bytes value)
{
    if (pl_bytes_is_empty(value)) {
        pl_put_long(buffer, 0);
        return;
    }
    pl_put_long(buffer, 1);
    pl_put_string(buffer, value);
}

/* An array is one block of count items, then the end; an empty one is just the end. */
static inline void pl_put_array_start(struct pl_buffer *buffer, size_t count)
{
    if (count > 0) {
        pl_put_long(buffer, (int64_t)count);
    }
}

static inline void pl_put_array_end(struct pl_buffer *buffer)
{
    pl_put_long(buffer, 0);
}

static inline void pl_put_names(struct pl_buffer *buffer, struct pl_names names)
{
    pl_put_array_start(buffer, names.count);
    for (size_t i = 0; i < names.count; i++) {
        pl_put_string(buffer, names.items[i]);
    }
    pl_put_array_end(buffer);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct pl_reader {
    const char *at;
    const char *end;
    bool is_bad;
};

static inline struct pl_reader pl_reader_of(struct pl_bytes bytes)
{
    return (struct pl_reader){bytes.data, bytes.data + bytes.len, false};
}

static inline size_t pl_reader_left(const struct pl_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Whole, and nothing wrong on the way. */
static inline bool pl_reader_is_done(const struct pl_reader *reader)
{
    return !reader->is_bad && reader->at == reader->end;
}

/* size raw bytes as a view; NULL once bad. */
static inline const char *pl_get_raw(struct pl_reader *reader, uint64_t size)
{
    const char *start = reader->at;

    if (reader->is_bad || size > pl_reader_left(reader)) {
        reader->is_bad = true;
        return NULL;
    }
    reader->at += size;
    return start;
}

/* A varint of at most 64 bits; 0 once bad. */
static inline int64_t pl_get_long(struct pl_reader *reader)
{
    uint64_t zigzag = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned char byte;

        if (reader->is_bad || reader->at == reader->end) {
            break;
        }
        byte = (unsigned char)*reader->at++;
        if (shift == 63 && byte > 1) {
            break;
        }
        zigzag |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return (int64_t)(zigzag >> 1) ^ -(int64_t)(zigzag & 1);
        }
    }
    reader->is_bad = true;
    return 0;
}

/* A long within [low, high]; low once bad or out of range. */
static inline int64_t pl_get_long_within(struct pl_reader *reader, int64_t low, int64_t high)
{
    int64_t value = pl_get_long(reader);

    if (reader->is_bad || value < low || value > high) {
        reader->is_bad = true;
        return low;
    }
    return value;
}

static inline bool pl_get_boolean(struct pl_reader *reader)
{
    const char *byte = pl_get_raw(reader, 1);

    if (byte == NULL || (unsigned char)*byte > 1) {
        reader->is_bad = true;
        return false;
    }
    return *byte == 1;
}

/* A view into the bytes read; empty (not null) once bad. */
static inline struct pl_bytes pl_get_string(struct pl_reader *reader)
{
    int64_t len = pl_get_long_within(reader, 0, INT64_MAX);
    const char *data = pl_get_raw(reader, (uint64_t)len);

    return data == NULL ? PL_BYTES_LITERAL("") : (struct pl_bytes){data, (size_t)len};
}

static inline int32_t pl_get_int(struct pl_reader *reader)
{
    return (int32_t)pl_get_long_within(reader, INT32_MIN, INT32_MAX);
}

/* An index into count symbols, or branches. */
static inline int pl_get_enum(struct pl_reader *reader, int count)
{
    return (int)pl_get_long_within(reader, 0, count - 1);
}

/* The branch of a union [null, T]. */
static inline bool pl_get_is_set(struct pl_reader *reader)
{
    return pl_get_enum(reader, 2) == 1;
}

/* A union [null, string]; an empty optional string is null (contract 3). */
static inline struct pl_bytes pl_get_optional_string(struct pl_reader *reader)
{
    struct pl_bytes text = pl_get_is_set(reader) ? pl_get_string(reader) : PL_NULL_BYTES;

    return pl_bytes_is_empty(text) ? PL_NULL_BYTES : text;
}

#endif
