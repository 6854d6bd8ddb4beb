/* Taking redis.url apart. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "io/redis.h"
#include "io/redis_tls.h"
#include "planlift/arena.h"

#define DATABASE_MOST (1 << 20)
#define REDIS_PORT 6379
#define SENTINEL_PORT 26379

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
static enum pl_status take_place(const char *place, int usual_port,
                                 struct pl_redis_place *ret_place)
{
    bool is_bracketed = place[0] == '[';
    const char *host = is_bracketed ? place + 1 : place;
    size_t len = strcspn(host, is_bracketed ? "]" : ":");
    const char *rest = host + len;

    if (len == 0 || strcspn(host, "?#[ ") < len || (is_bracketed && *rest == '\0')) {
        return PL_BAD_DATA;
    }
    rest += is_bracketed ? 1 : 0;
    ret_place->host = decode(host, len);
    ret_place->port = usual_port;
    if (*rest == ':') {
        return get_number(rest + 1, 1, 65535, &ret_place->port);
    }
    return *rest == '\0' ? PL_OK : PL_BAD_DATA;
}

/* A list of them with commas between; cuts the text up. */
static enum pl_status take_places(char *text, struct pl_redis_url *url)
{
    int usual_port = url->kind == PL_REDIS_SENTINEL ? SENTINEL_PORT : REDIS_PORT;
    enum pl_status status = PL_OK;

    url->places = calloc(strlen(text) + 1, sizeof(*url->places)); /* more than enough */
    if (url->places == NULL) {
        pl_out_of_memory(strlen(text));
    }
    while (status == PL_OK && text != NULL) {
        char *comma = strchr(text, ',');

        if (comma != NULL) {
            *comma++ = '\0';
        }
        status = take_place(text, usual_port, &url->places[url->place_count++]);
        text = comma;
    }
    return status == PL_OK && (url->kind != PL_REDIS_SINGLE || url->place_count == 1) ? PL_OK
                                                                                      : PL_BAD_DATA;
}

/* What follows the places: /db, /master or /master/db. */
static enum pl_status take_path(const char *path, struct pl_redis_url *url)
{
    if (url->kind == PL_REDIS_SENTINEL) {
        size_t len = *path == '/' ? strcspn(path + 1, "/") : 0;

        if (len == 0) {
            return PL_BAD_DATA;
        }
        url->master = decode(path + 1, len);
        path += 1 + len;
    }
    if (*path == '\0' || strcmp(path, "/") == 0) {
        return PL_OK;
    }
    return get_number(path + 1, 0, url->kind == PL_REDIS_CLUSTER ? 0 : DATABASE_MOST,
                      &url->database);
}

/* name=value&name=value; cuts the text up. */
static enum pl_status take_query(char *query, struct pl_redis_url *url)
{
    while (query != NULL && *query != '\0') {
        char *next = strchr(query, '&');
        char *value = strchr(query, '=');
        char **file;

        if (next != NULL) {
            *next++ = '\0';
        }
        if (value == NULL || !url->is_tls) {
            return PL_BAD_DATA;
        }
        *value++ = '\0';
        file = strcmp(query, "cacert") == 0 ? &url->ca
               : strcmp(query, "cert") == 0 ? &url->certificate
               : strcmp(query, "key") == 0  ? &url->key
                                            : NULL;
        if (file == NULL || *file != NULL || *value == '\0') {
            return PL_BAD_DATA;
        }
        *file = decode(value, strlen(value));
        query = next;
    }
    return (url->certificate == NULL) == (url->key == NULL) ? PL_OK : PL_BAD_DATA;
}

/* places[/path][?query], on a copy that may be cut up. */
static enum pl_status take_rest(char *rest, struct pl_redis_url *url)
{
    char *query = strchr(rest, '?');
    char *path;
    enum pl_status status;

    if (query != NULL) {
        *query++ = '\0';
    }
    path = strchr(rest, '/');
    status = take_path(path == NULL ? rest + strlen(rest) : path, url);
    if (path != NULL) {
        *path = '\0';
    }
    if (status == PL_OK) {
        status = take_places(rest, url);
    }
    return status == PL_OK ? take_query(query, url) : status;
}

static enum pl_status parse_tcp(const char *text, const char *form, struct pl_redis_url *url,
                                struct pl_error *error)
{
    const char *rest = take_login(text, url);
    char *copy = strdup(rest);
    enum pl_status status;

    if (copy == NULL) {
        pl_out_of_memory(strlen(rest));
    }
    status = take_rest(copy, url);
    free(copy);
    return status == PL_OK ? PL_OK
                           : pl_fail(error, PL_BAD_DATA, "redis.url must look like %s%s", form,
                                     url->is_tls ? "[?cacert=FILE][&cert=FILE&key=FILE]" : "");
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

static const struct scheme {
    const char *start;
    enum pl_redis_kind kind;
    bool is_tls;
    const char *form;
} schemes[] = {
    {"redis://", PL_REDIS_SINGLE, false, "redis://host:port/db"},
    {"rediss://", PL_REDIS_SINGLE, true, "rediss://host:port/db"},
    {"redis+sentinel://", PL_REDIS_SENTINEL, false, "redis+sentinel://host:port,host:port/master"},
    {"rediss+sentinel://", PL_REDIS_SENTINEL, true, "rediss+sentinel://host:port,host:port/master"},
    {"redis+cluster://", PL_REDIS_CLUSTER, false, "redis+cluster://host:port,host:port"},
    {"rediss+cluster://", PL_REDIS_CLUSTER, true, "rediss+cluster://host:port,host:port"}};

static enum pl_status parse(const char *text, struct pl_redis_url *url, struct pl_error *error)
{
    static const char local[] = "unix://";

    if (strstr(text, "%00") != NULL) {
        return pl_fail(error, PL_BAD_DATA, "redis.url must not hold %%00");
    }
    if (strncmp(text, local, sizeof(local) - 1) == 0) {
        return parse_unix(text + sizeof(local) - 1, url, error);
    }
    for (size_t i = 0; i < PL_COUNT(schemes); i++) {
        size_t len = strlen(schemes[i].start);

        if (strncmp(text, schemes[i].start, len) == 0) {
            url->kind = schemes[i].kind;
            url->is_tls = schemes[i].is_tls;
            return parse_tcp(text + len, schemes[i].form, url, error);
        }
    }
    return pl_fail(error, PL_BAD_DATA,
                   "redis.url must begin with redis://, rediss://, unix://, redis+sentinel:// or "
                   "redis+cluster:// (with TLS rediss+...)");
}

enum pl_status pl_redis_url_parse(const char *text, struct pl_redis_url *ret_url,
                                  struct pl_error *error)
{
    struct pl_redis_url url = {.places = NULL};
    enum pl_status status = parse(text, &url, error);

    if (status == PL_OK && url.is_tls && !pl_redis_tls_is_built()) {
        status = pl_fail(error, PL_BAD_DATA,
                         "redis.url: this build of planlift has no TLS for Redis (rediss://): it "
                         "was made with a hiredis without it, as Debian 12's; use the image, or a "
                         "build on Debian 13, or a TLS tunnel");
    }
    if (status != PL_OK) {
        pl_redis_url_done(&url);
        return status;
    }
    *ret_url = url;
    return PL_OK;
}

static char *copy_text(const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);

    if (text != NULL && copy == NULL) {
        pl_out_of_memory(strlen(text));
    }
    return copy;
}

struct pl_redis_url pl_redis_url_copy(const struct pl_redis_url *url)
{
    struct pl_redis_url copy = *url;

    copy.places = calloc(url->place_count + 1, sizeof(*copy.places));
    if (copy.places == NULL) {
        pl_out_of_memory(url->place_count);
    }
    for (size_t i = 0; i < url->place_count; i++) {
        copy.places[i] =
            (struct pl_redis_place){copy_text(url->places[i].host), url->places[i].port};
    }
    copy.path = copy_text(url->path);
    copy.master = copy_text(url->master);
    copy.user = copy_text(url->user);
    copy.password = copy_text(url->password);
    copy.ca = copy_text(url->ca);
    copy.certificate = copy_text(url->certificate);
    copy.key = copy_text(url->key);
    return copy;
}

void pl_redis_url_done(struct pl_redis_url *url)
{
    for (size_t i = 0; i < url->place_count; i++) {
        free(url->places[i].host);
    }
    free(url->places);
    free(url->path);
    free(url->master);
    free(url->user);
    pl_secret_free(url->password);
    free(url->ca);
    free(url->certificate);
    free(url->key);
    *url = (struct pl_redis_url){.places = NULL};
}
