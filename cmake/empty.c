/* A shared library made of other libraries still needs a source file of its own. */
extern int dropcl_library_is_not_empty;
int dropcl_library_is_not_empty;
