/* The library planlift_alloc: base, core, wire and pipeline once more, compiled so that they ask
 * here for memory (and jansson and avro-c by way of them), and leave here. */
#ifndef PL_TESTS_ALLOC_ALLOC_H
#define PL_TESTS_ALLOC_ALLOC_H

#include <setjmp.h>
#include <stddef.h>

/* From now on the allocation with this number, counted from 1, fails; 0: none does. */
void pl_alloc_fail_at(unsigned long number);

/* How many there were since. */
unsigned long pl_alloc_count(void);

/* Where _exit(status) goes to instead of ending the process, by longjmp with status + 1. What was
 * allocated is lost, as the process that it stands for would be. */
extern jmp_buf pl_alloc_exit_to;

/* What the library is compiled to call, in place of the C library's functions. */
void *pl_alloc_malloc(size_t size);
void *pl_alloc_calloc(size_t items, size_t size);
void *pl_alloc_realloc(void *memory, size_t size);
_Noreturn void pl_alloc_exit(int status);

#endif
