/* Writers' schemas made by chance from one of planlift's own: most of them can be read as it, some
 * with a few records that cannot, some not at all. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "fuzz.h"

struct maker {
    uint32_t state;
    unsigned name_count;
    json_t *(*change)(struct maker *maker, json_t *type); /* as a pointer: it calls itself */
};

/* Below bound. */
static uint32_t choose(struct maker *maker, uint32_t bound)
{
    maker->state ^= maker->state << 13;
    maker->state ^= maker->state >> 17;
    maker->state ^= maker->state << 5;
    return maker->state % bound;
}

/* One time in so many. */
static bool happens(struct maker *maker, uint32_t in)
{
    return choose(maker, in) == 0;
}

static json_t *new_name(struct maker *maker)
{
    return json_sprintf("N%u", ++maker->name_count);
}

/* ---- types that planlift does not have ------------------------------------------------------- */

static json_t *new_type(struct maker *maker)
{
    static const char *const primitives[] = {"null",  "boolean", "int",   "long",
                                             "float", "double",  "bytes", "string"};
    json_t *inner = json_string(primitives[choose(maker, 8)]);

    for (unsigned depth = choose(maker, 4); depth > 0; depth--) {
        switch (choose(maker, 5)) {
        case 0:
            inner = json_pack("{s:s,s:o}", "type", "array", "items", inner);
            break;
        case 1:
            inner = json_pack("{s:s,s:o}", "type", "map", "values", inner);
            break;
        case 2:
            inner = json_pack("{s:s,s:o,s:[{s:s,s:o},{s:s,s:s}]}", "type", "record", "name",
                              new_name(maker), "fields", "name", "a", "type", inner, "name", "b",
                              "type", primitives[choose(maker, 8)]);
            break;
        case 3:
            json_decref(inner);
            inner = json_pack("{s:s,s:o,s:[s,s]}", "type", "enum", "name", new_name(maker),
                              "symbols", "A", "B");
            break;
        default:
            json_decref(inner);
            inner = json_pack("{s:s,s:o,s:i}", "type", "fixed", "name", new_name(maker), "size",
                              (int)choose(maker, 5));
            break;
        }
    }
    return inner;
}

/* ---- changes --------------------------------------------------------------------------------- */

static void shuffle(struct maker *maker, json_t *list)
{
    for (size_t i = json_array_size(list); i > 1; i--) {
        size_t other = choose(maker, (uint32_t)i);
        json_t *a = json_incref(json_array_get(list, i - 1));
        json_t *b = json_incref(json_array_get(list, other));

        (void)json_array_set_new(list, i - 1, b);
        (void)json_array_set_new(list, other, a);
    }
}

/* Elements leave, come and change places; a new one is `fresh`, which is taken. */
static void disturb(struct maker *maker, json_t *list, json_t *fresh)
{
    if (happens(maker, 4)) {
        shuffle(maker, list);
    }
    if (happens(maker, 4) && json_array_size(list) > 0) {
        (void)json_array_remove(list, choose(maker, (uint32_t)json_array_size(list)));
    }
    if (happens(maker, 3)) {
        size_t place = choose(maker, (uint32_t)json_array_size(list) + 1);

        (void)json_array_insert(list, place, fresh);
    }
    json_decref(fresh);
}

static json_t *change_fields(struct maker *maker, json_t *record)
{
    json_t *fields = json_object_get(record, "fields");
    size_t i;
    json_t *field;

    json_array_foreach(fields, i, field)
    {
        json_t *type = json_object_get(field, "type");

        (void)json_object_set_new(field, "type", maker->change(maker, type));
    }
    disturb(maker, fields,
            json_pack("{s:o,s:o}", "name", new_name(maker), "type", new_type(maker)));
    return json_incref(record);
}

static json_t *change_union(struct maker *maker, json_t *list)
{
    json_t *changed = json_array();
    size_t i;
    json_t *branch;

    if (happens(maker, 8)) {
        json_decref(changed);
        branch = json_array_get(list, choose(maker, (uint32_t)json_array_size(list)));
        return maker->change(maker, branch);
    }
    json_array_foreach(list, i, branch)
    {
        json_t *type = maker->change(maker, branch);

        if (json_is_array(type)) { /* no union in a union */
            json_decref(type);
            type = json_incref(branch);
        }
        (void)json_array_append_new(changed, type);
    }
    disturb(maker, changed, new_type(maker));
    return changed;
}

static json_t *change_name(struct maker *maker, json_t *name)
{
    const char *text = json_string_value(name);

    if (strcmp(text, "string") == 0 && happens(maker, 6)) {
        return json_string("bytes");
    }
    if (strcmp(text, "string") == 0 && happens(maker, 12)) {
        return json_pack("[s,s]", "null", "string");
    }
    if (strcmp(text, "long") == 0 && happens(maker, 3)) {
        return json_string("int");
    }
    return happens(maker, 60) ? new_type(maker) : json_incref(name);
}

static json_t *change(struct maker *maker, json_t *type)
{
    json_t *inner = json_object_get(type, "type");

    if (json_is_string(type)) {
        return change_name(maker, type);
    }
    if (json_is_array(type)) {
        return change_union(maker, type);
    }
    if (json_object_get(type, "fields") != NULL) {
        return change_fields(maker, type);
    }
    if (json_object_get(type, "symbols") != NULL) {
        disturb(maker, json_object_get(type, "symbols"), new_name(maker));
        return json_incref(type);
    }
    if (json_object_get(type, "items") != NULL) {
        inner = json_object_get(type, "items");
        (void)json_object_set_new(type, "items", maker->change(maker, inner));
        return json_incref(type);
    }
    return maker->change(maker, inner); /* of a logical type */
}

struct pl_bytes pl_fuzz_schema(struct pl_bytes own, uint32_t seed, struct pl_arena *arena)
{
    struct maker maker = {.state = seed * 2654435761U + 1, .change = change};
    json_t *schema = json_loadb(own.data, own.len, 0, NULL);
    json_t *changed;
    struct pl_bytes text;
    char *dump;

    if (maker.state == 0) {
        maker.state = 1;
    }
    changed = change(&maker, schema);
    dump = json_dumps(changed, JSON_COMPACT | JSON_ENCODE_ANY);
    ENSURE(dump != NULL);
    text = pl_arena_format(arena, "%s", dump);
    free(dump);
    json_decref(changed);
    json_decref(schema);
    return text;
}
