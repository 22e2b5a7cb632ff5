/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include "init/net_device.h"
#include "init/net_link.h"
#include "init/procfs.h"
#include "tests/kernel/child.h"
#include "tests/kernel/stage.h"

#define RUN(step)	step(&s->plan, &s->in, &s->err)

static bool has_address(const char *name, const char *address)
{
	struct ifaddrs *all = NULL;
	char text[INET6_ADDRSTRLEN];
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
		int family = one->ifa_addr != NULL ? one->ifa_addr->sa_family : 0;
		const void *bytes = family == AF_INET ?
			(const void *)&((struct sockaddr_in *)(void *)one->ifa_addr)->sin_addr :
			(const void *)&((struct sockaddr_in6 *)(void *)one->ifa_addr)->sin6_addr;

		if ((family == AF_INET || family == AF_INET6) && strcmp(one->ifa_name, name) == 0 &&
		    (one->ifa_flags & IFF_UP) &&
		    strcmp(inet_ntop(family, bytes, text, sizeof(text)), address) == 0)
			found = true;
	}
	freeifaddrs(all);
	return found;
}

STAGE_TEST(net, loopback_is_up_with_both_addresses)
{
	CHECK(!has_address("lo", "127.0.0.1"));
	CHECK(RUN(step_loopback) == 0);
	CHECK(has_address("lo", "127.0.0.1"));
	/* IPv6 may be a module that is not loaded. */
	CHECK(has_address("lo", "::1") == (access("/proc/net/if_inet6", F_OK) == 0));
	return 0;
}

STAGE_TEST(net, a_network_that_is_not_new_is_left_alone)
{
	s->plan.clone_flags = 0;
	CHECK(RUN(step_loopback) == 0);
	CHECK(!has_address("lo", "127.0.0.1"));
	return 0;
}

/* RTM_NEWADDR or RTM_DELADDR. */
static int address_change(struct mnl_socket *socket, uint16_t type, const char *name,
			  uint32_t bytes, struct error *err)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifaddrmsg *address = mnl_nlmsg_put_extra_header(message, sizeof(*address));

	message->nlmsg_type = type;
	message->nlmsg_flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0;
	address->ifa_family = AF_INET;
	address->ifa_prefixlen = 24;
	address->ifa_index = if_nametoindex(name);
	mnl_attr_put_u32(message, IFA_LOCAL, bytes);
	mnl_attr_put_u32(message, IFA_ADDRESS, bytes);
	return link_request(socket, message, "change an address", err);
}

/* One end of a pair, with 10.9.8.7/24. */
static int veth_make(struct stage *s, const char *name)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(message, sizeof(*link));
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct nlattr *nest;

	message->nlmsg_type = RTM_NEWLINK;
	message->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	nest = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
	mnl_attr_nest_end(message, nest);
	if (link_request(socket, message, "make a pair", &s->err) < 0)
		return -1;
	return address_change(socket, RTM_NEWADDR, name, inet_addr("10.9.8.7"), &s->err);
}

static int devices_move(struct stage *s)
{
	struct net_device_plan devices[] = { { "kist-a", NULL }, { "kist-b", "eth%d" } };
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int here = open("/proc/self/ns/net", O_RDONLY), there;

	CHECK(unshare(CLONE_NEWNET) == 0);
	there = open("/proc/self/ns/net", O_RDONLY);
	CHECK(here >= 0 && there >= 0 && setns(here, CLONE_NEWNET) == 0);
	s->plan.net_devices.items = devices;
	s->plan.net_devices.count = ARRAY_SIZE(devices);
	FAILS_WITH(net_devices_move(&s->plan, there, &s->err),
		   "network device kist-a: find it on the host: no such device");
	if (veth_make(s, "kist-a") < 0)
		return 77;
	CHECK(veth_make(s, "kist-b") == 0);
	for (uint32_t i = 0; i < 100; i++)
		CHECK(address_change(socket, RTM_NEWADDR, "kist-b", htonl(0x0a010101 + (i << 8)),
				     &s->err) == 0);
	CHECK(net_devices_move(&s->plan, there, &s->err) == 0);
	CHECK(if_nametoindex("kist-a") == 0 && if_nametoindex("kist-b") == 0);
	CHECK(setns(there, CLONE_NEWNET) == 0);
	CHECK(has_address("kist-a", "10.9.8.7") && has_address("eth0", "10.9.8.7"));
	CHECK(has_address("eth0", "10.1.1.1") && has_address("eth0", "10.1.100.1"));
	return 0;
}

/* What was to be done, to which device, and what helps. */
static int devices_stay(struct stage *s)
{
	struct net_device_plan lo = { "lo", "lo9" }, taken = { "kist-a", "lo" };
	int here = open("/proc/self/ns/net", O_RDONLY), there;

	CHECK(unshare(CLONE_NEWNET) == 0);
	there = open("/proc/self/ns/net", O_RDONLY);
	CHECK(here >= 0 && there >= 0 && setns(here, CLONE_NEWNET) == 0);
	s->plan.net_devices.items = &lo;
	s->plan.net_devices.count = 1;
	FAILS_WITH(net_devices_move(&s->plan, there, &s->err),
		   "network device lo: move it into the container: invalid argument: "
		   "lo, bridges and the like stay in their network namespace");
	if (veth_make(s, "kist-a") < 0)
		return 77;
	s->plan.net_devices.items = &taken;
	FAILS_WITH(net_devices_move(&s->plan, there, &s->err),
		   "network device kist-a: move it into the container: file exists: "
		   "\"lo\" is there already: set another \"name\"");
	CHECK(link_up(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), if_nametoindex("kist-a"),
		      "bring it up", &s->err) == 0);
	CHECK(has_address("kist-a", "10.9.8.7"));
	taken.name = "kist-b";
	FAILS_WITH(net_devices_move(&s->plan, here, &s->err),
		   "network devices: the container is "
		   "in the network namespace that they are in");
	CHECK(has_address("kist-a", "10.9.8.7") && if_nametoindex("kist-b") == 0);
	return 0;
}

/*
 * The kernel refuses a name only when the device is there: all that have moved by then come back.
 * Nothing can be known of "%d" before.
 */
static int devices_come_back(struct stage *s)
{
	struct net_device_plan devices[] = {
		{ "kist-a", "kist-c" },
		{ "kist-b", "e%d" },
		{ "kist-d", "e0" },
	};
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int here = open("/proc/self/ns/net", O_RDONLY), there;

	CHECK(unshare(CLONE_NEWNET) == 0);
	there = open("/proc/self/ns/net", O_RDONLY);
	CHECK(here >= 0 && there >= 0 && setns(here, CLONE_NEWNET) == 0);
	if (veth_make(s, "kist-a") < 0)
		return 77;
	CHECK(veth_make(s, "kist-b") == 0 && veth_make(s, "kist-d") == 0);
	CHECK(link_up(socket, if_nametoindex("kist-a"), "bring it up", &s->err) == 0);
	CHECK(link_up(socket, if_nametoindex("kist-d"), "bring it up", &s->err) == 0);
	s->plan.net_devices.items = devices;
	s->plan.net_devices.count = ARRAY_SIZE(devices);
	FAILS_WITH(net_devices_move(&s->plan, there, &s->err),
		   "network device kist-d: move it into the container: file exists: "
		   "\"e0\" is there already: set another \"name\"");
	CHECK(strstr(s->err.text, "not as it was") == NULL);
	CHECK(has_address("kist-a", "10.9.8.7") && has_address("kist-d", "10.9.8.7"));
	/* It was down. */
	CHECK(if_nametoindex("kist-b") != 0 && !has_address("kist-b", "10.9.8.7"));
	CHECK(link_up(socket, if_nametoindex("kist-b"), "bring it up", &s->err) == 0);
	CHECK(has_address("kist-b", "10.9.8.7"));
	/* One that is not there is found out before the first moves. */
	devices[2].host_name = "kist-none";
	FAILS_WITH(net_devices_move(&s->plan, there, &s->err),
		   "network device kist-none: find it on the host: no such device");
	CHECK(has_address("kist-a", "10.9.8.7"));
	CHECK(setns(there, CLONE_NEWNET) == 0);
	CHECK(if_nametoindex("kist-c") == 0 && if_nametoindex("e0") == 0);
	return 0;
}

static _noreturn void addresses_come_and_go(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct error ignored;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (uint16_t type = RTM_NEWADDR;; type = type == RTM_NEWADDR ? RTM_DELADDR : RTM_NEWADDR)
		address_change(socket, type, "lo", inet_addr("10.7.7.7"), &ignored);
}

/* So many addresses that the kernel tells them in several pieces. */
static int devices_move_from_busy_host(struct stage *s)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int here = open("/proc/self/ns/net", O_RDONLY), there;
	char name[16];
	struct net_device_plan device = { name, NULL };

	CHECK(unshare(CLONE_NEWNET) == 0);
	there = open("/proc/self/ns/net", O_RDONLY);
	CHECK(here >= 0 && there >= 0 && setns(here, CLONE_NEWNET) == 0);
	for (uint32_t i = 0; i < 2000; i++)
		CHECK(address_change(socket, RTM_NEWADDR, "lo", htonl(0x0a000001 + (i << 8)),
				     &s->err) == 0);
	if (fork() == 0)
		addresses_come_and_go();
	s->plan.net_devices.items = &device;
	s->plan.net_devices.count = 1;
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "kist-%d", i);
		if (veth_make(s, name) < 0)
			return 77;
		CHECK(net_devices_move(&s->plan, there, &s->err) == 0);
	}
	CHECK(setns(there, CLONE_NEWNET) == 0);
	CHECK(has_address("kist-49", "10.9.8.7"));
	return 0;
}

Test(net, devices_move_while_addresses_of_the_host_come_and_go)
{
	int status;

	child_need_root();
	status = stage_status(devices_move_from_busy_host);
	if (status == 77)
		cr_skip_test("this kernel has no veth network devices");
	cr_expect_eq(status, 0);
}

Test(net, devices_that_stay_say_why)
{
	int status;

	child_need_root();
	status = stage_status(devices_stay);
	if (status == 77)
		cr_skip_test("this kernel has no veth network devices");
	cr_expect_eq(status, 0);
}

Test(net, devices_come_back_as_they_were_where_one_cannot_go)
{
	int status;

	child_need_root();
	status = stage_status(devices_come_back);
	if (status == 77)
		cr_skip_test("this kernel has no veth network devices");
	cr_expect_eq(status, 0);
}

Test(net, devices_move_with_their_addresses_under_their_new_names)
{
	int status;

	child_need_root();
	status = stage_status(devices_move);
	if (status == 77)
		cr_skip_test("this kernel has no veth network devices");
	cr_expect_eq(status, 0);
}

STAGE_TEST(sysctl, names_are_set)
{
	struct utsname name;

	s->plan.hostname = "kist-host";
	s->plan.domainname = "kist.example";
	CHECK(RUN(step_names) == 0);
	CHECK(uname(&name) == 0);
	CHECK(strcmp(name.nodename, "kist-host") == 0);
	CHECK(strcmp(name.domainname, "kist.example") == 0);
	return 0;
}

static int sysctl(struct stage *s, const char *name, const char *value)
{
	struct sysctl_plan one = { name, value };

	s->plan.sysctls.items = &one;
	s->plan.sysctls.count = 1;
	return RUN(step_sysctls);
}

STAGE_TEST(sysctl, a_name_with_dots_reaches_its_file)
{
	int proc_fd = procfs_open(&s->err);
	char text[64];

	CHECK(proc_fd >= 0);
	CHECK(sysctl(s, "net.ipv4.ip_default_ttl", "77") == 0);
	CHECK(procfs_read(proc_fd, "sys/net/ipv4/ip_default_ttl", text, sizeof(text),
			  &s->err) == 0);
	CHECK(strcmp(text, "77\n") == 0);
	CHECK(sysctl(s, "kernel.shmmni", "1234") == 0);
	CHECK(procfs_read(proc_fd, "sys/kernel/shmmni", text, sizeof(text), &s->err) == 0);
	CHECK(strcmp(text, "1234\n") == 0);
	return 0;
}

STAGE_TEST(sysctl, one_that_is_not_there_is_named)
{
	FAILS_WITH(sysctl(s, "net.ipv4.no_such_thing", "1"), "net.ipv4.no_such_thing: open ");
	FAILS_WITH(sysctl(s, "net.../../../etc.passwd", "1"), "net.../../../etc.passwd");
	return 0;
}
