/* Faults and notes, all on stderr. */
#include "cli/cli.h"
#include "dropcl.h"
#include <stdarg.h>
#include <stdio.h>

int cli_fail(int status, const char *format, ...) {
    va_list list;
    va_start(list, format);
    fputs("dropcl: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return status;
}

/* Faults of a recipe start with FILE:LINE:COLUMN, as editors expect it: nothing may stand before
 * that. */
int cli_report(int status) {
    const char *prefix = status == DROPCL_RECIPE ? "" : "dropcl: ";
    fprintf(stderr, "%s%s\n", prefix, dropcl_error());
    return status;
}

void cli_device(const char *name, const char *driver) {
    fprintf(stderr, "device: %s (%s)\n", name, driver);
}
