/* An arena owns many small allocations and frees them together. Memory is zeroed and 16-byte
 * aligned. */
#ifndef DROPCL_BASE_ARENA_H
#define DROPCL_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void); /* NULL when out of memory */
void arena_free(struct arena *a);

/* NULL when out of memory; the arena stays usable. */
void *arena_alloc(struct arena *a, size_t bytes);
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t length);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Grows an array of `count` elements to hold at least count + 1, doubling from 8; the old block
 * stays in the arena. Returns the (possibly moved) array, NULL when out of memory. *capacity is
 * updated. */
void *arena_grow(struct arena *a, void *array, size_t count, size_t *capacity, size_t size);

#endif
