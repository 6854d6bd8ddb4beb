/* The headers of a result (contract 3): CloudEvents in binary mode, source, the request's trace. */
#ifndef PL_WIRE_RESULT_HEADERS_H
#define PL_WIRE_RESULT_HEADERS_H

#include "planlift/codec.h"

/* The headers of a result that is not split, in the arena; their values borrow from result and
 * origin. *ret_count is at most 9. */
struct pl_header *pl_result_headers(const struct pl_result *result,
                                    const struct pl_result_origin *origin, struct pl_arena *arena,
                                    size_t *ret_count);

/* The same for a part, from 1, of a result that is split: a part's number follows its ce_id. */
struct pl_header *pl_result_part_headers(const struct pl_header *whole, size_t count, size_t part,
                                         struct pl_arena *arena);

/* What pl_result_part_headers adds to the bytes. */
size_t pl_result_part_suffix_bytes(size_t part);

/* Names and values, in bytes. */
size_t pl_headers_bytes(const struct pl_header *headers, size_t count);

#endif
