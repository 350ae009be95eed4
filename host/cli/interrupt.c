#include "cli/interrupt.h"
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t asked;
/* A process id is an int, which sig_atomic_t is too wherever there are process ids; 0: none. */
static volatile sig_atomic_t children[INTERRUPT_CHILDREN];

/* Only async-signal-safe calls. 128 + signal is what a shell reports for a program it killed. */
static void on_signal(int signal) {
    static const char note[] = "\nstopping after this step; once more ends at once\n";
    for (int i = 0; i < INTERRUPT_CHILDREN; i++)
        if (children[i]) kill((pid_t)children[i], SIGTERM);
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

static void replace(pid_t from, pid_t to) {
    for (int i = 0; i < INTERRUPT_CHILDREN; i++) {
        if (children[i] != from) continue;
        children[i] = to;
        return;
    }
}

/* A signal between the start of the child and this call has not reached it; one during it may reach
 * it twice, which ends it at once: it is to end in any case. */
void interrupt_add(pid_t child) {
    replace(0, child);
    if (asked) kill(child, SIGTERM);
}

void interrupt_remove(pid_t child) {
    replace(child, 0);
}
