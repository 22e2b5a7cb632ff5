#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Layers that want out, tars that mean two things, and bombs: security.md's rows "unpack:"."""
import bz2
import hashlib
import lzma
import os
import resource
import signal
import subprocess
import time
import zlib

from cost import cpu_seconds
from harness import MEMORY, PROGRAM, accepted, finish, refused, report, test
from image import (END, Layout, digest, dir_, file_, gzip, hard_link, header, pax, padded, symlink,
                   zstd_bomb, zstd_raw)


def layers(work, *tars):
    layout = Layout(work.image)
    for tar in tars:
        layout.layer(tar + END)
    layout.save()


# --- paths -------------------------------------------------------------------------------

@test
def dot_dot(work):
    """names with ".." are refused"""
    layers(work, file_(b'a/../../sentinel/file', b'changed'))
    yield from refused(work, 'a/../../sentinel/file: leads out by "..": refused')


@test
def absolute(work):
    """absolute names lie inside"""
    layers(work, file_(work.sentinel.encode() + b'/file', b'changed'), )
    yield from accepted(work)
    with open(work.out + work.sentinel + '/file', 'rb') as file:
        if file.read() != b'changed':
            yield 'is not where it should be'


@test
def link_out(work):
    """a file through a symlink stays inside"""
    layers(work, symlink(b'l', work.sentinel.encode()) + file_(b'l/file', b'changed'))
    yield from refused(work, 'l/file: enter /l: ')


@test
def link_out_relative(work):
    """.. of a symlink does not lead above the root"""
    layers(work, dir_(b'etc') + symlink(b'l', b'../../../../..') + file_(b'l/etc/file', b'x'))
    yield from accepted(work)
    if not os.path.exists(work.out + '/etc/file'):
        yield 'is not where it should be'


@test
def link_out_two_layers(work):
    """a symlink of one layer, a file through it in the next"""
    layers(work, symlink(b'l', work.sentinel.encode()), file_(b'l/file', b'changed'))
    yield from refused(work, 'layer 2 of 2 (sha256:')


@test
def link_replaced(work):
    """a file in the place of a symlink replaces it"""
    layers(work, symlink(b'l', work.sentinel.encode() + b'/file'),
           file_(b'l', b'new', mode=0o4777))
    yield from accepted(work)
    if os.path.islink(work.out + '/l') or os.stat(work.out + '/l').st_size != 3:
        yield 'is no file'


@test
def chmod_through_link(work):
    """a directory in the place of a symlink changes nothing behind it"""
    layers(work, symlink(b'l', work.sentinel.encode()) + dir_(b'l', mode=0o7777, uid=7))
    yield from accepted(work)
    if os.path.islink(work.out + '/l'):
        yield 'is still a link'


@test
def hard_link_out(work):
    """hard links lead nowhere outside"""
    layers(work, hard_link(b'h', work.sentinel.encode() + b'/file'))
    yield from refused(work, 'h: is a hard link to %s/file, which is not there' % work.sentinel)


@test
def hard_link_through_link(work):
    """a hard link through a symlink stays inside"""
    layers(work, symlink(b'l', work.sentinel.encode()) + hard_link(b'h', b'l/file'))
    yield from refused(work, 'h: is a hard link to l/file, which is not there')


@test
def hard_link_dot_dot(work):
    """a hard link with ".." is refused"""
    layers(work, hard_link(b'h', b'../../sentinel/file'))
    yield from refused(work, "h: its hard link's target ../../sentinel/file: leads out by")


@test
def hard_link_to_symlink(work):
    """writing to a hard link of a symlink replaces it"""
    layers(work, symlink(b'l', work.sentinel.encode() + b'/file') + hard_link(b'h', b'l') +
           file_(b'h', b'changed'))
    yield from accepted(work)
    if not os.path.islink(work.out + '/l') or os.path.islink(work.out + '/h'):
        yield 'h is a link, or l is none'


@test
def whiteout_through_link(work):
    """a whiteout through a symlink removes nothing outside"""
    layers(work, symlink(b'l', work.sentinel.encode()), file_(b'l/.wh.file') + file_(b'a'))
    yield from accepted(work)


@test
def opaque_through_link(work):
    """nor does an opaque mark"""
    layers(work, symlink(b'l', work.sentinel.encode()), file_(b'l/.wh..wh..opq'))
    yield from accepted(work)


for name, error in [
        (b'.wh.', 'is a whiteout that hides nothing'),
        (b'a/.wh..', 'is a whiteout that hides nothing'),
        (b'.wh...', 'is a whiteout that hides nothing'),
        (b'.wh..wh.plnk', 'is a whiteout of no known kind'),
        (b'.wh.a/b', 'lies in a whiteout'),
        (b'x/', 'is no directory, and its name ends with "/"'),
        (b'./', 'is the root, and no directory'),
        (b'', 'has no name')]:
    def bad_name(work, name=name, error=error):
        layers(work, dir_(b'a'), file_(name))
        yield from refused(work, error)
    bad_name.__doc__ = 'the name "%s" is refused' % (name[:20].decode() or '')
    test(bad_name)


@test
def whiteout_device(work):
    """a device named as a whiteout is refused"""
    layers(work, header(b'.wh.a', b'3', major=1, minor=3))
    yield from refused(work, '.wh.a: is named as a whiteout, and no file')


# --- tars --------------------------------------------------------------------------------------

F = file_(b'f', b'data')
TARS = [
    ('a wrong check sum', F + header(b'f', checksum=b'000000\0 '),
     "the header's check sum is wrong"),
    ('what is no tar', b'x' * 1024, "the header's check sum is wrong: is this a tar?"),
    ('a negative size', header(b'f', size=b'\xff' * 12), 'its size is no number, or negative'),
    ('a huge size', header(b'f', size=b'\x80' + b'\xff' * 11), 'its size is no number'),
    ('a size of letters', header(b'f', size=b'12x45678901\0'), 'its size is no number'),
    ('a large owner', header(b'f', uid=b'\x80\0\0\0\xff\xff\xff\xff'), 'is out of range'),
    ('a negative owner', header(b'f', uid=b'\xff' * 8), 'its owner is no number'),
    ('a large device', header(b'f', b'3', major=b'7777777\0'), 'its device number is out of'),
    ('an unknown type', header(b'f', b'Z'), 'its type "Z" is unknown'),
    ('a directory with data', header(b'd', b'5', size=512) + F, 'is no file, and has 512 bytes'),
    ('a hard link with data', F + header(b'h', b'1', link=b'f', size=4), 'is no file, and has 4'),
    ('an end in the middle', header(b'f', size=5000) + b'x' * 1024, 'the archive is cut off'),
    ('data behind the end', F + END + F, 'there is data behind the end of the archive'),
    ('a lone block of zeroes', F + b'\0' * 512 + F, 'there is data behind the end'),
    ('two pax headers', pax((b'path', b'a')) + pax((b'path', b'b')) + F, 'has two pax headers'),
    ('two paths', pax((b'path', b'a'), (b'path', b'b')) + F, 'has two names'),
    ('two sizes', pax((b'size', b'4'), (b'size', b'5')) + F, 'gives size twice'),
    ('a NUL in a path', pax((b'path', b'a\0b')) + F, "its pax header's path holds a NUL"),
    ('a pax header at the end', pax((b'path', b'a')), 'the archive is cut off'),
    ('an empty path', pax((b'path', b'')) + F, 'its name is 0 bytes long'),
    ('a long path', pax((b'path', b'a/' * 5000)) + F, 'its name is 10000 bytes long'),
    ('a deep path', pax((b'path', b'a/' * 300)) + F, 'is nested too deeply'),
    ('a long component', pax((b'path', b'a' * 256)) + F, 'has a component of more than 255 bytes'),
    ('a record of no length', header(b'p', b'x', size=9) + padded(b'x path=a\n') + F,
     'has a record without a length'),
    ('a record that is too long', header(b'p', b'x', size=9) + padded(b'99 path=a') + F,
     'has a record of the wrong length'),
    ('a record of length 0', header(b'p', b'x', size=9) + padded(b'0 path=a\n') + F,
     'has a record of the wrong length'),
    ('a record of 10 MB', header(b'p', b'x', size=36) + padded(b'18 comment=abcdef\n' +
                                                            b'9999999 path=xyzw\n') + F,
     'has a record of the wrong length'),
    ('a large pax header', header(b'p', b'x', size=2 << 20) + b'x' * (2 << 20),
     'its pax header is 2097152 bytes long'),
    ('a negative pax size', pax((b'size', b'-4')) + F, 'its pax header\'s size is "-4"'),
    ('a pax size that is too large', pax((b'size', b'99999999999999999999')) + F,
     'size is "99999999999999999999"'),
    ('a pax size behind the end', pax((b'size', b'5000')) + F, 'the archive is cut off'),
    ('a global path', pax((b'path', b'a'), type_=b'g') + F, 'a global pax header sets path'),
    ('a time of words', pax((b'mtime', b'yesterday')) + F, 'its pax header\'s mtime is'),
    ('two xattrs of a name', pax((b'SCHILY.xattr.user.a', b'1'), (b'SCHILY.xattr.user.a', b'2')) + F,
     'gives SCHILY.xattr.user.a twice'),
    ('many xattrs', pax(*[(b'SCHILY.xattr.user.%d' % i, b'') for i in range(200)]) + F,
     'has more than 128 extended attributes'),
    ('an owner of 256 bytes', pax((b'uname', b'u' * 256)) + F, "its owner's name is too long"),
    ('a group of 256 bytes', pax((b'uname', b'u' * 255), (b'gname', b'g' * 256)) + F,
     "its owner's name is too long"),
    ('two owners', pax((b'uname', b'u'), (b'uname', b'v')) + F, 'gives uname twice'),
    ('a directory with an xattr of a long name', pax((b'SCHILY.xattr.user.' + b'x' * 251, b'1')) +
     dir_(b'd'), 'd: set its extended attribute user.xxx'),
    ('a file with an xattr of a long name', pax((b'SCHILY.xattr.user.' + b'x' * 251, b'1')) + F,
     'f: set its extended attribute user.xxx'),
    ('a symlink with an xattr of a long name', pax((b'SCHILY.xattr.user.' + b'x' * 251, b'1')) +
     symlink(b'l', b'x'), 'l: set its extended attribute user.xxx'),
    ('a GNU name without an end', header(b'L', b'L', size=3) + padded(b'abc') + F, 'has no end'),
    ('a GNU name with a NUL', header(b'L', b'L', size=4) + padded(b'a\0c\0') + F, 'holds a NUL'),
    ('two GNU names', 2 * (header(b'L', b'L', size=2) + padded(b'a\0')) + F, 'has two names'),
    ('a symlink to nothing', symlink(b'l', b''), 'is a symlink to nothing'),
    ('a sparse map that overlaps', pax((b'GNU.sparse.size', b'9'), (b'GNU.sparse.map', b'0,2,1,2')) + F,
     'piece 1 of its map of holes overlaps another'),
    ('a sparse map beyond the size', pax((b'GNU.sparse.size', b'9'), (b'GNU.sparse.map', b'8,4')) + F,
     'piece 0 of its map of holes overlaps another, or the end of the file'),
    ('a sparse map of other data', pax((b'GNU.sparse.size', b'9'), (b'GNU.sparse.map', b'0,3')) + F,
     'its map of holes wants 3 bytes of data, and there are 4'),
    ('a sparse map without a size', pax((b'GNU.sparse.map', b'0,4')) + F, 'and no size'),
    ('a sparse map with too few pieces', pax((b'GNU.sparse.size', b'9'), (b'GNU.sparse.numblocks', b'2'),
     (b'GNU.sparse.map', b'0,4')) + F, 'has 1 pieces, not 2'),
    ('a sparse version to come', pax((b'GNU.sparse.major', b'2')) + F, 'has version 2.0'),
    ('a sparse map of odd pieces', pax((b'GNU.sparse.size', b'9'), (b'GNU.sparse.map', b'0,3,8,1')) + F,
     'piece 1 of its map of holes begins in the middle of a block'),
    ('a huge sparse map', pax((b'GNU.sparse.major', b'1'), (b'GNU.sparse.minor', b'0'),
     (b'GNU.sparse.realsize', b'9')) + file_(b'f', b'99999999\n' * 60), 'more than 65536 pieces'),
]
for title, tar, error in TARS:
    def bad_tar(work, tar=tar, error=error):
        layers(work, tar)
        yield from refused(work, error)
    bad_tar.__doc__ = 'a tar with %s is refused' % title
    test(bad_tar)


def told(*words, limit=60):
    result = subprocess.run([PROGRAM, *words], stdout=-1, stderr=subprocess.STDOUT,
                            timeout=limit, check=False)
    return result.stdout.decode()


# --- bombs -----------------------------------------------------------------------------------------

@test
def zstd_zeroes(work):
    """10 MB of zstd that are 300 GB are refused"""
    stored = zstd_bomb(file_(b'f'), 2500000)
    Layout(work.image).layer(b'', stored, '+zstd').save()
    yield from refused(work, 'is a decompression bomb: more than 200 times as large')


@test
def declared_size(work):
    """a file of a terabyte is refused before it is written"""
    stored = zstd_bomb(header(b'f', size=b'\x80\0\0\0\0\0\x01\0\0\0\0\0'), 100000, b'A')
    Layout(work.image).layer(b'', stored, '+zstd').save()
    yield from refused(work, 'f: files are larger than 1000000000 bytes together', '--max-size', '1')


@test
def sparse_size(work):
    """so is a file of holes"""
    layers(work, pax((b'GNU.sparse.size', b'%d' % (1 << 60)), (b'GNU.sparse.map', b'0,4')) + F)
    yield from refused(work, 'f: files are larger than')
    for words in ('diff', work.image, work.image), ('cat', work.image, '/f'):
        if 'f: files are larger than' not in told(*words, limit=20):
            yield told(*words)


@test
def many_files(work):
    """so many files, and no more"""
    layers(work, b''.join(file_(b'd/%d' % i) for i in range(2000)))
    yield from refused(work, 'd/1000: the layer has more than 1000 entries', '--max-entries', '1000')


@test
def many_whiteouts(work):
    """whiteouts of what the layer itself has much of are looked at once"""
    own = dir_(b'd') + b''.join(file_(b'd/%d' % i) for i in range(10000))
    layers(work, file_(b'x'), own + file_(b'.wh.d') * 10000 + file_(b'd/.wh..wh..opq') * 10000)
    yield from accepted(work, '--no-sync', limit=20)


@test
def many_directories(work):
    """nor more directories that no entry names"""
    layers(work, b''.join(file_(b'%d/2/3/4/5/6/7/8/9' % i) for i in range(200)))
    yield from refused(work, '125/2/3/4/5/6/7/8/9: the layer has more than 1000 directories that '
                       'no entry names', '--max-entries', '1000')


@test
def deep_by_links(work):
    """a tree that symlinks make 4,000 directories deep is removed again"""
    tar, at = b'', b''
    for i in range(20):
        tar += pax((b'path', at + b'd/' * 200)) + dir_(b'd')
        tar += pax((b'linkpath', b'/' + at + b'd/' * 200)) + symlink(b's%d' % i, b'x')
        at = b's%d/' % i
    layers(work, tar + file_(b'../x'))
    yield from refused(work, 'leads out by')


@test
def zstd_window(work):
    """a zstd frame that wants gigabytes of memory is refused"""
    stored = b'\x28\xb5\x2f\xfd\x00\xa0' + zstd_raw(F + END)[6:] + b'\x01\0\0'
    Layout(work.image).layer(F + END, stored, '+zstd').save()
    yield from refused(work, 'decompress zstd: Frame requires too much memory')


@test
def many_layers(work):
    """2,000 layers are too many"""
    layout = Layout(work.image)
    layout.layer(END)
    layout.layers *= 2000
    layout.save()
    yield from refused(work, '/layers: has 2000 layers, and at most 1024 are unpacked')


@test
def hundred_thousand_layers(work):
    """100,000 layers are not even read"""
    layout = Layout(work.image)
    layout.layer(END)
    layout.layers *= 100000
    layout.save()
    yield from refused(work, 'is too large: 15600258 bytes')


for which in 'manifest', 'config':
    def large(work, which=which):
        layout = Layout(work.image).layer(END)
        if which == 'config':
            layout.manifest['config'] = dict(layout.document({}, 'application/vnd.oci.image.config.v1+json'), size=1 << 30)
            layout.save()
        else:
            layout.index['manifests'] = [dict(layout.save_manifest(), size=1 << 30)]
            layout.save()
        yield from refused(work, 'is too large: 1073741824 bytes, at most 4194304 are read')
    large.__doc__ = 'a %s of a gigabyte is not read' % which
    test(large)


@test
def large_index(work):
    """an index.json of a gigabyte is not read"""
    layers(work, F)
    os.truncate(work.image + '/index.json', 1 << 30)
    yield from refused(work, 'index.json: is too large: 1073741824 bytes')


INDEX = 'application/vnd.oci.image.index.v1+json'


def index(layout, *entries):
    return layout.document({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': entries}, INDEX)


@test
def woven_indexes(work):
    """indexes of entries that all name the next one are read once"""
    layout = Layout(work.image).layer(F + END)
    image = dict(layout.save_manifest(), platform={'os': 'linux', 'architecture':
                                                   layout.config['architecture']})
    woven = dict(image, digest='sha256:' + '0' * 64, platform={'os': 'x', 'architecture': 'y'})
    for _ in range(3):
        woven = index(layout, *[woven] * 1000)
    layout.index['manifests'] = [dict(index(layout, woven, image), annotations={
        'org.opencontainers.image.ref.name': 'latest'})]
    layout.save()
    yield from accepted(work, limit=60)
    result = subprocess.run([PROGRAM, 'config', work.image + ':latest', '--env', 'A=1'],
                            stdout=-1, stderr=subprocess.STDOUT, timeout=60, check=False)
    if result.returncode != 0:
        yield result.stdout


@test
def many_images(work):
    """one of 4,000 images is validated in the memory that one needs, and at once"""
    layout = Layout(work.image).layer(END)
    layout.index['manifests'] = []
    for i in range(4000):
        layout.manifest['annotations'] = {'number': str(i)}
        layout.index['manifests'].append(layout.save_manifest())
    layout.save()
    # What else runs here takes time, too, but not its CPU time.
    for _ in range(10):
        begun, before = time.monotonic(), cpu_seconds()
        got = told('validate', '--quick', work.image)
        took, whole, before = time.monotonic() - begun, cpu_seconds() - before, cpu_seconds()
        if got != '4000 images, 4000 layers: documents valid\n' or whole > 10:
            yield 'after %d seconds: %s' % (whole, got[-1000:])
        with subprocess.Popen([PROGRAM, 'validate', '--quick', work.image], stdout=-1) as process:
            time.sleep(took / 10)
            process.send_signal(signal.SIGINT)
        if cpu_seconds() - before < whole / 2:
            return
    yield 'it did not stop when it was told to'


@test
def deep_json(work):
    """JSON of a million levels is refused"""
    layers(work, F)
    with open(work.image + '/index.json', 'wb') as file:
        file.write(b'[' * 1000000)
    yield from refused(work, 'index.json:1:65: is nested too deeply: more than 64 levels')


@test
def gzip_bytes_behind(work):
    """bytes behind the end of gzip are refused"""
    Layout(work.image).layer(F + END, gzip(F + END) + b'rubbish behind the end', '+gzip').save()
    yield from refused(work, 'decompress gzip: no gzip header where one belongs')


# What this process needs to compress counts as a child's, which begins as its copy: level 0.
for name, compress in ('bzip2', bz2.compress), ('xz', lambda data: lzma.compress(data, preset=0)):
    def bytes_behind(work, compress=compress):
        for data, behind in (F + END, b'rubbish'), (F + END, b'BZh9' + b'x' * 20), (END, b''):
            with open(work.path + '/tar', 'wb') as file:
                file.write(compress(data) + behind)
            if behind:
                yield from refused(work, ': decompress ', reference='tar:' + work.path + '/tar')
            else:
                yield from accepted(work, reference='tar:' + work.path + '/tar')
    bytes_behind.__doc__ = 'bytes behind the end of %s are refused' % name
    test(bytes_behind)


@test
def gzip_cut(work):
    """gzip that is cut is refused"""
    Layout(work.image).layer(F + END, gzip(F + END)[:-9], '+gzip').save()
    yield from refused(work, 'decompress gzip: it is cut off')


def large_layer(work, members):
    """Of a tar that is larger than this process may be: that counts as its children's."""
    squeeze, checksum, stored = zlib.compressobj(6, zlib.DEFLATED, 31), hashlib.sha256(), b''
    for member in members:
        stored += squeeze.compress(member)
        checksum.update(member)
    layout = Layout(work.image).layer(b'', stored + squeeze.flush(), '+gzip')
    layout.diff_ids = ['sha256:' + checksum.hexdigest()]
    layout.save()


def large_attributes(count):
    for i in range(count):
        yield pax((b'SCHILY.xattr.user.x', b'a' * 1000000)) + file_(b'f%d' % i)
    yield END


@test
def attributes(work):
    """attributes that nobody wants to see are not kept"""
    large_layer(work, large_attributes(80))
    for words, lines in (('ls', work.image), 80), (('validate', work.image), 1):
        if told(*words).count('\n') != lines:
            yield told(*words)


@test
def long_paths(work):
    """nor are paths"""
    large_layer(work, [pax((b'path', (b'd' * 250 + b'/') * 16 + b'%d' % i)) + F
                       for i in range(5000)] + [END])
    if told('ls', work.image, '/' + ('d' * 250 + '/') * 16).count('\n') != 5000:
        yield 'not all are listed'
    with open(work.path + '/lines', 'wb') as file:
        subprocess.run([PROGRAM, 'ls', '-R', work.image], stdout=file, timeout=60, check=True)
    if os.path.getsize(work.path + '/lines') < 5000 * 4000:
        yield 'not all are listed with their paths'


def peak():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


if not os.environ.get('ASAN_OPTIONS'):
    report('it never took more than 64 MiB', [] if peak() <= MEMORY else ['%d KiB' % peak()])


@test
def many_descriptors(work):
    """a layout of 100,000 descriptors is validated in a moment"""
    layout, indexes = Layout(work.image), []
    for i in range(5):
        entries = [{'mediaType': INDEX, 'digest': digest(b'%d' % (j * 5 + i)), 'size': 1}
                   for j in range(20000)]
        indexes.append(index(layout, *entries))
    layout.index['manifests'] = indexes
    layout.save()
    if told('validate', work.image, limit=20).count('error: blobs/') != 100000:
        yield told('validate', work.image)[-1000:]


@test
def too_many_attributes(work):
    """attributes of 300 MB are refused where they would be kept"""
    large_layer(work, large_attributes(300))
    if 'f268: link targets and extended attributes are larger than' not in told(
            'diff', work.image, work.image):
        yield told('diff', work.image, work.image)


finish()
