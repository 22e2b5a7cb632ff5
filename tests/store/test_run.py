#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kist run IMAGE: from an image to a container, and nothing left behind it."""
import os
import shutil
import signal
import subprocess
import time

from harness import END, KIST, demand, expect, finish, test, test_both
from image import file_, symlink


def no_runs(work):
    runs = work.layers()[2]
    expect(runs == [], 'left in the store: %s' % runs)


@test_both
def command(work):
    """the image's own command, its exit status, and nothing left"""
    work.layout(Cmd=['/bin/sh', '-c', 'echo out; exit 7']).save()
    status, out, err = work.run(work.image)
    expect((status, out, err) == (7, 'out\n', ''), (status, out, err))
    no_runs(work)
    expect(len(work.layers()[1]) == 1, 'the layer was not kept')


@test_both
def words(work):
    """--image with an id, a command behind "--", and the flags of run --rootfs"""
    work.layout(Cmd=['/bin/false']).save()
    out = work.good(work.run('--image', work.image, '--hostname', 'h', '--env', 'A=1', '-w',
                             '/tmp', 'web', '--', '/bin/sh', '-c', 'echo $A; pwd; echo >/new'))
    expect(out == '1\n/tmp\n', out)
    work.good(work.run(work.image, 'web', '--', '/bin/sh', '-c', 'test ! -e /new'), '')
    work.good(work.run('--read-only', work.image, '--', '/bin/sh', '-c',
                       'echo 2>/dev/null >/new; test ! -e /new'), '')
    no_runs(work)


@test
def plain_tar(work):
    """the tar of a root file system is an image, too, and is unpacked once"""
    work.layout()
    blob = os.listdir(work.image + '/blobs/sha256')[0]
    shutil.move(work.image + '/blobs/sha256/' + blob, work.mine + '/root.tar')
    for _ in range(2):
        work.good(work.run('./root.tar', '--', 'echo', 'hello'), 'hello\n')
    expect(len(work.layers()[1]) == 1, work.layers())
    with open(work.mine + '/root.tar', 'rb') as file:
        work.good(work.run('tar:-', '--', 'echo', 'hello', stdin=file), 'hello\n')
    no_runs(work)


@test_both
def kept(work):
    """--overlay keeps what the container changed"""
    work.layout(Cmd=['/bin/false']).save()
    work.good(work.run('--overlay', work.mine + '/kept', work.image, '--', '/bin/sh', '-c',
                       'echo x >/new'))
    work.good(work.run('--overlay', work.mine + '/kept', work.image, '--', 'cat', '/new'), 'x\n')
    expect(os.path.exists(work.mine + '/kept/upper/new'), 'not there')
    no_runs(work)


@test
def detached(work):
    """a detached container keeps its bundle until it is deleted"""
    work.layout(Cmd=['/bin/sleep', '100']).save()
    process = work.start('--root', work.state, 'run', '-d', '--store', work.store, work.image,
                         'web')
    process.wait(timeout=60)
    expect(len(work.layers()[2]) == 1, 'no bundle')
    work.good(work.rootfs('gc'))
    expect(len(work.layers()[2]) == 1 and len(work.layers()[1]) == 1, 'collected under it')
    work.good(work.call('--root', work.state, 'delete', '--force', 'web'))
    no_runs(work)
    work.good(work.rootfs('gc'))
    expect(work.layers() == [[], [], []], work.layers())


@test
def relative_root(work):
    """what runs is found from another directory, too, where --root was a relative path"""
    work.layout(Cmd=['/bin/sleep', '100']).save()
    process = work.start('--root', 'state', 'run', '-d', '--store', work.store, work.image, 'web')
    process.wait(timeout=60)
    subprocess.run([KIST, 'rootfs', '--store', work.store, 'gc'], cwd='/', check=True,
                   capture_output=True)
    expect(len(work.layers()[2]) == 1 and len(work.layers()[1]) == 1, 'collected under it')
    work.good(work.call('--root', 'state', 'delete', '--force', 'web'))
    no_runs(work)


@test
def refused(work):
    """what cannot run leaves nothing: a program, an id, an image, a flag"""
    work.layout(Cmd=['/nosuch']).save()
    work.bad(work.run(work.image), '"/nosuch": no such file or directory')
    work.bad(work.run('--user', 'nosuch', work.image), 'is not in its /etc/passwd')
    work.bad(work.run('./nosuch.tar'), 'no such file or directory')
    work.bad(work.run('--memory', 'x', work.image), '--memory x')
    work.bad(work.run(work.image, 'a/b', '--', 'ls'), 'ID')
    work.bad(work.run('--rootfs', '/', work.image), '')
    no_runs(work)


@test
def taken(work):
    """an id that is taken: the other container and its bundle stay"""
    work.layout(Cmd=['/bin/sleep', '100']).save()
    work.start('--root', work.state, 'run', '-d', '--store', work.store, work.image,
               'web').wait(timeout=60)
    work.bad(work.run(work.image, 'web', '--', 'ls'), 'already exists')
    expect(len(work.layers()[2]) == 1, work.layers())


@test
def killed(work):
    """kill -9 of kist: the container runs on, and "kist gc" takes it and its bundle away later"""
    work.layout(Cmd=['/bin/sleep', '100']).save()
    process = work.start('--root', work.state, 'run', '--store', work.store, work.image, 'web')
    for _ in range(2000):
        status, out, _ = work.call('--root', work.state, 'state', 'web')
        if status == 0 and '"running"' in out:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    expect(len(work.layers()[2]) == 1, work.layers())
    work.good(work.call('--root', work.state, 'gc'), '')
    work.good(work.call('--root', work.state, 'kill', 'web', 'KILL'))
    for _ in range(2000):
        result = work.call('--root', work.state, 'gc')
        if result[1]:
            break
        time.sleep(0.05)
    expect(result == (0, 'web\n', ''), result)
    no_runs(work)


@test
def killed_before(work):
    """killed before there was a container: the next run sweeps"""
    work.layout(Cmd=['/bin/true']).save()
    ended = subprocess.Popen(['/bin/true'])
    work.good(work.rootfs('run-bundle', '--owner=%d' % ended.pid, '--container=/nosuch/web',
                          work.image))
    ended.wait()
    expect(len(work.layers()[2]) == 1, work.layers())
    work.good(work.run(work.image))
    no_runs(work)


@test
def ended_before(work):
    """Ctrl-C before there was a bundle: none is made, and what an older kist left goes"""
    work.layout(Cmd=['/bin/true']).save()
    ended = subprocess.Popen(['/bin/true'])
    ended.wait()
    work.bad(work.rootfs('run-bundle', '--owner=%d' % ended.pid, '--container=/nosuch/web',
                         work.image), 'make a bundle for process %d: no such process' % ended.pid)
    no_runs(work)
    namespace = os.stat('/proc/self/ns/pid').st_ino
    os.makedirs('%s/run/%x-%d-0-1234abcd' % (work.store, namespace, ended.pid))
    work.good(work.run(work.image))
    no_runs(work)


@test
def empty_file(work):
    """no image, and not one without files"""
    open(work.mine + '/empty.tar', 'w').close()
    work.bad(work.run(work.mine + '/empty.tar'), 'empty.tar: the file is empty')


@test
def interrupted(work):
    """Ctrl-C while the image is unpacked"""
    process = work.start('--root', work.state, 'run', '--store', work.store, 'tar:-', '--', 'ls',
                         stdin=-1, start_new_session=True)
    process.stdin.write(file_(b'a', b'1' * 100000) * 3)
    process.stdin.flush()
    for _ in range(1000):		# until it unpacks
        if work.layers()[0]:
            break
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    for _ in range(2000):
        if work.layers()[0] == [] and work.layers()[2] == []:
            break
        time.sleep(0.05)
    expect(process.returncode == -signal.SIGINT and work.layers() == [[], [], []],
           (process.returncode, work.layers()))


@test
def stopped_between(work):
    """SIGTERM when the bundle is made and there is no container yet: it is the container's"""
    work.layout(Cmd=['/bin/sleep', '100']).save()
    beside, libexec = os.path.dirname(KIST), work.mine + '/bin/libexec/'
    os.makedirs(libexec)
    shutil.copy(KIST, work.mine + '/bin')
    shutil.copy(beside + '/libexec/kist', libexec)
    with open(libexec + 'kist-rootfs', 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\n%s/libexec/kist-rootfs "$@"\nkill -TERM $PPID\n' % beside)
    os.chmod(libexec + 'kist-rootfs', 0o755)
    status, out, err = work.run(work.image, program=work.mine + '/bin/kist')
    expect((status, out, err) == (128 + signal.SIGTERM, '', ''), (status, out, err))
    no_runs(work)


@test
def squashfs(work):
    """a squashfs file is a root, read-only"""
    demand(shutil.which('mksquashfs') and os.path.exists('/dev/loop-control'), 'no squashfs')
    work.layout()
    root = work.path + '/root'
    blob = os.listdir(work.image + '/blobs/sha256')[0]
    os.makedirs(root + '/proc')
    for name in 'dev', 'sys':
        os.mkdir(root + '/' + name)
    subprocess.run(['tar', '-xf', work.image + '/blobs/sha256/' + blob, '-C', root], check=True)
    subprocess.run(['mksquashfs', root, work.mine + '/r.sqfs', '-quiet', '-no-progress'],
                   check=True, stdout=subprocess.DEVNULL)
    work.good(work.run('./r.sqfs', '--', '/bin/sh', '-c',
                       'echo 2>/dev/null >/new; test -e /new || echo read-only'), 'read-only\n')
    work.bad(work.run('--overlay', work.mine + '/kept', './r.sqfs', '--', '/bin/true'),
             'r.sqfs: squashfs in a file is mounted as it is')
    work.bad(work.rootfs('ls', work.mine + '/r.sqfs'), 'r.sqfs: is a file system, squashfs')
    no_runs(work)


@test
def not_installed(work):
    """without kist-rootfs the error says so, and the rest works"""
    beside = os.path.dirname(KIST)
    for folder, names in ('', ['kist']), ('libexec', ['kist']):
        os.makedirs(work.mine + '/bin/' + folder, exist_ok=True)
        for name in names:
            shutil.copy(os.path.join(beside, folder, name), work.mine + '/bin/' + folder)
    lonely = work.mine + '/bin/kist'
    demand(not os.path.exists('/usr/local/libexec/kist/kist-rootfs'), 'kist is installed')
    for line in ['rootfs', 'ls'], ['run', './x.tar', '--', 'ls']:
        work.bad(work.call(*line, program=lonely), 'kist-rootfs is not installed')
    work.good(work.call('features', program=lonely))


@test_both
def hostile(work):
    """an image's config takes nothing of the host: not its variables, files or directories"""
    host = work.path + '/host'
    os.mkdir(host, 0o777)
    os.chmod(host, 0o777)
    with open(host + '/secret', 'w', encoding='utf-8') as file:
        file.write('of the host')
    links = (symlink(b'out', host.encode()) + symlink(b'up', b'../../../../..' + host.encode()) +
             END)
    # CVE-2026-57231: a name alone, or a pattern, is not the caller's variable.
    work.layout(Cmd=['/bin/env'], Env=['SECRET', 'SEC*', '*', 'A=${SECRET}']).save()
    out = work.good(work.run(work.image, env={'SECRET': 'of the host'}))
    expect('of the host' not in out, out)
    # CVE-2026-55686: nor is a directory made where a link of the image's leads to.
    for i, cwd in enumerate(['/out/new', '/up/new', '/../../../..' + host + '/new']):
        work.layout(links, Cmd=['/bin/pwd'], WorkingDir=cwd, name='cwd%d' % i).save()
        work.run(work.path + '/cwd%d' % i)
        expect(os.listdir(host) == ['secret'], '%s: %s' % (cwd, os.listdir(host)))
    # CVE-2022-23648: nor are files copied to a volume from there.
    for i, volume in enumerate(['/out', '/up', '/../../../..' + host]):
        work.layout(links, Cmd=['/bin/sh', '-c', 'ls -R %s; cat %s/secret' % (volume, volume)],
                    Volumes={volume: {}}, name='volume%d' % i).save()
        status, out, _ = work.run(work.path + '/volume%d' % i)
        expect('secret' not in out and 'of the host' not in out, '%s: %s' % (volume, out))
        expect(status != 0 and os.listdir(host) == ['secret'], '%s: %d' % (volume, status))
    work.layout(Cmd=['/bin/true'], Labels={'l%d' % i: 'x' for i in range(20000)},
                name='labels').save()
    work.bad(work.run(work.path + '/labels'), 'more than 10000 entries')


finish()
