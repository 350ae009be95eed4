#include "base/hash.h"
#include "harness/suite.h"
#include <check.h>
#include <string.h>

/* FIPS 180-4 examples and the NIST example of a million letters a. */
static const struct {
    const char *text, *hex;
} known[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

START_TEST(known_answers) {
    struct sha256 h;
    char hex[65];
    sha256_init(&h);
    sha256_add(&h, known[_i].text, strlen(known[_i].text));
    sha256_hex(&h, hex);
    ck_assert_str_eq(hex, known[_i].hex);
}
END_TEST

START_TEST(a_million_letters_in_pieces_of_any_size) {
    static const size_t pieces[] = {1, 63, 64, 65, 127, 1000};
    char letters[1000], hex[65];
    memset(letters, 'a', sizeof letters);
    struct sha256 h;
    sha256_init(&h);
    size_t left = 1000000;
    for (int i = 0; left; i++) {
        size_t piece = pieces[i % 6] < left ? pieces[i % 6] : left;
        sha256_add(&h, letters, piece);
        left -= piece;
    }
    sha256_hex(&h, hex);
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

START_TEST(every_length_around_a_block_is_padded_right) {
    /* SHA-256 of the concatenated digests (hex) of 0, 1, ... 129 letters b; from Python's hashlib.
     */
    char letters[130], hex[65];
    memset(letters, 'b', sizeof letters);
    struct sha256 all, one;
    sha256_init(&all);
    for (size_t n = 0; n < sizeof letters; n++) {
        sha256_init(&one);
        sha256_add(&one, letters, n);
        sha256_hex(&one, hex);
        sha256_add(&all, hex, 64);
    }
    sha256_hex(&all, hex);
    ck_assert_str_eq(hex, "5a26a264153ac527ffe6dc06a7def56e6df0c23515a6974fe14a0932a5117884");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("base_hash");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, known_answers, 0, 3);
    tcase_add_test(all, a_million_letters_in_pieces_of_any_size);
    tcase_add_test(all, every_length_around_a_block_is_padded_right);
    suite_add_tcase(suite, all);
    return suite_run(suite);
}
