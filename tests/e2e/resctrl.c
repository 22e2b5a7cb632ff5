/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/e2e/resctrl.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "tests/e2e/harness.h"

enum { NODES = 256, TEXT = 1024, ANSWER = 65536 };

/* Number i is FUSE's node i; 1 is the root, 0 is none. */
static struct node {
	bool used, is_dir;
	uint64_t parent;
	char name[64], text[TEXT];
} nodes[NODES];
static uint64_t info_status;

/* --- the tree ------------------------------------------------------------------------- */

static uint64_t node_find(uint64_t parent, const char *name)
{
	for (uint64_t i = 1; i < NODES; i++)
		if (nodes[i].used && nodes[i].parent == parent && strcmp(nodes[i].name, name) == 0)
			return i;
	return 0;
}

static uint64_t node_add(uint64_t parent, const char *name, const char *text)
{
	for (uint64_t i = 1; i < NODES; i++) {
		if (nodes[i].used)
			continue;
		nodes[i] = (struct node){ .used = true, .is_dir = text == NULL, .parent = parent };
		snprintf(nodes[i].name, sizeof(nodes[i].name), "%s", name);
		snprintf(nodes[i].text, sizeof(nodes[i].text), "%s", text != NULL ? text : "");
		return i;
	}
	abort();
}

static void node_remove(uint64_t node)
{
	for (uint64_t i = 1; i < NODES; i++)
		if (nodes[i].used && nodes[i].parent == node)
			node_remove(i);
	nodes[node].used = false;
}

static void add_data(uint64_t group)
{
	uint64_t data = node_add(group, "mon_data", NULL);

	/* Listed in any order, as the kernel does. */
	for (int cache = 1; cache >= 0; cache--) {
		uint64_t node = node_add(data, cache == 0 ? "mon_L3_00" : "mon_L3_01", NULL);

		node_add(node, "llc_occupancy", cache == 0 ? "4096\n" : "8192\n");
		node_add(node, "mbm_total_bytes", "1000\n");
		node_add(node, "mbm_local_bytes", "500\n");
	}
}

static void add_group(uint64_t group)
{
	node_add(group, "tasks", "");
	node_add(group, "schemata", "    L3:0=ff;1=ff\n    MB:0=100;1=100\n");
	node_add(group, "mon_groups", NULL);
	add_data(group);
}

static void tree_make(void)
{
	uint64_t root = node_add(0, "", NULL), info, part;

	add_group(root);
	info = node_add(root, "info", NULL);
	info_status = node_add(info, "last_cmd_status", "ok\n");
	part = node_add(info, "L3", NULL);
	node_add(part, "cbm_mask", "ff\n");
	node_add(part, "min_cbm_bits", "1\n");
	node_add(part, "num_closids", "4\n");
	part = node_add(info, "MB", NULL);
	node_add(part, "bandwidth_gran", "10\n");
	node_add(part, "delay_linear", "1\n");
	node_add(part, "min_bandwidth", "10\n");
	node_add(part, "num_closids", "4\n");
	part = node_add(info, "L3_MON", NULL);
	node_add(part, "mon_features", "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n");
}

static int refuse(int number, const char *why)
{
	snprintf(nodes[info_status].text, TEXT, "%s\n", why);
	return -number;
}

static int group_make(uint64_t parent, const char *name, uint64_t *ret)
{
	unsigned int groups = 0;

	if (node_find(parent, name) != 0)
		return -EEXIST;
	if (strcmp(nodes[parent].name, "mon_groups") == 0) {
		*ret = node_add(parent, name, NULL);
		node_add(*ret, "tasks", "");
		add_data(*ret);
		return 0;
	}
	if (parent != 1)
		return -EPERM;
	for (uint64_t i = 1; i < NODES; i++)
		groups += nodes[i].used && nodes[i].parent == 1 && nodes[i].is_dir &&
			  node_find(i, "schemata") != 0;
	if (groups == RESCTRL_GROUPS)
		return refuse(ENOSPC, "Out of CLOSIDs");
	*ret = node_add(1, name, NULL);
	add_group(*ret);
	return 0;
}

/* The line of that resource takes the place of the one there is. */
static int schemata_set(struct node *node, char *line)
{
	char *l3 = strstr(node->text, "L3:"), *mb = strstr(node->text, "MB:"), text[TEXT];

	if (strncmp(line, "L3:", 3) != 0 && strncmp(line, "MB:", 3) != 0)
		return refuse(EINVAL, "Unknown or unsupported resource name");
	if (line[0] == 'L')
		snprintf(text, sizeof(text), "    %s\n    %s", line, mb);
	else
		snprintf(text, sizeof(text), "    %.*s\n    %s\n", (int)strcspn(l3, "\n"), l3,
			 line);
	memcpy(node->text, text, sizeof(text));
	return 0;
}

static int node_write(struct node *node, char *data)
{
	int status = 0;
	size_t size;

	snprintf(nodes[info_status].text, TEXT, "ok\n");
	if (strcmp(node->name, "tasks") == 0) {
		size = strlen(node->text);
		snprintf(node->text + size, TEXT - size, "%s\n", data);
		return 0;
	}
	if (strcmp(node->name, "schemata") != 0)
		return -EACCES;
	for (char *end; status == 0 && (end = strchr(data, '\n')) != NULL; data = end + 1) {
		*end = '\0';
		status = schemata_set(node, data);
	}
	return *data == '\0' ? status : -EINVAL;
}

/* --- FUSE ---------------------------------------------------------------------------------- */

struct answer {
	struct fuse_out_header head;
	char data[ANSWER];
};

static void attr_fill(struct fuse_attr *attr, uint64_t node)
{
	*attr = (struct fuse_attr){
		.ino = node,
		.mode = nodes[node].is_dir ? S_IFDIR | 0755 : S_IFREG | 0644,
		.nlink = 1,
		.blksize = 4096,
	};
}

static int answer_entry(struct answer *out, uint64_t node)
{
	struct fuse_entry_out entry = { .nodeid = node };

	if (node == 0)
		return -ENOENT;
	attr_fill(&entry.attr, node);
	memcpy(out->data, &entry, sizeof(entry));
	return sizeof(entry);
}

static int answer_read(struct answer *out, const struct node *node, const struct fuse_read_in *in)
{
	size_t length = strlen(node->text), from = in->offset < length ? in->offset : length;

	memcpy(out->data, node->text + from, length - from);
	return (int)(length - from);
}

static int answer_readdir(struct answer *out, uint64_t dir, const struct fuse_read_in *in)
{
	size_t size = 0;

	for (uint64_t i = in->offset + 1; i < NODES; i++) {
		struct fuse_dirent entry = {
			.ino = i,
			.off = i,
			.namelen = (uint32_t)strlen(nodes[i].name),
			.type = nodes[i].is_dir ? DT_DIR : DT_REG,
		};

		if (!nodes[i].used || nodes[i].parent != dir)
			continue;
		if (size + FUSE_DIRENT_SIZE(&entry) > in->size)
			break;
		memcpy(out->data + size, &entry, FUSE_NAME_OFFSET);
		memcpy(out->data + size + FUSE_NAME_OFFSET, nodes[i].name, entry.namelen);
		size += FUSE_DIRENT_SIZE(&entry);
	}
	return (int)size;
}

static int answer_init(struct answer *out, const struct fuse_init_in *in)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION, .minor = 31,
				      .max_readahead = in->max_readahead, .max_write = 4096 };

	memcpy(out->data, &init, sizeof(init));
	return sizeof(init);
}

/* The size of the answer, or a negative error. */
static int answer(struct answer *out, const struct fuse_in_header *head, char *data)
{
	struct fuse_attr_out attr = { 0 };
	struct fuse_open_out open_out = { .open_flags = FOPEN_DIRECT_IO };
	struct fuse_write_out write_out = { 0 };
	uint64_t made = 0;
	int status;

	switch (head->opcode) {
	case FUSE_INIT:
		return answer_init(out, (void *)data);
	case FUSE_LOOKUP:
		return answer_entry(out, node_find(head->nodeid, data));
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		attr_fill(&attr.attr, head->nodeid);
		memcpy(out->data, &attr, sizeof(attr));
		return sizeof(attr);
	case FUSE_MKDIR:
		status = group_make(head->nodeid, data + sizeof(struct fuse_mkdir_in), &made);
		return status < 0 ? status : answer_entry(out, made);
	case FUSE_RMDIR:
		made = node_find(head->nodeid, data);
		if (made == 0)
			return -ENOENT;
		node_remove(made);
		return 0;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		memcpy(out->data, &open_out, sizeof(open_out));
		return sizeof(open_out);
	case FUSE_READ:
		return answer_read(out, &nodes[head->nodeid], (void *)data);
	case FUSE_READDIR:
		return answer_readdir(out, head->nodeid, (void *)data);
	case FUSE_WRITE:
		write_out.size = ((struct fuse_write_in *)(void *)data)->size;
		data += sizeof(struct fuse_write_in);
		data[write_out.size] = '\0';
		status = node_write(&nodes[head->nodeid], data);
		memcpy(out->data, &write_out, sizeof(write_out));
		return status < 0 ? status : (int)sizeof(write_out);
	case FUSE_STATFS:
		return sizeof(struct fuse_statfs_out);
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		return 0;
	}
	return -ENOSYS;
}

/* Until it is unmounted. */
_noreturn static void serve(int fuse_fd)
{
	static union {
		struct fuse_in_header head;
		char bytes[ANSWER + 4096];
	} in;
	static struct answer out;

	tree_make();
	for (;;) {
		ssize_t size = read(fuse_fd, &in, sizeof(in) - 1);
		int status;

		if (size < (ssize_t)sizeof(in.head))
			_exit(0);
		if (in.head.opcode == FUSE_FORGET || in.head.opcode == FUSE_BATCH_FORGET ||
		    in.head.opcode == FUSE_INTERRUPT)
			continue;
		memset(&out, 0, sizeof(out));
		status = answer(&out, &in.head, in.bytes + sizeof(in.head));
		out.head.unique = in.head.unique;
		out.head.error = status < 0 ? status : 0;
		out.head.len = (uint32_t)(sizeof(out.head) + (status > 0 ? (size_t)status : 0));
		if (write(fuse_fd, &out, out.head.len) < 0 && errno != ENOENT)
			_exit(1);
	}
}

void resctrl_mount(struct resctrl *ret, const char *directory)
{
	int fuse_fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	const char *options = arena_printf(
		&e2e_arena, "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions",
		fuse_fd);

	if (fuse_fd < 0)
		e2e_skip("no /dev/fuse");
	ret->path = arena_printf(&e2e_arena, "%s/resctrl", directory);
	cr_assert_eq(mkdir(ret->path, 0755), 0);
	cr_assert_eq(syscall(SYS_mount, "resctrl", ret->path, "fuse", 0, options), 0, "%s",
		     strerror(errno));
	ret->server = fork();
	if (ret->server == 0)
		serve(fuse_fd);
	close(fuse_fd);
}

void resctrl_unmount(struct resctrl *resctrl)
{
	cr_expect_eq(sys_umount2(resctrl->path, MNT_DETACH), 0, "%s", strerror(errno));
	waitpid(resctrl->server, NULL, 0);
}

const char *resctrl_read(const struct resctrl *resctrl, const char *file)
{
	struct error err;
	char *text;

	return file_read(AT_FDCWD, arena_printf(&e2e_arena, "%s/%s", resctrl->path, file), 4096,
			 &e2e_arena, &text, NULL, &err) == 0 ? text : "";
}
