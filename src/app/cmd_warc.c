#include "app/warc_tool.h"
#include "base/escape.h"
#include <inttypes.h>
#include <stdio.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} tools[] = {
    {"list", warc_list},
    {"verify", warc_check},
    {"extract", warc_extract},
    {"index", warc_index},
    {"wacz", warc_wacz},
    {"recompress", warc_recompress},
};

void
warc_tell_fault(void *ctx, const struct warc_fault *f)
{
	uint64_t *faults = ctx;
	struct buf line;

	*faults += !f->note;
	buf_init(&line, 64 << 10);
	if (escape_terminal(&line, slice_cstr(f->file)) == 0 &&
	    buf_printf(&line, ": offset %" PRIu64 ": %s", f->offset,
		f->note ? "note: " : "") == 0 &&
	    escape_terminal(&line, slice_cstr(f->text)) == 0)
		fprintf(stderr, "%.*s\n", (int)line.len, line.ptr);
	buf_release(&line);
}

int
cmd_warc(int argc, char **argv, struct nursery *nursery)
{
	(void)nursery;
	if (argc == 0)
		return usage_error(
		    "trawl warc what? list, verify, extract, index, wacz or recompress");
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (strcmp(argv[0], tools[i].name) == 0)
			return tools[i].run(argc - 1, argv + 1);
	return usage_error(
	    "there is no 'trawl warc %s'; there are list, verify, extract, "
	    "index, wacz and recompress",
	    argv[0]);
}
