"""TLS as it is met: whose certificate is taken for EC2's, and that nothing is sent to anybody else."""

import datetime
import ipaddress
import itertools
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from clients import environment
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
EMPTY = {
    "DescribeSnapshots": "<DescribeSnapshotsResponse><snapshotSet/></DescribeSnapshotsResponse>",
    "DescribeImages": "<DescribeImagesResponse><imagesSet/></DescribeImagesResponse>",
    "DescribeRegions": "<DescribeRegionsResponse><regionInfo><item><regionName>us-east-1</regionName></item></regionInfo></DescribeRegionsResponse>",
}
PURGE = ["purge-expired-amis", "-r", "us-east-1"]
# What switches verification off elsewhere: in OpenSSL's and Python's clients, in Node.js, Git, curl, and the AWS CLI's own switch.
SWITCHES = {
    "AWS_NO_VERIFY_SSL": "true",
    "AWS_VERIFY_SSL": "false",
    "CURL_INSECURE": "1",
    "GIT_SSL_NO_VERIFY": "1",
    "NODE_TLS_REJECT_UNAUTHORIZED": "0",
    "PYTHONHTTPSVERIFY": "0",
    "SSL_NO_VERIFY": "1",
    "SSL_VERIFY": "false",
    "VERIFY_SSL": "0",
    # What other clients call a bundle is none here.
    "CURL_CA_BUNDLE": "",
    "REQUESTS_CA_BUNDLE": "",
}


class Authority:
    """Someone who signs certificates, for a host or for himself."""

    def __init__(self, name: str):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = _builder(self.name, self.name, self.key, NOW - DAY, NOW + DAY).add_extension(constraints, True).sign(self.key, hashes.SHA256())

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def certify(self, names: list, begins=NOW - DAY, ends=NOW + DAY) -> bytes:
        """A certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "endpoint")])
        builder = _builder(subject, self.name, key, begins, ends)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + _pem_of(key)


def _builder(subject, issuer, key, begins, ends) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)


def _pem_of(key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@dataclass
class Tls:
    """An endpoint with nothing in it, and what it was asked."""

    url: str
    requests: list = field(default_factory=list)


@pytest.fixture
def serve(tmp_path):
    """Starts an endpoint that shows this certificate."""
    servers = []

    def serve(certificate: bytes) -> Tls:
        tls = Tls("")

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                tls.requests.append(body)
                action = dict(pair.split("=", 1) for pair in body.split("&"))["Action"]
                answer = EMPTY.get(action, "").encode()
                self.send_response(200 if answer else 400)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        file = tmp_path / f"server-{len(servers)}.pem"
        file.write_bytes(certificate)
        context.load_cert_chain(file)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # The handshake is the connection's own affair, so that one that fails does not stop the server.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        tls.url = f"https://127.0.0.1:{server.server_port}"
        return tls

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def run(binary, tmp_path):
    """Runs the program on an endpoint."""

    def run(*arguments, endpoint: str, **variables):
        variables |= {"AWS_ENDPOINT_URL": endpoint}
        return subprocess.run([binary, *arguments], env=environment(tmp_path) | variables, text=True, capture_output=True, timeout=60)

    return run


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("an authority of this test's")


@pytest.fixture
def bundle(authority, tmp_path):
    path = tmp_path / "bundle.pem"
    path.write_bytes(b"# the authority of this test\n" + authority.pem())
    return str(path)


def refused(ran, endpoint: Tls, why: str):
    """The endpoint was asked nothing, and the sentence says why and what to do."""
    assert endpoint.requests == []
    assert ran.returncode == 1, ran
    [line] = [line for line in (ran.stdout + ran.stderr).splitlines() if "invalid peer certificate" in line]
    assert why in line and "so nothing was sent: " in line, line
    return line


def self_signed() -> bytes:
    alone = Authority("endpoint")
    return alone.certify([LOOPBACK])


@pytest.mark.parametrize("arguments", [PURGE, ["purge-expired-amis"], ["resume", "-r", "us-east-1"], ["image-instance", "-i", "i-12345678", "-r", "us-east-1"]])
def test_a_certificate_nobody_vouches_for_is_refused(run, serve, arguments):
    endpoint = serve(self_signed())
    line = refused(run(*arguments, endpoint=endpoint.url), endpoint, "UnknownIssuer")
    assert "AWS_CA_BUNDLE" in line


def test_nothing_in_the_environment_switches_verification_off(run, serve, tmp_path):
    endpoint = serve(self_signed())
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text("[default]\nverify_ssl = false\nno_verify_ssl = true\n")
    refused(run(*PURGE, endpoint=endpoint.url, **SWITCHES), endpoint, "UnknownIssuer")


@pytest.mark.parametrize("option", ["--no-verify-ssl", "--insecure", "-k"])
def test_there_is_no_option_for_it(run, serve, option):
    endpoint = serve(self_signed())
    assert run(*PURGE, option, endpoint=endpoint.url).returncode == 2
    assert endpoint.requests == []


def test_a_certificate_for_another_name_is_refused(run, serve, authority, bundle):
    endpoint = serve(authority.certify([x509.DNSName("ec2.us-east-1.amazonaws.com")]))
    line = refused(run(*PURGE, endpoint=endpoint.url, AWS_CA_BUNDLE=bundle), endpoint, "not valid for name")
    assert "AWS_ENDPOINT_URL" in line


@pytest.mark.parametrize(("begins", "ends"), [(NOW - 9 * DAY, NOW - DAY), (NOW + DAY, NOW + 9 * DAY)])
def test_a_certificate_whose_time_it_is_not_is_refused(run, serve, authority, bundle, begins, ends):
    endpoint = serve(authority.certify([LOOPBACK], begins, ends))
    line = refused(run(*PURGE, endpoint=endpoint.url, AWS_CA_BUNDLE=bundle), endpoint, "certificate")
    assert "this host's clock" in line


def test_an_authority_that_was_named_is_trusted(run, serve, authority, bundle, tmp_path):
    endpoint = serve(authority.certify([LOOPBACK]))
    ran = run("purge-expired-amis", endpoint=endpoint.url, AWS_CA_BUNDLE=bundle)
    assert (ran.returncode, ran.stdout) == (0, "purged 0, kept 0, in 1 region\n"), ran
    # By the profile, too, but not before the environment.
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/config").write_text(f"[default]\nca_bundle = {bundle}\n")
    assert run(*PURGE, endpoint=endpoint.url).returncode == 0
    other = tmp_path / "other.pem"
    other.write_bytes(Authority("another").pem())
    asked = len(endpoint.requests)
    ran = run(*PURGE, endpoint=endpoint.url, AWS_CA_BUNDLE=str(other))
    assert (ran.returncode, len(endpoint.requests)) == (1, asked), ran


def test_a_bundle_that_cannot_be_used_is_an_error(run, serve, authority, tmp_path):
    endpoint = serve(authority.certify([LOOPBACK]))
    nothing = {"absent.pem": None, "empty.pem": b"", "text.pem": b"no certificate", "key.pem": _pem_of(authority.key)}
    broken = {"cut.pem": authority.pem()[:-60], "garbled.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}
    for name, content in itertools.chain(nothing.items(), broken.items()):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        ran = run(*PURGE, endpoint=endpoint.url, AWS_CA_BUNDLE=str(path))
        assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1), ran
        assert name in ran.stderr and "AWS_CA_BUNDLE" in ran.stderr, ran
    for path in [str(tmp_path), "/dev/zero"]:
        assert run(*PURGE, endpoint=endpoint.url, AWS_CA_BUNDLE=path).returncode == 2
    assert endpoint.requests == []
