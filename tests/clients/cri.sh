#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cri.sh: containerd's CRI, as a kubelet calls it, runs Pods of the runtime class of docs/engines.md
# by RUNTIME.
# shellcheck source=tests/clients/lib.sh
. "$(dirname "$0")/lib.sh"
begin 200 "$0" containerd ctr containerd-shim-runc-v2 python3 /usr/lib/cni/bridge
python3 -c 'import grpc' 2>/dev/null || skip_all 'python3-grpcio is not installed'

root_make
archive_make docker.io/library/box:latest
image=docker.io/library/box:latest
socket=/run/containerd/containerd.sock
cat >/etc/cni/net.d/10-net.conflist <<'END'
{"cniVersion": "0.4.0", "name": "net", "plugins": [{"type": "bridge", "bridge": "cni0",
 "isGateway": true, "ipam": {"type": "host-local", "subnet": "10.99.0.0/24"}}]}
END
{
	snippet config.toml
	# This machine forbids what a kubelet may: a lower OOM score, and has no AppArmor.
	cat <<-END
	[plugins."io.containerd.grpc.v1.cri"]
	  sandbox_image = "docker.io/library/pause:latest"
	  restrict_oom_score_adj = true
	  disable_apparmor = true
	[plugins."io.containerd.grpc.v1.cri".cni]
	  bin_dir = "/usr/lib/cni"
	END
} >"$work/config.toml"
containerd -c "$work/config.toml" --root /var/lib/containerd --state /run/containerd \
	>"$work/containerd.log" 2>&1 &
engine=$!

# cri TEXT STATUS REGEX METHOD [JSON]: one call.
cri() { want "$1" "$2" "$3" python3 "$here/cri.py" "$socket" "${@:4}"; }
seen() { until_seen "$1" "$2" "$3" python3 "$here/cri.py" "$socket" "${@:4}"; }
# field NAME: of the last answer.
field() { sed -n "s/.*\"$1\": \"\?\([^\",}]*\).*/\1/p" <<<"$out"; }
# in_it TEXT STATUS REGEX WORD...: of the program run in the container $id.
in_it() {
	local words
	words=$(printf '"%s", ' "${@:4}")
	cri "$1" "$2" "$3" ExecSync "{\"container_id\": \"$id\", \"cmd\": [${words%, }], \"timeout\": 60}"
}

until_seen 'the engine answers' 10 'containerd' python3 "$here/cri.py" $socket Version
ctr -a $socket -n k8s.io image import "$work/image.tar" >/dev/null 2>&1
# A sandbox' program is the image's own, a shell, which ends: another image keeps it.
sed 's/"Cmd":\["sh"\]/"Cmd":["sleep","1000"]/' "$work/archive/config.json" >"$work/config.json"
mv "$work/config.json" "$work/archive/config.json"
sed -i 's/library.box/library\/pause/' "$work/archive/manifest.json"
tar -C "$work/archive" -cf "$work/pause.tar" manifest.json config.json layer
ctr -a $socket -n k8s.io image import "$work/pause.tar" >/dev/null 2>&1

mkdir "$work/volume" "$work/logs" && echo inside >"$work/volume/file"
pod='{"metadata": {"name": "pod", "uid": "u1", "namespace": "default"}, "hostname": "podhost",
	"log_directory": "'$work/logs'", "annotations": {"org.kist.init": "never"}, "linux": {
	"cgroup_parent": "/kubepods", "sysctls": {"net.ipv4.ip_forward": "1"}}}'
handler=$(snippet runtimeclass.yaml | sed -n 's/^handler: //p')
cri 'refuses a class that it has not' 1 'no runtime for "nosuch"' RunPodSandbox \
	"{\"config\": $pod, \"runtime_handler\": \"nosuch\"}"
cri 'runs a Pod of the class' 0 'pod_sandbox_id' RunPodSandbox \
	"{\"config\": $pod, \"runtime_handler\": \"$handler\"}"
sandbox=$(field pod_sandbox_id)
cri 'which is ready' 0 '"ip": "10.99.' PodSandboxStatus "{\"pod_sandbox_id\": \"$sandbox\"}"
want 'has the class' 0 "\"runtime_handler\": \"$handler\"" echo "$out"
want 'and is known to the runtime' 0 "$sandbox" "$runtime_path" --root /run/containerd/runc/k8s.io \
	list -q

# create TEXT STATUS REGEX CONTAINER: a container in the Pod, of what stands in CONTAINER's JSON.
create() {
	cri "$1" "$2" "$3" CreateContainer "{\"pod_sandbox_id\": \"$sandbox\", \"sandbox_config\": $pod,
		\"config\": {\"image\": {\"image\": \"$image\"}, $4}}"
	id=$(field container_id)
}
create 'creates a container' 0 'container_id' '"metadata": {"name": "one"}, "log_path": "one.log",
	"command": ["sh", "-c", "trap \"exit 3\" TERM; echo told; while :; do sleep 0.1; done"],
	"working_dir": "/data", "envs": [{"key": "NAME", "value": "value"}], "mounts": [
	{"container_path": "/data", "host_path": "'$work/volume'", "readonly": 1}], "devices": [
	{"container_path": "/dev/fuse", "host_path": "/dev/fuse", "permissions": "rwm"}],
	"linux": {"resources": {"cpu_period": 100000, "cpu_quota": 50000, "cpu_shares": 512,
		"memory_limit_in_bytes": 67108864}, "security_context": {
	"run_as_user": {"value": 1000}, "run_as_group": {"value": 1000}, "supplemental_groups": [2000],
	"readonly_rootfs": 1, "no_new_privs": 1, "capabilities": {"drop_capabilities": ["ALL"]},
	"masked_paths": ["/proc/kcore"], "readonly_paths": ["/proc/sys"]}}'
cri 'says created' 0 '"status": \{"id": "[0-9a-f]+"\}' ContainerStatus "{\"container_id\": \"$id\"}"
cri 'starts it' 0 '^\{\}$' StartContainer "{\"container_id\": \"$id\"}"
cri 'says running' 0 '"state": 1' ContainerStatus "{\"container_id\": \"$id\"}"
cri 'is in the list' 0 "\"id\": \"$id\"[^}]*\"state\": 1" ListContainers
until_seen 'has its words in the log' 5 'stdout F told' cat "$work/logs/one.log"
in_it 'exec' 0 '^in$' echo in
in_it 'exec gives the status' 9 '' sh -c 'exit 9'
in_it 'exec of a missing program' 1 'executable file not found in \$PATH' nosuch
in_it 'exec of a file that is no program' 1 'permission denied' /etc/plain
in_it 'has the user and groups' 0 'uid=1000\(user\) gid=1000\(user\) groups=.*2000' id
in_it 'has the folder and the environment' 0 '^/data value$' sh -c 'echo $PWD $NAME'
in_it 'has no capability' 0 'CapPrm:.0000000000000000' grep CapPrm /proc/self/status
in_it 'has no_new_privs' 0 'NoNewPrivs:.1' grep NoNewPrivs /proc/self/status
in_it 'has the host name of the Pod' 0 '^podhost$' hostname
in_it 'has the network of the Pod' 0 'eth0' ip -o addr
in_it 'has the sysctl of the Pod' 0 '^1$' cat /proc/sys/net/ipv4/ip_forward
in_it 'has a read-only root' 1 'Read-only file system' touch /file
in_it 'has a volume' 0 '^inside$' cat /data/file
in_it 'that is read-only' 1 'Read-only file system' touch /data/new
in_it 'has the device' 0 '10, 229' ls -l /dev/fuse
if [ "$CGROUP" = v1 ]; then
	cgroup=/sys/fs/cgroup
	in_it 'has its limits' 0 $'^67108864\n50000\n512$' cat $cgroup/memory/memory.limit_in_bytes \
		$cgroup/cpu/cpu.cfs_quota_us $cgroup/cpu/cpu.shares
	want 'in a cgroup of the Pod' 0 "/kubepods/$id" find $cgroup/memory -name "$id"
	cri 'changes them' 0 '^\{\}$' UpdateContainerResources "{\"container_id\": \"$id\", \"linux\":
		{\"memory_limit_in_bytes\": 100663296, \"cpu_shares\": 300}}"
	in_it 'as is seen inside' 0 $'^100663296\n300$' cat $cgroup/memory/memory.limit_in_bytes \
		$cgroup/cpu/cpu.shares
	cri 'has statistics' 0 '"working_set_bytes": \{"value": [1-9].*' ContainerStats \
		"{\"container_id\": \"$id\"}"
fi
cri 'stops it by SIGTERM' 0 '^\{\}$' StopContainer "{\"container_id\": \"$id\", \"timeout\": 60}"
cri 'keeps its status' 0 '"state": 2, "exit_code": 3' ContainerStatus "{\"container_id\": \"$id\"}"
in_it 'no exec in a stopped one' 1 'is in CONTAINER_EXITED state' true
cri 'removes it' 0 '^\{\}$' RemoveContainer "{\"container_id\": \"$id\"}"

create 'creates one with a capability' 0 '' '"metadata": {"name": "two"},
	"command": ["sleep", "100"],
	"linux": {"security_context": {"namespace_options": {"pid": 0, "ipc": 2},
	"capabilities": {"add_capabilities": ["NET_ADMIN"]}, "seccomp": {"profile_type": 0}}}'
cri 'starts that' 0 '' StartContainer "{\"container_id\": \"$id\"}"
in_it 'has the capability' 0 'CapEff:.00000000a80435fb' grep CapEff /proc/self/status
in_it 'has a seccomp filter' 0 'Seccomp:.2' grep Seccomp: /proc/self/status
in_it 'shares the pids of the Pod' 0 'sleep 1000' ps
cri 'kills it' 0 '' StopContainer "{\"container_id\": \"$id\", \"timeout\": 0}"
cri 'keeps 137' 0 '"exit_code": 137' ContainerStatus "{\"container_id\": \"$id\"}"

create 'creates one of a missing program' 0 '' '"metadata": {"name": "three"},
	"command": ["nosuch"]'
cri 'whose start fails' 1 'executable file not found in \$PATH' StartContainer \
	"{\"container_id\": \"$id\"}"
cri 'which is told' 0 '"exit_code": 128, "reason": "StartError"' ContainerStatus \
	"{\"container_id\": \"$id\"}"
create 'creates one that takes too much memory' 0 '' '"metadata": {"name": "four"}, "command":
	["sh", "-c", "x=1; while :; do x=$x$x; done"], "linux": {"resources":
	{"memory_limit_in_bytes": 16777216}}'
cri 'starts that one' 0 '' StartContainer "{\"container_id\": \"$id\"}"
seen 'which is killed for it' 10 '"exit_code": 137, "reason": "OOMKilled"' ContainerStatus \
	"{\"container_id\": \"$id\"}"

cri 'stops the Pod' 0 '^\{\}$' StopPodSandbox "{\"pod_sandbox_id\": \"$sandbox\"}"
cri 'says not ready' 0 '"state": 1' PodSandboxStatus "{\"pod_sandbox_id\": \"$sandbox\"}"
cri 'removes the Pod' 0 '^\{\}$' RemovePodSandbox "{\"pod_sandbox_id\": \"$sandbox\"}"
cri 'no container is left' 0 '^\{\}$' ListContainers
none_left /run/containerd/runc/k8s.io
want 'no cgroup is left' 0 '^$' find /sys/fs/cgroup -mindepth 2 -type d -path '*/kubepods/*'
kill "$engine"
wait "$engine"
finish
