#include "crawl/job.h"
#include "crawl/scope.h"
#include "web/url.h"
#include <errno.h>
#include <stdlib.h>

int
job_init(struct job *j)
{
	*j = (struct job){0};
	return options_init(&j->options);
}

void
job_release(struct job *j)
{
	free(j->name);
	for (size_t i = 0; i < j->seeds.n; i++)
		free(j->seeds.v[i]);
	free(j->seeds.v);
	options_release(&j->options);
	*j = (struct job){0};
}

static bool
looks_like_a_host(struct slice s)
{
	size_t at = slice_find(s, '.');

	return at > 0 && at < s.len && slice_find(s, ':') == s.len &&
	       slice_find(s, ' ') == s.len;
}

static bool
has_seed(const struct job *j, size_t n, struct slice url)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(slice_cstr(j->seeds.v[i]), url))
			return true;
	return false;
}

int
job_add_seed(struct job *j, struct slice text, struct why *why)
{
	char out[URL_BYTES_MAX], **grown;
	struct url url;
	enum url_status s = url_resolve(
	    NULL, slice_trim(text), (struct slice){0}, 0, out, sizeof(out), &url);

	if (s == URL_RELATIVE_WITHOUT_BASE && looks_like_a_host(text))
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is not a URL; did you mean https://" SLICE_FMT "?",
		    SLICE_ARG(text), SLICE_ARG(text));
	if (s == URL_RELATIVE_WITHOUT_BASE || s == URL_UNSUPPORTED)
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is not a URL that begins with http:// or https://",
		    SLICE_ARG(text));
	if (s != URL_OK)
		return why_set(why, -EINVAL, "'" SLICE_FMT "': %s", SLICE_ARG(text),
		    url_status_text(s));
	if (has_seed(j, j->seeds.n, url_text(&url)))
		return 0;
	grown = realloc(j->seeds.v, (j->seeds.n + 1) * sizeof(*grown));
	if (grown == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	j->seeds.v = grown;
	grown[j->seeds.n] = slice_dup(url_text(&url));
	if (grown[j->seeds.n] == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	j->seeds.n++;
	return 0;
}

int
job_tidy_seeds(struct job *j)
{
	unsigned how = scope_tidy_of(&j->options);
	char out[URL_BYTES_MAX], *tidy;
	struct url url;
	size_t n = 0;

	if (how == 0)
		return 0;
	for (size_t i = 0; i < j->seeds.n; i++) {
		if (url_resolve(NULL, slice_cstr(j->seeds.v[i]), (struct slice){0}, 0,
			out, sizeof(out), &url) != URL_OK)
			continue;
		url_tidy(&url, out, how);
		tidy = slice_dup(url_text(&url));
		if (tidy == NULL)
			return -ENOMEM;
		free(j->seeds.v[i]);
		j->seeds.v[i] = tidy;
	}
	for (size_t i = 0; i < j->seeds.n; i++) {
		if (has_seed(j, n, slice_cstr(j->seeds.v[i])))
			free(j->seeds.v[i]);
		else
			j->seeds.v[n++] = j->seeds.v[i];
	}
	j->seeds.n = n;
	return 0;
}

int
job_set_name(struct job *j, struct slice name, struct why *why)
{
	bool ok = name.len > 0 && name.len <= 100 && name.ptr[0] != '.';
	char *copy;

	for (size_t i = 0; i < name.len && ok; i++)
		ok = ascii_is_alpha(name.ptr[i]) || ascii_is_digit(name.ptr[i]) ||
		     strchr("._-", name.ptr[i]) != NULL;
	if (!ok)
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is no name: up to 100 of A-Z a-z 0-9 . _ - are",
		    SLICE_ARG(name));
	copy = slice_dup(name);
	if (copy == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	free(j->name);
	j->name = copy;
	return 0;
}
