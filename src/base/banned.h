/*
 * base/banned.h -- calls that are not to be made; `make lint` and the compiler both refuse.
 *
 * Include last.  Use instead: buf_printf/snprintf, slice_cut, slice_to_u64, gmtime_r.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H
/* With clang, fortified headers make macros of these, and a macro cannot be poisoned. */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atoll gmtime localtime gets
#endif
