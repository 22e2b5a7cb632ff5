/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs-tools/blob/digest.h"

#include <openssl/evp.h>
#include <string.h>

/* The registered algorithms; nothing else may stand in an image. */
static const struct algorithm {
	const char *name;
	size_t digits;
	const EVP_MD *(*hash)(void);
} algorithms[] = {
	{ "sha256", 64, EVP_sha256 },
	{ "sha512", 128, EVP_sha512 },
};

static const struct algorithm *algorithm_find(const char *text)
{
	size_t length = strcspn(text, ":");

	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (strncmp(algorithms[i].name, text, length) == 0 &&
		    algorithms[i].name[length] == '\0')
			return &algorithms[i];
	return NULL;
}

int digest_parse(const char *text, struct digest *ret, struct error *err)
{
	const struct algorithm *algorithm = algorithm_find(text);
	const char *colon = strchr(text, ':');

	if (colon == NULL || algorithm == NULL)
		return error_set(err, "digest \"%.40s\" is not \"sha256:\" or \"sha512:\" and "
				 "hexadecimal digits", text);
	if (strlen(colon + 1) != algorithm->digits ||
	    strspn(colon + 1, "0123456789abcdef") != algorithm->digits)
		return error_set(err, "digest \"%.140s\" has not %zu lower-case hexadecimal digits",
				 text, algorithm->digits);
	snprintf(ret->text, sizeof(ret->text), "%s", text);
	return 0;
}

bool digest_is_set(const struct digest *digest)
{
	return digest != NULL && digest->text[0] != '\0';
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return strcmp(a->text, b->text) == 0;
}

const char *digest_hex(const struct digest *digest)
{
	return strchr(digest->text, ':') + 1;
}

struct digest_node **digest_find(struct digest_node **top, const struct digest *digest)
{
	const char *digit = digest_hex(digest);

	while (*top != NULL && !digest_equal((*top)->digest, digest)) {
		/* Behind a sha256 there may be many of sha512 that begin alike. */
		char here = *digit != '\0' ? *digit++ : '0';

		top = &(*top)->below[here <= '9' ? here - '0' : here - 'a' + 10];
	}
	return top;
}

const char *digest_path(struct arena *arena, const struct digest *digest)
{
	return arena_printf(arena, "%.*s/%s", (int)strcspn(digest->text, ":"), digest->text,
			    digest_hex(digest));
}

/* libcrypto fails here only when it finds no memory, or is configured without these hashes. */
static void demand(int fine)
{
	if (fine == 1)
		return;
	static const char message[] = "kist: libcrypto cannot hash\n";
	ssize_t ignored _unused = write(STDERR_FILENO, message, sizeof(message) - 1);

	_exit(1);
}

void digest_begin(struct digest_state *state, const struct digest *like)
{
	const struct algorithm *algorithm = &algorithms[0];

	if (digest_is_set(like))
		algorithm = algorithm_find(like->text);
	state->algorithm = algorithm->name;
	state->context = EVP_MD_CTX_new();
	demand(state->context != NULL);
	demand(EVP_DigestInit_ex(state->context, algorithm->hash(), NULL));
}

void digest_update(struct digest_state *state, const void *data, size_t size)
{
	demand(EVP_DigestUpdate(state->context, data, size));
}

void digest_end(struct digest_state *state, struct digest *ret)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	int used;

	demand(EVP_DigestFinal_ex(state->context, bytes, &size));
	used = snprintf(ret->text, sizeof(ret->text), "%s:", state->algorithm);
	for (unsigned int i = 0; i < size; i++, used += 2)
		snprintf(ret->text + used, sizeof(ret->text) - (size_t)used, "%02x", bytes[i]);
	digest_drop(state);
}

void digest_drop(struct digest_state *state)
{
	EVP_MD_CTX_free(state->context);
	state->context = NULL;
}

void digest_of(const void *data, size_t size, struct digest *ret)
{
	struct digest_state state;

	digest_begin(&state, NULL);
	digest_update(&state, data, size);
	digest_end(&state, ret);
}
