/* Reading settings from a file and from the environment. */
#include "config/source.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/secret.h"
#include "planlift/arena.h"

#define FILE_SUFFIX "_FILE"
#define NAME_BYTES 256
#define WHERE_BYTES 512

static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* ---- files ----------------------------------------------------------------------------------- */

static const char *system_reason(void)
{
    return strerror(errno); /* NOLINT(concurrency-mt-unsafe): called before there are threads */
}

/* As fopen. Nothing of what is configured may be passed over because there is no memory for it, and
 * the C library says so in the ways of files. */
static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "r");

    if (file == NULL && errno == ENOMEM) {
        pl_out_of_memory(BUFSIZ);
    }
    return file;
}

/* As getdelim. Having no memory for the file's buffer is an error of the file in glibc 2.41, and
 * was none before. */
static ssize_t read_part(char **text, size_t *size, int end, FILE *file)
{
    ssize_t len;

    errno = 0;
    len = getdelim(text, size, end, file);
    if (len < 0 && !feof(file) && (!ferror(file) || errno == ENOMEM)) {
        pl_out_of_memory(*size);
    }
    return len;
}

static char *trim(char *text)
{
    size_t len;

    while (isspace((unsigned char)*text)) {
        text++;
    }
    len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        text[--len] = '\0';
    }
    return text;
}

static enum pl_status take_line(const char *path, int number, char *line,
                                const struct pl_config_taker *taker, struct pl_error *error)
{
    char where[WHERE_BYTES];
    char *name = trim(line);
    char *equals;

    if (*name == '\0' || *name == '#') {
        return PL_OK;
    }
    (void)snprintf(where, sizeof(where), "%s:%d", path, number); /* cut to fit */
    equals = strchr(name, '=');
    if (equals == NULL) {
        return pl_fail(error, PL_BAD_DATA, "%s: not of the form key=value", where);
    }
    *equals = '\0';
    return taker->take(taker->self, trim(name), trim(equals + 1), where, error);
}

enum pl_status pl_source_file(const char *path, const struct pl_config_taker *taker,
                              struct pl_error *error)
{
    FILE *file = open_file(path);
    char *line = NULL;
    size_t size = 0;
    enum pl_status status = PL_OK;

    if (file == NULL) {
        return pl_fail(error, PL_BAD_DATA, "%s: %s", path, system_reason());
    }
    for (int number = 1; status == PL_OK && read_part(&line, &size, '\n', file) >= 0; number++) {
        status = take_line(path, number, line, taker, error);
    }
    if (status == PL_OK && ferror(file)) {
        status = pl_fail(error, PL_BAD_DATA, "%s: cannot be read", path);
    }
    free(line);
    (void)fclose(file); /* only read */
    return status;
}

/* ---- names of variables ---------------------------------------------------------------------- */

/* The letter of `to` at the place that c has in `from`; others stay. By the C locale. */
static char letter(char c, const char *from, const char *to)
{
    const char *place = c == '\0' ? NULL : strchr(from, c);

    if (place != NULL) {
        return to[place - from];
    }
    return c;
}

/* PLANLIFT_GROUP_ID, without the prefix -> group.id; two underscores stand for one. */
static void name_of_variable(const char *variable, size_t len, char name[NAME_BYTES])
{
    size_t out = 0;

    memset(name, 0, NAME_BYTES);
    for (size_t i = 0; i < len && out + 1 < NAME_BYTES; i++) {
        if (variable[i] != '_') {
            name[out++] = letter(variable[i], capitals, letters);
            continue;
        }
        name[out] = '.';
        if (i + 1 < len && variable[i + 1] == '_') {
            name[out] = '_';
            i++;
        }
        out++;
    }
}

void pl_source_variable(const char *name, char ret_variable[PL_VARIABLE_MOST])
{
    size_t len = strlen(PL_VARIABLE_PREFIX);

    memcpy(ret_variable, PL_VARIABLE_PREFIX, len);
    for (; *name != '\0' && len + 2 < PL_VARIABLE_MOST; name++) {
        ret_variable[len] = '_';
        if (*name != '.') {
            ret_variable[len] = letter(*name, letters, capitals);
        }
        len++;
        if (*name == '_') {
            ret_variable[len++] = '_';
        }
    }
    ret_variable[len] = '\0';
}

/* ---- the environment ------------------------------------------------------------------------- */

/* Kubernetes puts such variables for a Service called planlift into every pod of the namespace. */
static bool is_service_link(const char *rest)
{
    return strncmp(rest, "SERVICE_HOST=", 13) == 0 || strncmp(rest, "SERVICE_PORT", 12) == 0 ||
           strncmp(rest, "PORT=", 5) == 0 || strncmp(rest, "PORT_", 5) == 0;
}

static bool has_suffix(const char *text, size_t len, const char *suffix)
{
    size_t suffix_len = strlen(suffix);

    return len > suffix_len && memcmp(text + len - suffix_len, suffix, suffix_len) == 0;
}

static bool has_variable(const char *const *environment, const char *name, size_t len)
{
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=') {
            return true;
        }
    }
    return false;
}

/* len: of its name, the prefix and FILE_SUFFIX included. */
static enum pl_status take_file_variable(const char *const *environment, const char *variable,
                                         size_t len, const struct pl_config_taker *taker,
                                         struct pl_error *error)
{
    size_t prefix_len = strlen(PL_VARIABLE_PREFIX);
    size_t plain_len = len - strlen(FILE_SUFFIX);
    char where[NAME_BYTES];
    char name[NAME_BYTES];
    char *value = NULL;
    enum pl_status status;

    (void)snprintf(where, sizeof(where), "%.*s", (int)len, variable); /* cut to fit */
    if (has_variable(environment, variable, plain_len)) {
        return pl_fail(error, PL_BAD_DATA, "%s and %.*s are both set; keep one of them", where,
                       (int)plain_len, variable);
    }
    status = pl_secret_read_file(variable + len + 1, &value, error);
    if (status != PL_OK) {
        (void)pl_fail_at(error, status, "%s", where);
    } else {
        name_of_variable(variable + prefix_len, plain_len - prefix_len, name);
        status = taker->take(taker->self, name, value, where, error);
        pl_secret_free(value);
    }
    return status;
}

static enum pl_status take_variable(const char *const *environment, const char *variable,
                                    const struct pl_config_taker *taker, struct pl_error *error)
{
    size_t prefix_len = strlen(PL_VARIABLE_PREFIX);
    const char *equals = strchr(variable, '=');
    size_t len;
    char name[NAME_BYTES];
    char where[NAME_BYTES];

    if (equals == NULL || strncmp(variable, PL_VARIABLE_PREFIX, prefix_len) != 0 ||
        is_service_link(variable + prefix_len)) {
        return PL_OK;
    }
    len = (size_t)(equals - variable);
    if (len > prefix_len + strlen(FILE_SUFFIX) && has_suffix(variable, len, FILE_SUFFIX)) {
        return take_file_variable(environment, variable, len, taker, error);
    }
    (void)snprintf(where, sizeof(where), "%.*s", (int)len, variable); /* cut to fit */
    name_of_variable(variable + prefix_len, len - prefix_len, name);
    return taker->take(taker->self, name, equals + 1, where, error);
}

enum pl_status pl_source_environment(const char *const *environment,
                                     const struct pl_config_taker *taker, struct pl_error *error)
{
    enum pl_status status = PL_OK;

    for (size_t i = 0; status == PL_OK && environment[i] != NULL; i++) {
        status = take_variable(environment, environment[i], taker, error);
    }
    return status;
}

const char *pl_source_value_file(const char *const *environment, const char *where)
{
    size_t len = strlen(where);

    for (; has_suffix(where, len, FILE_SUFFIX) && *environment != NULL; environment++) {
        if (strncmp(*environment, where, len) == 0 && (*environment)[len] == '=') {
            return *environment + len + 1;
        }
    }
    return NULL;
}
