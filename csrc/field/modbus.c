/* Modbus/TCP (Modbus Application Protocol 1.1b3): the message that a segment begins with. */
#include "field/define.h"

enum { LENGTH_AT = 4, FUNCTION_AT = 7, EXCEPTION = 0x80, WITH_EXCEPTION = 3 };

/* A refusal repeats the function with its high bit set, and says why in the octet behind (7). */
static bool get_exception(const struct pf_field *field, const struct pf_packet *packet, struct pf_value *value)
{
    uint8_t layer = packet->first[PF_MODBUS];
    const uint8_t *length = pf_layer_octets(packet, layer, LENGTH_AT, 2);
    const uint8_t *octets = pf_layer_octets(packet, layer, FUNCTION_AT, 2);
    (void)field;
    if (octets == NULL || (octets[0] & EXCEPTION) == 0 || pf_be16(length) < WITH_EXCEPTION)
        return false;
    value->word[0] = octets[1];
    return true;
}

static const struct pf_field fields[] = {
    PF_FIELD("mbtcp_trans_id", UINT16, APPLICATION, "mbtcp.trans_id",
             "Modbus/TCP: number of the transaction, which the answer repeats.", PF_NUMBER_AT(MODBUS, 0, 2, 0, 0xffff)),
    PF_FIELD("mbtcp_unit_id", UINT8, APPLICATION, "mbtcp.unit_id", "Modbus/TCP: the device behind the gateway.",
             PF_NUMBER_AT(MODBUS, 6, 1, 0, 0xff)),
    PF_FIELD("modbus_func_code", UINT8, APPLICATION, "modbus.func_code",
             "Modbus: function asked for or answered, without the bit of a refusal.",
             PF_NUMBER_AT(MODBUS, FUNCTION_AT, 1, 0, 0x7f)),
    PF_FIELD("modbus_exception_code", UINT8, APPLICATION, "modbus.exception_code",
             "Modbus: why it was refused; null where it was not.", .get = get_exception),
};

const struct pf_group pf_group_modbus = PF_GROUP_WITHIN("modbus", fields, PF_BIT(MODBUS));
