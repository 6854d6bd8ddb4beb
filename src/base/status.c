/* Status names and error texts. */
#include "planlift/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *pl_status_name(enum pl_status status)
{
    switch (status) {
    case PL_OK:
        return "ok";
    case PL_AGAIN:
        return "again";
    case PL_NOT_FOUND:
        return "not_found";
    case PL_BAD_DATA:
        return "bad_data";
    case PL_ABORT:
        return "abort";
    case PL_FENCED:
        return "fenced";
    case PL_FATAL:
        return "fatal";
    }
    return "unknown";
}

enum pl_status pl_fail(struct pl_error *error, enum pl_status status, const char *format, ...)
{
    va_list arguments;

    if (error == NULL) {
        return status;
    }
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments); /* cut to fit */
    va_end(arguments);
    return status;
}

enum pl_status pl_fail_at(struct pl_error *error, enum pl_status status, const char *format, ...)
{
    struct pl_error inner;
    va_list arguments;
    size_t used;

    if (error == NULL) {
        return status;
    }
    inner = *error;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments); /* cut to fit */
    va_end(arguments);
    used = strlen(error->text);
    (void)snprintf(error->text + used, sizeof(error->text) - used, ": %s", inner.text);
    return status;
}
