/* What the fuzz targets share. A target is one LLVMFuzzerTestOneInput, which aborts where a
 * property does not hold; libFuzzer drives it, or replay.c with the files of corpus/<target>/. */
#ifndef PL_TESTS_FUZZ_FUZZ_H
#define PL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "planlift/arena.h"
#include "planlift/buffer.h"
#include "planlift/bytes.h"
#include "planlift/codec.h"
#include "planlift/compiler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop at a property that does not hold; with the text of an error, where there is one. */
#define ENSURE(condition) ((condition) ? (void)0 : pl_fuzz_stop(#condition, "", __FILE__, __LINE__))
#define ENSURE_WITH(condition, text)                                                               \
    ((condition) ? (void)0 : pl_fuzz_stop(#condition, (text), __FILE__, __LINE__))
PL_NORETURN void pl_fuzz_stop(const char *condition, const char *text, const char *file, int line);

/* The input as a view. */
static inline struct pl_bytes pl_fuzz_input(const uint8_t *data, size_t size)
{
    return size == 0 ? PL_BYTES_LITERAL("") : (struct pl_bytes){(const char *)data, size};
}

/* Take what stands before the first NUL (or all, if there is none) off an input. */
struct pl_bytes pl_fuzz_split(struct pl_bytes *input);

/* A copy of exactly that size on the heap, so that the sanitizers see a byte read too much; free it
 * with free(). */
char *pl_fuzz_copy(struct pl_bytes bytes);

bool pl_fuzz_is_same(const struct pl_buffer *a, const struct pl_buffer *b);

/* A text is there, and valid UTF-8. */
void pl_fuzz_check_text(const char *text);

/* ---- schemas and decoding -------------------------------------------------------------------- */

enum { PL_FUZZ_EVENT_ID = 1, PL_FUZZ_REQUEST_ID = 2, PL_FUZZ_RESULT_ID = 3 };

/* Planlift's own, as the files in schemas/ have them. */
struct pl_own_schemas pl_fuzz_own_schemas(void);

/* A writer's schema made of one of the own three by chance: fields moved, dropped, added, of other
 * types; symbols and branches likewise. The same seed gives the same text, in the arena. */
struct pl_bytes pl_fuzz_schema(struct pl_bytes own, uint32_t seed, struct pl_arena *arena);

/* A decoder that knows the own ids, and for every id from 256 on a schema made with it as seed from
 * `own`. The same one each time, but for a new one after many ids, as it remembers each. */
struct pl_decoder *pl_fuzz_decoder(struct pl_bytes own);

/* One of the three records: how it is read, and written under its own id. */
struct pl_fuzz_record {
    uint32_t id;
    struct pl_bytes schema;
    enum pl_status (*decode)(struct pl_decoder *decoder, struct pl_bytes value,
                             struct pl_arena *arena, struct pl_buffer *written,
                             struct pl_refusal *refusal, struct pl_error *error);
};

/* What must hold when a framed value is decoded, whatever it is; decode() reads it, and writes it
 * again under the own id if it could be read:
 * - it is refused with the code that its frame and schema allow, or it is written; what is written
 *   is read, and written again as the same bytes;
 * - avro-c reads the same in a body of the own schema;
 * - memory is bounded by a multiple of the value's size (I12). */
void pl_fuzz_decode(const struct pl_fuzz_record *record, struct pl_bytes value);

#endif
