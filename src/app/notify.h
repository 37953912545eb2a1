/*
 * app/notify.h -- what systemd is told (sd_notify(3)), and what it hands over
 * (sd_listen_fds(3)).
 *
 * Without libsystemd, or without a manager that asks, nothing happens.
 * Threads: one.
 */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H
#include <stdbool.h>
#include <stdint.h>

/* Lines such as "READY=1\nSTATUS=..."; what is not heard is not heard. */
__attribute__((format(printf, 1, 2))) void notify(const char *fmt, ...);
/* "RELOADING=1" with the time that Type=notify-reload wants. */
void notify_reloading(void);
/* How often the manager wants to hear WATCHDOG=1; 0: it does not. */
int64_t notify_watchdog_ms(void);
/* Sockets that were handed over, from descriptor *ret_first on; -errno. */
int notify_sockets(int *ret_first);
/* It listens: is it a unix socket? */
bool notify_is_unix_socket(int fd);
#endif
