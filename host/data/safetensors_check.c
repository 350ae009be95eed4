#include "data/safetensors_private.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The whole-byte types of the format; those of less than a byte per element are refused as unknown.
 */
static const struct {
    const char *name;
    size_t size;
} types[] = {{"F64", 8},         {"I64", 8},     {"U64", 8},     {"C64", 8},     {"F32", 4},
             {"I32", 4},         {"U32", 4},     {"F16", 2},     {"BF16", 2},    {"I16", 2},
             {"U16", 2},         {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E8M0", 1}, {"F8_E4M3FNUZ", 1},
             {"F8_E5M2FNUZ", 1}, {"I8", 1},      {"U8", 1},      {"BOOL", 1}};

size_t safetensors_element(const char *dtype, const char **known) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, dtype) != 0) continue;
        if (known) *known = types[i].name;
        return types[i].size;
    }
    return 0;
}

struct safetensors_shown safetensors_show(const char *text) {
    enum { CUT = 60 };
    struct safetensors_shown shown;
    size_t length = strlen(text), used = length < CUT ? length : CUT;
    /* Never half a character: step back over UTF-8 continuation bytes. */
    if (length > CUT)
        while (used && ((unsigned char)text[used] & 0xc0) == 0x80) used--;
    for (size_t i = 0; i < used; i++) {
        unsigned char c = (unsigned char)text[i];
        shown.text[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
    }
    memcpy(shown.text + used, length > CUT ? "..." : "", length > CUT ? 4 : 1);
    return shown;
}

enum err safetensors_measure(const char *path, struct tensor *t) {
    struct safetensors_shown name = safetensors_show(t->name);
    size_t element = safetensors_element(t->dtype, NULL);
    if (!element)
        return err_set(ERR_DATA, "%s: tensor \"%s\" has the unknown type \"%s\"", path, name.text,
                       safetensors_show(t->dtype).text);
    if (t->rank < 0 || t->rank > TENSOR_RANK)
        return err_set(ERR_DATA, "%s: tensor \"%s\" has %d dimensions; 0 to %d are possible", path,
                       name.text, t->rank, TENSOR_RANK);
    /* A zero dimension is left out of the product: whoever multiplies the dimensions later, in
     * whatever order, must not overflow either. */
    int64_t product = (int64_t)element;
    bool empty = false;
    for (int i = 0; i < t->rank; i++) {
        if (t->shape[i] < 0)
            return err_set(ERR_DATA, "%s: tensor \"%s\" has the negative dimension %" PRId64, path,
                           name.text, t->shape[i]);
        if (t->shape[i] == 0) {
            empty = true;
            continue;
        }
        if (__builtin_mul_overflow(product, t->shape[i], &product) ||
            (uint64_t)product > SIZE_MAX / 2)
            return err_set(ERR_DATA, "%s: tensor \"%s\" has a shape too large for any memory", path,
                           name.text);
    }
    t->bytes = empty ? 0 : (size_t)product;
    return OK;
}

/* Empty tensors come before the one that starts at the same byte. */
static int by_place(const void *a, const void *b) {
    const struct safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

enum err safetensors_check_layout(const char *path, struct safetensors_entry *entries, size_t count,
                                  uint64_t size) {
    if (count) qsort(entries, count, sizeof *entries, by_place);
    uint64_t end = 0;
    for (size_t i = 0; i < count; i++) {
        const struct safetensors_entry *e = &entries[i];
        if (e->begin < end)
            return err_set(ERR_DATA, "%s: tensors \"%s\" and \"%s\" overlap at byte %" PRIu64, path,
                           safetensors_show(e[-1].tensor.name).text,
                           safetensors_show(e->tensor.name).text, e->begin);
        if (e->begin > end)
            return err_set(ERR_DATA,
                           "%s: bytes %" PRIu64 " to %" PRIu64
                           " before tensor \"%s\" belong to no tensor",
                           path, end, e->begin, safetensors_show(e->tensor.name).text);
        end = e->end;
    }
    if (end > size)
        return err_set(ERR_DATA,
                       "%s: is cut off: its tensors need %" PRIu64 " bytes, it holds %" PRIu64,
                       path, end, size);
    if (end < size)
        return err_set(ERR_DATA, "%s: %" PRIu64 " bytes follow the last tensor", path, size - end);
    return OK;
}
