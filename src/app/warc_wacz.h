/*
 * app/warc_wacz.h -- the archive of a crawl as one file that replay viewers open.
 *
 * Archive files as they are, index in blocks, list of pages, and what each is, with its
 * digest.  Made beside and renamed: OUT is there whole or not at all.
 *
 * Errors:  -errno with the sentence; -EEXIST: OUT is there and is none; -ENOENT: there is
 *          no index (the crawl is not over).
 * Threads: any.
 * Source:  "WACZ" 1.1.1, specs.webrecorder.net.
 */
#ifndef APP_WARC_WACZ_H
#define APP_WARC_WACZ_H
#include "base/why.h"

int wacz_make(const char *dir, const char *out, struct why *why);
/* As DIR/archive.wacz, when the crawl is done. */
int wacz_pack(const char *dir, struct why *why);
#endif
