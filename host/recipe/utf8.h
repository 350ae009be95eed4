/* The characters that a recipe may consist of. */
#ifndef DROPCL_RECIPE_UTF8_H
#define DROPCL_RECIPE_UTF8_H

#include "recipe/faults.h"

/* True for well-formed UTF-8 (no overlong forms, surrogates or values beyond 10FFFF; Unicode 15,
 * table 3-7) without control characters other than tab and line breaks (LF or CR LF). Otherwise a
 * fault at the first offence, or at *at where that is given. */
bool utf8_check(struct faults *faults, const char *text, size_t size, const struct place *at);

/* Copies what fits of `length` bytes into out[room], NUL-terminated: whole characters, with a blank
 * for each that is not allowed and a ? for each byte that belongs to none. Returns the bytes of
 * `in` used. */
size_t utf8_show(char *out, size_t room, const char *in, size_t length);

#endif
