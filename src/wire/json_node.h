/* Checked reading of a parsed JSON text: values with their places, which each complaint names. */
#ifndef PL_WIRE_JSON_NODE_H
#define PL_WIRE_JSON_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "planlift/bytes.h"
#include "planlift/status.h"

/* A value and the way to it. Lives on the stack of its reader; borrows the document, the key and
 * its parent, which all outlive it. */
struct pl_json_node {
    json_t *value;                     /* NULL: missing */
    const struct pl_json_node *parent; /* NULL: the root */
    const char *key;                   /* NULL: an element of an array */
    size_t index;                      /* of an element */
    bool is_quoted;                    /* the key is itself data, and is shown in quotes */
};

struct pl_json_node pl_json_root(json_t *document);
struct pl_json_node pl_json_member(const struct pl_json_node *object, const char *key);
struct pl_json_node pl_json_element(const struct pl_json_node *array, size_t index);

/* A member whose key is data, as json_object_foreach gives it: offers."x". */
struct pl_json_node pl_json_entry(const struct pl_json_node *object, const char *key,
                                  json_t *value);

/* Missing or null. */
bool pl_json_is_absent(const struct pl_json_node *node);

/* "<place>: <formatted reason>", for example customer.subscriptions[2].quantity: must be ...
 * Returns PL_BAD_DATA. */
enum pl_status pl_json_fail(const struct pl_json_node *node, struct pl_error *error,
                            const char *format, ...) PL_PRINTF(3, 4);

/* The node is missing, or of another type than the wanted one ("a string"). Returns PL_BAD_DATA. */
enum pl_status pl_json_fail_type(const struct pl_json_node *node, const char *wanted,
                                 struct pl_error *error);

/* Errors of all four: PL_BAD_DATA: missing, null, another type, or (integers) out of range. */
PL_MUST_CHECK enum pl_status pl_json_want_object(const struct pl_json_node *node,
                                                 struct pl_error *error);
PL_MUST_CHECK enum pl_status pl_json_want_array(const struct pl_json_node *node,
                                                struct pl_error *error, size_t *ret_count);
PL_MUST_CHECK enum pl_status pl_json_want_string(const struct pl_json_node *node,
                                                 struct pl_error *error, struct pl_bytes *ret_text);
/* A number with a fraction or an exponent is no integer. */
PL_MUST_CHECK enum pl_status pl_json_want_integer(const struct pl_json_node *node, int64_t least,
                                                  int64_t most, struct pl_error *error,
                                                  int64_t *ret_value);

/* json_loadb of any text, with jansson's memory as all memory here: when the system has none left
 * the process ends, for jansson itself would go on with half a number or call the text no JSON.
 * Every document must come from here. Owns: json_decref; NULL: not JSON, *ret_problem says why. */
json_t *pl_json_parse(struct pl_bytes text, size_t flags, json_error_t *ret_problem);

/* Parse a text into a document that the caller frees with json_decref. Reads U+0000 in strings; of
 * two members with one key the later counts, unless flags has JSON_REJECT_DUPLICATES.
 * Errors: PL_BAD_DATA: not JSON in UTF-8, with the line and column where that shows. */
PL_MUST_CHECK enum pl_status pl_json_load(struct pl_bytes text, size_t flags,
                                          struct pl_error *error, json_t **ret_document);

#endif
