/* Results as they were decided: read from their records, parts put together again (contract 3). */
#ifndef PL_CLI_RESULT_JOIN_H
#define PL_CLI_RESULT_JOIN_H

#include "planlift/codec.h"

struct pl_result_join; /* one result under way for each partition */

/* Owns: free with pl_result_join_free. */
struct pl_result_join *pl_result_join_new(int32_t partition_count);
void pl_result_join_free(struct pl_result_join *join); /* NULL is fine */

/* Take the next record of a partition. *ret_result is the whole result once its last part has come,
 * valid until the next record of that partition; NULL before, and where parts are missing.
 * Errors: PL_BAD_DATA (the record is no result that can be read; it is passed over); PL_AGAIN. */
PL_MUST_CHECK enum pl_status pl_result_join_take(struct pl_result_join *join,
                                                 struct pl_decoder *decoder, int32_t partition,
                                                 struct pl_bytes value,
                                                 const struct pl_result **ret_result,
                                                 struct pl_error *error);

/* How many results were left out because parts of them are missing. */
size_t pl_result_join_broken(const struct pl_result_join *join);

#endif
