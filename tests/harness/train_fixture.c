#include "harness/train_fixture.h"
#include "base/io.h"
#include "data/synthetic.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head[] = "dropcl: 1\n"
                           "model:\n"
                           "  name: small\n"
                           "  input: [28, 28, 1]\n"
                           "  layers:\n";
static const char layers_usual[] = "    - dense: {name: fc1, units: 16, activation: relu}\n"
                                   "    - dropout: {rate: 0.5}\n"
                                   "    - dense: {name: fc2, units: 12, activation: relu}\n"
                                   "    - dropout: {rate: 0.25}\n"
                                   "    - dense: {name: fc3, units: 10}\n";
static const char tail[] = "train:\n"
                           "  dataset: mnist\n"
                           "  loss: cross_entropy\n"
                           "  batch: 32\n"
                           "  epochs: 2\n"
                           "  limit: 96\n"
                           "  seed: 7\n"
                           "  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}\n"
                           "  schedule: {cosine: {}}\n";

static struct recipe *parse(const char *layers, const struct setting *settings, int count) {
    char text[4096];
    struct recipe *r = NULL;
    snprintf(text, sizeof text, "%s%s%s", head, layers, tail);
    enum err rc = recipe_parse("test", text, strlen(text), model_vocabulary(), settings, count, &r);
    ck_assert_msg(!rc, "%s", err_message());
    return r;
}

struct recipe *train_recipe(const char *setting, ...) {
    struct setting settings[16];
    int count = 0;
    va_list args;
    va_start(args, setting);
    for (const char *s = setting; s; s = va_arg(args, const char *))
        ck_assert_int_eq(recipe_setting(s, &settings[count++]), OK);
    va_end(args);
    struct recipe *r = parse(layers_usual, settings, count);
    for (int i = 0; i < count; i++) free((void *)(uintptr_t)settings[i].key);
    return r;
}

struct recipe *train_recipe_layers(const char *layers) {
    return parse(layers, NULL, 0);
}

/* The header of an IDX file: big-endian magic number and sizes. */
static size_t idx_header(unsigned char *to, uint32_t magic, int sizes, const uint32_t *size) {
    for (int i = 0; i <= sizes; i++) {
        uint32_t word = i ? size[i - 1] : magic;
        for (int b = 0; b < 4; b++) to[4 * i + b] = (unsigned char)(word >> (24 - 8 * b));
    }
    return 4 * (size_t)(sizes + 1);
}

static void write_file(const char *folder, const char *name, const void *data, size_t size) {
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    ck_assert_msg(!io_write_atomic(path, data, size), "%s", err_message());
}

static void write_split(const char *folder, uint32_t split, uint32_t rows, const char *images,
                        const char *labels) {
    unsigned char *picture = malloc(16 + rows * INK_PIXELS), *label = malloc(8 + rows);
    ck_assert(picture && label);
    size_t p = idx_header(picture, 0x803, 3, (const uint32_t[]){rows, 28, 28});
    size_t l = idx_header(label, 0x801, 1, &rows);
    for (uint32_t i = 0; i < rows; i++)
        label[l + i] = synthetic_row(split, i, picture + p + i * INK_PIXELS);
    write_file(folder, images, picture, p + rows * INK_PIXELS);
    write_file(folder, labels, label, l + rows);
    free(picture);
    free(label);
}

const char *train_data(void) {
    static char folder[512];
    if (*folder) return folder;
    snprintf(folder, sizeof folder, "%s", train_folder("mnist"));
    write_split(folder, 0, TRAIN_ROWS, "train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    write_split(folder, 1, TEST_ROWS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    return folder;
}

struct device *train_device(const char *spec) {
    struct device_info info;
    struct device *d = NULL;
    ck_assert_msg(!device_find(spec, &info), "%s", err_message());
    ck_assert_msg(!device_open(&info, &d), "%s", err_message());
    return d;
}

const char *train_folder(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/scratch/%s-%ld", TEST_BINARY_DIR, name, (long)getpid());
    ck_assert_msg(!io_make_folder(path), "%s", err_message());
    return path;
}

void train_refused(enum err rc, enum err code, const char *part) {
    ck_assert_msg(rc == code, "got %d (%s), expected %d", rc, rc ? err_message() : "", code);
    ck_assert_msg(strstr(err_message(), part), "\"%s\" does not hold \"%s\"", err_message(), part);
}
