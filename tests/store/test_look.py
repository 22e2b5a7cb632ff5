#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kist rootfs ls, cat, inspect, validate."""
import json
import os

from cost import cpu_seconds
from harness import END, dir_, expect, file_, finish, symlink, test, test_both
from image import OCI, pax


INDEX = 'application/vnd.oci.image.index.v1+json'


def prepared(work):
    image = work.layout(
        dir_(b'd') + file_(b'd/a', b'first') + file_(b'd/b', b'b', mode=0o4755) +
        symlink(b'l', b'd') + END, file_(b'd/.wh.b') + file_(b'd/a', b'second', uid=5) + END,
        busybox=False, Cmd=['/a'], Env=['A=1'], Labels={'k': 'v'})
    image.config['history'] = [{'created_by': 'one'}, {'empty_layer': True},
                               {'created_by': 'two'}]
    return image.save()


@test_both
def lists(work):
    """ls shows what a container would see"""
    prepared(work)
    work.good(work.rootfs('ls', work.image), 'd\nl\n')
    work.good(work.rootfs('ls', work.image, '/l'), 'a\n')
    work.good(work.rootfs('ls', '-R', work.image), '/d\n/d/a\n/l\n')
    out = work.good(work.rootfs('ls', '-l', work.image, 'd'))
    expect(out.split()[:5] == ['-rw-r--r--', '1', '5', '0', '6'], out)
    work.bad(work.rootfs('ls', work.image, '/d/b'), 'no such file')
    work.bad(work.rootfs('ls', work.path + '/nosuch'), 'no such file')


@test_both
def prints(work):
    """cat prints files, through symlinks that stay inside"""
    prepared(work)
    work.good(work.rootfs('cat', work.image, '/d/a', 'l/../l/a', '../../d/a'), 'second' * 3)
    work.bad(work.rootfs('cat', work.image, '/d'), 'is a directory')
    work.bad(work.rootfs('cat', work.image, '/d/b'), 'no such file')
    expect(not os.path.exists(work.store), 'it made a store')


@test
def shows_harmlessly(work):
    """ls, diff and inspect tell names and words of an image, and a terminal obeys none of them"""
    evil = 'x\u001b[2J\u009b2J\u202e'
    for label in 'one', 'two':
        work.image = work.path + '/' + label
        work.layout(file_(b'\x9b2J\x1b[2J', b'1') +
                    pax((b'mtime', b'9000000000000000')) + file_(b'far', b'1') + END,
                    name=label, busybox=False, Cmd=['/a'], Labels={evil: evil + label},
                    **{evil: evil + label}).save()
    one, two = work.path + '/one', work.path + '/two'
    for words in (('ls', one), ('ls', '-l', one), ('diff', one, two),
                  ('diff', '--json', one, two), ('inspect', one)):
        _, out, err = work.rootfs(*words)
        # What is no UTF-8 is U+FFFD by now.
        bad = '\x1b\x9b\ufffd\u202e'
        expect('x' in out and not set(bad) & set(out + err), '%s: %r' % (words, out + err))
    out = work.good(work.rootfs('ls', '-l', one, 'far'))
    expect(out.split()[5:] == ['?', '/far'], out)


@test
def compares_many_words(work):
    """diff compares configs of as many members as an image may have"""
    for label in 'one', 'two':
        work.image = work.path + '/' + label
        work.layout(file_(b'a', b'1') + END, name=label, busybox=False,
                    **{'%s%d' % (label, i): 1 for i in range(120000)}).save()
    begun = cpu_seconds()
    _, out, err = work.rootfs('diff', work.path + '/one', work.path + '/two')
    took = cpu_seconds() - begun
    expect(out.count('\n') == 240000 and '~ config /config/two7  none -> 1\n' in out, out[:500] + err)
    expect(took < 15, 'took %.1f seconds' % took)


@test
def inspects(work):
    """inspect shows the config and the layers with their history"""
    image = prepared(work)
    out = work.good(work.rootfs('inspect', work.image))
    for text in 'linux/', '["/a"]', 'A=1', 'k=v', '├─  1', '└─  2', 'one', 'two':
        expect(text in out, text + ' is not in:\n' + out)
    made = json.loads(work.good(work.rootfs('inspect', '--json', work.image)))
    expect([l['diffID'] for l in made['layers']] == image.diff_ids, made['layers'])
    expect([l['createdBy'] for l in made['layers']] == ['one', 'two'], made['layers'])
    expect(made['config'] == image.config and made['manifest'] == image.manifest, made)
    image = work.layout(file_(b'a', b'1') + END, name='long', busybox=False, Cmd=['/a'])
    image.config['history'] = [{'created_by': 'x' + 'ä' * 200}]
    out = work.good(work.rootfs('inspect', image.save().path))
    expect('x' + 'ä' * 49 + '\n' in out, out)


@test
def modes(work):
    """ls -l shows modes as ls does"""
    work.layout(b''.join(dir_(b'%04o' % mode, mode=mode) for mode in (
        0o1777, 0o1770, 0o2755, 0o2700, 0o4755, 0o4600)) + END, busybox=False).save()
    out = work.good(work.rootfs('ls', '-l', work.image))
    got = {line.split()[-1]: line.split()[0] for line in out.splitlines()}
    expect(got == {'1777': 'drwxrwxrwt', '1770': 'drwxrwx--T', '2755': 'drwxr-sr-x',
                   '2700': 'drwx--S---', '4755': 'drwsr-xr-x', '4600': 'drwS------'}, got)


@test
def validates(work):
    """validate finds nothing in a good layout"""
    prepared(work)
    work.good(work.rootfs('validate', work.image), '1 image, 2 layers: valid\n')
    work.good(work.rootfs('validate', '--quick', work.image + ':latest'),
              '1 image, 2 layers: documents valid\n')


@test
def finds(work):
    """validate finds each damage, and goes on behind it"""
    def damage(name, change, expected, status=1):
        work.image = work.path + '/' + name
        image = work.layout(file_(b'a', b'1') + END, file_(b'b', b'2') + END, name=name,
                            busybox=False, Cmd=['/a'])
        change(image)
        got, out, err = work.rootfs('validate', work.image)
        expect(got == status and expected in out and not err, '%s: %d %s%s' % (name, got, out,
                                                                             err))

    def blob(image, layer):
        return image.path + '/blobs/' + image.layers[layer]['digest'].replace(':', '/')

    def overwrite(image):
        with open(blob(image.save(), 1), 'r+b') as file:
            file.write(b'\x1f\x8b\x08\x00xxxxxxxxxx')

    def history(image):
        image.config['history'] = [{'created_by': 'x'}]
        image.save()

    def swap(image):
        image.diff_ids.reverse()
        image.save()

    def kind(image):
        image.layers[0]['mediaType'] = 'application/x-tar'
        image.save()

    def version(image):
        image.save()
        with open(image.path + '/oci-layout', 'w', encoding='ascii') as file:
            file.write('{"imageLayoutVersion": "2.0.0"}')

    def two(image):
        first = image.save_manifest()
        second = dict(first, digest='sha256:' + '0' * 64)
        image.index['manifests'] = [second, first]
        image.save()

    def sizes(image):
        first = image.save_manifest()
        image.index['manifests'] = [first, first, dict(first, size=5)]
        image.save()

    def nested(image, change):
        blob = image.document({'schemaVersion': 2, 'mediaType': INDEX,
                               'manifests': [image.save_manifest()]}, INDEX)
        change(blob, image.path + '/blobs/' + blob['digest'].replace(':', '/'))
        image.index['manifests'] = [blob]
        image.save()

    def other_bytes(_, path):
        with open(path, 'r+b') as file:
            file.write(b' ' + file.read())

    def other_size(blob, _):
        blob['size'] += 1

    def no_array(image):
        image.index['manifests'] = {}
        image.save()

    def foreign(image):
        image.index['manifests'] = [dict(image.save_manifest(), mediaType='text/x'),
                                    image.blob(b'other', 'text/y')]
        image.save()

    damage('array', no_array, 'index.json: has no array "manifests"')
    damage('nested', lambda image: nested(image, lambda *_: 0), '1 image, 2 layers: valid', 0)
    for change in other_bytes, other_size:
        damage(change.__name__, lambda image, change=change: nested(image, change),
               'its bytes are not those of the descriptor\n0 images, 0 layers: 1 error, ')
    damage('sizes', sizes, 'two descriptors of it have another size or mediaType\n'
           '1 image, 2 layers: 1 error, ')
    damage('missing', lambda image: os.unlink(blob(image.save(), 0)), 'error: ')
    damage('bytes', overwrite, 'error: ')
    damage('history', history, 'warning: ', 0)
    work.bad(work.rootfs('validate', '--strict', work.image), '')
    damage('swapped', swap, 'error: ')
    damage('kind', kind, 'error: ')
    damage('version', version, 'imageLayoutVersion')
    damage('two', two, '2 images, 2 layers: 1 error')
    damage('foreign', foreign, 'is "text/y", which is no image\n'
           '0 images, 0 layers: 0 errors, 2 warnings', 0)


@test
def fifos(work):
    """a fifo in the place of a document stops nobody"""
    def fifo(image, document):
        work.image = image.path
        os.unlink(image.path + '/' + document)
        os.mkfifo(image.path + '/' + document)
        for words in ('validate',), ('gc',), ('inspect',), ('config', '--user', '1'):
            got, out, err = work.rootfs(*words, work.image, limit=20)
            expect(got == 1 and document.rpartition('/')[2] in out + err,
                   '%s %s: %s %s%s' % (document, words, got, out, err))

    for document in 'index.json', 'oci-layout':
        fifo(work.layout(file_(b'a') + END, name=document, busybox=False).save(), document)
    image = work.layout(file_(b'a') + END, name='nested', busybox=False)
    image.index['manifests'] = [image.document({
        'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [image.save_manifest()]}, INDEX)]
    image.save()
    fifo(image, 'blobs/' + image.index['manifests'][0]['digest'].replace(':', '/'))


@test
def collects_of_what_is_whole(work):
    """gc takes nothing where a manifest that index.json names is missing"""
    image = work.layout(file_(b'a', b'1') + END, busybox=False).save()
    blobs = work.image + '/blobs/sha256'
    os.unlink(blobs + '/' + image.index['manifests'][0]['digest'].partition(':')[2])
    before = sorted(os.listdir(blobs))
    work.bad(work.rootfs('gc', work.image), 'no such file')
    expect(sorted(os.listdir(blobs)) == before, os.listdir(blobs))


def attested(image, artifact=False):
    """As BuildKit saves it: an index with the image, and a manifest of what attests to it."""
    manifest = image.save_manifest()
    statement = dict(image.document({'_type': 'https://in-toto.io/Statement/v0.1', 'subject': []},
                                    'application/vnd.in-toto+json'),
                     annotations={'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v0.2'})
    attestation = {'schemaVersion': 2, 'mediaType': OCI + 'manifest.v1+json',
                   'layers': [statement]}
    if artifact:
        attestation['artifactType'] = 'application/vnd.docker.attestation.manifest.v1+json'
        attestation['config'] = image.document({}, 'application/vnd.oci.empty.v1+json')
        attestation['subject'] = dict(manifest)
    else:
        attestation['config'] = image.document({
            'architecture': 'unknown', 'os': 'unknown', 'config': {},
            'rootfs': {'type': 'layers', 'diff_ids': [statement['digest']]}},
            OCI + 'config.v1+json')
    attestation = dict(
        image.document(attestation, OCI + 'manifest.v1+json'),
        annotations={'vnd.docker.reference.digest': manifest['digest'],
                     'vnd.docker.reference.type': 'attestation-manifest'},
        platform={'architecture': 'unknown', 'os': 'unknown'})
    manifest['platform'] = {key: image.config[key] for key in ('architecture', 'os')}
    index = image.document({'schemaVersion': 2, 'mediaType': INDEX,
                            'manifests': [manifest, attestation]}, INDEX)
    image.index = {'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [
        dict(index, annotations={'io.containerd.image.name': 'docker.io/library/x:latest',
                                 'org.opencontainers.image.ref.name': 'latest'})]}
    image.save()
    return attestation, statement


@test
def attestations(work):
    """what attests to an image is no image, and its bytes are checked"""
    for artifact in False, True:
        work.image = '%s/attested-%s' % (work.path, artifact)
        image = work.layout(file_(b'a', b'1') + END, file_(b'b', b'2') + END,
                            name='attested-%s' % artifact, busybox=False, Cmd=['/a'])
        attestation, statement = attested(image, artifact)
        work.good(work.rootfs('validate', '--strict', work.image),
                  '1 image, 2 layers, 1 attestation: valid\n')
        work.good(work.rootfs('validate', '--quick', work.image),
                  '1 image, 2 layers, 1 attestation: documents valid\n')
        work.good(work.rootfs('ls', work.image), 'a\nb\n')
        work.good(work.rootfs('inspect', work.image))
        work.bad(work.rootfs('inspect', work.image + '@' + attestation['digest']),
                 'no image has the digest')
        work.bad(work.rootfs('ls', '--platform', 'unknown/unknown', work.image),
                 'no image for unknown/unknown; there is: linux/')
        with open(work.image + '/blobs/' + statement['digest'].replace(':', '/'), 'r+b') as file:
            file.write(b'[')
        work.good(work.rootfs('validate', '--quick', work.image))
        got, out, err = work.rootfs('validate', work.image)
        expect(got == 1 and statement['digest'] in out and
               '1 image, 2 layers, 1 attestation: 1 error' in out and not err, out + err)


EMPTY = 'application/vnd.oci.empty.v1+json'
COSIGN = 'application/vnd.dev.cosign.simplesigning.v1+json'
SBOM = 'application/spdx+json'


def artifact(image, **more):
    """As ORAS pushes it, OCI 1.1."""
    return {'schemaVersion': 2, 'mediaType': OCI + 'manifest.v1+json', 'artifactType': SBOM,
            'config': image.document({}, EMPTY),
            'layers': [image.blob(b'{"spdx": 1}', SBOM)], **more}


def signed(image):
    """What cosign and ORAS put beside an image: tagged, untagged, and listed below a tag."""
    manifest = image.save_manifest()
    name = manifest['digest'].replace(':', '-')
    statement = image.blob(b'{"critical": {}}', COSIGN)
    # Older than artifactType.
    signature = image.document({
        'schemaVersion': 2, 'mediaType': OCI + 'manifest.v1+json', 'layers': [statement],
        'config': image.document({'architecture': '', 'os': '', 'config': {}, 'rootfs': {
            'type': 'layers', 'diff_ids': [statement['digest']]}}, OCI + 'config.v1+json')},
                               OCI + 'manifest.v1+json')
    chart = image.document(artifact(image, config=image.blob(b'{}', 'application/vnd.x.config+json')),
                           OCI + 'manifest.v1+json')
    sbom = image.document(artifact(image, subject=manifest), OCI + 'manifest.v1+json')
    of_sbom = dict(image.document(artifact(image, subject=sbom), OCI + 'manifest.v1+json'),
                   artifactType=SBOM)
    referrers = image.document({'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [of_sbom]},
                               INDEX)
    key = 'org.opencontainers.image.ref.name'
    image.index = {'schemaVersion': 2, 'mediaType': INDEX, 'manifests': [
        dict(signature, annotations={key: name + '.sig'}), sbom, chart,
        dict(manifest, annotations={key: 'latest'}), dict(referrers, annotations={key: name})]}
    image.save()
    return name, sbom, statement


def signed_image(work, name):
    work.image = work.path + '/' + name
    image = work.layout(file_(b'a', b'1') + END, file_(b'b', b'2') + END, name=name,
                        busybox=False, Cmd=['/a'])
    return image, *signed(image)


@test
def artifacts(work):
    """signatures and SBOMs beside an image are no images, and stay where it is changed"""
    _, name, sbom, _ = signed_image(work, 'signed')
    valid = '1 image, 2 layers, 4 artifacts: valid\n'
    work.good(work.rootfs('validate', '--strict', work.image), valid)
    work.good(work.rootfs('ls', work.image), 'a\nb\n')
    expect('Tag            latest\n' in work.good(work.rootfs('inspect', work.image)), 'no tag')
    none = ' is an artifact, "%s", and no image of a container'
    for what, kind in ((':%s.sig' % name, COSIGN), (':' + name, SBOM), ('@' + sbom['digest'], SBOM)):
        for word in 'inspect', 'ls':
            work.bad(work.rootfs(word, work.image + what), none % kind)
        work.bad(work.rootfs('unpack', work.image + what, work.path + '/out'), none % kind)
    work.bad(work.rootfs('ls', '--platform', 'linux/s390x', work.image), 's390x')
    work.good(work.rootfs('gc', work.image), 'removed of %s: 0 blobs (0 B)\n' % work.image)
    work.good(work.rootfs('config', '--no-history', '--env', 'B=2', work.image))
    work.good(work.rootfs('validate', '--strict', work.image), valid)
    expect('B=2' in work.good(work.rootfs('inspect', work.image + ':latest')), 'not changed')
    # What is signed stays as well, for that is said to be there.
    work.good(work.rootfs('gc', work.image), 'removed of %s: 0 blobs (0 B)\n' % work.image)
    work.good(work.rootfs('validate', '--strict', work.image), valid)


@test
def artifacts_alone(work):
    """a layout of artifacts is valid, also where what they belong to is elsewhere"""
    image, _, _, _ = signed_image(work, 'alone')
    image.index['manifests'] = [
        entry for entry in image.index['manifests'] if
        entry.get('annotations', {}).get('org.opencontainers.image.ref.name') != 'latest']
    image.save()
    work.good(work.rootfs('validate', '--strict', work.image),
              '0 images, 0 layers, 4 artifacts: valid\n')
    work.bad(work.rootfs('ls', work.image), ' is an artifact, "%s", and no image' % COSIGN)
    os.unlink(work.image + '/blobs/' + image.save_manifest()['digest'].replace(':', '/'))
    image.index['manifests'][1] = image.document(
        artifact(image, subject=dict(image.save_manifest(), digest='sha256:' + '0' * 64)),
        OCI + 'manifest.v1+json')
    image.save()
    work.good(work.rootfs('validate', '--strict', work.image),
              '0 images, 0 layers, 4 artifacts: valid\n')


@test
def artifacts_found_broken(work):
    """of an artifact, blobs and what the image spec says of it are checked"""
    def broken(name, expected, status=1, type_=OCI + 'manifest.v1+json', **change):
        work.image = work.path + '/' + name
        image = work.layout(file_(b'a', b'1') + END, name=name, busybox=False)
        manifest = artifact(image)
        for key, value in change.items():
            manifest[key] = value(image) if callable(value) else value
        manifest = {key: value for key, value in manifest.items() if value is not None}
        image.index['manifests'] = [image.document(manifest, type_)]
        image.save()
        got, out, err = work.rootfs('validate', work.image)
        expect(got == status and expected in out and '0 images' in out and not err,
               '%s: %d %s%s' % (name, got, out, err))

    def part(**change):
        return lambda image: [dict(image.blob(b'{"spdx": 1}', SBOM), **change)]

    one = ': 1 error, 0 warnings\n'
    broken('whole', ' 1 artifact: valid\n', 0)
    broken('typeless', 'has no "artifactType", and an empty config', artifactType=None)
    broken('type', 'must be a media type, not the number 5', artifactType=5)
    for number, type_ in enumerate(('sbom', '/a', 'a/', '.a/b', 'a/b;c', 'a/b/c', 'a' * 128 + '/b')):
        broken('type%d' % number, '"%s" is no media type' % type_, artifactType=type_)
    broken('layers', 'has no array "layers"', layers=None)
    broken('config', 'must be a descriptor, not ', config=[])
    broken('size', one, layers=part(size=12))
    broken('gone', one, layers=part(digest='sha256:' + '0' * 64))
    broken('other', one, layers=lambda image: part(
        digest=image.blob(b'{"spdx": 2}', 'x')['digest'].replace('a', 'b'))(image))
    broken('subject', 'must be a descriptor, not ', subject='sha256:' + '0' * 64)
    broken('subject-size', one, subject=lambda image: dict(image.save_manifest(), size=5))
    image, _, _, statement = signed_image(work, 'bytes')
    with open(work.image + '/blobs/' + statement['digest'].replace(':', '/'), 'r+b') as file:
        file.write(b'[')
    work.good(work.rootfs('validate', '--quick', work.image))
    got, out, err = work.rootfs('validate', work.image)
    expect(got == 1 and statement['digest'] in out and not err and
           '1 image, 2 layers, 4 artifacts' + one in out, out + err)


finish()
