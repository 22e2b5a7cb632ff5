# SPDX-License-Identifier: Apache-2.0
"""cri.py SOCKET METHOD [JSON]: one call of Kubernetes' Container Runtime Interface.

What crictl does, which Debian has no package of.  JSON has the request, with the names of
CRI's runtime/v1/api.proto; the answer is printed as JSON.  ExecSync prints what the program
wrote and ends with its status.  An error is printed, with status 1.
"""
import json
import sys

import grpc

# Of each message the fields that are used: NAME:NUMBER, and its type where that is no string:
# int (bool and enum, too), map (of strings), or a message; * for a list.
SCHEMA = '''
VersionRequest
VersionResponse runtime_name:2 runtime_version:3 runtime_api_version:4
RunPodSandboxRequest config:1:PodSandboxConfig runtime_handler:2
RunPodSandboxResponse pod_sandbox_id:1
PodSandboxConfig metadata:1:PodSandboxMetadata hostname:2 log_directory:3 labels:6:map
 annotations:7:map linux:8:LinuxPodSandboxConfig
PodSandboxMetadata name:1 uid:2 namespace:3 attempt:4:int
LinuxPodSandboxConfig cgroup_parent:1 security_context:2:LinuxSandboxSecurityContext sysctls:3:map
LinuxSandboxSecurityContext namespace_options:1:NamespaceOption
NamespaceOption network:1:int pid:2:int ipc:3:int target_id:4
PodSandboxStatusRequest pod_sandbox_id:1
PodSandboxStatusResponse status:1:PodSandboxStatus
PodSandboxStatus id:1 state:3:int network:5:PodSandboxNetworkStatus runtime_handler:9
PodSandboxNetworkStatus ip:1
StopPodSandboxRequest pod_sandbox_id:1
StopPodSandboxResponse
RemovePodSandboxRequest pod_sandbox_id:1
RemovePodSandboxResponse
CreateContainerRequest pod_sandbox_id:1 config:2:ContainerConfig sandbox_config:3:PodSandboxConfig
CreateContainerResponse container_id:1
ContainerConfig metadata:1:ContainerMetadata image:2:ImageSpec command:3:* args:4:* working_dir:5
 envs:6:KeyValue* mounts:7:Mount* devices:8:Device* annotations:10:map log_path:11 tty:14:int
 linux:15:LinuxContainerConfig
ContainerMetadata name:1 attempt:2:int
ImageSpec image:1
KeyValue key:1 value:2
Mount container_path:1 host_path:2 readonly:3:int propagation:5:int
Device container_path:1 host_path:2 permissions:3
LinuxContainerConfig resources:1:LinuxContainerResources
 security_context:2:LinuxContainerSecurityContext
LinuxContainerResources cpu_period:1:int cpu_quota:2:int cpu_shares:3:int
 memory_limit_in_bytes:4:int
LinuxContainerSecurityContext capabilities:1:Capability privileged:2:int
 namespace_options:3:NamespaceOption run_as_user:5:Int64Value run_as_username:6
 readonly_rootfs:7:int supplemental_groups:8:int* no_new_privs:11:int run_as_group:12:Int64Value
 masked_paths:13:* readonly_paths:14:* seccomp:15:SecurityProfile
Capability add_capabilities:1:* drop_capabilities:2:*
Int64Value value:1:int
SecurityProfile profile_type:1:int
StartContainerRequest container_id:1
StartContainerResponse
StopContainerRequest container_id:1 timeout:2:int
StopContainerResponse
RemoveContainerRequest container_id:1
RemoveContainerResponse
ListContainersRequest
ListContainersResponse containers:1:Container*
Container id:1 pod_sandbox_id:2 state:6:int
ContainerStatusRequest container_id:1
ContainerStatusResponse status:1:ContainerStatus
ContainerStatus id:1 state:3:int exit_code:7:int reason:10 message:11
UpdateContainerResourcesRequest container_id:1 linux:2:LinuxContainerResources
UpdateContainerResourcesResponse
ContainerStatsRequest container_id:1
ContainerStatsResponse stats:1:ContainerStats
ContainerStats cpu:2:CpuUsage memory:3:MemoryUsage
CpuUsage usage_core_nano_seconds:2:Int64Value
MemoryUsage working_set_bytes:2:Int64Value
ExecSyncRequest container_id:1 cmd:2:* timeout:3:int
ExecSyncResponse stdout:1 stderr:2 exit_code:3:int
ReopenContainerLogRequest container_id:1
ReopenContainerLogResponse
'''


def read_schema():
    """{message: {field: (number, type, is a list)}}"""
    messages = {}
    for line in SCHEMA.replace('\n ', ' ').split('\n'):
        if line:
            name, *fields = line.split()
            messages[name] = {}
            for field in fields:
                key, number, kind = (field + '::').split(':')[:3]
                messages[name][key] = (int(number), kind.rstrip('*'), kind.endswith('*'))
    return messages


MESSAGES = read_schema()
MESSAGES['map'] = {'key': (1, '', False), 'value': (2, '', False)}


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(message, content):
    out = b''
    for key, value in content.items():
        number, kind, is_list = MESSAGES[message][key]
        if kind == 'map':
            value = [{'key': k, 'value': v} for k, v in value.items()]
        for item in value if is_list or kind == 'map' else [value]:
            if kind == 'int':
                out += varint(number << 3) + varint(int(item))
                continue
            data = encode(kind, item) if kind else item.encode()
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def decode(message, data):
    """Fields that the schema does not have are passed over."""
    fields = {number: (key, kind, many) for key, (number, kind, many) in MESSAGES[message].items()}
    content, at = {}, 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            at += 8 if tag & 7 == 1 else 4
            continue
        if tag >> 3 not in fields:
            continue
        key, kind, is_list = fields[tag >> 3]
        if kind not in ('', 'int', 'map'):
            value = decode(kind, value)
        elif isinstance(value, bytes):
            value = value.decode(errors='replace')
        if is_list:
            content.setdefault(key, []).append(value)
        else:
            content[key] = value
    return content


def main():
    socket, method = sys.argv[1:3]
    request = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    with grpc.insecure_channel('unix:' + socket) as channel:
        call = channel.unary_unary('/runtime.v1.RuntimeService/' + method,
                                   lambda content: encode(method + 'Request', content),
                                   lambda data: decode(method + 'Response', data))
        try:
            answer = call(request, timeout=120)
        except grpc.RpcError as error:
            print('%s: %s' % (error.code().name, error.details()))
            return 1
    if method == 'ExecSync':
        print(answer.get('stdout', '') + answer.get('stderr', ''), end='')
        return answer.get('exit_code', 0)
    print(json.dumps(answer))
    return 0


sys.exit(main())
