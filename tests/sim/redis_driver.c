/* The server of the simulated Redis as a program: tests/system/test_simulated_redis.py compares it
 * with a real one. Each line of the input is a command, its words in hexadecimal ("-" is the empty
 * one), or one of !full !read-only !well; each line of the output is an answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_server.h"

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static struct pl_bytes word_of(struct pl_arena *arena, const char *text)
{
    size_t len = strcmp(text, "-") == 0 ? 0 : strlen(text) / 2;
    char *bytes = pl_arena_alloc(arena, len + 1);

    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(digit(text[2 * i]) * 16 + digit(text[2 * i + 1]));
    }
    return (struct pl_bytes){bytes, len};
}

static struct sim_command parse(struct pl_arena *arena, char *line)
{
    size_t most = strlen(line) / 2 + 1;
    struct pl_bytes *words = pl_arena_alloc(arena, most * sizeof(*words));
    size_t count = 0;

    for (char *rest = line, *text; (text = strtok_r(rest, " \n", &rest)) != NULL;) {
        words[count++] = word_of(arena, text);
    }
    return (struct sim_command){words, count};
}

static void print_hex(const redisReply *reply)
{
    for (size_t i = 0; i < reply->len; i++) {
        (void)printf("%02x", (unsigned char)reply->str[i]);
    }
}

static void print_reply(const redisReply *reply) /* NOLINT(misc-no-recursion): one level */
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        (void)printf(":%lld", reply->integer);
        return;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS: /* redis-py does not tell the two apart */
        (void)printf("$");
        print_hex(reply);
        return;
    case REDIS_REPLY_ERROR: /* its code is what counts */
        (void)printf("!%.*s", (int)strcspn(reply->str, " "), reply->str);
        return;
    case REDIS_REPLY_ARRAY:
        (void)printf("[");
        for (size_t i = 0; i < reply->elements; i++) {
            (void)printf(" ");
            print_reply(reply->element[i]);
        }
        (void)printf(" ]");
        return;
    default:
        (void)printf("_");
        return;
    }
}

static void set_condition(struct sim_server *server, const char *line)
{
    server->is_full = strncmp(line, "!full", 5) == 0;
    server->is_read_only = strncmp(line, "!read-only", 10) == 0;
    (void)printf("+OK\n");
}

int main(void)
{
    static struct pl_fake_world world;
    static struct sim_server server;
    struct sim_session session = {.is_multi = false};
    char *line = NULL;
    size_t capacity = 0;

    pl_fake_world_init(&world, 2, 1, 1);
    sim_server_init(&server, &world, "group");
    while (getline(&line, &capacity, stdin) > 0) {
        struct sim_effect effect;
        redisReply *reply;

        if (line[0] == '!') {
            set_condition(&server, line);
        } else {
            reply = sim_server_execute(&server, &session, parse(&world.arena, line), &effect);
            print_reply(reply);
            (void)printf("\n");
            freeReplyObject(reply);
        }
        (void)fflush(stdout);
    }
    free(line);
    return 0;
}
