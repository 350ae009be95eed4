/* Specialised programs: the common headers, the launch's files, the launch's defines. Each pair is
 * built once per device; a build takes a good fraction of a second. */
#include "backend/ocl_private.h"
#include "base/hash.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

/* In front of every program, in this order. */
static const char *const common[] = {"control_words.h", "prelude.h",   "philox.h",
                                     "portable_math.h", "pointwise.h", "portable_vector.h"};

enum { COMMON = sizeof common / sizeof common[0], LOG_LINES = 12, LOG_BYTES = 1200 };

/* #line makes the compiler speak of the file that the reader knows. */
static enum err add_file(struct text *source, const char *name) {
    const char *text = kernel_source(name);
    if (!text) return err_set(ERR_SYSTEM, "there is no kernel file %s", name);
    text_add(source, "#line 1 \"%s\"\n", name);
    text_add_bytes(source, text, strlen(text));
    text_add(source, "\n");
    return OK;
}

/* The whole program as one text, so that one hash covers it; the caller frees. */
static enum err assemble(const char *const *files, int nfiles, char **out) {
    struct text source = {0};
    enum err rc = OK;
    for (int i = 0; i < COMMON && !rc; i++) rc = add_file(&source, common[i]);
    for (int i = 0; i < nfiles && !rc; i++) {
        struct text name = {0};
        char *file = NULL;
        text_add(&name, strchr(files[i], '.') ? "%s" : "%s.cl", files[i]);
        rc = text_take(&name, &file);
        if (!rc) rc = add_file(&source, file);
        free(file);
    }
    if (!rc) return text_take(&source, out);
    text_free(&source);
    return rc;
}

/* Cuts a compiler log to its first lines: one mistake in a header can fill pages. */
static void shorten(char *log) {
    size_t end = strnlen(log, LOG_BYTES);
    int lines = 0;
    for (size_t i = 0; i < end; i++)
        if (log[i] == '\n' && ++lines == LOG_LINES) end = i;
    while (end && log[end - 1] == '\n') end--;
    log[end] = '\0';
}

static enum err build_fault(const struct ocl_device *d, cl_program program, cl_int code,
                            const char *file, const char *options) {
    size_t size = 0;
    char *log = NULL;
    clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    if (size) log = calloc(1, size + 1);
    if (log) {
        clGetProgramBuildInfo(program, d->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
        shorten(log);
    }
    err_set(ERR_SYSTEM, "kernel file %s.cl does not build on %s: %s (%d), options %s\n%s", file,
            d->base.info.name, ocl_error_name(code), (int)code, options,
            log && *log ? log : "(the compiler left no message)");
    free(log);
    return ERR_SYSTEM;
}

/* The NUL between the two is hashed as well, so that no two pairs run together. */
static void make_key(const char *source, const char *options, char key[KEY_SIZE]) {
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, options, strlen(options) + 1);
    sha256_add(&hash, source, strlen(source));
    sha256_hex(&hash, key);
}

/* Room for the entry is made first: a program that is built is never lost. */
static enum err build(struct ocl_device *d, const char *source, const char *options,
                      const char *file, const char *key, cl_program *out) {
    struct ocl_build *grown = realloc(d->builds, (d->nbuilds + 1) * sizeof *grown);
    if (!grown) return err_memory("a program");
    d->builds = grown;
    cl_int code;
    cl_program program = clCreateProgramWithSource(d->context, 1, &source, NULL, &code);
    TRY(ocl_error(&d->base, code, "making a program of %s.cl", file));
    code = clBuildProgram(program, 1, &d->id, options, NULL, NULL);
    if (code) {
        enum err rc = build_fault(d, program, code, file, options);
        clReleaseProgram(program);
        return rc;
    }
    struct ocl_build *entry = &d->builds[d->nbuilds++];
    memcpy(entry->key, key, KEY_SIZE);
    entry->program = *out = program;
    return OK;
}

/* The texts are part of the key, so a replaced kernel file is another program. */
static enum err find_or_build(struct ocl_device *d, const char *source, const char *options,
                              const char *file, cl_program *out) {
    char key[KEY_SIZE];
    make_key(source, options, key);
    for (size_t i = 0; i < d->nbuilds; i++)
        if (!strcmp(d->builds[i].key, key)) {
            *out = d->builds[i].program;
            return OK;
        }
    return build(d, source, options, file, key, out);
}

enum err ocl_program_kernel(struct ocl_device *d, const char *const *files, int nfiles,
                            const char *defines, const char *kernel, cl_kernel *out) {
    const char *file = files[nfiles - 1];
    char *source = NULL, *options = NULL;
    struct text all = {0};
    cl_program program = NULL;
    TRY(assemble(files, nfiles, &source));
    text_add(&all, "%s%s", d->options, defines);
    enum err rc = text_take(&all, &options);
    if (!rc) rc = find_or_build(d, source, options, file, &program);
    if (!rc) {
        cl_int code;
        *out = clCreateKernel(program, kernel, &code);
        rc = ocl_error(&d->base, code, "making kernel %s of %s.cl", kernel, file);
    }
    free(options);
    free(source);
    return rc;
}
