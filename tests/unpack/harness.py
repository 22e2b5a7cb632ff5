# SPDX-License-Identifier: Apache-2.0
"""Runs kist-rootfs on images of image.py, and holds what it does against what it should."""
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time

from reach import reachable

PROGRAM = reachable(os.environ.get('KIST_ROOTFS') or sys.exit('KIST_ROOTFS is not set'))
MEMORY, SECONDS = 64 << 10, 60	# a hang takes longer on any machine
with open('/proc/cpuinfo', encoding='ascii') as cpuinfo:
    if 'User Mode Linux' in cpuinfo.read():
        SECONDS *= 5
results = []


def listing(top, times=True):
    """What is below a directory: everything that must not have changed, or must be the same."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in ['.'] + files + [f for f in folders if os.path.islink(folder + '/' + f)]:
            path = os.path.normpath(folder + '/' + name)
            st = os.lstat(path)
            row = [oct(st.st_mode), st.st_uid, st.st_gid, st.st_nlink]
            if times:
                row.append(st.st_mtime_ns)
            if stat.S_ISREG(st.st_mode):
                with open(path, 'rb') as file:
                    row.append(file.read())
            if stat.S_ISLNK(st.st_mode):
                row.append(os.readlink(path))
            if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
                row.append(st.st_rdev)
            row.append(sorted((k, os.getxattr(path, k, follow_symlinks=False))
                              for k in os.listxattr(path, follow_symlinks=False)))
            found[os.path.relpath(path, top)] = row
    return found


class Work:
    """A directory for one test, with a tree beside the target that must stay as it is."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix='kist-test-unpack-', dir=os.environ.get('TMPDIR'))
        os.chmod(self.path, 0o755)
        self.image, self.out = self.path + '/image', self.path + '/work/out'
        self.sentinel = self.path + '/sentinel'
        os.mkdir(self.path + '/work')
        os.mkdir(self.sentinel)
        with open(self.sentinel + '/file', 'w', encoding='ascii') as file:
            file.write('as it was')
        os.link(self.sentinel + '/file', self.sentinel + '/twin')
        self.before = listing(self.sentinel)

    def run(self, *words, stdin=None, limit=SECONDS, **more):
        """unpack; status, message, and complaints about time and memory."""
        begun = time.monotonic()
        process = subprocess.Popen(
            [PROGRAM, 'unpack', *words], stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        try:
            text = b''.join(process.communicate(timeout=limit)).decode(errors='replace')
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return -1, 'took more than %d seconds' % limit
        self.seconds = time.monotonic() - begun
        return process.returncode, text.strip()

    def leftovers(self):
        return os.listdir(self.path + '/work')

    def complaints(self):
        if listing(self.sentinel) != self.before:
            yield 'the tree beside it has changed'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def report(name, complaints, skip=''):
    results.append(not complaints)
    print('%sok %d - %s%s' % ('not ' if complaints else '', len(results), name,
                              ' # SKIP ' + skip if skip else ''))
    for complaint in complaints:
        for line in str(complaint).split('\n'):
            print('# ' + line)
    sys.stdout.flush()


def test(function):
    """A test: a generator of complaints, named by its first line."""
    name = function.__doc__.strip()
    with Work() as work:
        try:
            complaints = list(function(work))
            complaints += work.complaints()
        except LookupError as reason:		# what is not there to test with
            if not os.environ.get('MUST_RUN'):
                report(name, [], str(reason))
                return
            complaints = [reason]
        except Exception as error:		# pylint: disable=broad-except
            complaints = ['%s: %s' % (type(error).__name__, error)]
        report(name, complaints)


def refused(work, expected, *words, reference=None, **more):
    """Complaints, unless it fails with that message and leaves nothing."""
    status, text = work.run(reference or 'oci:' + work.image, work.out, *words, **more)
    if status != 1:
        yield 'status %d: %s' % (status, text)
    if expected not in text or '\n' in text:
        yield 'said: %s\nnot:  …%s' % (text, expected)
    if work.leftovers():
        yield 'left behind: %s' % work.leftovers()


def accepted(work, *words, reference=None, **more):
    status, text = work.run(reference or 'oci:' + work.image, work.out, *words, **more)
    if status != 0 or text:
        yield 'status %d: %s' % (status, text)
    elif work.leftovers() != ['out']:
        yield 'left behind: %s' % work.leftovers()


def finish():
    print('1..%d' % len(results))
    used = __import__('resource').getrusage(__import__('resource').RUSAGE_CHILDREN).ru_maxrss
    print('# at most %d MiB' % (used >> 10))
    sys.exit(not all(results))
