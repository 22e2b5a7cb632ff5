# SPDX-License-Identifier: Apache-2.0
"""Which functions a start needs, as an order for the linker.

The usual commands run one instruction at a time (tests/bench/steps.c); the sections of what
they execute go to runtime/order.ld, which puts them side by side in kist.  The kernel maps a
program in pieces of 64 KiB when they are first touched, and each process of a start pays for
each piece: so a start takes less time and memory.  A function that the file does not name, or
that has another name now, is only elsewhere.  "./dev bench order" runs it, as root.
"""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import tempfile

import bench

HEAD = '''\
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written by "./dev bench order" (tests/bench/order.py): what the usual commands execute,
 * side by side, so that a start touches fewer pages.  It adds to the linker's own script.
 */
SECTIONS
{
\t.text.used :
\t{
'''
TAIL = '''\
\t}
}
INSERT BEFORE .text;
'''


def linked_with_map(build, directory):
    """The runtime, linked once more, and the linker's map of it."""
    commands = subprocess.run(['ninja', '-C', build, '-t', 'commands', 'runtime/libexec/kist'],
                              check=True, stdout=subprocess.PIPE).stdout.decode()
    link = shlex.split(commands.strip().split('\n')[-1])
    program, listing = directory + '/kist', directory + '/map'
    link[link.index('-o') + 1] = program
    subprocess.run([*link, '-Wl,-Map=' + listing], check=True, cwd=build)
    with open(listing, encoding='utf-8') as file:
        return program, file.read()


def sections(listing):
    """[(address, end, section, object)] of the code that was taken into the program."""
    memory = listing[listing.index('Linker script and memory map'):]
    found = re.findall(r'^ (\.text\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$', memory, re.M)
    return [(int(address, 16), int(address, 16) + int(size, 16), name, where)
            for name, address, size, where in found if int(address, 16) and int(size, 16)]


def usual(stage, kist):
    """[(whether to watch it, command)]; what "create" leaves ends with the one who watched."""
    shutil.copy(shutil.which('busybox'), stage.root + '/sleep')
    waiting = bench.config()
    waiting['process']['args'] = ['/sleep', '1000']
    path = stage.bundle('waiting', waiting)
    base = [kist, '--root', stage.state(kist)]
    return [
        (True, [*base, 'run', '--bundle', os.path.join(stage.top, 'plain'), 'ran']),
        (True, [*base, 'create', '--bundle', path, 'created']),
        (False, [*base, 'delete', '--force', 'created']),
        (False, [*base, 'create', '--bundle', path, 'waits']),
        (True, [*base, 'start', 'waits']),
        (True, [*base, 'state', 'waits']),
        (True, [*base, 'exec', 'waits', '/sleep', '0']),
        (True, [*base, 'list']),
        (True, [*base, 'kill', 'waits', 'KILL']),
        (True, [*base, 'delete', '--force', 'waits']),
    ]


def executed(steps, program, stage):
    addresses = set()
    for watched, command in usual(stage, program):
        print('order: %s' % ' '.join(command[3:]), flush=True)
        # To a file: what is created holds the standard streams for as long as it lives.
        with tempfile.TemporaryFile() as out:
            subprocess.run([steps, program, *command] if watched else command, check=True,
                           stdin=subprocess.DEVNULL, stdout=out)
            out.seek(0)
            addresses |= {int(line, 16) for line in out if re.fullmatch(rb'[0-9a-f]+\n', line)}
    return addresses


def packed(words, begin, end):
    """Lines of at most 100 columns, a tab counting 8."""
    lines, line = [], begin
    for word in words:
        if len((line + ' ' + word + end).expandtabs(8)) > 100:
            lines.append(line)
            line = '\t\t' + ' ' * begin.count('(') + word
        else:
            line += word if line == begin else ' ' + word
    return '\n'.join(lines + [line + end]) + '\n'


def names(section):
    """What a compiler made of a function for one caller has a suffix of its own."""
    function = re.sub(r'\.(constprop|isra|part)\..*', '', section)
    return [section] if function == section else [function, function + '.*']


def wanted(used):
    """Two sets: sections of our own are one a function; a library's are named with their file."""
    own = {name for _, _, section, where in used if '.a(' not in where and section != '.text'
           for name in names(section)}
    members = {'*%s:%s(.text .text.*)' % re.search(r'([^/]+\.a)\((.*)\)$', where).groups()
               for _, _, _, where in used if '.a(' in where}
    members |= {'*%s(.text)' % os.path.basename(where)
                for _, _, section, where in used if '.a(' not in where and section == '.text'}
    return own, members


def written(path):
    """The same two, as the file has them."""
    with open(path, encoding='utf-8') as file:
        own, members = re.search(r'\*\((\.text[^)]*)\)\n(.*?)\n\t}', file.read(), re.S).groups()
    return set(own.split()), set(re.findall(r'\*\S+\(\.text(?: \.text\.\*)?\)', members))


def script(own, members):
    return (HEAD + packed(sorted(own), '\t\t*(', ')') + packed(sorted(members), '\t\t', '') +
            TAIL)


def main():
    parser = argparse.ArgumentParser(prog='./dev bench order', description=__doc__.split('\n')[0])
    parser.add_argument('--build', default='build')
    parser.add_argument('--output', default='runtime/order.ld')
    parser.add_argument('--add', action='store_true',
                        help='keep what the file has, for another libc or compiler')
    args = parser.parse_args()
    bench.enter_namespace(native=False)
    build = os.path.abspath(args.build)
    stage = bench.Stage(build, build + '/tests/bench/payload-glibc')
    try:
        program, listing = linked_with_map(build, stage.top)
        addresses = executed(build + '/tests/bench/steps', program, stage)
        used = [s for s in sections(listing) if any(a in addresses for a in range(s[0], s[1]))]
        own, members = wanted(used)
        if args.add:
            own, members = (a | b for a, b in zip((own, members), written(args.output)))
        with open(args.output, 'w', encoding='utf-8') as file:
            file.write(script(own, members))
        print('%s: %d sections, %d KiB of %d' % (
            args.output, len(used), sum(s[1] - s[0] for s in used) // 1024,
            sum(s[1] - s[0] for s in sections(listing)) // 1024))
    finally:
        stage.close()


main()
