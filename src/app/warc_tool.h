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

/* A line "FILE: offset N: TEXT" on standard error.  ctx: a uint64_t that counts faults. */
void warc_tell_fault(void *ctx, const struct warc_fault *f);
#endif
