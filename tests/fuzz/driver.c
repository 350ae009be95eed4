/* Stands in for libFuzzer where there is no clang: runs a target on every file as it is, then for
 * some seconds on random changes of them. The same seed gives the same inputs in the same order.
 *
 * Usage: PROGRAM SECONDS SEED FILE... */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FILES = 64, LONGEST = 4096, CHANGES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t data[LONGEST];
    size_t size;
};

static struct input files[FILES];
static int nfiles;
static uint64_t state;

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t below) {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return below ? z % below : z;
}

/* On an allocation of exactly that size, so that a sanitizer sees a read behind it. */
static void run(const struct input *in) {
    uint8_t *exact = malloc(in->size ? in->size : 1);
    if (!exact) abort();
    memcpy(exact, in->data, in->size);
    LLVMFuzzerTestOneInput(exact, in->size);
    free(exact);
}

static void change_byte(struct input *in) {
    static const uint8_t odd[] = {0, 1, 9, 10, 32, 34, 44, 58, 91, 93, 123, 125, 127, 128, 255};
    uint8_t *at = &in->data[draw(in->size)];
    uint64_t how = draw(3);
    *at = (uint8_t)(how == 0 ? *at ^ 1u << draw(8) : how == 1 ? odd[draw(sizeof odd)] : draw(256));
}

static void insert_part(struct input *in) {
    const struct input *from = &files[draw((uint64_t)nfiles)];
    size_t room = LONGEST - in->size, length = 1 + draw(16), start, at = draw(in->size + 1);
    if (!from->size || length > from->size || length > room) return;
    start = draw(from->size - length + 1);
    memmove(in->data + at + length, in->data + at, in->size - at);
    memcpy(in->data + at, from->data + start, length);
    in->size += length;
}

static void remove_part(struct input *in) {
    size_t length = 1 + draw(in->size < 64 ? in->size : 64), at = draw(in->size - length + 1);
    memmove(in->data + at, in->data + at + length, in->size - at - length);
    in->size -= length;
}

static void mutate(struct input *in) {
    static void (*const ways[])(struct input *) = {change_byte, change_byte, insert_part,
                                                   remove_part};
    for (uint64_t n = 1 + draw(CHANGES); n && in->size; n--)
        ways[draw(sizeof ways / sizeof *ways)](in);
}

static void read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f || nfiles == FILES) {
        fprintf(stderr, "%s cannot be read, or is one file too many\n", path);
        exit(74);
    }
    files[nfiles].size = fread(files[nfiles].data, 1, LONGEST, f);
    nfiles++;
    fclose(f);
}

int main(int argc, char **argv) {
    if (argc < 4) return 64;
    time_t end = time(NULL) + strtol(argv[1], NULL, 10);
    state = strtoull(argv[2], NULL, 10);
    for (int i = 3; i < argc; i++) read_file(argv[i]);
    for (int i = 0; i < nfiles; i++) run(&files[i]);
    long runs = nfiles;
    for (; time(NULL) < end; runs++) {
        struct input in = files[draw((uint64_t)nfiles)];
        mutate(&in);
        run(&in);
    }
    printf("%ld inputs\n", runs);
    return 0;
}
