#include "crawl/space.h"
#include <errno.h>
#include <ftw.h>
#include <sys/statvfs.h>

enum { RESERVE_PART = 16, RESERVE_MAX = 64 << 20, OPEN_FILES_MAX = 16 };
enum { WAIT_MS_MAX = 60 * 1000, STEADY_MS = 30 * 1000 };
enum { SMALL_BYTES = 16 << 20 }; /* of which MiB would tell little */

static bool
measure(const char *dir, uint64_t *ret_free, uint64_t *ret_reserve)
{
	struct statvfs fs;

	if (statvfs(dir, &fs) < 0)
		return false;
	*ret_free = (uint64_t)fs.f_bavail * fs.f_frsize;
	*ret_reserve = (uint64_t)fs.f_blocks * fs.f_frsize / RESERVE_PART;
	if (*ret_reserve > RESERVE_MAX)
		*ret_reserve = RESERVE_MAX;
	return true;
}

uint64_t
space_reserve(const char *dir)
{
	uint64_t left, reserve;

	return measure(dir, &left, &reserve) ? reserve : 0;
}

bool
space_is_short(const char *dir, struct why *why)
{
	uint64_t left, reserve;
	bool small;

	if (!measure(dir, &left, &reserve) || left >= reserve)
		return false;
	small = reserve < SMALL_BYTES;
	(void)why_set(why, -ENOSPC,
	    "the disk of %s is nearly full: %llu %s are left, %llu are kept free", dir,
	    (unsigned long long)(left >> (small ? 10 : 20)), small ? "KiB" : "MiB",
	    (unsigned long long)(reserve >> (small ? 10 : 20)));
	return true;
}

bool
space_is_back(const char *dir)
{
	uint64_t left, reserve;

	return !measure(dir, &left, &reserve) || left >= 2 * reserve;
}

int64_t
space_wait_ms(struct space_wait *w, int64_t first_ms, int64_t now_ms)
{
	bool again = w->ms > 0 && now_ms - w->tried_ms < STEADY_MS;

	w->ms = again ? w->ms * 2 : first_ms;
	if (w->ms > WAIT_MS_MAX)
		w->ms = WAIT_MS_MAX;
	return w->ms;
}

void
space_wait_tried(struct space_wait *w, int64_t now_ms)
{
	w->tried_ms = now_ms;
}

static __thread uint64_t taken_bytes; /* nftw(3) hands on no context */

static int
on_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	if (type == FTW_F)
		taken_bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

uint64_t
space_taken(const char *dir)
{
	taken_bytes = 0;
	(void)nftw(dir, on_file, OPEN_FILES_MAX, FTW_PHYS);
	return taken_bytes;
}
