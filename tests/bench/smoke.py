# SPDX-License-Identifier: Apache-2.0
"""How long 100 smoke checks of a small image take, beside the same checks through podman.

Each check is a container of its own with a root that it may write to: "echo" with a word of
its own, whose output is looked at.  Both use the same root and as many processors; rounds
alternate, and medians are compared.  "./dev bench smoke" runs it.
"""
import argparse
import concurrent.futures
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def suite(path, count):
    with open(path, 'w', encoding='utf-8') as file:
        file.write('schemaVersion: 2.0.0\ncommandTests:\n')
        for i in range(count):
            file.write('- {name: "check %d", command: echo, args: [word%d], '
                       'expectedOutput: ["^word%d\\n$"]}\n' % (i, i, i))


def processor_time():
    """Of all children that have ended: what a busy machine does not change much."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def smoke_round(program, work, count):
    began = time.monotonic()
    result = subprocess.run([program, 'root', '-c', 'suite.yaml', '-q'], cwd=work, check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    took = time.monotonic() - began
    if result.returncode != 0 or ('%d ok' % count).encode() not in result.stdout:
        sys.exit('kist smoke: ' + result.stdout.decode())
    return took


class Podman:
    """Its storage is in the work directory; no cgroups, no network, as kist's containers have it."""

    def __init__(self, work):
        self.work = work
        self.global_options = ['--root', os.path.join(work, 'storage'), '--runroot',
                               os.path.join(work, 'run'), '--cgroup-manager', 'cgroupfs',
                               '--events-backend', 'none']
        self.jobs = os.cpu_count()
        self.lost = 0
        os.environ['CONTAINERS_CONF'] = os.path.join(HERE, '../clients/machine.conf')

    def check(self, number):
        word = 'word%d' % number
        result = subprocess.run(
            ['podman', *self.global_options, 'run', '--rm', '--network', 'none', '--cgroups', 'disabled',
             '--rootfs', os.path.join(self.work, 'root') + ':O', 'echo', word],
            check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if result.returncode != 0:
            sys.exit('podman: status %d: %s' % (result.returncode, result.stderr.decode()))
        # Of a short program podman 4.3 sometimes loses the output; that is no reason to end here.
        self.lost += result.stdout != (word + '\n').encode()

    def round(self, count):
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            list(pool.map(self.check, range(count)))
        return time.monotonic() - began


def without_v1():
    """crun refuses hosts with both kinds of cgroups: once more, with cgroup2 alone mounted."""
    if os.geteuid() != 0 or not os.path.isdir('/sys/fs/cgroup/unified'):
        return
    os.execvp('unshare', ['unshare', '-m', 'sh', '-c',
                          'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"', 'sh',
                          sys.executable, os.path.abspath(__file__), *sys.argv[1:]])


def main():
    without_v1()
    parser = argparse.ArgumentParser(prog='./dev bench smoke', description=__doc__.split('\n')[0])
    parser.add_argument('--build', default='build')
    parser.add_argument('--checks', type=int, default=100)
    parser.add_argument('--rounds', type=int, default=5)
    options = parser.parse_args()
    program = os.path.abspath(os.path.join(options.build, 'runtime/libexec/kist-smoke'))
    work = tempfile.mkdtemp(prefix='kist-bench-smoke-')
    try:
        subprocess.run([os.path.join(HERE, '../make-root'), 'busybox', os.path.join(work, 'root')],
                       check=True)
        suite(os.path.join(work, 'suite.yaml'), options.checks)
        podman = Podman(work) if shutil.which('podman') and os.geteuid() == 0 else None
        if podman:
            podman.check(0)
        kist_times, podman_times = [], []
        smoke_round(program, work, options.checks)
        used = [0, 0]
        for _ in range(options.rounds):
            before = processor_time()
            kist_times.append(smoke_round(program, work, options.checks))
            used[0] += processor_time() - before
            before = processor_time()
            if podman:
                podman_times.append(podman.round(options.checks))
            used[1] += processor_time() - before
        used = [seconds / options.rounds for seconds in used]
        kist = statistics.median(kist_times)
        print('%d checks on %d processors, median of %d rounds' %
              (options.checks, os.cpu_count(), options.rounds))
        print('kist smoke   %7.3f s, of processor time %.3f s' % (kist, used[0]))
        if podman:
            median = statistics.median(podman_times)
            print('podman       %7.3f s, of processor time %.3f s: %.1f times as long' %
                  (median, used[1], median / kist))
            if podman.lost:
                print('podman lost the output of %d' % podman.lost)
        else:
            print('podman       not installed, or not root')
    finally:
        subprocess.run(['umount', '-R', os.path.join(work, 'storage/overlay')], check=False,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(work, ignore_errors=True)


main()
