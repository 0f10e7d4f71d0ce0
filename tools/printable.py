"""Print csrc/base/printable.h: the characters beyond ASCII that are shown as they are.

python tools/printable.py >csrc/base/printable.h
"""

import unicodedata

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")

ranges: list[list[int]] = []
for character in range(0x80, 0x110000):
    if unicodedata.category(chr(character)) in HIDDEN:
        continue
    if ranges and ranges[-1][1] == character - 1:
        ranges[-1][1] = character
    else:
        ranges.append([character, character])

print(f"""/* Made by tools/printable.py of Unicode {unicodedata.unidata_version}: the characters from U+0080 on that are
 * assigned and are no control, format, surrogate or private-use character and no line or paragraph separator. First and
 * last of each run. */
#ifndef PF_BASE_PRINTABLE_H
#define PF_BASE_PRINTABLE_H

#include <stdint.h>

/* clang-format off */
static const uint32_t pf_printable[][2] = {{""")
for at in range(0, len(ranges), 5):
    print("    " + " ".join(f"{{0x{first:x}, 0x{last:x}}}," for first, last in ranges[at : at + 5]))
print("};\n/* clang-format on */\n\n#endif")
