/* The built-in digits: the same bytes for everyone, and digits that can be learned. */
#include "data/dataset.h"
#include "data/glyphs.h"
#include "data/synthetic.h"
#include "harness/suite.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct dataset *synthetic;

static void open_synthetic(void) {
    ck_assert_msg(dataset_open("synthetic", NULL, &synthetic) == OK, "%s", err_message());
}

static void close_synthetic(void) {
    dataset_close(synthetic);
}

START_TEST(the_bytes_never_change) {
    /* The published accuracies and every model trained on them hold for these bytes only. */
    ck_assert_int_eq(synthetic->train.rows, 20000);
    ck_assert_int_eq(synthetic->test.rows, 4000);
    ck_assert_str_eq(dataset_hash(synthetic),
                     "28e16b825fc7a5dcddda384a5708abdfeacbc764b8da05cdef8831a30503f6b3");
}
END_TEST

START_TEST(a_row_depends_on_its_number_alone) {
    uint8_t picture[INK_PIXELS];
    static const uint32_t rows[] = {19999, 0, 77, 3999};
    for (int i = 0; i < 4; i++) {
        uint32_t r = rows[i];
        ck_assert_int_eq(synthetic_row(0, r, picture), synthetic->train.labels[r]);
        ck_assert_mem_eq(picture, synthetic->train.images + r * INK_PIXELS, INK_PIXELS);
    }
    ck_assert_int_eq(synthetic_row(1, 3999, picture), synthetic->test.labels[3999]);
    ck_assert_mem_eq(picture, synthetic->test.images + 3999 * INK_PIXELS, INK_PIXELS);
}
END_TEST

static int by_bytes(const void *a, const void *b) {
    return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, INK_PIXELS);
}

START_TEST(no_picture_occurs_twice) {
    const struct split *splits[] = {&synthetic->train, &synthetic->test};
    int n = splits[0]->rows + splits[1]->rows, k = 0;
    const uint8_t **rows = malloc((size_t)n * sizeof *rows);
    for (int s = 0; s < 2; s++)
        for (int r = 0; r < splits[s]->rows; r++) rows[k++] = splits[s]->images + r * INK_PIXELS;
    qsort(rows, (size_t)n, sizeof *rows, by_bytes);
    for (int i = 1; i < n; i++) ck_assert_int_ne(by_bytes(&rows[i - 1], &rows[i]), 0);
    free(rows);
}
END_TEST

START_TEST(the_classes_are_equally_frequent) {
    /* Chi-square with 9 degrees of freedom: above 27.88 once in a thousand. The bytes are fixed, so
     * this either always holds or never. */
    const struct split *splits[] = {&synthetic->train, &synthetic->test};
    for (int s = 0; s < 2; s++) {
        double count[10] = {0}, chi2 = 0, expected = splits[s]->rows / 10.0;
        for (int r = 0; r < splits[s]->rows; r++) {
            ck_assert_int_lt(splits[s]->labels[r], 10);
            count[splits[s]->labels[r]]++;
        }
        for (int c = 0; c < 10; c++)
            chi2 += (count[c] - expected) * (count[c] - expected) / expected;
        ck_assert_double_lt(chi2, 27.88);
    }
}
END_TEST

/* The mean picture of each class of the training rows, less the mean of all. */
static void class_means(float means[10][INK_PIXELS]) {
    int count[10] = {0};
    memset(means, 0, 10 * sizeof *means);
    for (int r = 0; r < synthetic->train.rows; r++) {
        int c = synthetic->train.labels[r];
        count[c]++;
        for (int i = 0; i < INK_PIXELS; i++)
            means[c][i] += synthetic->train.images[r * INK_PIXELS + i];
    }
    for (int c = 0; c < 10; c++)
        for (int i = 0; i < INK_PIXELS; i++) means[c][i] /= (float)count[c];
}

START_TEST(the_nearest_class_mean_is_better_than_chance_and_far_from_perfect) {
    /* By correlation with the class means, the simplest classifier there is: labels that belong to
     * other pictures would give 0.10, digits without distortion more than 0.95. */
    static float means[10][INK_PIXELS];
    int hits = 0;
    class_means(means);
    for (int r = 0; r < synthetic->test.rows; r++) {
        const uint8_t *x = synthetic->test.images + r * INK_PIXELS;
        int best = 0;
        double best_score = -1e30;
        for (int c = 0; c < 10; c++) {
            double dot = 0, norm = 0, mean = 0;
            for (int i = 0; i < INK_PIXELS; i++) mean += (double)means[c][i] / INK_PIXELS;
            for (int i = 0; i < INK_PIXELS; i++) {
                double m = (double)means[c][i] - mean;
                dot += m * x[i];
                norm += m * m;
            }
            double score = dot / __builtin_sqrt(norm);
            if (score > best_score) best_score = score, best = c;
        }
        hits += best == synthetic->test.labels[r];
    }
    double accuracy = (double)hits / synthetic->test.rows;
    ck_assert_double_gt(accuracy, 0.5);
    ck_assert_double_lt(accuracy, 0.85);
}
END_TEST

START_TEST(every_glyph_stays_in_its_box) {
    for (int digit = 0; digit < 10; digit++) {
        ck_assert_int_ge(glyphs_count(digit), 2);
        for (int n = 0; n < glyphs_count(digit); n++) {
            const struct glyph *g = glyphs_get(digit, n);
            ck_assert_int_eq(g->digit, digit);
            ck_assert(g->nstrokes >= 1 && g->nstrokes <= GLYPH_STROKES);
            for (int s = 0; s < g->nstrokes; s++) {
                const struct stroke *k = &g->strokes[s];
                ck_assert(k->npoints >= 2 && k->npoints <= GLYPH_POINTS);
                for (int i = 0; i < k->npoints; i++)
                    ck_assert(k->points[i][0] <= GLYPH_BOX && k->points[i][1] <= GLYPH_BOX);
                /* Points that were counted but not written would be 0, 0. */
                ck_assert(k->points[k->npoints - 1][0] || k->points[k->npoints - 1][1]);
                for (int i = k->npoints; i < GLYPH_POINTS; i++)
                    ck_assert(!k->points[i][0] && !k->points[i][1]);
            }
        }
    }
}
END_TEST

START_TEST(ink_outside_the_picture_is_left_out) {
    uint8_t guarded[INK_PIXELS + 2];
    memset(guarded, 0, sizeof guarded);
    guarded[0] = guarded[INK_PIXELS + 1] = 0x5a;
    static const struct ink_point far[] = {
        {-9000, -9000}, {20000, -9000}, {20000, 20000}, {-9000, 20000}};
    for (int i = 0; i < 4; i++) ink_segment(guarded + 1, far[i], far[(i + 1) % 4], 300, 255);
    for (int i = 0; i < INK_PIXELS; i++) ck_assert_int_eq(guarded[1 + i], 0);
    for (int i = 0; i < 2; i++) ink_segment(guarded + 1, far[i], far[i + 2], 300, 255);
    ck_assert_int_eq(guarded[1 + 14 * INK_SIDE + 14], 255);
    ck_assert_int_eq(guarded[0], 0x5a);
    ck_assert_int_eq(guarded[INK_PIXELS + 1], 0x5a);
}
END_TEST

START_TEST(a_dot_is_round_and_in_its_place) {
    uint8_t picture[INK_PIXELS] = {0};
    struct ink_point centre = {10 * INK_PIXEL + INK_PIXEL / 2, 5 * INK_PIXEL + INK_PIXEL / 2};
    ink_segment(picture, centre, centre, INK_PIXEL, 200);
    ck_assert_int_eq(picture[5 * INK_SIDE + 10], 200);
    int edge = picture[5 * INK_SIDE + 11];
    ck_assert(edge > 0 && edge < 200);
    ck_assert_int_eq(picture[5 * INK_SIDE + 9], edge);
    ck_assert_int_eq(picture[4 * INK_SIDE + 10], edge);
    ck_assert_int_eq(picture[6 * INK_SIDE + 10], edge);
    ck_assert_int_eq(picture[5 * INK_SIDE + 12], 0);
}
END_TEST

START_TEST(blurring_keeps_the_mean_of_a_flat_picture_and_spreads_a_point) {
    uint8_t picture[INK_PIXELS];
    memset(picture, 77, sizeof picture);
    ink_blur(picture);
    for (int i = 0; i < INK_PIXELS; i++) ck_assert_int_eq(picture[i], 77);
    memset(picture, 0, sizeof picture);
    picture[10 * INK_SIDE + 10] = 160;
    ink_blur(picture);
    static const int want[3][3] = {{10, 20, 10}, {20, 40, 20}, {10, 20, 10}};
    for (int y = 0; y < 3; y++)
        for (int x = 0; x < 3; x++)
            ck_assert_int_eq(picture[(9 + y) * INK_SIDE + 9 + x], want[y][x]);
}
END_TEST

int main(void) {
    Suite *s = suite_create("data_synthetic");
    TCase *t = tcase_create("digits"), *ink = tcase_create("ink");
    tcase_add_unchecked_fixture(t, open_synthetic, close_synthetic);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_bytes_never_change);
    tcase_add_test(t, a_row_depends_on_its_number_alone);
    tcase_add_test(t, no_picture_occurs_twice);
    tcase_add_test(t, the_classes_are_equally_frequent);
    tcase_add_test(t, the_nearest_class_mean_is_better_than_chance_and_far_from_perfect);
    tcase_add_test(ink, every_glyph_stays_in_its_box);
    tcase_add_test(ink, ink_outside_the_picture_is_left_out);
    tcase_add_test(ink, a_dot_is_round_and_in_its_place);
    tcase_add_test(ink, blurring_keeps_the_mean_of_a_flat_picture_and_spreads_a_point);
    suite_add_tcase(s, t);
    suite_add_tcase(s, ink);
    return suite_run(s);
}
