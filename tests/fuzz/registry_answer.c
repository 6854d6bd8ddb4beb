/* Answers of a schema registry, each read as all that it could be an answer to. */
#include "wire/registry_answer.h"

#include <stdlib.h>

#include "fuzz.h"
#include "wire/schema_tree.h"

static void check_status(enum pl_status status, const struct pl_error *error)
{
    ENSURE(status == PL_OK || status == PL_AGAIN || status == PL_BAD_DATA);
    if (status != PL_OK) {
        pl_fuzz_check_text(error->text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes input = pl_fuzz_input(data, size);
    char *copy = pl_fuzz_copy(input);
    struct pl_bytes answer = {copy, size};
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_registry_refusal refusal;
    struct pl_registry_schema schema;
    struct pl_error error = {""};
    const struct pl_avro_type *type;
    int64_t *versions;
    size_t count;
    uint32_t id;
    enum pl_status status;

    status = pl_registry_read_schema(answer, &arena, &schema, &error);
    check_status(status, &error);
    if (status == PL_OK) {
        check_status(pl_schema_parse(schema.json, &arena, &error, &type), &error);
    }
    check_status(pl_registry_read_id(answer, &id, &error), &error);
    check_status(pl_registry_read_versions(answer, &arena, &versions, &count, &error), &error);
    check_status(pl_registry_read_refusal(answer, &arena, &refusal, &error), &error);
    ENSURE(arena.used_bytes <= 64 * size + 65536 || status != PL_OK);
    pl_arena_done(&arena);
    free(copy);
    return 0;
}
