/*
 * web/xml_memory.h -- an expat parser whose memory has a limit.
 *
 * expat keeps every name that it ever saw, and the whole of a token, and is slow once
 * that has outgrown the processor's caches: 45 MB of <a1/><a2/>... took 8 s and 500 MB.
 *
 * Owns:    nothing; free the parser with XML_ParserFree().
 * Errors:  NULL when memory is out.
 * Threads: any, but one parser a thread at a time, and all of its life in that thread:
 *          expat tells its allocator not whom it asks for.
 */
#ifndef WEB_XML_MEMORY_H
#define WEB_XML_MEMORY_H
#include <expat.h>
#include <stdbool.h>

enum { XML_MEMORY_MAX = 8 << 20 };

XML_Parser xml_memory_parser(const char *encoding);
/* Has this thread's last parser asked for more than the limit?  It got
 * XML_ERROR_NO_MEMORY for it. */
bool xml_memory_was_short(void);
#endif
