/* First values of parameters, their layouts in files, and the normalisation of the data. */
#include "harness/suite.h"
#include "harness/train_fixture.h"
#include "philox.h"
#include "train/norm.h"
#include "train/params.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- initialisation ---- */

/* A plan of three tensors, the second of which sits first in the flat buffer, with padding behind.
 */
static struct value values[] = {
    {.name = "a.bias", .shape = {1, {5}}, .role = ROLE_PARAM, .offset = 16},
    {.name = "b.weight", .shape = {2, {3, 5}}, .role = ROLE_PARAM, .offset = 0},
    {.name = "c.gain", .shape = {1, {2}}, .role = ROLE_PARAM, .offset = 24},
};
static struct param params[] = {
    {.value = 0, .law = PARAM_LAW_ZERO},
    {.value = 1, .law = PARAM_LAW_HE, .fan_in = 3, .fan_out = 5},
    {.value = 2, .law = PARAM_LAW_ONE},
};
static struct plan small = {
    .values = values, .nvalues = 3, .params = params, .nparams = 3, .flat = 32, .stored = 32};

static const struct {
    int law;
    double bound;
} laws[] = {{PARAM_LAW_HE, 1.4142135623730951},     /* sqrt(6 / 3) */
            {PARAM_LAW_GLOROT, 0.8660254037844386}, /* sqrt(6 / 8) */
            {PARAM_LAW_LECUN, 1}};                  /* sqrt(3 / 3) */

START_TEST(weights_follow_the_contract) {
    float flat[32];
    params[1].law = laws[_i].law;
    params_init(&small, 0x123456789abcdefULL, flat);
    for (uint32_t i = 0; i < 15; i++) {
        /* domain 6, layer 1: the second tensor of the recipe */
        uint32_t word = philox_word(0x123456789abcdefULL, i, 0, 0, 6u << 28 | 1u << 16);
        double centred = ldexp((double)(int32_t)word, -31) + ldexp(1, -32);
        ck_assert(flat[i] == (float)(laws[_i].bound * centred));
        ck_assert(fabs((double)flat[i]) <= laws[_i].bound);
    }
    params[1].law = PARAM_LAW_HE;
}
END_TEST

START_TEST(biases_are_zero_gains_one_padding_zero) {
    float flat[32];
    memset(flat, 0xff, sizeof flat);
    params_init(&small, 3, flat);
    for (int i = 15; i < 32; i++) ck_assert(flat[i] == (i == 24 || i == 25 ? 1.0f : 0.0f));
}
END_TEST

/* ---- layouts ---- */

static struct value image_values[] = {
    {.name = "fc.weight", .shape = {2, {12, 5}}, .role = ROLE_PARAM, .offset = 7},
    {.name = "conv.weight", .shape = {4, {2, 3, 4, 5}}, .role = ROLE_PARAM, .offset = 7},
    {.name = "dense.weight", .shape = {2, {4, 3}}, .role = ROLE_PARAM, .offset = 7},
    {.name = "bn.bias", .shape = {1, {6}}, .role = ROLE_PARAM, .offset = 7},
};
static struct param image_params[] = {
    {.value = 0, .rows_h = 3, .rows_w = 2, .rows_c = 2}, {.value = 1}, {.value = 2}, {.value = 3}};
static struct plan image = {
    .values = image_values, .params = image_params, .nparams = 4, .flat = 200, .stored = 200};

static void load_ramp(float *flat) {
    for (int i = 0; i < 200; i++) flat[i] = (float)(i - 7);
}

START_TEST(dense_is_transposed) {
    float flat[200], file[12];
    int64_t shape[SHAPE_MAX];
    load_ramp(flat);
    ck_assert_int_eq(params_file_shape(&image, &image_params[2], shape), 2);
    ck_assert(shape[0] == 3 && shape[1] == 4);
    params_to_file(&image, &image_params[2], flat, file);
    for (int in = 0; in < 4; in++)
        for (int out = 0; out < 3; out++) ck_assert(file[out * 4 + in] == (float)(in * 3 + out));
}
END_TEST

/* Rows h, w, c become columns c, h, w, as PyTorch flattens an image. */
START_TEST(dense_after_an_image_goes_to_channels_first) {
    float flat[200], file[60];
    load_ramp(flat);
    params_to_file(&image, &image_params[0], flat, file);
    for (int h = 0; h < 3; h++)
        for (int w = 0; w < 2; w++)
            for (int c = 0; c < 2; c++)
                for (int out = 0; out < 5; out++)
                    ck_assert(file[out * 12 + (c * 3 + h) * 2 + w] ==
                              (float)(((h * 2 + w) * 2 + c) * 5 + out));
}
END_TEST

START_TEST(conv_goes_to_out_in_height_width) {
    float flat[200], file[120];
    int64_t shape[SHAPE_MAX];
    static const int64_t expected[] = {5, 4, 2, 3};
    load_ramp(flat);
    ck_assert_int_eq(params_file_shape(&image, &image_params[1], shape), 4);
    ck_assert_mem_eq(shape, expected, sizeof expected);
    params_to_file(&image, &image_params[1], flat, file);
    for (int h = 0; h < 2; h++)
        for (int w = 0; w < 3; w++)
            for (int in = 0; in < 4; in++)
                for (int out = 0; out < 5; out++)
                    ck_assert(file[((out * 4 + in) * 2 + h) * 3 + w] ==
                              (float)(((h * 3 + w) * 4 + in) * 5 + out));
}
END_TEST

START_TEST(layouts_invert_each_other) {
    float flat[200], file[200], back[200] = {0};
    load_ramp(flat);
    size_t n = shape_elements(&image_values[_i].shape);
    params_to_file(&image, &image_params[_i], flat, file);
    params_from_file(&image, &image_params[_i], file, back);
    ck_assert_mem_eq(back + 7, flat + 7, n * sizeof *flat);
    ck_assert(back[6] == 0 && back[7 + n] == 0);
}
END_TEST

/* ---- normalisation ---- */

/* Three images of two pixels with two channels; row 1 is not used. Channel 0: 10 30 50 70, mean 40,
 * deviation sqrt(500); channel 1 is constant. */
static const uint8_t pictures[] = {10, 9, 30, 9, 255, 0, 255, 1, 50, 9, 70, 9};

START_TEST(standard_normalisation_has_mean_zero_and_deviation_one) {
    static const uint32_t rows[] = {0, 2};
    float norm[4];
    norm_measure(NORMALIZE_STANDARD, pictures, 4, 2, rows, 2, norm);
    double deviation = sqrt(500.0);
    /* one rounding to float each: half an ulp is 6e-8 of the value */
    ck_assert(fabs((double)norm[0] * deviation - 1) < 1e-7);
    ck_assert(fabs((double)norm[2] * deviation + 40) < 1e-5);
    ck_assert(norm[1] == (float)(1.0 / 255) && norm[3] == (float)(-9.0 / 255));
}
END_TEST

START_TEST(unit_normalisation_divides_by_255) {
    static const uint32_t rows[] = {0};
    float norm[4];
    norm_measure(NORMALIZE_UNIT, pictures, 4, 2, rows, 1, norm);
    ck_assert(norm[0] == (float)(1.0 / 255) && norm[1] == (float)(1.0 / 255));
    ck_assert(norm[2] == 0 && norm[3] == 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("params");
    TCase *tests = tcase_create("params");
    tcase_add_loop_test(tests, weights_follow_the_contract, 0, 3);
    tcase_add_test(tests, biases_are_zero_gains_one_padding_zero);
    tcase_add_test(tests, dense_is_transposed);
    tcase_add_test(tests, dense_after_an_image_goes_to_channels_first);
    tcase_add_test(tests, conv_goes_to_out_in_height_width);
    tcase_add_loop_test(tests, layouts_invert_each_other, 0, 4);
    tcase_add_test(tests, standard_normalisation_has_mean_zero_and_deviation_one);
    tcase_add_test(tests, unit_normalisation_divides_by_255);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
