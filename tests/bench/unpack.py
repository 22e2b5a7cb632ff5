# SPDX-License-Identifier: Apache-2.0
"""How long an image takes to unpack, verified, beside umoci and beside igzip and tar alone.

The image has four layers of gzip, made of files of this host: programs and libraries, sources,
headers, documentation; --megabytes: how much of them, before compression.  Rounds alternate, in a
tmpfs unless --work names a directory, so that it is not the disk that is measured; medians are
compared.  "./dev bench unpack" runs it.
"""
import argparse
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# Folders of each layer, and its part of the whole: 4 to 292 MB of gzip, as a typical image has.
PARTS = [(('etc', 'usr/lib/python3'), 3), (('usr/lib/x86_64-linux-gnu', 'usr/bin'), 55),
         (('usr/lib/gcc', 'usr/lib/llvm-14', 'usr/sbin'), 30), (('usr/include', 'usr/share'), 12)]


def some_files(folders, limit):
    """So many bytes of files, with their directories, in the order of their names."""
    for folder in folders:
        for top, inner, names in os.walk('/' + folder):
            inner.sort()
            for name in sorted(names):
                path = os.path.join(top, name)
                if not os.path.islink(path) and os.path.isfile(path) and limit > 0:
                    limit -= os.path.getsize(path)
                    yield path[1:]


class Image:
    def __init__(self, path, megabytes):
        self.path = path
        os.makedirs(path + '/blobs/sha256')
        self.blobs, layers, ids = [], [], []
        for folders, percent in PARTS:
            names = '\0'.join(some_files(folders, megabytes * 10000 * percent)).encode()
            subprocess.run(['tar', '-C', '/', '--null', '-T', '-', '-cf', path + '/layer.tar'],
                           input=names, check=True, stderr=subprocess.DEVNULL)
            with open(path + '/layer.tar', 'rb') as file:
                ids.append('sha256:' + hashlib.sha256(file.read()).hexdigest())
            squeeze = 'pigz' if shutil.which('pigz') else 'gzip'
            layers.append(self.blob(subprocess.run(
                [squeeze, '-6nc', path + '/layer.tar'], check=True, stdout=subprocess.PIPE).stdout,
                'layer.v1.tar+gzip'))
            self.blobs.append(path + '/blobs/' + layers[-1]['digest'].replace(':', '/'))
            os.unlink(path + '/layer.tar')
        machine = {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(os.uname().machine)
        config = self.json({'os': 'linux', 'architecture': machine, 'config': {},
                            'rootfs': {'type': 'layers', 'diff_ids': ids}}, 'config.v1+json')
        manifest = self.json({'schemaVersion': 2, 'config': config, 'layers': layers},
                             'manifest.v1+json')
        manifest['annotations'] = {'org.opencontainers.image.ref.name': 'latest'}
        with open(path + '/index.json', 'w', encoding='ascii') as file:
            json.dump({'schemaVersion': 2, 'manifests': [manifest]}, file)
        with open(path + '/oci-layout', 'w', encoding='ascii') as file:
            file.write('{"imageLayoutVersion": "1.0.0"}')
        self.sizes = [layer['size'] for layer in layers]

    def blob(self, data, kind):
        name = hashlib.sha256(data).hexdigest()
        with open('%s/blobs/sha256/%s' % (self.path, name), 'wb') as file:
            file.write(data)
        return {'mediaType': 'application/vnd.oci.image.' + kind, 'digest': 'sha256:' + name,
                'size': len(data)}

    def json(self, value, kind):
        return self.blob(json.dumps(value).encode(), kind)


def contenders(program, image):
    yield 'kist rootfs unpack', lambda out: [[program, 'unpack', '-q', 'oci:' + image.path, out]]
    if shutil.which('igzip'):
        yield 'igzip | tar', lambda out: [['mkdir', out]] + [
            ['sh', '-c', 'igzip -dc <"$1" | tar -xC "$2"', '-', blob, out]
            for blob in image.blobs]
        yield 'igzip, then tar', lambda out: [['mkdir', out]] + [
            ['sh', '-c', 'igzip -dc <"$1" >"$2.tar" && tar -xC "$2" -f "$2.tar" && rm "$2.tar"',
             '-', blob, out] for blob in image.blobs]
    if shutil.which('umoci'):
        yield 'umoci unpack', lambda out: [
            ['umoci', 'unpack', '--image', image.path + ':latest', out]]


def measure(commands, out):
    """Seconds of the clock and of processors."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    took = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(out)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peak(command):
    """KiB, of a process of its own that waits for it."""
    code = 'import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); ' \
        'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)'
    return int(subprocess.run([sys.executable, '-c', code] + command, check=True,
                              stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(prog='./dev bench unpack')
    parser.add_argument('--build', default='build')
    parser.add_argument('--megabytes', type=int, default=600, help='before compression (600)')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--work', help='where, instead of in a tmpfs')
    options = parser.parse_args()
    program = os.path.abspath(options.build + '/runtime/libexec/kist-rootfs')
    work = tempfile.mkdtemp(prefix='kist-bench-unpack-', dir=options.work or '/dev/shm')
    try:
        image = Image(work + '/image', options.megabytes)
        print('layers of %s MB' % ', '.join('%.0f' % (size / 1e6) for size in image.sizes))
        rows = list(contenders(program, image))
        took = {name: [] for name, _ in rows}
        for _ in range(options.rounds):
            for name, commands in rows:
                took[name].append(measure(commands(work + '/out'), work + '/out'))
        base = statistics.median(t for t, _ in took['kist rootfs unpack'])
        for name, _ in rows:
            median = statistics.median(t for t, _ in took[name])
            print('%-20s %6.2f s  %5.2f times kist  (%.2f s of processors)' % (
                name, median, median / base, statistics.median(c for _, c in took[name])))
        print('peak memory of kist: %.1f MiB' % (
            peak([program, 'unpack', '-q', 'oci:' + image.path, work + '/out']) / 1024))
    finally:
        shutil.rmtree(work)


if __name__ == '__main__':
    main()
