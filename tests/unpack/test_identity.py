#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Images that are not what they say: digests, sizes, types, indexes, platforms, missing parts."""
import json
import os

from harness import accepted, finish, refused, test
from image import END, OCI, Layout, digest, dir_, file_, gzip, zstd_raw

TAR = dir_(b'etc') + file_(b'etc/f', b'data') + END


def simple(work, tar=TAR):
    return Layout(work.image).layer(tar)


def blob_path(work, name):
    return work.image + '/blobs/' + name.replace(':', '/')


# --- blobs --------------------------------------------------------------------------------

@test
def fine(work):
    """an image unpacks"""
    simple(work).save()
    yield from accepted(work)


@test
def there_already(work):
    """what is there already stays"""
    simple(work).save()
    os.mkdir(work.out)
    status, text = work.run('oci:' + work.image, work.out)
    if status != 1 or not text.endswith('make %s: file exists' % work.out):
        yield text
    if os.listdir(work.out):
        yield 'something is in it'


@test
def flipped_layer(work):
    """a layer with one bit changed"""
    layout = simple(work)
    tar = bytearray(TAR)
    tar[1024] ^= 1
    with open(blob_path(work, digest(TAR)), 'wb') as file:
        file.write(tar)
    layout.save()
    yield from refused(work, ': its bytes have the digest ' + digest(bytes(tar)))


@test
def flipped_manifest(work):
    """a manifest with other bytes"""
    layout = simple(work).save()
    entry = layout.index['manifests'][0]
    with open(blob_path(work, entry['digest']), 'r+b') as file:
        file.write(b'{ ')
    yield from refused(work, 'manifest: its bytes have the digest')


@test
def flipped_config(work):
    """a config with other bytes"""
    layout = simple(work).save()
    with open(blob_path(work, layout.manifest['config']['digest']), 'r+b') as file:
        file.write(b'{ ')
    yield from refused(work, 'config: its bytes have the digest')


@test
def wrong_size(work):
    """a layer with another size"""
    layout = simple(work)
    layout.layers[0]['size'] += 1
    layout.save()
    yield from refused(work, 'has %d bytes, and its descriptor says %d' % (len(TAR), len(TAR) + 1))


@test
def missing_layer(work):
    """a layer that is missing"""
    layout = simple(work).save()
    os.unlink(blob_path(work, layout.layers[0]['digest']))
    yield from refused(work, 'layer 1 of 1 (%.19s…): blob %s is missing' %
                       (digest(TAR), digest(TAR)))


@test
def fifo_layer(work):
    """a fifo in the place of a layer"""
    layout = simple(work).save()
    os.unlink(blob_path(work, layout.layers[0]['digest']))
    os.mkfifo(blob_path(work, layout.layers[0]['digest']))
    yield from refused(work, 'is no regular file')


@test
def linked_layer(work):
    """a symlink out of the layout in the place of a layer"""
    layout = simple(work).save()
    with open(work.path + '/elsewhere', 'wb') as file:
        file.write(TAR)
    os.unlink(blob_path(work, layout.layers[0]['digest']))
    os.symlink(work.path + '/elsewhere', blob_path(work, layout.layers[0]['digest']))
    yield from refused(work, 'is missing')


@test
def wrong_diff_id(work):
    """another diff_id"""
    layout = simple(work)
    layout.diff_ids[0] = digest(b'')
    layout.save()
    yield from refused(work, 'decompressed it has the digest %s, and the config\'s diff_id is %s' %
                       (digest(TAR), digest(b'')))


@test
def wrong_diff_id_gzip(work):
    """another diff_id of a compressed layer"""
    layout = Layout(work.image).layer(TAR, gzip(TAR), '+gzip')
    layout.diff_ids[0] = digest(b'')
    layout.save()
    yield from refused(work, 'decompressed it has the digest')


@test
def diff_ids_count(work):
    """more diff_ids than layers"""
    layout = simple(work)
    layout.diff_ids.append(digest(TAR))
    layout.save()
    yield from refused(work, '/rootfs/diff_ids: has 2 diff_ids for 1 layers')


@test
def gzip_for_zstd(work):
    """a media type of another compression"""
    Layout(work.image).layer(TAR, gzip(TAR), '+zstd').save()
    yield from refused(work, 'decompress zstd: ')


@test
def gzip_for_none(work):
    """a media type of none"""
    Layout(work.image).layer(TAR, gzip(TAR), '').save()
    yield from refused(work, "tar: entry 1, at byte")


@test
def unknown_type(work):
    """a media type that nobody knows"""
    Layout(work.image).layer(TAR, None, '+lzma').save()
    yield from refused(work, '"application/vnd.oci.image.layer.v1.tar+lzma" is no layer')


# --- documents ---------------------------------------------------------------------------------

for bad in ('sha256:../../../sentinel/file', 'sha256:' + 'A' * 64, 'sha256:abc', 'md5:' + 'a' * 32,
            '../../x', 'sha512:' + 'a' * 64):
    def bad_digest(work, bad=bad):
        layout = simple(work)
        layout.layers[0]['digest'] = bad
        layout.save()
        yield from refused(work, '/layers/0/digest: digest "%s' % bad[:40])
    bad_digest.__doc__ = 'the digest "%.30s" is refused' % bad
    test(bad_digest)

for key, value, error in [
        ('schemaVersion', 1, '/schemaVersion: schemaVersion must be 2'),
        ('mediaType', OCI + 'index.v1+json', '/mediaType: must be "%smanifest.v1+json"' % OCI),
        ('manifests', [], 'is a manifest and an index at once'),
        ('layers', {}, 'has no "config" or no array "layers"'),
        ('layers', [1], '/layers/0: must be a descriptor, not the number 1'),
        ('layers', [{}], '/layers/0: has no "mediaType"')]:
    def bad_manifest(work, key=key, value=value, error=error):
        layout = simple(work)
        layout.manifest[key] = value
        layout.save()
        yield from refused(work, error)
    bad_manifest.__doc__ = 'a manifest with %s %r is refused' % (key, value)
    test(bad_manifest)


@test
def index_and_manifest(work):
    """an index that is a manifest, too, is refused"""
    layout = simple(work)
    layout.index['layers'] = []
    layout.save()
    yield from refused(work, 'is an index and a manifest at once')


@test
def nested_indexes(work):
    """indexes in each other end somewhere"""
    layout = simple(work)
    entry = layout.save_manifest()
    for _ in range(6):
        entry = layout.document({'schemaVersion': 2, 'manifests': [entry]}, OCI + 'index.v1+json')
    layout.index['manifests'] = [entry]
    layout.save()
    yield from refused(work, 'is nested too deeply: more than 4 indexes in each other')


@test
def index_of_itself(work):
    """an index that names itself has not its digest"""
    layout = simple(work)
    entry = layout.document({'manifests': []}, OCI + 'index.v1+json')
    data = json.dumps({'manifests': [entry]}).encode()
    with open(blob_path(work, entry['digest']), 'wb') as file:
        file.write(data)
    layout.index['manifests'] = [dict(entry, size=len(data))]
    layout.save()
    yield from refused(work, 'index: its bytes have the digest')


# --- choices -------------------------------------------------------------------------------------

def several(work, platforms):
    """An index with an image for each platform, which has a file of its name."""
    layout = Layout(work.image)
    entries = []
    for architecture in platforms:
        other = Layout(work.path + '/' + architecture).layer(file_(architecture.encode()) + END)
        other.config['architecture'] = architecture
        entry = dict(other.save_manifest(), platform={'os': 'linux', 'architecture': architecture})
        os.system('cp -r %s/%s/blobs %s' % (work.path, architecture, work.image))
        entries.append(entry)
    layout.index['manifests'] = [layout.document(
        {'schemaVersion': 2, 'manifests': entries}, OCI + 'index.v1+json')]
    layout.save()
    return entries


@test
def other_platform(work):
    """an image of another platform"""
    layout = simple(work)
    layout.config['architecture'] = 's390x'
    layout.save()
    yield from refused(work, '; --platform linux/s390x takes it')
    yield from accepted(work, '--platform', 'linux/s390x')


@test
def no_such_platform(work):
    """an index without the platform"""
    several(work, ['riscv64', 's390x'])
    yield from refused(work, 'no image for linux/arm; there is: linux/riscv64, linux/s390x',
                       '--platform', 'linux/arm')


@test
def odd_variants(work):
    """variants that are none are taken last"""
    layout = Layout(work.image)
    entries = []
    for name, variant in ('v6', 'v6'), ('odd', 'v'), ('odder', 'v!'):
        other = Layout(work.path + '/' + name).layer(file_(name.encode()) + END)
        other.config['architecture'] = 'arm'
        entries.append(dict(other.save_manifest(), platform={
            'os': 'linux', 'architecture': 'arm', 'variant': variant}))
        os.system('cp -r %s/%s/blobs %s' % (work.path, name, work.image))
    layout.index['manifests'] = [layout.document(
        {'schemaVersion': 2, 'manifests': entries}, OCI + 'index.v1+json')]
    layout.save()
    for wanted in 'linux/arm', 'linux/arm/v7':
        yield from accepted(work, '--platform', wanted)
        if os.listdir(work.out) != ['v6']:
            yield '%s: %s' % (wanted, os.listdir(work.out))
        os.rename(work.out, work.path + '/' + wanted.replace('/', '-'))


@test
def bad_platform(work):
    """a platform that is none"""
    simple(work).save()
    yield from refused(work, 'platform "arm" is not OS/ARCHITECTURE[/VARIANT]', '--platform', 'arm')


@test
def chosen_platform(work):
    """the platform that was asked for"""
    several(work, ['riscv64', 's390x', 'arm64'])
    yield from accepted(work, '--platform', 'linux/s390x')
    if os.listdir(work.out) != ['s390x']:
        yield os.listdir(work.out)


@test
def by_digest(work):
    """an image by its digest, below an index"""
    entries = several(work, ['riscv64', 's390x'])
    yield from accepted(work, '--platform', 'linux/s390x',
                        reference='oci:%s@%s' % (work.image, entries[1]['digest']))


@test
def no_such_tag(work):
    """a tag that is not there"""
    simple(work).save()
    yield from refused(work, 'no image is tagged "old"; there is: latest',
                       reference='oci:%s:old' % work.image)


@test
def no_such_digest(work):
    """a digest that is not there"""
    simple(work).save()
    yield from refused(work, 'no image has the digest ' + digest(b''),
                       reference='oci:%s@%s' % (work.image, digest(b'')))


@test
def ambiguous(work):
    """two images and no word which"""
    layout = simple(work)
    first = layout.save_manifest()
    layout.manifest['annotations'] = {'a': 'b'}
    second = layout.save_manifest()
    layout.index['manifests'] = [dict(entry, annotations={
        'org.opencontainers.image.ref.name': name}) for entry, name in ((first, 'a'), (second, 'b'))]
    layout.save()
    yield from refused(work, 'there are several images: a, b; name one with :TAG or @DIGEST')
    yield from accepted(work, reference='%s:b' % work.image)


@test
def not_there(work):
    """no such image"""
    yield from refused(work, 'oci:%s: open: no such file or directory' % work.image)
    yield from refused(work, 'rootfs: nope:1: open: no such file or directory: an image in ',
                       reference='nope:1')


@test
def no_layout(work):
    """a directory that is no layout"""
    os.mkdir(work.image)
    yield from refused(work, 'this is no OCI layout: ')


@test
def zstd_layer(work):
    """zstd, several frames"""
    end = b'\x01\0\0'
    stored = zstd_raw(TAR[:1000]) + end + zstd_raw(TAR[1000:]) + end
    Layout(work.image).layer(TAR, stored, '+zstd').save()
    yield from accepted(work)


@test
def gzip_members(work):
    """gzip, several members"""
    Layout(work.image).layer(TAR, gzip(TAR[:700]) + gzip(b'') + gzip(TAR[700:]), '+gzip').save()
    yield from accepted(work)


finish()
