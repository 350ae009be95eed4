#include "cli/interrupt.h"
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t asked;

/* Only async-signal-safe calls. 128 + signal is what a shell reports for a program it killed. */
static void on_signal(int signal) {
    static const char note[] = "\nstopping after this step; once more ends at once\n";
    if (asked) _exit(128 + signal);
    asked = 1;
    ssize_t ignored = write(STDERR_FILENO, note, sizeof note - 1);
    (void)ignored;
}

void interrupt_catch(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool interrupt_asked(void) {
    return asked != 0;
}
