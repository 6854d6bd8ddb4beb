/* Where settings are read from: a file, and the environment (contract 8). */
#ifndef PL_CONFIG_SOURCE_H
#define PL_CONFIG_SOURCE_H

#include "planlift/compiler.h"
#include "planlift/status.h"

/* Who takes what is read. where: "file:line", or the name of a variable. */
struct pl_config_taker {
    enum pl_status (*take)(void *self, const char *name, const char *value, const char *where,
                           struct pl_error *error);
    void *self;
};

/* key=value lines, blank lines and # comments. Errors: PL_BAD_DATA; what the taker says. */
PL_MUST_CHECK enum pl_status pl_source_file(const char *path, const struct pl_config_taker *taker,
                                            struct pl_error *error);

/* PLANLIFT_ variables of an environment, whose entries are as in environ; those whose name ends in
 * _FILE name a file that holds the value. Errors: as above. */
PL_MUST_CHECK enum pl_status pl_source_environment(const char *const *environment,
                                                   const struct pl_config_taker *taker,
                                                   struct pl_error *error);

/* The file that a value was read from, borrowed from the environment; NULL: none, or `where` is no
 * such variable of it. */
const char *pl_source_value_file(const char *const *environment, const char *where);

#define PL_VARIABLE_PREFIX "PLANLIFT_"
#define PL_VARIABLE_MOST 256

/* group.id -> PLANLIFT_GROUP_ID; an underscore is written as two. Cut to fit. */
void pl_source_variable(const char *name, char ret_variable[PL_VARIABLE_MOST]);

#endif
