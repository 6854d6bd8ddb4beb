/* A library to preload, for tests of how the service ends: a call of librdkafka that never returns,
 * and a termination log elsewhere, without a line of test code in the program.
 *
 * ENDING_HANG_FILE: once this file exists, rd_kafka_send_offsets_to_transaction does not come back.
 * ENDING_LOG: the file to open in place of /dev/termination-log. */
/* NOLINTNEXTLINE(readability-identifier-naming): the C library's */
#define _GNU_SOURCE /* RTLD_NEXT; before any include */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

/* ISO C has no way to make a function of what dlsym gives; POSIX says that this one works. */
static void find_next(const char *name, void *ret_function)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL) {
        abort();
    }
    memcpy(ret_function, &found, sizeof(found));
}

/* NOLINTBEGIN(readability-identifier-naming, readability-inconsistent-declaration-parameter-name):
 * the names are the libraries'. */

rd_kafka_error_t *
rd_kafka_send_offsets_to_transaction(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *offsets,
                                     const rd_kafka_consumer_group_metadata_t *cgmetadata,
                                     int timeout_ms)
{
    rd_kafka_error_t *(*next)(rd_kafka_t * rk, const rd_kafka_topic_partition_list_t *offsets,
                              const rd_kafka_consumer_group_metadata_t *cgmetadata,
                              int timeout_ms) = NULL;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets any */
    const char *file = getenv("ENDING_HANG_FILE");

    while (file != NULL && access(file, F_OK) == 0) {
        (void)pause();
    }
    find_next("rd_kafka_send_offsets_to_transaction", (void *)&next);
    return next(rk, offsets, cgmetadata, timeout_ms);
}

int open(const char *path, int flags, ...)
{
    int (*next)(const char *path, int flags, ...) = NULL;
    const char *log = getenv("ENDING_LOG"); /* NOLINT(concurrency-mt-unsafe): as above */
    mode_t mode = 0;
    va_list arguments;

    if ((flags & O_CREAT) != 0) {
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    if (log != NULL && strcmp(path, "/dev/termination-log") == 0) {
        path = log;
    }
    find_next("open", (void *)&next);
    return next(path, flags, mode);
}

/* NOLINTEND(readability-identifier-naming, readability-inconsistent-declaration-parameter-name) */
