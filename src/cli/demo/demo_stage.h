/* Where the demo plays: topics, consumer group and cache entries that are its own, on the
 * configured Kafka and Redis, and gone when it ends. */
#ifndef PL_CLI_DEMO_STAGE_H
#define PL_CLI_DEMO_STAGE_H

#include <signal.h>

#include "cli/demo/demo_show.h"
#include "cli/demo/demo_story.h"
#include "cli/schemas.h"
#include "cli/settings.h"
#include "io/kafka_reader.h"
#include "io/kafka_sender.h"
#include "io/world.h"

/* In place; must not move once it is open. */
struct pl_demo_stage {
    char name[32]; /* of the group; the topics' names start with it */
    struct pl_settings settings;
    const volatile sig_atomic_t *stop; /* borrowed; set: end soon */
    struct pl_system_world system;
    struct pl_world world;
    struct pl_redis *redis;
    struct pl_kafka_reader *reader;
    bool has_topics; /* they may be there, and must go */
};

/* Load the settings under names drawn for this run. Connects to nothing.
 * Errors: PL_BAD_DATA. Owns: pl_demo_stage_close, also after an error. */
PL_MUST_CHECK enum pl_status pl_demo_stage_open(struct pl_demo_stage *stage, const char *path,
                                                bool is_verbose, const volatile sig_atomic_t *stop,
                                                struct pl_error *error);

/* Remove cache entries and topics, and close all. Errors: PL_AGAIN, PL_FATAL: something is left
 * behind, the text says what. */
PL_MUST_CHECK enum pl_status pl_demo_stage_close(struct pl_demo_stage *stage,
                                                 struct pl_error *error);

/* Where they are, without passwords. The text lives in the arena. */
struct pl_bytes pl_demo_stage_kafka(const struct pl_demo_stage *stage, struct pl_arena *arena);
struct pl_bytes pl_demo_stage_redis(const struct pl_demo_stage *stage, struct pl_arena *arena);

/* Is it there and of use? Takes some seconds where it is not.
 * Errors: PL_AGAIN (cannot be reached), PL_FATAL (is refused). */
PL_MUST_CHECK enum pl_status pl_demo_stage_check_kafka(struct pl_demo_stage *stage,
                                                       struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_demo_stage_check_redis(struct pl_demo_stage *stage,
                                                       struct pl_error *error);

/* Make the topics, and wait until they can be used. Errors: PL_AGAIN, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_demo_stage_set_up(struct pl_demo_stage *stage,
                                                  struct pl_error *error);

/* Send what the story has, and let the service take it all in: first the facts, then the requests,
 * for the two topics may be read in any order (contract 2).
 * Errors: PL_AGAIN (asked to stop), PL_BAD_DATA, PL_FENCED, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_demo_stage_play(struct pl_demo_stage *stage,
                                                const struct pl_demo_story *story,
                                                struct pl_error *error);

/* Read all results and dead letters back from Kafka into the arena. Errors: PL_AGAIN, PL_BAD_DATA
 * (a result cannot be read), PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_demo_stage_read(struct pl_demo_stage *stage, struct pl_arena *arena,
                                                struct pl_demo_answers *ret_answers,
                                                struct pl_error *error);

#endif
