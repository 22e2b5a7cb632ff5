# SPDX-License-Identifier: Apache-2.0
"""summary.py DIRECTORY: adds up the phases of a test run (tests/run-tests).
summary.py --failed DIRECTORY PHASE: the programs of it that failed, as Meson names them.

Reads the names in DIRECTORY/order; for each, NAME.json is Meson's log, one JSON
object a line, and NAME.status the exit status of its command.  NAME-again.json has
the programs that were run once more; what failed before is told.  A test program
that speaks TAP counts test by test; one that ends before its plan is fulfilled
is one more failure, as is a phase without a log.  Prints what failed, with its
output, what was skipped and why, and last the line "N passed, M failed, K skipped".

With MUST_RUN=1 a skip is a failure, unless the same test ran in another phase or
tests/allowed-skips.txt has it; and so is what a phase left behind (NAME.left), which on a
machine that does other things, too, may be theirs.
"""
import fnmatch
import json
import os
import re
import sys

OUT_OF_TIME = (124, 137)
NO_KERNEL = 126     # tests/guest/run: the mirror has no kernel of that suite
TAP = re.compile(r'^(not )?ok\b[ \d]*-? *(.*?)(?: +\(\d+\.\d+s\))?(?: *# *(SKIP) *(.*))?$')


def tap_results(entry):
    """(name, result, detail) for each line of a TAP program."""
    plan, results = None, []
    for line in entry['stdout'].splitlines():
        if re.match(r'^1\.\.\d+', line):
            plan = int(line[3:].split()[0])
        match = TAP.match(line)
        if match:
            name = entry['name'] + ' ' + match[2]
            result = 'failed' if match[1] else 'skipped' if match[3] else 'passed'
            results.append([name, result, match[4] or ''])
        elif results and results[-1][1] == 'failed' and line.startswith(' '):
            results[-1][2] += line + '\n'
    if plan is None or len(results) < plan:
        results.append([entry['name'], 'failed', 'ended after %d of %s tests (%s)\n%s' % (
            len(results), plan, entry['result'], entry.get('stderr', '')[-2000:])])
    elif entry['returncode'] != 0 and not any(r[1] == 'failed' for r in results):
        results.append([entry['name'], 'failed', 'status %s\n%s' % (
            entry['returncode'], entry.get('stderr', '')[-2000:])])
    return results


def entry_results(entry):
    """The same for any test of Meson's."""
    if 'TAP version' in entry.get('stdout', ''):
        return tap_results(entry)
    if entry['result'] in ('OK', 'EXPECTEDFAIL'):
        return [[entry['name'], 'passed', '']]
    text = entry.get('stdout', '') + entry.get('stderr', '')
    result = 'skipped' if entry['result'] == 'SKIP' else 'failed'
    return [[entry['name'], result, text.strip()[-4000:]]]


def phase_entries(directory, name):
    """{name of the program: Meson's record of it}."""
    path = os.path.join(directory, name + '.json')
    if not os.path.exists(path):
        return {}
    with open(path, encoding='utf-8', errors='replace') as file:
        entries = [json.loads(line) for line in file]
    return {entry['name']: entry for entry in entries}


def failed_results(entry):
    return [row for row in entry_results(entry) if row[1] == 'failed']


def failed_programs(directory, phase):
    return [name.split(' / ')[-1] for name, entry in phase_entries(directory, phase).items()
            if failed_results(entry)]


def phase_results(directory, phase):
    with open(os.path.join(directory, phase + '.status'), encoding='utf-8') as file:
        status = int(file.read())
    entries = phase_entries(directory, phase)
    for name, entry in phase_entries(directory, phase + '-again').items():
        for first, _, detail in failed_results(entries[name]):
            print('once more %s: %s\n%s' % (phase, first, detail.rstrip()))
        entries[name] = entry
        status = status if status in OUT_OF_TIME else 0
    results = []
    for entry in entries.values():
        results += entry_results(entry)
    results += left_behind(directory, phase)
    if status == NO_KERNEL:
        return [['phase ' + phase, 'skipped', 'the mirror has no such kernel']]
    failed = any(r[1] == 'failed' for r in results)
    if not results or (status != 0 and not failed):
        results.append(['phase ' + phase, 'failed', 'status %d%s' % (
            status, ': out of time' if status in OUT_OF_TIME else '') + tail(directory, phase)])
    return results


def left_behind(directory, phase):
    path = os.path.join(directory, phase + '.left')
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return []
    with open(path, encoding='utf-8') as file:
        text = 'left behind:\n' + file.read()
    result = 'failed' if os.environ.get('MUST_RUN') == '1' else 'skipped'
    return [['phase ' + phase, result, text.strip()]]


def tail(directory, phase):
    path = os.path.join(directory, phase + '.out')
    if not os.path.exists(path):
        return ''
    with open(path, encoding='utf-8', errors='replace') as file:
        return '\n' + file.read()[-1500:]


def host_kind(directory, phase):
    """What kind of host the phase ran on: tests/host-kind said so there."""
    path = os.path.join(directory, phase + '.host')
    if not os.path.exists(path):
        return ''
    with open(path, encoding='utf-8') as file:
        return '; ' + file.read().strip()


def allowed_skips():
    """(pattern of the test, pattern of the reason) for each line."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'allowed-skips.txt')
    with open(path, encoding='utf-8') as file:
        rows = [line.split('|') for line in file if line.strip() and line[0] != '#']
    return [(test.strip(), reason.strip()) for test, reason, _ in rows]


def is_allowed(name, reason, allowed):
    """Meson puts the project and the suite in front of a name: "kist:e2e / e2e-init"."""
    plain = name.split(' / ')[-1]
    return any(fnmatch.fnmatchcase(plain, test) and fnmatch.fnmatchcase(reason, why)
               for test, why in allowed)


def forbid_skips(phases):
    """MUST_RUN=1: a skip that nothing excuses becomes a failure."""
    ran = {r[0] for results in phases.values() for r in results if r[1] != 'skipped'}
    allowed = allowed_skips()
    for results in phases.values():
        for row in results:
            if row[1] == 'skipped' and row[0] not in ran and \
                    not is_allowed(row[0], row[2], allowed):
                row[1:] = ['failed', 'skipped, but MUST_RUN=1: ' + row[2]]


def main():
    if sys.argv[1] == '--failed':
        print(*failed_programs(*sys.argv[2:]))
        return False
    directory = sys.argv[1]
    with open(os.path.join(directory, 'order'), encoding='utf-8') as file:
        phases = {name: phase_results(directory, name) for name in file.read().split()}
    if os.environ.get('MUST_RUN') == '1':
        forbid_skips(phases)
    total = {'passed': 0, 'failed': 0, 'skipped': 0}
    for phase, results in phases.items():
        for name, result, detail in results:
            total[result] += 1
            if result == 'failed':
                print('FAILED %s: %s\n%s' % (phase, name, detail.rstrip()))
    for phase, results in phases.items():
        reasons = {}
        for _, result, detail in results:
            if result == 'skipped':
                reasons[detail] = reasons.get(detail, 0) + 1
        for reason, count in sorted(reasons.items()):
            print('skipped %s: %d: %s' % (phase, count, reason))
    for phase, results in phases.items():
        counts = [sum(r[1] == kind for r in results) for kind in total]
        print('%-16s %4d passed, %d failed, %d skipped%s' % (
            phase, *counts, host_kind(sys.argv[1], phase)))
    print('%(passed)d passed, %(failed)d failed, %(skipped)d skipped' % total)
    return total['failed'] > 0


sys.exit(main())
