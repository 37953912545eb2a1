#include "base/dir_names.h"
#include "base/list.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

struct dir_names {
	struct list on_all;
	dev_t dev;
	ino_t ino;
	uint32_t holders;
	uint64_t changes, synced; /* of `changes`, how many */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list all = {&all, &all};

static struct dir_names *
find(const struct stat *st)
{
	list_foreach (at, &all) {
		struct dir_names *d = container_of(at, struct dir_names, on_all);

		if (d->dev == st->st_dev && d->ino == st->st_ino)
			return d;
	}
	return NULL;
}

int
dir_names_open(int dir_fd, struct dir_names **ret)
{
	struct dir_names *d;
	struct stat st;

	if (fstat(dir_fd, &st) < 0)
		return -errno;
	(void)pthread_mutex_lock(&mutex);
	d = find(&st);
	if (d == NULL) {
		d = calloc(1, sizeof(*d));
		if (d != NULL) {
			d->dev = st.st_dev;
			d->ino = st.st_ino;
			list_push(&all, &d->on_all);
		}
	}
	if (d != NULL)
		d->holders++;
	(void)pthread_mutex_unlock(&mutex);
	if (d == NULL)
		return -ENOMEM;
	*ret = d;
	return 0;
}

void
dir_names_close(struct dir_names *d)
{
	if (d == NULL)
		return;
	(void)pthread_mutex_lock(&mutex);
	assert(d->holders > 0);
	if (--d->holders == 0)
		list_remove(&d->on_all);
	else
		d = NULL;
	(void)pthread_mutex_unlock(&mutex);
	free(d);
}

uint64_t
dir_names_change(struct dir_names *d)
{
	uint64_t change;

	(void)pthread_mutex_lock(&mutex);
	change = ++d->changes;
	(void)pthread_mutex_unlock(&mutex);
	return change;
}

int
dir_names_sync(struct dir_names *d, int dir_fd, uint64_t change)
{
	uint64_t changes;
	bool done;

	(void)pthread_mutex_lock(&mutex);
	assert(change <= d->changes);
	changes = d->changes;
	done = d->synced >= change;
	(void)pthread_mutex_unlock(&mutex);
	if (done)
		return 0;
	if (fsync(dir_fd) < 0)
		return -errno;
	(void)pthread_mutex_lock(&mutex);
	if (d->synced < changes)
		d->synced = changes;
	(void)pthread_mutex_unlock(&mutex);
	return 0;
}
