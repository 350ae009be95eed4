#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, BLOCK_BYTES = 16 * 1024 };

struct block {
    struct block *next;
    size_t used, size; /* bytes of `data` */
    _Alignas(ALIGNMENT) unsigned char data[];
};

struct arena {
    struct block *head; /* the block that small allocations come from */
};

struct arena *arena_new(void) {
    return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a) {
    if (!a) return;
    for (struct block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static struct block *add_block(struct arena *a, size_t size) {
    struct block *b = calloc(1, sizeof *b + size);
    if (!b) return NULL;
    b->size = size;
    /* A block made for one big allocation goes second, so that the rest of the head is not lost. */
    if (a->head && size > BLOCK_BYTES) {
        b->next = a->head->next;
        a->head->next = b;
    } else {
        b->next = a->head;
        a->head = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t bytes) {
    if (bytes > SIZE_MAX / 2) return NULL;
    size_t size = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!size) size = ALIGNMENT; /* distinct addresses, as malloc would give */
    struct block *b = a->head;
    if (!b || b->size - b->used < size) b = add_block(a, size > BLOCK_BYTES ? size : BLOCK_BYTES);
    if (!b) return NULL;
    void *out = b->data + b->used;
    b->used += size;
    return out;
}

char *arena_strdup(struct arena *a, const char *text) {
    return arena_strndup(a, text, strlen(text));
}

char *arena_strndup(struct arena *a, const char *text, size_t length) {
    length = strnlen(text, length);
    char *out = arena_alloc(a, length + 1);
    if (out) memcpy(out, text, length);
    return out;
}

char *arena_printf(struct arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *out = length < 0 ? NULL : arena_alloc(a, (size_t)length + 1);
    if (out) vsnprintf(out, (size_t)length + 1, format, again);
    va_end(again);
    return out;
}

void *arena_grow(struct arena *a, void *array, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity) return array;
    size_t wanted = *capacity ? *capacity * 2 : 8;
    if (wanted <= count) wanted = count + 1;
    if (wanted > SIZE_MAX / 2 / (size ? size : 1)) return NULL;
    void *moved = arena_alloc(a, wanted * size);
    if (!moved) return NULL;
    if (count) memcpy(moved, array, count * size);
    *capacity = wanted;
    return moved;
}
