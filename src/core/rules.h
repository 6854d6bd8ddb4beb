/* The rules of contract 6, asked in order. */
#ifndef PL_CORE_RULES_H
#define PL_CORE_RULES_H

#include "inquiry.h"

enum pl_scope {
    PL_SCOPE_REQUEST, /* errors 0 to 7 */
    PL_SCOPE_TARGET   /* errors 8 to 14 */
};

/* Errors found so far; without texts. */
struct pl_findings {
    struct pl_arena *arena;
    struct pl_upgrade_error *items;
    size_t count;
    size_t capacity;
    bool is_fatal;          /* no further rule is to be asked */
    struct pl_trace *trace; /* NULL: nobody wants to know how */
};

/* Ask the rules of a scope in the order of contract 6. */
void pl_rules_ask(const struct pl_inquiry *inquiry, enum pl_scope scope,
                  struct pl_findings *findings);

/* What is wrong with a request's shape (error 0), and what to do; NULL when it is well-formed. */
const char *pl_request_fault(const struct pl_request *request);

#endif
