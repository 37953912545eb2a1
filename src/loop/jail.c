#include "loop/jail.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
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

#define NOBODY         65534
#define PROBE_BYTES    ((size_t)1 << 20)
#define JAIL_FILES_MAX 8

static int
failed(struct why *why, int code, const char *step)
{
	return why_set(why, code, "cannot jail a worker: %s: %s", step, strerror(-code));
}

/*
 * The bounding set first, it needs a capability itself.  A container may keep root from
 * changing its user: EPERM and EINVAL (no such user in the namespace) are no failure,
 * because the capabilities go in any case.
 */
static int
drop_privileges(struct why *why)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (geteuid() == 0) {
		if ((setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			setresuid(NOBODY, NOBODY, NOBODY) < 0) &&
		    errno != EPERM && errno != EINVAL)
			return failed(why, -errno, "user");
	}
	if (syscall(SYS_capset, &head, none) < 0)
		return failed(why, -errno, "capabilities");
	return 0;
}

static int
limit(int what, uint64_t value, const char *step, struct why *why)
{
	struct rlimit r = {.rlim_cur = value, .rlim_max = value};

	if (setrlimit((__rlimit_resource_t)what, &r) < 0)
		return failed(why, -errno, step);
	return 0;
}

/* No limit of CPU time: it would count over all tasks; each has its deadline. */
static int
set_limits(const struct jail_conf *conf, struct why *why)
{
	void *probe;
	int r;

	if ((r = limit(RLIMIT_CORE, 0, "limit of cores", why)) < 0 ||
	    (r = limit(RLIMIT_FSIZE, 0, "limit of files' size", why)) < 0 ||
	    (r = limit(RLIMIT_NPROC, 0, "limit of processes", why)) < 0 ||
	    (r = limit(RLIMIT_NOFILE, JAIL_FILES_MAX, "limit of files", why)) < 0)
		return r;
#ifndef TRAWL_SANITIZED /* shadow memory takes terabytes of addresses */
	if (conf->address_bytes > 0 &&
	    (r = limit(RLIMIT_AS, conf->address_bytes, "limit of memory", why)) < 0)
		return r;
#else
	(void)conf;
#endif
	probe = mmap(NULL, PROBE_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (probe == MAP_FAILED)
		return failed(
		    why, -ENOMEM, "its memory limit is below what it uses already");
	(void)munmap(probe, PROBE_BYTES);
	return 0;
}

/* Memory, time, its open descriptors, its own signals and its end. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(close),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sysinfo), /* qsort() of glibc sizes its memory by it and checks no error */
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
#ifdef TRAWL_SANITIZED
    SCMP_SYS(sigaltstack),
    SCMP_SYS(readlink),
    SCMP_SYS(getrlimit),
#endif
};

static int
add_rules(scmp_filter_ctx ctx)
{
	int r;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
		/* -EDOM: the machine has no such call. */
		if (r < 0 && r != -EDOM)
			return r;
	}
	/* Memory, but never memory to run code from. */
	r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r < 0)
		return r;
	r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r < 0)
		return r;
	/* abort() sends itself a signal. */
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
	r = drop_privileges(why);
	if (r < 0)
		return r;
	/* Changing the user has cleared it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failed(why, -errno, "death with the parent");
	r = set_limits(conf, why);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed(why, -errno, "no_new_privs");
	return filter_calls(why);
}
