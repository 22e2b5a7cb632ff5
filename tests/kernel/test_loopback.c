/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/sys.h"
#include "runtime/clone.h"
#include "runtime/loopback.h"
#include "tests/kernel/child.h"

/* A process in a network of its own, which nobody may trace, and a pipe that ends it. */
struct newcomer {
	struct clone_result child;
	int ends[2];
};

/* 0 when lo is up once it is told to look. */
static int look(void *context)
{
	struct ifreq request = { .ifr_name = "lo" };
	int *ends = context, fd;
	char byte;

	close(ends[1]);
	if (read(ends[0], &byte, 1) != 0)
		return 2;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return 3;
	return (request.ifr_flags & IFF_UP) ? 0 : 1;
}

static int newcomer_make(struct newcomer *ret, struct error *err)
{
	struct clone_request request = CLONE_REQUEST_INIT;

	request.flags = CLONE_NEWNET;
	/* As spawn does it; it is inherited. */
	if (pipe(ret->ends) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -1;
	return clone_process(&request, look, ret->ends, &ret->child, err);
}

static int newcomer_end(struct newcomer *newcomer)
{
	close(newcomer->ends[1]);
	return child_wait(newcomer->child.pid);
}

#define CHECK(what) CHECK_WITH(err, what)

static int socket_make(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

/* What is said of it; -2 where we are not back. */
static int visit(const struct newcomer *newcomer, int socket_fd, struct error *err)
{
	unsigned long own = child_namespace(0, "net");
	bool astray = false;
	int up = loopback_up_beside(newcomer->child.pidfd, socket_fd, &astray, err);

	return astray || child_namespace(0, "net") != own ? -2 : up;
}

static int brings_it_up_and_comes_back(void *context)
{
	struct error err = { 0 };
	struct newcomer newcomer;

	(void)context;
	CHECK(newcomer_make(&newcomer, &err) == 0);
	CHECK(visit(&newcomer, socket_make(), &err) == 1);
	CHECK(newcomer_end(&newcomer) == 0);
	return 0;
}

/* Who may not trace may not enter by a pidfd either. */
static int drop_ptrace(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(__NR_capget, &header, data) < 0)
		return -1;
	data[0].effective &= ~(1U << CAP_SYS_PTRACE);
	data[0].permitted &= ~(1U << CAP_SYS_PTRACE);
	return (int)syscall(__NR_capset, &header, data);
}

static int leaves_it_where_it_may_not_enter(void *context)
{
	struct error err = { 0 };
	struct newcomer newcomer;

	(void)context;
	CHECK(newcomer_make(&newcomer, &err) == 0);
	CHECK(drop_ptrace() == 0);
	CHECK(visit(&newcomer, socket_make(), &err) == 0);
	CHECK(newcomer_end(&newcomer) == 1);
	return 0;
}

static int leaves_it_where_it_could_not_come_back(void *context)
{
	struct error err = { 0 };
	struct newcomer newcomer;

	(void)context;
	CHECK(newcomer_make(&newcomer, &err) == 0);
	CHECK(visit(&newcomer, -EBADF, &err) == 0);
	CHECK(newcomer_end(&newcomer) == 1);
	return 0;
}

static int leaves_the_dead(void *context)
{
	struct error err = { 0 };
	struct newcomer newcomer;

	(void)context;
	CHECK(newcomer_make(&newcomer, &err) == 0);
	CHECK(newcomer_end(&newcomer) == 1);
	CHECK(visit(&newcomer, socket_make(), &err) == 0);
	return 0;
}

Test(loopback, is_brought_up_from_outside)
{
	child_expect(brings_it_up_and_comes_back);
}
Test(loopback, is_left_where_we_may_not_enter)
{
	child_expect(leaves_it_where_it_may_not_enter);
}
Test(loopback, is_left_where_there_is_no_way_back)
{
	child_expect(leaves_it_where_it_could_not_come_back);
}
Test(loopback, is_left_where_nobody_lives)
{
	child_expect(leaves_the_dead);
}
