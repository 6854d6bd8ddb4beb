/* Results printed as they come: rows of one table, or NDJSON. */
#ifndef PL_CLI_RESULT_PRINT_H
#define PL_CLI_RESULT_PRINT_H

#include "cli/session.h"

/* In place; set session and what is_. */
struct pl_result_printer {
    struct pl_session *session;
    bool is_json;
    bool is_single; /* there will be one alone: show its possible upgrades as well */
    size_t count;   /* printed so far */
};

void pl_result_print(struct pl_result_printer *printer, const struct pl_result *result);

/* No more will come. */
void pl_result_print_end(struct pl_result_printer *printer);

#endif
