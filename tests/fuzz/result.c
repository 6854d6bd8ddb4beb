/* A framed value as a result, which `planlift results` and others read. */
#include "fuzz.h"

static enum pl_status decode(struct pl_decoder *decoder, struct pl_bytes value,
                             struct pl_arena *arena, struct pl_buffer *written,
                             struct pl_refusal *refusal, struct pl_error *error)
{
    struct pl_result_record record;
    enum pl_status status = pl_decode_result(decoder, value, arena, &record, refusal, error);

    if (status == PL_OK) {
        const struct pl_result_origin origin = {.topic = PL_BYTES_LITERAL("requests")};
        const struct pl_result_limits limits = {record.result.affected_account_count + 1,
                                                SIZE_MAX / 2};
        struct pl_arena headers = PL_ARENA_INIT;
        struct pl_result_part *parts;
        size_t count;

        ENSURE(record.part >= 1 && record.part <= record.parts);
        ENSURE_WITH(pl_result_encode(PL_FUZZ_RESULT_ID, &record.result, &origin, &limits, &headers,
                                     written, &parts, &count, error) == PL_OK,
                    error->text);
        ENSURE(count == 1 && parts[0].value_len == written->len);
        pl_arena_done(&headers);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pl_fuzz_record record = {PL_FUZZ_RESULT_ID, pl_fuzz_own_schemas().result_json,
                                          decode};

    pl_fuzz_decode(&record, pl_fuzz_input(data, size));
    return 0;
}
