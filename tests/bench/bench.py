# SPDX-License-Identifier: Apache-2.0
"""How long a container takes, beside every runtime that is installed.

All contenders run within one run (tests/bench/timer.c), in another order each round, on the
same root and the same program, which returns at once; what is printed is the ratio of
medians to tests/bench/floor.c, the least that makes a container.  The same program with
--bundle does by hand what the bundle asks of the kernel, and with --duties what is expected
of a runtime besides: nearer one cannot come without doing less.  "./dev bench" runs it; as root, in a mount namespace of its own
with cgroup2 alone mounted, because crun refuses hybrid hosts (--native: as the host is).
"""
import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import chart  # noqa: E402
import life  # noqa: E402

DEFAULT_CAPS = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE']


def config(annotations=None, devices=({'allow': False, 'access': 'rwm'},)):
    """What runc spec makes, without a terminal, for the payload."""
    def mount(destination, kind, *options):
        return {'destination': destination, 'type': kind, 'source': kind, 'options': list(options)}
    return {
        'ociVersion': '1.0.2',
        'process': {
            'user': {'uid': 0, 'gid': 0}, 'args': ['/payload'], 'cwd': '/',
            'env': ['PATH=/bin', 'TERM=xterm'],
            'capabilities': {s: DEFAULT_CAPS for s in ('bounding', 'effective', 'permitted')},
            'rlimits': [{'type': 'RLIMIT_NOFILE', 'hard': 1024, 'soft': 1024}],
            'noNewPrivileges': True},
        'root': {'path': 'rootfs', 'readonly': True},
        'hostname': 'bench',
        'mounts': [
            mount('/proc', 'proc'),
            mount('/dev', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
            mount('/dev/pts', 'devpts', 'nosuid', 'noexec', 'newinstance', 'ptmxmode=0666',
                  'mode=0620', 'gid=5'),
            mount('/dev/shm', 'tmpfs', 'nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'),
            mount('/dev/mqueue', 'mqueue', 'nosuid', 'noexec', 'nodev'),
            mount('/sys', 'sysfs', 'nosuid', 'noexec', 'nodev', 'ro'),
            mount('/sys/fs/cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime', 'ro')],
        'annotations': annotations or {},
        'linux': {
            'resources': {'devices': list(devices)} if devices else {},
            'namespaces': [{'type': t} for t in (
                'pid', 'network', 'ipc', 'uts', 'mount', 'cgroup')],
            'maskedPaths': ['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys',
                            '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
                            '/proc/sched_debug', '/sys/firmware', '/proc/scsi'],
            'readonlyPaths': ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys',
                              '/proc/sysrq-trigger']}}


class Stage:
    """Bundles and contenders below one temporary directory."""

    def __init__(self, build, payload):
        self.top = tempfile.mkdtemp(prefix='kist-bench-')
        self.run = tempfile.mkdtemp(prefix='kist-bench-', dir='/dev/shm')
        self.root = self.bundle('plain', config()) + '/rootfs'
        for name in ('proc', 'dev', 'sys'):
            os.makedirs(os.path.join(self.root, name))
        shutil.copy(payload, self.root + '/payload')
        self.contenders = self.find(build)

    def bundle(self, name, content):
        path = os.path.join(self.top, name)
        os.makedirs(path + '/rootfs' if name == 'plain' else path)
        if name != 'plain':
            content['root']['path'] = self.root
        with open(path + '/config.json', 'w', encoding='utf-8') as file:
            json.dump(content, file)
        return path

    def state(self, path):
        """On a tmpfs, as /run is on hosts: on a disk its journal would be measured, too."""
        return os.path.join(self.run, 'state-' + os.path.basename(path))

    def runtime(self, path, bundle, *options):
        return [path, '--root', self.state(path), *options, 'run', '--bundle', bundle, 'bench-@']

    def find(self, build):
        """{name: command}, in the order of the table."""
        plain = os.path.join(self.top, 'plain')
        never = self.bundle('never', config({'org.kist.init': 'never'}))
        found = {}
        for libc in ('glibc', 'musl'):
            path = '%s/tests/bench/floor-%s' % (build, libc)
            if os.path.exists(path):
                found['floor (%s)' % libc] = [path, self.root, '/payload']
                found['floor + bundle (%s)' % libc] = [path, '--bundle', self.root, '/payload']
                found['floor + duties (%s)' % libc] = [
                    path, '--duties', self.root, '/payload', build + '/init/pid1/kist-init',
                    self.run]
        kist = build + '/runtime/kist'
        found['kist'] = self.runtime(kist, plain)
        found['kist without init'] = self.runtime(kist, never)
        for name in os.environ.get('BENCH_ALSO', '').split():
            found[os.path.basename(name)] = self.runtime(name, plain)
        namespaces = ['-m', '-p', '-f', '-i', '-u', '-n', '-C']
        if shutil.which('unshare'):
            found['unshare + chroot'] = [shutil.which('unshare'), *namespaces, '--mount-proc',
                                         '-R', self.root, '/payload']
        if shutil.which('bwrap'):
            found['bubblewrap'] = [shutil.which('bwrap'), '--unshare-all', '--bind', self.root, '/',
                                   '--proc', '/proc', '--dev', '/dev', '/payload']
        for name in ('crun', 'runc', 'youki'):  # whatever is in PATH
            if shutil.which(name):
                found[name] = self.runtime(shutil.which(name), plain)
        return found

    def drop_broken(self):
        """What cannot run here at all is left out, and said; the device rules go first."""
        plain = os.path.join(self.top, 'plain')
        bare = self.bundle('bare', config(devices=None))
        for name, command in list(self.contenders.items()):
            if not self.tried(name, command):
                del self.contenders[name]
                again = [bare if arg == plain else arg for arg in command]
                if again != command and self.tried(name + ' without device rules', again):
                    self.contenders[name + ' (no device rules)'] = again

    @staticmethod
    def tried(name, command):
        result = subprocess.run([a.replace('@', 'try') for a in command], check=False,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
        if result.returncode != 0:
            print('%s: does not run here: %s' % (
                name, result.stdout.decode().strip()[-200:] or result.returncode))
        return result.returncode == 0

    def close(self):
        shutil.rmtree(self.top, ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)


def measure(timer, contenders):
    """{name: (median, low, high, peak, CPU)}; timer is the beginning of its command line."""
    command = list(timer)
    for args in contenders.values():
        command += ['--', *args]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().split('\n')
    result = {}
    for name, line in zip(contenders, lines):
        if not line.startswith('failed'):
            result[name] = tuple(int(word) for word in line.split())
    return result


def measure_mounts(timer, contenders, count, directory):
    """{name: (ratio,)} of the medians with that many more mounts on the host, and without.

    Each by itself: who copies the host's mounts leaves thousands of them to take down behind
    his end, in the time of who comes next.  And five times in turn, for a machine is now
    faster, now slower: the median of the ratios.
    """
    result = {}
    for name, command in contenders.items():
        one, ratios = {name: command}, []
        for _ in range(5):
            without = measure(timer, one)
            more = measure(['unshare', '-m', *timer, '-m', str(count), '-d', directory], one)
            if without and more:
                ratios.append(more[name][0] / without[name][0])
        if ratios:
            result[name] = (statistics.median(ratios),)
    return result


def pss_of_init(stage, kist):
    """KiB of pid 1 in a container whose program waits."""
    if not shutil.which('busybox'):
        return None
    shutil.copy(shutil.which('busybox'), stage.root + '/sleep')
    waiting = config()
    waiting['process']['args'] = ['/sleep', '1000']
    path = stage.bundle('waiting', waiting)
    state = stage.state(kist)
    run = subprocess.Popen([kist, '--root', state, 'run', '--bundle', path, 'bench-pss'])
    try:
        for _ in range(200):
            time.sleep(0.01)
            told = subprocess.run([kist, '--root', state, 'state', 'bench-pss'], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            if b'"running"' in told:
                break
        time.sleep(0.1)
        with open('/proc/%d/smaps_rollup' % json.loads(told)['pid'], encoding='utf-8') as file:
            return int(re.search(r'^Pss: +(\d+)', file.read(), re.M)[1])
    finally:
        subprocess.run([kist, '--root', state, 'kill', 'bench-pss', 'KILL'], check=False)
        run.wait()


def print_table(columns, copies):
    names = list(columns['plain'])
    floor = columns['plain'][names[0]][0]
    print('\n%-26s %9s %7s %7s %9s %7s %9s' % (
        '', 'median', 'floors', 'mounts', 'x%d' % copies, 'floors', 'peak'))
    for name in names:
        median, _, _, peak, _ = columns['plain'][name]
        mounts = columns['mounts'].get(name, (0,))[0]
        many = columns['parallel'].get(name, (0,))[0]
        many_floor = columns['parallel'].get(names[0], (1,))[0]
        print('%-26s %6.2f ms %7.2f x%6.2f %6.0f ms %7.2f %5d KiB' % (
            name, median / 1000, median / floor, mounts, many / 1000, many / many_floor, peak))


def print_goals(columns, pss, more):
    def median(column, name):
        return columns[column].get(name, (0,))[0]
    kist, floor = median('plain', 'kist'), median('plain', 'floor (glibc)')
    goals = [
        ('kist / floor (glibc)', kist / floor, 1.5, '%.2f'),
        ('with the mounts / without', columns['mounts'].get('kist', (0,))[0], 1.2, '%.2f'),
        ('in parallel / floor', median('parallel', 'kist') / (
            median('parallel', 'floor (glibc)') or 1), 1.5, '%.2f'),
        ('peak memory, KiB', columns['plain']['kist'][3], 1536, '%d'),
    ]
    if pss is not None:
        goals.append(('PSS of pid 1, KiB', pss, 32, '%d'))
    print()
    for name, value, limit, form in goals + more:
        print('%-28s %8s   goal %6s   %s' % (
            name, form % value, form % limit, 'met' if value <= limit else 'MISSED'))


def enter_namespace(native):
    """Again, in a mount namespace of our own, with cgroup2 alone where the host is hybrid."""
    if os.environ.get('BENCH_INSIDE') or os.getuid() != 0:
        return
    script = 'mount --make-rprivate /; mkdir -p /run/kist; mount -t tmpfs -o mode=700 kist /run/kist; '
    if not native and not os.path.exists('/sys/fs/cgroup/cgroup.controllers'):
        script += 'mount -t cgroup2 cgroup2 /sys/fs/cgroup; '
    os.environ['BENCH_INSIDE'] = '1'
    os.execvp('unshare', ['unshare', '-m', 'sh', '-c', script + 'exec "$@"', 'sh', sys.executable,
                          *sys.argv])


def main():
    parser = argparse.ArgumentParser(prog='./dev bench', description=__doc__.split('\n')[0])
    parser.add_argument('--build', default='build')
    parser.add_argument('--rounds', type=int, default=100)
    parser.add_argument('--mounts', type=int, default=4000, help='more mounts on the host (4000)')
    parser.add_argument('--parallel', type=int, default=100, help='containers at once (100)')
    parser.add_argument('--list', type=int, default=500, help='containers in a list (500; 0: '
                        'leave out exec, state, kill and list)')
    parser.add_argument('--only', action='append', help='contenders by their first word')
    parser.add_argument('--native', action='store_true', help='the cgroups of this host')
    parser.add_argument('--svg', default='bench.svg', help='where the picture goes')
    args = parser.parse_args()
    enter_namespace(args.native)
    # So that the containers go, too, where somebody ends it early.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = os.path.abspath(args.build)
    suffix = 'musl' if os.path.exists(build + '/tests/bench/timer-musl') else 'glibc'
    timer = '%s/tests/bench/timer-%s' % (build, suffix)
    stage = Stage(build, '%s/tests/bench/payload-%s' % (build, suffix))
    try:
        if args.only:
            stage.contenders = {k: v for k, v in stage.contenders.items()
                                if k.split()[0] in args.only + ['floor']}
        stage.drop_broken()
        columns = {'plain': measure([timer, '-n', str(args.rounds)], stage.contenders)}
        columns['parallel'] = measure([timer, '-n', str(max(3, args.rounds // 20)), '-p',
                                       str(args.parallel)], stage.contenders)
        has_kist = 'kist' in stage.contenders
        pss = pss_of_init(stage, build + '/runtime/kist') if has_kist else None
        columns['mounts'] = {}
        if args.mounts and os.getuid() == 0:
            os.makedirs(stage.top + '/mounts')
            columns['mounts'] = measure_mounts(
                [timer, '-n', str(max(10, args.rounds // 10))], stage.contenders, args.mounts,
                stage.top + '/mounts')
        daily = life.measure(
            stage, config, build + '/runtime/kist',
            lambda commands: measure([timer, '-n', str(args.rounds)], commands),
            args.list) if has_kist and args.list else {}
        print_table(columns, args.parallel)
        if daily:
            life.print_table(daily)
        if has_kist:
            print_goals(columns, pss, life.goals(daily))
        chart.draw(args.svg, columns)
        print('\n%s: %d rounds, Linux %s' % (args.svg, args.rounds, os.uname().release))
    finally:
        stage.close()


if __name__ == '__main__':
    main()
