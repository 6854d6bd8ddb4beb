/* Answers of the simulated Redis, in hiredis's own struct. */
#ifndef PL_TESTS_SIM_REDIS_REPLY_H
#define PL_TESTS_SIM_REDIS_REPLY_H

#include <stddef.h>

#include <hiredis/hiredis.h>

#include "planlift/bytes.h"
#include "planlift/compiler.h"

/* Each is owned by the caller (freeReplyObject). */
redisReply *sim_reply_integer(long long value);
redisReply *sim_reply_nil(void);
redisReply *sim_reply_string(struct pl_bytes value); /* null: nil */
redisReply *sim_reply_status(const char *text);
redisReply *sim_reply_error(const char *format, ...) PL_PRINTF(1, 2);

/* Elements are to be put in by the caller, all of them. */
redisReply *sim_reply_array(size_t count);

#endif
