/* A catalogue with plans of families that are exclusive, and of one that is not. */
#ifndef PL_TESTS_CORE_EXCLUSIVE_PLANS_H
#define PL_TESTS_CORE_EXCLUSIVE_PLANS_H

#include "fixture.h"

/* e: exclusive; n: not. */
#define PLANS                                                                                      \
    "family e e\nfamily f e\nfamily n ct\n"                                                        \
    "service e1 e\nservice e2 e\nservice e3 e\nservice f1 f\nservice f2 f\n"                       \
    "service n1 n\nservice n2 n\n"                                                                 \
    "offer e1 0 e1 f1 n1\n"                                                                        \
    "offer e1-again 0 n2 e1\n"                                                                     \
    "offer e2 0 e2\n"                                                                              \
    "offer e1-e2 0 e1 e2\n"                                                                        \
    "offer f2 0 n1 f2\n"                                                                           \
    "offer n2 0 n2\n"                                                                              \
    "offer none 0\n"                                                                               \
    "offer all 0 n1 f2 e3 e1 f1 e2\n"                                                              \
    "upgrade none all\n"

#endif
