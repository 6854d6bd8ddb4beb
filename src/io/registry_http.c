/* HTTP questions, asked with libcurl. */
#include "io/registry_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <curl/curl.h>

#include "planlift/arena.h"
#include "planlift/buffer.h"

/* Short enough for a group that is served between questions only (as Redis' limits). */
#define CONNECT_LIMIT_MS 2000L
#define ASK_LIMIT_MS 5000
#define KEPT_BYTES ((size_t)64 * 1024)
/* A schema of 1 MiB, the largest that is read, takes at most six times that in JSON's escapes. */
#define ANSWER_MOST ((size_t)8 * 1024 * 1024)
#define PATH_BYTES 1024

/* One URL of the setting. */
struct place {
    char *url;       /* without user, password and a slash at its end */
    char *user_info; /* of the URL; NULL: it has none */
};

struct pl_registry_http {
    struct pl_registry_options options;
    CURL *curl;
    struct curl_slist *headers;
    struct place *places;
    size_t place_count;
    size_t current; /* answered last */
    int limit_ms;
    struct pl_buffer body; /* of the answer */
    bool is_cut;
    char problem[CURL_ERROR_SIZE];
};

/* ---- URLs ------------------------------------------------------------------------------------ */

static char *own(const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        pl_out_of_memory(strlen(text));
    }
    return copy;
}

/* A part of a URL, owned by the caller; NULL: it has none. */
static char *get_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *found = NULL;
    char *copy;
    CURLUcode code = curl_url_get(url, part, &found, flags);

    if (code == CURLUE_OUT_OF_MEMORY) {
        pl_out_of_memory(CURL_ERROR_SIZE);
    }
    if (code != CURLUE_OK) {
        return NULL;
    }
    copy = own(found);
    curl_free(found);
    return copy;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *found = get_part(url, part, 0);

    free(found);
    return found != NULL;
}

static char *get_user_info(CURLU *url)
{
    char *user = get_part(url, CURLUPART_USER, CURLU_URLDECODE);
    char *password = get_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    char *both = NULL;

    if (user != NULL || password != NULL) {
        size_t size =
            (user == NULL ? 0 : strlen(user)) + (password == NULL ? 0 : strlen(password)) + 2;

        both = malloc(size);
        if (both == NULL) {
            pl_out_of_memory(size);
        }
        (void)snprintf(both, size, "%s:%s", user == NULL ? "" : user,
                       password == NULL ? "" : password); /* fits */
    }
    free(user);
    pl_secret_free(password);
    return both;
}

/* http://[user:password@]host[:port][/path] */
static bool parse_place(const char *text, struct place *ret_place)
{
    CURLU *url = curl_url();
    char *scheme;
    bool is_good;

    if (url == NULL) {
        pl_out_of_memory(strlen(text));
    }
    is_good = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;
    scheme = is_good ? get_part(url, CURLUPART_SCHEME, 0) : NULL;
    is_good = scheme != NULL && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
              !has_part(url, CURLUPART_QUERY) && !has_part(url, CURLUPART_FRAGMENT);
    free(scheme);
    if (is_good) {
        size_t len;

        ret_place->user_info = get_user_info(url);
        (void)curl_url_set(url, CURLUPART_USER, NULL, 0); /* taking parts off cannot fail */
        (void)curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
        ret_place->url = get_part(url, CURLUPART_URL, 0);
        len = strlen(ret_place->url);
        while (len > 0 && ret_place->url[len - 1] == '/') {
            ret_place->url[--len] = '\0';
        }
    }
    curl_url_cleanup(url);
    return is_good;
}

static enum pl_status parse_places(struct pl_registry_http *http, struct pl_error *error)
{
    char *list = own(http->options.url);
    char *rest = list;
    enum pl_status status = PL_OK;

    http->places = calloc(strlen(list) + 1, sizeof(*http->places)); /* more than enough */
    if (http->places == NULL) {
        pl_out_of_memory(strlen(list));
    }
    while (status == PL_OK && rest != NULL) {
        char *text = rest + strspn(rest, " ");
        char *comma = strchr(text, ',');

        rest = comma == NULL ? NULL : comma + 1;
        text[comma == NULL ? strlen(text) : (size_t)(comma - text)] = '\0';
        text[strcspn(text, " ")] = '\0';
        if (!parse_place(text, &http->places[http->place_count])) {
            status = pl_fail(error, PL_BAD_DATA,
                             "schema.registry.url must look like http://host:8081 or "
                             "https://host/path, or be several of that with commas between");
        } else {
            http->place_count++;
        }
    }
    pl_secret_free(list);
    return status;
}

/* ---- one question ---------------------------------------------------------------------------- */

static size_t take_bytes(char *data, size_t size, size_t count, void *self)
{
    struct pl_registry_http *http = self;

    if (http->body.len + size * count > ANSWER_MOST) {
        http->is_cut = true;
        return 0; /* ends the transfer */
    }
    pl_buffer_put(&http->body, data, size * count);
    return size * count;
}

/* Called several times a second while a question is under way. */
static int look_whether_to_stop(void *self, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct pl_registry_http *http = self;
    const struct pl_world *world = &http->options.world;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return world->ops->should_stop(world->self) ? 1 : 0;
}

static int64_t monotonic_ms(const struct pl_registry_http *http)
{
    return http->options.world.ops->monotonic_ms(http->options.world.self);
}

static enum pl_status set_login(struct pl_registry_http *http, const struct place *place,
                                struct pl_error *error)
{
    char *user_info = NULL;
    enum pl_status status = pl_secret_get(&http->options.user_info, &user_info, error);

    if (status == PL_OK) {
        (void)curl_easy_setopt(http->curl, CURLOPT_USERPWD,
                               user_info != NULL ? user_info : place->user_info);
    }
    pl_secret_free(user_info);
    return status;
}

/* What libcurl ran into. */
static enum pl_status unreachable(const struct pl_registry_http *http, CURLcode code,
                                  struct pl_error *error)
{
    const struct place *place = &http->places[http->current];
    const char *problem = http->problem[0] == '\0' ? curl_easy_strerror(code) : http->problem;

    if (code == CURLE_OUT_OF_MEMORY) {
        pl_out_of_memory(ANSWER_MOST);
    }
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return pl_fail(error, PL_AGAIN, "asked to stop while the schema registry was being asked");
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        return pl_fail(error, PL_AGAIN,
                       "the schema registry at %s shows a certificate that is not trusted: %s; "
                       "schema.registry.ssl.ca.location must hold the authority that signed it",
                       place->url, problem);
    }
    return pl_fail(error, PL_AGAIN, "the schema registry at %s cannot be asked: %s", place->url,
                   problem);
}

/* An answer, but none to the question; PL_OK: it is one. */
static enum pl_status judge(const struct pl_registry_http *http, long status,
                            struct pl_error *error)
{
    const struct place *place = &http->places[http->current];

    if (status == 401 || status == 403) {
        return pl_fail(error, PL_AGAIN,
                       "the schema registry at %s does not let us in (HTTP %ld): check "
                       "schema.registry.basic.auth.user.info and what that user may do",
                       place->url, status);
    }
    if (status >= 300 && status < 400) {
        return pl_fail(error, PL_AGAIN,
                       "the schema registry at %s has moved (HTTP %ld): set schema.registry.url to "
                       "where it is now",
                       place->url, status);
    }
    if (status < 200 || status >= 500 || status == 408 || status == 429) {
        return pl_fail(error, PL_AGAIN, "the schema registry at %s fails (HTTP %ld)", place->url,
                       status);
    }
    return PL_OK;
}

static void set_question(struct pl_registry_http *http, struct pl_bytes body, int64_t limit_ms)
{
    if (pl_bytes_is_null(body)) {
        (void)curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
    } else {
        (void)curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        (void)curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body.data); /* borrows it */
    }
    (void)curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, (long)limit_ms);
    (void)curl_easy_setopt(http->curl, CURLOPT_CONNECTTIMEOUT_MS,
                           limit_ms < CONNECT_LIMIT_MS ? (long)limit_ms : CONNECT_LIMIT_MS);
    http->body.len = 0;
    http->is_cut = false;
    http->problem[0] = '\0';
}

/* Ask the current place. */
static enum pl_status ask_place(struct pl_registry_http *http, const char *path,
                                struct pl_bytes body, int64_t limit_ms, long *ret_status,
                                struct pl_error *error)
{
    const struct place *place = &http->places[http->current];
    char url[PATH_BYTES * 2];
    CURLcode code;
    enum pl_status status = set_login(http, place, error);

    if (status != PL_OK) {
        return status;
    }
    if (snprintf(url, sizeof(url), "%s%s", place->url, path) >= (int)sizeof(url)) {
        return pl_fail(error, PL_BAD_DATA, "schema.registry.url is too long");
    }
    set_question(http, body, limit_ms);
    (void)curl_easy_setopt(http->curl, CURLOPT_URL, url);
    code = curl_easy_perform(http->curl);
    if (code != CURLE_OK && !http->is_cut) {
        return unreachable(http, code, error);
    }
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return judge(http, *ret_status, error);
}

enum pl_status pl_registry_http_ask(struct pl_registry_http *http, const char *path,
                                    struct pl_bytes body, struct pl_registry_answer *ret_answer,
                                    struct pl_error *error)
{
    int64_t deadline = monotonic_ms(http) + http->limit_ms;
    enum pl_status status = PL_AGAIN;
    long answered = 0;

    if (http->body.capacity > KEPT_BYTES) {
        pl_buffer_done(&http->body);
    }
    for (size_t left = http->place_count; left > 0; left--) {
        int64_t share = (deadline - monotonic_ms(http)) / (int64_t)left;

        status = ask_place(http, path, body, share > 1 ? share : 1, &answered, error);
        if (status != PL_AGAIN) {
            break;
        }
        http->current = (http->current + 1) % http->place_count;
    }
    if (status == PL_OK) {
        *ret_answer = (struct pl_registry_answer){
            answered,
            {http->body.data == NULL ? "" : http->body.data, http->body.len},
            http->is_cut};
    }
    return status;
}

const char *pl_registry_http_place(const struct pl_registry_http *http)
{
    return http->places[http->current].url;
}

void pl_registry_http_limit(struct pl_registry_http *http, int limit_ms)
{
    http->limit_ms = limit_ms;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void set_certificates(struct pl_registry_http *http)
{
    const char *location = http->options.ca_location;
    struct stat found;

    if (location == NULL) {
        return;
    }
    if (stat(location, &found) == 0 && S_ISDIR(found.st_mode)) {
        (void)curl_easy_setopt(http->curl, CURLOPT_CAPATH, location);
        (void)curl_easy_setopt(http->curl, CURLOPT_CAINFO, NULL);
    } else {
        (void)curl_easy_setopt(http->curl, CURLOPT_CAINFO, location);
    }
}

/* What does not change from question to question. Setting an option fails for want of memory, or
 * where libcurl is older than cmake/dependencies.cmake allows. */
static void set_up(struct pl_registry_http *http)
{
    CURL *curl = http->curl;

    http->headers = curl_slist_append(
        NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json;q=0.9");
    if (http->headers != NULL) {
        struct curl_slist *more = curl_slist_append(
            http->headers, "Content-Type: application/vnd.schemaregistry.v1+json");

        http->headers = more == NULL ? http->headers : more;
    }
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "planlift");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->problem);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_whether_to_stop);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
    set_certificates(http);
}

enum pl_status pl_registry_http_new(const struct pl_registry_options *options,
                                    struct pl_registry_http **ret_http, struct pl_error *error)
{
    struct pl_registry_http *http = calloc(1, sizeof(*http));

    if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        pl_out_of_memory(sizeof(*http));
    }
    http->options = *options;
    http->limit_ms = ASK_LIMIT_MS;
    http->curl = curl_easy_init();
    if (http->curl == NULL) {
        pl_out_of_memory(sizeof(*http));
    }
    set_up(http);
    if (parse_places(http, error) != PL_OK) {
        pl_registry_http_free(http);
        return PL_BAD_DATA;
    }
    *ret_http = http;
    return PL_OK;
}

void pl_registry_http_free(struct pl_registry_http *http)
{
    if (http == NULL) {
        return;
    }
    for (size_t i = 0; i < http->place_count; i++) {
        free(http->places[i].url);
        pl_secret_free(http->places[i].user_info);
    }
    free(http->places);
    curl_easy_cleanup(http->curl);
    curl_slist_free_all(http->headers);
    pl_buffer_done(&http->body);
    free(http);
    curl_global_cleanup();
}
