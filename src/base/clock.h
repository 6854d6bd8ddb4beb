/* Time that only goes forward, and waiting. What decides gets its time from the port (ports.h). */
#ifndef PL_BASE_CLOCK_H
#define PL_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment before. */
int64_t pl_clock_ms(void);

/* A signal may end it early. */
void pl_clock_wait(int ms);

#endif
