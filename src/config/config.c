/* What the sources say of each setting, the last one standing, and what they must be together. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "config/source.h"
#include "planlift/arena.h"

struct pl_config {
    char *values[PL_SETTING_COUNT];  /* NULL: the default counts */
    char *origins[PL_SETTING_COUNT]; /* where each was set; NULL: nowhere */
    char *files[PL_SETTING_COUNT];   /* that hold values; NULL: none */
    int64_t numbers[PL_SETTING_COUNT];
    const char *(*kafka)[2]; /* name, value; both owned */
    char **kafka_origins;
    char **kafka_files;
    size_t kafka_count;
};

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    if (copy == NULL) {
        pl_out_of_memory(size);
    }
    return memcpy(copy, text, size);
}

/* In place of what is there. */
static void set_text(char **text, const char *value)
{
    free(*text);
    *text = copy_text(value);
}

/* ---- setting values -------------------------------------------------------------------------- */

static enum pl_status set_kafka(struct pl_config *config, const char *name, const char *value,
                                const char *where, struct pl_error *error)
{
    for (size_t i = 0; pl_kafka_forced[i] != NULL; i++) {
        if (strcmp(name, pl_kafka_forced[i]) == 0) {
            return pl_fail(error, PL_BAD_DATA,
                           "%s: " PL_KAFKA_PREFIX "%s cannot be set: exactly-once depends on it, "
                           "planlift sets it itself",
                           where, name);
        }
    }
    for (size_t i = 0; i < config->kafka_count; i++) {
        if (strcmp(config->kafka[i][0], name) == 0) {
            free((void *)(uintptr_t)config->kafka[i][1]);
            config->kafka[i][1] = copy_text(value);
            set_text(&config->kafka_origins[i], where);
            return PL_OK;
        }
    }
    config->kafka = realloc(config->kafka, (config->kafka_count + 1) * sizeof(*config->kafka));
    config->kafka_origins =
        realloc(config->kafka_origins, (config->kafka_count + 1) * sizeof(*config->kafka_origins));
    if (config->kafka == NULL || config->kafka_origins == NULL) {
        pl_out_of_memory(config->kafka_count);
    }
    config->kafka[config->kafka_count][0] = copy_text(name);
    config->kafka[config->kafka_count][1] = copy_text(value);
    config->kafka_origins[config->kafka_count] = copy_text(where);
    config->kafka_count++;
    return PL_OK;
}

static enum pl_status set_value(void *self, const char *name, const char *value, const char *where,
                                struct pl_error *error)
{
    struct pl_config *config = self;
    struct pl_error reason = {""};
    enum pl_setting setting;
    size_t prefix_len = strlen(PL_KAFKA_PREFIX);

    if (strncmp(name, PL_KAFKA_PREFIX, prefix_len) == 0 && name[prefix_len] != '\0') {
        return set_kafka(config, name + prefix_len, value, where, error);
    }
    if (pl_setting_find(name, &setting, &reason) != PL_OK) {
        return pl_fail(error, PL_BAD_DATA, "%s: %s", where, reason.text);
    }
    set_text(&config->values[setting], value);
    set_text(&config->origins[setting], where);
    return PL_OK;
}

static char *copy_file(const char *const *environment, const char *origin)
{
    const char *file = origin == NULL ? NULL : pl_source_value_file(environment, origin);

    return file == NULL ? NULL : copy_text(file);
}

/* Which values stand in files of their own. */
static void note_files(struct pl_config *config, const char *const *environment)
{
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        config->files[i] = copy_file(environment, config->origins[i]);
    }
    config->kafka_files = calloc(config->kafka_count + 1, sizeof(*config->kafka_files));
    if (config->kafka_files == NULL) {
        pl_out_of_memory(config->kafka_count);
    }
    for (size_t i = 0; i < config->kafka_count; i++) {
        config->kafka_files[i] = copy_file(environment, config->kafka_origins[i]);
    }
}

static void fix_value(struct pl_config *config, const struct pl_config_fixed *fixed)
{
    free(config->files[fixed->setting]);
    config->files[fixed->setting] = NULL;
    free(config->values[fixed->setting]);
    free(config->origins[fixed->setting]);
    config->values[fixed->setting] = fixed->value == NULL ? NULL : copy_text(fixed->value);
    config->origins[fixed->setting] = NULL;
}

/* ---- checks ---------------------------------------------------------------------------------- */

static enum pl_status check_values(struct pl_config *config, struct pl_error *error)
{
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        const char *value = pl_config_text(config, (enum pl_setting)i);
        const char *origin = config->origins[i];
        struct pl_error reason = {""};

        if (value != NULL &&
            pl_setting_check((enum pl_setting)i, value, &config->numbers[i], &reason) != PL_OK) {
            return pl_fail(error, PL_BAD_DATA, "%s%s%s", origin == NULL ? "" : origin,
                           origin == NULL ? "" : ": ", reason.text);
        }
    }
    return PL_OK;
}

/* <input topic>.dlq (contract 2). */
static bool is_dlq_of(const char *name, const char *input)
{
    size_t len = strlen(input);

    return strncmp(name, input, len) == 0 && strcmp(name + len, ".dlq") == 0;
}

/* Dead letters must not come in again, or lie among what others read. */
static enum pl_status check_dlq(const struct pl_config *config, enum pl_setting topic,
                                struct pl_error *error)
{
    static const enum pl_setting inputs[] = {PL_SETTING_TOPIC_EVENTS, PL_SETTING_TOPIC_REQUESTS};
    const char *name = pl_config_text(config, topic);

    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        if (is_dlq_of(name, pl_config_text(config, inputs[i]))) {
            return pl_fail(error, PL_BAD_DATA, "%s=%s: the dead letters of %s go there",
                           pl_config_name(topic), name, pl_config_name(inputs[i]));
        }
    }
    return PL_OK;
}

static enum pl_status check_topics(const struct pl_config *config, struct pl_error *error)
{
    static const enum pl_setting topics[] = {PL_SETTING_TOPIC_EVENTS, PL_SETTING_TOPIC_REQUESTS,
                                             PL_SETTING_TOPIC_RESULTS, PL_SETTING_TOPIC_STATE};

    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        const char *name = pl_config_text(config, topics[i]);

        if (check_dlq(config, topics[i], error) != PL_OK) {
            return PL_BAD_DATA;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(name, pl_config_text(config, topics[j])) == 0) {
                return pl_fail(error, PL_BAD_DATA, "%s and %s are the same topic",
                               pl_config_name(topics[j]), pl_config_name(topics[i]));
            }
        }
    }
    return PL_OK;
}

/* ---- loading and asking ---------------------------------------------------------------------- */

enum pl_status pl_config_load(const char *path, const char *const *environment,
                              struct pl_config **ret_config, struct pl_error *error)
{
    return pl_config_load_fixed(path, environment, NULL, 0, ret_config, error);
}

enum pl_status pl_config_load_fixed(const char *path, const char *const *environment,
                                    const struct pl_config_fixed *fixed, size_t fixed_count,
                                    struct pl_config **ret_config, struct pl_error *error)
{
    struct pl_config *config = calloc(1, sizeof(*config));
    const struct pl_config_taker taker = {set_value, config};
    enum pl_status status = PL_OK;

    if (config == NULL) {
        pl_out_of_memory(sizeof(*config));
    }
    if (path != NULL) {
        status = pl_source_file(path, &taker, error);
    }
    if (status == PL_OK) {
        status = pl_source_environment(environment, &taker, error);
    }
    if (status == PL_OK) {
        note_files(config, environment);
    }
    for (size_t i = 0; i < fixed_count; i++) {
        fix_value(config, &fixed[i]);
    }
    if (status == PL_OK) {
        status = check_values(config, error);
    }
    if (status == PL_OK) {
        status = check_topics(config, error);
    }
    if (status != PL_OK) {
        pl_config_free(config);
        return status;
    }
    *ret_config = config;
    return PL_OK;
}

void pl_config_free(struct pl_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        free(config->values[i]);
        free(config->origins[i]);
        free(config->files[i]);
    }
    for (size_t i = 0; i < config->kafka_count; i++) {
        free(config->kafka_files == NULL ? NULL : config->kafka_files[i]);
        free((void *)(uintptr_t)config->kafka[i][0]);
        free((void *)(uintptr_t)config->kafka[i][1]);
        free(config->kafka_origins[i]);
    }
    free(config->kafka);
    free(config->kafka_files);
    free(config->kafka_origins);
    free(config);
}

const char *pl_config_text(const struct pl_config *config, enum pl_setting setting)
{
    const char *value = config->values[setting];

    if (value != NULL && *value == '\0' && pl_setting_rows[setting].value == NULL) {
        return NULL; /* set to nothing is unset */
    }
    return value != NULL ? value : pl_setting_rows[setting].value;
}

int64_t pl_config_number(const struct pl_config *config, enum pl_setting setting)
{
    return config->numbers[setting];
}

size_t pl_config_kafka(const struct pl_config *config, const char *const (**ret_pairs)[2])
{
    *ret_pairs = (const char *const(*)[2])config->kafka;
    return config->kafka_count;
}

const char *pl_config_kafka_value(const struct pl_config *config, const char *name)
{
    for (size_t i = 0; i < config->kafka_count; i++) {
        if (strcmp(config->kafka[i][0], name) == 0) {
            return config->kafka[i][1];
        }
    }
    return NULL;
}

const char *pl_config_name(enum pl_setting setting)
{
    return pl_setting_rows[setting].name;
}

bool pl_config_is_secret(enum pl_setting setting)
{
    return pl_setting_rows[setting].kind == PL_SETTING_SECRET;
}

const char *pl_config_origin(const struct pl_config *config, enum pl_setting setting)
{
    return pl_config_text(config, setting) == pl_setting_rows[setting].value
               ? NULL
               : config->origins[setting];
}

const char *pl_config_kafka_origin(const struct pl_config *config, size_t index)
{
    return config->kafka_origins[index];
}

const char *pl_config_file(const struct pl_config *config, enum pl_setting setting)
{
    return config->files[setting];
}

const char *pl_config_kafka_file(const struct pl_config *config, const char *name)
{
    for (size_t i = 0; i < config->kafka_count; i++) {
        if (strcmp(config->kafka[i][0], name) == 0) {
            return config->kafka_files[i];
        }
    }
    return NULL;
}
