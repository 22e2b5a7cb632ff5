#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kist rootfs bundle: the configuration, and the root."""
import os
import shutil
import signal
import subprocess
import time

from harness import END, busybox_layer, demand, expect, finish, test, test_both
from image import dir_, file_, hard_link, header, symlink


def bundle(work, *words, image=None):
    work.good(work.rootfs('bundle', image or work.image, work.mine + '/bundle', *words), '')
    return work.config()


def inside(work, script, *words):
    """What a container of a new bundle prints."""
    bundle(work, *words, '--', '/bin/sh', '-c', script)
    return work.good(work.call('--root', work.state, 'run', '-b', work.mine + '/bundle', 'c'))


@test
def conversion(work):
    """the image's config becomes the runtime's, as the image spec says"""
    work.layout(Env=['A=1', 'B', 'PATH=/bin'], Entrypoint=['/bin/echo', 'x'], Cmd=['y'],
                WorkingDir='tmp', User='app', Volumes={'/data': {}}, StopSignal='SIGQUIT',
                ExposedPorts={'80/tcp': {}, '53/udp': {}},
                Labels={'l': 'v', 'org.kist.init': 'never', 'run.oci.handler': 'x',
                        'org.systemd.property.X': 'y', 'org.opencontainers.image.os': 'mine'}).save()
    made = bundle(work, '--env', 'A=2')
    process, notes = made['process'], made['annotations']
    expect(process['args'] == ['/bin/echo', 'x', 'y'], process['args'])
    expect(process['cwd'] == '/tmp', process['cwd'])
    expect({'A=2', 'B=', 'PATH=/bin'} <= set(process['env']), process['env'])
    expect(process['user'] == {'uid': 1000, 'gid': 1001, 'additionalGids': [2000]},
           process['user'])
    expect('effective' not in process['capabilities'] or
           process['capabilities']['effective'] == [], process['capabilities'])
    expect(notes['l'] == 'v' and notes['org.opencontainers.image.os'] == 'mine', notes)
    expect(notes['org.opencontainers.image.stopSignal'] == 'SIGQUIT', notes)
    expect(notes['org.opencontainers.image.exposedPorts'] == '80/tcp,53/udp', notes)
    expect(not [k for k in notes if k.startswith(('org.kist', 'run.oci', 'org.systemd'))], notes)
    expect([m for m in made['mounts'] if m['destination'] == '/data'][0]['type'] == 'tmpfs',
           made['mounts'])


@test
def words(work):
    """arguments take Cmd's place, --entrypoint Entrypoint's"""
    work.layout(Entrypoint=['/bin/echo', 'x'], Cmd=['y']).save()
    expect(bundle(work, '--', 'z')['process']['args'] == ['/bin/echo', 'x', 'z'], 'Cmd')
    os.rename(work.mine + '/bundle', work.mine + '/first')
    expect(bundle(work, '--entrypoint', '/bin/ls')['process']['args'] == ['/bin/ls'], 'both')
    os.rename(work.mine + '/bundle', work.mine + '/second')
    expect(bundle(work, '--entrypoint', '["/bin/ls", "-l"]', '--', 'z')['process']['args'] ==
           ['/bin/ls', '-l', 'z'], 'an array')


@test
def users(work):
    """a user by name or number, with a group or without"""
    image = work.layout(Cmd=['/bin/id'])
    for number, (user, uid, gid, groups) in enumerate([
            ('', 0, 0, [2000]), ('0', 0, 0, [2000]), ('app', 1000, 1001, [2000]),
            ('1000', 1000, 1001, [2000]), ('7', 7, 0, []), ('app:extra', 1000, 2000, []),
            ('app:5', 1000, 5, []), ('7:app', 7, 1001, [])]):
        target = work.mine + '/b%d' % number
        if number == 0:
            image.save()
        work.good(work.rootfs('bundle', '--user', user or 'root', work.image, target))
        made = work.config('b%d' % number)['process']['user']
        expect((made['uid'], made['gid'], made.get('additionalGids', [])) == (uid, gid, groups),
               '%s: %s' % (user, made))
    for user, why in [('nobody', 'is not in its /etc/'), ('app:nogroup', 'is not in its /etc/'),
                      ('-1', 'is not in its /etc/'), ('4294967295', 'is no id'),
                      ('app:4294967295', 'is no id')]:
        work.bad(work.rootfs('bundle', '--user', user, work.image, work.mine + '/no'), why)
    expect(not os.path.exists(work.mine + '/no'), 'a bundle was made')


@test
def hostile_passwd(work):
    """an /etc/passwd that is a fifo, a loop, or endless, is none"""
    for name, entry in ('fifo', header(b'etc/passwd', b'6')), ('loop', symlink(
            b'etc/passwd', b'passwd')), ('long', file_(b'etc/passwd', b'x' * (2 << 20))), (
                'out', symlink(b'etc/passwd', b'../../../../../../etc/hostname')):
        work.layout(entry + END, name=name, Cmd=['/bin/id'], User='app').save()
        status, _, err = work.rootfs('bundle', work.path + '/' + name, work.mine + '/' + name,
                                     limit=60)
        expect(status == 1 and err.count('\n') == 1, '%s: %d %s' % (name, status, err))
        expect(not os.path.exists(work.mine + '/' + name), 'a bundle was made')


@test_both
def runs(work):
    """the bundle runs; its changes go to it, and the store stays as it is"""
    work.layout(file_(b'etc/two', b'2') + END).save()
    expect(inside(work, 'cat /etc/two; echo new >/etc/new; echo more >>/etc/two') == '2', 'cat')
    upper = work.mine + '/bundle/overlay/upper/etc/'
    expect(sorted(os.listdir(upper))[:1] != [] and os.path.exists(upper + 'new'),
           os.listdir(upper))
    work.good(work.rootfs('store', 'verify'))


@test_both
def copies(work):
    """--copy makes a plain tree, without the store"""
    work.layout(file_(b'etc/two', b'2') + END).save()
    expect(inside(work, 'cat /etc/two', '--copy') == '2', 'cat')
    expect(os.path.exists(work.mine + '/bundle/rootfs/etc/two'), 'no tree')
    expect(work.layers()[1] == [], work.layers())


@test_both
def whiteouts(work):
    """what a layer hides is hidden"""
    work.layout(dir_(b'd') + file_(b'd/a') + file_(b'd/b') + file_(b'e') + dir_(b'o') +
                file_(b'o/x') + END,
                dir_(b'd') + file_(b'd/.wh.a') + file_(b'.wh.e') + dir_(b'o') +
                file_(b'o/.wh..wh..opq') + file_(b'o/y') + END).save()
    expect(inside(work, 'ls /d /o; ls /e 2>/dev/null; true') == '/d:\nb\n\n/o:\ny\n', 'ls')


@test_both
def whiteouts_above(work):
    """files of a directory that the layer hides, and whiteouts in one; a hard link to a whiteout"""
    lower = dir_(b'd', mode=0o700) + file_(b'd/a') + symlink(b'l', b'd') + dir_(b'e') + \
        file_(b'e/x') + file_(b'f') + END
    work.layout(lower, file_(b'.wh.d') + file_(b'd/in/b') + file_(b'.wh.l') + file_(b'l/c') +
                file_(b'.wh.e') + file_(b'e/.wh.x') + file_(b'e/.wh..wh..opq') +
                file_(b'.wh.f') + file_(b'f/.wh.g') + END).save()
    expect(inside(work, 'ls -d [def] l; ls d l; stat -c %a d') ==
           'd\nl\nd:\nin\n\nl:\nc\n755\n', 'ls')
    shutil.rmtree(work.image)
    work.layout(lower, file_(b'.wh.f') + hard_link(b'g', b'f') + END, Cmd=['/x']).save()
    work.bad(work.rootfs('bundle', work.image, work.mine + '/other'),
             'g: is a hard link to f, which is not there')


@test_both
def opaque_root(work):
    """a layer may hide all that is below it"""
    work.layout(file_(b'gone') + symlink(b'new', b'tmp') + END,
                busybox_layer()[:-len(END)] + file_(b'.wh..wh..opq') + file_(b'new/a') + END,
                file_(b'.wh.private') + file_(b'b') + END, busybox=False).save()
    expect(inside(work, 'ls -d /gone /private /new /b 2>/dev/null; ls /new') == '/b\n/new\na\n', 'ls')


@test_both
def implied(work):
    """directories that a layer does not name stay what lower layers made them"""
    work.layout(file_(b'private/x', b'x') + file_(b'tmp/y') + file_(b'new/z') + END).save()
    expect(inside(work, 'stat -c %a /private /tmp /new') == '700\n1777\n755\n', 'modes')
    chains = [key for key in work.layers()[1] if key.startswith('chain-')]
    expect(len(chains) == 1, work.layers())


@test_both
def implied_of_none(work):
    """also where the layer was unpacked before with nothing below it"""
    layer = file_(b'private/x', b'x') + file_(b'tmp/y') + file_(b'new/z') + END
    work.layout(layer, name='alone', busybox=False, Cmd=['/x']).save()
    work.layout(layer).save()
    for number in range(2):
        work.good(work.rootfs('bundle', work.path + '/alone', work.mine + '/b%d' % number))
        expect(len(work.layers()[0]) == 1, work.layers())
    expect(inside(work, 'stat -c %a /private /tmp /new') == '700\n1777\n755\n', 'modes')


@test_both
def through_links(work):
    """files below what is a symlink in lower layers go where it leads"""
    work.layout(dir_(b'usr') + dir_(b'usr/lib') + symlink(b'lib', b'usr/lib') +
                file_(b'usr/lib/a') + END, file_(b'lib/b') + file_(b'lib/sub/c') + END).save()
    expect(inside(work, 'ls /usr/lib /usr/lib/sub; test -L /lib && echo link') ==
           '/usr/lib:\na\nb\nsub\n\n/usr/lib/sub:\nc\nlink\n', 'ls')


@test_both
def through_links_merged(work):
    """also where they lead to what the layer has there itself; what it names stays as it says"""
    work.layout(dir_(b'usr') + dir_(b'usr/lib') + symlink(b'lib', b'usr/lib') + END,
                file_(b'lib/a/1') + file_(b'lib/a/b/1') + file_(b'usr/lib/a/2') +
                file_(b'usr/lib/a/b/2') + dir_(b'lib/c', mode=0o500, mtime=7) + file_(b'lib/c/1') +
                file_(b'usr/lib/c/2') + END).save()
    expect(inside(work, 'cd /usr/lib; ls a a/b c; stat -c "%a %Y" c; stat -c %a a') ==
           'a:\n1\n2\nb\n\na/b:\n1\n2\n\nc:\n1\n2\n500 7\n755\n', 'ls')


@test_both
def closed(work):
    """directories that their owner may not write to or look into, "/" among them"""
    work.layout(dir_(b'./', mode=0o555) + dir_(b'usr', mode=0o555) + symlink(b'lib', b'usr/lib') +
                dir_(b'usr/lib', mode=0o555, uid=7) + dir_(b'none', mode=0) + file_(b'none/1') +
                dir_(b'pass', mode=0o111) + dir_(b'pass/in') + END,
                file_(b'lib/a') + dir_(b'lib/b', mode=0o500) + file_(b'lib/b/1') +
                file_(b'usr/c') + END).save()
    out = inside(work, 'stat -c %a / /usr /usr/lib /none /pass /lib/b; ls /usr /lib/ /lib/b')
    expect(out == '555\n555\n555\n0\n111\n500\n/lib/:\na\nb\n\n/lib/b:\n1\n\n/usr:\nc\nlib\n',
           out)
    work.good(work.rootfs('store', 'verify'))
    os.rename(work.mine + '/bundle', work.mine + '/away')
    work.good(work.rootfs('gc'))
    expect(work.layers()[:2] == [[], []], work.layers())


@test
def repeated(work):
    """a layer that comes twice, and sixty layers"""
    release = tuple(int(part) for part in os.uname().release.split('.')[:2])
    demand(release >= (6, 7), 'Linux before 6.7 takes fewer')
    layers = [file_(b'f%d' % i, b'%d' % i) + END for i in range(58)]
    work.layout(*layers, layers[0]).save()
    for _ in range(2):
        out = inside(work, 'cat /f0 /f57')
        expect(out == '057', out)
        expect([len(found) for found in work.layers()] == [59, 59, 0], work.layers())
        os.rename(work.mine + '/bundle', work.mine + '/b%d' % len(os.listdir(work.mine)))


@test
def only_once(work):
    """layers are unpacked once, also when several begin at the same time"""
    work.layout(file_(b'etc/two', b'2' * 1000000) + END, Cmd=['/bin/id']).save()
    several = [work.start('rootfs', '--store', work.store, 'bundle', work.image,
                          work.mine + '/b%d' % i) for i in range(4)]
    for process in several:
        out, err = process.communicate(timeout=90)
        expect(process.returncode == 0, out + err)
    work.good(work.rootfs('bundle', work.image, work.mine + '/last'))
    expect(len(work.layers()[1]) == 2, work.layers())
    work.good(work.rootfs('gc', '--keep-layers'))
    work.good(work.rootfs('store', 'verify'))


SAME_NAMES = r'''
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
ssize_t getrandom(void *data, size_t size, unsigned int flags)
{
	static int calls;

	if (size != 16 || calls++ > 2)
		return syscall(SYS_getrandom, data, size, flags);
	memset(data, 0, size);
	return size;
}
'''


@test
def same_names(work):
    """layers that draw the same name all come in"""
    demand(shutil.which('cc') and not os.environ.get('ASAN_OPTIONS'), 'no cc, or a sanitizer')
    library = work.path + '/same.so'
    subprocess.run(['cc', '-shared', '-fPIC', '-xc', '-', '-o', library],
                   input=SAME_NAMES.encode(), check=True)
    work.layout(file_(b'two', b'2') + END, Cmd=['/bin/id']).save()
    work.good(work.rootfs('bundle', work.image, work.mine + '/bundle',
                          env={'LD_PRELOAD': library}))
    expect('aaaa' in work.layers()[0] and len(work.layers()[0]) == 2, work.layers())


@test
def exists(work):
    """what is there already is not touched"""
    work.layout(Cmd=['/bin/id']).save()
    os.mkdir(work.mine + '/bundle')
    work.bad(work.rootfs('bundle', work.image, work.mine + '/bundle'), 'file exists')


@test
def missing(work):
    """a layer that is missing, or is not what its digest says: nothing is left"""
    image = work.layout(file_(b'etc/two', b'2') + END, Cmd=['/bin/id']).save()
    blob = image.path + '/blobs/' + image.layers[1]['digest'].replace(':', '/')
    with open(blob, 'r+b') as file:
        file.seek(20)
        file.write(b'????')
    work.bad(work.rootfs('bundle', work.image, work.mine + '/bundle'), 'layer 2 of 2')
    os.unlink(blob)
    work.bad(work.rootfs('bundle', work.image, work.mine + '/bundle'), 'layer 2 of 2')
    expect(not os.path.exists(work.mine + '/bundle') and work.layers()[:2] == [[], []],
           work.layers())


@test
def platform(work):
    """an image of another platform is refused, unless asked for"""
    image = work.layout(Cmd=['/bin/id'])
    image.config['architecture'] = 's390x'
    image.save()
    work.bad(work.rootfs('bundle', work.image, work.mine + '/bundle'), 'linux/s390x')
    bundle(work, '--platform', 'linux/s390x')


@test_both
def whiteouts_behind(work):
    """a whiteout behind what the layer has there itself hides what is below, and that alone"""
    work.layout(dir_(b'd') + file_(b'd/a') + file_(b'f', b'old') + symlink(b'l', b'f') + END,
                file_(b'd/b') + file_(b'.wh.d') + file_(b'f', b'new') + file_(b'.wh.f') +
                dir_(b'l') + file_(b'.wh.l') + END).save()
    for words in (), ('--copy',):
        expect(inside(work, 'ls /d; cat /f; ls /l', *words) == 'b\nnew', words)
        shutil.rmtree(work.mine + '/bundle')


@test_both
def one_id(work):
    """in a user namespace with one id, owners that it does not have are kept aside"""
    work.layout(file_(b'etc/two', uid=5) + END, Cmd=['/x']).save()
    bundle = work.mine + '/bundle'
    status, out, err = work.call('-r', os.environ['KIST'], 'rootfs', '--store', work.store,
                                 'bundle', '--copy', work.image, bundle, program='unshare')
    demand('unshare failed' not in err, err)
    expect(status == 0, out + err)
    attribute = os.getxattr(bundle + '/rootfs/etc/two', 'user.rootlesscontainers')
    expect(attribute == b'\x08\x05', attribute)


@test
def full(work):
    """a full disk: an error that says so, and nothing left in the store"""
    work.layout(file_(b'etc/two', os.urandom(1 << 20) * 8) + END, Cmd=['/bin/id']).save()
    os.mkdir(work.store)
    script = ('mount -t tmpfs -o size=4m,mode=700 none "$1" && "$0" rootfs --store "$1" bundle '
              '"$2" "$3"; echo status $?; find "$1/l" "$1/layers" -mindepth 1')
    out = work.call('-m', 'sh', '-c', script, os.environ['KIST'], work.store, work.image,
                    work.mine + '/bundle', program='unshare')
    expect('No space left' in out[2] or 'no space left' in out[2], out)
    expect(out[1] == 'status 1\n', out)
    expect(not os.path.exists(work.mine + '/bundle'), 'a bundle')


@test
def interrupted(work):
    """Ctrl-C in the middle: an error, and nothing left"""
    process = work.start('rootfs', '--store', work.store, 'bundle', 'tar:-',
                         work.mine + '/bundle', stdin=-1)
    process.stdin.write(file_(b'a', b'1' * 100000) * 3)
    process.stdin.flush()
    for _ in range(1000):		# until it unpacks
        if work.layers()[0]:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    expect(process.returncode == 1 and b'SIGINT' in err, err)
    expect(os.listdir(work.mine) == ['store'] and work.layers()[:2] == [[], []],
           (os.listdir(work.mine), work.layers()))


@test
def odd_places(work):
    """a store where overlayfs could not look is refused, with the way out"""
    work.layout(Cmd=['/bin/id']).save()
    work.bad(work.call('rootfs', '--store', work.mine + '/a:b', 'bundle', work.image,
                       work.mine + '/bundle'), 'choose another with --store')
    expect(not os.path.exists(work.mine + '/bundle'), 'a bundle')


finish()
