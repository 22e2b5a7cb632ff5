#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kist rootfs make --from-host."""
import os
import shutil

from harness import demand, expect, finish, test, test_both


@test_both
def runs(work):
    """programs run in the root that was made of them"""
    root = work.mine + '/root'
    work.good(work.rootfs('make', root, '--from-host', 'bash', '/bin/ls', '--passwd'))
    out = work.good(work.call('--root', work.state, 'run', '--rootfs', root, '--', 'bash', '-c',
                              'ls /etc; echo $BASH_VERSION | head -c 0; exit 0'
                              .replace(' | head -c 0', ' >/dev/null')))
    expect('passwd' in out, out)
    out = work.good(work.call('--root', work.state, 'run', '--rootfs', root, '--', '/bin/bash',
                              '-c', 'echo here'), 'here\n')
    expect(not os.path.exists(root + '/usr/bin/cat'), 'more than was asked for')


@test
def scripts(work):
    """a script brings its interpreter, also through env"""
    lines = {'one': '#!/bin/sh', 'two': '#!/usr/bin/env bash',
             'three': '#!/usr/bin/env -S bash -e', 'four': '#! /usr/bin/env --split-string=bash -e',
             'five': '#!/usr/bin/env -iS -u X Y="a b" \'bash\' -e'}
    for name, line in lines.items():
        with open(work.mine + '/' + name, 'w', encoding='ascii') as file:
            file.write(line + '\necho from $0\n')
        os.chmod(work.mine + '/' + name, 0o755)
        root, path = work.mine + '/root-' + name, work.mine + '/' + name
        work.good(work.rootfs('make', root, './two' if name == 'two' else path))
        work.good(work.call('--root', work.state, 'run', '--rootfs', root, '--', path),
                  'from %s\n' % path)


@test
def files(work):
    """--file, --nsswitch and --certificates take along what is not linked"""
    demand(os.path.exists('/etc/ssl/certs/ca-certificates.crt'), 'no certificates here')
    demand(os.path.exists('/etc/nsswitch.conf'), 'no /etc/nsswitch.conf here')
    os.makedirs(work.mine + '/data/deep')
    os.symlink('deep', work.mine + '/data/link')
    with open(work.mine + '/data/deep/file', 'w', encoding='ascii') as file:
        file.write('x')
    root = work.mine + '/root'
    work.good(work.rootfs('make', root, 'ls', '--file', work.mine + '/data', '--nsswitch',
                          '--certificates'))
    with open(root + work.mine + '/data/link/file', encoding='ascii') as file:
        expect(file.read() == 'x', 'data')
    work.good(work.rootfs('make', root + '2', 'ls', '--file', 'data/deep'))
    expect(os.path.exists(root + '2' + work.mine + '/data/deep/file'), 'a relative path')
    for name in 'etc/nsswitch.conf', 'etc/ssl/certs/ca-certificates.crt':
        expect(os.path.exists(root + '/' + name), name)


@test
def refused(work):
    """a program or a library that is missing: an error, and no directory"""
    root = work.mine + '/root'
    work.bad(work.rootfs('make', root, 'nosuchprogram'), 'nosuchprogram')
    shutil.copy('/bin/ls', work.mine + '/broken')
    with open(work.mine + '/broken', 'r+b') as file:
        data = file.read()
        at = data.index(b'libc.so.6')
        file.seek(at)
        file.write(b'libX.so.6')
    work.bad(work.rootfs('make', root, './broken'), 'needs libX.so.6')
    work.bad(work.rootfs('make', root, 'ls', '--file', '/nosuch'), '/nosuch')
    work.bad(work.rootfs('make', root, 'ls', '--file', '/usr/..'), 'is the root of the host')
    work.bad(work.rootfs('make', root, 'ls', '--file', ''), 'no such file')
    os.makedirs(work.mine + '/deep' + '/d' * 70)
    work.bad(work.rootfs('make', root, 'ls', '--file', work.mine + '/deep'),
             'more than 64 directories in each other')
    expect(not os.path.exists(root), 'a root')
    os.mkdir(root)
    work.bad(work.rootfs('make', root, 'ls'), 'file exists')


finish()
