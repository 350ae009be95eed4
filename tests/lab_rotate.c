#include "harness/suite.h"
#include "lab/rotate.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 32 * 32 * 3 };

static void fill(uint8_t *bytes, int count, unsigned seed) {
    for (int i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

/* Where a quarter turn counter-clockwise puts the pixel of (row, column): the right edge becomes
 * the top. */
static void quarter(const uint8_t *in, uint8_t *out, int side, int channels) {
    for (int row = 0; row < side; row++)
        for (int column = 0; column < side; column++)
            memcpy(out + ((side - 1 - column) * side + row) * channels,
                   in + (row * side + column) * channels, (size_t)channels);
}

START_TEST(quarter_turns_move_pixels_and_change_none) {
    static const int sides[] = {1, 2, 5, 28, 32};
    uint8_t in[MOST], expected[MOST], next[MOST], out[MOST];
    for (int i = 0; i < 5; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            int side = sides[i], count = side * side * channels;
            fill(in, count, (unsigned)(side + channels));
            memcpy(expected, in, (size_t)count);
            for (int turn = -4; turn <= 8; turn++) {
                rotate_picture(in, out, side, side, channels, 90.0 * turn);
                ck_assert_msg(!memcmp(out, expected, (size_t)count), "side %d, %d quarter turns",
                              side, turn);
                quarter(expected, next, side, channels);
                memcpy(expected, next, (size_t)count);
            }
        }
}
END_TEST

START_TEST(half_a_turn_of_any_shape_reads_it_backwards) {
    uint8_t in[5 * 8], out[5 * 8];
    fill(in, sizeof in, 3);
    rotate_picture(in, out, 5, 8, 1, 180);
    for (int i = 0; i < 5 * 8; i++) ck_assert_int_eq(out[i], in[5 * 8 - 1 - i]);
}
END_TEST

/* A point at the centre of 3 x 3, turned by 45 degrees: the neighbours beside it come from half a
 * diagonal, sqrt(1/2), away in both directions, those at the corners from sqrt(2) in one. */
START_TEST(between_pixels_it_is_linear) {
    const uint8_t in[9] = {[4] = 200};
    uint8_t out[9];
    rotate_picture(in, out, 3, 3, 1, 45);
    double near = 1 - sqrt(0.5);
    uint8_t beside = (uint8_t)lround(200 * near * near);
    const uint8_t expected[9] = {0, beside, 0, beside, 200, beside, 0, beside, 0};
    ck_assert_mem_eq(out, expected, sizeof out);
}
END_TEST

START_TEST(outside_is_black) {
    uint8_t in[20 * 20], out[20 * 20];
    memset(in, 255, sizeof in);
    rotate_picture(in, out, 20, 20, 1, 45);
    static const int corners[] = {0, 19, 19 * 20, 19 * 20 + 19};
    for (int i = 0; i < 4; i++) ck_assert_int_eq(out[corners[i]], 0);
    ck_assert_int_eq(out[10 * 20 + 10], 255);
    /* The white that is left is the octagon that a square and the same one turned by 45 degrees
     * share: 2 (sqrt 2 - 1) of it. Its border, 8 sides of about 8 pixels, may be off by a half. */
    double sum = 0;
    for (int i = 0; i < 20 * 20; i++) sum += out[i] / 255.0;
    ck_assert_double_eq_tol(sum, 400 * 2 * (sqrt(2) - 1), 33);
}
END_TEST

/* The centre of gravity of a spot goes where trigonometry says. */
START_TEST(any_angle_turns_counter_clockwise) {
    for (int degrees = -170; degrees < 180; degrees += 17) {
        uint8_t in[28 * 28] = {0}, out[28 * 28];
        for (int row = 12; row <= 15; row++)
            for (int column = 20; column <= 23; column++) in[row * 28 + column] = 180;
        rotate_picture(in, out, 28, 28, 1, degrees);
        double sum = 0, x = 0, y = 0;
        for (int i = 0; i < 28 * 28; i++)
            sum += out[i], x += out[i] * (i % 28 - 13.5), y += out[i] * (13.5 - i / 28);
        double angle = degrees * 3.14159265358979323846 / 180;
        /* sampling shifts the centre by a small part of a pixel */
        ck_assert_double_eq_tol(x / sum, 8 * cos(angle), 0.1);
        ck_assert_double_eq_tol(y / sum, 8 * sin(angle), 0.1);
        ck_assert_double_eq_tol(sum, 16 * 180, 0.05 * 16 * 180);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lab_rotate");
    TCase *tests = tcase_create("rotate");
    tcase_add_test(tests, quarter_turns_move_pixels_and_change_none);
    tcase_add_test(tests, half_a_turn_of_any_shape_reads_it_backwards);
    tcase_add_test(tests, between_pixels_it_is_linear);
    tcase_add_test(tests, outside_is_black);
    tcase_add_test(tests, any_angle_turns_counter_clockwise);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
