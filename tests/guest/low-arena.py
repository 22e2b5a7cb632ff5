# SPDX-License-Identifier: Apache-2.0
"""low-arena.py LIBRARY COPY: Criterion for a guest with few addresses.

User-mode Linux before 6.16 gives a program 512 GiB of address space.  BoxFort, inside
libcriterion, maps the memory that it shares with a test at a random address above 32 TiB,
and every test program ends there with "Could not initialize inheritable context".
The copy does the same above 384 GiB.
"""
import re
import sys

HIGH, LOW = 0x2000_0000_0000, 0x60_0000_0000

with open(sys.argv[1], 'rb') as file:
    code = file.read()


def exchange(what, pattern, by):
    """One place, or none that is meant."""
    global code
    code, count = re.subn(pattern, by, code, flags=re.DOTALL)
    if count != 1:
        sys.exit('%s: %d places have %s: not built as known' % (sys.argv[1], count, what))


def number(value):
    return (value & (1 << 64) - 1).to_bytes(8, 'little')


# movabs $HIGH, a random number masked, shl $24 (to 2^46): shl $12, for 16 GiB.
exchange('the first address',
         rb'([\x48\x49][\xb8-\xbf])' + re.escape(number(HIGH)) +
         rb'(.{0,48}?[\x48\x49]\xc1[\xe0-\xe7])\x18',
         lambda m: m[1] + number(LOW) + m[2] + b'\x0c')
# The result is compared with it: result - HIGH - 1, unsigned.
exchange('the check', rb'([\x48\x49][\xb8-\xbf])' + re.escape(number(-HIGH - 1)),
         lambda m: m[1] + number(-LOW - 1))
with open(sys.argv[2], 'wb') as file:
    file.write(code)
