#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The process that unpacks: how it is confined, stopped, run without rights, and out of space."""
import ctypes
import os
import pty
import select
import shutil
import signal
import stat
import struct
import subprocess
import tarfile
import time

from harness import PROGRAM, accepted, finish, listing, refused, test
from image import END, Layout, dir_, file_, header, pax, symlink

NOBODY = 65534
is_root = os.geteuid() == 0


def demand(true, what):
    if not true:
        raise LookupError(what)


def children(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid), encoding='ascii') as file:
        return [int(word) for word in file.read().split()]


class Stalled:
    """An unpack in the middle of a tar that comes through a pipe."""

    def __init__(self, work, data, *words, **more):
        self.process = subprocess.Popen([PROGRAM, 'unpack', *words, 'tar:-', work.out], stderr=-1,
                                        stdin=subprocess.PIPE, **more)
        self.process.stdin.write(data)
        self.process.stdin.flush()
        self.child = 0

    def wait_for(self, work, name):
        """Until name is there; the child that made it."""
        for _ in range(6000):
            for folder, _, files in os.walk(work.path + '/work'):
                if name in files and children(self.process.pid):
                    self.child = children(self.process.pid)[0]
                    return folder
            time.sleep(0.01)
        self.process.kill()
        raise TimeoutError(name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


# The reader hands on 256 KiB at a time.
HALF = file_(b'first', b'x') + header(b'second', size=1 << 20) + b'y' * (700 << 10)


def field(pid, name):
    with open('/proc/%d/status' % pid, encoding='ascii') as file:
        for line in file:
            if line.startswith(name + ':'):
                return line.split()[1]
    return ''


# What it may keep: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SYS_ADMIN, MKNOD, SETFCAP.
KEPT = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 21 | 1 << 27 | 1 << 31


@test
def confined(work):
    """it is confined: filter, no_new_privs, capabilities, root, namespaces, fds, limits"""
    with Stalled(work, HALF) as stalled:
        # The first is closed by then.
        stalled.wait_for(work, 'second')
        pid = stalled.child
        for name, value in ('Seccomp', '2'), ('NoNewPrivs', '1'):
            if field(pid, name) != value:
                yield '%s is %s' % (name, field(pid, name))
        for name in 'CapPrm', 'CapEff', 'CapInh', 'CapAmb':
            if int(field(pid, name), 16) & ~KEPT:
                yield '%s is %s' % (name, field(pid, name))
        if os.readlink('/proc/%d/ns/mnt' % pid) == os.readlink('/proc/self/ns/mnt'):
            yield 'it shares the mount namespace'
        if os.path.exists('/proc/%d/root/proc' % pid) or \
                'first' not in os.listdir('/proc/%d/root' % pid):
            yield 'its root holds %s' % os.listdir('/proc/%d/root' % pid)
        with open('/proc/%d/mountinfo' % pid, encoding='ascii') as file:
            mounts = file.read().strip().split('\n')
        if len(mounts) != 1:
            yield 'its mounts: %s' % mounts
        for fd in os.listdir('/proc/%d/fd' % pid):
            target = os.readlink('/proc/%d/fd/%s' % (pid, fd))
            if int(fd) > 2 and not target.startswith('pipe:') and target not in ('/', '/second'):
                yield 'fd %s is %s' % (fd, target)
        with open('/proc/%d/limits' % pid, encoding='ascii') as file:
            if '1073741824' not in file.read() and not os.environ.get('ASAN_OPTIONS'):
                yield 'its memory is not bounded'


@test
def reader(_):
    """what only reads a layer has an empty root, which it cannot write to"""
    with subprocess.Popen([PROGRAM, 'ls', 'tar:-'], stdin=subprocess.PIPE, stdout=-1) as process:
        process.stdin.write(HALF[:4096])
        process.stdin.flush()
        for _ in range(6000):
            found = children(process.pid)
            if found and field(found[0], 'Seccomp') == '2':
                break
            time.sleep(0.01)
        with open('/proc/%d/mountinfo' % found[0], encoding='ascii') as file:
            mounts = file.read().strip().split('\n')
        if len(mounts) != 1 or 'ro' not in mounts[0].split()[5].split(',') or \
                os.listdir('/proc/%d/root' % found[0]):
            yield mounts
        process.kill()


for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
    def stopped(work, number=number):
        with Stalled(work, HALF, start_new_session=True) as stalled:
            stalled.wait_for(work, 'first')
            begun = time.monotonic()
            os.killpg(stalled.process.pid, number)	# as the terminal does: all of the group
            _, text = stalled.process.communicate(timeout=30)
            if stalled.process.returncode != 1 or \
                    b'stopped by ' + number.name.encode() not in text:
                yield 'status %d: %s' % (stalled.process.returncode, text)
            if time.monotonic() - begun > 10:
                yield 'it took %d seconds' % (time.monotonic() - begun)
            if work.leftovers():
                yield 'left behind: %s' % work.leftovers()
    stopped.__doc__ = number.name + ' stops it, and nothing is left'
    test(stopped)


class Fetching:
    """An unpack that waits for a skopeo that does nothing."""

    def __init__(self, work, script='exec sleep 200'):
        self.temporary = work.path + '/temporary'
        for folder in self.temporary, work.path + '/bin':
            os.makedirs(folder, exist_ok=True)
        with open(work.path + '/bin/skopeo', 'w', encoding='ascii') as file:
            file.write('#!/bin/sh\n%s\n' % script)
        os.chmod(work.path + '/bin/skopeo', 0o755)
        env = dict(os.environ, PATH=work.path + '/bin:' + os.environ['PATH'],
                   TMPDIR=self.temporary)
        self.process = subprocess.Popen([PROGRAM, 'unpack', 'docker://x/y', work.out],
                                        stderr=-1, env=env)
        for _ in range(6000):
            if os.listdir(self.temporary) and children(self.process.pid):
                break
            time.sleep(0.01)

    def end(self, number):
        """What it said, and how long all its processes took to go."""
        begun = time.monotonic()
        self.process.send_signal(number)
        text = self.process.communicate(timeout=60)[1]
        return text, time.monotonic() - begun


@test
def stopped_fetching(work):
    """a signal to kist alone stops skopeo, too"""
    fetching = Fetching(work)
    text, seconds = fetching.end(signal.SIGTERM)
    if b'stopped by SIGTERM' not in text or seconds > 10:
        yield '%s, after %d seconds' % (text, seconds)
    if os.listdir(fetching.temporary) + work.leftovers():
        yield os.listdir(fetching.temporary) + work.leftovers()


@test
def stopped_before_exec(work):
    """a skopeo that has missed the signal gets it again"""
    fetching = Fetching(work, 'trap : TERM; sleep 200 >/dev/null 2>&1 & touch "$TMPDIR/ready"; '
                              'wait; kill $!; exec sleep 200')
    for _ in range(6000):
        if os.path.exists(fetching.temporary + '/ready'):
            break
        time.sleep(0.01)
    text, seconds = fetching.end(signal.SIGTERM)
    if b'stopped by SIGTERM' not in text or seconds > 10:
        yield '%s, after %d seconds' % (text, seconds)


@test
def killed_fetching(work):
    """a killed kist takes skopeo with it, and the next one what was fetched"""
    fetching = Fetching(work)
    seconds = fetching.end(signal.SIGKILL)[1]
    if seconds > 10:
        yield 'skopeo lived on for %d seconds' % seconds
    left = os.listdir(fetching.temporary)
    time.sleep(3.1)
    fetching = Fetching(work)
    now = os.listdir(fetching.temporary)
    time.sleep(3.1)
    other = Fetching(work)
    if len(left) != 1 or len(now) != 1 or left == now or \
            len(os.listdir(fetching.temporary)) != 2:
        yield '%s, %s, %s' % (left, now, os.listdir(fetching.temporary))
    other.end(signal.SIGTERM)
    fetching.end(signal.SIGTERM)


@test
def killed(work):
    """with its parent killed, the child ends, and the next one cleans up"""
    with Stalled(work, HALF) as stalled:
        stalled.wait_for(work, 'first')
        os.kill(stalled.process.pid, signal.SIGKILL)
        stalled.process.wait()
        for _ in range(6000):
            if not os.path.exists('/proc/%d' % stalled.child) or field(stalled.child, 'State') == 'Z':
                break
            time.sleep(0.01)
        else:
            yield 'the child lives on'
    if not work.leftovers()[0].startswith('.kist-new-'):
        yield work.leftovers()
    # It is taken for abandoned two seconds after the last change.
    time.sleep(3.1)
    Layout(work.image).layer(END).save()
    yield from accepted(work)


@test
def killed_of_others(work):
    """what another user left is his"""
    demand(is_root, 'needs root to leave something as another user')
    for name, owner in ('.kist-new-mine', 0), ('.kist-new-his', NOBODY):
        os.mkdir(work.path + '/work/' + name)
        os.chown(work.path + '/work/' + name, owner, owner)
    time.sleep(3.1)
    Layout(work.image).layer(END).save()
    said = work.run('oci:' + work.image, work.out)
    if said[0] != 0 or sorted(work.leftovers()) != ['.kist-new-his', 'out']:
        yield '%s %s' % (said, work.leftovers())


@test
def no_space(work):
    """a full disk is told, and nothing is left"""
    demand(is_root, 'needs root for a small file system')
    Layout(work.image).layer(file_(b'a', b'x' * (3 << 20)) + END).save()
    script = 'mount -t tmpfs -o size=1m none "$1/work" && "$2" unpack "oci:$1/image" "$1/work/out"; ' \
        'echo "status $?"; ls -A "$1/work"'
    result = subprocess.run(['unshare', '-m', 'sh', '-c', script, '-', work.path, PROGRAM],
                            stdout=-1, stderr=subprocess.STDOUT, timeout=60, check=False)
    text = result.stdout.decode()
    if not text.endswith('): a: write: no space left on device\nstatus 1\n'):
        yield text


@test
def cut_pipe(work):
    """a pipe that ends too early is told"""
    read, write = os.pipe()
    os.write(write, HALF[:4096])
    os.close(write)
    yield from refused(work, 'tar:-: second: tar: entry 2 (second): the archive is cut off',
                       reference='tar:-', stdin=read)
    os.close(read)


@test
def no_archive(work):
    """a Dockerfile in the place of an image is told that it is no tar"""
    with open(work.path + '/Dockerfile', 'w', encoding='ascii') as file:
        file.write('FROM alpine\n')
    yield from refused(work, 'the archive is cut off: is this a tar?',
                       reference=work.path + '/Dockerfile')


@test
def empty_pipe(work):
    """/dev/null is an empty tar"""
    yield from accepted(work, reference='tar:-')


def piped(path, program):
    """That file through a pipe, to a program that takes a path."""
    with subprocess.Popen(['cat', path], stdout=-1) as cat:
        return program(reference='/dev/stdin', stdin=cat.stdout)


@test
def pipe_as_path(work):
    """a pipe with a path is looked at as a file is: a root's tar, an image's archive"""
    root, archive = work.path + '/root.tar', work.path + '/archive.tar'
    with open(root, 'wb') as file:
        file.write(file_(b'f', b'x' * (5 << 20)) + END)
    Layout(work.image).layer(file_(b'g') + END).save()
    with tarfile.open(archive, 'w:gz') as tar:
        tar.add(work.image, '.')
    for path, name in (root, 'f'), (archive, 'g'):
        yield from piped(path, lambda **more: list(accepted(work, **more)))
        if os.listdir(work.out) != [name]:
            yield '%s: %s' % (path, os.listdir(work.out))
        shutil.rmtree(work.out)


OWNERS = (dir_(b'd', uid=7, gid=8) + file_(b'd/f', b'x', uid=1000, gid=65533, mode=0o4755) +
          header(b'null', b'3', major=1, minor=3, mode=0o666) +
          symlink(b'l', b'd/f', uid=5, gid=5) + dir_(b'locked', mode=0o111) +
          file_(b'locked/in', b'y') + dir_(b'empty', mode=0) + END)


def owner_xattr(path):
    """user.rootlesscontainers as (uid, gid)."""
    try:
        value = os.getxattr(path, 'user.rootlesscontainers')
    except OSError:
        return (0, 0)
    ids, at = {1: 0, 2: 0}, 0
    while at < len(value):
        key, shift, number = value[at] >> 3, 0, 0
        while True:
            at += 1
            number |= (value[at] & 0x7f) << shift
            shift += 7
            if not value[at] & 0x80:
                break
        ids[key] = number
        at += 1
    return (ids[1], ids[2])


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


@test
def rootless(work):
    """an ordinary user unpacks with --rootless, and owners are kept aside"""
    demand(is_root, 'needs root to become an ordinary user')
    Layout(work.image).layer(file_(b'edge', uid=128, gid=16384) + OWNERS).save()
    os.chown(work.path + '/work', NOBODY, NOBODY)
    os.setxattr(work.path, 'user.test', b'x')
    yield from accepted(work, '--rootless', preexec_fn=as_nobody)
    for path, owner in ('d', (7, 8)), ('d/f', (1000, 65533)), ('null', (0, 0)), ('locked', (0, 0)), \
            ('edge', (128, 16384)):
        if owner_xattr(work.out + '/' + path) != owner:
            yield '%s has %s' % (path, owner_xattr(work.out + '/' + path))
    for path, mode in ('d/f', 0o104755), ('null', 0o100666), ('locked', 0o40111), \
            ('locked/in', 0o100644), ('empty', 0o40000):
        st = os.lstat(work.out + '/' + path)
        if st.st_mode != mode or st.st_uid != NOBODY:
            yield '%s is %o of %d' % (path, st.st_mode, st.st_uid)


@test
def undumpable(work):
    """an ordinary user's unpacker cannot be looked into by his other processes"""
    demand(is_root, 'needs root to become an ordinary user')
    os.chown(work.path + '/work', NOBODY, NOBODY)
    with Stalled(work, HALF, '--rootless', preexec_fn=as_nobody) as stalled:
        stalled.wait_for(work, 'first')
        if os.stat('/proc/%d/status' % stalled.process.pid).st_uid != NOBODY or \
                os.stat('/proc/%d/status' % stalled.child).st_uid != 0:
            yield 'it is dumpable'


@test
def rootless_closed_root(work):
    """and a root that nobody may write to"""
    demand(is_root, 'needs root to become an ordinary user')
    Layout(work.image).layer(dir_(b'./', mode=0o555) + file_(b'f') + END).save()
    os.chown(work.path + '/work', NOBODY, NOBODY)
    yield from accepted(work, '--rootless', preexec_fn=as_nobody)
    if os.stat(work.out).st_mode != 0o40555 or os.listdir(work.out) != ['f']:
        yield '%o %s' % (os.stat(work.out).st_mode, os.listdir(work.out))


@test
def unprivileged(work):
    """without it, he is told of it"""
    demand(is_root, 'needs root to become an ordinary user')
    Layout(work.image).layer(OWNERS).save()
    os.chown(work.path + '/work', NOBODY, NOBODY)
    yield from refused(work, 'd: give it to 7:8: ', preexec_fn=as_nobody)


def file_capability(revision, *more):
    return struct.pack('<%dI' % (5 + len(more)), revision << 24 | 1, 0x400, 0, 0, 0, *more)


@test
def rootless_capabilities(work):
    """file capabilities of an ordinary user count in namespaces of his"""
    demand(is_root, 'needs root')
    tar = b''.join(pax((b'SCHILY.xattr.security.capability', value)) + file_(name, b'x', mode=0o755)
                   for name, value in ((b'two', file_capability(2)),
                                       (b'other', file_capability(3, 77)))) + END
    Layout(work.image).layer(tar).save()
    os.chown(work.path + '/work', NOBODY, NOBODY)
    result = work.run('oci:' + work.image, work.out, '--rootless', preexec_fn=as_nobody)
    if result[0] != 0 or 'other: extended attribute security.capability' not in result[1]:
        yield '%d: %s' % result[:2]
    if os.getxattr(work.out + '/two', 'security.capability') != file_capability(3, NOBODY):
        yield os.getxattr(work.out + '/two', 'security.capability')
    if os.listxattr(work.out + '/other'):
        yield os.listxattr(work.out + '/other')


@test
def mapped(work):
    """owners are mapped"""
    demand(is_root, 'needs root')
    Layout(work.image).layer(OWNERS).save()
    yield from accepted(work, '--uid-map', '0:100000:65536', '--gid-map', '0:200000:10',
                        '--gid-map', '65533:5')
    for path, owner in ('.', (100000, 200000)), ('d', (100007, 200008)), ('d/f', (101000, 5)), \
            ('l', (100005, 200005)), ('null', (100000, 200000)):
        st = os.lstat(work.out + '/' + path)
        if (st.st_uid, st.st_gid) != owner:
            yield '%s is of %d:%d' % (path, st.st_uid, st.st_gid)
    if os.lstat(work.out + '/d/f').st_mode != stat.S_IFREG | 0o4755:
        yield 'the set-uid bit is lost'


@test
def landlocked(work):
    """where no mount namespace may be made, Landlock confines it"""
    demand(is_root, 'needs root')
    demand(ctypes.CDLL(None).syscall(444, None, 0, 1) > 0, 'needs Landlock')
    Layout(work.image).layer(dir_(b'd') + file_(b'd/f', b'x') + END).save()
    script = 'cd /proc/sys/user && echo 0 >max_mnt_namespaces && echo 0 >max_user_namespaces && ' \
        'exec "$1" unpack "oci:$2/image" "$2/work/out"'
    # The limits are those of a user namespace of its own.
    result = subprocess.run(['unshare', '-Urmpf', '--mount-proc', 'sh', '-c', script, '-', PROGRAM,
                             work.path], stdout=-1, stderr=subprocess.STDOUT, timeout=60,
                            check=False)
    if result.returncode != 0 or not os.path.exists(work.out + '/d/f'):
        yield result.stdout.decode()


def as_landlocked_nobody():
    """NOBODY, as 1 of a user namespace in which he makes no other and no mount namespace."""
    libc = ctypes.CDLL(None)
    read, write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.read(read, 1)
        for kind in 'uid', 'gid':
            with open('/proc/%d/%s_map' % (parent, kind), 'w', encoding='ascii') as file:
                file.write('0 0 1\n1 %d 1\n' % NOBODY)
        os._exit(0)
    libc.unshare(0x10000000)	# CLONE_NEWUSER
    os.write(write, b'x')
    os.waitpid(pid, 0)
    os.setgid(0)
    os.setuid(0)
    for name in 'max_mnt_namespaces', 'max_user_namespaces':
        with open('/proc/sys/user/' + name, 'w', encoding='ascii') as file:
            file.write('0')
    os.setgroups([])
    os.setgid(1)
    os.setuid(1)


@test
def landlocked_rootless(work):
    """and there an ordinary user may do what he may elsewhere"""
    demand(is_root, 'needs root to become an ordinary user')
    demand(ctypes.CDLL(None).syscall(444, None, 0, 1) > 0, 'needs Landlock')
    lower = dir_(b'./', mode=0o555) + file_(b'f', mode=0o444, uid=5) + \
        dir_(b'd', mode=0o555, uid=5) + dir_(b'd/e', mode=0o555, uid=5) + file_(b'd/e/old') + END
    upper = file_(b'g') + dir_(b'd/e', mode=0o500) + file_(b'd/e/new') + \
        file_(b'd/.wh..wh..opq') + END
    Layout(work.image).layer(lower).layer(upper).save()
    os.chown(work.path + '/work', NOBODY, NOBODY)
    yield from accepted(work, '--rootless', preexec_fn=as_landlocked_nobody)
    for path, owner, mode in ('.', 0, 0o40555), ('f', 5, 0o100444), ('d', 5, 0o40555), \
            ('d/e', 0, 0o40500), ('d/e/new', 0, 0o100644):
        st = os.lstat(work.out + '/' + path)
        if st.st_mode != mode or owner_xattr(work.out + '/' + path)[0] != owner:
            yield '%s: %o %s' % (path, st.st_mode, owner_xattr(work.out + '/' + path))
    if sorted(os.listdir(work.out) + os.listdir(work.out + '/d/e')) != ['d', 'f', 'g', 'new']:
        yield '%s %s' % (os.listdir(work.out), os.listdir(work.out + '/d/e'))


@test
def group_around(work):
    """the group that a directory around it gives to new files stays outside"""
    demand(is_root, 'needs root')
    Layout(work.image).layer(dir_(b'd') + END).save()
    os.chown(work.path + '/work', 0, 5)
    os.chmod(work.path + '/work', 0o2755)
    yield from accepted(work)
    for path in '.', 'd':
        st = os.stat(work.out + '/' + path)
        if (st.st_gid, st.st_mode) != (0, 0o40755):
            yield '%s: %d %o' % (path, st.st_gid, st.st_mode)


@test
def unmapped(work):
    """an owner without a line in the map is an error"""
    Layout(work.image).layer(OWNERS).save()
    yield from refused(work, 'd/f: its gid 65533 is in no line of the id map',
                       '--uid-map', '0:0:65536', '--gid-map', '0:0:10')


for words, error in [
        (('--uid-map', '0'), 'id map "0": must be CONTAINER:HOST[:SIZE]'),
        (('--uid-map', '0:0:0'), 'id map "0:0:0": must be'),
        (('--uid-map', '0:4294967295:5'), 'must be CONTAINER:HOST[:SIZE]'),
        (('--rootless', '--gid-map', '0:0'), '--rootless and --uid-map: either of them')]:
    def bad_words(work, words=words, error=error):
        Layout(work.image).layer(END).save()
        yield from refused(work, error, *words)
    bad_words.__doc__ = ' '.join(words) + ' is refused'
    test(bad_words)


@test
def capabilities(work):
    """file capabilities, attributes but for a host's, fractions of seconds"""
    demand(is_root, 'needs root')
    value = struct.pack('<5I', 0x02000001, 0x400, 0, 0, 0)
    tar = pax((b'SCHILY.xattr.security.capability', value), (b'SCHILY.xattr.user.a', b'\0b'),
              (b'SCHILY.xattr.security.selinux', b'label'),
              (b'SCHILY.xattr.security.SMACK64', b'_'), (b'SCHILY.xattr.security.ima', b'x'),
              (b'SCHILY.xattr.com.apple.quarantine', b'1'), (b'mtime', b'12.345678901'),
              (b'atime', b'11.5')) + file_(b'f', b'x', uid=1, mode=0o755) + \
        pax((b'mtime', b'-1.5')) + dir_(b'd') + file_(b'd/g') + END
    Layout(work.image).layer(tar).save()
    yield from accepted(work)
    path = work.out + '/f'
    names = {k: os.getxattr(path, k) for k in os.listxattr(path)}
    if names.pop('security.selinux', b'') == b'label' or \
            names != {'security.capability': value, 'user.a': b'\0b'}:
        yield names
    if os.stat(path).st_mtime_ns != 12345678901 or os.stat(path).st_atime_ns != 11500000000:
        yield os.stat(path)
    if os.stat(work.out + '/d').st_mtime_ns != -1500000000:
        yield os.stat(work.out + '/d').st_mtime_ns


def acl(*entries):
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)


@test
def inherited(work):
    """what a directory's ACL gives to new files goes to none of the image's"""
    mine = acl((1, 7, 2**32 - 1), (2, 7, 1234), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1),
               (32, 5, 2**32 - 1))
    tar = pax((b'SCHILY.xattr.system.posix_acl_default', mine)) + dir_(b'd') + file_(b'd/f') + \
        header(b'd/p', b'6', mode=0o640) + dir_(b'd/s') + file_(b'd/i/f') + \
        symlink(b'd/l', b'f') + \
        pax((b'SCHILY.xattr.system.posix_acl_access', mine)) + header(b'd/q', b'6') + END
    Layout(work.image).layer(tar).save()
    yield from accepted(work)
    for path, mode in ('f', 0o100644), ('p', 0o10640), ('s', 0o40755), ('i', 0o40755), \
            ('i/f', 0o100644), ('q', 0o10775):
        found = os.listxattr(work.out + '/d/' + path)
        st = os.stat(work.out + '/d/' + path)
        if st.st_mode != mode or found != (['system.posix_acl_access'] if path == 'q' else []):
            yield '%s: %o %s' % (path, st.st_mode, found)


@test
def whiteouts(work):
    """whiteouts hide what lower layers have, and nothing of their own"""
    lower = dir_(b'a') + file_(b'a/1', b'old') + file_(b'a/2') + dir_(b'b') + dir_(b'b/c') + \
        file_(b'b/c/1') + file_(b'b/2') + dir_(b'e') + file_(b'e/1') + file_(b'g') + END
    upper = file_(b'a/1', b'new') + file_(b'a/.wh.1') + file_(b'a/.wh.2') + \
        dir_(b'b', mtime=77) + dir_(b'b/c') + file_(b'b/c/3') + file_(b'b/.wh..wh..opq') + \
        file_(b'.wh.e') + file_(b'none/.wh.x') + file_(b'e/9') + file_(b'.wh.g') + END
    Layout(work.image).layer(lower).layer(upper).save()
    yield from accepted(work)
    found = sorted(listing(work.out))
    if found != ['.', 'a', 'a/1', 'b', 'b/c', 'b/c/3', 'e', 'e/9']:
        yield found
    with open(work.out + '/a/1', 'rb') as file:
        if file.read() != b'new':
            yield 'a/1 is the old one'
    if os.stat(work.out + '/b').st_mtime != 77:
        yield 'the time of b is %s' % os.stat(work.out + '/b').st_mtime


@test
def whiteouts_again(work):
    """one that found no place counts where it has one"""
    lower = dir_(b'd') + file_(b'd/x') + END
    upper = file_(b'l/.wh.x') + symlink(b'l', b'd') + file_(b'l/.wh.x') + END
    Layout(work.image).layer(lower).layer(upper).save()
    yield from accepted(work)
    if os.listdir(work.out + '/d'):
        yield os.listdir(work.out + '/d')


@test
def times(work):
    """directories keep their times, whatever is made in them later"""
    lower = dir_(b'a', mtime=5) + dir_(b'a/b', mtime=6) + file_(b'a/b/c', mtime=7) + \
        dir_(b'e', mtime=9) + dir_(b'e/f', mtime=10) + file_(b'e/f/old') + END
    upper = file_(b'a/b/d', mtime=8) + file_(b'a/b/.wh.c') + dir_(b'e/f', mtime=11) + \
        file_(b'e/f/new') + file_(b'e/.wh..wh..opq') + END
    Layout(work.image).layer(lower).layer(upper).save()
    yield from accepted(work)
    if os.listdir(work.out + '/e/f') != ['new']:
        yield os.listdir(work.out + '/e/f')
    for path, mtime in ('a', 5), ('a/b', 6), ('a/b/d', 8), ('e', 9), ('e/f', 11):
        if os.stat(work.out + '/' + path).st_mtime != mtime:
            yield '%s: %s' % (path, os.stat(work.out + '/' + path).st_mtime)


@test
def bar(work):
    """a progress bar on a terminal, and nowhere else"""
    read, write = os.pipe()
    master, slave = pty.openpty()
    process = subprocess.Popen([PROGRAM, 'unpack', 'tar:-', work.out], stdin=read, stderr=slave)
    os.close(slave)
    os.close(read)
    text = b''
    # It is drawn while the archive goes on: that ends when it has been.
    for _ in range(600):
        os.write(write, file_(b'f', b'x' * 30000))
        if select.select([master], [], [], 0.1)[0]:
            text += os.read(master, 65536)
        if b'MB' in text:
            break
    os.write(write, END)
    os.close(write)
    # To the end, which is an error of the terminal's: that nobody has it open.
    try:
        while True:
            text += os.read(master, 65536)
    except OSError:
        pass
    if process.wait(timeout=60) != 0:
        yield 'status %d' % process.returncode
    if b'\r\033[Kunpack 0 MB' not in text or not text.endswith(b'\r\033[K'):
        yield text


finish()
