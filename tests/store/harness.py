# SPDX-License-Identifier: Apache-2.0
"""Runs "kist rootfs" and "kist run" with a store of its own, on images of tests/unpack/image.py."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from image import END, Layout, dir_, file_, gzip, symlink
from reach import reachable

KIST = reachable(os.environ.get('KIST') or sys.exit('KIST is not set'))
BUSYBOX, NOBODY = '/bin/busybox', 65534
results = []


def demand(true, what):
    if not true:
        raise LookupError(what)


def busybox_layer():
    demand(os.path.exists(BUSYBOX), 'no ' + BUSYBOX)
    with open(BUSYBOX, 'rb') as file:
        data = file.read()
    names = b'sh ls cat id pwd echo touch sleep stat true false env'.split()
    return (dir_(b'bin') + file_(b'bin/busybox', data, mode=0o755) +
            b''.join(symlink(b'bin/' + name, b'busybox') for name in names) +
            dir_(b'etc') + file_(b'etc/passwd', b'root:x:0:0::/root:/bin/sh\n'
                                 b'app:x:1000:1001::/home/app:/bin/sh\n') +
            file_(b'etc/group', b'root:x:0:\napp:x:1001:\nextra:x:2000:app,root\n') +
            dir_(b'tmp', mode=0o1777) + dir_(b'private', mode=0o700) + END)


class Work:
    """A directory, a store in it, and the state of the containers."""

    def __init__(self, user=0):
        self.path = tempfile.mkdtemp(prefix='kist-test-store-', dir=os.environ.get('TMPDIR'))
        os.chmod(self.path, 0o755)
        self.user = user
        self.mine = self.path + '/mine'
        os.mkdir(self.mine)
        os.chown(self.mine, user, user)
        self.store, self.image = self.mine + '/store', self.path + '/image'
        self.state = self.mine + '/state'

    def layout(self, *layers, name='image', **config):
        """An image of busybox and those layers, or of these alone with busybox=False."""
        made = Layout(self.path + '/' + name)
        if config.pop('busybox', True):
            made.layer(busybox_layer())
        for layer in layers:
            made.layer(layer, gzip(layer), '+gzip')
        made.config['config'] = config
        return made

    def start(self, *words, program=KIST, **more):
        env = dict(os.environ, HOME=self.mine, XDG_RUNTIME_DIR=self.mine, **more.pop('env', {}))
        env.pop('XDG_DATA_HOME', None)
        if self.user:
            more.update(user=self.user, group=self.user, extra_groups=[])
        return subprocess.Popen([program, *words], stdin=more.pop('stdin', subprocess.DEVNULL),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                                cwd=self.mine, **more)

    def call(self, *words, limit=90, **more):
        """Status, what it printed, what it said."""
        process = self.start(*words, **more)
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return -1, '', 'took more than %d seconds' % limit
        return process.returncode, out.decode(errors='replace'), err.decode(errors='replace')

    def rootfs(self, *words, **more):
        return self.call('rootfs', '--store', self.store, *words, **more)

    def run(self, *words, **more):
        return self.call('--root', self.state, 'run', '--store', self.store, *words, **more)

    def good(self, result, expected=None):
        """What it printed; complaints are raised."""
        status, out, err = result
        if status != 0 or err:
            raise AssertionError('status %d: %s%s' % (status, out, err))
        if expected is not None and out != expected:
            raise AssertionError('printed: %r\nnot:     %r' % (out, expected))
        return out

    def bad(self, result, expected, status=1):
        got, out, err = result
        if got != status or expected not in err:
            raise AssertionError('status %d, said: %r %r\nnot: …%s' % (got, out, err, expected))

    def config(self, bundle='bundle'):
        with open(self.mine + '/' + bundle + '/config.json', encoding='utf-8') as file:
            return json.load(file)

    def layers(self):
        """Names in the store: directories of layers, hidden ones too; bundles of runs."""
        found = []
        for folder in 'l', 'layers', 'run':
            path = self.store + '/' + folder
            found.append(sorted(os.listdir(path)) if os.path.isdir(path) else [])
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if os.path.isdir(self.state):
            for name in os.listdir(self.state):
                self.call('--root', self.state, 'delete', '--force', name)
        shutil.rmtree(self.path, ignore_errors=True)


def expect(true, what):
    if not true:
        raise AssertionError(what)


def report(name, complaint, skip=''):
    results.append(not complaint)
    print('%sok %d - %s%s' % ('not ' if complaint else '', len(results), name,
                              ' # SKIP ' + skip if skip else ''))
    for line in complaint.split('\n') if complaint else []:
        print('# ' + line)
    sys.stdout.flush()


def has_attributes(path):
    """What an ordinary user's overlay needs; a tmpfs has them since Linux 6.6."""
    try:
        os.setxattr(path, 'user.test', b'')
    except OSError:
        return False
    return True


def one(function, name, user):
    with Work(user) as work:
        try:
            if user:
                demand(has_attributes(work.mine), 'no user attributes on this file system')
            function(work)
            report(name, '')
        except LookupError as reason:		# what is not there to test with
            report(name, '', str(reason))
        except Exception as error:		# pylint: disable=broad-except
            report(name, '%s: %s' % (type(error).__name__, error))


def test(function):
    """A test, named by its first line: as who calls it."""
    one(function, function.__doc__.strip(), 0)


def test_both(function):
    """The same as root and as an ordinary user."""
    name = function.__doc__.strip()
    one(function, name, 0)
    if os.geteuid() == 0:
        one(function, name + ', as a user', NOBODY)


def finish():
    print('1..%d' % len(results))
    sys.exit(not all(results))
