# SPDX-License-Identifier: Apache-2.0
"""What crun's tests use of util-linux's Python module, which Debian does not package."""


class Filesystem:
    def __init__(self, line):
        before, after = line.split(' - ')
        self.target = before.split()[4]
        self.vfs_options = before.split()[5]
        self.fs_options = after.split(None, 2)[2].strip()


class Table:
    def __init__(self, path):
        with open(path, encoding='utf-8') as file:
            self.rows = [Filesystem(line) for line in file if ' - ' in line]

    def find_target(self, target):
        return next((row for row in self.rows if row.target == target), None)
