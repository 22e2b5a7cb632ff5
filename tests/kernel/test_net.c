/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/utsname.h>

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
	CHECK(has_address("lo", "::1"));
	return 0;
}

STAGE_TEST(net, a_network_that_is_not_new_is_left_alone)
{
	s->plan.clone_flags = 0;
	CHECK(RUN(step_loopback) == 0);
	CHECK(!has_address("lo", "127.0.0.1"));
	return 0;
}

STAGE_TEST(sysctl, names_are_set)
{
	struct utsname name;

	s->plan.hostname = "kist-host";
	s->plan.domainname = "kist.example";
	CHECK(RUN(step_names) == 0);
	CHECK(uname(&name) == 0);
	CHECK(strcmp(name.nodename, "kist-host") == 0 && strcmp(name.domainname, "kist.example") == 0);
	return 0;
}

static int sysctl(struct stage *s, const char *name, const char *value)
{
	struct sysctl_plan one = { name, value };

	s->plan.sysctls.items = &one;
	s->plan.sysctls.count = 1;
	return RUN(step_sysctls);
}

STAGE_TEST(sysctl, both_ways_of_writing_a_name_reach_the_file)
{
	int proc_fd = procfs_open(&s->err);
	char text[64];

	CHECK(proc_fd >= 0);
	CHECK(sysctl(s, "net.ipv4.ip_default_ttl", "77") == 0);
	CHECK(procfs_read(proc_fd, "sys/net/ipv4/ip_default_ttl", text, sizeof(text), &s->err) == 0);
	CHECK(strcmp(text, "77\n") == 0);
	CHECK(sysctl(s, "kernel/shmmni", "1234") == 0);
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
