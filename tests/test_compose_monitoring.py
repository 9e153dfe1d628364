"""compose.yml: every path, port and variable between REMAS, Prometheus and Grafana fits."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from click.testing import CliRunner

from remas.cli import main
from tests.support.compose import (
    FILE,
    GIVEN,
    TOP,
    VARIABLE,
    environment,
    loaded,
    substituted,
)

COMPOSE = loaded()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROMETHEUS, GRAFANA = SERVICES["prometheus"], SERVICES["grafana"]

# What the Compose specification calls things, as far as they are used.
TOP_LEVEL = {"services", "volumes", "secrets", "networks", "configs", "name"}
OF_A_SERVICE = {
    "build",
    "command",
    "depends_on",
    "env_file",
    "environment",
    "healthcheck",
    "image",
    "networks",
    "ports",
    "restart",
    "secrets",
    "volumes",
}
OF_A_HEALTH_CHECK = {"test", "interval", "timeout", "retries", "start_period", "disable"}
OF_A_SECRET = {"source", "target", "uid", "gid", "mode"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
DURATION = re.compile(r"\d+(s|m)")
PUBLISHED = re.compile(r"127\.0\.0\.1:\d+:\d+")

# The sections of Grafana's configuration (conf/defaults.ini) that are of use here.
SECTIONS = "analytics auth auth_proxy dashboards news plugins security server smtp users".upper()
SETTING = re.compile(rf"GF_({'|'.join(SECTIONS.split())})_[A-Z][A-Z_]*")


def listens() -> dict[str, int]:
    """The port of each service that others speak to."""
    found = {"database": 5432, "redis": 6379}  # as their images come
    (bound,) = re.findall(r"0\.0\.0\.0:(\d+)", " ".join(SERVICES["web"]["command"]))
    found["web"] = int(bound)
    for name in ("prometheus", "grafana"):
        (asked,) = set(re.findall(r"http://127\.0\.0\.1:(\d+)", " ".join(_health(name))))
        found[name] = int(asked)
    return found


def _health(name: str) -> list[str]:
    found: list[str] = SERVICES[name]["healthcheck"]["test"]
    return found


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is mounted where, and how: "ro" or ""."""
    for volume in service.get("volumes", []):
        source, target, *how = volume.split(":")
        yield source, target, "".join(how)


def mounted(service: dict[str, Any], path: str) -> Path:
    """The file of the tree that the service finds at `path`."""
    for source, target, _how in mounts(service):
        if source.startswith("./") and (path == target or path.startswith(f"{target}/")):
            return TOP / source / path[len(target) :].lstrip("/")
    raise LookupError(f"nothing is mounted at {path}")


def leads_to_a_service(host: str | None, port: int | None) -> bool:
    """Whether a service has this name, and listens there."""
    aliases = {
        alias: name
        for name, service in SERVICES.items()
        for alias in service.get("networks", {}).get("default", {}).get("aliases", [])
    }
    return listens().get(aliases.get(host or "", host or "")) == port


def test_it_holds_what_the_specification_knows() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} <= TOP_LEVEL
    for name, service in SERVICES.items():
        assert set(service) <= OF_A_SERVICE, name
        assert "image" in service
        assert service["restart"] in ("no", "unless-stopped")
        assert isinstance(service.get("command", []), list)
        for need, how in service.get("depends_on", {}).items():
            assert need in SERVICES
            assert set(how) == {"condition"}
            assert how["condition"] in CONDITIONS
        for file in service.get("env_file", []):
            assert file["required"] is False
            assert not file["path"].startswith("/")
        assert all(isinstance(value, str) for value in service.get("environment", {}).values())
        assert all(PUBLISHED.fullmatch(port) for port in service.get("ports", [])), name


@pytest.mark.parametrize("name", [name for name in SERVICES if "healthcheck" in SERVICES[name]])
def test_health_checks_are_well_formed(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert set(check) <= OF_A_HEALTH_CHECK
    if check.get("disable") is not True:
        how, *words = check["test"]
        assert how == "CMD" or (how == "CMD-SHELL" and len(words) == 1)
    for key in ("interval", "timeout", "start_period"):
        assert DURATION.fullmatch(check.get(key, "1s"))


def test_images_are_pinned() -> None:
    for name, service in SERVICES.items():
        image = service["image"]
        assert service.get("build") == "." or re.search(r":v?\d+", image), (name, image)
    assert re.fullmatch(r"grafana/grafana:(11\.5|12\.\d+)\.\d+", GRAFANA["image"])
    assert re.fullmatch(r"prom/prometheus:v3\.\d+\.\d+", PROMETHEUS["image"])


def test_what_is_mounted_is_there() -> None:
    named = set()
    for service in SERVICES.values():
        for source, target, how in mounts(service):
            assert target.startswith("/")
            if source.startswith("./"):
                assert (TOP / source).exists(), source
                assert how == "ro", source
            else:
                named.add(source)
    assert named == set(COMPOSE["volumes"])


def test_secrets_are_declared_and_come_from_the_file_with_the_others() -> None:
    for service in SERVICES.values():
        for secret in service.get("secrets", []):
            assert set(secret) <= OF_A_SECRET
            assert secret["source"] in COMPOSE["secrets"]
            # An older compose makes the file root's alone, where nothing is said.
            assert {"uid", "gid", "mode"} <= set(secret)
    for secret in COMPOSE["secrets"].values():
        assert secret["environment"] in GIVEN


def test_prometheus_finds_its_rules_its_token_and_remas() -> None:
    options = dict(option.lstrip("-").split("=", 1) for option in PROMETHEUS["command"])
    file = options["config.file"]
    configuration = yaml.safe_load(mounted(PROMETHEUS, file).read_text())
    folder = posixpath.dirname(file)
    for pattern in configuration["rule_files"]:
        path = posixpath.join(folder, posixpath.dirname(pattern))
        assert list(mounted(PROMETHEUS, path).glob(posixpath.basename(pattern))), pattern
    given = [secret["target"] for secret in PROMETHEUS["secrets"]]
    for job in configuration["scrape_configs"]:
        if "authorization" in job:
            assert posixpath.join(folder, job["authorization"]["credentials_file"]) in given
    assert options["storage.tsdb.path"] in [target for _, target, _ in mounts(PROMETHEUS)]
    assert re.fullmatch(r"\d+[dwy]", substituted(options["storage.tsdb.retention.time"]))
    assert "ports" not in PROMETHEUS  # it has no sign-in


def test_prometheus_asks_remas_where_it_listens() -> None:
    text = (TOP / "prometheus/prometheus.yml").read_text()
    configuration = yaml.safe_load(text)
    named = [
        target
        for job in configuration["scrape_configs"]
        for group in job.get("static_configs", [])
        for target in group["targets"]
    ]
    named += [
        urlsplit(found["url"]).netloc
        for job in configuration["scrape_configs"]
        for found in job.get("http_sd_configs", [])
    ]
    assert named
    for address in named:
        host, _, port = address.partition(":")
        assert leads_to_a_service(host, int(port)), address


@pytest.mark.parametrize("name", [name for name in SERVICES if "environment" in SERVICES[name]])
def test_addresses_lead_to_services(name: str) -> None:
    for variable, value in environment(SERVICES[name]).items():
        parts = urlsplit(value)
        if not parts.scheme or parts.hostname in (None, "localhost"):
            continue  # localhost: as people see it from outside
        assert leads_to_a_service(parts.hostname, parts.port), (variable, value)


def test_people_reach_the_ports_that_the_addresses_name() -> None:
    published = {port.rsplit(":", 1)[0].removeprefix("127.0.0.1:") for port in _ports()}
    for variable in ("REMAS_PUBLIC_URL", "GRAFANA_REDIRECT_URL"):
        assert str(urlsplit(environment(SERVICES["web"])[variable]).port) in published
    inner = {port.rsplit(":", 1)[1] for port in _ports()}
    assert inner <= {str(port) for port in listens().values()}


def _ports() -> list[str]:
    return [port for service in SERVICES.values() for port in service.get("ports", [])]


def test_grafana_is_set_up_with_settings_that_it_knows() -> None:
    for name in GRAFANA["environment"]:
        assert name == "PROMETHEUS_URL" or SETTING.fullmatch(name), name
    given = environment(GRAFANA)
    assert given["GF_USERS_ALLOW_SIGN_UP"] == "false"
    assert given["GF_SERVER_ROOT_URL"] == environment(SERVICES["web"])["GRAFANA_REDIRECT_URL"]


def test_grafana_and_remas_mean_the_same_account_and_prometheus() -> None:
    grafana, ours = environment(GRAFANA), environment(SERVICES["web"])
    assert grafana["GF_SECURITY_ADMIN_USER"] == ours["GRAFANA_USERNAME"] == "remas"
    assert grafana["GF_SECURITY_ADMIN_PASSWORD"] == ours["GRAFANA_PASSWORD"]
    assert grafana["PROMETHEUS_URL"] == ours["PROMETHEUS_URL"]


def test_grafana_finds_the_data_source_and_the_dashboards() -> None:
    at = "/etc/grafana/provisioning"
    (source,) = _provisioned(f"{at}/datasources/remas.yaml")["datasources"]
    assert source["url"] == "${PROMETHEUS_URL}"
    assert "PROMETHEUS_URL" in GRAFANA["environment"]
    (provider,) = _provisioned(f"{at}/dashboards/remas.yaml")["providers"]
    folder = mounted(GRAFANA, provider["options"]["path"])
    assert {path.name for path in folder.iterdir()} == {"cluster.json", "node.json", "person.json"}
    home = environment(GRAFANA)["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounted(GRAFANA, home).is_file()


def _provisioned(path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(mounted(GRAFANA, path).read_text())
    return found


def test_grafana_mails_through_the_mail_server_of_remas() -> None:
    without = environment(GRAFANA)
    assert without["GF_SMTP_ENABLED"] == "false"
    # With anything but a full address it would not start.
    assert re.fullmatch(r"\S+@\S+\.\w+", without["GF_SMTP_FROM_ADDRESS"])
    mail = {
        "SMTP_ENABLED": "true",
        "SMTP_HOST": "mail.example.org",
        "SMTP_PORT": "587",
        "SMTP_USER": "remas",
        "SMTP_PASSWORD": "a secret",
        "SMTP_FROM_ADDRESS": "remas@example.org",
        "SMTP_FROM_NAME": "The cluster",
    }
    settled = environment(GRAFANA, **mail)
    assert settled["GF_SMTP_HOST"] == "mail.example.org:587"
    assert settled["GF_SMTP_PASSWORD"] == "a secret"
    for name in ("ENABLED", "USER", "FROM_ADDRESS", "FROM_NAME"):
        assert settled[f"GF_SMTP_{name}"] == mail[f"SMTP_{name}"]
    # REMAS reads the same file, and after it the one of its own.
    files = [file["path"] for file in SERVICES["web"]["env_file"]]
    assert files == [".env", "remas.env"]


@pytest.mark.parametrize(
    "name", [name for name in SERVICES if SERVICES[name].get("command", [""])[0] == "remas"]
)
def test_its_commands_are_commands_of_remas(name: str) -> None:
    words = SERVICES[name]["command"][1:]
    known = CliRunner().invoke(main, [words[0], "--help"]).output
    assert known.startswith("Usage: ")
    for option in words[1:]:
        assert not option.startswith("--") or option in known, option


def test_it_says_which_page_tells_more() -> None:
    for page in re.findall(r"docs/[\w-]+\.md", FILE.read_text()):
        assert (TOP / page).is_file(), page


def test_every_variable_is_explained() -> None:
    explained = "".join(
        (TOP / "docs" / name).read_text() for name in ("settings.md", "monitoring-setup.md")
    )
    for found in VARIABLE.finditer(FILE.read_text()):
        assert f"`{found['name']}`" in explained, found["name"]


def test_the_page_makes_the_variables_as_the_heading_does() -> None:
    page = (TOP / "docs/monitoring-setup.md").read_text()
    for line in FILE.read_text().splitlines()[1:3]:
        assert line.removeprefix("#").strip() in page
