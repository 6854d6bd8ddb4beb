/* The configuration file, a NUL, and environment variables with a NUL behind each. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"

#define MOST_VARIABLES 16

/* One file for all inputs, as the process itself sees it. */
static const char *write_file(struct pl_bytes text)
{
    static char path[64];
    static FILE *file; /* a target is one thread, and never ends by itself */

    if (file == NULL) {
        file = tmpfile();
        ENSURE(file != NULL);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(file));
    }
    rewind(file);
    ENSURE(ftruncate(fileno(file), 0) == 0);
    ENSURE(fwrite(text.data, 1, text.len, file) == text.len && fflush(file) == 0);
    return path;
}

/* A variable that names a file would have one of this machine read. */
static bool is_allowed(struct pl_bytes variable)
{
    const char *equals = variable.len == 0 ? NULL : memchr(variable.data, '=', variable.len);
    size_t len = equals == NULL ? 0 : (size_t)(equals - variable.data);

    return len < 5 || memcmp(variable.data + len - 5, "_FILE", 5) != 0;
}

static void check(const struct pl_config *config)
{
    const char *const(*pairs)[2];
    size_t count = pl_config_kafka(config, &pairs);

    for (int i = 0; i < PL_SETTING_COUNT; i++) {
        (void)pl_config_text(config, (enum pl_setting)i);
    }
    ENSURE(pl_config_number(config, PL_SETTING_BATCH_MAX_RECORDS) >= 1);
    for (size_t i = 0; i < count; i++) {
        ENSURE(pl_config_kafka_value(config, pairs[i][0]) == pairs[i][1]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes rest = pl_fuzz_input(data, size);
    const char *path = write_file(pl_fuzz_split(&rest));
    const char *environment[MOST_VARIABLES + 1] = {NULL};
    struct pl_arena arena = PL_ARENA_INIT;
    struct pl_config *config = NULL;
    struct pl_error error = {""};
    size_t count = 0;

    while (rest.len > 0 && count < MOST_VARIABLES) {
        struct pl_bytes variable = pl_fuzz_split(&rest);

        if (is_allowed(variable)) {
            environment[count++] =
                pl_arena_format(&arena, "%.*s", (int)variable.len, variable.data).data;
        }
    }
    if (pl_config_load(path, environment, &config, &error) == PL_OK) {
        check(config);
    } else {
        ENSURE(config == NULL && error.text[0] != '\0');
    }
    pl_config_free(config);
    pl_arena_done(&arena);
    return 0;
}
