/* The one judgement on text from outside: is it strictly valid UTF-8? */
#ifndef PL_WIRE_UTF8_H
#define PL_WIRE_UTF8_H

#include <stdbool.h>

#include "planlift/bytes.h"

/* By RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. U+0000 is a character like
 * any other (contract 7). */
bool pl_utf8_is_valid(struct pl_bytes text);

#endif
