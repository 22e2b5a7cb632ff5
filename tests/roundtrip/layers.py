# SPDX-License-Identifier: Apache-2.0
"""layers.py SEED FILE: a docker-archive of layers that nobody would make on purpose.

Few names, so that they meet: files, directories, links and whiteouts on top of each other, in any
order within a layer, hard links into lower layers, opaque directories, links to directories.
"""
import hashlib
import io
import json
import random
import sys
import tarfile

NAMES = 'abc'


class Tree:
    """What the layers so far make: a hard link must lead to a file that is there."""

    def __init__(self):
        self.files = {}                     # path: 'f', 'd' or 'l'

    def below(self, path):
        return [p for p in self.files if p.startswith(path + '/')]

    def drop(self, path):
        for name in self.below(path) + [path]:
            self.files.pop(name, None)

    def put(self, path, kind):
        if kind != 'd' or self.files.get(path) != 'd':
            self.drop(path)
        self.files[path] = kind
        for end in [i for i, c in enumerate(path) if c == '/']:
            self.files.setdefault(path[:end], 'd')


def usable(tree, path):
    """No file or link on the way: what that means is not the same for all."""
    ends = [i for i, c in enumerate(path) if c == '/']
    return all(tree.files.get(path[:end], 'd') == 'd' for end in ends)


def member(rng, path, kind):
    info = tarfile.TarInfo(path)
    info.type = kind
    info.mode = rng.choice([0o755, 0o700, 0o644, 0o4711])
    info.uid, info.gid = rng.randrange(3), rng.randrange(3)
    info.mtime = 1500000000 + rng.randrange(1000)
    return info


def make_layer(rng, tree, number):
    lower = dict(tree.files)
    members, hidden, mine = [], [], set()
    for _ in range(rng.randrange(1, 9)):
        path = '/'.join(rng.choice(NAMES) for _ in range(rng.randrange(1, 4)))
        # One name once in a layer, and nothing below or above what is no directory.
        if path in mine or not usable(tree, path) or any(
                m.startswith(path + '/') or path.startswith(m + '/') for m in hidden):
            continue
        choice = rng.random()
        if choice < 0.25 and path in lower and not any(m.startswith(path) for m in mine):
            folder, _, name = path.rpartition('/')
            members.append((member(rng, (folder + '/' if folder else '') + '.wh.' + name,
                                   tarfile.REGTYPE), b''))
            tree.drop(path)
            hidden.append(path)
            mine.add(path)
        elif choice < 0.32 and tree.files.get(path) == 'd' and path in lower and path not in mine:
            members.append((member(rng, path + '/.wh..wh..opq', tarfile.REGTYPE), b''))
            for name in tree.below(path):
                if not any(m == name or m.startswith(name + '/') for m in mine):
                    tree.drop(name)
            tree.put(path, 'd')
            mine.add(path + '/.')
        elif choice < 0.6:
            if any(m.startswith(path + '/') for m in mine):
                continue
            data = b'%d %s %d' % (number, path.encode(), rng.randrange(1000))
            members.append((member(rng, path, tarfile.REGTYPE), data))
            tree.put(path, 'f')
            mine.add(path)
        elif choice < 0.8:
            if tree.files.get(path, 'd') != 'd' and any(m.startswith(path + '/') for m in mine):
                continue
            info = member(rng, path, tarfile.DIRTYPE)
            members.append((info, b''))
            tree.put(path, 'd')
            mine.add(path)
        elif choice < 0.9:
            if any(m.startswith(path + '/') for m in mine):
                continue
            info = member(rng, path, tarfile.SYMTYPE)
            info.linkname = rng.choice(['a', '../b', '/c/a', 'none'])
            members.append((info, b''))
            tree.put(path, 'l')
            mine.add(path)
        else:
            files = [p for p, kind in tree.files.items() if kind == 'f' and p != path]
            if not files or any(m.startswith(path + '/') for m in mine):
                continue
            target = rng.choice(sorted(files))
            if target.startswith(path + '/'):
                continue
            info = member(rng, path, tarfile.LNKTYPE)
            info.linkname = target
            members.append((info, b''))
            tree.put(path, 'f')
            mine.add(path)
    return members


def tar_of(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def main():
    rng = random.Random(int(sys.argv[1]))
    tree = Tree()
    layers = [tar_of(make_layer(rng, tree, n)) for n in range(rng.randrange(2, 7))]
    ids = [hashlib.sha256(layer).hexdigest() for layer in layers]
    config = json.dumps({'architecture': 'amd64', 'os': 'linux', 'config': {}, 'rootfs': {
        'type': 'layers', 'diff_ids': ['sha256:' + i for i in ids]}}).encode()
    name = hashlib.sha256(config).hexdigest() + '.json'
    manifest = json.dumps([{'Config': name, 'RepoTags': ['x:1'],
                            'Layers': ['%s.tar' % i for i in ids]}]).encode()
    with tarfile.open(sys.argv[2], 'w') as tar:
        done = set()
        for file, data in [('manifest.json', manifest), (name, config)] + [
                ('%s.tar' % i, layer) for i, layer in zip(ids, layers)]:
            if file in done:
                continue
            done.add(file)
            info = tarfile.TarInfo(file)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


main()
