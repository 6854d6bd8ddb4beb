/* The story of the demo, as records. The offers and services are those of the shipped catalogue. */
#include "cli/demo/demo_story.h"

#define TEXT(text)                                                                                 \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PARTNER "adatum-cloud"

/* ---- facts ----------------------------------------------------------------------------------- */

#define SUBSCRIPTION(customer, id, offer, seats, partner, bought_through)                          \
    {                                                                                              \
        .customer_id = TEXT(customer), .kind = PL_EVENT_SUBSCRIPTION_CHANGED,                      \
        .change.subscription_changed = {                                                           \
            .subscription_id = TEXT(id),                                                           \
            .offer_id = TEXT(offer),                                                               \
            .status = PL_STATUS_ACTIVE,                                                            \
            .quantity = (seats),                                                                   \
            .partner_id = TEXT(partner),                                                           \
            .channel = PL_CHANNEL_##bought_through,                                                \
            .revision = 1                                                                          \
        }                                                                                          \
    }
#define GRANT(customer)                                                                            \
    {                                                                                              \
        .customer_id = TEXT(customer), .kind = PL_EVENT_DELEGATED_ADMIN_CHANGED,                   \
        .change.delegated_admin_changed = {                                                        \
            .partner_id = TEXT(PARTNER),                                                           \
            .granted = true                                                                        \
        }                                                                                          \
    }
#define LICENCE(customer, id, user, name)                                                          \
    .subscription_id = TEXT(id), .user_id = TEXT(user),                                            \
    .user_principal_name = TEXT(user "@" customer ".example"), .display_name = TEXT(name)
#define ASSIGN(customer, ...)                                                                      \
    {                                                                                              \
        .customer_id = TEXT(customer), .kind = PL_EVENT_LICENSE_ASSIGNED,                          \
        .change.license_assigned = {                                                               \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define BASIC(user, name) LICENCE("contoso", "contoso-basic", user, name)
#define APPS(user, name) LICENCE("contoso", "contoso-apps", user, name)
#define STANDARD(user, name) LICENCE("fabrikam", "fabrikam-standard", user, name)

static const struct pl_bytes without_mail[] = {TEXT("EXCHANGE_S_STANDARD")};

static const char licences[] =
    "Three of contoso's licences are special: Grace has hers through the group sales-team, Jonas "
    "has Exchange Online switched off, and Liam has contoso-apps beside contoso-basic.";

static const struct pl_event facts[] = {
    GRANT("contoso"),
    SUBSCRIPTION("contoso", "contoso-basic", "m365-business-basic", 25, PARTNER, CSP),
    SUBSCRIPTION("contoso", "contoso-apps", "m365-apps-for-business", 3, PARTNER, CSP),
    ASSIGN("contoso", BASIC("amelie", "Am\xc3\xa9lie Durand")),
    ASSIGN("contoso", BASIC("bjorn", "Bj\xc3\xb6rn Eklund")),
    ASSIGN("contoso", BASIC("chiara", "Chiara Rossi")),
    ASSIGN("contoso", BASIC("david", "David Okafor")),
    ASSIGN("contoso", BASIC("elif", "Elif Y\xc4\xb1lmaz")),
    ASSIGN("contoso", BASIC("farid", "Farid Haddad")),
    ASSIGN("contoso", BASIC("grace", "Grace Kim"), .assigned_by_group = TEXT("sales-team")),
    ASSIGN("contoso", BASIC("hiroshi", "\xe7\x94\xb0\xe4\xb8\xad\xe6\xb5\xa9 (Hiroshi Tanaka)")),
    ASSIGN("contoso", BASIC("ines", "In\xc3\xaas Moreira")),
    ASSIGN("contoso", BASIC("jonas", "Jonas Weber"), .disabled_services = {without_mail, 1}),
    ASSIGN("contoso", BASIC("katarzyna", "Katarzyna Nowak")),
    ASSIGN("contoso", BASIC("liam", "Liam Murphy")),
    ASSIGN("contoso", APPS("liam", "Liam Murphy")),
    GRANT("fabrikam"),
    SUBSCRIPTION("fabrikam", "fabrikam-standard", "m365-business-standard", 40, PARTNER, CSP),
    SUBSCRIPTION("fabrikam", "fabrikam-e3", "o365-enterprise-e3", 100, "", VOLUME),
    ASSIGN("fabrikam", STANDARD("mia", "Mia Fischer")),
    ASSIGN("fabrikam", STANDARD("noah", "Noah Petit")),
    ASSIGN("fabrikam", STANDARD("olga", "Olga Ivanova")),
    ASSIGN("fabrikam", STANDARD("paul", "Paul Schmidt")),
};

/* ---- requests -------------------------------------------------------------------------------- */

#define REQUEST(id, customer, subscription, requested, ...)                                        \
    {                                                                                              \
        .request_id = TEXT(id), .customer_id = TEXT(customer), .partner_id = TEXT(PARTNER),        \
        .subscription_id = TEXT(subscription), .operation = PL_OPERATION_##requested,              \
        .requested_by_user_id = TEXT("petra"), __VA_ARGS__                                         \
    }
#define BY(role) .requested_by_role = TEXT(role)
#define SEATS(count) .quantity = {true, (count)}
#define UPGRADE_BASIC(target)                                                                      \
    REQUEST("upgrade-1", "contoso", "contoso-basic", UPGRADE, .order_id = TEXT("PO-1001"),         \
            .target_offer_id = TEXT(target), BY("ADMIN_AGENT"))

static const struct pl_demo_request requests[] = {
    {.request = REQUEST("check-1", "contoso", "contoso-basic", CHECK, BY("SALES_AGENT")),
     .outcome = PL_OUTCOME_ELIGIBLE,
     .note = "what is possible?"},
    {.request = REQUEST("check-2", "contoso", "contoso-apps", CHECK, BY("SALES_AGENT")),
     .outcome = PL_OUTCOME_ELIGIBLE,
     .note = "what is possible?"},
    {.request = REQUEST("check-3", "fabrikam", "fabrikam-standard", CHECK, BY("SALES_AGENT")),
     .outcome = PL_OUTCOME_NOT_ELIGIBLE,
     .note = "what is possible?"},
    {.request = UPGRADE_BASIC("o365-enterprise-e3"),
     .outcome = PL_OUTCOME_UPGRADED,
     .note = "for all its users"},
    {.request =
         REQUEST("upgrade-2", "fabrikam", "fabrikam-standard", UPGRADE,
                 .target_offer_id = TEXT("o365-enterprise-e5"), SEATS(3), BY("BILLING_ADMIN")),
     .outcome = PL_OUTCOME_REFUSED,
     .note = "asked as BILLING_ADMIN"},
    {.request = REQUEST("add-1", "contoso", "contoso-apps", ADD_LICENSES,
                        .order_id = TEXT("PO-1002"), SEATS(2), BY("HELPDESK_AGENT")),
     .outcome = PL_OUTCOME_LICENSES_ADDED,
     .note = "for new colleagues"},
    {.request = UPGRADE_BASIC("o365-enterprise-e3"),
     .answer = PL_DEMO_NO_RESULT,
     .note = "the same, sent twice"},
    {.request = UPGRADE_BASIC("o365-enterprise-e5"),
     .answer = PL_DEMO_DEAD_LETTER,
     .refusal = PL_DEAD_LETTER_REQUEST_ID_REUSED,
     .note = "same id, other offer"},
    {.request = REQUEST("broken-1", "contoso", "contoso-apps", CHECK, BY("SALES_AGENT")),
     .is_cut = true,
     .answer = PL_DEMO_DEAD_LETTER,
     .refusal = PL_DEAD_LETTER_MALFORMED,
     .note = "its end is missing"},
};

struct pl_demo_story pl_demo_story(void)
{
    return (struct pl_demo_story){.facts = facts,
                                  .fact_count = COUNT(facts),
                                  .requests = requests,
                                  .request_count = COUNT(requests),
                                  .licences = licences};
}
