#include "web/url.h"
#include <libpsl.h>
#include <xxhash.h>

#include "base/banned.h"

enum { HOST_BYTES_MAX = 255 }; /* of a name that DNS can know */

uint64_t
url_hash(struct slice text, uint64_t seed)
{
	return XXH3_64bits_withSeed(text.len == 0 ? "" : text.ptr, text.len, seed);
}

bool
url_host_is_address(struct slice host)
{
	size_t i = host.len;

	if (i == 0 || host.ptr[i - 1] == ']')
		return true;
	while (i > 0 && ascii_is_digit(host.ptr[i - 1]))
		i--;
	/* A name whose last label is a number does not pass the URL parser. */
	return i < host.len && (i == 0 || host.ptr[i - 1] == '.');
}

struct slice
url_site(struct slice host)
{
	char name[HOST_BYTES_MAX + 1];
	const char *site;

	if (url_host_is_address(host) || host.len > HOST_BYTES_MAX)
		return host;
	memcpy(name, host.ptr, host.len);
	name[host.len] = '\0';
	site = psl_registrable_domain(psl_builtin(), name);
	return site == NULL ? host : slice_from(host, (size_t)(site - name));
}

bool
url_is_public_suffix(struct slice domain)
{
	char name[HOST_BYTES_MAX + 1];

	while (domain.len > 0 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	if (domain.len == 0 || domain.len > HOST_BYTES_MAX || url_host_is_address(domain))
		return false;
	for (size_t i = 0; i < domain.len; i++)
		name[i] = ascii_lower(domain.ptr[i]);
	name[domain.len] = '\0';
	return psl_is_public_suffix(psl_builtin(), name) != 0;
}
