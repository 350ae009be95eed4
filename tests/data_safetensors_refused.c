/* safetensors files of other writers are read; whatever breaks a rule of the format is refused with
 * a sentence of its own. Bad files are made here from their header's text. */
#include "harness/data_tensors.h"
#include "harness/suite.h"
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of the claimed header length, the header and `data` bytes 0, 1, 2, ... */
static const char *file_of(uint64_t claimed, const char *header, size_t data) {
    const char *path = tensors_path("made");
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    for (int i = 0; i < 8; i++) fputc((int)(claimed >> (8 * i) & 0xff), f);
    fputs(header, f);
    for (size_t i = 0; i < data; i++) fputc((int)(i & 0xff), f);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

static void expect_refusal(const char *path, enum err code, const char *sentence) {
    struct safetensors *s = (struct safetensors *)&s;
    enum err rc = safetensors_open(path, &s);
    ck_assert_msg(rc == code, "%s instead of %s: %s", err_name(rc), err_name(code), sentence);
    ck_assert_ptr_null(s);
    ck_assert_msg(strstr(err_message(), sentence) && strstr(err_message(), path),
                  "expected \"%s\" in \"%s\"", sentence, err_message());
}

START_TEST(files_of_other_writers_are_read) {
    /* Blanks and line ends, any order of members, an empty tensor in between, tensors against the
     * order of names and unaligned.
     */
    static const char header[] =
        "{ \"b\": {\"shape\": [1], \"data_offsets\": [1, 5], \"dtype\": \"F32\"},\n"
        " \"none\" : {\"dtype\":\"F32\", \"shape\":[2,0], \"data_offsets\":[1,1]},\n"
        " \"\\u0061\": {\"data_offsets\": [0, 1], \"dtype\":\"BOOL\", \"shape\": []},\n"
        " \"__metadata__\": {\"format\": \"pt\"} }   \n";
    struct safetensors *s;
    ck_assert_int_eq(safetensors_open(file_of(sizeof header - 1, header, 5), &s), OK);
    ck_assert_int_eq(s->ntensors, 3);
    tensors_expect_same(&s->tensors[0], &(struct tensor){"a", "BOOL", 0, {0}, "\0", 1});
    tensors_expect_same(&s->tensors[2], &(struct tensor){"b", "F32", 1, {1}, "\1\2\3\4", 4});
    tensors_expect_same(&s->tensors[1], &(struct tensor){"none", "F32", 2, {2, 0}, NULL, 0});
    ck_assert_str_eq(safetensors_metadata(s, "format"), "pt");
    safetensors_close(s);
}
END_TEST

#define T(members) "{\"w\":{" members "}}"
#define TYPE       "\"dtype\":\"F32\""
#define SHAPE      "\"shape\":[2]"
#define PLACE      "\"data_offsets\":[0,8]"
#define U8(name, from, to, size)                                                                   \
    "\"" name "\":{\"dtype\":\"U8\",\"shape\":[" size "],\"data_offsets\":[" from "," to "]}"

/* Each header in a file with 8 bytes of data. */
static const struct {
    const char *header, *sentence;
} abuses[] = {
    {"[]", "does not begin with '{'"},
    {"\n{}", "does not begin with '{'"},
    {"{", "no valid JSON"},
    {"{}x", "no valid JSON"},
    {"{\"\\u0000\":1}", "no valid JSON"},
    {"{\"\xff\":1}", "no valid JSON"},
    {T(TYPE "," SHAPE ",\"data_offsets\":[0,18446744073709551616]"), "no valid JSON"},
    {"{" U8("w", "0", "8", "8") "," U8("w", "0", "8", "8") "}", "occurs twice in the header"},
    {"{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", "occurs twice in the header"},
    {T(TYPE "," SHAPE "," SHAPE "," PLACE), "occurs twice in the header"},
    {"{\"__metadata__\":\"a\"}", "__metadata__ is no object"},
    {"{\"__metadata__\":{\"step\":1}}", "metadata \"step\" is no string"},
    {"{\"__metadata__\":{\"step\":{}}}", "metadata \"step\" is no string"},
    {"{\"w\":[]}", "described by something else than an object"},
    {T(SHAPE "," PLACE), "\"dtype\" is no text, or missing"},
    {T("\"dtype\":4," SHAPE "," PLACE), "\"dtype\" is no text, or missing"},
    {T("\"dtype\":\"f32\"," SHAPE "," PLACE), "the unknown type \"f32\""},
    {T("\"dtype\":\"F4\"," SHAPE "," PLACE), "the unknown type \"F4\""},
    {T(TYPE "," PLACE), "\"shape\" is no list"},
    {T(TYPE ",\"shape\":2," PLACE), "\"shape\" is no list"},
    {T(TYPE ",\"shape\":[2.0]," PLACE), "something else than counts"},
    {T(TYPE ",\"shape\":[\"2\"]," PLACE), "something else than counts"},
    {T(TYPE ",\"shape\":[-2]," PLACE), "something else than counts"},
    {T(TYPE ",\"shape\":[true]," PLACE), "something else than counts"},
    {T(TYPE ",\"shape\":[1,1,1,1,1,1,1,1,2]," PLACE), "has 9 dimensions; 0 to 8"},
    {T(TYPE ",\"shape\":[4294967296,4294967296,1]," PLACE), "too large for any memory"},
    {T(TYPE ",\"shape\":[4611686018427387904]," PLACE), "too large for any memory"},
    {T(TYPE ",\"shape\":[0,4294967296,4294967296]," PLACE), "too large for any memory"},
    {T(TYPE "," SHAPE), "are no two counts"},
    {T(TYPE "," SHAPE ",\"data_offsets\":8"), "are no two counts"},
    {T(TYPE "," SHAPE ",\"data_offsets\":[8]"), "are no two counts"},
    {T(TYPE "," SHAPE ",\"data_offsets\":[0,8,8]"), "are no two counts"},
    {T(TYPE "," SHAPE ",\"data_offsets\":[0,8.0]"), "are no two counts"},
    {T(TYPE "," SHAPE ",\"data_offsets\":[-8,0]"), "are no two counts"},
    {T(TYPE "," SHAPE ",\"data_offsets\":[8,0]"), "run backwards"},
    {T(TYPE "," SHAPE ",\"data_offsets\":[0,4]"), "has 4 bytes, its type and shape need 8"},
    {T(TYPE ",\"shape\":[]," PLACE), "has 8 bytes, its type and shape need 4"},
    {T(TYPE "," SHAPE "," PLACE ",\"more\":1"), "more than dtype, shape and data_offsets"},
    {"{" U8("a", "0", "4", "4") "," U8("b", "3", "8", "5") "}",
     "\"a\" and \"b\" overlap at byte 3"},
    {"{" U8("b", "0", "8", "8") "," U8("a", "0", "8", "8") "}",
     "\"b\" and \"a\" overlap at byte 0"},
    {"{" U8("a", "0", "8", "8") "," U8("b", "2", "2", "0") "}", "overlap at byte 2"},
    {"{" U8("a", "0", "3", "3") "," U8("b", "4", "8", "4") "}", "bytes 3 to 4 before tensor \"b\""},
    {"{" U8("a", "1", "8", "7") "}", "bytes 0 to 1 before tensor \"a\""},
    {"{" U8("a", "0", "9", "9") "}", "cut off: its tensors need 9 bytes, it holds 8"},
    {"{" U8("a", "0", "4611686018427387000", "4611686018427387000") "}", "it holds 8"},
    {"{" U8("a", "0", "7", "7") "}", "1 bytes follow the last tensor"},
    {"{}", "8 bytes follow the last tensor"},
    {"{\"\\u001b[2J\":1}", "tensor \"?[2J\""}, /* no terminal is told what to do */
};

START_TEST(every_abuse_of_the_header_is_refused) {
    const char *header = abuses[_i].header;
    expect_refusal(file_of(strlen(header), header, 8), ERR_DATA, abuses[_i].sentence);
}
END_TEST

START_TEST(the_file_beside_the_abuses_is_good) {
    struct safetensors *s;
    const char header[] = T(TYPE "," SHAPE "," PLACE);
    ck_assert_int_eq(safetensors_open(file_of(sizeof header - 1, header, 8), &s), OK);
    safetensors_close(s);
}
END_TEST

START_TEST(lying_header_lengths_are_refused) {
    const uint64_t most = 100000000;
    expect_refusal(file_of(0, "{}", 0), ERR_DATA, "the header is empty");
    expect_refusal(file_of(3, "{}", 0), ERR_DATA,
                   "is no safetensors file, or cut off: the header has 3 bytes");
    expect_refusal(file_of(most, "{}", 0), ERR_DATA, "cut off: the header has 100000000 bytes");
    expect_refusal(file_of(most + 1, "{}", 0), ERR_DATA, "a header of 100000001 bytes");
    expect_refusal(file_of(UINT64_MAX, "{}", 0), ERR_DATA, "a header of 18446744073709551615");
    expect_refusal(file_of(UINT64_MAX - 7, "{}", 0), ERR_DATA, "a header of 1844674407370955160");
}
END_TEST

START_TEST(nesting_does_not_exhaust_the_stack) {
    enum { DEPTH = 1000000 };
    char *header = malloc(DEPTH + 6);
    memcpy(header, "{\"w\":", 5);
    memset(header + 5, '[', DEPTH);
    header[DEPTH + 5] = 0;
    expect_refusal(file_of(DEPTH + 5, header, 0), ERR_DATA, "no valid JSON");
    free(header);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused) {
    size_t size;
    tensors_write_sample(tensors_path("x"));
    char *whole = tensors_content(tensors_path("x"), &size);
    FILE *f = fopen(tensors_path("cut"), "wb");
    ck_assert_uint_eq(fwrite(whole, 1, size, f), size);
    ck_assert_int_eq(fputc(' ', f), ' ');
    ck_assert_int_eq(fclose(f), 0);
    expect_refusal(tensors_path("cut"), ERR_DATA, "1 bytes follow the last tensor");
    for (size_t n = size; n-- > 0;) {
        ck_assert_int_eq(truncate(tensors_path("cut"), (off_t)n), 0);
        expect_refusal(tensors_path("cut"), ERR_DATA, n < 8 ? "too few" : "cut off");
    }
    free(whole);
}
END_TEST

START_TEST(what_is_no_file_is_told_apart) {
    expect_refusal(tensors_path("absent"), ERR_MISSING, "No such file");
    expect_refusal(tensors_path("absent/x"), ERR_MISSING, "No such file");
    expect_refusal(tensors_folder(), ERR_IO, "is a folder");
    ck_assert_int_eq(mkfifo(tensors_path("pipe"), 0600), 0);
    expect_refusal(tensors_path("pipe"), ERR_IO, "a pipe"); /* and does not wait for a writer */
}
END_TEST

int main(void) {
    TCase *tc = tcase_create("safetensors");
    tcase_add_checked_fixture(tc, tensors_make_folder, tensors_remove_folder);
    tcase_add_test(tc, files_of_other_writers_are_read);
    tcase_add_loop_test(tc, every_abuse_of_the_header_is_refused, 0,
                        sizeof abuses / sizeof abuses[0]);
    tcase_add_test(tc, the_file_beside_the_abuses_is_good);
    tcase_add_test(tc, lying_header_lengths_are_refused);
    tcase_add_test(tc, nesting_does_not_exhaust_the_stack);
    tcase_add_test(tc, a_file_cut_anywhere_is_refused);
    tcase_add_test(tc, what_is_no_file_is_told_apart);
    Suite *suite = suite_create("data_safetensors_refused");
    suite_add_tcase(suite, tc);
    return suite_run(suite);
}
