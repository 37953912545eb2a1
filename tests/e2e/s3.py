"""S3-compatible storage for tests: moto, which checks signatures with botocore's own code, behind
a gate that can fail as servers and networks do."""

import contextlib
import json
import os
import socket
import struct
import subprocess
import threading

import harness
import judges

REGION = "eu-test-1"
BUCKETS = [f"crawls-{n}" for n in range(40)]

_SETUP = """
import boto3, json, sys, urllib.request
url, region, *buckets = sys.argv[1:]
first = {"endpoint_url": url, "region_name": region, "aws_access_key_id": "x", "aws_secret_access_key": "x"}
iam = boto3.client("iam", **first)
iam.create_user(UserName="trawl")
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="trawl", PolicyName="all", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="trawl")["AccessKey"]
trust = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}
role = iam.create_role(RoleName="trawl", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
iam.put_role_policy(RoleName="trawl", PolicyName="all", PolicyDocument=json.dumps(policy))
lent = boto3.client("sts", **first).assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
s3 = boto3.client("s3", **first)
for bucket in buckets:
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
urllib.request.urlopen(urllib.request.Request(url + "/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"})).read()
print(key["AccessKeyId"], key["SecretAccessKey"], lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"])
"""

_LIST = """
import base64, boto3, json, sys
url, bucket, region, access, secret = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=url, region_name=region, aws_access_key_id=access, aws_secret_access_key=secret)
ret = {}
for o in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
    head = s3.get_object(Bucket=bucket, Key=o["Key"])
    ret[o["Key"]] = {"body": base64.b64encode(head["Body"].read()).decode(), "class": head.get("StorageClass"), "type": head["ContentType"]}
print(json.dumps(ret))
"""


class Gate:
    """A way to the server, connection by connection.  `plan` says what becomes of those to come: "500", "reset" and
    ("hold", n): that many bytes of the request pass; without a plan all does.  `puts` counts what was begun."""

    def __init__(self, server_port):
        self.server_port, self.plan, self.puts, self.held = server_port, [], [], threading.Event()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            client.settimeout(60)
            head = b""
            while b"\r\n\r\n" not in head:
                got = client.recv(65536)
                if not got:
                    return
                head += got
            line = head.split(b"\r\n", 1)[0].decode()
            fault = None
            if line.startswith("PUT"):
                with self.lock:
                    self.puts.append(line.split()[1])
                    fault = self.plan.pop(0) if self.plan else None
            self.go_on(client, head, fault)

    def go_on(self, client, head, fault):
        if fault == "500":
            client.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 41\r\nConnection: close\r\n\r\n<Error><Code>InternalError</Code></Error>")
            return
        if fault == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        if fault is not None:
            self.held.set()
            while client.recv(65536):  # it takes all, and never answers
                pass
            return
        with socket.create_connection(("127.0.0.1", self.server_port)) as server:
            server.sendall(head)
            threading.Thread(target=self.copy, args=(client, server), daemon=True).start()
            self.copy(server, client)

    def copy(self, a, b):
        with contextlib.suppress(OSError):
            while got := a.recv(1 << 18):
                b.sendall(got)
            b.shutdown(socket.SHUT_WR)


class Storage:
    """A bucket of its own, behind a gate of its own."""

    def __init__(self, port, bucket, access, secret, *lent):
        self.port, self.gate, self.bucket, self.access, self.secret = port, Gate(port), bucket, access, secret
        self.lent = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), lent))

    def options(self, *more):
        return ("--sink", "warc", "--sink", "jsonl", "--sink", "s3", "--s3-endpoint", f"http://127.0.0.1:{self.gate.port}",
                "--s3-region", REGION, "--s3-bucket", self.bucket, *more)  # fmt: skip

    def env(self, **more):
        return {"AWS_ACCESS_KEY_ID": self.access, "AWS_SECRET_ACCESS_KEY": self.secret} | more

    def objects(self):
        """Name -> {"body", "class", "type"}."""
        import base64

        out = judges.run("python", "-c", _LIST, f"http://127.0.0.1:{self.port}", self.bucket, REGION, self.access, self.secret)
        return {k: v | {"body": base64.b64decode(v["body"])} for k, v in json.loads(out).items()}


@contextlib.contextmanager
def server(where):
    """Yields what makes a Storage, as often as there are buckets: moto takes seconds to start."""
    where.mkdir(parents=True, exist_ok=True)
    for _ in range(harness.STARTS):
        port = harness.free_port()
        with open(where / "moto.log", "wb") as log:
            child = subprocess.Popen([judges.BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port)], stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log, preexec_fn=harness._die_with_parent,
                                     env={**os.environ, "MOTO_ENABLE_ISO_REGIONS": "true"})  # fmt: skip
        try:
            harness.wait_until("moto", lambda: child.poll() is not None or harness.listens("127.0.0.1", port))
            if child.poll() is not None:
                continue
            keys = judges.run("python", "-c", _SETUP, f"http://127.0.0.1:{port}", REGION, *BUCKETS).split()
            buckets = iter(BUCKETS)
            yield lambda: Storage(port, next(buckets), *keys)
            return
        finally:
            harness.stop(child)
    raise AssertionError("moto does not start: " + (where / "moto.log").read_text())
