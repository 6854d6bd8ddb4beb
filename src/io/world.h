/* Time, chance and a helper thread from the operating system. */
#ifndef PL_IO_WORLD_H
#define PL_IO_WORLD_H

#include <signal.h>

#include "base/worker.h"
#include "planlift/ports.h"

/* stop: set by a signal handler, borrowed; may be NULL. worker: borrowed; NULL where nobody
 * launches anything. */
struct pl_system_world {
    const volatile sig_atomic_t *stop;
    struct pl_worker *worker;
};
struct pl_world pl_system_world_port(struct pl_system_world *world);

#endif
