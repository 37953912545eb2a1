#include "ctl/job_json.h"
#include <errno.h>
#include <stdio.h>

static void
write_list(struct jsonw *j, const char *key, const struct strlist *list)
{
	jsonw_array(j, key);
	for (size_t i = 0; i < list->n; i++)
		jsonw_str(j, NULL, slice_cstr(list->v[i]));
	jsonw_array_end(j);
}

/* What is no text: it fits into some bytes. */
static void
write_number(struct jsonw *j, const char *key, const struct options *o,
    const struct option_row *row)
{
	enum { TEXT_MAX = 64 };
	struct slice text;
	struct buf value, words;
	uint64_t n;

	buf_init(&value, 1 << 10);
	buf_init(&words, 1 << 10);
	if (buf_reserve(&value, TEXT_MAX) < 0 || !option_get(o, row, 0, &value) ||
	    job_write_quantity(&words, row, buf_slice(&value)) < 0) {
		j->err = j->err < 0 ? j->err : -ENOMEM;
		buf_release(&words);
		buf_release(&value);
		return;
	}
	text = buf_slice(&value);
	if (row->type == OPTION_BOOL)
		jsonw_bool(j, key, slice_eq(text, SLICE_LIT("yes")));
	else if ((row->type == OPTION_U32 || row->type == OPTION_COUNT) &&
		 slice_to_u64(text, &n))
		jsonw_int(j, key, (int64_t)n);
	else
		jsonw_str(j, key, buf_slice(&words));
	buf_release(&words);
	buf_release(&value);
}

static void
write_option(struct jsonw *j, const char *key, const struct options *o,
    const struct option_row *row)
{
	const void *at = (const char *)o + row->offset;

	if (row->type == OPTION_LIST)
		write_list(j, key, at);
	else if (row->type == OPTION_STR)
		jsonw_str(j, key, slice_cstr(*(char *const *)at));
	else
		write_number(j, key, o, row);
}

/* The given ones; sections: each below its name. */
static void
write_options(struct jsonw *j, const struct options *o, bool sections)
{
	const char *section = NULL;

	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *row = &option_rows[i];

		if (!o->given[i])
			continue;
		if (sections && (section == NULL || strcmp(section, row->section) != 0)) {
			if (section != NULL)
				jsonw_object_end(j);
			section = row->section;
			jsonw_object(j, section);
		}
		write_option(j, option_key(row), o, row);
	}
	if (section != NULL)
		jsonw_object_end(j);
}

static void
write_rules(struct jsonw *j, const struct options *o)
{
	jsonw_array(j, "rules");
	for (size_t i = 0; i < o->rules_len; i++) {
		const struct option_rule *rule = &o->rules[i];

		jsonw_object(j, NULL);
		if (rule->match != NULL)
			jsonw_str(j, "match", slice_cstr(rule->match));
		if (rule->host != NULL)
			jsonw_str(j, "host", slice_cstr(rule->host));
		if (rule->exclude >= 0)
			jsonw_bool(j, "exclude", rule->exclude != 0);
		if (rule->has_priority)
			jsonw_int(j, "priority", rule->priority);
		write_options(j, rule->options, false);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

static void
write_bits(char *ret, size_t cap, uint64_t bits, unsigned from, unsigned to)
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = from; i <= to && n < cap; i++)
		if ((bits & 1ull << i) != 0)
			n += (size_t)snprintf(
			    ret + n, cap - n, "%s%u", n == 0 ? "" : ",", i);
}

static void
write_cron(struct jsonw *j, const struct cron *c)
{
	char minutes[200], hours[80], days[100], months[40], weekdays[20];
	char text[sizeof(minutes) + sizeof(hours) + sizeof(days) + sizeof(months) +
		  sizeof(weekdays) + 8];

	write_bits(minutes, sizeof(minutes), c->minutes, 0, 59);
	write_bits(hours, sizeof(hours), c->hours, 0, 23);
	write_bits(days, sizeof(days), c->days, 1, 31);
	write_bits(months, sizeof(months), (uint64_t)c->months << 1, 1, 12);
	write_bits(weekdays, sizeof(weekdays), c->weekdays, 0, 6);
	(void)snprintf(text, sizeof(text), "%s %s %s %s %s",
	    c->minutes == (1ull << 60) - 1 ? "*" : minutes,
	    c->hours == 0xFFFFFF ? "*" : hours, c->any_day ? "*" : days,
	    c->months == 0xFFF ? "*" : months, c->any_weekday ? "*" : weekdays);
	jsonw_str(j, NULL, slice_cstr(text));
}

static void
write_duration(struct jsonw *j, const char *key, int64_t ms)
{
	struct buf text;

	buf_init(&text, 64);
	if (job_write_time(&text, (uint64_t)ms) < 0)
		j->err = j->err < 0 ? j->err : -ENOMEM;
	else
		jsonw_str(j, key, buf_slice(&text));
	buf_release(&text);
}

static void
write_schedule(struct jsonw *j, const struct schedule *s)
{
	char text[32];

	jsonw_object(j, "schedule");
	if (s->every_ms > 0)
		write_duration(j, "every", s->every_ms);
	if (s->at_len > 0) {
		jsonw_array(j, "at");
		for (size_t i = 0; i < s->at_len; i++) {
			(void)snprintf(text, sizeof(text), "%02u:%02u", s->at[i].hour,
			    s->at[i].minute);
			jsonw_str(j, NULL, slice_cstr(text));
		}
		jsonw_array_end(j);
	}
	if (s->cron_len > 0) {
		jsonw_array(j, "cron");
		for (size_t i = 0; i < s->cron_len; i++)
			write_cron(j, &s->cron[i]);
		jsonw_array_end(j);
	}
	if (s->jitter_ms > 0)
		write_duration(j, "jitter", s->jitter_ms);
	if (s->catch_up == CATCH_UP_SKIP)
		jsonw_str(j, "catch_up", SLICE_LIT("skip"));
	jsonw_object_end(j);
}

static void
write_seeds(struct jsonw *j, const struct job *job)
{
	jsonw_array(j, "seeds");
	for (size_t i = 0; i < job->seeds.n; i++)
		if (!job_is_sitemap(job, slice_cstr(job->seeds.v[i])))
			jsonw_str(j, NULL, slice_cstr(job->seeds.v[i]));
	jsonw_array_end(j);
	if (job->sitemaps.n > 0)
		write_list(j, "seeds_sitemaps", &job->sitemaps);
}

int
job_json_write(const struct job *job, struct buf *out)
{
	struct jsonw j;

	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	if (job->name != NULL)
		jsonw_str(&j, "name", slice_cstr(job->name));
	write_seeds(&j, job);
	write_options(&j, &job->options, true);
	if (job->options.rules_len > 0)
		write_rules(&j, &job->options);
	if (job->schedule.given)
		write_schedule(&j, &job->schedule);
	jsonw_object_end(&j);
	return j.err;
}

/* ---- what strangers see ---- */

static const struct {
	const char *section, *name;
} secrets[] = {
    {"fetch", "header"}, {"fetch", "header_for"}, {"fetch", "auth"}, {"fetch", "proxy"}};

json_t *
job_json_for_strangers(const json_t *spec, bool *ret_hidden)
{
	json_t *copy = json_deep_copy(spec);

	*ret_hidden = false;
	for (size_t i = 0; copy != NULL && i < sizeof(secrets) / sizeof(secrets[0]);
	     i++) {
		json_t *section = json_object_get(copy, secrets[i].section);

		if (json_object_del(section, secrets[i].name) == 0)
			*ret_hidden = true;
	}
	return copy;
}

json_t *
json_merge_patch(const json_t *target, const json_t *patch)
{
	json_t *made, *v;
	const char *key;

	if (!json_is_object(patch))
		return json_deep_copy(patch);
	made = json_is_object(target) ? json_deep_copy(target) : json_object();
	if (made == NULL)
		return NULL;
	json_object_foreach((json_t *)(uintptr_t)patch, key, v)
	{
		json_t *merged;

		if (json_is_null(v)) {
			(void)json_object_del(made, key);
			continue;
		}
		/* As deep as the body of a request may be. */
		merged = json_merge_patch(json_object_get(made, key), v);
		if (merged == NULL || json_object_set_new(made, key, merged) < 0) {
			json_decref(made);
			return NULL;
		}
	}
	return made;
}
