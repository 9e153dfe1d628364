"""The shipped configurations of nginx and Caddy at work: only names, ports, certificates differ."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.processes import (
    ordinary_user,
    private_folder,
    running,
    user_arguments,
    wait_until,
)

SHIPPED = Path(__file__).parents[2] / "docs/proxy"
NAME, HOST = "remas.example.org", "localhost"
REMAS, GRAFANA = "127.0.0.1:8000", "127.0.0.1:3000"
CERTIFICATE, KEY = "/etc/ssl/remas/fullchain.pem", "/etc/ssl/remas/privkey.pem"

NGINX = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
CADDY = """
{
	admin off
	auto_https disable_redirects
}
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything is, on 127.0.0.1. `plain`: where http leads to https."""

    site: int
    plain: int
    remas: int
    grafana: int


@dataclass(frozen=True, slots=True)
class Site:
    """A proxy at work: its address without end slash, and what vouches for its certificate."""

    url: str
    authority: Path


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """The text with each of these changed; every one has to be there."""
    for old, new in changes.items():
        if old not in text:
            raise AssertionError(f"the configuration has no {old!r} any more")
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(ports: Ports) -> Iterator[Site | None]:
    """docs/proxy/nginx.conf; None where there is no nginx."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None:
        yield None
        return
    with private_folder() as folder:
        certificate, key = _certificate(folder)
        changes = {
            "listen 80;": f"listen 127.0.0.1:{ports.plain};",
            "listen 443 ssl;": f"listen 127.0.0.1:{ports.site} ssl;",
            NAME: HOST,
            REMAS: f"127.0.0.1:{ports.remas}",
            GRAFANA: f"127.0.0.1:{ports.grafana}",
            CERTIFICATE: str(certificate),
            KEY: str(key),
        }
        (folder / "site.conf").write_text(replaced((SHIPPED / "nginx.conf").read_text(), changes))
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        command += ["-e", str(folder / "error.log"), "-g", "daemon off;"]
        with _at_work(command, folder, ports.site):
            yield Site(f"https://{HOST}:{ports.site}", certificate)


@contextmanager
def caddy(ports: Ports) -> Iterator[Site | None]:
    """docs/proxy/Caddyfile; None where there is no Caddy."""
    program = shutil.which("caddy")
    if program is None:
        yield None
        return
    with private_folder() as folder:
        certificate, key = _certificate(folder)
        begin = f"https://{HOST}:{ports.site} {{\n\tbind 127.0.0.1\n\ttls {certificate} {key}\n"
        changes = {
            f"\n{NAME} {{\n": f"\n{begin}",
            REMAS: f"127.0.0.1:{ports.remas}",
            GRAFANA: f"127.0.0.1:{ports.grafana}",
        }
        site = replaced((SHIPPED / "Caddyfile").read_text(), changes)
        (folder / "Caddyfile").write_text(CADDY + site)
        command = [program, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
        homes = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        with _at_work(command, folder, ports.site, {**os.environ, **homes}):
            yield Site(f"https://{HOST}:{ports.site}", certificate)


PROXIES: Mapping[str, Callable[[Ports], object]] = {"nginx": nginx, "caddy": caddy}


@contextmanager
def _at_work(
    command: list[str], folder: Path, port: int, environ: Mapping[str, str] | None = None
) -> Iterator[None]:
    if user := ordinary_user():
        for path in folder.iterdir():
            os.chown(path, *user)
    log = folder / "log"
    with running(command, log, cwd=folder, env=environ, **user_arguments()) as process:
        wait_until(lambda: _answers(port), process, log)
        yield


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _certificate(folder: Path) -> tuple[Path, Path]:
    """One that vouches for itself, for two days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "site.pem", folder / "site.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
