# Runs inside the demo's container (./dev demo): what the inside sees.
line() { printf '%-12s %s\n' "$1:" "$2"; }
line 'pid 1' "$(cat /proc/1/comm 2>/dev/null)"
line 'this shell' "pid $$, child of $(awk '/^PPid/ { print $2 }' /proc/self/status 2>/dev/null)"
line hostname "$(hostname)"
line ids "$(id)"
line kernel "$(uname -r)"
line loopback "$(ip -o address show dev lo 2>/dev/null | awk '{ printf "%s ", $4 }')"
line processes "$(ls -d /proc/[0-9]* | wc -l)"
echo mounts:
awk '{ printf "  %-18s %-8s %s\n", $2, $3, substr($4, 1, 50) }' /proc/mounts
