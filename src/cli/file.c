/* Reading a whole file. */
#include "cli/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "planlift/arena.h"

static const char *system_reason(void)
{
    return strerror(errno); /* NOLINT(concurrency-mt-unsafe): called before there are threads */
}

enum pl_status pl_file_read(const char *path, struct pl_error *error, struct pl_buffer *ret_text)
{
    FILE *file = fopen(path, "rb");
    enum pl_status status = PL_OK;
    size_t count;

    if (file == NULL && errno == ENOMEM) {
        pl_out_of_memory(BUFSIZ);
    }
    if (file == NULL) {
        return pl_fail(error, PL_NOT_FOUND, "%s: cannot be opened: %s", path, system_reason());
    }
    do {
        pl_buffer_reserve(ret_text, BUFSIZ);
        count = fread(ret_text->data + ret_text->len, 1, BUFSIZ, file);
        ret_text->len += count;
    } while (count > 0);
    if (ferror(file)) {
        status = pl_fail(error, PL_NOT_FOUND, "%s: cannot be read: %s", path, system_reason());
    }
    (void)fclose(file); /* only read from */
    return status;
}
