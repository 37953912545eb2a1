#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "store/lockfile.h"
#include "store/store.h"

#include "base/banned.h"

int
store_owner(const char *dir, int64_t *ret_pid)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/state/TRAWL-LOCK", dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return lockfile_owner(path, ret_pid) ? 0 : -ENOENT;
}
