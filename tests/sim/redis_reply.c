/* Answers of the simulated Redis. */
#include "redis_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planlift/arena.h"

static redisReply *new_reply(int type)
{
    redisReply *reply = calloc(1, sizeof(*reply));

    if (reply == NULL) {
        pl_out_of_memory(sizeof(*reply));
    }
    reply->type = type;
    return reply;
}

static redisReply *new_text(int type, const char *text, size_t len)
{
    redisReply *reply = new_reply(type);

    reply->str = malloc(len + 1);
    if (reply->str == NULL) {
        pl_out_of_memory(len);
    }
    if (len > 0) {
        memcpy(reply->str, text, len);
    }
    reply->str[len] = '\0';
    reply->len = len;
    return reply;
}

redisReply *sim_reply_integer(long long value)
{
    redisReply *reply = new_reply(REDIS_REPLY_INTEGER);

    reply->integer = value;
    return reply;
}

redisReply *sim_reply_nil(void)
{
    return new_reply(REDIS_REPLY_NIL);
}

redisReply *sim_reply_string(struct pl_bytes value)
{
    return pl_bytes_is_null(value) ? sim_reply_nil()
                                   : new_text(REDIS_REPLY_STRING, value.data, value.len);
}

redisReply *sim_reply_status(const char *text)
{
    return new_text(REDIS_REPLY_STATUS, text, strlen(text));
}

redisReply *sim_reply_error(const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    /* Cut to fit. NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it has been started */
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return new_text(REDIS_REPLY_ERROR, text, strlen(text));
}

redisReply *sim_reply_array(size_t count)
{
    redisReply *reply = new_reply(REDIS_REPLY_ARRAY);

    reply->elements = count;
    reply->element = calloc(count + 1, sizeof(struct redisReply *)); /* never of size 0 */
    if (reply->element == NULL) {
        pl_out_of_memory(count * sizeof(struct redisReply *));
    }
    return reply;
}

/* hiredis's own function; answers nest no deeper than those above. */
/* NOLINTNEXTLINE(misc-no-recursion,readability-identifier-naming) */
void freeReplyObject(void *object)
{
    redisReply *reply = object;

    if (reply == NULL) {
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        freeReplyObject(reply->element[i]);
    }
    free(reply->element);
    free(reply->str);
    free(reply);
}
