#include "app/notify.h"
#include "base/clock.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#if HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

void
notify(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
#if HAVE_SYSTEMD
	(void)sd_notify(0, text);
#endif
}

void
notify_reloading(void)
{
	notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
}

int64_t
notify_watchdog_ms(void)
{
#if HAVE_SYSTEMD
	uint64_t us;

	if (sd_watchdog_enabled(0, &us) > 0)
		return us < 2000 ? 1 : (int64_t)(us / 1000);
#endif
	return 0;
}

int
notify_sockets(int *ret_first)
{
#if HAVE_SYSTEMD
	*ret_first = SD_LISTEN_FDS_START;
	return sd_listen_fds(1);
#else
	*ret_first = 3;
	return 0;
#endif
}

bool
notify_is_unix_socket(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_UNIX;
}
