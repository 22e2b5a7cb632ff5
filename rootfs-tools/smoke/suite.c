/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/smoke/suite.h"

#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/list.h"
#include "rootfs-tools/smoke/suite_value.h"
#include "rootfs-tools/smoke/yaml.h"

/* The tables of the schema.  What is unknown to them is an error: a typing error, most likely. */

static int want_permissions(struct decoder *d, const struct json *v, void *out)
{
	const char *text;

	if (decode_word(d, v, &text) < 0)
		return -1;
	/* As Go's FileMode prints it: any of "dalTLDpSugct?", then nine of "rwx-". */
	if (strlen(text) < 10 || strspn(text + strlen(text) - 9, "rwx-") != 9 ||
	    strspn(text, "dalTLDpSugct?-") < strlen(text) - 9)
		return bad_value(d, v, "must be permissions as -rw-r--r-- or drwxr-xr-x, not "
				 "\"%s\"", text);
	*(const char **)out = text;
	return 0;
}

static int want_executable_by(struct decoder *d, const struct json *v, void *out)
{
	static const struct name who[] = {
		{ "owner", 0 }, { "group", 1 }, { "other", 2 }, { "any", 3 }, { NULL, 0 },
	};
	uint64_t ignored;

	if (decode_name(d, v, who, "owner, group, other or any", &ignored) < 0)
		return -1;
	*(const char **)out = v->text;
	return 0;
}

/* The rows of every container; the list of arguments differs. */
#define CONTAINER_ROWS(s, at) \
	FIELD("name", decode_name_word, s, at name, FIELD_REQUIRED), \
	FIELD_LIST("args", decode_word, s, at args), \
	FIELD_LIST("envVars", decode_pair, s, at env), \
	FIELD_LIST("expectedOutput", decode_pattern, s, at expected_out), \
	FIELD_LIST("excludedOutput", decode_pattern, s, at excluded_out), \
	FIELD_LIST("expectedError", decode_pattern, s, at expected_err), \
	FIELD_LIST("excludedError", decode_pattern, s, at excluded_err), \
	FIELD("exitCode", decode_status, s, at exit_code), \
	FIELD("exitSignal", decode_signal, s, at exit_signal), \
	FIELD("user", decode_name_word, s, at user), \
	FIELD("workdir", decode_name_word, s, at workdir), \
	FIELD("readOnly", decode_flag, s, at read_only), \
	FIELD("timeout", decode_duration, s, at timeout), \
	FIELD("maxTime", decode_duration, s, at max_time), \
	FIELD("maxMemory", decode_bytes, s, at max_memory), \
	FIELD("memoryLimit", decode_bytes, s, at memory_limit), \
	FIELD("pidsLimit", decode_count, s, at pids_limit)

#define SERVICE_ROWS(s, at) \
	FIELD("command", decode_name_word, s, at command), \
	FIELD_LIST("waitForPorts", decode_port, s, at wait_ports), \
	FIELD_LIST("waitForLog", decode_pattern, s, at wait_log), \
	FIELD("maxStartTime", decode_duration, s, at max_start), \
	FIELD("stopSignal", decode_signal, s, at stop_signal), \
	FIELD("stopTimeout", decode_duration, s, at grace)

static int check_container(struct decoder *d, const struct json *v,
			   const struct suite_container *container)
{
	if (container->exit_code.set && container->exit_signal != 0)
		return bad_member(d, v, "exitSignal", "excludes exitCode: it ends in one way");
	return 0;
}

static int want_command(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		CONTAINER_ROWS(struct suite_command, container.),
		FIELD("command", decode_name_word, struct suite_command, container.command,
		      FIELD_REQUIRED),
		FIELD_LIST("setup", decode_command, struct suite_command, setup),
		FIELD_LIST("teardown", decode_command, struct suite_command, teardown),
		{ 0 },
	};
	struct suite_command *command = out;

	if (decode_object(d, v, fields, out) < 0)
		return -1;
	return check_container(d, v, &command->container);
}

static int want_sidecar(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		CONTAINER_ROWS(struct suite_container, ),
		SERVICE_ROWS(struct suite_container, ),
		{ 0 },
	};

	if (decode_object(d, v, fields, out) < 0)
		return -1;
	return check_container(d, v, out);
}

static int want_http(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("port", decode_port_number, struct suite_http, port, FIELD_REQUIRED),
		FIELD("path", decode_name_word, struct suite_http, path),
		FIELD("method", decode_name_word, struct suite_http, method),
		FIELD("host", decode_name_word, struct suite_http, host),
		FIELD_LIST("headers", decode_pair, struct suite_http, headers),
		FIELD("body", decode_word, struct suite_http, body),
		FIELD("status", decode_count, struct suite_http, status),
		FIELD_LIST("expectedBody", decode_pattern, struct suite_http, expected_body),
		FIELD_LIST("excludedBody", decode_pattern, struct suite_http, excluded_body),
		FIELD_LIST("expectedHeaders", decode_pattern, struct suite_http, expected_headers),
		FIELD("timeout", decode_duration, struct suite_http, timeout),
		{ 0 },
	};

	return decode_object(d, v, fields, out);
}

static int want_service(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		CONTAINER_ROWS(struct suite_service, container.),
		SERVICE_ROWS(struct suite_service, container.),
		FIELD_LIST("http", want_http, struct suite_service, http),
		FIELD_LIST("sidecars", want_sidecar, struct suite_service, sidecars),
		{ 0 },
	};
	struct suite_service *service = out;

	if (decode_object(d, v, fields, out) < 0)
		return -1;
	return check_container(d, v, &service->container);
}

static int want_existence(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("name", decode_name_word, struct suite_existence, name, FIELD_REQUIRED),
		FIELD("path", decode_name_word, struct suite_existence, path, FIELD_REQUIRED),
		FIELD("shouldExist", decode_flag, struct suite_existence, should_exist),
		FIELD("permissions", want_permissions, struct suite_existence, permissions),
		FIELD("uid", decode_owner, struct suite_existence, uid),
		FIELD("gid", decode_owner, struct suite_existence, gid),
		FIELD("isExecutableBy", want_executable_by, struct suite_existence, executable_by),
		{ 0 },
	};

	((struct suite_existence *)out)->should_exist = true;
	return decode_object(d, v, fields, out);
}

static int want_content(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("name", decode_name_word, struct suite_content, name, FIELD_REQUIRED),
		FIELD("path", decode_name_word, struct suite_content, path, FIELD_REQUIRED),
		FIELD_LIST("expectedContents", decode_pattern, struct suite_content, expected),
		FIELD_LIST("excludedContents", decode_pattern, struct suite_content, excluded),
		{ 0 },
	};

	return decode_object(d, v, fields, out);
}

static int want_license(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD("debian", decode_flag, struct suite_license, debian),
		FIELD_LIST("files", decode_name_word, struct suite_license, files),
		{ 0 },
	};

	return decode_object(d, v, fields, out);
}

static int want_metadata(struct decoder *d, const struct json *v, void *out)
{
	static const struct field fields[] = {
		FIELD_LIST("envVars", decode_pair, struct suite_metadata, env),
		FIELD_LIST("unboundEnvVars", decode_pair, struct suite_metadata, unbound_env),
		FIELD_LIST("labels", decode_pair, struct suite_metadata, labels),
		FIELD("entrypoint", decode_words, struct suite_metadata, entrypoint),
		FIELD("cmd", decode_words, struct suite_metadata, cmd),
		FIELD_LIST("exposedPorts", decode_word, struct suite_metadata, exposed),
		FIELD_LIST("unexposedPorts", decode_word, struct suite_metadata, unexposed),
		FIELD_LIST("volumes", decode_word, struct suite_metadata, volumes),
		FIELD_LIST("unmountedVolumes", decode_word, struct suite_metadata, unmounted),
		FIELD("workdir", decode_word, struct suite_metadata, workdir),
		FIELD("user", decode_word, struct suite_metadata, user),
		FIELD("stopSignal", decode_name_word, struct suite_metadata, stop_signal),
		{ 0 },
	};
	struct suite_metadata *metadata = out;
	const struct json *entrypoint = json_member(v, "entrypoint"), *cmd = json_member(v, "cmd");

	metadata->set = true;
	metadata->has_entrypoint = entrypoint != NULL && entrypoint->type == JSON_ARRAY;
	metadata->has_cmd = cmd != NULL && cmd->type == JSON_ARRAY;
	return decode_object(d, v, fields, out);
}

static int want_schema(struct decoder *d, const struct json *v, void *out)
{
	if (decode_word(d, v, out) < 0)
		return -1;
	if (strcmp(*(const char **)out, "2.0.0") != 0)
		return bad_value(d, v, "must be 2.0.0, not \"%s\"", *(const char **)out);
	return 0;
}

static int suite_decode(struct decoder *d, struct suite *ret)
{
	static const struct field run_fields[] = {
		FIELD("user", decode_word, struct suite_run_options, user),
		FIELD("privileged", decode_flag, struct suite_run_options, privileged),
		FIELD("allocateTty", decode_flag, struct suite_run_options, terminal),
		FIELD("envFile", decode_word, struct suite_run_options, env_file),
		FIELD_LIST("envVars", decode_name_word, struct suite_run_options, env),
		FIELD_LIST("capabilities", decode_name_word, struct suite_run_options,
			   capabilities),
		FIELD_LIST("bindMounts", decode_name_word, struct suite_run_options, binds),
		{ 0 },
	};
	static const struct field fields[] = {
		FIELD("schemaVersion", want_schema, struct suite, schema, FIELD_REQUIRED),
		FIELD_LIST("globalEnvVars", decode_pair, struct suite, env),
		FIELD_LIST("commandTests", want_command, struct suite, commands),
		FIELD_LIST("fileExistenceTests", want_existence, struct suite, existence),
		FIELD_LIST("fileContentTests", want_content, struct suite, contents),
		FIELD_LIST("licenseTests", want_license, struct suite, licenses),
		FIELD_LIST("serviceTests", want_service, struct suite, services),
		FIELD("metadataTest", want_metadata, struct suite, metadata),
		FIELD_OBJECT_IN("containerRunOptions", run_fields, struct suite, run),
		{ 0 },
	};

	return decode_object(d, d->root, fields, ret);
}

static bool is_json(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && strcmp(name + length - 5, ".json") == 0;
}

int suite_parse(struct arena *arena, const char *name, const char *text, size_t size,
		struct suite *ret, suite_faults *ret_faults, struct error *err)
{
	/* What editors of other systems put in front of UTF-8. */
	const size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	struct decoder d = {
		.arena = arena,
		.source = { name, text + mark, size - mark },
		.err = err,
		.collect = true,
		.schema = "a suite",
	};

	*ret = (struct suite){ .name = name };
	d.root = is_json(name) ? json_parse(arena, &d.source, err) :
				 yaml_parse(arena, &d.source, err);
	if (d.root != NULL && suite_decode(&d, ret) == 0)
		return 0;
	LIST_EACH(finding, d.diagnosis.findings)
		LIST_ADD(arena, ret_faults, finding->text);
	if (d.diagnosis.findings.count == 0)
		LIST_ADD(arena, ret_faults, arena_strdup(arena, err->text));
	return -1;
}

int suite_load(struct arena *arena, const char *path, struct suite *ret,
	       suite_faults *ret_faults, struct error *err)
{
	char *text;
	size_t size;

	if (file_read(AT_FDCWD, path, JSON_MAX_SIZE, arena, &text, &size, err) == 0)
		return suite_parse(arena, path, text, size, ret, ret_faults, err);
	LIST_ADD(arena, ret_faults, arena_strdup(arena, err->text));
	return -1;
}
