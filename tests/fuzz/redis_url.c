/* The setting redis.url. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/redis.h"

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
        ENSURE((url.host != NULL) != (url.path != NULL));
        ENSURE(url.host == NULL || (url.port > 0 && url.port <= 65535));
        ENSURE(url.database >= 0);
        pl_redis_url_done(&url);
    } else {
        ENSURE(error.text[0] != '\0');
    }
    free(text);
    return 0;
}
