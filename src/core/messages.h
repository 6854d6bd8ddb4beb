/* The texts of errors. */
#ifndef PL_CORE_MESSAGES_H
#define PL_CORE_MESSAGES_H

#include "rules.h"

/* Give the errors their texts. */
void pl_messages_write(const struct pl_inquiry *inquiry, struct pl_findings *findings);

/* Text of a licenseError; group_id is null for a conflict. */
struct pl_bytes pl_message_license_error(const struct pl_inquiry *inquiry,
                                         const struct pl_upgrade_error *error,
                                         struct pl_bytes group_id);

#endif
