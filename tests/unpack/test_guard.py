#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each guard is what holds: its attack succeeds where it is taken out (tests/attack/unguarded)."""
import ctypes
import os
import subprocess

from harness import PROGRAM, finish, test
from image import END, Layout, digest, file_, symlink


def link_out(work, without):
    """Whether a file behind a link of the layer's came to be beside the target."""
    os.environ['KIST_WITHOUT_GUARD'] = without
    link = symlink(b'l', work.sentinel.encode())
    Layout(work.image).layer(link + file_(b'l/made', b'x') + END).save()
    said = work.run('oci:' + work.image, work.out)
    return os.path.exists(work.sentinel + '/made'), said


for guards in ('', 'resolver', 'confine'):
    def one_is_enough(work, guards=guards):
        made, said = link_out(work, guards)
        if made or said[0] != 1:
            yield said
    one_is_enough.__doc__ = 'a link out of the target stays inside' + (
        ' without "%s"' % guards if guards else '')
    test(one_is_enough)


@test
def none_is_not(work):
    """a link out of the target leads there without "resolver" and "confine\""""
    made, said = link_out(work, 'resolver,confine')
    work.complaints = lambda: []	# the tree beside it has changed
    if not made:
        yield said


@test
def landlock_is_enough(work):
    """a link out of the target stays inside without "resolver" where Landlock alone confines it"""
    if os.geteuid() != 0 or ctypes.CDLL(None).syscall(444, None, 0, 1) <= 0:
        raise LookupError('needs root and Landlock')
    link = symlink(b'l', work.sentinel.encode())
    Layout(work.image).layer(link + file_(b'l/made', b'x') + END).save()
    script = 'cd /proc/sys/user && echo 0 >max_mnt_namespaces && echo 0 >max_user_namespaces && ' \
        'exec "$1" unpack "oci:$2/image" "$2/work/out"'
    said = subprocess.run(['unshare', '-Urmpf', '--mount-proc', 'sh', '-c', script, '-', PROGRAM,
                           work.path], env=dict(os.environ, KIST_WITHOUT_GUARD='resolver'),
                          stdout=-1, stderr=subprocess.STDOUT, timeout=60, check=False)
    # The kernel's word, not the resolver's.
    if os.path.exists(work.sentinel + '/made') or b'permission denied' not in said.stdout:
        yield said


def other_blob(work, without):
    os.environ['KIST_WITHOUT_GUARD'] = without
    tar = file_(b'f', b'good') + END
    Layout(work.image).layer(tar).save()
    with open(work.image + '/blobs/' + digest(tar).replace(':', '/'), 'wb') as file:
        file.write(tar.replace(b'good', b'evil'))
    return work.run('oci:' + work.image, work.out)


@test
def digests(work):
    """a layer with other bytes is refused"""
    said = other_blob(work, '')
    if said[0] != 1 or os.path.exists(work.out):
        yield said


@test
def no_digests(work):
    """a layer with other bytes is taken without "digest\""""
    said = other_blob(work, 'digest')
    if said[0] != 0 or not os.path.exists(work.out + '/f'):
        yield said


finish()
