/*
 * base/outcome.h -- what became of a URL: always exactly one of these (data, not errors).
 *
 * One X-list: the enum, the names that people see and the class for the accounting
 * identity  discovered = fetched + failed + rejected + queued + in flight.
 * The numbers are on disk: new ones go to the end.
 */
#ifndef BASE_OUTCOME_H
#define BASE_OUTCOME_H
#include "base/slice.h"

#define OUTCOMES(X)                                                                      \
	X(NONE, "none", NONE) /* still waiting or in flight */                           \
	X(OK, "ok", FETCHED)                                                             \
	X(REDIRECT, "redirect", FETCHED)                                                 \
	X(NOT_MODIFIED, "not-modified", FETCHED)                                         \
	X(DUPLICATE_CONTENT, "duplicate-content", FETCHED) /* or ok: --warc-revisits */  \
	X(HTTP_4XX, "http-4xx", FETCHED)                                                 \
	X(HTTP_5XX, "http-5xx", FETCHED)                                                 \
	X(DNS_FAILURE, "dns-failure", FAILED)                                            \
	X(CONNECT_FAILURE, "connect-failure", FAILED)                                    \
	X(TLS_FAILURE, "tls-failure", FAILED)                                            \
	X(TIMEOUT_CONNECT, "timeout-connect", FAILED)                                    \
	X(TIMEOUT_FIRST_BYTE, "timeout-first-byte", FAILED)                              \
	X(TIMEOUT_STALL, "timeout-stall", FAILED)                                        \
	X(TIMEOUT_TOTAL, "timeout-total", FAILED)                                        \
	X(PROTOCOL_ERROR, "protocol-error", FAILED)                                      \
	X(TRUNCATED, "truncated", FETCHED)                                               \
	X(TOO_LARGE, "too-large", FETCHED)                                               \
	X(ROBOTS_DENIED, "robots-denied", REJECTED)                                      \
	X(ROBOTS_UNREACHABLE, "robots-unreachable", FAILED)                              \
	X(OUT_OF_SCOPE, "out-of-scope", REJECTED)                                        \
	X(DEPTH, "depth", REJECTED)                                                      \
	X(BUDGET, "budget", REJECTED)                                                    \
	X(TRAP, "trap", REJECTED)                                                        \
	X(DENIED_ADDRESS, "denied-address", REJECTED)                                    \
	X(BAD_URL, "bad-url", REJECTED)                                                  \
	X(UNSUPPORTED_SCHEME, "unsupported-scheme", REJECTED)                            \
	X(REDIRECT_LIMIT, "redirect-limit", REJECTED)                                    \
	X(CANCELLED, "cancelled", FAILED)                                                \
	X(PARSE_CRASH, "parse-crash", FETCHED)                                           \
	X(PARSE_TIMEOUT, "parse-timeout", FETCHED)                                       \
	X(KNOWN_GOOD, "known-good", REJECTED)

enum outcome {
#define X(id, name, class) OUTCOME_##id,
	OUTCOMES(X)
#undef X
	    OUTCOME_MAX
};

enum outcome_class {
	OUTCOME_CLASS_NONE,
	OUTCOME_CLASS_FETCHED, /* a response came, and is archived */
	OUTCOME_CLASS_FAILED,  /* asked for, no usable response */
	OUTCOME_CLASS_REJECTED, /* never asked for; known-good: check-links --cache says so */
};

const char *outcome_name(enum outcome o);
enum outcome_class outcome_class(enum outcome o);
/* All that was asked for came, new or not to the archive. */
bool outcome_is_whole(enum outcome o);
/* What a report calls broken: it is not there, or not as it should be.  Of what robots.txt or
 * the end of the crawl kept from being asked for, nothing is known. */
bool outcome_is_broken(enum outcome o);
/* By name; false leaves *ret untouched. */
bool outcome_parse(struct slice name, enum outcome *ret);
#endif
