/* Credentials written as base64 (RFC 4648, 4): HTTP's scheme Basic (RFC 7617), SASL's PLAIN (RFC 4616) and LOGIN. */
#ifndef PF_DETECT_TEXT_SECRET_H
#define PF_DETECT_TEXT_SECRET_H

#include "base/cursor.h"
#include "detect/text_event.h"

/* Octets of a user or secret that are kept: longer than people type. Decoded: both, and a name to act for. */
enum { PF_SECRET_OCTETS = 128, PF_SECRET_DECODED = 3 * PF_SECRET_OCTETS };

/* The octets that the text stands for, at most PF_SECRET_DECODED; false where it is no base64 or longer. */
bool pf_secret_decode(const struct pf_cursor *text, uint8_t octets[PF_SECRET_DECODED], size_t *size);

/* "Basic dXNlcjpzZWNyZXQ=": an event with user and secret, where the field's value is that. */
enum pf_status pf_secret_note_basic(const struct pf_packet *packet, const struct pf_cursor *value,
                                    struct pf_text_piece *piece, struct pf_error *error);

#endif
