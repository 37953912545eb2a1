/*
 * base/probe.h -- places that tracers may stop at (USDT: perf, bpftrace, SystemTap), by name:
 *
 *     bpftrace -e 'usdt:/usr/bin/trawl:trawl:commit { @us = hist(arg1); }'
 *
 * Each is one nop, and a note in the program that says where its arguments are; without sys/sdt.h
 * (--without-sdt) it is nothing.  Arguments are numbers and pointers that exist anyway: they are
 * worked out also when nobody traces.
 *
 *     turn(us)                                       of the loop
 *     name(ms)                                       a name server was asked
 *     fetch(url, bytes, outcome, first_byte_us, parse_us, store_us)   -1: did not come to that
 *     commit(error, us)                              of the store
 *     run(number, state)                             of the service
 *     request(path, bytes, status)                   of the API
 *
 * Text is not closed by a NUL: its length is the argument behind it.
 * Threads: any.
 */
#ifndef BASE_PROBE_H
#define BASE_PROBE_H
#if HAVE_SDT
#include <sys/sdt.h>
#define PROBE1(name, a)                DTRACE_PROBE1(trawl, name, a)
#define PROBE2(name, a, b)             DTRACE_PROBE2(trawl, name, a, b)
#define PROBE3(name, a, b, c)          DTRACE_PROBE3(trawl, name, a, b, c)
#define PROBE6(name, a, b, c, d, e, f) DTRACE_PROBE6(trawl, name, a, b, c, d, e, f)
#else
#define PROBE1(name, a)       ((void)(a))
#define PROBE2(name, a, b)    ((void)(a), (void)(b))
#define PROBE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#define PROBE6(name, a, b, c, d, e, f)                                                   \
	((void)(a), (void)(b), (void)(c), (void)(d), (void)(e), (void)(f))
#endif
#endif
