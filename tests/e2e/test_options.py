"""Every option has a test that shows its effect: which, and those that stand nowhere else."""

import contextlib
import fcntl
import os
import pty
import re
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest

import harness

E2E, SIM = "tests/e2e/test_%s.py", "tests/sim/test_sim_%s.c"

# A row of options.def, and the test of its effect.
TESTED = {
    "crawl.scope": (SIM % "crawl", "each_scope_reaches_as_far_as_it_says"),
    "crawl.include": (E2E % "cli", "test_depth_exclude_and_include_bound_the_crawl"),
    "crawl.exclude": (E2E % "cli", "test_depth_exclude_and_include_bound_the_crawl"),
    "crawl.depth": (E2E % "cli", "test_depth_exclude_and_include_bound_the_crawl"),
    "crawl.requisites": (SIM % "crawl", "parts_of_pages_come_from_anywhere_only_if_asked"),
    "crawl.order": (SIM % "crawl", "orders_do_what_their_names_say"),
    "crawl.focus": (SIM % "crawl", "words_that_are_looked_for_decide_what_goes_first"),
    "crawl.priority": (SIM % "crawl", "orders_do_what_their_names_say"),
    "crawl.sitemaps": (SIM % "links", "sitemaps_that_pages_name_are_read_within_scope"),
    "crawl.sitemap_extras": (SIM % "links", "what_a_sitemap_has_beside_its_pages_is_followed_only_if_asked"),
    "crawl.extract": (E2E % "fields", "test_a_crawl_writes_the_fields_of_its_pages"),
    "crawl.robots": (SIM % "crawl", "robots_can_be_ignored"),
    "crawl.nofollow": (SIM % "links", "links_may_be_nofollow_one_by_one"),
    "crawl.speculative": (SIM % "links", "urls_in_scripts_are_tried_only_if_asked_and_few_a_page"),
    "crawl.speculative_max": (SIM % "links", "urls_in_scripts_are_tried_only_if_asked_and_few_a_page"),
    "crawl.check_links": (E2E % "check_links", "test_all_faults_are_found_and_nothing_else"),
    "crawl.check_fragments": (E2E % "check_links", "test_ids_of_outside_pages_are_looked_at_if_asked"),
    "crawl.check_soft_404": (E2E % "check_links", "test_soft_404s_are_told_apart"),
    "crawl.sort_query": (SIM % "links", "sorted_queries_make_one_url_of_seeds_links_and_redirects"),
    "crawl.strip_session_ids": (SIM % "links", "session_ids_are_stripped_of_seeds_links_and_redirects"),
    "crawl.strip_tracking": (SIM % "links", "tracking_is_stripped_of_seeds_links_and_redirects"),
    "crawl.recrawl": (E2E % "recrawl", "test_only_what_is_due_is_asked"),
    "crawl.recrawl_interval": (SIM % "recrawl", "only_what_is_due_is_asked_again"),
    "crawl.recrawl_min": (SIM % "recrawl", "pages_are_asked_as_often_as_they_change"),
    "crawl.recrawl_max": (SIM % "recrawl", "pages_are_asked_as_often_as_they_change"),
    "limits.max_pages": (E2E % "budgets", "test_pages"),
    "limits.max_bytes": (E2E % "budgets", "test_bytes"),
    "limits.max_time": (E2E % "budgets", "test_time"),
    "limits.max_disk": (E2E % "budgets", "test_disk"),
    "limits.max_links": (E2E % "caps", "test_options_say_how_many_links_are_taken_and_how_much_is_decoded"),
    "limits.max_memory": (E2E % "budgets", "test_max_memory_sizes_what_answers_are_received_into"),
    "limits.traps": (SIM % "traps", "without_traps_or_with_trap_ok_nothing_is_cut"),
    "limits.trap_repeats": (SIM % "traps", "each_number_has_its_effect"),
    "limits.trap_depth": (SIM % "traps", "each_number_has_its_effect"),
    "limits.trap_length": (SIM % "traps", "each_number_has_its_effect"),
    "limits.trap_dates": (SIM % "traps", "each_number_has_its_effect"),
    "limits.trap_queries": (SIM % "traps", "each_number_has_its_effect"),
    "limits.trap_duplicates": (SIM % "traps", "each_number_has_its_effect"),
    "limits.trap_hosts": (SIM % "traps", "made_up_hosts_have_an_end"),
    "limits.trap_ok": (SIM % "traps", "without_traps_or_with_trap_ok_nothing_is_cut"),
    "fetch.concurrency": (SIM % "crawl", "concurrency_holds_over_all_hosts"),
    "fetch.per_host": (SIM % "crawl", "a_host_gets_as_many_requests_at_once_as_was_said"),
    "fetch.per_ip": (SIM % "politeness", "an_address_is_not_asked_by_more_than_its_limit"),
    "fetch.per_site": (SIM % "politeness", "a_site_is_not_asked_by_more_than_its_limit"),
    "fetch.delay": (SIM % "crawl", "hosts_are_asked_one_at_a_time_and_with_the_gap_that_was_set"),
    "fetch.crawl_delay_max": (SIM % "politeness", "a_crawl_delay_is_kept_up_to_what_the_user_wants"),
    "fetch.rate": (SIM % "crawl", "rate_holds_over_all_hosts"),
    "fetch.bandwidth": (SIM % "politeness", "no_more_is_received_than_the_bandwidth"),
    "fetch.timeout": (E2E % "options", "test_each_timeout_ends_what_it_is_for"),
    "fetch.connect_timeout": (E2E % "options", "test_each_timeout_ends_what_it_is_for"),
    "fetch.first_byte_timeout": (E2E % "options", "test_each_timeout_ends_what_it_is_for"),
    "fetch.stall_timeout": (E2E % "options", "test_each_timeout_ends_what_it_is_for"),
    "fetch.total_timeout": (E2E % "options", "test_each_timeout_ends_what_it_is_for"),
    "fetch.retries": (E2E % "options", "test_as_many_tries_are_made_as_was_said"),
    "fetch.max_body": (E2E % "caps", "test_a_body_is_cut_at_max_body_also_when_memory_is_too_little_for_it"),
    "fetch.max_decoded": (E2E % "caps", "test_options_say_how_many_links_are_taken_and_how_much_is_decoded"),
    "fetch.user_agent": (E2E % "cli", "test_headers_and_user_agent_are_sent"),
    "fetch.from": (E2E % "options", "test_from_and_header_lines_are_sent"),
    "fetch.header": (E2E % "options", "test_from_and_header_lines_are_sent"),
    "fetch.header_for": (E2E % "requests", "test_a_password_goes_to_its_host_and_into_no_file_that_is_handed_on"),
    "fetch.auth": (E2E % "requests", "test_a_password_goes_to_its_host_and_into_no_file_that_is_handed_on"),
    "fetch.auth_file": (E2E % "requests", "test_a_password_from_a_file_is_in_no_file_of_the_crawl"),
    "fetch.cookies": (E2E % "requests", "test_cookies_of_a_file_are_sent_and_what_came_of_them_is_written"),
    "fetch.accept_cookies": (E2E % "requests", "test_cookies_can_be_left_alone"),
    "fetch.save_cookies": (E2E % "requests", "test_cookies_of_a_file_are_sent_and_what_came_of_them_is_written"),
    "fetch.proxy": (E2E % "requests", "test_a_socks_proxy_carries_both"),
    "fetch.no_proxy": (E2E % "requests", "test_each_scheme_has_its_proxy_and_exceptions_have_none"),
    "fetch.http": (E2E % "transport", "test_http2_is_spoken_when_asked_for_and_archived_as_http1"),
    "fetch.insecure": (E2E % "transport", "test_insecure_means_that_certificates_are_not_looked_at"),
    "fetch.ca": (E2E % "transport", "test_a_site_whose_authority_is_trusted_is_crawled"),
    "fetch.cert": (E2E % "requests", "test_a_server_that_wants_a_certificate_gets_it_or_none"),
    "fetch.key": (E2E % "requests", "test_a_server_that_wants_a_certificate_gets_it_or_none"),
    "net.resolve": (E2E % "transport", "test_a_name_that_the_certificate_has_is_crawled"),
    "net.ip": (E2E % "requests", "test_a_host_is_reached_by_the_family_that_works"),
    "net.dns": (E2E % "cli", "test_loopback_is_refused_where_no_seed_is"),
    "net.allow_net": (E2E % "cli", "test_loopback_is_refused_where_no_seed_is"),
    "output.sink": (E2E % "options", "test_each_sink_writes_its_file_and_no_other"),
    "output.simhash": (E2E % "cli", "test_pages_come_with_a_fingerprint_when_asked"),
    "mirror.mirror_links": (E2E % "mirror", "test_files_can_be_left_out_and_links_be_kept"),
    "mirror.mirror_max_file": (E2E % "mirror", "test_files_can_be_left_out_and_links_be_kept"),
    "output.text": (E2E % "records", "test_the_main_text_comes_when_asked"),
    "output.csv_columns": (E2E % "records", "test_columns_are_chosen_and_wrong_ones_are_told"),
    "exec.exec_command": (E2E % "exec", "test_it_is_run_without_a_shell_and_with_nothing_of_ours"),
    "exec.exec_env": (E2E % "exec", "test_it_is_run_without_a_shell_and_with_nothing_of_ours"),
    "exec.exec_confirm": (E2E % "exec", "test_lines_that_were_not_confirmed_come_again"),
    "exec.exec_restarts": (E2E % "exec", "test_one_that_dies_for_ever_ends_the_crawl_and_a_resume_feeds_the_rest"),
    "exec.exec_restart_window": (E2E % "exec", "test_ends_are_forgotten_after_the_window"),
    "exec.exec_stall_timeout": (E2E % "exec", "test_one_that_closes_its_input_or_takes_nothing_is_ended"),
    "exec.exec_finish_timeout": (E2E % "exec", "test_one_that_does_not_end_is_killed_and_that_is_a_failure"),
    "s3.s3_endpoint": (E2E % "s3", "test_all_that_a_crawl_makes_is_put_there"),
    "s3.s3_region": (E2E % "s3", "test_what_cannot_be_is_told_before_anything_is_made"),
    "s3.s3_bucket": (E2E % "s3", "test_wrong_keys_and_a_bucket_that_is_not_there_are_told"),
    "s3.s3_prefix": (E2E % "s3", "test_all_that_a_crawl_makes_is_put_there"),
    "s3.s3_path_style": (E2E % "s3", "test_tls_is_verified_and_the_bucket_may_be_in_the_name"),
    "s3.s3_credentials": (E2E % "s3", "test_keys_come_from_a_file_too_and_stand_nowhere"),
    "s3.s3_storage_class": (E2E % "s3", "test_all_that_a_crawl_makes_is_put_there"),
    "s3.s3_ca": (E2E % "s3", "test_tls_is_verified_and_the_bucket_may_be_in_the_name"),
    "s3.s3_extras": (E2E % "s3", "test_only_the_archive_and_another_round_of_it"),
    "s3.s3_delete": (E2E % "s3", "test_files_are_put_while_the_crawl_goes_on_and_removed_if_asked"),
    "s3.s3_retries": (E2E % "s3", "test_a_server_that_stays_away_is_told_and_a_resume_puts_the_rest"),
    "s3.s3_timeout": (E2E % "s3", "test_one_that_never_answers_is_left_after_the_timeout"),
    "output.wacz": (E2E % "wacz", "test_pages_are_those_that_people_look_at"),
    "output.warc_compression": (E2E % "warc_tools", "test_an_archive_can_be_in_another_coding_or_none"),
    "output.warc_revisits": (E2E % "warc_tools", "test_what_is_archived_already_is_a_revisit"),
    "output.warc_size": (E2E % "warc_tools", "test_an_archive_can_be_in_another_coding_or_none"),
    "run.loops": (E2E % "loops", "test_so_many_threads_are_loops"),
    "run.workers": (E2E % "options", "test_as_many_workers_run_as_was_said"),
    "run.state": (E2E % "budgets", "test_state_memory_leaves_no_store_and_rocksdb_one"),
    "run.commit_interval": (E2E % "budgets", "test_commit_interval"),
    "run.commit_size": (E2E % "budgets", "test_commit_size"),
    "run.progress": (E2E % "options", "test_progress_is_a_block_or_nothing"),
    "run.fail_on": (E2E % "cli", "test_exit_code_8_when_a_url_came_to_what_fail_on_names"),
    "run.json": (E2E % "cli", "test_json_is_one_object_that_adds_up"),
}


TABLE = (harness.SRCDIR / "src/crawl/options.def").read_text()
ROWS = {f"{section}.{name}": kind for section, name, kind in re.findall(r"^OPTION\((\w+), (\w+), (\w+),", TABLE, re.M)}


def test_each_option_names_a_test_of_its_effect():
    rows = list(ROWS)
    assert len(rows) > 70
    assert sorted(set(rows) - set(TESTED)) == [], "options without a test: name it in TESTED"
    assert sorted(set(TESTED) - set(rows)) == [], "there are no such options"
    for option, (path, test) in TESTED.items():
        text = (harness.SRCDIR / path).read_text()
        defined = re.search(rf"^(def )?{test}\(", text, re.M)
        run = path.endswith(".py") or re.search(rf"cmocka_unit_test(_\w+)?\(\s*{test}\b", text)
        assert defined and run, f"{option}: {path} has no test {test}"


# -- Timeouts --


class Slow:
    """Answers by path: /never not at all, /stall with a part of a body, /drip a byte at a time."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.over = threading.Event()
        self.threads = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.sock.accept()
                threading.Thread(target=self.answer, args=(conn,), daemon=True).start()

    def answer(self, conn):
        with contextlib.suppress(OSError), conn:
            path = conn.recv(65536).split(b" ")[1]
            if path == b"/robots.txt":
                conn.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            if path != b"/never":
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000\r\n\r\n<p>")
            while path == b"/drip" and not self.over.wait(0.1):
                conn.sendall(b".")
            self.over.wait(20)

    def close(self):
        self.over.set()
        self.sock.close()


@pytest.fixture(scope="module")
def slow():
    server = Slow()
    yield server
    server.close()


@contextlib.contextmanager
def deaf():
    """A port whose queue is full: connections are neither taken nor refused."""
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket())
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        for _ in range(4):
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(sock.getsockname())
        yield sock.getsockname()[1]


TOTAL = "why:the+answer+took+too+long"


@pytest.mark.parametrize(
    "options, path, told",
    [
        (("--first-byte-timeout", "700ms"), "/never", "timeout-first-byte"),
        (("--stall-timeout", "700ms"), "/stall", "why:the+answer+stalled"),
        (("--total-timeout", "700ms"), "/drip", TOTAL),
        (("--timeout", "2s"), "/drip", TOTAL),  # a busy machine has not its first byte in 700 ms
        # Those that are given are not set by it.
        (("--timeout", "700ms", "--total-timeout", "20s"), "/never", "timeout-first-byte"),
        (("--timeout", "700ms", "--total-timeout", "20s"), "/stall", "why:the+answer+stalled"),
        (("--connect-timeout", "700ms"), None, "timeout-connect"),
    ],
)
def test_each_timeout_ends_what_it_is_for(slow, tmp_path, options, path, told):
    with deaf() as port:
        url = f"http://127.0.0.1:{port}/" if path is None else f"http://127.0.0.1:{slow.port}{path}"
        watch, began = harness.Stopwatch(), time.monotonic()
        result, out = harness.crawl(tmp_path / "c", "-q", "--retries", "0", "--robots", "ignore", *options, url)
        took, given = time.monotonic() - began, watch.given()
    lines = [line for line in (out.dir / "crawl.log").read_text().splitlines() if url in line]
    assert len(lines) == 1 and told in lines[0], (lines, result.err)
    assert (2 if "2s" in options else 0.7) <= took and given < 15


def test_a_timeout_holds_for_the_name_too(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        watch, began = harness.Stopwatch(), time.monotonic()
        result, out = harness.crawl(tmp_path / "c", "-q", "--retries", "0", "--robots", "ignore", "--timeout", "700ms",
                                    "--dns", f"127.0.0.1:{silent.getsockname()[1]}", "http://silent.test/")  # fmt: skip
        took, given = time.monotonic() - began, watch.given()
    assert result.rc == 4 and "dns-failure: no answer from a name server" in result.err, result.err
    assert 0.7 <= took and given < 9  # 21 s without it: tries of 3, 6 and 12 s


# -- Values --

NO_CRAWL = "--ca=missing.pem", "http://127.0.0.1/"  # whatever is taken ends in another sentence


@pytest.mark.parametrize("key", sorted(key for key, kind in ROWS.items() if kind in ("STR", "LIST")))
def test_an_empty_value_is_refused(key):
    flag = "--" + key.partition(".")[2].replace("_", "-")
    result = harness.trawl("crawl", *NO_CRAWL, *((flag, "") if key < "fetch.h" else (f"{flag}=",)))
    assert (result.rc, result.err) == (2, f"trawl: {flag}: an empty value says nothing: leave the option out\n")


def test_an_empty_value_takes_back_what_a_file_says_and_nothing_else(echo, tmp_path):
    job = tmp_path / "job.yaml"
    options = "fetch: {header: ['X-One: 1'], from: me@example.org, retries: 0}\ncrawl: {sitemaps: no}\n"
    job.write_text(f"seeds: ['{echo.url('/')}']\n{options}")

    def sent(name, *words):
        result = harness.trawl("run", "-q", job, "-o", tmp_path / name, "--depth", "0", *words)
        assert result.rc == 0, result.err
        (page,) = harness.Output(tmp_path / name).archived()[echo.url("/")]
        return page.payload.decode()

    assert sent("a", "--header", "", "--header", "X-Two: 2") == "<h1>me@example.org</h1><h2> 2</h2>"
    assert sent("b", "--header=", "--from=") == "<h1></h1><h2> </h2>"
    assert "X-One" not in (tmp_path / "b" / "job.yaml").read_text()
    assert sent("c") == "<h1>me@example.org</h1><h2>1 </h2>"
    assert harness.trawl("resume", "-q", tmp_path / "c", "--header=").rc == 0
    assert "X-One" not in (tmp_path / "c" / "job.yaml").read_text()
    for flag in "--proxy", "--cookies":
        for words in ["run", job], ["resume", tmp_path / "c"]:
            result = harness.trawl(*words, "-q", flag, "")
            assert (result.rc, result.err) == (2, f"trawl: {flag}: an empty value says nothing: leave the option out\n")


def test_an_empty_value_in_a_file_is_no_item_of_a_list_and_no_text(tmp_path):
    job = tmp_path / "job.yaml"
    job.write_text("seeds: ['http://127.0.0.1/']\ncrawl: {exclude: ['']}\nfetch: {proxy: '', from: ''}\n")
    result = harness.trawl("check", job)
    assert result.rc == 2 and result.err.count("\n") == 2 and "fetch.from" not in result.err
    for key in "crawl.exclude", "fetch.proxy":
        assert f"{key}: an empty value says nothing: leave the option out\n" in result.err


def test_an_empty_default_of_a_variable_is_no_item_of_a_list(tmp_path):
    (tmp_path / "base.yaml").write_text("crawl: {include: [a]}\n")
    job = tmp_path / "job.yaml"
    job.write_text(
        """seeds: ['http://127.0.0.1:1/']
include: base.yaml
crawl: {exclude: ['${NOT_THIS:-}', z], include: '${ONLY:-}'}
fetch: {proxy: '${PROXY:-}', retries: 0}
"""
    )
    for name, env in ("a", {}), ("b", {"PROXY": "", "NOT_THIS": ""}), ("c", {"NOT_THIS": "y", "ONLY": "o", "PROXY": "http://p:1"}):
        assert harness.trawl("check", job, env=env).rc == 0
        assert harness.trawl("run", "-q", "-o", tmp_path / name, job, env=env).rc == 4
        text = (tmp_path / name / "job.yaml").read_text()
        lists = re.findall(r"^  (exclude|include|proxy):\n((?:    - .*\n)+)", text, re.M)
        has = {key: re.findall(r"'(.*?)'", items) for key, items in lists}
        if name == "c":
            assert has == {"exclude": ["y", "z"], "include": ["o"], "proxy": ["http://p:1"]}
        else:
            assert has == {"exclude": ["z"]}
    # Without a default nobody said that it may be empty.
    job.write_text("seeds: ['http://127.0.0.1:1/']\nfetch: {proxy: '${PROXY}'}\n")
    result = harness.trawl("check", job, env={"PROXY": ""})
    assert result.rc == 2 and "fetch.proxy: an empty value says nothing: leave the option out\n" in result.err


def test_a_crawl_whose_job_file_has_empty_items_goes_on(echo, tmp_path):
    assert harness.crawl(tmp_path / "c", "-q", echo.url("/"))[0].rc == 0
    job = tmp_path / "c" / "job.yaml"
    text = job.read_text()
    job.write_text(re.sub(r"^crawl:\n", "crawl:\n  exclude: ['']\n", text, flags=re.M))
    assert job.read_text() != text
    for words in ["status"], ["report"], ["explain", echo.url("/")], ["resume", "-q"]:
        result = harness.trawl(words[0], tmp_path / "c", *words[1:])
        assert result.rc == 0, result.err
    assert job.read_text() == text
    job.write_text(re.sub(r"^crawl:\n", "crawl:\n  exclude: ['', '(']\n", text, flags=re.M))
    assert harness.trawl("resume", "-q", tmp_path / "c").rc == 2


def test_sink_none_stands_alone(tmp_path):
    for sinks in ("none", "warc"), ("warc", "none"), ("none", "none"):
        result = harness.trawl("crawl", "-o", tmp_path / "c", "--sink", sinks[0], "--sink", sinks[1], "http://127.0.0.1/")
        assert result.rc == 2 and result.err.count("\n") == 1 and "--sink" in result.err and "none" in result.err, result.err
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    "words",
    ["links --base", "links --agent", "robots --agent", "url --base", "check-links --job", "check-links --ignore",
     "check-links --cache", "crawl --seeds", "report --section", "warc extract -o", "warc extract --url", "ctl --socket"],
)  # fmt: skip
def test_an_empty_value_is_no_value_of_a_command_either(words):
    result = harness.trawl(*words.split(), "", stdin="")
    assert result.rc == 2 and f"trawl: {words.split()[-1]} " in result.err, result.err


# -- What is sent, and shown --


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    conf = """server { listen 127.0.0.1:@PORT@; default_type text/html;
        location / { return 200 "<h1>$http_from</h1><h2>$http_x_one $http_x_two</h2>"; } }"""
    with harness.nginx(tmp_path_factory.mktemp("echo") / "nginx", conf) as web:
        yield web


def test_from_and_header_lines_are_sent(echo, tmp_path):
    fields = ["--extract", "from=h1", "--extract", "lines=h2"]
    asked = ["--from", "me@example.org", "--header", "X-One: 1", "--header", "X-Two: 2"]
    for name, options, want in ("a", asked, ("me@example.org", "1 2")), ("b", [], ("", "")):
        result, out = harness.crawl(tmp_path / name, "-q", *options, *fields, echo.url("/"))
        assert result.rc == 0, result.err
        (page,) = out.pages()
        assert (page["fields"]["from"], page["fields"]["lines"]) == want


def test_progress_is_a_block_or_nothing(slow, tmp_path):
    shown = {}
    options = ["--robots", "ignore", "--retries", "0", "--total-timeout", "2500ms"]
    for how in "bar", "none":
        url = f"http://127.0.0.1:{slow.port}/drip"
        result, _ = harness.crawl(tmp_path / how, "--progress", how, *options, url)
        assert result.rc == 0, result.err
        shown[how] = result.err
    assert "\x1b[" in shown["bar"] and "\x1b[" not in shown["none"]


@pytest.mark.parametrize("term, drawn", [("xterm", True), ("dumb", False), (None, False)])
def test_progress_is_drawn_on_terminals_that_can_move_the_cursor(slow, tmp_path, term, drawn):
    got = on_terminal(slow, tmp_path / "c", term)
    assert (b"\x1b[" in got) == drawn and b"trawl: done" in got, got


@pytest.mark.parametrize("columns, rows", [(80, 24), (20, 24), (12, 24), (2, 24), (1, 24), (80, 4), (30, 1)])
def test_progress_fits_into_small_terminals(slow, tmp_path, columns, rows):
    got = on_terminal(slow, tmp_path / "c", "xterm", columns, rows).decode()
    drawn = [line.rstrip("\r").removesuffix("\x1b[K") for line in got.split("\n") if line.rstrip("\r").endswith("\x1b[K")]
    drawn = [re.sub(r"\x1b\[\d+A\r\x1b\[J", "", line) for line in drawn]
    moved = [int(n) for n in re.findall(r"\x1b\[(\d+)A", got)]
    assert all(len(line) < columns for line in drawn), drawn
    assert all(0 < n < rows for n in moved), "who goes up by more is stopped by the first row"
    if rows == 24:
        assert max(moved) == 5 and len(drawn) == sum(moved)
    else:
        assert max(moved, default=0) == rows - 1


def on_terminal(slow, out, term, columns=0, rows=0):
    """What a crawl of 2.5 s writes to a terminal of that kind and size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = {k: v for k, v in os.environ.items() if k != "TERM"} | ({} if term is None else {"TERM": term})
    options = ["--robots", "ignore", "--retries", "0", "--total-timeout", "2500ms"]
    child = subprocess.Popen(
        [harness.TRAWL, "crawl", "-o", out, *options, f"http://127.0.0.1:{slow.port}/drip"],
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=env,
    )  # fmt: skip
    os.close(theirs)
    got = b""
    try:
        while data := os.read(ours, 65536):
            got += data
    except OSError:  # EIO: it has ended
        pass
    finally:
        harness.stop(child)
        os.close(ours)
    return got


# -- Who works, how often, and where results go --


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_as_many_tries_are_made_as_was_said(slow, tmp_path, retries):
    url = f"http://127.0.0.1:{slow.port}/never"
    options = ["--robots", "ignore", "--first-byte-timeout", "100ms", "--retries", str(retries)]
    _, out = harness.crawl(tmp_path / "c", "-q", *options, url)
    assert [line.split()[3] for line in (out.dir / "crawl.log").read_text().splitlines()] == [url] * (retries + 1)


@pytest.fixture
def on_one_core():
    """All that is started meanwhile may run on one core only."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(cores)])
    yield
    os.sched_setaffinity(0, cores)


def assert_workers(site, out, options, workers):
    url = f"http://127.0.0.1:{site.port}/drip"
    running = harness.Running("crawl", "-q", "-o", out, "--robots", "ignore", *options, url)
    try:
        harness.wait_until("all of them", lambda: len(running.descendants("trawl-worker")) >= workers)
        time.sleep(0.3)  # for one too many
        assert len(running.descendants("trawl-worker")) == workers
    finally:
        running.end()


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_workers_run_as_was_said(slow, tmp_path, workers):
    assert_workers(slow, tmp_path / "c", ["--workers", workers], workers)


def test_one_worker_more_runs_than_there_are_cores_for_the_crawl(slow, tmp_path, on_one_core):
    assert_workers(slow, tmp_path / "c", [], 2)


@pytest.mark.parametrize(
    "sink, writes",
    [
        ("warc", {"warc", "index.cdxj"}),
        ("jsonl", {"pages.jsonl"}),
        ("csv", {"pages.csv"}),
        ("sqlite", {"pages.sqlite"}),
        ("stdout", set()),
        ("none", set()),
        (None, {"warc", "index.cdxj", "pages.jsonl"}),
    ],
)
def test_each_sink_writes_its_file_and_no_other(echo, tmp_path, sink, writes):
    result, out = harness.crawl(tmp_path / "c", "-q", *(["--sink", sink] if sink else []), echo.url("/"))
    assert result.rc == 0, result.err
    always = {"crawl.log", "rejected.log", "job.yaml", "state", "report.html", "report.json", "warc"}
    there = {p.name for p in out.dir.iterdir()} | ({"warc"} if out.warcs() else set())
    assert there - always == writes - {"warc"}
    assert bool(out.warcs()) == ("warc" in writes)
    assert (sink == "stdout") == (f'"url":"{echo.url("/")}"' in result.out)
