/* A secret, and the file it comes from: that is read anew each time, so that a new password needs
 * no restart. */
#ifndef PL_BASE_SECRET_H
#define PL_BASE_SECRET_H

#include "planlift/compiler.h"
#include "planlift/status.h"

/* Borrowed texts. */
struct pl_secret {
    const char *text; /* NULL: none */
    const char *file; /* holds the present one; NULL: text is it, for ever */
};

/* The content of a file, less one trailing newline. Errors: PL_BAD_DATA with the file and the
 * reason. Owns: pl_secret_free. */
PL_MUST_CHECK enum pl_status pl_secret_read_file(const char *path, char **ret_text,
                                                 struct pl_error *error);

/* The secret as it is now, NULL where there is none. Errors: PL_AGAIN: its file cannot be read.
 * Owns: pl_secret_free. */
PL_MUST_CHECK enum pl_status pl_secret_get(const struct pl_secret *secret, char **ret_text,
                                           struct pl_error *error);

/* Wipes it before its memory is given back; NULL is fine. */
void pl_secret_free(char *text);

#endif
