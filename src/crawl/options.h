/*
 * crawl/options.h -- the settings of a crawl, as options.def lists them.
 *
 * Owns:    its texts.   Units: milliseconds, bytes, per second.
 * Errors:  -EINVAL with the sentence, -ENOMEM.
 * Threads: written before a crawl starts; read-only afterwards.
 */
#ifndef CRAWL_OPTIONS_H
#define CRAWL_OPTIONS_H
#include "base/buf.h"
#include "base/why.h"
#include <stdint.h>

struct strlist {
	char **v;
	size_t n;
};
int strlist_add(struct strlist *l, struct slice v); /* a copy; -ENOMEM */
void strlist_release(struct strlist *l);

enum option_type {
	OPTION_BOOL,
	OPTION_U32,
	OPTION_COUNT,
	OPTION_SIZE,
	OPTION_TIME,
	OPTION_DELAY,
	OPTION_RATE,
	OPTION_ENUM,
	OPTION_STR,
	OPTION_LIST,
};

enum option_id {
#define OPTION(section, name, type, def, min, max, arg, help)                            \
	OPTION_ID_##section##_##name,
#include "crawl/options.def"
#undef OPTION
	OPTION_ID_MAX
};

#define OPTION_NONE INT64_MAX /* "none" of COUNT, SIZE and TIME */
#define OPTION_AUTO (-1)      /* "auto" of DELAY */

typedef bool option_bool;
typedef uint32_t option_u32;
typedef int64_t option_i64;
typedef double option_rate;
typedef uint32_t option_enum; /* index of the word */
typedef char *option_str;     /* NULL: not given */
#define OPTION_C_BOOL  option_bool
#define OPTION_C_U32   option_u32
#define OPTION_C_COUNT option_i64
#define OPTION_C_SIZE  option_i64
#define OPTION_C_TIME  option_i64
#define OPTION_C_DELAY option_i64
#define OPTION_C_RATE  option_rate
#define OPTION_C_ENUM  option_enum
#define OPTION_C_STR   option_str
#define OPTION_C_LIST  struct strlist

/* What holds of some URLs only: crawl/rules.h. */
struct options;
struct option_rule {
	char *match, *host; /* NULL: any */
	int exclude;        /* -1: not said */
	bool has_priority;
	int16_t priority;
	struct options *options; /* those given hold */
};

struct options {
#define OPTION(section, name, type, def, min, max, arg, help)                            \
	OPTION_C_##type section##_##name;
#include "crawl/options.def"
#undef OPTION
	bool given[OPTION_ID_MAX]; /* set by somebody, not by default */
	struct option_rule *rules;
	size_t rules_len;
};

/* The words of the ENUMs, in the order of the table. */
enum { SCOPE_PAGE, SCOPE_PREFIX, SCOPE_HOST, SCOPE_DOMAIN, SCOPE_ANY };
enum { ORDER_BFS, ORDER_DFS, ORDER_PRIORITY, ORDER_SITEMAP, ORDER_FOCUS, ORDER_OPIC };
enum { RECRAWL_WORD_OFF, RECRAWL_WORD_FIXED, RECRAWL_WORD_ADAPTIVE };
enum { ROBOTS_OBEY, ROBOTS_IGNORE };
enum { NOFOLLOW_PAGE, NOFOLLOW_LINK, NOFOLLOW_NONE };
enum { CHECK_OWN, CHECK_ALL, CHECK_NONE };
enum { STATE_ROCKSDB, STATE_MEMORY };
enum { HTTP_AUTO, HTTP_1_1, HTTP_2 };
enum { COMPRESS_GZIP, COMPRESS_ZSTD, COMPRESS_NONE };
enum { MIRROR_LINKS_RELATIVE, MIRROR_LINKS_KEEP };
enum { IP_ANY, IP_4, IP_6 };
enum { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_PLAIN, PROGRESS_NONE };

struct option_row {
	enum option_id id;
	enum option_type type;
	const char *section, *name, *def, *arg, *help;
	int64_t min, max;
	size_t offset; /* of the field */
};
extern const struct option_row option_rows[OPTION_ID_MAX];

int options_init(struct options *o); /* the defaults */
void options_release(struct options *o);
/* What is given in `from` overrules `to`; lists are replaced.  Rules stay those of `to`. */
int options_merge(struct options *to, const struct options *from);

/* Where no sink is named: those that there are without a word, by name; -ENOMEM. */
int options_name_sinks(struct options *o);

void option_rule_drop(struct options *o); /* the last one */
/* One more rule, for all URLs and with nothing said; -ENOMEM. */
int option_rule_add(struct options *o, struct option_rule **ret);

/* "per-host" or "no-robots" (BOOL only: *ret_off); NULL: no such flag. */
const struct option_row *option_by_flag(struct slice flag, bool *ret_off);
const struct option_row *option_by_key(struct slice section, struct slice name);
/* "command" of the row exec_command in section exec: names are flags, of which there is one
 * of a kind, and in its own section the section's name need not be said again. */
const char *option_key(const struct option_row *row);
/* The flag or key that looks most like it, or NULL.  `section`: where it stands as a key, whose
 * own keys are likelier; empty: as a flag. */
const struct option_row *option_nearest(struct slice section, struct slice name);
/* Lists grow.  The sentence says what was wrong and what would be right, without the
 * option's name. */
int option_set(
    struct options *o, const struct option_row *row, struct slice value, struct why *why);
/* The same into a field of that type which need not be of struct options: for tables that
 * are like options.def.  -ENOMEM, -EINVAL. */
int option_parse(
    const struct option_row *row, void *at, struct slice value, struct why *why);
int option_is_empty(struct why *why); /* -EINVAL with the sentence */
/* The value as option_set() takes it; of a LIST the i-th; false: there is none. */
bool option_get(
    const struct options *o, const struct option_row *row, size_t i, struct buf *ret);
/* Likewise, of a field as option_parse() fills it. */
bool option_print(
    const struct option_row *row, const void *at, size_t i, struct buf *ret);
/* A LIST becomes empty; others stay as they are. */
void option_clear_list(struct options *o, const struct option_row *row);
/* How unlike two names are: single letters to change; names cut at 31 characters. */
unsigned name_distance(struct slice a, struct slice b);
/* "--per-host" into ret. */
enum { OPTION_FLAG_MAX = 48 };
void option_flag(const struct option_row *row, char ret[OPTION_FLAG_MAX]);
/* Of a sentence that begins with it, what follows; of others all. */
const char *option_behind_flag(const struct option_row *row, const char *text);
/* The choices of an ENUM: the i-th word; false past the last. */
bool option_word(const struct option_row *row, uint32_t i, struct slice *ret);

/* "500ms", "10s", "5m", "2h", "1d", bare number: seconds. */
bool parse_duration(struct slice s, int64_t *ret_ms);
/* "64KiB", "1GB", "1024". */
bool parse_size(struct slice s, int64_t *ret_bytes);
#endif
