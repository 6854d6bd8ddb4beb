/* The supervisor that started us (systemd, or another that speaks sd_notify's protocol) is told how
 * we are: ready, alive, ending, and what is waited for. */
#ifndef PL_BASE_SUPERVISOR_H
#define PL_BASE_SUPERVISOR_H

#include "planlift/health.h"

struct pl_supervisor; /* NULL is taken for one that does not want to know */

/* address: of NOTIFY_SOCKET, a path or with @ an abstract name; NULL or "": nobody wants to know.
 * Returns NULL then, and where the address is none that can be used (which is logged). Owns: free
 * with pl_supervisor_free. */
struct pl_supervisor *pl_supervisor_new(const char *address);
void pl_supervisor_free(struct pl_supervisor *supervisor);

/* To be called every second, from one thread: WATCHDOG=1 while the loop is alive, READY=1 when it
 * is ready for the first time, STATUS= when what is waited for has changed. Never waits. */
void pl_supervisor_tell_health(struct pl_supervisor *supervisor, struct pl_health *health);

/* STOPPING=1: the end has begun. From any thread. */
void pl_supervisor_tell_stopping(const struct pl_supervisor *supervisor);

#endif
