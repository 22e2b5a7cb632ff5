#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""browser.py: the HTML report of kist-smoke in a real browser, in TAP.

Makes a report of a small image, lets headless Chromium draw it, once light and once dark, and looks
at the pixels: the time line's bars, the sizes, and the bar of outcomes are there in their
colours, and nothing sticks out at the right on a narrow window.
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
SMOKE = os.environ['SMOKE']
SUITE = '''
schemaVersion: 2.0.0
serviceTests:
- name: web
  command: httpd
  args: [-f, -p, "8080", -h, /]
  waitForPorts: [8080]
  http: [{port: 8080, path: /etc/passwd}]
commandTests:
- {name: "<script>document.title = 'evil'</script>", command: echo, args: ["<b>bold"], exitCode: 1}
'''
LIGHT = {'pass': (0x1a, 0x7f, 0x37), 'fail': (0xcf, 0x22, 0x2e), 'running': (0x4c, 0x8d, 0xd6)}
DARK = {'pass': (0x4c, 0xc2, 0x6b), 'fail': (0xff, 0x6b, 0x6b), 'running': (0x5b, 0x9b, 0xe0)}


def chromium(work, *options):
    """What it prints.  The flags keep it from looking for anything on the network."""
    return subprocess.run(
        ['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--hide-scrollbars', '--user-data-dir=' + os.path.join(work, 'profile'), *options,
         'file://' + os.path.join(work, 'report.html')],
        check=False, timeout=90, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()


def pixels(path):
    """Width and rows of (red, green, blue) of a PNG of 8 bits a channel."""
    data = open(path, 'rb').read()
    at, header, packed = 8, None, b''
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b'IHDR':
            header = struct.unpack('>IIBBBBB', body)
        elif kind == b'IDAT':
            packed += body
        at += 12 + size
    width, height, channels = header[0], header[1], {2: 3, 6: 4}[header[3]]
    raw, line, before, rows = zlib.decompress(packed), width * channels, bytearray(width * channels), []
    for y in range(height):
        start = y * (line + 1)
        row = unfilter(raw[start], bytearray(raw[start + 1:start + 1 + line]), before, channels)
        rows.append([tuple(row[x:x + 3]) for x in range(0, line, channels)])
        before = row
    return width, rows


def unfilter(kind, row, above, step):
    for i, value in enumerate(row):
        left, up, corner = (row[i - step] if i >= step else 0), above[i], (above[i - step] if i >= step else 0)
        if kind == 4:
            guess = left + up - corner
            near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
        else:
            near = (0, left, up, (left + up) // 2)[kind]
        row[i] = (value + near) & 255
    return row


def count(rows, colour):
    return sum(row.count(colour) for row in rows)


class Tap:
    number = failed = 0

    def check(self, name, right, why=''):
        self.number += 1
        self.failed += not right
        print('%sok %d - %s%s' % ('' if right else 'not ', self.number, name,
                                  '' if right else '\n# ' + str(why)), flush=True)


def look(tap, work, name, colours, *options):
    picture = os.path.join(work, name + '.png')
    chromium(work, '--screenshot=' + picture, *options)
    if not os.path.exists(picture):
        tap.check(name + ': a picture is drawn', False, 'there is none')
        return
    width, rows = pixels(picture)
    counts = {word: count(rows, colour) for word, colour in colours.items()}
    tap.check(name + ': what passed, failed and ran has its colour', min(counts.values()) > 200, counts)
    background = rows[0][0]
    tap.check(name + ': nothing sticks out at the right',
              all(row[width - 1] == background for row in rows))


def main():
    if not shutil.which('chromium'):
        print('1..0 # SKIP chromium is not installed')
        return 0
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='kist-test-browser-') as work:
        root = os.path.join(work, 'root')
        subprocess.run([os.path.join(HERE, '..', 'make-root'), 'busybox', root], check=True)
        with open(os.path.join(work, 'suite.yaml'), 'w', encoding='utf-8') as file:
            file.write(SUITE)
        status = subprocess.run(
            [SMOKE, root, '-c', 'suite.yaml', '--default', '-q', '--html', 'report.html', '--', 'sleep', '99'],
            cwd=work, check=False, timeout=60, stdout=subprocess.DEVNULL).returncode
        tap.check('a report is made', status == 1, status)
        page = chromium(work, '--dump-dom')
        tap.check('no script of a name runs', '<title>evil' not in page and '&lt;script&gt;' in page)
        tap.check('the pictures are there', page.count('<svg') == 2, page.count('<svg'))
        look(tap, work, 'light', LIGHT, '--window-size=1000,1600')
        look(tap, work, 'dark', DARK, '--window-size=1000,1600', '--force-dark-mode',
             '--blink-settings=preferredColorScheme=0')
        look(tap, work, 'narrow', LIGHT, '--window-size=500,2400')
        if os.environ.get('KEEP'):
            shutil.copytree(work, os.environ['KEEP'], dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns('profile', 'root'))
    print('1..%d' % tap.number)
    return tap.failed > 0


sys.exit(main())
