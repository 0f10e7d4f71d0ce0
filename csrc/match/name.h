/* A domain name or host off the wire, made ready to be looked up with all names it lies below.
 *
 *   "WWW.Example.ORG."  -->  www.example.org | example.org | org
 *
 * Letters of ASCII are made small and a dot at the end is left out. What is looked for has at most 253 characters, so
 * only the end of a longer name is kept; every step is one of at most 127 labels. */
#ifndef PF_MATCH_NAME_H
#define PF_MATCH_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum { PF_MOST_NAME = 256 };

struct pf_name {
    char text[PF_MOST_NAME];
    size_t length;
    bool whole; /* the text is all of the name */
};

void pf_name_from(struct pf_name *name, const char *text, size_t length);
/* The same for "host", "host:port" and "[address]:port", whose port is left out. */
void pf_name_from_host(struct pf_name *name, const char *text, size_t length);

/* Steps through the name itself (if it is whole) and those it lies below, from the longest on, which have at most
 * `longest` characters and are name->text + step->at to the end: start with a zeroed step; false at the end. */
struct pf_name_step {
    bool begun;
    size_t at;
};
bool pf_name_next(const struct pf_name *name, size_t longest, struct pf_name_step *step);

#endif
