"""deploy/: nginx with TLS in front of `sideman serve`, as docs/deploy.md says, on loopback."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.cli.run import EXAMPLES
from tests.readme import ROOT

NAME = "music.example.org"
TOKEN = "a-secret-of-forty-two"

pytestmark = [
    pytest.mark.skipif(not shutil.which("nginx") and not shutil.which("/usr/sbin/nginx"), reason="needs nginx"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl"),
]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, process):
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        assert process.poll() is None, process.stderr.read()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


def for_loopback(plain, secure, backend, folder):
    """deploy/nginx.conf with other ports and a certificate of our own; nothing else is changed."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = re.sub(r"^ +listen \[::\].*\n", "", text, flags=re.MULTILINE)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{plain};").replace(
        "listen 443 ssl", f"listen 127.0.0.1:{secure} ssl"
    )
    text = text.replace("127.0.0.1:8765", f"127.0.0.1:{backend}")
    text = re.sub(r"/etc/letsencrypt/live/[^/]+/(fullchain|privkey)\.pem", rf"{folder}/\1.pem", text)
    text = text.replace("/var/log/nginx/sideman.log", f"{folder}/access.log")
    assert "letsencrypt" not in text.replace("# ", "")
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{text}\n}}\n"
    )


class Site:
    """Requests to the site by its own name, whatever the port."""

    def __init__(self, plain, secure, certificate):
        self.plain, self.secure, self.folder = plain, secure, certificate.parent
        self.context = ssl.create_default_context(cafile=str(certificate))
        self.context.check_hostname = False

    def __call__(self, path, *, token=TOKEN, host=NAME, data=None, headers=(), http=False, follow=True):
        address = f"http://127.0.0.1:{self.plain}{path}" if http else f"https://127.0.0.1:{self.secure}{path}"
        request = urllib.request.Request(address, data=data, headers={"Host": host, **dict(headers)})
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        handlers = [urllib.request.HTTPSHandler(context=self.context)]
        if not follow or http:
            handlers.append(_Stay())
        try:
            return urllib.request.build_opener(*handlers).open(request, timeout=60)
        except urllib.error.HTTPError as error:
            return error


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    plain, secure, backend = free_port(), free_port(), free_port()
    certificate = folder / "fullchain.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", folder / "privkey.pem", "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "nginx.conf").write_text(for_loopback(plain, secure, backend, folder))
    serve = [sys.executable, "-m", "sideman", "serve", "--port", str(backend), "--token-file", str(folder / "token")]
    ours = subprocess.Popen(
        [*serve, "--allow-host", NAME, "--database", str(folder / "none.db")], stderr=subprocess.PIPE, text=True
    )
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    theirs = subprocess.Popen([binary, "-c", folder / "nginx.conf", "-p", folder], stderr=subprocess.PIPE, text=True)
    try:
        wait_for(backend, ours)
        wait_for(secure, theirs)
        yield Site(plain, secure, certificate)
    finally:
        for process in (theirs, ours):
            process.terminate()
            process.communicate(timeout=30)


def test_plain_http_is_sent_to_tls(site):
    answer = site("/x?y=1", http=True, token=None)
    assert answer.status == 301
    assert answer.headers["Location"] == f"https://{NAME}/x?y=1"


def test_the_secret_opens_the_door(site):
    assert site("/api/v1/health", token=None).status == 401
    assert site("/api/v1/health", token="wrong").status == 401
    answer = site("/api/v1/health", token=TOKEN)
    assert answer.status == 200
    assert json.load(answer)["status"] == "ok"
    assert answer.headers["Strict-Transport-Security"]


def test_another_name_is_refused(site):
    assert site("/api/v1/health", host="evil.example").status == 421


def test_no_secret_comes_into_the_log_and_no_other_name_into_a_redirect(site):
    assert site(f"/rest/ping.view?u=me&p={TOKEN}", token=None).status == 200
    assert site(f"/?token={TOKEN}", token=None, follow=False).status == 303
    wait_until_s = time.monotonic() + 10
    while "/rest/ping.view" not in (log := (site.folder / "access.log").read_text()):
        assert time.monotonic() < wait_until_s
        time.sleep(0.05)
    assert TOKEN not in log
    answer = site("/x", http=True, token=None, host="evil.example")
    assert answer.headers["Location"] == f"https://{NAME}/x"


def test_the_cookie_is_for_tls_only(site):
    answer = site(f"/?token={TOKEN}", token=None, follow=False)
    assert answer.status in (302, 303, 307)
    assert TOKEN not in answer.headers["Location"]
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "Secure", "SameSite=strict"):
        assert part.lower() in cookie.lower()


def test_an_upload_goes_through_and_progress_comes_while_it_is_heard(site):
    data = (EXAMPLES / "disco nights.mp3").read_bytes()
    headers = {"Content-Type": "application/octet-stream", "Accept": "text/event-stream"}
    answer = site("/api/v1/classify?name=disco.mp3", data=data, headers=headers)
    assert answer.status == 200
    events = re.findall(r"^event: (\w+)$", answer.read().decode(), re.MULTILINE)
    assert events[-1] == "result"
    assert "progress" in events


def test_the_page_of_another_site_cannot_post(site):
    headers = {"Origin": "https://evil.example", "Content-Type": "application/octet-stream"}
    assert site("/api/v1/classify", data=b"x", headers=headers).status == 403
    headers["Origin"] = f"https://{NAME}"
    assert site("/api/v1/classify", data=b"x", headers=headers).status == 422


def test_the_units_hardening_is_known_to_systemd():
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("needs systemd-analyze")
    unit = ROOT / "deploy" / "sideman.service"
    told = subprocess.run([tool, "verify", unit], capture_output=True, text=True, check=False).stderr
    wrong = [line for line in told.splitlines() if "sideman" in line and "is not executable" not in line]
    assert not wrong, "\n".join(wrong)
    rated = subprocess.run([tool, "security", "--offline=true", unit], capture_output=True, text=True, check=False)
    assert "Overall exposure level for sideman.service: 1." in rated.stdout
