#include "fetch/tries.h"

#include "base/map.h"

static bool
is_of(const struct addr *a, int family)
{
	return family == 0 || a->family == family;
}

/* The next at or behind *at that is of the family; NULL: none. */
static const struct addr *
next_of(const struct dns_answer *a, int family, uint32_t *at)
{
	while (*at < a->n && a->addrs[*at].family != family)
		++*at;
	return *at < a->n ? &a->addrs[(*at)++] : NULL;
}

void
tries_init(
    struct tries *t, const struct dns_answer *a, int only, int first, uint32_t connect_ms)
{
	int family = first != 0 ? first : a->n > 0 ? a->addrs[0].family : AF_INET;
	uint32_t at[2] = {0, 0};

	*t = (struct tries){.left_ms = connect_ms == 0 ? TRIES_NO_LIMIT : connect_ms};
	while (at[0] < a->n || at[1] < a->n) {
		const struct addr *next = next_of(a, family, &at[family == AF_INET]);

		if (next != NULL && is_of(next, only))
			t->addrs[t->n++] = *next;
		family = family == AF_INET ? AF_INET6 : AF_INET;
	}
}

void
tries_init_unknown(struct tries *t, uint32_t connect_ms)
{
	*t = (struct tries){
	    .n = 1, .left_ms = connect_ms == 0 ? TRIES_NO_LIMIT : connect_ms};
}

uint32_t
tries_limit_ms(struct tries *t)
{
	bool last = t->next + 1 >= t->n;
	uint32_t ms = t->left_ms;

	if (!last && ms != TRIES_NO_LIMIT)
		ms /= 2;
	if (!last && t->addrs[t->next].family != t->addrs[t->next + 1].family &&
	    ms > TRIES_OTHER_FAMILY_MS)
		ms = TRIES_OTHER_FAMILY_MS;
	t->given_ms = ms == TRIES_NO_LIMIT ? 0 : ms > 0 ? ms : 1;
	return t->given_ms;
}

bool
tries_failed(struct tries *t, int64_t took_ms, bool cut)
{
	if (cut && t->cut == 0 && t->next + 1 < t->n)
		t->cut = t->next + 1;
	if (t->left_ms != TRIES_NO_LIMIT)
		t->left_ms = took_ms < t->left_ms ? t->left_ms - (uint32_t)took_ms : 0;
	if (++t->next < t->n)
		return t->left_ms > 0;
	if (t->cut == 0 || t->left_ms == 0)
		return false;
	t->next = t->cut - 1; /* once more, and this time it is the last */
	t->n = t->cut;
	t->cut = 0;
	return true;
}

bool
tries_have_both(const struct tries *t)
{
	for (uint32_t i = 1; i < t->n; i++)
		if (t->addrs[i].family != t->addrs[0].family)
			return true;
	return false;
}

int
families_get(const struct families *f, struct slice host)
{
	uint64_t hash = siphash(host);
	size_t i = hash % FAMILIES_LEN;

	return f->v[i].host == hash ? f->v[i].family : 0;
}

void
families_put(struct families *f, struct slice host, int family)
{
	uint64_t hash = siphash(host);
	size_t i = hash % FAMILIES_LEN;

	f->v[i].host = hash;
	f->v[i].family = family;
}
