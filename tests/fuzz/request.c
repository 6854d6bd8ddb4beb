/* A framed value as a request. */
#include "fuzz.h"

static enum pl_status decode(struct pl_decoder *decoder, struct pl_bytes value,
                             struct pl_arena *arena, struct pl_buffer *written,
                             struct pl_refusal *refusal, struct pl_error *error)
{
    struct pl_request request;
    enum pl_status status = pl_decode_request(decoder, value, arena, &request, refusal, error);

    if (status == PL_OK) {
        pl_request_encode(PL_FUZZ_REQUEST_ID, &request, written);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pl_fuzz_record record = {PL_FUZZ_REQUEST_ID, pl_fuzz_own_schemas().request_json,
                                          decode};

    pl_fuzz_decode(&record, pl_fuzz_input(data, size));
    return 0;
}
