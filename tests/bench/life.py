# SPDX-License-Identifier: Apache-2.0
"""The commands that engines call all day: exec, state, kill, list; create, start, delete.

Each runtime gets a container that waits, and then all are asked the same in turn.
exec stands beside nsenter, which joins the same namespaces and does nothing else.
"""
import json
import os
import shutil
import subprocess

ALL = 'create start delete'
SEQUENCE = '"$0" --root "$1" create -b "$2" "$3" && "$0" --root "$1" start "$3" && ' \
    '"$0" --root "$1" delete -f "$3"'


class Runtime:
    """One runtime with its root, below the bench's directory."""

    def __init__(self, path, stage, bundles):
        """bundles: (returning, waiting), and the same without device rules."""
        self.path = path
        self.name = os.path.basename(path)
        self.root = os.path.join(stage.top, 'life-' + self.name)
        self.plain, self.waiting = bundles[0]
        self.works = self.start('life')
        if not self.works:  # as in the table above
            self.plain, self.waiting = bundles[1]
            self.works = self.start('life')

    def command(self, *words):
        return [self.path, '--root', self.root, *words]

    def call(self, *words):
        return subprocess.run(self.command(*words), check=False, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def start(self, name):
        # Its output stays open in the container: a pipe would have no end.
        return subprocess.call(
            self.command('run', '--detach', '--bundle', self.waiting, name),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0

    def pid(self):
        return str(json.loads(self.call('state', 'life').stdout)['pid'])

    def stop(self, names):
        for name in names:
            self.call('delete', '--force', name)

    def asked(self):
        """{command: its words}, with one container named life."""
        return {
            'exec': self.command('exec', 'life', '/payload'),
            'state': self.command('state', 'life'),
            'kill': self.command('kill', 'life', 'WINCH'),
            ALL: ['/bin/sh', '-c', SEQUENCE, self.path, self.root, self.plain, 'all-@'],
        }


def bundles_of(stage, config):
    """[(returning, waiting)], with device rules and without."""
    shutil.copy(shutil.which('busybox'), stage.root + '/sleep')
    pairs = []
    for name, content in (('rules', config()), ('bare', config(devices=None))):
        returning = stage.bundle('returning-' + name, content)
        content['process']['args'] = ['/sleep', '10000']
        pairs.append((returning, stage.bundle('waiting-' + name, content)))
    return pairs


def measure(stage, config, kist, measure_with, containers):
    """{command: {contender: (median, low, high, peak, CPU)}}"""
    if not shutil.which('busybox'):
        return {}
    bundles = bundles_of(stage, config)
    paths = [kist] + [path for path in map(shutil.which, ('crun', 'runc', 'youki')) if path]
    runtimes = [Runtime(path, stage, bundles) for path in paths]
    result = {}
    try:
        runtimes = [runtime for runtime in runtimes if runtime.works]
        for name in runtimes[0].asked():
            commands = {runtime.name: runtime.asked()[name] for runtime in runtimes}
            if name == 'exec' and shutil.which('nsenter'):
                commands['nsenter -a'] = [shutil.which('nsenter'), '-a', '-t', runtimes[0].pid(),
                                          '/payload']
            result[name] = measure_with(commands)
        many = ['many-%d' % number for number in range(containers - 1)]
        for runtime in runtimes:
            for name in many:
                runtime.start(name)
        result['list of %d' % containers] = measure_with(
            {runtime.name: runtime.command('list') for runtime in runtimes})
    finally:
        for runtime in runtimes:
            listed = runtime.call('list', '-q').stdout.decode().split()
            runtime.stop(listed)
    return result


def print_table(result):
    names = list(dict.fromkeys(name for row in result.values() for name in row))
    print('\n%-22s' % 'ms: elapsed (CPU)' + ''.join('%18s' % name for name in names))
    for command, row in result.items():
        cells = ['%9.2f (%6.2f)' % (row[name][0] / 1000, row[name][4] / 1000)
                 if name in row else '' for name in names]
        print('%-22s' % command + ''.join('%18s' % cell for cell in cells))


def goals(result):
    """[(name, value, limit, format)], as bench.py has them."""
    found = []
    for name, command, other, limit in (('exec / nsenter -a', 'exec', 'nsenter -a', 1.3),
                                        ('state / crun', 'state', 'crun', 0.6)):
        row = result.get(command, {})
        if 'kist' in row and other in row:
            found.append((name, row['kist'][0] / row[other][0], limit, '%.2f'))
            found.append((name + ', CPU', row['kist'][4] / row[other][4], limit, '%.2f'))
    return found
