/* The setting redis.url. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/redis.h"

static void check_places(const struct pl_redis_url *url)
{
    struct pl_redis_url copy = pl_redis_url_copy(url);

    ENSURE((url->place_count > 0) != (url->path != NULL));
    ENSURE(url->place_count <= 1 || url->kind != PL_REDIS_SINGLE);
    ENSURE((url->master != NULL) == (url->kind == PL_REDIS_SENTINEL));
    for (size_t i = 0; i < url->place_count; i++) {
        ENSURE(url->places[i].port > 0 && url->places[i].port <= 65535);
        ENSURE(strcmp(url->places[i].host, copy.places[i].host) == 0);
    }
    pl_redis_url_done(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes input = pl_fuzz_input(data, size);
    struct pl_bytes first = pl_fuzz_split(&input);
    char *text = calloc(1, first.len + 1);
    struct pl_redis_url url;
    struct pl_error error = {""};

    ENSURE(text != NULL);
    memcpy(text, first.data, first.len);
    if (pl_redis_url_parse(text, &url, &error) == PL_OK) {
        check_places(&url);
        ENSURE(url.database >= 0);
        pl_redis_url_done(&url);
    } else {
        ENSURE(error.text[0] != '\0');
    }
    free(text);
    return 0;
}
