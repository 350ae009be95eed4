/* Masks as text, and as one number. */
#include "cli/mask_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void print_factors(const struct mask_block *b) {
    for (size_t i = 0; i < b->samples * b->elements; i++)
        printf("%a%c", (double)b->factors[i], (i + 1) % b->elements ? ' ' : '\n');
}

enum err mask_print(const struct mask_block *b) {
    if (!b->kept) {
        print_factors(b);
        return OK;
    }
    char *line = malloc(b->elements + 1);
    if (!line) return err_memory("a line of a mask");
    line[b->elements] = '\n';
    for (size_t s = 0; s < b->samples; s++) {
        for (size_t i = 0; i < b->elements; i++) line[i] = b->kept[s * b->elements + i] ? '1' : '0';
        fwrite(line, 1, b->elements + 1, stdout);
    }
    free(line);
    return OK;
}

/* ---- the digest ---- */

void mask_digest_open(struct mask_digest *d, const struct mask_question *q) {
    *d = (struct mask_digest){.noise = q->kind->noise};
    sha256_init(&d->hash);
}

static void add_factor(struct mask_digest *d, float factor) {
    uint32_t word;
    memcpy(&word, &factor, sizeof word);
    const uint8_t bytes[] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
                             (uint8_t)(word >> 24)};
    sha256_add(&d->hash, bytes, sizeof bytes);
    d->sum += (double)factor - 1;
    d->squares += ((double)factor - 1) * ((double)factor - 1);
}

void mask_digest_add(struct mask_digest *d, const struct mask_block *b) {
    size_t n = b->samples * b->elements;
    d->elements += n;
    for (size_t i = 0; i < n && d->noise; i++) add_factor(d, (float)b->factors[i]);
    if (d->noise) return;
    sha256_add(&d->hash, b->kept, n);
    for (size_t i = 0; i < n; i++) d->kept += b->kept[i];
}

void mask_digest_print(struct mask_digest *d) {
    char hex[65];
    double n = (double)d->elements;
    sha256_hex(&d->hash, hex);
    printf("%s  %llu elements, ", hex, (unsigned long long)d->elements);
    if (d->noise)
        printf("mean %.6f, deviation from 1 %.6f\n", 1 + d->sum / n, sqrt(d->squares / n));
    else
        printf("%llu kept (%.6f)\n", (unsigned long long)d->kept, (double)d->kept / n);
}
