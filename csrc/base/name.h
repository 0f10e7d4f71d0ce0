/* Names put together of two halves that live as long as the program, as names of columns must.
 *
 * Each is kept once and never freed, so both halves must come from fixed lists (an aggregate, a field of the
 * catalogue). Any thread may call. */
#ifndef PF_BASE_NAME_H
#define PF_BASE_NAME_H

/* "sum_" and "frame_len" give "sum_frame_len"; NULL when memory is refused. */
const char *pf_name_joined(const char *first, const char *second);

#endif
