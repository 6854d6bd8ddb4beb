/* Taking redis.url apart. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/redis.h"
#include "planlift/arena.h"

#define DATABASE_MOST (1 << 20)

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

/* Digits only: strtol would take signs and blanks as well. */
static enum pl_status get_number(const char *text, int least, int most, int *ret_number)
{
    long number = strtol(text, NULL, 10);

    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0' || number < least ||
        number > most) {
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

/* host, host:port, [IPv6 address] or [IPv6 address]:port. */
static enum pl_status take_place(const char *place, struct pl_redis_url *url)
{
    bool is_bracketed = place[0] == '[';
    const char *host = is_bracketed ? place + 1 : place;
    size_t len = strcspn(host, is_bracketed ? "]" : ":");
    const char *rest = host + len;

    if (len == 0 || strcspn(host, "?#[ ") < len || (is_bracketed && *rest == '\0')) {
        return PL_BAD_DATA;
    }
    rest += is_bracketed ? 1 : 0;
    url->host = decode(host, len);
    url->port = 6379;
    if (*rest == ':') {
        return get_number(rest + 1, 1, 65535, &url->port);
    }
    return *rest == '\0' ? PL_OK : PL_BAD_DATA;
}

static enum pl_status parse_tcp(const char *text, struct pl_redis_url *url, struct pl_error *error)
{
    const char *rest = take_login(text, url);
    size_t len = strcspn(rest, "/");
    char *place = strndup(rest, len);
    enum pl_status status;

    if (place == NULL) {
        pl_out_of_memory(len);
    }
    status = take_place(place, url);
    free(place);
    if (status == PL_OK && rest[len] == '/' && rest[len + 1] != '\0') {
        status = get_number(rest + len + 1, 0, DATABASE_MOST, &url->database);
    }
    return status == PL_OK
               ? PL_OK
               : pl_fail(error, PL_BAD_DATA, "redis.url must look like redis://host:port/db");
}

static enum pl_status parse_unix(const char *text, struct pl_redis_url *url, struct pl_error *error)
{
    const char *rest = take_login(text, url);
    size_t len = strcspn(rest, "?");

    if (rest[0] != '/' || (rest[len] == '?' && (strncmp(rest + len, "?db=", 4) != 0 ||
                                                get_number(rest + len + 4, 0, DATABASE_MOST,
                                                           &url->database) != PL_OK))) {
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

    if (strstr(text, "%00") != NULL) {
        status = pl_fail(error, PL_BAD_DATA, "redis.url must not hold %%00");
    } else if (strncmp(text, tcp, sizeof(tcp) - 1) == 0) {
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
