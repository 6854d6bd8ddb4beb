/* What `planlift demo` sends: two customers, their users, and what their partner asks for. */
#ifndef PL_CLI_DEMO_STORY_H
#define PL_CLI_DEMO_STORY_H

#include <stdbool.h>
#include <stddef.h>

#include "planlift/dead_letter.h"
#include "planlift/model.h"

/* What must come of a request. */
enum pl_demo_answer { PL_DEMO_RESULT, PL_DEMO_NO_RESULT, PL_DEMO_DEAD_LETTER };

struct pl_demo_request {
    struct pl_request request;
    bool is_cut; /* sent without the last bytes of its value */
    enum pl_demo_answer answer;
    enum pl_outcome outcome;     /* RESULT */
    enum pl_dead_letter refusal; /* DEAD_LETTER */
    const char *note;            /* for people */
};

struct pl_demo_story {
    const struct pl_event *facts; /* all of them come before the requests */
    size_t fact_count;
    const struct pl_demo_request *requests;
    size_t request_count;
    const char *licences; /* for people: which of the licences are special */
};

/* The one story there is, of the shipped catalogue. */
struct pl_demo_story pl_demo_story(void);

#endif
