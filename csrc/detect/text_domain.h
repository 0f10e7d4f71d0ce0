/* The registered domain of a name: what somebody had to register, so that all names below are in one hand. */
#ifndef PF_DETECT_TEXT_DOMAIN_H
#define PF_DETECT_TEXT_DOMAIN_H

#include <stddef.h>

/* Where it begins in a name of labels with dots between, in small letters: the last two labels, or three where a
 * country's registry sells names below the second (co.uk); all of a name that has fewer. Not the Public Suffix List,
 * which changes weekly: a domain taken too short puts names of several owners into one row, which no rule mistakes for
 * few names. */
size_t pf_text_registered(const char *name, size_t length);

#endif
