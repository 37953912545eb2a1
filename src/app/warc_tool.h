/*
 * app/warc_tool.h -- the tools for archives behind `trawl warc`: one file each.
 *
 * Each takes what follows its name and returns the exit code; what is wrong was said.
 */
#ifndef APP_WARC_TOOL_H
#define APP_WARC_TOOL_H
#include "app/tool.h"
#include "sink/warc_body.h"
#include "sink/warc_reader.h"

int warc_list(int argc, char **argv);       /* warc_list.c */
int warc_check(int argc, char **argv);      /* warc_list.c: verify */
int warc_index(int argc, char **argv);      /* warc_index.c */
int warc_wacz(int argc, char **argv);       /* warc_wacz.c */
int warc_extract(int argc, char **argv);    /* warc_extract.c */
int warc_recompress(int argc, char **argv); /* warc_recompress.c */

/* warc_out.c: may a file that is made take the place of what is at `path`?  Empty files may
 * be replaced, and a WACZ (any ZIP) by a WACZ; by an index what is no archive.  What is no
 * regular file may not.  0, or -EEXIST with the sentence. */
int warc_out_is_wacz(const char *path, struct why *why);
int warc_out_is_no_archive(const char *path, struct why *why);

/* A line "FILE: offset N: TEXT" on standard error.  ctx: a uint64_t that counts faults. */
void warc_tell_fault(void *ctx, const struct warc_fault *f);
#endif
