#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

enum pf_status pf_fail(struct pf_error *error, enum pf_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->status = status;
    error->sys = 0;
    error->file[0] = '\0';
    return status;
}

enum pf_status pf_fail_sys(struct pf_error *error, int sys, const char *file, const char *doing)
{
    (void)pf_fail(error, PF_OS_ERROR, "%s", doing);
    error->sys = sys;
    (void)snprintf(error->file, sizeof error->file, "%s", file != NULL ? file : "");
    return PF_OS_ERROR;
}

enum pf_status pf_fail_memory(struct pf_error *error)
{
    return pf_fail(error, PF_NO_MEMORY, "out of memory");
}
