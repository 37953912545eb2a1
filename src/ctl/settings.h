/*
 * ctl/settings.h -- what trawl.yaml and TRAWL_* say: the settings of service.def, and under
 * `defaults:` options of crawls.
 *
 *     service: {state_dir: /var/lib/trawl}
 *     limits: {concurrency: 200}
 *     defaults:                 sections as in a job file: every job begins with these, and
 *       net: {allow_net: [...]} those that are of the whole process (option_is_shared())
 *                               can be said nowhere else
 *
 * Owns:    its texts.   Units: those of options.def.
 * Errors:  mistakes are told one by one, with their place; -ENOMEM.
 * Threads: any, one at a time.
 */
#ifndef CTL_SETTINGS_H
#define CTL_SETTINGS_H
#include "crawl/job.h"

enum setting_id {
#define SETTING(section, name, type, def, min, max, arg, help)                           \
	SETTING_ID_##section##_##name,
#include "ctl/service.def"
#undef SETTING
	SETTING_ID_MAX
};

/* Where a setting has its value from; all 0: nobody said anything. */
struct setting_place {
	size_t line, column; /* of the file; 0: not the file */
	bool environment;    /* it overruled what the file may have said */
};
struct settings {
#define SETTING(section, name, type, def, min, max, arg, help)                           \
	OPTION_C_##type section##_##name;
#include "ctl/service.def"
#undef SETTING
	bool given[SETTING_ID_MAX];
	struct setting_place places[SETTING_ID_MAX];
	struct job defaults; /* its options; no seeds */
};
/* row->id is an enum setting_id. */
extern const struct option_row setting_rows[SETTING_ID_MAX];

int settings_init(struct settings *s); /* the defaults */
void settings_release(struct settings *s);
int setting_set(struct settings *s, const struct option_row *row, struct slice value,
    struct why *why);

/* How many mistakes there were (how->fn was told each), or -ENOMEM.  how->env serves ${NAME}
 * and TRAWL_*. */
int settings_read(struct settings *s, struct slice yaml, const struct job_reading *how);
/* TRAWL_SECTION_NAME of `environ` over what the file says.  Likewise. */
int settings_read_environment(
    struct settings *s, char *const *environment, job_mistake_fn *fn, void *ctx);
/* What is wrong with all of it together, also where single values were wrong; how many. */
int settings_check_each(const struct settings *s, job_mistake_fn *fn, void *ctx);
/* The first of it. */
int settings_check(const struct settings *s, struct why *why);
/* What holds from the start to the end becomes as it is in `old`; fn is told of each setting,
 * and each option of defaults, that only the next start changes.  -ENOMEM. */
int settings_keep(struct settings *s, const struct settings *old,
    void (*fn)(void *ctx, const char *section, const char *name), void *ctx);
/* "0660" */
bool settings_mode(const char *text, unsigned *ret);

/* Of the whole process: names, addresses, TLS, workers, loops. */
bool option_is_shared(enum option_id id);
/* May be changed of a run: by the API, or by SIGHUP in a crawl of the command line. */
bool option_is_live(enum option_id id);
/* Names a local file; a program to run.  An option that does so and is not told here is open to
 * whoever may make jobs. */
bool option_names_file(enum option_id id);
bool option_names_program(enum option_id id);
bool option_names_storage(enum option_id id); /* that is trusted with our keys */
/* Has no meaning in the service: progress, output to standard output. */
bool option_is_of_terminal(enum option_id id);
#endif
