/* Bodies of planlift's own schemas into structs, read by avro-c. */
#ifndef PL_WIRE_AVRO_READ_H
#define PL_WIRE_AVRO_READ_H

#include "planlift/arena.h"
#include "planlift/bytes.h"
#include "planlift/model.h"
#include "planlift/status.h"

/* avro-c's view of one schema: made once, filled anew by every body. */
struct pl_avro_reader;

/* Errors: PL_BAD_DATA: avro-c does not accept the schema.
 * Owns: free with pl_avro_reader_free; copies the text. */
PL_MUST_CHECK enum pl_status pl_avro_reader_new(struct pl_bytes schema_json, struct pl_error *error,
                                                struct pl_avro_reader **ret_reader);
void pl_avro_reader_free(struct pl_avro_reader *reader); /* NULL is fine */

/* Read a body of the reader's schema, which must be planlift's own (pl_own_schema_parse) and the
 * body checked (pl_body_check): avro-c trusts lengths and indexes, and leaks where they are wrong.
 * All strings are copied to the arena; optional ones that are empty become null.
 * Errors: PL_BAD_DATA: avro-c finds a fault all the same. */
PL_MUST_CHECK enum pl_status pl_avro_read_event(struct pl_avro_reader *reader, struct pl_bytes body,
                                                struct pl_arena *arena, struct pl_error *error,
                                                struct pl_event *ret_event);
PL_MUST_CHECK enum pl_status pl_avro_read_request(struct pl_avro_reader *reader,
                                                  struct pl_bytes body, struct pl_arena *arena,
                                                  struct pl_error *error,
                                                  struct pl_request *ret_request);

#endif
