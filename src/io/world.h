/* Time and chance from the operating system. */
#ifndef PL_IO_WORLD_H
#define PL_IO_WORLD_H

#include <signal.h>

#include "planlift/ports.h"

/* stop: set by a signal handler, borrowed; may be NULL. */
struct pl_system_world {
    const volatile sig_atomic_t *stop;
};
struct pl_world pl_system_world_port(struct pl_system_world *world);

#endif
