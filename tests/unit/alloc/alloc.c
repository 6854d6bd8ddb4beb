/* Allocations that are counted, and one of them that fails. */
#include "alloc.h"

#include <stdbool.h>
#include <stdlib.h>

jmp_buf pl_alloc_exit_to;

static unsigned long count;
static unsigned long fails_at;

void pl_alloc_fail_at(unsigned long number)
{
    count = 0;
    fails_at = number;
}

unsigned long pl_alloc_count(void)
{
    return count;
}

static bool must_fail(void)
{
    return ++count == fails_at;
}

void *pl_alloc_malloc(size_t size)
{
    return must_fail() ? NULL : malloc(size);
}

void *pl_alloc_calloc(size_t items, size_t size)
{
    return must_fail() ? NULL : calloc(items, size);
}

void *pl_alloc_realloc(void *memory, size_t size)
{
    return must_fail() ? NULL : realloc(memory, size);
}

void pl_alloc_exit(int status)
{
    longjmp(pl_alloc_exit_to, status + 1);
}
