/* Worlds on devices. */
#include "harness/op.h"
#include <stdlib.h>
#include <string.h>

#define OK_OR_FAIL(call)                                                                           \
    do {                                                                                           \
        if (call) ck_abort_msg("%s: %s", #call, err_message());                                    \
    } while (0)

struct op_target op_reference(void) {
    struct op_target t = {.way = -1};
    OK_OR_FAIL(device_find("cpu", &t.info));
    return t;
}

int op_targets(struct op_target out[OP_TARGETS]) {
    static const char *const families[] = {"cpu", "gpu"};
    struct device_info *list;
    int count, n = 0;
    const char *wanted = getenv("DROPCL_TEST_PLATFORM"), *only = getenv("DROPCL_TEST_FAMILY");
    OK_OR_FAIL(device_list(&list, &count));
    for (int i = 0; i < count; i++) {
        if (list[i].kind == DEVICE_REFERENCE) continue;
        ck_assert_msg(!wanted || !strcmp(list[i].platform, wanted), "%s is of platform %s, not %s",
                      list[i].name, list[i].platform, wanted);
        for (int f = 0; f < 2 && n < OP_TARGETS; f++) {
            if (only && strcmp(only, families[f])) continue;
            out[n++] = (struct op_target){.info = list[i],
                                          .family = families[f],
                                          .way = -1,
                                          .slow = strstr(list[i].platform, "Oclgrind") != NULL};
        }
    }
    free(list);
    ck_assert_msg(n > 0, "no OpenCL device to compare the reference with");
    return n;
}

int op_target_ways(const struct op_world *w, const struct op_target *target) {
    struct device *device;
    int most = 1;
    setenv("DROPCL_FAMILY", target->family, 1);
    OK_OR_FAIL(device_open(&target->info, &device));
    for (int i = 0; i < w->plan->nsteps; i++) {
        const struct step *s = &w->plan->steps[i];
        struct step_ways ways;
        int n = s->op->ways && !op_frame_has(s)
                    ? s->op->ways(w->plan, s, device_caps(device), &ways)
                    : 1;
        if (n > most) most = n;
    }
    device_close(device);
    unsetenv("DROPCL_FAMILY");
    return most;
}

/* Devices stay open until the suite ends: POCL reads its library of built-in functions anew for
 * every context, which takes as long as building a kernel. A device keeps the ways it was told, so
 * each number of a way has a device of its own. */
enum { DEVICES = 64 };
static struct {
    struct op_target target;
    struct device *device;
} open_devices[DEVICES];
static int ndevices;

static bool same_target(const struct op_target *a, const struct op_target *b) {
    return a->info.platform_index == b->info.platform_index &&
           a->info.device_index == b->info.device_index && a->way == b->way &&
           a->library == b->library &&
           (a->family && b->family ? !strcmp(a->family, b->family) : a->family == b->family);
}

static struct device *device_of(const struct op_target *target) {
    for (int i = 0; i < ndevices; i++)
        if (same_target(&open_devices[i].target, target)) return open_devices[i].device;
    ck_assert_int_lt(ndevices, DEVICES);
    open_devices[ndevices].target = *target;
    OK_OR_FAIL(device_open(&target->info, &open_devices[ndevices].device));
    return open_devices[ndevices++].device;
}

void op_machine_close_devices(void) {
    while (ndevices) device_close(open_devices[--ndevices].device);
}

static void choose_way(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    for (int i = 0; i < p->nsteps && (m->target.way >= 0 || m->target.library); i++) {
        struct step_ways ways;
        struct caps caps = *device_caps(m->device);
        caps.gemm_any = p->recipe->train.gemm == GEMM_ANY;
        if (!p->steps[i].op->ways) continue;
        int n = p->steps[i].op->ways(p, &p->steps[i], &caps, &ways);
        if (m->target.library) OK_OR_FAIL(device_tune(m->device, ways.key, "clblast"));
        if (m->target.way >= 0 && m->target.way < n)
            OK_OR_FAIL(device_tune(m->device, ways.key, ways.name[m->target.way]));
    }
}

static void open_frame(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    struct op_target cpu = op_reference();
    int i = 0;
    while (i < p->nsteps && !op_frame_has(&p->steps[i])) i++;
    if (i == p->nsteps) return;
    m->rest = op_frame_without(p);
    m->reference = malloc(sizeof *m->reference);
    ck_assert_ptr_nonnull(m->reference);
    op_machine_open(m->reference, m->world, &cpu);
}

void op_machine_open(struct op_machine *m, const struct op_world *w,
                     const struct op_target *target) {
    *m = (struct op_machine){.world = w, .target = *target};
    if (target->family) setenv("DROPCL_FAMILY", target->family, 1);
    m->device = device_of(target);
    if (target->family)
        ck_assert_int_eq(device_caps(m->device)->cpu_family, !strcmp(target->family, "cpu"));
    choose_way(m);
    for (int b = 0; b < BUFFER_EXTERNAL; b++)
        if (w->plan->buffer_bytes[b])
            OK_OR_FAIL(buffer_new(m->device, w->plan->buffer_bytes[b], &m->buffer[b]));
    if (target->family) open_frame(m);
    const struct plan *plan = m->rest ? m->rest : w->plan;
    OK_OR_FAIL(program_new(m->device, plan, m->buffer, &m->program));
    op_machine_load(m);
}

void op_machine_close(struct op_machine *m) {
    if (m->reference) op_machine_close(m->reference);
    free(m->reference);
    program_free(m->program);
    op_frame_free(m->rest);
    for (int b = 0; b < BUFFER_EXTERNAL; b++) buffer_free(m->buffer[b]);
    unsetenv("DROPCL_FAMILY");
    *m = (struct op_machine){0};
}

/* The guards hold a pattern that no kernel would write by chance. */
static void load_guards(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    for (int v = p->nvalues - m->world->guards; v < p->nvalues; v++) {
        size_t bytes = value_bytes(&p->values[v]);
        unsigned char *pattern = malloc(bytes);
        ck_assert_ptr_nonnull(pattern);
        memset(pattern, 0xa5, bytes);
        op_machine_put(m, v, pattern);
        free(pattern);
    }
}

void op_machine_load(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    for (int b = 0; b < BUFFER_EXTERNAL; b++)
        if (m->buffer[b])
            OK_OR_FAIL(buffer_write(m->buffer[b], 0, m->world->content[b], p->buffer_bytes[b]));
    load_guards(m);
}

/* Steps [first, last) queued; those of the frame are done. */
static void run(struct op_machine *m, int first, int last, uint32_t cursor) {
    for (int i = first; m->reference && i < last; i++) {
        if (!op_frame_has(&m->world->plan->steps[i])) continue;
        OK_OR_FAIL(program_run(m->program, first, i, cursor));
        op_frame_run(m, i, cursor);
        first = i + 1;
    }
    OK_OR_FAIL(program_run(m->program, first, last, cursor));
}

void op_machine_run(struct op_machine *m, int first, int last, uint32_t cursor) {
    run(m, first, last, cursor);
    OK_OR_FAIL(program_finish(m->program));
}

/* Training's loop with one micro-batch: nothing to combine. */
void op_machine_run_all(struct op_machine *m) {
    const struct plan *p = m->world->plan;
    for (uint32_t r = 0; r < (uint32_t)p->options.control_rows; r++) {
        run(m, 0, p->combine, r);
        run(m, p->update, p->nsteps, r);
    }
    OK_OR_FAIL(program_finish(m->program));
}

void *op_machine_value(struct op_machine *m, int value) {
    void *data = malloc(value_bytes(&m->world->plan->values[value]));
    ck_assert_ptr_nonnull(data);
    OK_OR_FAIL(program_read(m->program, value, data));
    return data;
}

void op_machine_put(struct op_machine *m, int value, const void *data) {
    OK_OR_FAIL(program_write(m->program, value, data));
}

void *op_machine_buffer(struct op_machine *m, int buffer) {
    void *data = malloc(m->world->plan->buffer_bytes[buffer]);
    ck_assert_ptr_nonnull(data);
    OK_OR_FAIL(buffer_read(m->buffer[buffer], 0, data, m->world->plan->buffer_bytes[buffer]));
    return data;
}
