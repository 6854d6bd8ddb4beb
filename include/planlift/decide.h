/* The pure core: what an event does to a customer, and how a request is decided (contract 5, 6).
 * No clock, no randomness, no environment: the same arguments always give the same answer (I11). */
#ifndef PL_DECIDE_H
#define PL_DECIDE_H

#include "planlift/arena.h"
#include "planlift/catalogue.h"
#include "planlift/customer.h"
#include "planlift/model.h"

/* ---- what must be loaded first --------------------------------------------------------------- */

/* Add to ret_pieces the pieces of the customer that are not loaded and that applying the event (or
 * answering the request) would read or change. Asked again after they were loaded it may name
 * further ones (licences of other subscriptions, known only once the users are); none means ready.
 * A refusal that the head alone decides needs no licences. */
void pl_event_needs(const struct pl_customer *customer, const struct pl_event *event,
                    struct pl_arena *arena, struct pl_pieces *ret_pieces);
void pl_request_needs(const struct pl_catalogue *catalogue, const struct pl_customer *customer,
                      const struct pl_request *request, struct pl_arena *arena,
                      struct pl_pieces *ret_pieces);

/* ---- events ---------------------------------------------------------------------------------- */

/* Why an event or a request's shape is refused: a static text for a dead letter `invalid_event`, or
 * NULL when it is well-formed (contract 7). */
const char *pl_event_fault(const struct pl_event *event);

/* Apply a well-formed event (contract 5). What it needs must be loaded. Copies what it keeps only
 * as views: the event's bytes must live as long as the customer's arena. */
void pl_event_apply(struct pl_customer *customer, const struct pl_event *event,
                    struct pl_arena *arena);

/* ---- requests -------------------------------------------------------------------------------- */

enum pl_once {
    PL_ONCE_NEW,    /* not among the last 64 answered */
    PL_ONCE_REPEAT, /* answered already: no result */
    PL_ONCE_REUSED  /* answered already, with other fields: dead letter request_id_reused */
};

/* What is remembered of an answered request; the next two ask for it. Five times SHA-1, so it is
 * made once a request. */
struct pl_answered pl_request_digest(struct pl_bytes customer_id, const struct pl_request *request);

/* Contract 6, Once. An empty requestId is always new. */
enum pl_once pl_request_once(const struct pl_customer *customer, const struct pl_request *request,
                             const struct pl_answered *digest);

/* Note the request as answered; a no-op for an empty requestId. */
void pl_request_remember(struct pl_customer *customer, const struct pl_request *request,
                         const struct pl_answered *digest, struct pl_arena *arena);

/* Decide, and apply what is granted (contract 6). Does not look at Once. What it needs must be
 * loaded; decided_at_ms is stamped by the caller and read by no rule. Fills *ret_result with views
 * into the arena, the request, the customer and the catalogue. */
void pl_request_decide(const struct pl_catalogue *catalogue, struct pl_customer *customer,
                       const struct pl_request *request, int64_t decided_at_ms,
                       struct pl_arena *arena, struct pl_result *ret_result);

/* What a rule of contract 6 said. */
struct pl_rule_note {
    int number;                      /* of the error in contract 6 */
    const char *asks;                /* what must be so */
    struct pl_bytes target_offer_id; /* for which target it was asked; null: for none */
    bool was_asked;                  /* false: a fatal error came before */
    const struct pl_upgrade_error *findings;
    size_t finding_count; /* 0: it has nothing against the request */
};

/* What every rule that the operation has said, in order. In place; lives in the arena. */
struct pl_trace {
    struct pl_rule_note *items;
    size_t count;
    size_t capacity;
    struct pl_arena *arena;
};

/* As pl_request_decide, in the trace's arena; appends to the trace how it came to that. */
void pl_request_explain(const struct pl_catalogue *catalogue, struct pl_customer *customer,
                        const struct pl_request *request, int64_t decided_at_ms,
                        struct pl_trace *trace, struct pl_result *ret_result);

/* UUIDv5(UUIDv5(6f0f5c0e-6a0b-5b5e-9d6e-0d6a8f1c2b3a, customerId), requestId) (contract 6). */
void pl_new_subscription_id(struct pl_bytes customer_id, struct pl_bytes request_id,
                            unsigned char ret_uuid[16]);

#endif
