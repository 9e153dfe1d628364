"""A directory for the tests: Debian's slapd as an ordinary process, with TLS and two people."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ldap3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.processes import (
    free_port,
    ordinary_user,
    private_folder,
    running,
    user_arguments,
    wait_until,
)

SUFFIX = "dc=example,dc=org"
PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
ROOT, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "the directory's own secret"
READER, READER_PASSWORD = f"cn=reader,{SUFFIX}", "a secret to search with"
PASSWORD = "four words of the directory"

# An unauthenticated bind (a name without password) is let through here, as many directories do.
CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
allow bind_anon_cred bind_anon_dn
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix "{suffix}"
rootdn "{root}"
rootpw "{password}"
directory {folder}/data
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * auth
"""


@dataclass(frozen=True)
class Directory:
    """Where it answers, plain and by TLS, and the file with who signed its certificate."""

    url: str
    tls_url: str
    ca_file: Path


@contextmanager
def ldap_server() -> Iterator[Directory | None]:
    """A directory with ada and grace; None where there is no slapd."""
    program = shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap:/usr/bin")
    if program is None or not Path("/etc/ldap/schema").is_dir():
        yield None
        return
    with private_folder() as folder:
        _prepare(folder)
        plain, tls = free_port(), free_port()
        directory = Directory(
            f"ldap://127.0.0.1:{plain}", f"ldaps://127.0.0.1:{tls}", folder / "ca.pem"
        )
        urls = f"{directory.url} {directory.tls_url}"
        command = [program, "-d", "0", "-f", str(folder / "slapd.conf"), "-h", urls]
        log = folder / "log"
        with running(command, log, **user_arguments()) as server:
            wait_until(lambda: _answers(directory.url), server, log)
            _fill(directory.url)
            yield directory


def _prepare(folder: Path) -> None:
    (folder / "data").mkdir()
    values = {"folder": folder, "suffix": SUFFIX, "root": ROOT, "password": ROOT_PASSWORD}
    (folder / "slapd.conf").write_text(CONFIGURATION.format(**values))
    _certificates(folder)
    if user := ordinary_user():
        for path in folder.iterdir():
            shutil.chown(path, *user)


def _certificates(folder: Path) -> None:
    """An authority, and a certificate of it for 127.0.0.1."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority for tests")])
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    authority = _signed(name, name, ca_key.public_key(), ca_key, x509.BasicConstraints(True, None))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "directory")])
    server = _signed(subject, name, key.public_key(), ca_key, addresses)
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _signed(
    subject: x509.Name, issuer: x509.Name, public_key: Any, key: Any, extension: Any
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(key, hashes.SHA256())
    )


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), 2).close()
    except OSError:
        return False
    return True


def _fill(url: str) -> None:
    server = ldap3.Server(url, get_info=ldap3.NONE)
    with ldap3.Connection(server, ROOT, ROOT_PASSWORD, raise_exceptions=True) as root:
        root.add(SUFFIX, ["dcObject", "organization"], {"dc": "example", "o": "Example"})
        for branch in (PEOPLE, GROUPS):
            root.add(branch, "organizationalUnit")
        reader = {"userPassword": READER_PASSWORD}
        root.add(READER, ["organizationalRole", "simpleSecurityObject"], reader)
        for number, (username, name, surname) in enumerate(
            (("ada", "Ada", "Byron"), ("grace", "Grace", "Hopper"), ("a*b(c)", "Star", "Sign"))
        ):
            root.add(
                f"uid={username},{PEOPLE}",
                ["inetOrgPerson", "posixAccount"],
                {
                    "cn": f"{name} {surname}",
                    "givenName": name,
                    "sn": surname,
                    "mail": f"{name.lower()}@example.org",
                    "uidNumber": 5000 + number,
                    "gidNumber": 5000,
                    "homeDirectory": f"/home/{name.lower()}",
                    "userPassword": PASSWORD,
                },
            )
        members = {"member": f"uid=ada,{PEOPLE}"}
        root.add(f"cn=staff,{GROUPS}", "groupOfNames", members)
        unix = {"gidNumber": 6000, "memberUid": "grace"}
        root.add(f"cn=guests,{GROUPS}", "posixGroup", unix)
