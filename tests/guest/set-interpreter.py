# SPDX-License-Identifier: Apache-2.0
"""set-interpreter.py PROGRAM PATH: names another loader in an ELF file, in place."""
import sys

OLD = b'/lib64/ld-linux-x86-64.so.2\0'

program, path = sys.argv[1], sys.argv[2].encode()
assert len(path) < len(OLD), 'no room for ' + sys.argv[2]
with open(program, 'rb') as file:
    data = file.read()
at = data.index(OLD)
with open(program, 'wb') as file:
    file.write(data[:at] + path.ljust(len(OLD), b'\0') + data[at + len(OLD):])
