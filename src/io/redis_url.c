/* Taking redis.url apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/redis.h"
#include "planlift/arena.h"

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

    return found == NULL ? -1 : (int)(found - digits);
}

/* A copy of text[0..len) with %XX decoded. */
static char *decode(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    size_t out = 0;

    if (copy == NULL) {
        pl_out_of_memory(len + 1);
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && i + 2 < len && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            copy[out++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            copy[out++] = text[i];
        }
    }
    copy[out] = '\0';
    return copy;
}

static enum pl_status get_number(const char *text, int most, int *ret_number)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || number < 0 || number > most) {
        return PL_BAD_DATA;
    }
    *ret_number = (int)number;
    return PL_OK;
}

/* [user[:password]@] at the start of text; returns what follows. */
static const char *take_login(const char *text, struct pl_redis_url *url)
{
    const char *slash = strchr(text, '/');
    const char *at = NULL;
    const char *colon;

    for (const char *c = text; *c != '\0' && (slash == NULL || c < slash); c++) {
        at = *c == '@' ? c : at;
    }
    if (at == NULL) {
        return text;
    }
    colon = memchr(text, ':', (size_t)(at - text));
    if (colon == NULL) {
        url->user = decode(text, (size_t)(at - text));
    } else {
        if (colon > text) {
            url->user = decode(text, (size_t)(colon - text));
        }
        url->password = decode(colon + 1, (size_t)(at - colon - 1));
    }
    return at + 1;
}

static enum pl_status parse_tcp(const char *text, struct pl_redis_url *url, struct pl_error *error)
{
    const char *rest = take_login(text, url);
    size_t len = strcspn(rest, "/");
    char *place = decode(rest, len);
    char *colon = strrchr(place, ':');
    enum pl_status status = PL_OK;

    url->port = 6379;
    if (colon != NULL && strchr(colon, ']') == NULL) { /* not inside [an IPv6 address] */
        *colon = '\0';
        status = get_number(colon + 1, 65535, &url->port);
    }
    if (status == PL_OK && rest[len] == '/' && rest[len + 1] != '\0') {
        status = get_number(rest + len + 1, 1 << 20, &url->database);
    }
    if (place[0] == '[' && place[strlen(place) - 1] == ']') {
        url->host = decode(place + 1, strlen(place) - 2);
    } else if (place[0] != '\0') {
        url->host = decode(place, strlen(place));
    } else {
        status = PL_BAD_DATA;
    }
    free(place);
    return status == PL_OK
               ? PL_OK
               : pl_fail(error, PL_BAD_DATA, "redis.url must look like redis://host:port/db");
}

static enum pl_status parse_unix(const char *text, struct pl_redis_url *url, struct pl_error *error)
{
    const char *rest = take_login(text, url);
    size_t len = strcspn(rest, "?");

    if (rest[0] != '/' ||
        (rest[len] == '?' && (strncmp(rest + len, "?db=", 4) != 0 ||
                              get_number(rest + len + 4, 1 << 20, &url->database) != PL_OK))) {
        return pl_fail(error, PL_BAD_DATA, "redis.url must look like unix:///path/of/socket?db=0");
    }
    url->path = decode(rest, len);
    return PL_OK;
}

enum pl_status pl_redis_url_parse(const char *text, struct pl_redis_url *ret_url,
                                  struct pl_error *error)
{
    static const char tcp[] = "redis://";
    static const char local[] = "unix://";
    struct pl_redis_url url = {.host = NULL};
    enum pl_status status;

    if (strncmp(text, tcp, sizeof(tcp) - 1) == 0) {
        status = parse_tcp(text + sizeof(tcp) - 1, &url, error);
    } else if (strncmp(text, local, sizeof(local) - 1) == 0) {
        status = parse_unix(text + sizeof(local) - 1, &url, error);
    } else if (strncmp(text, "redis", 5) == 0) {
        status = pl_fail(error, PL_BAD_DATA,
                         "redis.url: this build of planlift speaks redis:// and unix:// only; TLS "
                         "(rediss://), Sentinel and Cluster are not built in");
    } else {
        status = pl_fail(error, PL_BAD_DATA, "redis.url must begin with redis:// or unix://");
    }
    if (status != PL_OK) {
        pl_redis_url_done(&url);
        return status;
    }
    *ret_url = url;
    return PL_OK;
}

void pl_redis_url_done(struct pl_redis_url *url)
{
    free(url->host);
    free(url->path);
    free(url->user);
    free(url->password);
    *url = (struct pl_redis_url){.host = NULL};
}
