/* Settings from a file and the environment, checked once. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "planlift/arena.h"

#define ENVIRONMENT_PREFIX "PLANLIFT_"
#define FILE_SUFFIX "_FILE"
#define KAFKA_PREFIX "kafka."
#define NAME_BYTES 256

enum kind { KIND_TEXT, KIND_NUMBER, KIND_SECRET };

struct row {
    const char *name;
    enum kind kind;
    const char *value;
    const char *meaning;
};

static const struct row rows[PL_SETTING_COUNT] = {
#define X(key, name, kind, value, meaning) {name, KIND_##kind, value, meaning},
    PL_SETTINGS(X)
#undef X
};

/* Exactly-once depends on these; planlift sets them itself (contract 8). */
static const char *const forced_kafka[] = {"group.id",
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
                                           "enable.partition.eof"};

struct pl_config {
    char *values[PL_SETTING_COUNT];  /* NULL: the default counts */
    char *origins[PL_SETTING_COUNT]; /* where each was set; NULL: nowhere */
    int64_t numbers[PL_SETTING_COUNT];
    const char *(*kafka)[2]; /* name, value; both owned */
    char **kafka_origins;
    size_t kafka_count;
};

/* ---- small tools ----------------------------------------------------------------------------- */

static const char *system_reason(void)
{
    return strerror(errno); /* NOLINT(concurrency-mt-unsafe): called before there are threads */
}

static char *copy_text(const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (copy == NULL) {
        pl_out_of_memory(len);
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

/* In place of what is there. */
static void set_text(char **text, const char *value)
{
    free(*text);
    *text = copy_text(value, strlen(value));
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, for names below NAME_BYTES. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES + 1] = {0};
    size_t b_len = strlen(b);

    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t corner = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            size_t above = row[j + 1];

            row[j + 1] = least(least(above, row[j]) + 1, corner + (a[i] != b[j]));
            corner = above;
        }
    }
    return row[b_len];
}

static enum pl_status unknown_key(const char *name, const char *where, struct pl_error *error)
{
    const char *nearest = KAFKA_PREFIX "*";
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < PL_SETTING_COUNT && strlen(name) < NAME_BYTES; i++) {
        size_t found = distance(name, rows[i].name);

        if (found < best) {
            best = found;
            nearest = rows[i].name;
        }
    }
    return pl_fail(error, PL_BAD_DATA,
                   "%s: unknown setting \"%s\"; the nearest known one is \"%s\"", where, name,
                   nearest);
}

/* ---- setting values -------------------------------------------------------------------------- */

static enum pl_status set_kafka(struct pl_config *config, const char *name, const char *value,
                                const char *where, struct pl_error *error)
{
    for (size_t i = 0; i < sizeof(forced_kafka) / sizeof(forced_kafka[0]); i++) {
        if (strcmp(name, forced_kafka[i]) == 0) {
            return pl_fail(error, PL_BAD_DATA,
                           "%s: " KAFKA_PREFIX "%s cannot be set: exactly-once depends on it, "
                           "planlift sets it itself",
                           where, name);
        }
    }
    for (size_t i = 0; i < config->kafka_count; i++) {
        if (strcmp(config->kafka[i][0], name) == 0) {
            free((void *)(uintptr_t)config->kafka[i][1]);
            config->kafka[i][1] = copy_text(value, strlen(value));
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
    config->kafka[config->kafka_count][0] = copy_text(name, strlen(name));
    config->kafka[config->kafka_count][1] = copy_text(value, strlen(value));
    config->kafka_origins[config->kafka_count] = copy_text(where, strlen(where));
    config->kafka_count++;
    return PL_OK;
}

static enum pl_status set_value(struct pl_config *config, const char *name, const char *value,
                                const char *where, struct pl_error *error)
{
    if (strncmp(name, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0 &&
        name[strlen(KAFKA_PREFIX)] != '\0') {
        return set_kafka(config, name + strlen(KAFKA_PREFIX), value, where, error);
    }
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            set_text(&config->values[i], value);
            set_text(&config->origins[i], where);
            return PL_OK;
        }
    }
    return unknown_key(name, where, error);
}

/* ---- the file -------------------------------------------------------------------------------- */

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

/* As getdelim. */
static ssize_t read_part(char **text, size_t *size, int end, FILE *file)
{
    ssize_t len = getdelim(text, size, end, file);

    if (len < 0 && !feof(file) && !ferror(file)) {
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

static enum pl_status take_line(struct pl_config *config, const char *path, int number, char *line,
                                struct pl_error *error)
{
    char where[NAME_BYTES * 2];
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
    return set_value(config, trim(name), trim(equals + 1), where, error);
}

static enum pl_status load_file(struct pl_config *config, const char *path, struct pl_error *error)
{
    FILE *file = open_file(path);
    char *line = NULL;
    size_t size = 0;
    enum pl_status status = PL_OK;

    if (file == NULL) {
        return pl_fail(error, PL_BAD_DATA, "%s: %s", path, system_reason());
    }
    for (int number = 1; status == PL_OK && read_part(&line, &size, '\n', file) >= 0; number++) {
        status = take_line(config, path, number, line, error);
    }
    if (status == PL_OK && ferror(file)) {
        status = pl_fail(error, PL_BAD_DATA, "%s: cannot be read", path);
    }
    free(line);
    (void)fclose(file); /* only read */
    return status;
}

/* ---- the environment ------------------------------------------------------------------------- */

/* Letters of a variable's name as a setting has them, by the C locale. */
static char lower(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return "abcdefghijklmnopqrstuvwxyz"[c - 'A'];
    }
    return c;
}

/* PLANLIFT_GROUP_ID -> group.id; two underscores stand for one. */
static void name_of_variable(const char *variable, size_t len, char name[NAME_BYTES])
{
    size_t out = 0;

    memset(name, 0, NAME_BYTES);
    for (size_t i = 0; i < len && out + 1 < NAME_BYTES; i++) {
        if (variable[i] != '_') {
            name[out++] = lower(variable[i]);
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

/* The content of a file, less one trailing newline. */
static enum pl_status read_secret(const char *path, const char *where, char **ret_value,
                                  struct pl_error *error)
{
    FILE *file = open_file(path);
    char *value = NULL;
    size_t size = 0;
    ssize_t len;

    if (file == NULL) {
        return pl_fail(error, PL_BAD_DATA, "%s: %s: %s", where, path, system_reason());
    }
    len = read_part(&value, &size, '\0', file);
    if (len < 0) {
        bool is_broken = ferror(file) != 0;

        free(value);
        (void)fclose(file); /* only read */
        if (is_broken) {
            return pl_fail(error, PL_BAD_DATA, "%s: %s cannot be read", where, path);
        }
        *ret_value = copy_text("", 0); /* an empty file */
        return PL_OK;
    }
    (void)fclose(file); /* only read */
    if (len > 0 && value[len - 1] == '\n') {
        value[len - 1] = '\0';
    }
    *ret_value = value;
    return PL_OK;
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

static enum pl_status take_file_variable(struct pl_config *config, const char *const *environment,
                                         const char *variable, size_t len, struct pl_error *error)
{
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
    status = read_secret(variable + len + 1, where, &value, error);
    if (status == PL_OK) {
        name_of_variable(variable + strlen(ENVIRONMENT_PREFIX),
                         plain_len - strlen(ENVIRONMENT_PREFIX), name);
        status = set_value(config, name, value, where, error);
        free(value);
    }
    return status;
}

static enum pl_status take_variable(struct pl_config *config, const char *const *environment,
                                    const char *variable, struct pl_error *error)
{
    size_t prefix_len = strlen(ENVIRONMENT_PREFIX);
    const char *equals = strchr(variable, '=');
    size_t len;
    char name[NAME_BYTES];
    char where[NAME_BYTES];

    if (equals == NULL || strncmp(variable, ENVIRONMENT_PREFIX, prefix_len) != 0 ||
        is_service_link(variable + prefix_len)) {
        return PL_OK;
    }
    len = (size_t)(equals - variable);
    if (len > prefix_len + strlen(FILE_SUFFIX) && has_suffix(variable, len, FILE_SUFFIX)) {
        return take_file_variable(config, environment, variable, len, error);
    }
    (void)snprintf(where, sizeof(where), "%.*s", (int)len, variable); /* cut to fit */
    name_of_variable(variable + prefix_len, len - prefix_len, name);
    return set_value(config, name, equals + 1, where, error);
}

/* ---- checks ---------------------------------------------------------------------------------- */

struct range {
    enum pl_setting setting;
    int64_t low, high;
};

static const struct range ranges[] = {{PL_SETTING_BATCH_MAX_RECORDS, 1, 1000000},
                                      {PL_SETTING_BATCH_MAX_WAIT_MS, 0, 60000},
                                      {PL_SETTING_RESULT_MAX_ACCOUNTS, 1, 1000000},
                                      {PL_SETTING_TOPIC_PARTITIONS, 1, 100000},
                                      {PL_SETTING_TOPIC_REPLICATION_FACTOR, -1, 32767}};

static enum pl_status check_numbers(struct pl_config *config, struct pl_error *error)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        const struct range *range = &ranges[i];
        const char *text = pl_config_text(config, range->setting);
        char *end;
        long long number;

        errno = 0;
        number = strtoll(text, &end, 10);
        if (*text == '\0' || *end != '\0' || errno != 0 || number < range->low ||
            number > range->high) {
            return pl_fail(error, PL_BAD_DATA, "%s=%s: must be a whole number from %lld to %lld",
                           rows[range->setting].name, text, (long long)range->low,
                           (long long)range->high);
        }
        config->numbers[range->setting] = number;
    }
    return PL_OK;
}

struct choice {
    enum pl_setting setting;
    const char *values; /* each between two bars */
};

static const struct choice choices[] = {
    {PL_SETTING_LOG_FORMAT, "|text|json|"},
    {PL_SETTING_LOG_LEVEL, "|debug|info|warn|error|"},
    {PL_SETTING_PARTITIONER, "|murmur2_random|consistent_random|none|"},
    {PL_SETTING_SCHEMA_REGISTRY_AUTO_REGISTER, "|true|false|"}};

static enum pl_status check_choices(const struct pl_config *config, struct pl_error *error)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        const char *text = pl_config_text(config, choices[i].setting);
        char wanted[NAME_BYTES];

        (void)snprintf(wanted, sizeof(wanted), "|%s|", text); /* a longer one is no choice */
        if (strchr(text, '|') != NULL || strstr(choices[i].values, wanted) == NULL) {
            return pl_fail(error, PL_BAD_DATA, "%s=%s: must be one of %s",
                           rows[choices[i].setting].name, text, choices[i].values);
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
                           rows[topic].name, name, rows[inputs[i]].name);
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

        if (*name == '\0') {
            return pl_fail(error, PL_BAD_DATA, "%s is empty", rows[topics[i]].name);
        }
        if (check_dlq(config, topics[i], error) != PL_OK) {
            return PL_BAD_DATA;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(name, pl_config_text(config, topics[j])) == 0) {
                return pl_fail(error, PL_BAD_DATA, "%s and %s are the same topic",
                               rows[topics[j]].name, rows[topics[i]].name);
            }
        }
    }
    if (*pl_config_text(config, PL_SETTING_GROUP_ID) == '\0') {
        return pl_fail(error, PL_BAD_DATA, "group.id is empty");
    }
    return PL_OK;
}

/* ---- loading and asking ---------------------------------------------------------------------- */

static void fix_value(struct pl_config *config, const struct pl_config_fixed *fixed)
{
    free(config->values[fixed->setting]);
    config->values[fixed->setting] =
        fixed->value == NULL ? NULL : copy_text(fixed->value, strlen(fixed->value));
}

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
    enum pl_status status = PL_OK;

    if (config == NULL) {
        pl_out_of_memory(sizeof(*config));
    }
    if (path != NULL) {
        status = load_file(config, path, error);
    }
    for (size_t i = 0; status == PL_OK && environment[i] != NULL; i++) {
        status = take_variable(config, environment, environment[i], error);
    }
    for (size_t i = 0; i < fixed_count; i++) {
        fix_value(config, &fixed[i]);
    }
    if (status == PL_OK) {
        status = check_numbers(config, error);
    }
    if (status == PL_OK) {
        status = check_choices(config, error);
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
    }
    for (size_t i = 0; i < config->kafka_count; i++) {
        free((void *)(uintptr_t)config->kafka[i][0]);
        free((void *)(uintptr_t)config->kafka[i][1]);
        free(config->kafka_origins[i]);
    }
    free(config->kafka);
    free(config->kafka_origins);
    free(config);
}

const char *pl_config_text(const struct pl_config *config, enum pl_setting setting)
{
    const char *value = config->values[setting];

    if (value != NULL && *value == '\0' && rows[setting].value == NULL) {
        return NULL; /* set to nothing is unset */
    }
    return value != NULL ? value : rows[setting].value;
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
    return rows[setting].name;
}

bool pl_config_is_secret(enum pl_setting setting)
{
    return rows[setting].kind == KIND_SECRET;
}

const char *pl_config_origin(const struct pl_config *config, enum pl_setting setting)
{
    return pl_config_text(config, setting) == rows[setting].value ? NULL : config->origins[setting];
}

const char *pl_config_kafka_origin(const struct pl_config *config, size_t index)
{
    return config->kafka_origins[index];
}

void pl_config_help(FILE *out)
{
    (void)fprintf(out, "Settings (key=value lines of --config FILE; or environment variables such "
                       "as PLANLIFT_GROUP_ID,\nwhich win, or PLANLIFT_REDIS_PASSWORD_FILE for a "
                       "file that holds the value):\n");
    (void)fprintf(out, "  kafka.*\n      any setting of librdkafka, for example "
                       "kafka.bootstrap.servers [localhost:9092]\n");
    for (size_t i = 0; i < PL_SETTING_COUNT; i++) {
        (void)fprintf(out, "  %s%s%s%s\n      %s\n", rows[i].name,
                      rows[i].value == NULL ? "" : " [", rows[i].value == NULL ? "" : rows[i].value,
                      rows[i].value == NULL ? "" : "]", rows[i].meaning);
    }
}
