/* A replayed decision for people and for scripts. */
#ifndef PL_CLI_EXPLAIN_SHOW_H
#define PL_CLI_EXPLAIN_SHOW_H

#include "cli/explain/replay.h"

/* As tables. catalogue_version: of the one that the replay was decided by. */
void pl_explain_show(const struct pl_page *page, const struct pl_replay *replay,
                     struct pl_bytes catalogue_version, struct pl_arena *arena);

/* One JSON object. */
void pl_explain_write(const struct pl_replay *replay, struct pl_bytes catalogue_version,
                      struct pl_arena *arena, struct pl_buffer *buffer);

#endif
