#include "pool_jail.h"
#include "loop/pool_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"

static char page[4096] __attribute__((aligned(4096)));
static const char passwd[] = "/etc/passwd";
static const char *const argv[] = {"/bin/true", NULL};
static int two[2];
static struct rlimit limit;
static struct iovec iov = {page, sizeof(page)};

#define AT(x) ((long)(intptr_t)(x))

/* Arguments with which each would work outside, for root at least, or fail otherwise
 * than by EPERM. */
static const struct
try {
	const char *name;
	long call;
	long arg[6];
}
tries[] = {
    /* the network */
    {"socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {"socket unix", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, AT(two)}},
    {"connect", SYS_connect, {WORKER_FD_SOCK, AT(page), 16}},
    {"bind", SYS_bind, {WORKER_FD_SOCK, AT(page), 16}},
    {"listen", SYS_listen, {WORKER_FD_SOCK, 1}},
    {"sendto elsewhere", SYS_sendto, {WORKER_FD_SOCK, AT(page), 1, 0, AT(page), 16}},
    {"sendto another", SYS_sendto, {1, AT(page), 1}},
    {"sendmsg", SYS_sendmsg, {WORKER_FD_SOCK, AT(page)}}, /* could pass descriptors */
    {"recvmsg", SYS_recvmsg, {WORKER_FD_SOCK, AT(page)}},
    {"recvfrom another", SYS_recvfrom, {0, AT(page), 1, MSG_DONTWAIT}},
    {"getsockopt", SYS_getsockopt, {WORKER_FD_SOCK, SOL_SOCKET, SO_TYPE, AT(page)}},
    /* files */
    {"openat", SYS_openat, {AT_FDCWD, AT(passwd), O_RDONLY}},
    {"openat creat", SYS_openat, {AT_FDCWD, AT("/tmp/x"), O_CREAT | O_WRONLY, 0600}},
    {"openat proc", SYS_openat, {AT_FDCWD, AT("/proc/self/mem"), O_RDWR}},
    {"openat2", SYS_openat2, {AT_FDCWD, AT(passwd), AT(page), 24}},
    {"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD, AT(page), O_RDONLY}},
    {"newfstatat", SYS_newfstatat, {AT_FDCWD, AT("/"), AT(page), 0}},
    {"statx", SYS_statx, {AT_FDCWD, AT("/"), 0, 0, AT(page)}},
    {"unlinkat", SYS_unlinkat, {AT_FDCWD, AT("/tmp/x"), 0}},
    {"mkdirat", SYS_mkdirat, {AT_FDCWD, AT("/tmp/x"), 0700}},
    {"linkat", SYS_linkat, {AT_FDCWD, AT(passwd), AT_FDCWD, AT("/tmp/x")}},
    {"chdir", SYS_chdir, {AT("/")}},
    {"chroot", SYS_chroot, {AT("/")}},
    {"getdents64", SYS_getdents64, {0, AT(page), sizeof(page)}},
    {"fcntl", SYS_fcntl, {WORKER_FD_SOCK, F_GETFD}},
    {"dup", SYS_dup, {WORKER_FD_SOCK}},
    {"ioctl", SYS_ioctl, {1, 0x5401, AT(page)}}, /* TCGETS */
    {"pipe2", SYS_pipe2, {AT(two), 0}},
    {"ftruncate", SYS_ftruncate, {1, 0}},
    {"mount", SYS_mount, {AT("none"), AT("/tmp"), AT("tmpfs")}},
    {"umount2", SYS_umount2, {AT("/tmp"), 0}},
    {"fsopen", SYS_fsopen, {AT("tmpfs"), 0}},
    {"pivot_root", SYS_pivot_root, {AT("/"), AT("/")}},
    {"inotify_init1", SYS_inotify_init1, {0}},
    {"landlock", SYS_landlock_create_ruleset, {0, 0, 1}},
    /* processes */
    {"execve", SYS_execve, {AT("/bin/true"), AT(argv), AT(argv)}},
    {"execveat", SYS_execveat, {AT_FDCWD, AT("/bin/true"), AT(argv), AT(argv), 0}},
    {"clone", SYS_clone, {SIGCHLD}},
    {"clone thread", SYS_clone, {CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, AT(page)}},
    {"clone3", SYS_clone3, {AT(page), 64}},
    {"ptrace", SYS_ptrace, {PTRACE_TRACEME}},
    {"process_vm_readv", SYS_process_vm_readv, {1, AT(&iov), 1, AT(&iov), 1}},
    {"process_vm_writev", SYS_process_vm_writev, {1, AT(&iov), 1, AT(&iov), 1}},
    {"pidfd_open", SYS_pidfd_open, {1}},
    {"kill parent", SYS_kill, {1, 0}},
    {"kill all", SYS_kill, {-1, 0}},
    {"tkill", SYS_tkill, {1, 0}},
    {"tgkill another", SYS_tgkill, {1, 1, 0}},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {1, 0, AT(page)}},
    {"rt_sigaction", SYS_rt_sigaction, {SIGXCPU, 0, AT(page), 8}},
    {"setpriority", SYS_setpriority, {PRIO_PROCESS, 0, -5}},
    {"sched_setscheduler", SYS_sched_setscheduler, {0, SCHED_IDLE, AT(page)}},
    {"setpgid", SYS_setpgid, {0, 0}},
    {"setsid", SYS_setsid, {0}},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}},
    {"setns", SYS_setns, {WORKER_FD_SOCK, 0}},
    {"wait4", SYS_wait4, {-1, 0, 1}},
    /* its own limits and rights */
    {"prctl", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"seccomp", SYS_seccomp, {1, 0, AT(page)}},
    {"prlimit64", SYS_prlimit64, {0, RLIMIT_NOFILE, AT(&limit), 0}},
    {"setuid", SYS_setuid, {0}},
    {"setresuid", SYS_setresuid, {0, 0, 0}},
    {"capset", SYS_capset, {AT(page), AT(page)}},
    {"personality", SYS_personality, {0x0400000}}, /* READ_IMPLIES_EXEC */
    {"keyctl", SYS_keyctl, {0, 0}},
    {"add_key", SYS_add_key, {AT("user"), AT("x"), AT(page), 1, -3}},
    /* memory that is code, or that others reach */
    {"mmap exec", SYS_mmap,
	{0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
    {"mmap shared", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1}},
    {"mmap file", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 0}},
    {"mprotect exec", SYS_mprotect, {AT(page), sizeof(page), PROT_READ | PROT_EXEC}},
    {"pkey_mprotect", SYS_pkey_mprotect,
	{AT(page), sizeof(page), PROT_READ | PROT_EXEC, -1}},
    {"remap_file_pages", SYS_remap_file_pages, {AT(page), sizeof(page), 0, 0, 0}},
    {"madvise dodump", SYS_madvise, {AT(page), sizeof(page), MADV_HWPOISON}},
    {"memfd_create", SYS_memfd_create, {AT("x"), 0}},
    {"shmget", SYS_shmget, {0, 4096, 0600}},
    {"userfaultfd", SYS_userfaultfd, {0}},
    {"mlock", SYS_mlock, {AT(page), sizeof(page)}},
    {"mincore", SYS_mincore, {AT(page), sizeof(page), AT(two)}},
    /* the kernel */
    {"bpf", SYS_bpf, {0, AT(page), sizeof(page)}},
    {"perf_event_open", SYS_perf_event_open, {AT(page), 0, -1, -1, 0}},
    {"io_uring_setup", SYS_io_uring_setup, {8, AT(page)}},
    {"io_uring_enter", SYS_io_uring_enter, {WORKER_FD_SOCK, 1}},
    {"init_module", SYS_init_module, {AT(page), sizeof(page), AT("")}},
    {"kexec_load", SYS_kexec_load, {0, 0, 0, 0}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}},
    {"syslog", SYS_syslog, {10}},
    {"sethostname", SYS_sethostname, {AT("x"), 1}},
    {"clock_settime", SYS_clock_settime, {0, AT(page)}},
    {"nanosleep", SYS_nanosleep, {AT(page), 0}},
    {"getppid", SYS_getppid, {0}},
    {"uname", SYS_uname, {AT(page)}},
};

const char *
jail_name(size_t i)
{
	return i < sizeof(tries) / sizeof(tries[0]) ? tries[i].name : NULL;
}

static int
answer_errno(struct buf *out, long r)
{
	return buf_printf(out, "%s", r == -1 ? strerror(errno) : "allowed");
}

/* In the ABI of a 32-bit machine numbers mean other calls: 1 is exit, 20 getpid. */
static long
foreign_getpid(void)
{
#ifdef __x86_64__
	long r = 20;

	__asm__ volatile("int $0x80" : "+a"(r) : : "memory");
	return r;
#else
	abort();
#endif
}

int
jail_try(const char *what, const struct pool_input *in, struct buf *out)
{
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		const long *a = tries[i].arg;

		if (strcmp(what, tries[i].name) != 0)
			continue;
		errno = 0;
		return answer_errno(
		    out, syscall(tries[i].call, a[0], a[1], a[2], a[3], a[4], a[5]));
	}
	if (strcmp(what, "foreign") == 0)
		return answer_errno(out, foreign_getpid());
	if (strcmp(what, "arena_mprotect") == 0) {
		uintptr_t at = (uintptr_t)in->body.ptr & ~(uintptr_t)4095;

		return answer_errno(
		    out, mprotect((void *)at, 4096, PROT_READ | PROT_WRITE));
	}
	if (strcmp(what, "arena_write") == 0) {
		*(volatile char *)(uintptr_t)in->body.ptr = 'x';
		return answer_errno(out, 0);
	}
	return -EINVAL;
}
