# SPDX-License-Identifier: Apache-2.0
"""conmon.py start ARGUMENT...: conmon as CRI-O starts it; prints what it reports.
   conmon.py attach SOCKET TEXT: gives TEXT to an attach socket and prints what comes back.

CRI-O gives conmon two pipes: one on which it is told to begin, when it is in its cgroup, and
one on which it reports a JSON object a line: the pid of a created container, or -1 and why
not; of an exec the pid, then the status.
"""
import os
import socket
import sys

SECONDS = 60
STREAMS = {2: 'out', 3: 'err'}  # the first byte of a packet


def start(arguments):
    sync, told = os.pipe()
    wait, begin = os.pipe()
    os.set_inheritable(told, True)
    os.set_inheritable(wait, True)
    environment = {'PATH': os.environ['PATH'], '_OCI_SYNCPIPE': str(told),
                   '_OCI_STARTPIPE': str(wait), 'XDG_RUNTIME_DIR': '/run'}
    pid = os.posix_spawn('/usr/bin/conmon', ['/usr/bin/conmon', *arguments], environment,
                         setsid=True)
    os.close(told)
    os.close(wait)
    os.write(begin, b'\0')
    os.close(begin)
    # Until conmon has no more to say, which of a container is with its first line.
    with os.fdopen(sync, encoding='utf-8') as reports:
        for line in reports:
            print(line.strip())
            if '--exec' not in arguments:
                break
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def attach(path, text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
        peer.settimeout(SECONDS)
        peer.connect(path)
        peer.send(text.encode())
        seen = ''
        while text.strip() not in seen:
            packet = peer.recv(8192)
            if not packet:
                return 1
            seen += packet[1:].decode()
            print(STREAMS.get(packet[0], packet[0]), packet[1:].decode().strip())
    return 0


sys.exit(start(sys.argv[2:]) if sys.argv[1] == 'start' else attach(*sys.argv[2:]))
