#include "net/conns.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct addr home = {.family = AF_INET, .bytes = {127, 0, 0, 1}};

static struct conn *
opened(struct conns *c, uint16_t port)
{
	struct conn *conn;

	assert_int_equal(conns_open(c, AF_INET, &home, port, &conn), 0);
	assert_true(conn->opened);
	assert_int_equal(conn->port, port);
	assert_ptr_equal(conns_get(c, conn->fd), conn);
	return conn;
}

static void
closed(struct conns *c, struct conn *conn)
{
	int fd = conn->fd;

	conns_drop(c, conn);
	assert_null(conns_get(c, fd));
	assert_int_equal(close(fd), 0);
}

static struct conn_ends
ends_of(int local_port, int remote_port)
{
	return (struct conn_ends){.local_ip = "127.0.0.1",
	    .remote_ip = "127.0.0.1",
	    .local_port = local_port,
	    .remote_port = remote_port};
}

static void
connections_are_found_by_their_ends(void **state)
{
	struct conn_ends ends[3] = {
	    ends_of(1000, 80), ends_of(1001, 80), ends_of(1000, 81)};
	struct conn *v[3];
	struct conns c;

	(void)state;
	conns_init(&c);
	for (size_t i = 0; i < 3; i++) {
		v[i] = opened(&c, 80);
		assert_null(conns_find(&c, &ends[i]));
		conns_name(&c, v[i], &ends[i]);
	}
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(conns_find(&c, &ends[i]), v[i]);
	ends[0].local_ip = "127.0.0.2";
	assert_null(conns_find(&c, &ends[0]));
	closed(&c, v[1]);
	assert_null(conns_find(&c, &ends[1]));
	/* the same ends again: the newer one has them */
	v[1] = opened(&c, 80);
	conns_name(&c, v[1], &ends[2]);
	assert_ptr_equal(conns_find(&c, &ends[2]), v[1]);
	closed(&c, v[2]);
	assert_ptr_equal(conns_find(&c, &ends[2]), v[1]);
	closed(&c, v[0]);
	closed(&c, v[1]);
	conns_release(&c);
}

static void
ids_survive_what_they_name(void **state)
{
	struct conn_id id, none = conn_id(NULL);
	struct conn *conn;
	struct conns c;
	int fd;

	(void)state;
	conns_init(&c);
	assert_null(conns_by_id(&c, none));
	conn = opened(&c, 80);
	id = conn_id(conn);
	assert_ptr_equal(conns_by_id(&c, id), conn);
	/* closed behind our back, the number given out again */
	fd = conn->fd;
	assert_int_equal(close(fd), 0);
	conn = opened(&c, 81);
	assert_int_equal(conn->fd, fd);
	assert_null(conns_by_id(&c, id));
	closed(&c, conn);
	/* what is merely waited for is no connection */
	conn = conns_take(&c, 5);
	assert_false(conn->opened);
	assert_ptr_equal(conns_take(&c, 5), conn);
	conns_release(&c);
}

static void
one_without_a_name_is_found_by_its_own_port(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	struct conn_ends ends;
	struct conn *a, *b;
	struct conns c;

	(void)state;
	conns_init(&c);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a = opened(&c, 80);
	b = opened(&c, 80);
	assert_int_equal(bind(b->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(b->fd, (struct sockaddr *)&at, &len), 0);
	ends = ends_of(ntohs(at.sin_port), 80);
	assert_ptr_equal(conns_find_unnamed(&c, &ends), b);
	conns_name(&c, b, &ends);
	assert_null(conns_find_unnamed(&c, &ends));
	closed(&c, a);
	closed(&c, b);
	conns_release(&c);
}

static void
bytes_the_end_and_errors_are_noise(void **state)
{
	struct conn conn = {0};
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	conn.fd = fds[0];
	assert_false(conn_is_noisy(&conn));
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_true(conn_is_noisy(&conn));
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_false(conn_is_noisy(&conn));
	assert_int_equal(close(fds[1]), 0);
	assert_true(conn_is_noisy(&conn));
	assert_int_equal(close(fds[0]), 0);
	assert_true(conn_is_noisy(&conn));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(connections_are_found_by_their_ends),
	    cmocka_unit_test(ids_survive_what_they_name),
	    cmocka_unit_test(one_without_a_name_is_found_by_its_own_port),
	    cmocka_unit_test(bytes_the_end_and_errors_are_noise),
	};

	return cmocka_run_group_tests_name("net/conns", tests, NULL, NULL);
}
