/* Secrets from files. */
#include "base/secret.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planlift/arena.h"

static char *copy_text(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        pl_out_of_memory(strlen(text));
    }
    return copy;
}

/* Up to the first NUL or the end. Running out of memory shows as a failed read without an error of
 * the file's, or with ENOMEM as one (glibc 2.41). */
static enum pl_status read_all(FILE *file, const char *path, char **ret_text,
                               struct pl_error *error)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t len;

    errno = 0;
    len = getdelim(&text, &size, '\0', file);
    if (len < 0 && !feof(file) && (!ferror(file) || errno == ENOMEM)) {
        pl_out_of_memory(size);
    }
    if (len < 0) {
        free(text);
        if (ferror(file)) {
            return pl_fail(error, PL_BAD_DATA, "%s cannot be read", path);
        }
        *ret_text = copy_text(""); /* an empty file */
        return PL_OK;
    }
    if (len > 0 && text[len - 1] == '\n') {
        text[len - 1] = '\0';
    }
    *ret_text = text;
    return PL_OK;
}

enum pl_status pl_secret_read_file(const char *path, char **ret_text, struct pl_error *error)
{
    FILE *file = fopen(path, "r");
    enum pl_status status;

    if (file == NULL && errno == ENOMEM) { /* which the C library says in the ways of files */
        pl_out_of_memory(BUFSIZ);
    }
    if (file == NULL) {
        char reason[128];

        (void)strerror_r(errno, reason, sizeof(reason)); /* cut to fit */
        return pl_fail(error, PL_BAD_DATA, "%s: %s", path, reason);
    }
    status = read_all(file, path, ret_text, error);
    (void)fclose(file); /* only read */
    return status;
}

enum pl_status pl_secret_get(const struct pl_secret *secret, char **ret_text,
                             struct pl_error *error)
{
    if (secret->file != NULL) {
        return pl_secret_read_file(secret->file, ret_text, error) == PL_OK ? PL_OK : PL_AGAIN;
    }
    *ret_text = secret->text == NULL ? NULL : copy_text(secret->text);
    return PL_OK;
}

void pl_secret_free(char *text)
{
    if (text == NULL) {
        return;
    }
    for (volatile char *c = text; *c != '\0'; c++) {
        *c = '\0';
    }
    free(text);
}
