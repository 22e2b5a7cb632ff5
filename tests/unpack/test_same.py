#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Odd tars come out as GNU tar has them; archives of images as their layouts."""
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile

from harness import accepted, finish, listing, refused, test
from image import (END, Layout, dir_, file_, gzip, hard_link, header, padded, pax, symlink)


def as_gnu_tar(work, path, *words):
    """Complaints, unless kist and GNU tar unpack the same."""
    theirs = work.path + '/theirs'
    os.mkdir(theirs)
    result = subprocess.run(['tar', '-xpf', path, '-C', theirs, '--xattrs', '--xattrs-include=*',
                             '--numeric-owner', '--delay-directory-restore'],
                            stderr=subprocess.PIPE, check=False)
    if result.returncode != 0:
        yield 'tar: %s' % result.stderr.decode()
    status, text = work.run(path if '/' in path else 'tar:' + path, work.out, *words)
    if status != 0:
        yield text
        return
    ours, wanted = listing(work.out), listing(theirs)
    ours.pop('.')
    wanted.pop('.')
    for name in sorted(set(ours) | set(wanted)):
        if ours.get(name) != wanted.get(name):
            yield '%s: %.200s\ntar: %.200s' % (name, ours.get(name), wanted.get(name))
    if not ours:
        yield 'there is nothing in it'


def sparse_old():
    """Old GNU: four pairs in the header, the rest in a block of their own."""
    pieces = [(i * 65536, 512) for i in range(6)] + [(400000, 0)]
    pairs = [b'%011o\0%011o\0' % p for p in pieces]
    rest = b''.ljust(41, b'\0') + b''.join(pairs[:4]) + b'\1' + b'%011o\0' % 400000
    more = b''.join(pairs[4:]).ljust(512, b'\0')
    return header(b'old', b'S', size=6 * 512, magic=b'ustar  \0', rest=rest) + more + \
        b''.join(bytes([65 + i]) * 512 for i in range(6))


def sparse_pax(version):
    pieces = [(0, 512), (100000, 5), (200000, 0)]
    data = b'a' * 512 + b'bcdef'
    numbers = [b'%d' % n for p in pieces for n in p]
    if version == '0.0':
        rows = [(b'GNU.sparse.size', b'200000'), (b'GNU.sparse.numblocks', b'3')]
        for offset, size in pieces:
            rows += [(b'GNU.sparse.offset', b'%d' % offset), (b'GNU.sparse.numbytes', b'%d' % size)]
        return pax(*rows) + file_(b'v00', data)
    if version == '0.1':
        return pax((b'GNU.sparse.size', b'200000'), (b'GNU.sparse.numblocks', b'3'),
                   (b'GNU.sparse.map', b','.join(numbers)), (b'GNU.sparse.name', b'v01')) + \
            file_(b'GNUSparseFile.0/v01', data)
    body = padded(b'\n'.join([b'3'] + numbers) + b'\n') + data
    return pax((b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'),
               (b'GNU.sparse.name', b'v10'), (b'GNU.sparse.realsize', b'200000')) + \
        file_(b'GNUSparseFile.0/v10', body)


LONG = b'l' * 50 + b'n' * 150
ODD = [
    ('old sparse files', sparse_old()),
    ('sparse files of pax 0.0', sparse_pax('0.0')),
    ('sparse files of pax 0.1', sparse_pax('0.1')),
    ('sparse files of pax 1.0', sparse_pax('1.0')),
    ('long GNU names', header(b'././@LongLink', b'L', size=len(LONG) + 1, magic=b'ustar  \0') +
     padded(LONG + b'\0') + file_(LONG[:99], b'x', magic=b'ustar  \0')),
    ('long GNU links', header(b'././@LongLink', b'K', size=len(LONG) + 1, magic=b'ustar  \0') +
     padded(LONG + b'\0') + symlink(b'l', LONG[:99], magic=b'ustar  \0')),
    ('a prefix', dir_(b'some') + dir_(b'some/where') +
     file_(b'name', b'x', prefix=b'some/where')),
    ('names without an end', dir_(b'p' * 90) + dir_(b'q' * 64, prefix=b'p' * 90) +
     file_(b'n' * 100, b'x', prefix=b'p' * 90 + b'/' + b'q' * 64)),
    ('the oldest format', header(b'd/', b'\0', magic=b'', mode=0o755) +
     file_(b'd/f', b'x', type_=b'\0', magic=b'')),
    ('blanks in numbers', file_(b'f', b'x', mode=b'   644 \0', uid=b'     7 \0',
                                mtime=b' 7346545000 ')),
    ('binary numbers', file_(b'f', b'x', uid=b'\x80\0\0\0\x7f\xff\xff\xff',
                             mtime=b'\xff' * 11 + b'\xf0')),
    ('a pax size that disagrees with the header',
     pax((b'size', b'3')) + header(b'f', size=0) + padded(b'abc') + file_(b'g')),
    ('names in two normal forms', pax((b'path', 'cafe\u0301'.encode())) + file_(b'x', b'1') +
     pax((b'path', 'caf\u00e9'.encode())) + file_(b'x', b'2')),
    ('names that are no UTF-8', file_(b'\xff\xfe', b'x') + pax((b'path', b'\xff\xfd')) + file_(b'x')),
    ('newlines and control bytes in names', pax((b'path', b'a\nb\x1b[31m')) + file_(b'x', b'x')),
    ('a file twice', file_(b'f', b'old') + hard_link(b'h', b'f') + file_(b'f', b'new')),
    ('hard links', file_(b'f', b'x') + hard_link(b'g', b'f') + symlink(b's', b'f') +
     hard_link(b't', b's')),
    ('devices and fifos', header(b'c', b'3', major=1, minor=3, mode=0o620, uid=3) +
     header(b'b', b'4', major=7, minor=300, gid=6) + header(b'p', b'6', mode=0o600)),
    ('set-id and sticky bits', file_(b'f', b'x', mode=0o6755, uid=9, gid=9) +
     dir_(b'd', mode=0o3777) + file_(b'd/f', b'y', mode=0o2755, gid=4) + dir_(b'd/e')),
    ('attributes', pax((b'SCHILY.xattr.user.name', b'a=b\n')) + file_(b'f', b'x') +
     pax((b'SCHILY.xattr.user.name', b'')) + dir_(b'd')),
    ('dots and slashes', dir_(b'./') + dir_(b'./a/') + file_(b'./a//./b', b'x')),
    ('unknown records', pax((b'comment', b'z'), type_=b'g') + pax((b'VENDOR.key', b'y')) + file_(b'f', b'x')),
]
for title, tar in ODD:
    def odd(work, tar=tar):
        path = work.path + '/x.tar'
        with open(path, 'wb') as file:
            file.write(tar + END)
        yield from as_gnu_tar(work, path)
    odd.__doc__ = title + ' come out as with GNU tar'
    test(odd)


def make_tree(path):
    """What image builders meet, and where it can go wrong."""
    os.makedirs(path + '/usr/lib')
    with open(path + '/usr/lib/sparse', 'wb') as file:
        for i in range(40):
            file.seek(i * 100000)
            file.write(b'x' * 100)
        file.truncate(1 << 24)
    with open(path + '/usr/lib/' + 'n' * 200, 'wb') as file:
        file.write(os.urandom(700000))
    os.symlink('usr/lib', path + '/lib')
    os.link(path + '/usr/lib/sparse', path + '/hard')
    os.utime(path + '/usr', (1, 2.5))


for words in ['--format=gnu'], ['--format=posix'], ['--format=posix', '-S'], ['--format=gnu', '-S'], \
        ['--format=posix', '-S', '--sparse-version=0.0'], \
        ['--format=posix', '-S', '--sparse-version=0.1'], ['-z'], ['-J'], ['-j'], ['--zstd']:
    def gnu(work, words=words):
        make_tree(work.path + '/tree')
        path = work.path + '/x.tar'
        result = subprocess.run(['tar', '-C', work.path + '/tree', '-c', '-f', path, *words, '.'],
                                stderr=subprocess.PIPE, check=False)
        if result.returncode != 0:
            raise LookupError('tar cannot %s: %s' % (words, result.stderr.decode()))
        yield from as_gnu_tar(work, path)
    gnu.__doc__ = 'what tar %s writes' % ' '.join(words)
    test(gnu)


# --- archives of images -----------------------------------------------------------------------

def archive(work, *words):
    """The layout as one tar."""
    subprocess.run(['tar', '-C', work.image, *words, '-cf', work.path + '/image.tar',
                    *sorted(os.listdir(work.image))], check=True)
    return work.path + '/image.tar'


@test
def oci_archive(work):
    """an oci-archive, by its prefix, by itself, and compressed"""
    Layout(work.image).layer(file_(b'f', b'x') + END, gzip(file_(b'f', b'x') + END), '+gzip').save()
    for reference in 'oci-archive:' + archive(work), archive(work) + ':latest', archive(work, '-z'):
        yield from accepted(work, reference=reference)
        shutil.rmtree(work.out)


@test
def oci_archive_cut(work):
    """an oci-archive that is cut"""
    Layout(work.image).layer(file_(b'f', b'x' * 100000) + END).save()
    path = archive(work)
    os.truncate(path, 60000)
    yield from refused(work, ': archive: ', reference='oci-archive:' + path)


def docker_archive(work, tags, compress=False, link=(tarfile.SYMTYPE, '../a/layer.tar'),
                   config_name=lambda name: name + '.json'):
    """What docker save writes, with layers as files and, for one that comes twice, a link."""
    tar = file_(b'f', b'x') + END
    shutil.rmtree(work.image, ignore_errors=True)
    layout = Layout(work.image)
    config = dict(layout.config, rootfs={'type': 'layers', 'diff_ids': [
        layout.blob(tar, '')['digest'], layout.blob(tar, '')['digest']]})
    text = json.dumps(config).encode()
    name = config_name(layout.blob(text, '')['digest'][7:])
    manifest = [{'Config': name, 'RepoTags': tags, 'Layers': ['a/layer.tar', 'b/layer.tar']}]
    path = work.path + '/docker.tar'
    with tarfile.open(path, 'w:gz' if compress else 'w') as out:
        def add(name, data=None, link=None):
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname = link
            else:
                info.size = len(data)
            out.addfile(info, io.BytesIO(data or b''))
        add('manifest.json', json.dumps(manifest).encode())
        add('a/layer.tar', tar)
        add('b/layer.tar', link=link)
        add(name, text)
    return path


@test
def docker(work):
    """a docker-archive, by its prefix, by itself, compressed, from a pipe, by its name"""
    path = docker_archive(work, ['example.org/a/b:1'])
    for reference in 'docker-archive:' + path, path, path + ':a/b:1', path + ':b:1', path + ':1':
        yield from accepted(work, reference=reference)
        shutil.rmtree(work.out)
    path = docker_archive(work, None, True)
    yield from accepted(work, reference=path)
    shutil.rmtree(work.out)
    with open(path, 'rb') as file:
        cat = subprocess.Popen(['cat'], stdin=file, stdout=-1)
        yield from accepted(work, reference='docker-archive:-', stdin=cat.stdout)
        cat.wait()
        cat.stdout.close()


@test
def docker_hard_link(work):
    """a docker-archive that was packed anew, where a hard link has the whole name"""
    for target in 'a/layer.tar', './a/layer.tar':
        path = docker_archive(work, ['a:1'], link=(tarfile.LNKTYPE, target))
        yield from accepted(work, reference=path)
        shutil.rmtree(work.out)


@test
def docker_wrong_name(work):
    """a docker-archive without that name"""
    path = docker_archive(work, ['example.org/a/b:1'])
    yield from refused(work, 'no image is named "c"; there is: example.org/a/b:1',
                       reference=path + ':c')


@test
def docker_config(work):
    """a docker-archive whose config is not what its name says"""
    for form in '%s.json', 'blobs/sha256/%s', 'sha256:%s':
        path = docker_archive(work, ['a:1'], config_name=lambda name, form=form: form % name)
        yield from accepted(work, reference=path)
        shutil.rmtree(work.out)
        path = docker_archive(work, ['a:1'], config_name=lambda _, form=form: form % ('0' * 64))
        yield from refused(work, ': its bytes have the digest sha256:', reference=path)


@test
def many_attributes(work):
    """a directory that comes twice, with attributes whose names are longer than 4096 bytes"""
    names = [b'user.%s%02d' % (b'x' * 200, i) for i in range(40)]
    entry = pax(*((b'SCHILY.xattr.' + name, b'v') for name in names)) + dir_(b'd')
    path = work.path + '/x.tar'
    with open(path, 'wb') as file:
        file.write(entry + entry + END)
    with tempfile.TemporaryDirectory(dir='/dev/shm') as top:
        try:
            for name in names:
                os.setxattr(top, name, b'v')
        except OSError:		# ext4 has room for 4096 bytes, tmpfs for none before Linux 6.6
            return
        status, text = work.run(path, top + '/out')
        if status != 0 or len(os.listxattr(top + '/out/d')) != len(names):
            yield 'status %d: %s' % (status, text)


@test
def plain_tar_with_a_tag(work):
    """the tar of a root file system has no tags"""
    path = work.path + '/x.tar'
    with open(path, 'wb') as file:
        file.write(file_(b'f') + END)
    yield from refused(work, '/x.tar is a root file system, which has no tags and no digest',
                       reference=path + ':old')


@test
def plain_tar_is_read_once(work):
    """the tar of a root file system through a pipe"""
    data = gzip(pax((b'path', b'a')) + file_(b'x', b'x') + END)
    cat = subprocess.Popen(['cat'], stdin=-1, stdout=-1)
    cat.stdin.write(data)
    cat.stdin.close()
    yield from accepted(work, reference='-', stdin=cat.stdout)
    cat.stdout.close()
    cat.wait()


finish()
