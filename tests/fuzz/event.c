/* A framed value as an event. */
#include "fuzz.h"

static enum pl_status decode(struct pl_decoder *decoder, struct pl_bytes value,
                             struct pl_arena *arena, struct pl_buffer *written,
                             struct pl_refusal *refusal, struct pl_error *error)
{
    struct pl_event event;
    enum pl_status status = pl_decode_event(decoder, value, arena, &event, refusal, error);

    if (status == PL_OK) {
        pl_event_encode(PL_FUZZ_EVENT_ID, PL_BYTES_LITERAL(""), 0, &event, written);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pl_fuzz_record record = {PL_FUZZ_EVENT_ID, pl_fuzz_own_schemas().event_json,
                                          decode};

    pl_fuzz_decode(&record, pl_fuzz_input(data, size));
    return 0;
}
