"""The command line: exit codes, sentences, stopping."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

import harness
from certificates import NAME, certificates
from harness import search_path, tlsmeter_path
from hello import client_hello
from peers import client_context, connect, connect_tls, serve_tls
from processes import Cgroup
from servers import OpensslServer
from session import SUMMARY, Serve, Tlsmeter, Trace

NOBODY = 65534
COLUMNS = "TIME ROLE PID COMM CLIENT SERVER SNI VER CIPHER GROUP ALPN RES MS RESULT".split()


def run(*arguments, prefix=(), timeout=30):
    return subprocess.run([*prefix, tlsmeter_path(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=harness.scaled(timeout), env={**os.environ, "PATH": search_path()})


class UsageTest(unittest.TestCase):
    def setUp(self):
        harness.require()

    def check_refused(self, done, code, *words):
        self.assertEqual(done.returncode, code, done)
        self.assertEqual(done.stdout, "", done)
        self.assertEqual(len(done.stderr.splitlines()), 1, done)
        self.assertTrue(done.stderr.startswith("tlsmeter: "), done)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_wrong_usage_is_one_sentence_and_exit_code_2(self):
        for arguments, word in ((["trace", "--no-such-flag"], "--no-such-flag"), (["no-such-command"], "no-such-command"), ([], ""),
                                (["trace", "-o", "yaml"], "yaml"), (["trace", "-d", "soon"], "soon"), (["trace", "-N", "-1"], "-1"), (["trace", "-N", "0"], "write 1 or more"), (["serve", "--server-names", "suffix:0"], "suffix:0"),
                                (["trace", "-p", "me"], "me"), (["top", "--by", "pod"], "pod"), (["top", "--sort", "luck"], "luck"), (["top", "--interval", "0"], "'0'"), (["trace", "-F", "sni,colour"], "colour"), (["trace", "-D", "https"], "https"),
                                (["trace", "--reason", "bad_luck"], "bad_luck"), (["trace", "-4", "-6"], "-4"), (["trace", "-t", "-T"], "-t"), (["trace", "--cgroup"], "--cgroup"),
                                (["serve", "--listen", "nowhere"], "nowhere"), (["serve", "--listen", "127.0.0.1:99999"], "99999")):
            with self.subTest(arguments):
                self.check_refused(run(*arguments), 2, word)

    def test_a_wrong_configuration_is_exit_code_2_with_its_place(self):
        with harness.temporary_folder() as folder:
            path = os.path.join(folder, "tlsmeter.yaml")
            with open(path, "w") as file:
                file.write("serve:\n  lisen: nowhere\n")
            for arguments in (["config", "check", path], ["config", "show", "--config", path], ["trace", "--config", path],
                              ["serve", "--config", path]):
                with self.subTest(arguments):
                    self.check_refused(run(*arguments), 2, f"{path}:2:3: ", "lisen")

    def test_bash_completes_commands_and_flags(self):
        harness.require("bash")
        complete = """source <("$0" completion bash)
            COMP_WORDS=(tlsmeter "$@"); COMP_CWORD=$#; _tlsmeter; echo "${COMPREPLY[@]}" """
        for words, candidates in ((["tr"], "trace"), (["config", "sh"], "show"), (["trace", "-d", "3", "--po"], "--pod"), (["top", "--so"], "--sort"),
                                  (["config", "show", "--c"], "--config"), (["serve", "--po"], "")):
            with self.subTest(words):
                done = subprocess.run(["bash", "-c", complete, tlsmeter_path(), *words], capture_output=True, text=True,
                                      env={"PATH": search_path()})
                self.assertEqual((done.stdout.strip(), done.stderr), (candidates, ""))

    def test_zsh_and_fish_complete_commands_and_flags(self):
        # zsh completes only at a prompt: its built-in that takes the candidates is put in place of the prompt.
        complete = {"zsh": """compdef() { :; }; _files() { :; }; compadd() { shift; print -l -- "$@" | grep -- "^$words[-1]"; }
                           source <("$TLSMETER" completion zsh)
                           words=(tlsmeter "$@"); CURRENT=$#words; _tlsmeter""",
                    "fish": """$TLSMETER completion fish | source
                            complete -C "tlsmeter $argv" | string split -f1 \\t"""}
        for shell, script in complete.items():
            with self.subTest(shell), harness.temporary_folder() as home:
                if shutil.which(shell, path=search_path()) is None:
                    self.skipTest(f"needs the program {shell}")
                for words, candidates in ((["tr"], ["trace"]), (["config", "sh"], ["show"]), (["trace", "-d", "3", "--po"], ["--pod"]),
                                          (["config", "check", "--o"], [])):
                    argv = [shell, "-c", script, *(["complete"] if shell == "zsh" else []), *words]
                    done = subprocess.run(argv, capture_output=True, text=True,
                                          env={"PATH": search_path(), "TLSMETER": tlsmeter_path(), "HOME": home})
                    self.assertEqual((done.stdout.split(), done.stderr), (candidates, ""), words)

    def test_cgroup_that_does_not_exist(self):
        path = os.path.join(harness.cgroup_mount(), f"tlsmeter-test-{os.getpid()}-none")
        self.check_refused(run("trace", "--cgroup", path), 2, path)

    def test_cgroup_that_is_an_ordinary_folder(self):
        with harness.temporary_folder() as folder:
            self.check_refused(run("trace", "--cgroup", folder), 2, folder)

    def test_help_and_version(self):
        for arguments in (["--help"], ["check", "--help"], ["trace", "--help"], ["top", "--help"], ["serve", "--help"]):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("tlsmeter", done.stdout)
        self.assertRegex(run("version").stdout, r"\Atlsmeter \d+\.\d+\.\d+\n\Z")

    def test_missing_capability_is_exit_code_3_and_is_named(self):
        harness.require("setpriv")
        with Cgroup() as cgroup:
            for prefix in (["setpriv", "--bounding-set=-all"], ["setpriv", "--bounding-set=-bpf,-sys_admin"]):
                with self.subTest(prefix):
                    self.check_refused(run("trace", "-d", "1", "--cgroup", cgroup.path, prefix=prefix), 3, "CAP_BPF")

    def test_another_user_is_exit_code_3(self):
        harness.require("setpriv")
        nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        if subprocess.run([*nobody, "test", "-x", tlsmeter_path()], env={"PATH": search_path()}).returncode != 0:
            self.skipTest(f"needs {tlsmeter_path()} where every user may run it")
        with Cgroup() as cgroup:
            self.check_refused(run("trace", "-d", "1", "--cgroup", cgroup.path, prefix=nobody), 3, "CAP_BPF")


class CheckTest(unittest.TestCase):
    def setUp(self):
        harness.require()
        self.cgroup = self.enterContext(Cgroup())

    def check(self, *arguments, prefix=()):
        return run("check", "--cgroup", self.cgroup.path, *arguments, prefix=prefix)

    def test_says_that_every_hook_works(self):
        done = self.check()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for line in ("capability +CAP_BPF +held", "hook +cgroup_skb/ingress +can", "verdict +the wire sensor works"):
            self.assertRegex(done.stdout, f"(?m)^{line}$")
        self.assertIn(self.cgroup.path, done.stdout)

    def test_says_the_same_in_json(self):
        done = self.check("-o", "json")
        told = json.loads(done.stdout)
        self.assertEqual((done.returncode, told["works"], told["cgroup"]), (0, True, self.cgroup.path))
        self.assertEqual([hook["can"] for hook in told["hooks"]], [True] * 8)
        self.assertNotIn("reason", told)

    def test_says_which_tls_libraries_the_processes_use(self):
        with OpensslServer(self.cgroup):
            self.assertRegex(self.check().stdout, "(?m)^TLS library +openssl +1 of the processes, seen with --library$")
            self.assertEqual(json.loads(self.check("-o", "json").stdout)["processes"], {"openssl": 1})
        self.assertNotIn("TLS library", self.check().stdout)

    def test_a_missing_capability_is_named_and_exit_code_3(self):
        harness.require("setpriv")
        prefix = ["setpriv", "--bounding-set=-bpf,-sys_admin"]
        done = self.check(prefix=prefix)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout, "(?m)^capability +CAP_BPF +missing$")
        told = json.loads(self.check("-o", "json", prefix=prefix).stdout)
        self.assertEqual((told["works"], told["hooks"], told["capabilities"]["CAP_BPF"]), (False, [], False))
        self.assertIn("CAP_BPF", told["reason"])

    def test_a_wrong_cgroup_is_wrong_usage(self):
        done = run("check", "--cgroup", "/no/such/cgroup")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("/no/such/cgroup", done.stderr)


class StopTest(unittest.TestCase):
    def setUp(self):
        harness.require()
        certificates()
        self.cgroup = self.enterContext(Cgroup())

    def start_server(self):
        server = self.enterContext(self.cgroup.start(serve_tls, comm="py-server"))
        server.address = server.receive()
        return server

    def connect(self, server):
        with self.cgroup.start(connect_tls, server.address, client_context(), comm="py-client") as client:
            client.receive()
            return client.pid

    def attached_programs(self):
        done = subprocess.run(["bpftool", "cgroup", "show", self.cgroup.path], capture_output=True, text=True, check=True,
                              env={"PATH": search_path()})
        return [line for line in done.stdout.splitlines() if line.split() and line.split()[0].isdigit()]

    def test_stops_after_a_number_of_lines(self):
        with Trace(self.cgroup, "-N", "1") as session:
            self.connect(self.start_server())
            self.assertEqual(session.wait(), 0, session.stderr())
            self.assertEqual(len(session.records()), 1)
            self.assertEqual(session.lost, 0)

    def test_stops_after_a_time(self):
        started = time.monotonic()
        with Trace(self.cgroup, "-d", "1") as session:
            self.assertEqual(session.wait(), 0, session.stderr())
        self.assertGreaterEqual(time.monotonic() - started, 1)
        self.assertEqual((session.seen, session.lost), (0, 0))

    def test_a_signal_stops_it_and_leaves_no_program_behind(self):
        harness.require("bpftool")
        for make in (Trace, Serve):
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(make=make.__name__, signal=number), make(self.cgroup) as session:
                    self.assertGreaterEqual(len(self.attached_programs()), 2)
                    self.assertEqual(session.finish(number), 0, session.stderr())
                    self.assertRegex(session.stderr().splitlines()[-1], SUMMARY)
                    self.assertEqual(self.attached_programs(), [])

    def test_quiet_says_nothing_where_nothing_is_wrong(self):
        class QuietServe(Serve):
            def _ready(self):
                with contextlib.suppress(OSError):
                    return self.get("/readyz")[0] == 200

        done = run("trace", "-q", "-d", "0.5", "--cgroup", self.cgroup.path)
        self.assertEqual((done.returncode, done.stdout.split(), done.stderr), (0, COLUMNS, ""))
        with QuietServe(self.cgroup, "--quiet") as session:
            self.connect(self.start_server())
            session.wait_for_total(2, "handshakes_total")
            session.process.send_signal(signal.SIGHUP)
            self.assertEqual(session.finish(), 0)
            self.assertEqual(session.stderr(), "")
        done = run("trace", "-q", "--cgroup", "/nowhere")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done)

    def test_certs_prints_what_serve_has_seen(self):
        with Serve(self.cgroup) as session:
            with OpensslServer(self.cgroup, "-tls1_2") as server:
                self.cgroup.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", NAME])
                session.wait_for_total(2, "handshakes_total")
            done = run("certs", "--url", f"http://{session.address}")
            lines = done.stdout.splitlines()
            count = json.loads(session.get("/api/v1/certificates")[1])["count"]
            self.assertEqual((done.returncode, done.stderr, len(lines)), (0, "", 1 + count), done)
            leaf, = (line.split() for line in lines if f"CN=leaf.{NAME}" in line)
            self.assertEqual(leaf[3:6], ["leaf", "EC:prime256v1", NAME])
            self.assertEqual(session.finish(), 0)
            done = run("certs", "--url", f"http://{session.address}")
            self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (1, "", 1), done)

    def test_even_sigkill_leaves_no_program_behind(self):
        harness.require("bpftool")
        with Trace(self.cgroup) as session:
            session.process.kill()
            session.process.wait()
            harness.wait_until(lambda: not self.attached_programs(), what="the kernel to detach")

    def test_handshake_that_is_under_way_at_the_end_is_reported(self):
        def hold(channel, address):
            with connect(address) as connection:
                connection.sendall(client_hello(NAME.encode()))
                channel.send("sent")
                channel.receive(60)

        def swallow(connection, _):
            while connection.recv(4096):
                pass
            connection.close()

        with Trace(self.cgroup) as session:
            server = self.enterContext(self.cgroup.start(serve_tls, handle=swallow, context=object))
            client = self.enterContext(self.cgroup.start(hold, server.receive()))
            client.receive()
            time.sleep(harness.scaled(0.3))
            self.assertEqual(session.finish(), 0)
            self.assertEqual([record["tls.client.server_name"] for record in session.records()], [NAME, NAME])
            self.assertNotIn("success", [record["tlsmeter.result"] for record in session.records()])

    def test_flag_environment_and_file_in_this_order(self):
        with harness.temporary_folder() as folder:
            path = os.path.join(folder, "tlsmeter.yaml")
            with open(path, "w") as file:
                file.write(f"trace:\n  cgroup: {self.cgroup.path}\n  output: json\n  count: 3\n  role: server\n")
            environment = ["env", "TLSMETER_COUNT=2", "TLSMETER_ROLE=client"]
            with Tlsmeter("trace", "--config", path, "--count", "1", launcher=environment) as session:
                self.connect(self.start_server())
                self.assertEqual(session.wait(), 0, session.stderr())
                roles = [json.loads(line)["tlsmeter"]["role"] for line in session.stdout().splitlines()]
                self.assertEqual(roles, ["client"])

    def test_only_one_process(self):
        server = self.start_server()
        with Trace(self.cgroup, "-p", str(server.pid)) as session:
            self.connect(server)
            records = session.wait_for(1)
            session.finish()
            self.assertEqual([record["tlsmeter.role"] for record in session.records()], ["server"])
            self.assertEqual(records[0]["process.pid"], server.pid)

    def test_only_what_the_kernel_was_asked_for(self):
        server, other = self.start_server(), self.start_server()
        for terms, dismissed in ((["-D", str(server.address[1])], 2), (["-4", "-D", f"!{other.address[1]}"], 0), (["-6"], 4)):
            with self.subTest(terms), Serve(self.cgroup) as metrics, Trace(self.cgroup, *terms) as session:
                for peer in (other, server):
                    self.connect(peer)
                metrics.wait_for_total(4, "handshakes_total")
                self.assertEqual(session.finish(), 0)
                wanted = [] if terms == ["-6"] else [server.address[1]] * 2
                self.assertEqual([record["server.port"] for record in session.records()], wanted)
                # Dismissed in the kernel: not even counted as seen.
                self.assertEqual((session.seen, session.lost), (4 - dismissed, 0), session.stderr())

    def test_the_user_of_a_process(self):
        harness.require("setpriv", "curl")
        server = self.start_server()
        with Trace(self.cgroup, "-u", str(NOBODY)) as session:
            self.connect(server)
            user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            self.cgroup.run([*user, "curl", "-sk", f"https://127.0.0.1:{server.address[1]}/"], check=None)
            record = session.wait_for(1)[0]
            session.finish()
            self.assertEqual((record["user.id"], record["process.name"]), (str(NOBODY), "curl"))
            self.assertEqual(len(session.records()), 1)

    def test_sockets_outside_the_cgroup_are_not_seen(self):
        server = self.start_server()
        with Cgroup() as elsewhere, Trace(self.cgroup) as session:
            with elsewhere.start(connect_tls, server.address, client_context()) as client:
                client.receive()
            session.wait_for(1)
            self.assertEqual(session.finish(), 0)
            self.assertEqual([record["tlsmeter.role"] for record in session.records()], ["server"])

    def test_columns_are_the_default(self):
        with Tlsmeter("trace", "--cgroup", self.cgroup.path) as session:
            server = self.start_server()
            pid = self.connect(server)
            harness.wait_until(lambda: len(session.stdout().splitlines()) == 3, what=lambda: f"3 lines: {session.stdout()}")
            header, *lines = (line.split() for line in session.stdout().splitlines())
            self.assertEqual(header, COLUMNS)
            for line in lines:
                self.assertEqual(len(line), len(COLUMNS), line)
            rows = {line[1]: dict(zip(COLUMNS, line)) for line in lines}
            self.assertEqual((rows["client"]["PID"], rows["client"]["COMM"]), (str(pid), "py-client"))
            self.assertEqual((rows["server"]["PID"], rows["server"]["COMM"]), (str(server.pid), "py-server"))
            for row in rows.values():
                self.assertEqual((row["SNI"], row["VER"], row["ALPN"], row["RESULT"]), (NAME, "1.3", "-", "success"))
            self.assertEqual(session.finish(), 0)

    def test_a_reader_that_goes_away_stops_it(self):
        argv = [tlsmeter_path(), "trace", "-o", "json", "--cgroup", self.cgroup.path]
        with harness.temporary_folder() as folder, open(os.path.join(folder, "stderr"), "w+") as err:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err)
            try:
                harness.wait_until(lambda: "tlsmeter: ready" in os.pread(err.fileno(), 1 << 16, 0).decode(), 30, "tlsmeter: ready")
                process.stdout.close()
                server = self.start_server()
                self.connect(server)
                process.wait(harness.scaled(10))
            finally:
                process.kill()
                process.wait()


if __name__ == "__main__":
    harness.main()
