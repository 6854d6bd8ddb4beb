/* sd_notify(3) without its library: datagrams of NAME=value lines to the supervisor's socket. */
#include "base/supervisor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "planlift/arena.h"
#include "planlift/log.h"

#define STATUS_BYTES 1024

struct pl_supervisor {
    int socket;
    struct sockaddr_un address;
    socklen_t address_len;
    bool was_ready;
    char status[STATUS_BYTES]; /* as last told */
};

/* False: no address of this kind. */
static bool set_address(struct pl_supervisor *supervisor, const char *text)
{
    size_t len = strlen(text);
    char *path = supervisor->address.sun_path;

    if ((text[0] != '/' && text[0] != '@') || len >= sizeof(supervisor->address.sun_path)) {
        return false;
    }
    supervisor->address.sun_family = AF_UNIX;
    memcpy(path, text, len);
    if (path[0] == '@') {
        path[0] = '\0'; /* an abstract name begins with a zero, and ends with its length */
    }
    supervisor->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

struct pl_supervisor *pl_supervisor_new(const char *address)
{
    struct pl_supervisor *supervisor;

    if (address == NULL || address[0] == '\0') {
        return NULL;
    }
    supervisor = calloc(1, sizeof(*supervisor));
    if (supervisor == NULL) {
        pl_out_of_memory(sizeof(*supervisor));
    }
    supervisor->socket = -1;
    if (set_address(supervisor, address)) {
        supervisor->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    if (supervisor->socket < 0) {
        pl_log(WARN, "supervisor_not_told", PL_F_TEXT("address", address));
        free(supervisor);
        return NULL;
    }
    return supervisor;
}

void pl_supervisor_free(struct pl_supervisor *supervisor)
{
    if (supervisor != NULL) {
        (void)close(supervisor->socket); /* nothing is left to be written */
        free(supervisor);
    }
}

/* Whether it was taken; a supervisor that is too busy for it is not waited for. */
static bool tell(const struct pl_supervisor *supervisor, const char *text)
{
    ssize_t sent = sendto(supervisor->socket, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                          (const struct sockaddr *)(const void *)&supervisor->address,
                          supervisor->address_len);

    return sent >= 0;
}

/* The lines of a health's reasons as one. */
static void join_lines(char *text)
{
    size_t len = strlen(text);

    if (len > 0 && text[len - 1] == '\n') {
        text[len - 1] = '\0';
    }
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '\n') {
            *c = ';';
        }
    }
}

static void tell_status(struct pl_supervisor *supervisor, bool is_ready, const char *reasons)
{
    const char *first_ready = is_ready && !supervisor->was_ready ? "READY=1\n" : "";
    char text[STATUS_BYTES + 32];
    char status[STATUS_BYTES];

    (void)snprintf(status, sizeof(status), "%s", is_ready ? "ready" : reasons); /* cut to fit */
    if (first_ready[0] == '\0' && strcmp(status, supervisor->status) == 0) {
        return;
    }
    (void)snprintf(text, sizeof(text), "%sSTATUS=%s", first_ready, status); /* fits */
    if (tell(supervisor, text)) {
        supervisor->was_ready = supervisor->was_ready || is_ready;
        memcpy(supervisor->status, status, sizeof(status));
    }
}

void pl_supervisor_tell_health(struct pl_supervisor *supervisor, struct pl_health *health)
{
    char reasons[STATUS_BYTES];
    bool is_ready;

    if (supervisor == NULL) {
        return;
    }
    if (pl_health_is_alive(health)) {
        (void)tell(supervisor, "WATCHDOG=1"); /* the next second brings another */
    }
    is_ready = pl_health_is_ready(health, reasons, sizeof(reasons));
    join_lines(reasons);
    tell_status(supervisor, is_ready, reasons);
}

void pl_supervisor_tell_stopping(const struct pl_supervisor *supervisor)
{
    if (supervisor != NULL) {
        (void)tell(supervisor, "STOPPING=1"); /* good to know, and no more */
    }
}
