/* Filling in why a record is set aside. */
#ifndef PL_WIRE_REFUSAL_H
#define PL_WIRE_REFUSAL_H

#include "planlift/compiler.h"
#include "planlift/dead_letter.h"
#include "planlift/status.h"

/* Set code and message (cut to fit, always valid UTF-8). Returns PL_BAD_DATA, for
 * `return pl_refuse(...)`. */
enum pl_status pl_refuse(struct pl_refusal *refusal, enum pl_dead_letter code, const char *format,
                         ...) PL_PRINTF(3, 4);

#endif
