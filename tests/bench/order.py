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
 * Written by "./dev bench order" (tests/bench/order.py): what the usual commands execute, side
 * by side, so that a start touches fewer pages; first what "run" does.  With it go its strings
 * and tables, and large buffers stand behind the small ones.  It adds to the linker's own script.
 */
'''
PART = 'SECTIONS\n{\n\t%s :\n\t{\n%s\t}\n}\nINSERT %s;\n'
GROUPS = ('Of "run".', 'Of the other commands.')
# Read-only data is the functions', and tables that any of them may read.
TABLES = ['*%s(.rodata .rodata.*)' % of for of in (
    'libc.a:errlist*.o', 'libc.a:itoa-digits.o', 'libbase.a.p/*', 'libconfig.a.p/*',
    'libinit.a.p/*', 'libruntime.a.p/*')]
LARGE = 4096	# bytes of a buffer that begins a page of its own
FIRST_LARGE = '.bss.memory.*'	# arena_lend()'s, of which each start uses the first pages


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


def sections(listing, kind='text'):
    """[(address, end, section, object)] of what was taken into the program, code unless told."""
    memory = listing[listing.index('Linker script and memory map'):]
    found = re.findall(r'^ (\.%s\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$' % kind, memory,
                       re.M)
    return [(int(address, 16), int(address, 16) + int(size, 16), name, where)
            for name, address, size, where in found if int(address, 16) and int(size, 16)]


def usual(stage, kist):
    """[(which of GROUPS, or None: unwatched; command)]; what "create" makes ends with its watcher.

    The first "run" does what is done once after the machine's start.
    """
    shutil.copy(shutil.which('busybox'), stage.root + '/sleep')
    waiting = bench.config()
    waiting['process']['args'] = ['/sleep', '1000']
    path = stage.bundle('waiting', waiting)
    base = [kist, '--root', stage.state(kist)]
    return [
        (1, [*base, 'run', '--bundle', os.path.join(stage.top, 'plain'), 'first']),
        (0, [*base, 'run', '--bundle', os.path.join(stage.top, 'plain'), 'ran']),
        (1, [*base, 'create', '--bundle', path, 'created']),
        (None, [*base, 'delete', '--force', 'created']),
        (None, [*base, 'create', '--bundle', path, 'waits']),
        (1, [*base, 'start', 'waits']),
        (1, [*base, 'state', 'waits']),
        (1, [*base, 'exec', 'waits', '/sleep', '0']),
        (1, [*base, 'list']),
        (1, [*base, 'kill', 'waits', 'KILL']),
        (1, [*base, 'delete', '--force', 'waits']),
    ]


def executed(steps, program, stage):
    """The addresses of instructions, a set for each of GROUPS."""
    groups = [set() for _ in GROUPS]
    for group, command in usual(stage, program):
        print('order: %s' % ' '.join(command[3:]), flush=True)
        watched = [] if group is None else [steps, program]
        # To a file: what is created holds the standard streams for as long as it lives.
        with tempfile.TemporaryFile() as out:
            subprocess.run([*watched, *command], check=True, stdin=subprocess.DEVNULL, stdout=out)
            out.seek(0)
            groups[group or 0] |= {int(line, 16) for line in out
                                   if re.fullmatch(rb'[0-9a-f]+\n', line)}
    return groups


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
    """The same two for each of GROUPS, as the file has them."""
    with open(path, encoding='utf-8') as file:
        code = file.read().split('INSERT')[0]
    return [({name for own in re.findall(r'\*\((\.text[^)]*)\)', group) for name in own.split()},
             set(re.findall(r'\*\S+\(\.text(?: \.text\.\*)?\)', group)))
            for group in re.split('|'.join(map(re.escape, GROUPS)), code)[1:]]


def read_only(own, members):
    """What a compiler made of a function's strings is named after the function."""
    own = {name.replace('.text.', '.rodata.').rstrip('.*') + '.*' for name in own}
    return own, [member.replace('.text', '.rodata') for member in sorted(members)]


def script(groups, large):
    code = tables = ''
    for title, (own, members) in zip(GROUPS, groups):
        title = '\t\t/* %s */\n' % title
        code += title + packed(sorted(own), '\t\t*(', ')') + packed(sorted(members), '\t\t', '')
        own, members = read_only(own, members)
        tables += title + packed(sorted(own), '\t\t*(', ')') + packed(members, '\t\t', '')
    tables += packed(TABLES, '\t\t', '')
    return (HEAD + PART % ('.text.used', code, 'BEFORE .text') +
            PART % ('.rodata.used', tables, 'BEFORE .rodata') +
            PART % ('.bss.large (NOLOAD)', '\t\t*(%s)\n' % FIRST_LARGE +
                    packed(sorted(large - {FIRST_LARGE}), '\t\t*(', ')'), 'AFTER .bss'))


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
        code = sections(listing)
        groups, seen = [], set()
        for addresses in executed(build + '/tests/bench/steps', program, stage):
            used = {s for s in code if any(a in addresses for a in range(s[0], s[1]))} - seen
            seen |= used
            groups.append(wanted(used))
        if args.add:
            groups = [(a | c, b | d) for (a, b), (c, d) in zip(groups, written(args.output))]
        groups[1] = tuple(a - b for a, b in zip(groups[1], groups[0]))
        large = {re.sub(r'\.\d+$', '.*', name) for begin, end, name, where in
                 sections(listing, 'bss') if end - begin >= LARGE and '.a(' not in where}
        with open(args.output, 'w', encoding='utf-8') as file:
            file.write(script(groups, large))
        print('%s: %d sections, %d KiB of %d' % (
            args.output, len(seen), sum(s[1] - s[0] for s in seen) // 1024,
            sum(s[1] - s[0] for s in code) // 1024))
    finally:
        stage.close()


main()
