/* Scripts as Redis runs them: Lua 5.1, KEYS and ARGV, redis.call; no globals of their own, no
 * access to the outside. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "redis_server.h"

#define CALL_WORDS_MOST 8000 /* what Lua's stack holds */

struct sim_script_engine {
    lua_State *lua;
    struct pl_bytes *words; /* of the call under way */
};

/* ---- values ---------------------------------------------------------------------------------- */

static void push_field(lua_State *lua, const char *name, const char *text)
{
    lua_newtable(lua);
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, name);
}

/* As Redis does: nil becomes false, a status {ok=...}, an error {err=...}. */
static void push_reply(lua_State *lua, const redisReply *reply) /* NOLINT(misc-no-recursion) */
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        lua_pushnumber(lua, (lua_Number)reply->integer);
        return;
    case REDIS_REPLY_STRING:
        lua_pushlstring(lua, reply->str, reply->len);
        return;
    case REDIS_REPLY_STATUS:
        push_field(lua, "ok", reply->str);
        return;
    case REDIS_REPLY_ERROR:
        push_field(lua, "err", reply->str);
        return;
    case REDIS_REPLY_ARRAY:
        lua_newtable(lua);
        for (size_t i = 0; i < reply->elements; i++) {
            push_reply(lua, reply->element[i]);
            lua_rawseti(lua, -2, (int)i + 1);
        }
        return;
    default:
        lua_pushboolean(lua, 0);
        return;
    }
}

/* The text of a field of the table on top; NULL: it has none. Borrowed until the table goes. */
static const char *text_field(lua_State *lua, const char *name)
{
    const char *text;

    lua_getfield(lua, -1, name);
    text = lua_tostring(lua, -1);
    lua_pop(lua, 1);
    return text;
}

static redisReply *take_value(lua_State *lua);

/* An array up to its first nil; {ok=} and {err=} are themselves. */
static redisReply *take_table(lua_State *lua) /* NOLINT(misc-no-recursion) */
{
    const char *error = text_field(lua, "err");
    const char *status = text_field(lua, "ok");
    redisReply *reply;

    if (error != NULL) {
        return sim_reply_error("%s", error);
    }
    if (status != NULL) {
        return sim_reply_status(status);
    }
    reply = sim_reply_array(lua_objlen(lua, -1));
    for (size_t i = 0; i < reply->elements; i++) {
        lua_rawgeti(lua, -1, (int)i + 1);
        reply->element[i] = take_value(lua);
        lua_pop(lua, 1);
    }
    return reply;
}

/* What the script returns, which is on top. */
static redisReply *take_value(lua_State *lua) /* NOLINT(misc-no-recursion) */
{
    struct pl_bytes text;

    switch (lua_type(lua, -1)) {
    case LUA_TNUMBER:
        return sim_reply_integer((long long)lua_tonumber(lua, -1));
    case LUA_TSTRING:
        text.data = lua_tolstring(lua, -1, &text.len);
        return sim_reply_string(text);
    case LUA_TBOOLEAN:
        return lua_toboolean(lua, -1) ? sim_reply_integer(1) : sim_reply_nil();
    case LUA_TTABLE:
        return take_table(lua);
    default:
        return sim_reply_nil();
    }
}

/* ---- redis.call ------------------------------------------------------------------------------ */

static struct sim_server *server_of(lua_State *lua)
{
    return lua_touserdata(lua, lua_upvalueindex(1));
}

/* Its arguments as a command, and the answer on top. */
static void call_server(lua_State *lua)
{
    struct sim_server *server = server_of(lua);
    struct pl_bytes *words = server->engine->words;
    int count = lua_gettop(lua);
    redisReply *reply;

    if (count == 0 || count > CALL_WORDS_MOST) {
        (void)luaL_error(lua, "Please specify at least one argument for this redis.call() call");
    }
    for (int i = 0; i < count; i++) {
        if (lua_type(lua, i + 1) != LUA_TSTRING && lua_type(lua, i + 1) != LUA_TNUMBER) {
            (void)luaL_error(lua, "Lua redis lib command arguments must be strings or integers");
        }
        words[i].data = lua_tolstring(lua, i + 1, &words[i].len);
    }
    reply = sim_server_call(server, (struct sim_command){words, (size_t)count});
    push_reply(lua, reply);
    freeReplyObject(reply);
}

static int redis_pcall(lua_State *lua)
{
    call_server(lua);
    return 1;
}

/* An error of the command is one of the script. */
static int redis_call(lua_State *lua)
{
    call_server(lua);
    if (lua_istable(lua, -1) && text_field(lua, "err") != NULL) {
        return lua_error(lua);
    }
    return 1;
}

static int redis_error_reply(lua_State *lua)
{
    push_field(lua, "err", luaL_checkstring(lua, 1));
    return 1;
}

static int redis_status_reply(lua_State *lua)
{
    push_field(lua, "ok", luaL_checkstring(lua, 1));
    return 1;
}

/* ---- the engine ------------------------------------------------------------------------------ */

static void open_library(lua_State *lua, lua_CFunction open, const char *name)
{
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 0);
}

static void add_function(lua_State *lua, struct sim_server *server, const char *name,
                         lua_CFunction function)
{
    lua_pushlightuserdata(lua, server);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
}

/* Redis lets no script read or make a global that it does not give it. */
static const char protection[] =
    "setmetatable(_G, {\n"
    "  __newindex = function(t, name, value)\n"
    "    if name ~= 'KEYS' and name ~= 'ARGV' then\n"
    "      error('Script attempted to create global variable ' .. tostring(name), 2)\n"
    "    end\n"
    "    rawset(t, name, value)\n"
    "  end,\n"
    "  __index = function(t, name)\n"
    "    error('Script attempted to access nonexistent global variable ' .. tostring(name), 2)\n"
    "  end})\n";

static struct sim_script_engine *new_engine(struct sim_server *server)
{
    static const char *const taken[] = {"print", "dofile", "loadfile", "newproxy"};
    struct sim_script_engine *engine = pl_arena_alloc(&server->world->arena, sizeof(*engine));
    lua_State *lua = luaL_newstate();

    if (lua == NULL) {
        pl_out_of_memory(sizeof(*engine));
    }
    engine->lua = lua;
    engine->words = pl_arena_alloc(&server->world->arena, CALL_WORDS_MOST * sizeof(*engine->words));
    open_library(lua, luaopen_base, "");
    open_library(lua, luaopen_table, LUA_TABLIBNAME);
    open_library(lua, luaopen_string, LUA_STRLIBNAME);
    open_library(lua, luaopen_math, LUA_MATHLIBNAME);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        lua_pushnil(lua);
        lua_setglobal(lua, taken[i]);
    }
    lua_newtable(lua);
    add_function(lua, server, "call", redis_call);
    add_function(lua, server, "pcall", redis_pcall);
    add_function(lua, server, "error_reply", redis_error_reply);
    add_function(lua, server, "status_reply", redis_status_reply);
    lua_setglobal(lua, "redis");
    if (luaL_dostring(lua, protection) != 0) {
        abort(); /* it is ours */
    }
    return engine;
}

/* A function compiled once, kept in the registry under the script's name; it is on top then. */
static int push_function(lua_State *lua, const struct sim_script *script)
{
    int status;

    lua_getfield(lua, LUA_REGISTRYINDEX, script->sha);
    if (lua_isfunction(lua, -1)) {
        return 0;
    }
    lua_pop(lua, 1);
    status = luaL_loadbuffer(lua, script->body.data, script->body.len, "@user_script");
    if (status == 0) {
        lua_pushvalue(lua, -1);
        lua_setfield(lua, LUA_REGISTRYINDEX, script->sha);
    }
    return status;
}

static void set_list(lua_State *lua, const char *name, struct sim_command list)
{
    lua_newtable(lua);
    for (size_t i = 0; i < list.argc; i++) {
        lua_pushlstring(lua, list.argc == 0 || list.argv[i].data == NULL ? "" : list.argv[i].data,
                        list.argv[i].len);
        lua_rawseti(lua, -2, (int)i + 1);
    }
    lua_setglobal(lua, name);
}

static redisReply *take_error(lua_State *lua, const struct sim_script *script)
{
    if (lua_istable(lua, -1)) {
        return take_table(lua);
    }
    return sim_reply_error("ERR %s script: %s", lua_tostring(lua, -1), script->sha);
}

redisReply *sim_script_run(struct sim_server *server, const struct sim_script *script,
                           struct sim_command keys, struct sim_command arguments)
{
    lua_State *lua;
    redisReply *reply;

    if (server->engine == NULL) {
        server->engine = new_engine(server);
    }
    lua = server->engine->lua;
    set_list(lua, "KEYS", keys);
    set_list(lua, "ARGV", arguments);
    if (push_function(lua, script) != 0 || lua_pcall(lua, 0, 1, 0) != 0) {
        reply = take_error(lua, script);
    } else {
        reply = take_value(lua);
    }
    lua_settop(lua, 0);
    return reply;
}
