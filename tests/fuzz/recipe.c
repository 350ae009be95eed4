/* Fuzz target of the recipe parser: any bytes, with up to three settings behind NUL bytes, must end
 * in an error with a message or in a recipe whose kept text parses to the same text again. Built
 * and run by run.sh. */
#include "recipe_vocabulary.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 3 };

static void require(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

static enum err parse(const char *text, size_t size, const struct setting *settings, int count,
                      struct recipe **r) {
    enum err rc = recipe_parse("fuzz.yaml", text, size, &fake_vocabulary, settings, count, r);
    require(rc == OK || rc == ERR_RECIPE || (rc == ERR_USAGE && count),
            "the code is one of the contract");
    require((rc == OK) == (*r != NULL), "a recipe comes with OK and only then");
    require(rc == OK || err_message()[0], "an error has a message");
    return rc;
}

static void check_again(const struct recipe *r) {
    struct recipe *again = NULL;
    enum err rc = parse(r->text, strlen(r->text), NULL, 0, &again);
    require(rc == OK, "the kept text is a recipe");
    require(again->model.layers.count == r->model.layers.count, "with the same layers");
    require(again->stochastic_layers == r->stochastic_layers, "with the same numbers");
    require(again->train.batch == r->train.batch && again->train.seed == r->train.seed,
            "with the same values");
    /* Canonical text stays as it is when a setting says what it says already. */
    char batch[32];
    snprintf(batch, sizeof batch, "%d", r->train.batch);
    struct setting same = {"train.batch", batch};
    struct recipe *canonical = NULL, *twice = NULL;
    rc = parse(r->text, strlen(r->text), &same, 1, &canonical);
    require(rc == OK, "a value may be set to itself");
    rc = parse(canonical->text, strlen(canonical->text), &same, 1, &twice);
    require(rc == OK && !strcmp(canonical->text, twice->text), "canonical text is a fixed point");
    recipe_free(again);
    recipe_free(canonical);
    recipe_free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* Exact copies, so that the sanitizer sees a read beyond the end. */
    size_t length = size;
    const uint8_t *nul = memchr(data, 0, size);
    struct setting settings[MOST];
    int count = 0;
    if (nul) length = (size_t)(nul - data);
    size_t at = length + 1;
    while (at < size && count < MOST) {
        const uint8_t *end = memchr(data + at, 0, size - at);
        size_t stop = end ? (size_t)(end - data) : size;
        char *one = strndup((const char *)data + at, stop - at);
        if (recipe_setting(one, &settings[count]) == OK) count++;
        free(one);
        at = stop + 1;
    }
    char *text = malloc(length ? length : 1);
    memcpy(text, data, length);
    struct recipe *r = NULL;
    if (parse(text, length, settings, count, &r) == OK) check_again(r);
    recipe_free(r);
    free(text);
    for (int i = 0; i < count; i++) free((char *)settings[i].key);
    return 0;
}
