#include "harness/backend_targets.h"
#include <stdlib.h>

static void run_one(const struct device_info *info, void (*test)(struct device *)) {
    struct device *d;
    MUST(device_open(info, &d));
    test(d);
    device_close(d);
}

static int run_list(void (*test)(struct device *), bool reference) {
    static const char *const families[] = {"cpu", "gpu"};
    struct device_info *list;
    int count, ran = 0;
    MUST(device_list(&list, &count));
    for (int i = 0; i < count; i++) {
        if (list[i].kind == DEVICE_REFERENCE) {
            if (reference) run_one(&list[i], test), ran++;
            continue;
        }
        for (int f = 0; f < 2; f++) {
            setenv("DROPCL_FAMILY", families[f], 1);
            run_one(&list[i], test);
            ran++;
        }
        unsetenv("DROPCL_FAMILY");
    }
    free(list);
    return ran;
}

int on_every_target(void (*test)(struct device *)) {
    return run_list(test, true);
}

int on_every_opencl_target(void (*test)(struct device *)) {
    return run_list(test, false);
}

struct device *open_reference(void) {
    struct device_info info;
    struct device *d;
    MUST(device_find("cpu", &info));
    MUST(device_open(&info, &d));
    return d;
}
