/* The files that a page is made of, embedded at build time (cmake/embed.cmake). */
#ifndef DROPCL_LAB_ASSETS_H
#define DROPCL_LAB_ASSETS_H

struct asset {
    const char *name; /* "page.css" */
    const char *text;
};

extern const struct asset assets[]; /* ends with a NULL name */

#endif
