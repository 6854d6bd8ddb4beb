/* Sealing stored values. The check sum covers the format version, so that a garbled value is not
 * taken for a newer one, and the field name, so that a value found under another name than its own
 * is as wrong as a garbled one. The envelope is the same for all versions. */
#include "state_seal.h"

#include <xxhash.h>

#include "planlift/state.h"

/* Of what is written; the older ones are read as well. 2: progress has the catalogue's SHA-256. */
#define FORMAT_VERSION 2
#define OLDEST_VERSION 1
#define SEAL_BYTES 9 /* one of version, eight of check sum, little endian */

static uint64_t check_sum(unsigned char version, struct pl_bytes field, struct pl_bytes body)
{
    uint64_t named = XXH3_64bits_withSeed(field.data, field.len, version);

    return XXH3_64bits_withSeed(body.data, body.len, named);
}

size_t pl_seal_open(struct pl_buffer *buffer)
{
    static const char blank[SEAL_BYTES] = {FORMAT_VERSION};
    size_t position = buffer->len;

    pl_buffer_put(buffer, blank, sizeof(blank));
    return position;
}

void pl_seal_close(struct pl_buffer *buffer, size_t position, struct pl_bytes field)
{
    uint64_t sum = check_sum(FORMAT_VERSION, field, pl_buffer_since(buffer, position + SEAL_BYTES));

    for (size_t i = 1; i < SEAL_BYTES; i++) {
        buffer->data[position + i] = (char)(unsigned char)(sum & 0xff);
        sum >>= 8;
    }
}

enum pl_status pl_seal_check(struct pl_bytes field, struct pl_bytes value,
                             struct pl_reader *ret_body, struct pl_error *error)
{
    struct pl_bytes body;
    unsigned char version;
    uint64_t sum = 0;

    if (value.len < SEAL_BYTES) {
        return pl_fail(error, PL_BAD_DATA, "stored value is missing or too short (%zu bytes)",
                       value.len);
    }
    version = (unsigned char)value.data[0];
    body = (struct pl_bytes){value.data + SEAL_BYTES, value.len - SEAL_BYTES};
    for (size_t i = SEAL_BYTES - 1; i > 0; i--) {
        sum = sum << 8 | (unsigned char)value.data[i];
    }
    if (sum != check_sum(version, field, body) || version < OLDEST_VERSION) {
        return pl_fail(error, PL_BAD_DATA, "stored value is damaged: its check sum is wrong");
    }
    if (version > FORMAT_VERSION) {
        return pl_fail(error, PL_FATAL,
                       "stored state has format version %d, this planlift knows up to %d: it was "
                       "written by a newer planlift; run that version or a later one",
                       version, FORMAT_VERSION);
    }
    *ret_body = pl_reader_of(body);
    return PL_OK;
}

enum pl_status pl_state_check(struct pl_bytes field, struct pl_bytes value, struct pl_error *error)
{
    struct pl_reader body;

    return pl_seal_check(field, value, &body, error);
}
