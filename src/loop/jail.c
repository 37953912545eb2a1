#include "loop/jail.h"
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef TRAWL_SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

#include "base/banned.h"

#define NOBODY      65534
#define PROBE_BYTES ((size_t)1 << 20)

static int
failed(struct why *why, int code, const char *step)
{
	return why_set(why, code, "cannot jail a worker: %s: %s", step, strerror(-code));
}

/* No such user in this namespace, or a container keeps root from changing its own. */
static bool
is_serious(int r)
{
	return r < 0 && errno != EPERM && errno != EINVAL;
}

/*
 * Root becomes nobody, each step even if the one before was refused: a step that is not
 * to be had is no failure, because the capabilities go in any case, and with them all
 * that root could do through the calls that are left.
 */
static int
leave_root(struct why *why)
{
	if (geteuid() != 0 && getuid() != 0)
		return 0;
	if (is_serious(setgroups(0, NULL)) ||
	    is_serious(setresgid(NOBODY, NOBODY, NOBODY)) ||
	    is_serious(setresuid(NOBODY, NOBODY, NOBODY)))
		return failed(why, -errno, "user");
	return 0;
}

/* The bounding set first, it needs a capability itself; without that it stays, which
 * means nothing to a process that cannot exec. */
static int
drop_privileges(struct why *why)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	int r;

	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	r = leave_root(why);
	if (r == 0 && syscall(SYS_capset, &head, none) < 0)
		return failed(why, -errno, "capabilities");
	return r;
}

static int
limit(int what, uint64_t soft, uint64_t hard, const char *step, struct why *why)
{
	struct rlimit r = {.rlim_cur = soft, .rlim_max = hard};

	if (setrlimit((__rlimit_resource_t)what, &r) < 0)
		return failed(why, -errno, step);
	return 0;
}

/*
 * Address space, for a parser without end; CPU time of a whole life, for the case that
 * nobody is there to keep its deadlines; and none of what it has no use for.
 */
static int
set_limits(const struct jail_conf *conf, struct why *why)
{
	void *probe;
	int r;

	if ((r = limit(RLIMIT_CORE, 0, 0, "limit of cores", why)) < 0 ||
	    (r = limit(RLIMIT_NPROC, 0, 0, "limit of processes", why)) < 0 ||
	    (r = limit(RLIMIT_NOFILE, conf->files, conf->files, "limit of files", why)) <
		0)
		return r;
	/* A signal that tells why, and the end of one that does not heed it. */
	if (conf->cpu_s > 0 && (r = limit(RLIMIT_CPU, conf->cpu_s, conf->cpu_s + 2,
				    "limit of CPU time", why)) < 0)
		return r;
#ifndef TRAWL_SANITIZED
	/* stderr may be a file, which a sanitizer's report goes to. */
	if ((r = limit(RLIMIT_FSIZE, 0, 0, "limit of files' size", why)) < 0)
		return r;
	/* Shadow memory takes terabytes of addresses. */
	if (conf->address_bytes > 0 &&
	    (r = limit(RLIMIT_AS, conf->address_bytes, conf->address_bytes,
		 "limit of memory", why)) < 0)
		return r;
#endif
	probe = mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (probe == MAP_FAILED)
		return failed(
		    why, -ENOMEM, "its memory limit is below what it uses already");
	(void)munmap(probe, PROBE_BYTES);
	return 0;
}

/* ---- the filter ---- */

/*
 * What a worker was seen to use (strace), and what libc falls back to where there is no
 * vDSO.  Its descriptors are the socket only; it gets memory, but none to run code from
 * and none of a file; the only process it can send a signal is itself, to abort().
 */
static const struct rule {
	int call;
	unsigned args; /* that are checked */
	struct scmp_arg_cmp arg[2];
} rules[] = {
    {SCMP_SYS(recvfrom), 1, {{0, SCMP_CMP_EQ, JAIL_SOCKET, 0}}},
    {SCMP_SYS(sendto), 2, {{0, SCMP_CMP_EQ, JAIL_SOCKET, 0}, {4, SCMP_CMP_EQ, 0, 0}}},
    {SCMP_SYS(brk), 0, {{0}}},
    {SCMP_SYS(mmap), 2,
	{{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0},
	    {3, SCMP_CMP_MASKED_EQ, MAP_TYPE | MAP_ANONYMOUS,
		MAP_PRIVATE | MAP_ANONYMOUS}}},
    {SCMP_SYS(mprotect), 1, {{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}}},
    {SCMP_SYS(munmap), 0, {{0}}},
    {SCMP_SYS(mremap), 0, {{0}}},
    {SCMP_SYS(madvise), 1, {{2, SCMP_CMP_EQ, MADV_DONTNEED, 0}}},
    {SCMP_SYS(madvise), 1, {{2, SCMP_CMP_EQ, MADV_REMOVE, 0}}},
    {SCMP_SYS(futex), 0, {{0}}},
    {SCMP_SYS(clock_gettime), 0, {{0}}},
    {SCMP_SYS(gettimeofday), 0, {{0}}},
    {SCMP_SYS(time), 0, {{0}}},
    {SCMP_SYS(getrandom), 0, {{0}}}, /* expat salts its tables */
    {SCMP_SYS(sysinfo), 0, {{0}}},   /* qsort() sizes its memory by it, unchecked */
    {SCMP_SYS(getpid), 0, {{0}}},    /* abort(), as the next two */
    {SCMP_SYS(gettid), 0, {{0}}},
    {SCMP_SYS(rt_sigprocmask), 0, {{0}}},
    {SCMP_SYS(exit_group), 0, {{0}}},
#ifdef TRAWL_SANITIZED /* to report what they found */
    {SCMP_SYS(write), 0, {{0}}},
    {SCMP_SYS(read), 0, {{0}}},
    {SCMP_SYS(close), 0, {{0}}},
    {SCMP_SYS(madvise), 0, {{0}}},
    {SCMP_SYS(rt_sigaction), 0, {{0}}},
    {SCMP_SYS(rt_sigreturn), 0, {{0}}},
    {SCMP_SYS(sched_yield), 0, {{0}}},
    {SCMP_SYS(sigaltstack), 0, {{0}}},
    {SCMP_SYS(readlink), 0, {{0}}},
    {SCMP_SYS(getrlimit), 0, {{0}}},
#endif
};

static int
add_rules(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		int r = seccomp_rule_add_array(
		    ctx, SCMP_ACT_ALLOW, rules[i].call, rules[i].args, rules[i].arg);

		/* -EDOM: the machine has no such call. */
		if (r < 0 && r != -EDOM)
			return r;
	}
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
	    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

static int
filter_calls(struct why *why)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (ctx == NULL)
		return failed(why, -ENOMEM, "seccomp");
	r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = add_rules(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r < 0)
		return failed(why, r, "seccomp");
	/* It never fails where it is allowed. */
	if (syscall(SYS_getppid) != -1 || errno != EPERM)
		return failed(why, -EPERM, "the seccomp filter has no effect");
	return 0;
}

/* ---- what is believed only when seen ---- */

static bool
has_no_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, has) < 0)
		return false;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		if (has[i].effective != 0 || has[i].permitted != 0 ||
		    has[i].inheritable != 0)
			return false;
	return true;
}

/* As /proc tells; where there is none, close_range() is believed. */
static bool
has_other_files(uint32_t files)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	bool found = false;

	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL) {
		long fd = strtol(e->d_name, NULL, 10); /* of "..": 0 */

		found = found || (fd >= (long)files && fd != dirfd(d));
	}
	(void)closedir(d);
	return found;
}

static int
close_others(uint32_t files, struct why *why)
{
	if (close_range(files, ~0u, 0) < 0)
		return failed(why, -errno, "closing files");
	if (has_other_files(files))
		return failed(why, -EBADF, "files stay open");
	return 0;
}

int
jail_enter(const struct jail_conf *conf, struct why *why)
{
	int r;

#ifdef TRAWL_SANITIZED
	/* Reads /proc/self/maps now, for the report it may have to write later. */
	__sanitizer_sandbox_on_notify(NULL);
#endif
	r = close_others(conf->files, why);
	if (r == 0)
		r = drop_privileges(why);
	if (r < 0)
		return r;
	/* Changing the user has cleared it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failed(why, -errno, "death with the parent");
	/* Nobody but root reads its memory or traces it, not even others of its user. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return failed(why, -EPERM, "it can be dumped");
	r = set_limits(conf, why);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(why, -errno, "no_new_privs");
	if (!has_no_capabilities())
		return failed(why, -EPERM, "it keeps capabilities");
	return filter_calls(why);
}
