/* The envelope of every stored value: format version, check sum, body. */
#ifndef PL_WIRE_STATE_SEAL_H
#define PL_WIRE_STATE_SEAL_H

#include "avro_binary.h"
#include "planlift/buffer.h"
#include "planlift/status.h"

/* Reserve the envelope; returns its position, for pl_seal_close. */
size_t pl_seal_open(struct pl_buffer *buffer);

/* Fill in version and check sum for the body appended since. */
void pl_seal_close(struct pl_buffer *buffer, size_t position, struct pl_bytes field);

/* The format version of a value that was checked. */
static inline unsigned pl_seal_version(struct pl_bytes value)
{
    return (unsigned char)value.data[0];
}

/* Check the envelope and give a reader for the body.
 * Errors: PL_BAD_DATA (null, too short, wrong check sum), PL_FATAL (newer format version). */
PL_MUST_CHECK enum pl_status pl_seal_check(struct pl_bytes field, struct pl_bytes value,
                                           struct pl_reader *ret_body, struct pl_error *error);

#endif
