# SPDX-License-Identifier: Apache-2.0
"""Bytes of images for the tests of "kist rootfs unpack": any tar, any layout, also wrong ones."""
import hashlib
import json
import os
import struct
import zlib

OCI = 'application/vnd.oci.image.'


def octal(value, size):
    return value if isinstance(value, bytes) else b'%0*o\0' % (size - 1, value)


def header(name, type_=b'0', size=0, mode=0o644, uid=0, gid=0, mtime=1000000000, link=b'',
           magic=b'ustar\x0000', major=0, minor=0, prefix=b'', checksum=None, rest=None):
    """One block.  Numbers may be given as the bytes of their fields."""
    block = b''.join([
        name.ljust(100, b'\0'), octal(mode, 8), octal(uid, 8), octal(gid, 8), octal(size, 12),
        octal(mtime, 12), b' ' * 8, type_, link.ljust(100, b'\0'), magic.ljust(8, b'\0'),
        b''.ljust(64, b'\0'), octal(major, 8), octal(minor, 8), prefix.ljust(155, b'\0')])
    block = (block if rest is None else block[:345] + rest).ljust(512, b'\0')
    assert len(block) == 512, name
    value = checksum if checksum is not None else b'%06o\0 ' % sum(block)
    return block[:148] + value + block[156:]


def padded(data):
    return data + b'\0' * (-len(data) % 512)


def file_(name, data=b'', **more):
    return header(name, size=len(data), **more) + padded(data)


def dir_(name, mode=0o755, **more):
    return header(name, b'5', mode=mode, **more)


def symlink(name, target, **more):
    return header(name, b'2', link=target, mode=0o777, **more)


def hard_link(name, target, **more):
    return header(name, b'1', link=target, **more)


def record(key, value):
    """A pax record; its length counts itself."""
    body = b' %s=%s\n' % (key, value)
    length = len(body) + 1
    while len(b'%d' % length) + len(body) != length:
        length = len(b'%d' % length) + len(body)
    return b'%d' % length + body


def pax(*records, type_=b'x'):
    data = b''.join(record(*r) if isinstance(r, tuple) else r for r in records)
    return header(b'PaxHeaders/x', type_, size=len(data)) + padded(data)


END = b'\0' * 1024


def gzip(data):
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)
    return squeeze.compress(data) + squeeze.flush()


def zstd_raw(data):
    """A zstd frame of raw blocks."""
    out = [b'\x28\xb5\x2f\xfd\x00\x38']
    for at in range(0, len(data), 1 << 17):
        part = data[at:at + (1 << 17)]
        out.append(struct.pack('<I', len(part) << 3)[:3] + part)
    return b''.join(out)


def zstd_bomb(data, blocks, byte=b'\0'):
    """The same, and behind it blocks of 128 KiB that take four bytes each."""
    end = struct.pack('<I', 1)[:3]
    return zstd_raw(data) + (struct.pack('<I', (1 << 17) << 3 | 2)[:3] + byte) * blocks + end


def digest(data):
    return 'sha256:' + hashlib.sha256(data).hexdigest()


class Layout:
    """An OCI layout in a directory.  Each part may be replaced before save()."""

    def __init__(self, path):
        self.path = path
        self.layers, self.diff_ids = [], []
        self.config = {'architecture': os.uname().machine, 'os': 'linux', 'config': {}}
        self.config['architecture'] = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(
            os.uname().machine, os.uname().machine)
        self.manifest = {'schemaVersion': 2, 'mediaType': OCI + 'manifest.v1+json'}
        self.index = {'schemaVersion': 2}
        os.makedirs(path + '/blobs/sha256')
        with open(path + '/oci-layout', 'w', encoding='ascii') as file:
            file.write('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, data, type_):
        """Stores it and gives its descriptor."""
        with open(self.path + '/blobs/' + digest(data).replace(':', '/'), 'wb') as file:
            file.write(data)
        return {'mediaType': type_, 'digest': digest(data), 'size': len(data)}

    def layer(self, tar, stored=None, kind=''):
        """Uncompressed, or stored as given."""
        self.layers.append(self.blob(stored or tar, OCI + 'layer.v1.tar' + kind))
        self.diff_ids.append(digest(tar))
        return self

    def document(self, value, type_):
        return self.blob(json.dumps(value).encode(), type_)

    def save_manifest(self):
        """Config and manifest; the manifest's descriptor."""
        self.config.setdefault('rootfs', {'type': 'layers', 'diff_ids': self.diff_ids})
        self.manifest.setdefault('config', self.document(self.config, OCI + 'config.v1+json'))
        self.manifest.setdefault('layers', self.layers)
        return self.document(self.manifest, OCI + 'manifest.v1+json')

    def save(self):
        if 'manifests' not in self.index:
            self.index['manifests'] = [dict(self.save_manifest(), annotations={
                'org.opencontainers.image.ref.name': 'latest'})]
        with open(self.path + '/index.json', 'w', encoding='utf-8') as file:
            json.dump(self.index, file)
        return self
