/* HTTP/2 against a server that speaks it: nginx, where it is installed. */
#include "net_transport_rig.h"
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct nginx {
	pid_t pid;
	uint16_t port;
	char dir[64];
};
static struct nginx nginx;

static char *
path_in(const char *name)
{
	static char paths[4][128];
	static size_t next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, 128, "%s/%s", nginx.dir, name);
	return path;
}

static void
file_write(const char *name, const char *text, size_t times)
{
	FILE *f = fopen(path_in(name), "we");

	assert_non_null(f);
	for (size_t i = 0; i < times; i++)
		assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
conf_write(void)
{
	FILE *f = fopen(path_in("nginx.conf"), "we");

	assert_non_null(f);
	(void)fprintf(f,
	    "daemon off; master_process off; pid %1$s/pid; error_log %1$s/error.log;\n"
	    "events { worker_connections 64; }\n"
	    "http {\n access_log off;\n"
	    " client_body_temp_path %1$s/1; proxy_temp_path %1$s/2;\n"
	    " fastcgi_temp_path %1$s/3; uwsgi_temp_path %1$s/4; scgi_temp_path %1$s/5;\n"
	    " server { listen 127.0.0.1:%2$u ssl http2; root %1$s;\n"
	    "  ssl_certificate %1$s/cert.pem; ssl_certificate_key %1$s/key.pem; }\n}\n",
	    nginx.dir, nginx.port);
	assert_int_equal(fclose(f), 0);
}

static uint16_t
port_of(int fd, bool listening)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(nginx.port)};
	socklen_t len = sizeof(at);
	uint16_t port = 0;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listening && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		port = nginx.port;
	else if (!listening && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		 getsockname(fd, (struct sockaddr *)&at, &len) == 0)
		port = ntohs(at.sin_port);
	(void)close(fd);
	return port;
}

static bool
nginx_start(void)
{
	(void)snprintf(nginx.dir, sizeof(nginx.dir), "/tmp/trawl-nginx-XXXXXX");
	assert_non_null(mkdtemp(nginx.dir));
	nginx.port = 0; /* any */
	nginx.port = port_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), false);
	http_server_ca(path_in("ca.pem"));
	http_server_cert("site.test", path_in("cert.pem"), path_in("key.pem"));
	file_write("page", "hello", 1);
	file_write("big", "0123456789", 20000);
	conf_write();
	nginx.pid = fork();
	if (nginx.pid == 0) {
		const char *conf = path_in("nginx.conf");

		(void)execlp("nginx", "nginx", "-c", conf, (char *)NULL);
		(void)execl("/usr/sbin/nginx", "nginx", "-c", conf, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 6000; i++) {
		if (port_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), true) != 0)
			return true;
		if (waitpid(nginx.pid, NULL, WNOHANG) == nginx.pid)
			return false;
		(void)usleep(10000);
	}
	return false;
}

static int
setup_nginx(void **state)
{
	struct transport_conf conf = {.http = 2};

	if (!nginx_start()) {
		nginx.pid = 0;
		return 0;
	}
	conf.ca_file = path_in("ca.pem");
	return rig_setup(state, conf, NULL);
}

static int
teardown_nginx(void **state)
{
	static const char *const names[] = {"ca.pem", "cert.pem", "key.pem", "page",
	    "big", "nginx.conf", "pid", "error.log"};
	char name[2] = "1";

	if (nginx.pid > 0) {
		(void)kill(nginx.pid, SIGTERM);
		(void)waitpid(nginx.pid, NULL, 0);
		(void)rig_teardown(state);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(path_in(names[i]));
	for (; name[0] <= '5'; name[0]++)
		(void)rmdir(path_in(name));
	return rmdir(nginx.dir);
}

static struct transport_request
request_h2(const char *path)
{
	static char urls[16][64];
	static size_t next;
	char *url = urls[next++ % 16];
	struct transport_request req = request_to("https", "site.test", "/");

	(void)snprintf(url, 64, "https://site.test:%u%s", nginx.port, path);
	req.url = slice_cstr(url);
	req.port = nginx.port;
	return req;
}

static void
http2_is_told_in_the_syntax_of_http1(void **state)
{
	struct transport_request req;
	char want[256];
	struct got g;

	(void)state;
	if (nginx.pid == 0) {
		print_message("skipped: no nginx here\n");
		skip();
	}
	req = request_h2("/page?x=1");
	fetch_request(&req, &g);
	if (g.r.outcome != OUTCOME_OK)
		fail_msg("%s: %s", outcome_name(g.r.outcome), g.r.error);
	assert_int_equal(g.r.status, 200);
	assert_string_equal(g.r.protocol, "h2");
	assert_string_equal(body_of(&g), "hello");
	assert_int_equal(strncmp(g.text, "HTTP/1.1 200 \r\nserver: nginx", 28), 0);
	(void)snprintf(want, sizeof(want),
	    "GET /page?x=1 HTTP/1.1\r\nHost: site.test:%u\r\nuser-agent: test\r\n"
	    "accept: */*\r\n\r\n",
	    nginx.port);
	assert_string_equal(g.request, want);
	got_free(&g);
}

static void
many_share_one_connection(void **state)
{
	enum { MANY = 12 };
	struct got g[MANY];
	uint32_t fresh = 0;

	(void)state;
	if (nginx.pid == 0)
		skip();
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++) {
			struct transport_request req =
			    request_h2(i % 3 == 0 ? "/big" : "/page");

			req.method = i % 4 == 3 ? TRANSPORT_HEAD : TRANSPORT_GET;
			req.body_bytes_max = i % 6 == 0 ? 1000 : 0;
			(void)start(&req, &g[i]);
		}
		assert_int_equal(loop_run(fx->loop), 0);
		for (size_t i = 0; i < MANY; i++) {
			size_t whole = i % 3 == 0 ? 200000 : 5;

			if (i % 4 == 3)
				whole = 0;
			assert_int_equal(
			    g[i].r.outcome, i % 6 == 0 ? OUTCOME_TOO_LARGE : OUTCOME_OK);
			assert_int_equal(g[i].r.body_len, i % 6 == 0 ? 1000 : whole);
			fresh += !g[i].r.reused;
			got_free(&g[i]);
		}
	}
	assert_int_equal(fresh, 1);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup_nginx, teardown_nginx)
	const struct CMUnitTest tests[] = {
	    TEST(http2_is_told_in_the_syntax_of_http1),
	    TEST(many_share_one_connection),
	};
	int failed = 0;

	for (rig_loops = 1; rig_loops <= 3; rig_loops++)
		failed +=
		    cmocka_run_group_tests_name(rig_name("net/http2"), tests, NULL, NULL);
	return failed;
}
