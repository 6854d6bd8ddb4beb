/* What an error reply of Redis means to who runs planlift. */
#ifndef PL_IO_REDIS_REPLY_H
#define PL_IO_REDIS_REPLY_H

#include "planlift/status.h"

/* Puts into error what an error reply (as Redis sent it, without the leading '-') means and what
 * to do. place: where the Redis is. Shows nothing of what was asked, which may be a secret or
 * somebody's data (I14). Returns PL_NOT_FOUND if the command is forbidden or not there, PL_BAD_DATA
 * if the key holds what planlift did not write, else PL_AGAIN. */
enum pl_status pl_redis_explain(const char *reply, const char *place, struct pl_error *error);

#endif
