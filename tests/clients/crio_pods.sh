# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # the suite sets and lib.sh makes what is used here
# crio_pods.sh: CRI-O itself with the lines of docs/engines.md, driven by crictl as a kubelet drives
# it; sourced by crio.sh where both are on the PATH of the caller ($crio, $crictl, $pinns, $skopeo).
socket=/run/crio/crio.sock
export CRI_CONFIG_FILE=$work/crictl.yaml
handler=$(snippet runtimeclass.yaml | sed -n 's/^handler: //p')

# c TEXT STATUS REGEX ARGUMENT...: crictl; in_it: in the container $id, without a stream.
c() { LIMIT=70 want "$1" "$2" "$3" "$crictl" "${@:4}"; }
seen() { LIMIT=70 until_seen "$1" "$2" "$3" "$crictl" "${@:4}"; }
in_it() { c "$1" "$2" "$3" exec --sync "$id" "${@:4}"; }

engine_configure() {
	mkdir -p "$work/crio.d" "$work/cni" "$work/logs"
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$work/policy.json"
	cat >"$work/cni/10-net.conflist" <<-'END'
	{"cniVersion": "0.4.0", "name": "net", "plugins": [{"type": "bridge", "bridge": "cni0",
	 "isGateway": true, "ipam": {"type": "host-local", "subnet": "10.98.0.0/24"}}]}
	END
	printf '%s-endpoint: "unix://%s"\n' runtime $socket image $socket >"$CRI_CONFIG_FILE"
	echo 'timeout: 60' >>"$CRI_CONFIG_FILE"
	snippet crio.conf >"$work/crio.d/10-kist.conf"
	# What is this test's alone: its folders, no systemd, an image for the sandbox.
	cat >"$work/crio.conf" <<-END
	[crio]
	root = "$work/storage"
	runroot = "/run/storage"
	storage_driver = "overlay"
	log_dir = "$work/logs"
	version_file = "/run/crio/version"
	version_file_persist = "$work/version"
	clean_shutdown_file = "$work/clean.shutdown"
	[crio.api]
	listen = "$socket"
	stream_address = "127.0.0.1"
	stream_port = "0"
	[crio.runtime]
	default_runtime = "$handler"
	cgroup_manager = "cgroupfs"
	conmon_cgroup = "pod"
	pinns_path = "$pinns"
	namespaces_dir = "/run/crio/ns"
	hooks_dir = []
	irqbalance_config_restore_file = "disable"
	[crio.image]
	pause_image = "docker.io/library/pause:latest"
	pause_command = ""
	signature_policy = "$work/policy.json"
	signature_policy_dir = "$work/policies"
	namespaced_auth_dir = "$work/auth"
	[crio.network]
	network_dir = "$work/cni"
	plugin_dirs = ["/usr/lib/cni"]
	[crio.nri]
	enable_nri = false
	END
}

engine_start() {
	"$crio" --config "$work/crio.conf" --config-dir "$work/crio.d" --log-level info \
		>>"$work/crio.log" 2>&1 &
	engine=$!
	seen "$1" 20 'RuntimeReady[^}]*true|"RuntimeReady",[^}]*"status": true|"type": "RuntimeReady"' info
	kill -0 "$engine" || tail -n 5 "$work/crio.log" | sed 's/^/  # /'
}

# image NAME: what archive_make wrote last, below that name.
image_load() {
	"$skopeo" --policy "$work/policy.json" copy -q "docker-archive:$work/image.tar" \
		"containers-storage:[overlay@$work/storage+/run/storage]$1"
}

# pod NAME JSON [HOST]: a Pod's file, with these members of "linux"; container NAME JSON: a container's.
alone='"security_context": {"namespace_options": {"pid": 1}}'
pod() {
	cat >"$work/$1.pod" <<-END
	{"metadata": {"name": "$1", "uid": "$1", "namespace": "default", "attempt": 1},
	 "hostname": "${3-podhost}", "log_directory": "$work/logs",
	 "annotations": {"org.kist.init": "never"}, "linux": {"cgroup_parent": "/kubepods", $2}}
	END
}
container() {
	cat >"$work/$1.ctr" <<-END
	{"metadata": {"name": "$1"}, "image": {"image": "docker.io/library/box:latest"},
	 "log_path": "$1.log", $2}
	END
}
# run_pod TEXT NAME ARGUMENT...: sets pod.  create TEXT STATUS REGEX NAME POD: sets id.
run_pod() {
	c "$1" 0 '^[0-9a-f]{64}$' runp "${@:3}" "$work/$2.pod"
	pod=$out
}
create() {
	c "$1" "$2" "$3" create --no-pull "$pod" "$work/$4.ctr" "$work/$5.pod"
	id=$out
}
# start TEXT NAME POD: both create and start
start() {
	create "creates $1" 0 '^[0-9a-f]{64}$' "$2" "$3"
	c "starts $1" 0 "$id" start "$id"
}

pods_basic() {
	pod one "$alone, "'"sysctls": {"net.ipv4.ip_forward": "1"}'
	c 'refuses a class that it has not' 1 'failed to find runtime handler nosuch' runp \
		--runtime nosuch "$work/one.pod"
	run_pod 'runs a Pod of the class' one --runtime "$handler"
	c 'which is ready, has the class' 0 "cri-o.RuntimeHandler\": \"$handler\"(.|\n)*SANDBOX_READY" \
		inspectp "$pod"
	c 'and an address' 0 '"ip": "10.98' inspectp "$pod"
	mkdir "$work/volume" && echo inside >"$work/volume/file"
	mkdir "$work/volume/sub" && mount -t tmpfs tmpfs "$work/volume/sub"
	container one '"command": ["sh", "-c",
		"trap \"exit 3\" TERM; echo told; echo wrong >&2; while :; do sleep 0.1; done"],
	 "working_dir": "/data", "envs": [{"key": "NAME", "value": "value"}], "mounts": [
	 {"container_path": "/data", "host_path": "'"$work/volume"'", "readonly": true,
	  "recursive_read_only": true}], "devices": [
	 {"container_path": "/dev/fuse", "host_path": "/dev/fuse", "permissions": "rwm"}],
	 "linux": {"resources": {"cpu_period": 100000, "cpu_quota": 50000, "cpu_shares": 512,
	   "memory_limit_in_bytes": 67108864, "oom_score_adj": 500}, "security_context": {
	  "run_as_user": {"value": 1000}, "run_as_group": {"value": 1000},
	  "supplemental_groups": [2000], "readonly_rootfs": true, "no_new_privs": true,
	  "capabilities": {"drop_capabilities": ["ALL"]}, "seccomp": {"profile_type": 0},
	  "namespace_options": {"pid": 1}, "masked_paths": ["/proc/kcore"], "readonly_paths": ["/proc/sys"]}}'
	create 'creates a container' 0 '^[0-9a-f]{64}$' one one
	c 'says created' 0 'CONTAINER_CREATED' inspect "$id"
	c 'starts it' 0 "$id" start "$id"
	c 'says running' 0 'CONTAINER_RUNNING' inspect "$id"
	c 'has it in the list' 0 "\"id\": \"$id\"" ps -o json
	want 'and the runtime, too' 0 "$id" "$runtime_path" --root "$state" list -q
	seen 'has its words in the log' 5 'told' logs "$id"
	seen 'and those of stderr' 5 'wrong' logs "$id"
	in_it 'exec' 0 '^in$' echo in
	in_it 'exec gives the status' 1 'exited with 9' sh -c 'exit 9'
	in_it 'exec of a missing program' '[1-9]*' 'executable file not found in \$PATH' nosuch
	in_it 'exec of a file that is no program' '[1-9]*' 'permission denied' /etc/plain
	c 'exec is ended in time' '[1-9]*' 'command timed out' exec --sync --timeout 1 "$id" \
		sleep 30
	in_it 'has the user and groups' 0 'uid=1000\(user\) gid=1000\(user\) groups=.*2000' id
	in_it 'has the folder and the environment' 0 '^/data value$' sh -c 'echo $PWD $NAME'
	in_it 'has no capability' 0 'CapPrm:.0000000000000000' grep CapPrm /proc/self/status
	in_it 'has no_new_privs' 0 'NoNewPrivs:.1' grep NoNewPrivs /proc/self/status
	in_it 'has a seccomp filter' 0 'Seccomp:.2' grep Seccomp: /proc/self/status
	in_it 'has the host name of the Pod' 0 '^podhost$' hostname
	in_it 'has the network of the Pod' 0 'eth0' ip -o addr
	in_it 'has the sysctl of the Pod' 0 '^1$' cat /proc/sys/net/ipv4/ip_forward
	in_it 'has a read-only root' '[1-9]*' 'Read-only file system' touch /file
	in_it 'hides a path' '[1-9]*' '' sh -c 'test -s /proc/kcore'
	in_it 'has a volume' 0 '^inside$' cat /data/file
	in_it 'that is read-only' '[1-9]*' 'Read-only file system' touch /data/new
	in_it 'with all below it' '[1-9]*' 'Read-only file system' touch /data/sub/new
	in_it 'has the device' 0 '10, 229' ls -l /dev/fuse
	in_it 'has its OOM score' 0 '^500$' cat /proc/self/oom_score_adj
	in_it 'has its program as pid 1' 0 '^sh$' cat /proc/1/comm
	limits
}

limits() {
	local cg=/sys/fs/cgroup
	if [ "$CGROUP" = v1 ]; then
		in_it 'has its limits' 0 $'^67108864\n50000\n512$' cat $cg/memory/memory.limit_in_bytes \
			$cg/cpu/cpu.cfs_quota_us $cg/cpu/cpu.shares
		want 'in a cgroup of the Pod' 0 "/kubepods/crio-$id" find $cg/memory -name "crio-$id"
	else
		in_it 'has its limits' 0 $'^67108864\n50000 100000$' cat $cg/memory.max $cg/cpu.max
	fi
	c 'changes them' 0 "$id" update --memory 100663296 --cpu-share 300 "$id"
	[ "$CGROUP" = v1 ] || in_it 'as is seen inside' 0 '^100663296$' cat $cg/memory.max
	[ "$CGROUP" != v1 ] || in_it 'as is seen inside' 0 $'^100663296\n300$' \
		cat $cg/memory/memory.limit_in_bytes $cg/cpu/cpu.shares
	seen 'has statistics' 5 '"workingSetBytes": \{[^}]*"value": "[1-9]' stats -o json "$id"
	c 'has those of the Pod' 0 "\"id\": \"$pod\"" statsp -o json "$pod"
}

streams() {
	c 'exec over a stream' 0 '^out$' exec "$id" echo out
	c 'whose status comes through' 1 'exit code 9' exec "$id" sh -c 'exit 9'
	want 'with what is typed' 0 '^typed$' sh -c "echo typed | '$crictl' exec -i '$id' cat"
	at_terminal 'at a terminal' 0 '/dev/pts/|/dev/console' \
		"'$crictl' exec -it '$id' sh -c 'tty; sleep 1'"
	c 'stops it by SIGTERM' 0 "$id" stop --timeout 60 "$id"
	c 'keeps its status' 0 '"exitCode": 3' inspect "$id"
	in_it 'no exec in a stopped one' '[1-9]*' 'not running|is not created or running' true
	c 'removes it' 0 "$id" rm "$id"
	container cat '"command": ["cat"], "stdin": true, "linux": {'"$alone}"
	start 'one with stdin' cat one
	mkfifo "$work/words"
	"$crictl" attach -i "$id" <"$work/words" >"$work/attached" 2>&1 &
	exec 3>"$work/words" && echo typed >&3
	until_seen 'attach gives it words, and has what it says' 20 'typed' cat "$work/attached"
	exec 3>&- && wait $!
	container tty '"command": ["sh", "-c", "tty; sleep 100"], "tty": true, "stdin": true,
	 "linux": {'"$alone}"
	start 'one at a terminal' tty one
	seen 'which it has' 5 '/dev/pts/0|/dev/console' logs "$id"
}

# What runs outlives CRI-O, and is known to the next one.
restart() {
	container two '"command": ["sh", "-c", "trap \"exit 4\" TERM; while :; do sleep 0.1; done"],
	 "linux": {'"$alone}"
	start 'one that stays' two one
	kill "$engine" && wait "$engine"
	engine_start 'CRI-O starts again'
	c 'still runs' 0 'CONTAINER_RUNNING' inspect "$id"
	in_it 'exec in it' 0 '^in$' echo in
	kill "$engine" && wait "$engine"
	kill "$("$runtime_path" --root "$state" state "$id" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')"
	engine_start 'CRI-O starts a third time'
	seen 'has the status of what ended between' 5 '"exitCode": 4' inspect "$id"
}

security() {
	pod two '"security_context": {"namespace_options": {"pid": 1, "ipc": 2, "network": 2}}' ''
	run_pod 'runs a Pod on the host'"'"'s network, by the default runtime' two
	container caps '"command": ["sh", "-c", "trap : TERM; while :; do sleep 0.1; done"], "linux": {"security_context": {
	 "capabilities": {"add_capabilities": ["NET_ADMIN"]}, "namespace_options": {"pid": 2, "ipc": 2,
	 "network": 2}, "seccomp": {"profile_type": 1}}}'
	start 'one with a capability' caps two
	in_it 'has the capability' 0 'CapEff:.[0-9a-f]*[13579bdf][0-9a-f]{3}$' grep CapEff /proc/self/status
	in_it 'has no seccomp filter' 0 'Seccomp:.0' grep Seccomp: /proc/self/status
	in_it 'sees the pids of the host' 0 'crio' ps
	in_it 'and its network' 0 'cni0' ip -o addr
	c 'kills it' 0 "$id" stop --timeout 0 "$id"
	c 'keeps 137' 0 '"exitCode": 137' inspect "$id"
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"],
		"action": "SCMP_ACT_ERRNO", "errnoRet": 7}]}' >"$work/profile.json"
	container filter '"command": ["sleep", "100"], "linux": {"security_context": {
	 "namespace_options": {"pid": 1}, "seccomp": {"profile_type": 2,
	 "localhost_ref": "'"$work"'/profile.json"}}}'
	start 'one with a filter of its own' filter two
	in_it 'has that filter' '[1-9]*' 'Argument list too long' mkdir /tmp/new
	c 'is removed while it runs, too' 0 "$id" rm -f "$id"
	container no '"command": ["nosuch"], "linux": {'"$alone}"
	create 'a missing program is told at create' 1 'executable file not found in \$PATH' no two
	container oom '"command": ["sh", "-c", "x=1; while :; do x=$x$x; done"], "linux": {"resources":
	 {"memory_limit_in_bytes": 16777216}, '"$alone}"
	start 'one that takes too much memory' oom two
	seen 'which is killed for it' 10 '"exitCode": 137(.|\n)*OOMKilled' inspect "$id"
	# What runc needs to start a container is more.
	if [ "$runtime_name" = kist ]; then
		container small '"command": ["sleep", "100"], "linux": {"resources":
		 {"memory_limit_in_bytes": 524288}, '"$alone}"
		start 'one of half a MiB' small two
		in_it 'exec in that' 0 '^in$' echo in
		c 'removes that, too' 0 "$id" rm -f "$id"
	fi
	c 'stops that Pod' 0 'Stopped' stopp "$pod"
	c 'removes that Pod' 0 'Removed' rmp "$pod"
}

# Over the port of a Pod, in its network.
forward() {
	container web '"command": ["sh", "-c", "echo page >/tmp/index.html; httpd -f -p 80 -h /tmp"],
	 "linux": {'"$alone}"
	start 'one that listens' web one
	"$crictl" port-forward "$pod" 18080:80 >"$work/forward.log" 2>&1 &
	local forwarder=$!
	until_seen 'a port is handed over' 5 '^page' wget -q -O - http://127.0.0.1:18080/index.html
	kill "$forwarder"
	c 'is removed while it runs' 0 "$id" rm -f "$id"
}

# A Pod of a user namespace, which CRI-O makes and the runtime joins.
users() {
	local map='[{"host_id": 200000, "container_id": 0, "length": 65536}]'
	local options='"security_context": {"namespace_options": {"pid": 1, "userns_options":
		{"mode": 0, "uids": '$map', "gids": '$map'}}}'
	pod users "$options"
	run_pod 'runs a Pod of a user namespace' users --runtime "$handler"
	container users '"command": ["sleep", "100"], "linux": {'"$options"'}'
	start 'one in it' users users
	in_it 'is root there' 0 '^0$' id -u
	in_it 'but not here' 0 '0 +200000 +65536' cat /proc/self/uid_map
	in_it 'and owns its files' 0 '^0 0$' stat -c '%u %g' /etc/passwd
	in_it 'may write them' 0 '^$' touch /etc/new
	c 'removes that Pod, too' 0 "$pod" rmp -f "$pod"
}

# The Pod's own process gets a low OOM score, which a machine may forbid.
shared() {
	if ! sh -c 'echo -998 >/proc/self/oom_score_adj' 2>/dev/null; then
		report 0 'a Pod that shares its pids # SKIP this machine forbids a lower OOM score'
		return
	fi
	pod shared '"security_context": {"namespace_options": {"pid": 0}}'
	run_pod 'runs a Pod that shares its pids' shared --runtime "$handler"
	container shared '"command": ["sleep", "100"], "linux": {"security_context":
		{"namespace_options": {"pid": 0}}}'
	start 'one in it' shared shared
	in_it 'sees the program of the Pod' 0 'trap exit TERM' ps
	in_it 'and what it is itself' 0 $'sleep 100\n' ps
	c 'removes it' 0 "$pod" rmp -f "$pod"
}

engine_configure
archive_make docker.io/library/box:latest
image_load docker.io/library/box:latest
# The Pod's own program is the image's: one that stays, and ends when it is told.
sed -i 's/"Cmd":\["sh"\]/"Cmd":["sh","-c","trap exit TERM; while :; do sleep 0.2; done"]/' \
	"$work/archive/config.json"
sed -i 's/library.box/library\/pause/' "$work/archive/manifest.json"
tar -C "$work/archive" -cf "$work/image.tar" manifest.json config.json layer
image_load docker.io/library/pause:latest
engine_start 'CRI-O starts'
pods_basic
streams
forward
restart
first=$pod
security
users
shared
c 'stops the first Pod' 0 "$first" stopp "$first"
c 'which is not ready' 0 'SANDBOX_NOTREADY' inspectp "$first"
c 'removes it' 0 "$first" rmp "$first"
c 'no container is left' 0 '"containers": *\[\]' ps -a -o json
kill "$engine" && wait "$engine"
none_left "$state"
