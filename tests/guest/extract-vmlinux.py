# SPDX-License-Identifier: Apache-2.0
"""extract-vmlinux.py VMLINUZ OUTPUT: the ELF file inside a bzImage."""
import struct
import subprocess
import sys

MAGICS = (
    (b'\xfd7zXZ\0', 'xz'),
    (b'\x02\x21\x4c\x18', 'lz4'),
    (b'\x28\xb5\x2f\xfd', 'zstd'),
    (b'\x1f\x8b', 'gzip'),
)

with open(sys.argv[1], 'rb') as file:
    image = file.read()
# Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length.
offset, length = struct.unpack_from('<II', image, 0x248)
start = ((image[0x1f1] or 4) + 1) * 512 + offset
payload = image[start:start + length]
for magic, program in MAGICS:
    if not payload.startswith(magic):
        continue
    # The last four bytes are the size, which not every program puts up with.
    for data in (payload[:-4], payload):
        result = subprocess.run([program, '-dc'], input=data, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if result.stdout[:4] == b'\x7fELF':
            with open(sys.argv[2], 'wb') as file:
                file.write(result.stdout)
            sys.exit(0)
sys.exit('no kernel found in ' + sys.argv[1])
