/* The only place for compiler extensions; everything else is plain C11. */
#ifndef PL_COMPILER_H
#define PL_COMPILER_H

/* The caller must look at the returned value. */
#define PL_MUST_CHECK __attribute__((warn_unused_result))

/* printf-like: format_index and first_index count parameters from 1. */
#define PL_PRINTF(format_index, first_index)                                                       \
    __attribute__((format(printf, format_index, first_index)))

/* The function does not return. */
#define PL_NORETURN __attribute__((noreturn))

#endif
