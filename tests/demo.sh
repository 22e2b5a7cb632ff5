# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Runs inside the demo's container (./dev demo): what the inside sees.
line() { printf '%-12s %s\n' "$1" "$2"; }
line 'pid 1' "$(cat /proc/1/comm)"
line 'this shell' "pid $$, child of $(awk '/^PPid/ { print $2 }' /proc/$$/status)"
line processes "$(echo /proc/[0-9]* | wc -w)"
line hostname "$(hostname)"
line ids "$(id)"
line may "$(awk '/^CapEff/ { print "capabilities " $2 }' /proc/$$/status)"
line kernel "$(uname -sr)"
line lo "$(awk '/ lo$/ { print "::1, " }' /proc/net/if_inet6)$(ip -o -4 address show dev lo 2>/dev/null |
	awk '{ print $4 }')"
line mounts ''
awk '$2 !~ "^/sys/fs/cgroup/" { printf "  %-18s %-8s %s\n", $2, $3, substr($4, 1, 44) }' /proc/mounts
