/* The rows of the table of settings, finding one, and what each may be. */
#include "config/table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST 255 /* names that are longer are like no other */

const struct pl_setting_row pl_setting_rows[PL_SETTING_COUNT] = {
#define X(key, name, kind, allowed, value, meaning)                                                \
    {name, PL_SETTING_##kind, allowed, value, meaning},
    PL_SETTINGS(X)
#undef X
};

/* Contract 8. */
const char *const pl_kafka_forced[] = {"group.id",
                                       "group.instance.id",
                                       "group.protocol",
                                       "transactional.id",
                                       "enable.idempotence",
                                       "acks",
                                       "enable.auto.commit",
                                       "enable.auto.offset.store",
                                       "auto.offset.reset",
                                       "isolation.level",
                                       "partition.assignment.strategy",
                                       "partitioner",
                                       "enable.partition.eof",
                                       NULL};

/* ---- finding --------------------------------------------------------------------------------- */

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, for a b of at most NAME_MOST. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MOST + 1] = {0};
    size_t b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            size_t above = row[j + 1];

            row[j + 1] = least_of(least_of(above, row[j]) + 1, corner + (a[i] != b[j]));
            corner = above;
        }
    }
    return row[b_len];
}

static const char *nearest_to(const char *name)
{
    const char *nearest = PL_KAFKA_PREFIX "*";
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < PL_SETTING_COUNT && strlen(name) <= NAME_MOST; i++) {
        size_t found = distance(name, pl_setting_rows[i].name);

        if (found < best) {
            best = found;
            nearest = pl_setting_rows[i].name;
        }
    }
    return nearest;
}

enum pl_status pl_setting_find(const char *name, enum pl_setting *ret_setting,
                               struct pl_error *error)
{
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        if (strcmp(name, pl_setting_rows[i].name) == 0) {
            *ret_setting = (enum pl_setting)i;
            return PL_OK;
        }
    }
    return pl_fail(error, PL_BAD_DATA, "unknown setting \"%s\"; the nearest known one is \"%s\"",
                   name, nearest_to(name));
}

/* ---- checking -------------------------------------------------------------------------------- */

/* allowed: "least to most". */
static bool is_number(const char *allowed, const char *value, int64_t *ret_number)
{
    char *end;
    long long least = strtoll(allowed, &end, 10);
    long long most = strtoll(end + strlen(" to "), NULL, 10);

    errno = 0;
    *ret_number = strtoll(value, &end, 10);
    return *value != '\0' && *end == '\0' && errno == 0 && *ret_number >= least &&
           *ret_number <= most;
}

static bool is_one_of(const char *words, const char *value)
{
    while (*words != '\0') {
        size_t len = strcspn(words, ",");

        if (strlen(value) == len && memcmp(words, value, len) == 0) {
            return true;
        }
        words += len;
        words += strspn(words, ", ");
    }
    return false;
}

enum pl_status pl_setting_check(enum pl_setting setting, const char *value, int64_t *ret_number,
                                struct pl_error *error)
{
    const struct pl_setting_row *row = &pl_setting_rows[setting];

    switch (row->kind) {
    case PL_SETTING_TEXT:
    case PL_SETTING_SECRET:
        break;
    case PL_SETTING_NAME:
        if (*value == '\0') {
            return pl_fail(error, PL_BAD_DATA, "%s is empty", row->name);
        }
        break;
    case PL_SETTING_NUMBER:
        if (!is_number(row->allowed, value, ret_number)) {
            return pl_fail(error, PL_BAD_DATA, "%s=%s: must be a whole number from %s", row->name,
                           value, row->allowed);
        }
        break;
    case PL_SETTING_ONE_OF:
        if (!is_one_of(row->allowed, value)) {
            return pl_fail(error, PL_BAD_DATA, "%s=%s: must be one of %s", row->name, value,
                           row->allowed);
        }
        break;
    }
    return PL_OK;
}
