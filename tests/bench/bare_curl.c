/*
 * tests/bench/bare_curl.c -- the bound: a bare libcurl loop that downloads a list of
 * URLs.
 *
 * bare_curl [-z] [-c CA] [-m N] CONNECTIONS BASE FILE: fetches BASE + line for every line
 * of FILE, with that many connections, throws the bodies away and prints one JSON object:
 * pages, seconds, CPU. multi_socket on epoll, handles used again, nothing else: what a
 * crawler adds on top of this is the crawler's own cost. -z asks for gzip, and leaves it
 * packed; -c: authorities to trust, PEM; -m: connections to keep, for many hosts.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct bench {
	CURLM *multi;
	int epoll;
	long timeout_ms; /* libcurl's wish; -1: none */
	const char *base, *ca;
	struct curl_slist *headers;
	FILE *list;
	unsigned running;
	unsigned long pages, failed, bytes;
};

static size_t
count_body(char *data, size_t size, size_t n, void *ctx)
{
	struct bench *b = ctx;

	(void)data;
	b->bytes += size * n;
	return size * n;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct bench *b = ctx;

	(void)multi;
	b->timeout_ms = timeout_ms;
	return 0;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct bench *b = ctx;
	struct epoll_event ev = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(b->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		ev.events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		ev.events |= EPOLLOUT;
	if (known == NULL) {
		curl_multi_assign(b->multi, fd, b);
		return epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -1 : 0;
	}
	return epoll_ctl(b->epoll, EPOLL_CTL_MOD, fd, &ev) < 0 ? -1 : 0;
}

/* Gives the handle the next line of the list; false: there is none. */
static bool
next(struct bench *b, CURL *easy)
{
	char line[512], url[1024];

	if (fgets(line, sizeof(line), b->list) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	snprintf(url, sizeof(url), "%s%s", b->base, line);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_multi_add_handle(b->multi, easy);
	b->running++;
	return true;
}

static void
reap(struct bench *b)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(b->multi, &left)) != NULL) {
		CURL *easy = msg->easy_handle;
		long status = 0;

		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (msg->data.result == CURLE_OK && status == 200)
			b->pages++;
		else
			b->failed++;
		curl_multi_remove_handle(b->multi, easy);
		b->running--;
		if (!next(b, easy))
			curl_easy_cleanup(easy);
	}
}

static int
run(struct bench *b)
{
	struct epoll_event ev[64];
	int still;

	while (b->running > 0) {
		int wait =
		    b->timeout_ms < 0 || b->timeout_ms > 1000 ? 1000 : (int)b->timeout_ms;
		int n = epoll_wait(b->epoll, ev, 64, wait);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0) {
			b->timeout_ms = -1;
			curl_multi_socket_action(
			    b->multi, CURL_SOCKET_TIMEOUT, 0, &still);
		}
		for (int i = 0; i < n; i++) {
			int what =
			    (ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			    (ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			    (ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

			curl_multi_socket_action(b->multi, ev[i].data.fd, what, &still);
		}
		reap(b);
	}
	return 0;
}

static CURL *
handle_new(struct bench *b)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return NULL;
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, b);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 49152L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, b->headers);
	if (b->ca != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, b->ca);
	return easy;
}

static double
seconds_of(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static void
report(const struct bench *b, double seconds)
{
	struct rusage ru;
	double cpu;

	getrusage(RUSAGE_SELF, &ru);
	cpu = seconds_of(ru.ru_utime) + seconds_of(ru.ru_stime);
	printf("{\"pages\":%lu,\"failed\":%lu,\"bytes\":%lu,\"seconds\":%.4f,\"cpu_"
	       "seconds\":%.4f}\n",
	    b->pages, b->failed, b->bytes, seconds, cpu);
}

struct args {
	const char *base, *file, *ca;
	long connections, kept;
	bool zipped;
};

static bool
args_read(struct args *a, int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "zc:m:")) != -1) {
		if (opt == 'z')
			a->zipped = true;
		else if (opt == 'c')
			a->ca = optarg;
		else if (opt == 'm')
			a->kept = strtol(optarg, NULL, 10);
		else
			return false;
	}
	if (argc - optind != 3)
		return false;
	a->connections = strtol(argv[optind], NULL, 10);
	a->base = argv[optind + 1];
	a->file = argv[optind + 2];
	if (a->kept == 0)
		a->kept = a->connections;
	return a->connections >= 1 && a->kept >= 1;
}

static bool
bench_init(struct bench *b, const struct args *a)
{
	b->base = a->base;
	b->ca = a->ca;
	b->list = fopen(a->file, "re");
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (b->list == NULL || b->epoll < 0 ||
	    curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return false;
	if (a->zipped)
		b->headers = curl_slist_append(NULL, "Accept-Encoding: gzip");
	b->multi = curl_multi_init();
	if (b->multi == NULL)
		return false;
	curl_multi_setopt(b->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(b->multi, CURLMOPT_SOCKETDATA, b);
	curl_multi_setopt(b->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(b->multi, CURLMOPT_TIMERDATA, b);
	curl_multi_setopt(b->multi, CURLMOPT_MAXCONNECTS, a->kept);
	return true;
}

int
main(int argc, char **argv)
{
	struct bench b = {.timeout_ms = 0};
	struct args args = {0};
	struct timespec from, to;
	int r;

	if (!args_read(&args, argc, argv)) {
		fputs("usage: bare_curl [-z] [-c CA] [-m KEPT] CONNECTIONS BASE FILE\n",
		    stderr);
		return 2;
	}
	if (!bench_init(&b, &args))
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (long i = 0; i < args.connections; i++) {
		CURL *easy = handle_new(&b);

		if (easy == NULL)
			return 1;
		if (!next(&b, easy)) {
			curl_easy_cleanup(easy);
			break;
		}
	}
	r = run(&b);
	clock_gettime(CLOCK_MONOTONIC, &to);
	report(&b, (double)(to.tv_sec - from.tv_sec) +
		       (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	curl_multi_cleanup(b.multi);
	curl_slist_free_all(b.headers);
	curl_global_cleanup();
	fclose(b.list);
	close(b.epoll);
	return r < 0 || b.failed > 0;
}
