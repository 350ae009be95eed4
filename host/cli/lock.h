/* One command at a time in a folder. */
#ifndef DROPCL_CLI_LOCK_H
#define DROPCL_CLI_LOCK_H

/* Takes the lock of the folder, DIR/NAME.lock, which stays there. It is held as long as this
 * process or one that it has started lives, however they end, so that nothing comes upon work that
 * an abandoned child still does. *lock is for lock_leave, -1 when there is none. 0, or 73 after
 * saying that another one holds it. A file system without locks is told, and no fault. */
int lock_take(const char *folder, const char *name, int *lock);
void lock_leave(int lock);

#endif
