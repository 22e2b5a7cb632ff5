# SPDX-License-Identifier: Apache-2.0
"""Root file systems for the round trips.

tree.py make DIR     one of everything that a layer can hold
tree.py change DIR   something of everything is added, changed and removed
tree.py list DIR [seconds|below]
                     a line for each name: type, mode, owner, time, size and digest, link target,
                     device, attributes, and the first of its hard links; seconds: whole ones,
                     where a tool keeps no more; below: without DIR itself, which podman makes anew
"""
import hashlib
import os
import stat
import sys

TIME = 1600000000123456789


def write(path, data=b'', mode=0o644, owner=(0, 0)):
    with open(path, 'wb') as file:
        file.write(data)
    os.chown(path, *owner)
    os.chmod(path, mode)


def attribute(path, name, value):
    """tmpfs has user.* since Linux 6.6 only."""
    try:
        os.setxattr(path, name, value)
    except OSError:
        if not name.startswith('user.'):
            raise


def set_times(top, time):
    """From the leaves up, each other by a nanosecond's fraction, none later than the next."""
    for folder, folders, files in os.walk(top, topdown=False):
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            ns = time + len(os.path.relpath(path, top)) * 1000000007
            os.utime(path, ns=(ns, ns), follow_symlinks=False)
    os.utime(top, ns=(time, time))


def make(top):
    os.umask(0)
    for name in ('bin', 'dev', 'etc/deep/er', 'home/user', 'lib64', 'opt/gone/below', 'opt/stays',
                 'tmp', 'usr/lib', 'var/spool', 'empty'):
        os.makedirs(os.path.join(top, name), 0o755)
    os.chdir(top)
    os.chmod('.', 0o755)
    write('bin/program', b'#!/bin/sh\n' * 1000, 0o4755)
    attribute('bin/program', 'security.capability',
              bytes.fromhex('0100000200200000000000000000000000000000'))
    os.link('bin/program', 'bin/again')
    os.link('bin/program', 'usr/lib/third')
    os.symlink('bin/program', 'link')
    os.symlink('/etc/nothing', 'etc/dangling')
    os.symlink('usr/lib', 'lib')
    write('etc/passwd', b'root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n')
    write('etc/group', b'root:x:0:\nuser:x:1000:\n')
    write('etc/shadow', b'secret\n', 0o640, (0, 42))
    write('etc/deep/er/file', b'deep\n')
    write('home/user/file', b'mine\n', 0o600, (1000, 1000))
    attribute('home/user/file', 'user.note', b'a\0b')
    os.chown('home/user', 1000, 1000)
    os.chmod('home/user', 0o700)
    write('opt/big-owner', b'', 0o644, (3000000, 4000000))
    write('opt/gone/below/file', b'gone')
    write('opt/gone/file', b'gone')
    write('opt/stays/file', b'stays')
    os.chmod('tmp', 0o1777)
    os.chmod('var/spool', 0o2775)
    os.mknod('dev/null', stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod('dev/loop', stat.S_IFBLK | 0o660, os.makedev(7, 1))
    os.mkfifo('dev/fifo', 0o600)
    write('na\u00efve name with \u65e5\u672c\u8a9e', b'utf-8')
    os.makedirs('long/' + 'd' * 200)
    write('long/' + 'd' * 200 + '/' + 'f' * 200, b'long')
    os.symlink('t' * 300, 'long/link')
    with open('sparse', 'wb') as file:
        file.truncate(1 << 20)
        file.seek(1 << 19)
        file.write(b'in the middle')
    set_times('.', TIME)


def change(top):
    os.chdir(top)
    os.umask(0)
    os.unlink('opt/gone/below/file')
    os.rmdir('opt/gone/below')
    os.unlink('opt/gone/file')
    os.rmdir('opt/gone')
    os.unlink('link')
    os.mkdir('link')                       # a file becomes a directory
    write('link/file', b'in it')
    os.unlink('opt/stays/file')
    os.rmdir('opt/stays')
    write('opt/stays', b'a directory becomes a file')
    os.unlink('etc/deep/er/file')
    os.rmdir('etc/deep/er')
    os.mkdir('etc/deep/er')                # another directory of the same name
    write('etc/deep/er/other', b'other\n')
    write('etc/passwd', b'root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n')
    os.chmod('etc/shadow', 0o600)
    os.chown('home/user/file', 1001, 1001)
    attribute('home/user/file', 'user.note', b'changed')
    os.link('etc/group', 'etc/group-')     # a new name of an old file
    os.unlink('usr/lib/third')             # one name of three
    os.unlink('dev/null')
    os.mknod('dev/null', stat.S_IFCHR | 0o600, os.makedev(1, 5))
    os.mkdir('new')
    write('new/file', b'new\n')
    set_times('.', TIME + 5000000000)


def attributes(path):
    names = sorted(os.listxattr(path, follow_symlinks=False))
    ours = [n for n in names if n not in ('security.selinux',) and '.overlay.' not in n]
    return ','.join('%s=%s' % (n, os.getxattr(path, n, follow_symlinks=False).hex()) for n in ours)


def line(top, name, first, seconds):
    path = os.path.join(top, name)
    st = os.lstat(path)
    kind = stat.S_IFMT(st.st_mode)
    data = ''
    if kind == stat.S_IFREG:
        with open(path, 'rb') as file:
            data = '%d %s' % (st.st_size, hashlib.sha256(file.read()).hexdigest()[:16])
    elif kind == stat.S_IFLNK:
        data = '-> %a' % os.readlink(path)
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        data = '%d:%d' % (os.major(st.st_rdev), os.minor(st.st_rdev))
    link = '' if kind == stat.S_IFDIR else first.setdefault((st.st_dev, st.st_ino), name)
    time = st.st_mtime_ns // 1000000000 if seconds else st.st_mtime_ns
    return '%a %06o %d:%d %d %s [%s] %s' % (
        name, st.st_mode, st.st_uid, st.st_gid, time, data, attributes(path),
        link if link != name else '')


def listing(top, how):
    names = [] if how == 'below' else ['.']
    for folder, folders, files in os.walk(top):
        names += [os.path.relpath(os.path.join(folder, n), top) for n in folders + files]
    first = {}
    for name in sorted(names):
        print(line(top, name, first, how == 'seconds'))


def main():
    command, top = sys.argv[1:3]
    if command == 'make':
        make(top)
    elif command == 'change':
        change(top)
    else:
        listing(top, ''.join(sys.argv[3:]))


main()
