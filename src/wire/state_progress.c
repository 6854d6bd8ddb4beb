/* Progress records and checkpoints (design I3, I4). */
#include "planlift/state.h"
#include "state_seal.h"

#define FIRST_WITH_SHA256 2 /* format version */

static void put_progress(struct pl_buffer *buffer, const struct pl_progress *progress)
{
    pl_put_string(buffer, progress->group_id);
    pl_buffer_put(buffer, progress->incarnation, sizeof(progress->incarnation));
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        pl_put_long(buffer, progress->next[input]);
    }
    pl_put_long(buffer, progress->pieces);
    pl_put_string(buffer, progress->catalogue_version);
    pl_put_string(buffer, progress->catalogue_sha256);
}

/* version: of the format. */
static void get_progress(struct pl_reader *body, unsigned version, struct pl_progress *ret_progress)
{
    const char *incarnation;

    ret_progress->group_id = pl_get_string(body);
    incarnation = pl_get_raw(body, sizeof(ret_progress->incarnation));
    if (incarnation != NULL) {
        memcpy(ret_progress->incarnation, incarnation, sizeof(ret_progress->incarnation));
    }
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        ret_progress->next[input] = pl_get_long_within(body, 0, INT64_MAX);
    }
    ret_progress->pieces = pl_get_long_within(body, 0, INT64_MAX);
    ret_progress->catalogue_version = pl_get_string(body);
    ret_progress->catalogue_sha256 =
        version < FIRST_WITH_SHA256 ? PL_BYTES_LITERAL("") : pl_get_string(body);
}

void pl_progress_encode(const struct pl_progress *progress, struct pl_buffer *buffer)
{
    size_t position = pl_seal_open(buffer);

    put_progress(buffer, progress);
    pl_seal_close(buffer, position, PL_PROGRESS_FIELD);
}

void pl_checkpoint_encode(const struct pl_checkpoint *checkpoint, struct pl_buffer *buffer)
{
    size_t position = pl_seal_open(buffer);

    pl_put_string(buffer, checkpoint->cluster_id);
    pl_put_long(buffer, checkpoint->next_offset);
    pl_put_long(buffer, checkpoint->progress_offset);
    pl_put_long(buffer, checkpoint->written_ms);
    pl_put_boolean(buffer, checkpoint->is_whole);
    put_progress(buffer, &checkpoint->progress);
    pl_seal_close(buffer, position, PL_PROGRESS_FIELD);
}

static enum pl_status check_end(const struct pl_reader *body, const char *what,
                                struct pl_error *error)
{
    if (!pl_reader_is_done(body)) {
        return pl_fail(error, PL_BAD_DATA, "%s is damaged", what);
    }
    return PL_OK;
}

enum pl_status pl_progress_decode(struct pl_bytes value, struct pl_progress *ret_progress,
                                  struct pl_error *error)
{
    struct pl_progress progress = {.pieces = 0};
    struct pl_reader body;
    enum pl_status status = pl_seal_check(PL_PROGRESS_FIELD, value, &body, error);

    if (status != PL_OK) {
        return pl_fail_at(error, status, "progress record");
    }
    get_progress(&body, pl_seal_version(value), &progress);
    status = check_end(&body, "progress record", error);
    if (status == PL_OK) {
        *ret_progress = progress;
    }
    return status;
}

enum pl_status pl_checkpoint_decode(struct pl_bytes value, struct pl_checkpoint *ret_checkpoint,
                                    struct pl_error *error)
{
    struct pl_checkpoint checkpoint = {.next_offset = 0};
    struct pl_reader body;
    enum pl_status status = pl_seal_check(PL_PROGRESS_FIELD, value, &body, error);

    if (status != PL_OK) {
        return pl_fail_at(error, status, "checkpoint");
    }
    checkpoint.cluster_id = pl_get_string(&body);
    checkpoint.next_offset = pl_get_long_within(&body, 0, INT64_MAX);
    checkpoint.progress_offset = pl_get_long_within(&body, -1, INT64_MAX);
    checkpoint.written_ms = pl_get_long(&body);
    checkpoint.is_whole = pl_get_boolean(&body);
    get_progress(&body, pl_seal_version(value), &checkpoint.progress);
    status = check_end(&body, "checkpoint", error);
    if (status == PL_OK) {
        *ret_checkpoint = checkpoint;
    }
    return status;
}
