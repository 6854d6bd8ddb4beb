/* Preloaded into a program (LD_PRELOAD): one allocation of the whole process fails, whoever asks
 * for it: planlift, the libraries it uses, or the C library on their behalf. They are counted from
 * 1 on; FAIL_MALLOC_AT is the number of the one that fails, and no other does. FAIL_MALLOC_COUNT is
 * the number of an open file to which their count is written at the end. */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The C library's own, under the names that it has for those who replace malloc. */
/* NOLINTBEGIN(readability-identifier-naming) */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
/* NOLINTEND(readability-identifier-naming) */

static atomic_ulong count;
static unsigned long fails_at; /* 0: none */

static unsigned char must_fail(void)
{
    if (atomic_fetch_add(&count, 1) + 1 != fails_at) {
        return 0;
    }
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return must_fail() ? NULL : __libc_malloc(size);
}

void *calloc(size_t nmemb, size_t size)
{
    return must_fail() ? NULL : __libc_calloc(nmemb, size);
}

void *realloc(void *ptr, size_t size)
{
    return must_fail() ? NULL : __libc_realloc(ptr, size);
}

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("FAIL_MALLOC_AT"); /* NOLINT(concurrency-mt-unsafe) */

    if (text != NULL) {
        fails_at = strtoul(text, NULL, 10);
    }
    atomic_store(&count, 0);
}

__attribute__((destructor)) static void tell(void)
{
    const char *file = getenv("FAIL_MALLOC_COUNT"); /* NOLINT(concurrency-mt-unsafe) */
    char text[32];
    int len = snprintf(text, sizeof(text), "%lu\n", atomic_load(&count));

    if (file != NULL && write((int)strtol(file, NULL, 10), text, (size_t)len) != len) {
        abort();
    }
}
