/* The sections that `planlift demo` prints: what was sent, and what was read back from Kafka. */
#ifndef PL_CLI_DEMO_SHOW_H
#define PL_CLI_DEMO_SHOW_H

#include <stddef.h>

#include "cli/demo/demo_story.h"
#include "cli/table.h"
#include "planlift/arena.h"
#include "planlift/codec.h"

/* A dead letter, by its headers. */
struct pl_demo_dead_letter {
    struct pl_bytes topic; /* that it lies in */
    struct pl_bytes code;
    struct pl_bytes message;
    struct pl_bytes source; /* topic/partition/offset of the record */
};

/* All that came back. */
struct pl_demo_answers {
    struct pl_result_record *results; /* in the order of partitions and offsets */
    size_t result_count;
    struct pl_demo_dead_letter *dead_letters;
    size_t dead_letter_count;
};

/* Section 1. */
void pl_demo_show_sent(const struct pl_page *page, const struct pl_demo_story *story,
                       struct pl_arena *arena);

/* Sections 2 to 7. */
void pl_demo_show_answers(const struct pl_page *page, const struct pl_demo_answers *answers,
                          struct pl_arena *arena);

#endif
