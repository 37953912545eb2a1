#include "crawl/score.h"
#include "web/words.h"
#include <errno.h>
#include <stdlib.h>

enum {
	DAY_S = 86400,
	SITEMAP_HALF = 50, /* priority 0 to 1 is -50 to 50 */
	ANCHOR_WORD = 30,  /* each of the words in the text of a link ... */
	ANCHOR_MAX = 90,   /* ... but no more */
	PAGE_MAX = 37, /* of a page of which every tenth word is one of them, or more */
	PAGE_WORDS_MIN = 50, /* a page of a few words is judged as if it had these */
	PAGE_ONE_IN = 10,
	PRIORITY_MAX = 127,
};

struct score {
	bool sitemap;
	struct strlist words; /* of --focus, in lower case as far as ASCII goes */
};

/* ---- life ---- */

json_t *
score_settings(const struct options *o)
{
	json_t *words = json_array();
	size_t n = o->crawl_order == ORDER_FOCUS ? o->crawl_focus.n : 0;

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
		    words, json_stringn_nocheck(
			       o->crawl_focus.v[i], strlen(o->crawl_focus.v[i])));
	if (json_array_size(words) != n) {
		json_decref(words);
		return NULL;
	}
	return json_pack(
	    "{s:b, s:o}", "sitemap", o->crawl_order == ORDER_SITEMAP, "words", words);
}

int
score_word_check(struct slice word, struct why *why)
{
	struct slice rest = word;
	struct word first, second;

	if (word_next(&rest, &first) && !word_next(&rest, &second))
		return 0;
	return why_set(why, -EINVAL, "'" SLICE_FMT "' is not one word", SLICE_ARG(word));
}

static int
add_word(struct score *s, struct slice text, struct why *why)
{
	struct slice rest = text;
	struct word word;
	char *p;
	int r = score_word_check(text, why);

	if (r < 0)
		return r;
	if (s->words.n == SCORE_WORDS_MAX)
		return why_set(
		    why, -EINVAL, "--focus: more than %d words", SCORE_WORDS_MAX);
	(void)word_next(&rest, &word);
	r = strlist_add(&s->words, word.text);
	if (r < 0)
		return why_set(why, r, "out of memory");
	for (p = s->words.v[s->words.n - 1]; *p != '\0'; p++)
		*p = ascii_lower(*p);
	return 0;
}

int
score_new(json_t *settings, struct score **ret, struct why *why)
{
	json_t *words = json_object_get(settings, "words"), *word;
	bool sitemap = json_is_true(json_object_get(settings, "sitemap"));
	struct score *s;
	int r = 0;
	size_t i;

	*ret = NULL;
	if (!sitemap && json_array_size(words) == 0)
		return 0;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	s->sitemap = sitemap;
	json_array_foreach(words, i, word)
	{
		if (r == 0)
			r = add_word(s,
			    slice_of(json_string_value(word), json_string_length(word)),
			    why);
	}
	if (r < 0)
		score_free(s);
	else
		*ret = s;
	return r;
}

void
score_free(struct score *s)
{
	if (s == NULL)
		return;
	strlist_release(&s->words);
	free(s);
}

int16_t
score_add(int a, int b)
{
	int sum = a + b;

	return (int16_t)(sum > PRIORITY_MAX    ? PRIORITY_MAX
			 : sum < -PRIORITY_MAX ? -PRIORITY_MAX
					       : sum);
}

/* ---- sitemaps ---- */

/* What changed lately goes first; a date that is to come says nothing. */
static int
freshness(int64_t lastmod_s, int64_t now_s)
{
	static const struct {
		int64_t age_s;
		int points;
	} steps[] = {{DAY_S, 50}, {7 * DAY_S, 35}, {30 * DAY_S, 20}, {365 * DAY_S, 5}};

	if (lastmod_s == SITEMAP_NO_TIME || lastmod_s > now_s + DAY_S)
		return 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (now_s - lastmod_s <= steps[i].age_s)
			return steps[i].points;
	return 0;
}

int16_t
score_sitemap(const struct score *s, const struct sitemap_entry *e, int64_t now_s)
{
	/* 0.5 is what the protocol takes where none is given. */
	double priority = e->priority < 0 ? 0.5 : e->priority;
	int points = (int)(priority * 2 * SITEMAP_HALF + 0.5) - SITEMAP_HALF;

	if (s == NULL || !s->sitemap)
		return 0;
	return score_add(points, freshness(e->lastmod_s, now_s));
}

/* ---- words ---- */

bool
score_wants_words(const struct score *s)
{
	return s != NULL && s->words.n > 0;
}

/* Which it is; words.n: none. */
static size_t
word_at(const struct score *s, struct slice word)
{
	size_t i = 0;

	while (i < s->words.n && !slice_ieq(word, slice_cstr(s->words.v[i])))
		i++;
	return i;
}

int16_t
score_anchor(const struct score *s, struct slice anchor)
{
	bool there[SCORE_WORDS_MAX] = {false};
	struct word word;
	int points = 0;

	if (!score_wants_words(s))
		return 0;
	while (points < ANCHOR_MAX && word_next(&anchor, &word)) {
		size_t at = word_at(s, word.text);

		if (at == s->words.n || there[at])
			continue;
		there[at] = true;
		points += ANCHOR_WORD;
	}
	return (int16_t)points;
}

static void
count(const struct score *s, struct slice text, size_t *words, size_t *hits)
{
	struct word word;

	while (word_next(&text, &word)) {
		++*words;
		*hits += word_at(s, word.text) < s->words.n;
	}
}

int16_t
score_page(const struct score *s, struct slice title, struct slice text)
{
	size_t words = 0, hits = 0, points;

	if (!score_wants_words(s))
		return 0;
	count(s, title, &words, &hits);
	count(s, text, &words, &hits);
	if (words < PAGE_WORDS_MIN)
		words = PAGE_WORDS_MIN;
	points = hits * PAGE_MAX * PAGE_ONE_IN / words;
	return (int16_t)(points < PAGE_MAX ? points : PAGE_MAX);
}
