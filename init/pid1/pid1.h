/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kist-init, the program that is pid 1 in a container: how it is started.
 *
 * 1. Alone, in the place of tini, dumb-init, catatonit, docker-init or
 *    podman-init:  kist-init [OPTION...] [--] PROGRAM [ARG...]
 *    It forks and starts the program itself.  The name it is called by
 *    chooses the habits of its namesake; every name takes every option.
 *
 * 2. By kist, from the image it carries (init/image.h):
 *        execveat(init_image_open(), "", { "kist-init", OPTION..., "--child", PID, "--",
 *                 what the program's argv is... }, environment, AT_EMPTY_PATH)
 *    The process is pid 1 of the container and has forked PID, which becomes
 *    the user's program; kist-init adopts it.  What follows "--" is for the
 *    reader of ps(1) alone.  What holds when the image is executed:
 *     - All 64 signals were blocked (rt_sigprocmask, all ones) before PID was
 *       forked, so one that comes early stays pending and is forwarded; PID
 *       itself puts struct init's signals back.  SIGCHLD is not ignored.
 *     - PID calls setsid() first of all: it leads a process group (--group).
 *     - Every fd but 0, 1, 2 and the one of --report is close-on-exec.  0, 1, 2
 *       are the program's.
 *     - User, groups, capabilities and no_new_privs are the program's already, or with
 *       "--adopt" in the place of "--child" the last word of all says what to take first:
 *       UID:GID:PERMITTED[:GROUP...], numbers in decimal, the set as capset(2)
 *       has it, PID1_GROUPS_MAX at most; it is wiped.  The bounding set is the
 *       program's already, and the right to take ids is inheritable.
 *       A process of the container may look at /proc/1/fd only if pid 1 has the
 *       same ids and no capability more (ptrace(2), PTRACE_MODE_READ).  The fds that
 *       are not its own are closed after that: by their end PID knows that it is done.
 *     - The program's seccomp filter is in PID only, or allows pid 1 what
 *       init/pid1/filter.c lists and what main.c does before: prctl, seccomp,
 *       capget, capset, close_range, chdir, rt_sigprocmask, rt_sigaction, openat.
 *     - The environment is the program's (/proc/1/environ), with LISTEN_PID set
 *       to PID where LISTEN_FDS is there.
 *    Dumpable comes back by the exec itself, since the image may be read by all.
 *
 * Options, for plan->init.options (either "--name=value" or two words):
 *     --grace=SECONDS      after TERM or a stop signal: wait that long (decimals
 *                          allowed), then SIGKILL all that is left
 *     --stop-signal=SIGNAL begins the grace period too (repeat)
 *     --wait-all           stay until the last process is gone
 *     --rewrite=FROM:TO    forward TO in the place of FROM; 0 drops it (repeat)
 *     --group              signal the program's process group
 *     --remap=CODE[:TO]    exit with TO, or 0, in the place of CODE (repeat)
 *     --report=FD|PATH     one line of JSON at the end; PATH is opened in the container
 *     --parent-death=SIGNAL  when the parent ends, as if SIGNAL had come
 *     --warn, --verbose    say on stderr: orphans reaped; every event
 * SIGNAL is a name with or without "SIG" ("TERM", "SIGRTMIN+3") or a number.
 * It exits with 1 and a message on stderr where an option is wrong, so config/
 * checks values before they come here.
 */

#define PID1_NAME	"kist-init"	/* argv[0], and /proc/1/comm */
#define PID1_CHILD	"--child"
#define PID1_ADOPT	"--adopt"
#define PID1_GROUPS_MAX	32
