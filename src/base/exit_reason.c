/* The last words of a service that fails. Nothing here but calls that a signal handler may make. */
#include "planlift/exit_reason.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 64
#define TELL_WAIT_MS 2000

/* "exit_reason=<word>\n"; a longer word is cut. */
static size_t put_line(char line[LINE_BYTES], const char *word)
{
    static const char prefix[] = "exit_reason=";
    size_t len = sizeof(prefix) - 1;

    memcpy(line, prefix, len);
    for (; *word != '\0' && len < LINE_BYTES - 1; word++) {
        line[len++] = *word;
    }
    line[len++] = '\n';
    return len;
}

bool pl_exit_can_tell(int timeout_ms)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&out, 1, timeout_ms) == 1 && (out.revents & POLLOUT) != 0;
}

void pl_exit_reason_tell_to(const char *word, const char *termination_log)
{
    char line[LINE_BYTES];
    size_t len = put_line(line, word);
    int file = open(termination_log, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    /* What cannot be written is nobody's to hear: the process ends in any case. */
    if (file >= 0) {
        ssize_t written = write(file, line, len);

        (void)written;
        (void)close(file);
    }
    if (pl_exit_can_tell(TELL_WAIT_MS)) {
        ssize_t written = write(STDERR_FILENO, line, len);

        (void)written;
    }
}

void pl_exit_reason_tell(const char *word)
{
    pl_exit_reason_tell_to(word, PL_TERMINATION_LOG);
}
