/* The embedded registry's table of contents: which file holds the schema of an id (contract 3). */
#ifndef PL_WIRE_MANIFEST_H
#define PL_WIRE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/bytes.h"
#include "planlift/status.h"

struct pl_manifest_entry {
    uint32_t id;
    struct pl_bytes file; /* relative to the manifest */
};

struct pl_manifest {
    const struct pl_manifest_entry *entries;
    size_t count;
};

/* Parse manifest.json. name: for messages. Errors: PL_BAD_DATA: not an object of decimal ids (0 to
 * 4294967295, each once) and file names. Owns: everything lives in the arena. */
PL_MUST_CHECK enum pl_status pl_manifest_parse(const char *name, struct pl_bytes text,
                                               struct pl_arena *arena, struct pl_error *error,
                                               struct pl_manifest *ret_manifest);

/* Whether a text is an Avro schema. Errors: PL_BAD_DATA: it is broken. */
PL_MUST_CHECK enum pl_status pl_manifest_check_schema(struct pl_bytes text, struct pl_error *error);

/* Whether two JSON texts say the same. */
bool pl_manifest_is_same(struct pl_bytes a, struct pl_bytes b);

#endif
