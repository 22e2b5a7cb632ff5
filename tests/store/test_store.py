#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kist rootfs store and gc."""
import os

from harness import END, expect, file_, finish, test, test_both


def prepared(work):
    """A bundle of an image of two layers; the key of the second."""
    image = work.layout(file_(b'two', b'2') + END, Cmd=['/bin/true']).save()
    work.good(work.rootfs('bundle', work.image, work.mine + '/bundle'))
    return image.diff_ids[1].replace(':', '-')


def record(work, key):
    with open(work.store + '/layers/' + key, encoding='utf-8') as file:
        return file.read()


@test_both
def private(work):
    """the store is its owner's alone"""
    prepared(work)
    expect(os.stat(work.store).st_mode & 0o777 == 0o700, oct(os.stat(work.store).st_mode))
    os.chmod(work.store, 0o755)
    work.good(work.rootfs('store', 'ls'))
    expect(os.stat(work.store).st_mode & 0o777 == 0o700, 'not made private again')


@test_both
def foreign(work):
    """a directory of other things is not closed to others"""
    os.makedirs(work.store + '/thing', 0o755)
    for path in work.store, work.store + '/thing':
        os.chown(path, work.user, work.user)
    os.chmod(work.store, 0o755)
    work.bad(work.rootfs('store', 'ls'), 'holds other things, and is open to others')
    expect(os.stat(work.store).st_mode & 0o777 == 0o755 and os.listdir(work.store) == ['thing'],
           'it was touched')
    os.chmod(work.store, 0o700)
    work.good(work.rootfs('store', 'ls'))


@test
def strangers(work):
    """a store of somebody else is refused"""
    os.mkdir(work.store)
    os.chown(work.store, 1, 1)
    work.bad(work.rootfs('store', 'ls'), 'belongs to user 1')


@test_both
def collected(work):
    """gc takes what no bundle needs, and leaves what one does"""
    prepared(work)
    work.good(work.rootfs('gc'))
    expect(len(work.layers()[0]) == len(work.layers()[1]) == 2, work.layers())
    os.rename(work.mine + '/bundle', work.mine + '/moved')
    out = work.good(work.rootfs('gc'))
    expect(out.startswith('removed: 2 layers') and work.layers()[:2] == [[], []], out)


@test_both
def leftovers(work):
    """gc takes what killed programs left: half layers, directories without a record"""
    prepared(work)
    for name in '.kist-new-0123456789abcdef/root/deep', 'zzzz/deep':
        os.makedirs(work.store + '/l/' + name)
        for part in name.split('/')[:1]:
            os.chown(work.store + '/l/' + part, work.user, work.user)
        for folder, _, _ in os.walk(work.store + '/l/' + name.split('/')[0]):
            os.chown(folder, work.user, work.user)
    out = work.good(work.rootfs('gc', '--keep-layers'))
    expect(out == 'removed: 0 layers (0 B), 2 leftovers\n', out)
    expect(len(work.layers()[0]) == 2, work.layers())


@test
def listed(work):
    """ls shows layers, rm takes those that no bundle needs"""
    key = prepared(work)
    out = work.good(work.rootfs('store', 'ls'))
    expect(key in out and out.count('yes') == 2, out)
    work.bad(work.rootfs('store', 'rm', key), 'is part of a bundle')
    work.bad(work.rootfs('store', 'rm', 'sha256:ffffffff'), 'no layer sha256:ffffffff')
    work.good(work.rootfs('store', 'rm', '--force', key[7:15]), key + '\n')
    expect(len(work.layers()[1]) == 1, work.layers())


@test_both
def verified(work):
    """verify finds every change, --repair has it unpacked anew"""
    key = prepared(work)
    folder = work.store + '/l/' + record(work, key).split('"directory": "')[1][:4]
    changes = [lambda: open(folder + '/two', 'w').write('3'),
               lambda: os.chmod(folder + '/two', 0o600),
               lambda: os.mkdir(folder + '/new'),
               lambda: os.unlink(folder + '/two'),
               lambda: os.setxattr(folder + '/two', 'user.x', b'1')]
    for number, change in enumerate(changes):
        work.good(work.rootfs('store', 'verify'))
        change()
        work.bad(work.rootfs('store', 'verify', key), '1 layer of the store changed')
        work.bad(work.rootfs('store', 'verify', '--repair'), 'unpacks them anew')
        work.good(work.rootfs('bundle', work.image, work.mine + '/b%d' % number))
        folder = work.store + '/l/' + record(work, key).split('"directory": "')[1][:4]


@test_both
def damaged(work):
    """a damaged record, or one whose directory is gone: unpacked anew, with a warning"""
    key = prepared(work)
    good = record(work, key)
    for number, text in enumerate(['', '{', '[]', good.replace('entries', 'x'),
                                   good.replace('"directory": "', '"directory": "../'),
                                   good.replace('"directory": "', '"directory": "0')]):
        with open(work.store + '/layers/' + key, 'w', encoding='utf-8') as file:
            file.write(text)
        status, _, err = work.rootfs('bundle', work.image, work.mine + '/b%d' % number)
        expect(status == 0 and 'is damaged' in err, '%r: %d %s' % (text, status, err))
        expect('"marks"' in record(work, key), 'not written anew')


@test_both
def damaged_collected(work):
    """gc takes a damaged record"""
    key = prepared(work)
    with open(work.store + '/layers/' + key, 'w', encoding='utf-8') as file:
        file.write('{')
    status, out, err = work.rootfs('gc', '--keep-layers')
    expect(status == 0 and out.endswith(' 1 leftovers\n') and err.count('is damaged') == 1,
           (status, out, err))
    work.good(work.rootfs('gc', '--keep-layers'), 'removed: 0 layers (0 B), 0 leftovers\n')
    expect([len(found) for found in work.layers()] == [2, 1, 0], work.layers())


@test
def mounted(work):
    """a mounted image keeps its layers; umount gives them free"""
    work.layout(file_(b'two', b'2') + END).save()
    script = ('mkdir "$3" && "$0" rootfs --store "$1" mount "$2" "$3" && cat "$3/two" && '
              '! touch "$3/x" 2>/dev/null && "$0" rootfs --store "$1" gc && '
              '"$0" rootfs umount "$3" && "$0" rootfs --store "$1" gc')
    out = work.call('-m', 'sh', '-c', script, os.environ['KIST'], work.store, work.image,
                    work.mine + '/mnt', program='unshare')
    expect(out[0] == 0 and out[1].startswith('2removed: 0 layers') and
           'removed: 2 layers' in out[1], out)
    work.bad(work.call('rootfs', 'umount', work.mine + '/mnt'), 'nothing is mounted')


finish()
