/* datasets/manifest.json agrees with the program, and fetch.sh lets only right files in. The mirror
 * is a folder: no network is needed. */
#include "base/hash.h"
#include "base/io.h"
#include "data/dataset.h"
#include "harness/data_files.h"
#include "harness/suite.h"
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

static json_t *manifest;

static void set_up(void) {
    files_make_folder();
    manifest =
        json_load_file(TEST_SOURCE_DIR "/datasets/manifest.json", JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(manifest);
}

static void tear_down(void) {
    json_decref(manifest);
    files_remove_folder();
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    ck_assert_msg(text, "no text \"%s\"", key);
    return text;
}

static void hash(const void *data, size_t size, char out[65]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, data, size);
    sha256_hex(&h, out);
}

START_TEST(the_manifest_describes_every_dataset_and_no_other) {
    size_t known = 0;
    for (const char *const *n = dataset_names(); *n; n++, known++) {
        const json_t *entry = json_object_get(manifest, *n);
        ck_assert_msg(json_is_object(entry), "%s is not in the manifest", *n);
        ck_assert(*text_of(entry, "title") && *text_of(entry, "source") &&
                  *text_of(entry, "licence"));
        ck_assert_uint_eq(strlen(text_of(entry, "rows_sha256")), 64);
    }
    ck_assert_uint_eq(json_object_size(manifest), known + 1); /* "schema" */
}
END_TEST

START_TEST(the_program_looks_for_the_files_of_the_manifest) {
    for (const char *const *n = dataset_names(); *n; n++) {
        const json_t *files = json_object_get(json_object_get(manifest, *n), "files");
        struct dataset *d = NULL;
        size_t i;
        const json_t *file;
        if (dataset_available(*n, files_folder())) continue; /* built in */
        ck_assert_uint_gt(json_array_size(files), 0);
        ck_assert_int_eq(dataset_open(*n, files_folder(), &d), ERR_MISSING);
        json_array_foreach(files, i, file) {
            char plain[128];
            snprintf(plain, sizeof plain, "%s", text_of(file, "name"));
            char *end = strstr(plain, ".gz");
            if (end) {
                ck_assert_int_eq(end[3], 0);
                *end = 0;
            }
            ck_assert_msg(strstr(err_message(), plain), "%s not in: %s", plain, err_message());
        }
    }
}
END_TEST

START_TEST(the_manifest_has_the_hash_of_the_built_in_digits) {
    struct dataset *d;
    ck_assert_int_eq(dataset_open("synthetic", NULL, &d), OK);
    ck_assert_str_eq(text_of(json_object_get(manifest, "synthetic"), "rows_sha256"),
                     dataset_hash(d));
    dataset_close(d);
}
END_TEST

START_TEST(real_files_have_the_sizes_and_hashes_of_the_manifest) {
    const char *folder = getenv("DROPCL_DATA");
    const json_t *mnist = json_object_get(manifest, "mnist");
    char path[512], sum[65];
    size_t i, size, checked = 0;
    const json_t *file;
    json_array_foreach(json_object_get(mnist, "files"), i, file) {
        char *data;
        snprintf(path, sizeof path, "%s/mnist/%s", folder ? folder : "", text_of(file, "name"));
        if (!folder || io_read(path, 1 << 28, &data, &size) != OK) continue;
        hash(data, size, sum);
        ck_assert_str_eq(sum, text_of(file, "sha256"));
        ck_assert_int_eq((json_int_t)size, json_integer_value(json_object_get(file, "bytes")));
        /* A gzip file ends with its unpacked size, little-endian (RFC 1952). */
        const uint8_t *end = (const uint8_t *)data + size - 4;
        ck_assert_int_eq(end[0] | end[1] << 8 | end[2] << 16 | end[3] << 24,
                         json_integer_value(json_object_get(file, "unpacked")));
        free(data);
        checked++;
    }
    if (checked == 0) puts("skipped: real_files_... ($DROPCL_DATA has no mnist/*.gz)");
}
END_TEST

/* The manifest has the files of the published archive, which may lie packed here. */
START_TEST(real_cifar_10_files_have_the_hashes_of_the_manifest) {
    const char *folder = getenv("DROPCL_DATA");
    const json_t *cifar = json_object_get(manifest, "cifar-10"), *file;
    size_t i, size = 30730000, checked = 0;
    uint8_t *data = malloc(size + 1);
    json_array_foreach(json_object_get(cifar, "files"), i, file) {
        char path[512], sum[65];
        gzFile z = NULL; /* reads plain files too */
        for (int packed = 0; folder && !z && packed < 2; packed++) {
            snprintf(path, sizeof path, "%s/cifar-10/%s%s", folder, text_of(file, "name"),
                     packed ? ".gz" : "");
            z = gzopen(path, "rb");
        }
        if (!z) continue;
        ck_assert_int_eq(gzread(z, data, (unsigned)size + 1), (int)size);
        gzclose(z);
        hash(data, size, sum);
        ck_assert_str_eq(sum, text_of(file, "sha256"));
        ck_assert_int_eq((json_int_t)size, json_integer_value(json_object_get(file, "bytes")));
        checked++;
    }
    free(data);
    if (checked == 0) puts("skipped: real_cifar_10_files_... ($DROPCL_DATA has no cifar-10)");
}
END_TEST

/* ---- fetch.sh, copied beside a manifest with two tiny files ---- */

static const char *const tiny[] = {"first file", "the second\n"};

static void set_up_fetch(void) {
    set_up();
    char *script, sums[2][65], text[1024];
    size_t size;
    ck_assert_int_eq(io_read(TEST_SOURCE_DIR "/datasets/fetch.sh", 1 << 16, &script, &size), OK);
    files_write("fetch.sh", script, size);
    free(script);
    for (int i = 0; i < 2; i++) hash(tiny[i], strlen(tiny[i]), sums[i]);
    /* Laid out as the real one, whose lines the script reads. */
    int n =
        snprintf(text, sizeof text,
                 "{\n  \"tiny\": {\n    \"mirrors\": [\n      \"file://%s/none\",\n"
                 "      \"file://%s/mirror\"\n    ],\n    \"files\": [\n"
                 "      {\"name\": \"a.gz\", \"bytes\": 1, \"sha256\": \"%s\"},\n"
                 "      {\"name\": \"b.gz\", \"bytes\": 1, \"sha256\": \"%s\"}\n    ]\n  }\n}\n",
                 files_folder(), files_folder(), sums[0], sums[1]);
    files_write("manifest.json", text, (size_t)n);
    files_write("mirror/a.gz", tiny[0], strlen(tiny[0]));
    files_write("mirror/b.gz", tiny[1], strlen(tiny[1]));
    unsetenv("DROPCL_MIRROR");
}

/* The exit status of a line of shell. */
static int shell(const char *line) {
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int fetch(const char *arguments) {
    char line[512];
    snprintf(line, sizeof line, "sh '%s' %s >'%s' 2>&1", files_path("fetch.sh"), arguments,
             files_path("log"));
    return shell(line);
}

static void expect_logged(const char *text) {
    char *log;
    size_t size;
    ck_assert_int_eq(io_read(files_path("log"), 1 << 16, &log, &size), OK);
    ck_assert_msg(strstr(log, text), "\"%s\" is not in: %s", text, log);
    free(log);
}

static void expect_fetched(const char *folder) {
    for (int i = 0; i < 2; i++) {
        char name[128], *data;
        size_t size;
        snprintf(name, sizeof name, "%s/%c.gz", folder, "ab"[i]);
        ck_assert_msg(io_read(files_path(name), 1000, &data, &size) == OK, "%s", err_message());
        ck_assert_uint_eq(size, strlen(tiny[i]));
        ck_assert_mem_eq(data, tiny[i], size);
        free(data);
    }
}

/* wget knows no file: addresses. */
static int no_curl(void) {
    if (shell("command -v curl >/dev/null") == 0) return 0;
    puts("skipped: fetching from a folder needs curl");
    return 1;
}

START_TEST(fetch_takes_the_files_from_the_first_mirror_that_has_them) {
    if (no_curl()) return;
    ck_assert_int_eq(fetch("tiny"), 0);
    expect_logged("none/a.gz could not be downloaded");
    expect_fetched("tiny");
    ck_assert_int_eq(fetch("tiny"), 0);
    expect_logged("b.gz: already there");
    char arguments[256];
    snprintf(arguments, sizeof arguments, "tiny '%s'", files_path("else where"));
    ck_assert_int_eq(fetch(arguments), 0);
    expect_fetched("else where");
}
END_TEST

/* The same two files in an archive, which also holds one that nobody asked for. */
START_TEST(fetch_takes_files_out_of_an_archive) {
    if (no_curl()) return;
    char sums[3][65], text[1024], line[1024], *archive;
    size_t size;
    files_write("box/inside/a.gz", tiny[0], strlen(tiny[0]));
    files_write("box/inside/b.gz", tiny[1], strlen(tiny[1]));
    files_write("box/inside/c", "c", 1);
    snprintf(line, sizeof line, "cd '%s' && tar -czf mirror/box.tar.gz -C box inside",
             files_folder());
    ck_assert_int_eq(shell(line), 0);
    ck_assert_int_eq(io_read(files_path("mirror/box.tar.gz"), 1 << 16, &archive, &size), OK);
    for (int i = 0; i < 2; i++) hash(tiny[i], strlen(tiny[i]), sums[i]);
    hash(archive, size, sums[2]);
    free(archive);
    for (int wrong = 0; wrong < 3; wrong++) { /* nothing, the second file's hash, the archive's */
        if (wrong) sums[wrong][0] = sums[wrong][0] == 'f' ? 'e' : 'f';
        int n =
            snprintf(text, sizeof text,
                     "{\n  \"tiny\": {\n    \"mirrors\": [\n      \"file://%s/mirror\"\n    ],\n"
                     "    \"archive\": {\"file\": \"box.tar.gz\", \"folder\": \"inside\", "
                     "\"sum\": \"%s\"},\n    \"files\": [\n"
                     "      {\"name\": \"a.gz\", \"sha256\": \"%s\"},\n"
                     "      {\"name\": \"b.gz\", \"sha256\": \"%s\"}\n    ]\n  }\n}\n",
                     files_folder(), sums[2], sums[0], sums[1]);
        files_write("manifest.json", text, (size_t)n);
        ck_assert_int_eq(fetch("tiny"), wrong ? 1 : 0);
        if (!wrong) {
            expect_logged("a.gz: unpacked, SHA-256 as expected");
            expect_fetched("tiny");
            ck_assert(!io_exists(files_path("tiny/c")));
            ck_assert_int_eq(fetch("tiny"), 0);
            expect_logged("b.gz: already there");
        } else {
            expect_logged(wrong == 1 ? "is not what it should be" : "has SHA-256");
        }
        ck_assert_int_eq(remove(files_path("tiny/a.gz")) | remove(files_path("tiny/b.gz")),
                         wrong == 0 ? 0 : -1);
    }
}
END_TEST

START_TEST(fetch_replaces_a_damaged_file) {
    if (no_curl()) return;
    files_write("tiny/a.gz", "damaged", 7);
    ck_assert_int_eq(fetch("tiny"), 0);
    expect_fetched("tiny");
}
END_TEST

START_TEST(fetch_keeps_no_file_with_another_hash) {
    if (no_curl()) return;
    files_write("mirror/a.gz", "first fil3", 10);
    ck_assert_int_eq(fetch("tiny"), 1);
    expect_logged("has SHA-256");
    /* The folder is empty, so that it can be removed. */
    ck_assert_int_eq(rmdir(files_path("tiny")), 0);
}
END_TEST

START_TEST(fetch_refuses_names_that_it_does_not_know) {
    ck_assert_int_eq(fetch("huge"), 1);
    expect_logged("knows no dataset huge");
    ck_assert(!io_exists(files_path("huge")));
}
END_TEST

int main(void) {
    Suite *s = suite_create("data_manifest");
    TCase *t = tcase_create("manifest"), *f = tcase_create("fetch");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_manifest_describes_every_dataset_and_no_other);
    tcase_add_test(t, the_program_looks_for_the_files_of_the_manifest);
    tcase_add_test(t, the_manifest_has_the_hash_of_the_built_in_digits);
    tcase_add_test(t, real_files_have_the_sizes_and_hashes_of_the_manifest);
    tcase_add_test(t, real_cifar_10_files_have_the_hashes_of_the_manifest);
    tcase_add_checked_fixture(f, set_up_fetch, tear_down);
    tcase_set_timeout(f, 60);
    tcase_add_test(f, fetch_takes_the_files_from_the_first_mirror_that_has_them);
    tcase_add_test(f, fetch_takes_files_out_of_an_archive);
    tcase_add_test(f, fetch_replaces_a_damaged_file);
    tcase_add_test(f, fetch_keeps_no_file_with_another_hash);
    tcase_add_test(f, fetch_refuses_names_that_it_does_not_know);
    suite_add_tcase(s, t);
    suite_add_tcase(s, f);
    return suite_run(s);
}
