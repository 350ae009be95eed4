/* SHA-256 (FIPS 180-4). */
#ifndef DROPCL_BASE_HASH_H
#define DROPCL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t size);
void sha256_hex(struct sha256 *h, char out[65]); /* finishes; h must be initialised again */

#endif
