/* SHA-256 (FIPS 180-4), by which a catalogue is told from another of the same version. */
#ifndef PL_BASE_SHA256_H
#define PL_BASE_SHA256_H

#include "planlift/bytes.h"

#define PL_SHA256_BYTES 32
#define PL_SHA256_HEX (2 * PL_SHA256_BYTES + 1) /* with the NUL */

/* As sha256sum prints it. */
void pl_sha256_hex(struct pl_bytes data, char ret_hex[PL_SHA256_HEX]);

#endif
