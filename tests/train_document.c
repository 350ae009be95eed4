/* The reference part of docs/recipes.md is what the attribute tables say. With UPDATE=1 in the
 * environment the test writes it instead of comparing. */
#include "base/io.h"
#include "base/text.h"
#include "harness/suite.h"
#include "recipe/recipe.h"
#include "train/model.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char *const path = TEST_SOURCE_DIR "/docs/recipes.md";
static const char *const begin = "<!-- begin of the generated part -->\n";
static const char *const end = "<!-- end of the generated part -->\n";

/* The document with its generated part made anew; the caller frees. */
static char *renew(const char *document) {
    const char *from = strstr(document, begin), *to = strstr(document, end);
    ck_assert_msg(from && to && from < to, "docs/recipes.md has lost its markers");
    from += strlen(begin);
    struct text text = {0};
    text_add_bytes(&text, document, (size_t)(from - document));
    text_add(&text, "\n");
    recipe_document(model_vocabulary(), &text);
    text_add_bytes(&text, to, strlen(to));
    char *out;
    ck_assert_int_eq(text_take(&text, &out), OK);
    return out;
}

START_TEST(the_reference_of_recipes_is_up_to_date) {
    char *document;
    size_t size;
    ck_assert_msg(io_read(path, 1 << 20, &document, &size) == OK, "%s", err_message());
    char *renewed = renew(document);
    const char *update = getenv("UPDATE");
    if (update && strcmp(update, "1") == 0)
        ck_assert_int_eq(io_write_atomic(path, renewed, strlen(renewed)), OK);
    else
        ck_assert_msg(strcmp(document, renewed) == 0,
                      "docs/recipes.md is out of date: run this test with UPDATE=1");
    free(document);
    free(renewed);
}
END_TEST

START_TEST(every_word_of_the_vocabulary_is_explained) {
    const struct vocabulary *v = model_vocabulary();
    int seen = 0;
    for (int i = -1; i < CHOICE_KINDS; i++) {
        const struct schema *const *list = i < 0 ? v->layers : v->choices[i];
        for (; list && *list; list++, seen++) {
            ck_assert_msg((*list)->doc && *(*list)->doc, "%s has no doc", (*list)->name);
            for (const struct attr *a = (*list)->attrs; a && a->name; a++)
                ck_assert_msg(a->doc && *a->doc, "%s.%s has no doc", (*list)->name, a->name);
        }
    }
    ck_assert_int_gt(seen, 5);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_document");
    TCase *all = tcase_create("all");
    tcase_add_test(all, the_reference_of_recipes_is_up_to_date);
    tcase_add_test(all, every_word_of_the_vocabulary_is_explained);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
