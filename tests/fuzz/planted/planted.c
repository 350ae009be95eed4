/* A target with a fault a few changes away from its seed: what the machinery must find. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    volatile uint8_t *four = calloc(4, 1);
    size_t at = size > 3 && data[0] == 'F' && data[1] == 'u' && data[2] > 'z' ? 4 : 0;
    if (four) four[at] = 1;
    free((void *)four);
    return 0;
}
