#include "detect/text_put.h"

#include "field/field.h"

void pf_text_span_add(struct pf_text_span *span, const struct pf_text_event *event)
{
    if (span->frame == 0)
        span->frame = event->frame;
    if (!event->timed)
        return;
    span->first = !span->timed || event->time < span->first ? event->time : span->first;
    span->last = !span->timed || event->time > span->last ? event->time : span->last;
    span->timed = true;
}

enum pf_status pf_text_put_begin(struct pf_text_put *put, const struct pf_frame *frame, struct pf_error *error)
{
    *put = (struct pf_text_put){.part = pf_part_new(frame->kinds, frame->columns), .columns = frame->columns};
    return put->part != NULL ? PF_OK : pf_fail_memory(error);
}

enum pf_status pf_text_put_reserve(struct pf_text_put *put, struct pf_error *error)
{
    for (size_t i = 0; i < put->columns; i++)
        PF_TRY(pf_column_reserve(put->part->columns[i], 1, error));
    return PF_OK;
}

void pf_text_put_number(struct pf_text_put *put, uint64_t number)
{
    pf_column_put_number(put->part->columns[put->at++], number);
}

void pf_text_put_time(struct pf_text_put *put, bool timed, int64_t time)
{
    if (timed)
        pf_text_put_number(put, (uint64_t)time);
    else
        pf_column_put_null(put->part->columns[put->at++]);
}

void pf_text_put_times(struct pf_text_put *put, const struct pf_text_span *span)
{
    pf_text_put_time(put, span->timed, span->first);
    pf_text_put_time(put, span->timed, span->last);
    pf_text_put_number(put, span->frame);
}

enum pf_status pf_text_put_address(struct pf_text_put *put, const struct pf_value *address, struct pf_error *error)
{
    return pf_column_put_text(put->part->columns[put->at++], address, pf_text_address, error);
}

enum pf_status pf_text_put_text(struct pf_text_put *put, const char *text, size_t length, struct pf_error *error)
{
    return pf_column_put_octets(put->part->columns[put->at++], text, length, error);
}

void pf_text_put_row(struct pf_text_put *put)
{
    put->part->rows++;
    put->at = 0;
}

enum pf_status pf_text_put_end(struct pf_text_put *put, struct pf_frame *frame, enum pf_status status,
                               struct pf_error *error)
{
    if (status == PF_OK)
        return pf_frame_add(frame, put->part, error);
    pf_part_free(put->part, put->columns);
    return status;
}
