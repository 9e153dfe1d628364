"""`remas doctor`: whether Grafana and Prometheus are there, and set up as they have to be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from remas import clock
from remas.cli.findings import PATIENCE, Finding, cause_of
from remas.cli.opened import opened
from remas.clients.grafana import GrafanaError
from remas.clients.grafana_set_up import GrafanaSetUp
from remas.clients.prometheus import Prometheus, PrometheusError, Series
from remas.config import NOBODYS_EMAIL, Settings
from remas.grafana import names
from remas.services import exporters, groups, monitoring_standing
from remas.services.exporters import Target
from remas.services.monitoring_standing import Numbers

OLDEST = 11  # of Grafana's major versions
MOST_NAMED = 8  # of the exporters with which something is wrong
NEARLY = 0.9  # of a quota
DASHBOARDS = (names.CLUSTER_DASHBOARD, "remas-node", names.PERSON_DASHBOARD)
READ_MORE = "see docs/monitoring-setup.md"
USERS_PAGE = "Administration, Users and access, Users"
OWN_JOB, RESERVED_JOB = "remas", "remas_reserved"  # as prometheus/prometheus.yml calls them


# Grafana.


def grafana(settings: Settings) -> Iterator[Finding]:
    """Whether Grafana answers, lets us do what has to be done, and has what it needs.

    The password is tried once: five wrong ones close the account for a while.
    """
    if not settings.grafana_url:
        yield Finding("Grafana", "not used (GRAFANA_URL is not set)")
        return
    with GrafanaSetUp.of(settings, (PATIENCE, PATIENCE)) as client:
        try:
            yield _version(client.version())
        except GrafanaError as error:
            yield _away(error)
            return
        if settings.grafana_token:
            yield from _asked("Grafana token", _token, client, settings)
        try:
            yield _account(client, settings)
        except GrafanaError as error:
            yield _refused(error, settings)
            return
        for part, check in GRAFANA_CHECKS:
            yield from _asked(part, check, client, settings)
    yield _mailbox(settings)
    yield from _unshared(settings)
    yield from _behind(settings)


def _version(version: str) -> Finding:
    if not version:
        return Finding("Grafana", "answers; it does not tell its version")
    major = version.split(".", maxsplit=1)[0]
    if major.isdecimal() and int(major) < OLDEST:
        remedy = f"install Grafana {OLDEST} or later"
        return Finding("Grafana", f"answers, with version {version}", remedy)
    return Finding("Grafana", f"answers, with version {version}")


def _away(error: GrafanaError) -> Finding:
    if error.status is None:
        remedy = "start it, or correct GRAFANA_URL"
        return Finding("Grafana", f"does not answer: {cause_of(error)}", remedy)
    remedy = "look at its log, or correct GRAFANA_URL"
    return Finding("Grafana", f"answers with status {error.status}", remedy)


def _refused(error: GrafanaError, settings: Settings) -> Finding:
    if not error.is_locked_out:
        return _ill("Grafana account", error)
    remedy = (
        "correct GRAFANA_USERNAME and GRAFANA_PASSWORD; after five wrong passwords Grafana takes "
        "none for five minutes, so stop REMAS's workers meanwhile"
    )
    return Finding("Grafana account", f"refuses the account {settings.grafana_username}", remedy)


def _asked(
    part: str,
    check: Callable[[GrafanaSetUp, Settings], Finding],
    client: GrafanaSetUp,
    settings: Settings,
) -> Iterator[Finding]:
    try:
        yield check(client, settings)
    except GrafanaError as error:
        yield _ill(part, error)


def _ill(part: str, error: GrafanaError) -> Finding:
    if error.status == HTTPStatus.FORBIDDEN:
        return Finding(part, "not shown to REMAS", "mend the account or the token first")
    return Finding(part, f"cannot be asked. {error}", "look at Grafana's log")


def _token(client: GrafanaSetUp, _settings: Settings) -> Finding:
    part, page = "Grafana token", "Administration, Users and access, Service accounts"
    try:
        client.policies()
    except GrafanaError as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            return Finding(part, "refused", f"make another one in Grafana, {page}: GRAFANA_TOKEN")
        if error.status == HTTPStatus.FORBIDDEN:
            remedy = f"give its service account the role Admin in Grafana, {page}"
            return Finding(part, "taken, but may not do what has to be done", remedy)
        raise
    return Finding(part, "taken, with the role Admin")


def _account(client: GrafanaSetUp, settings: Settings) -> Finding:
    """`client` asks with the password for the first time here."""
    part, login = "Grafana account", settings.grafana_username
    if not client.is_server_admin():
        remedy = f"make {login} a Grafana Admin in Grafana, {USERS_PAGE}"
        return Finding(part, f"{login} does not administer the server", remedy)
    if not settings.grafana_token and not client.is_organisation_admin():
        remedy = f"give {login} the role Admin in Grafana, {USERS_PAGE}, or set GRAFANA_TOKEN"
        return Finding(part, f"{login} is not Admin of the organisation", remedy)
    return Finding(part, f"{login} may do what has to be done")


def _data_source(client: GrafanaSetUp, _settings: Settings) -> Finding:
    part, uid = "Grafana data source", names.DATA_SOURCE
    if client.data_source(uid) is None:
        remedy = (
            "copy grafana_templates/provisioning into Grafana's provisioning folder, set "
            f"PROMETHEUS_URL in its environment, start it again; {READ_MORE}"
        )
        return Finding(part, f"{uid} is missing: no alert and no dashboard works", remedy)
    try:
        client.check_data_source(uid)
    except GrafanaError as error:
        if error.status is None or error.status == HTTPStatus.FORBIDDEN:
            raise
        remedy = "start Prometheus, or correct PROMETHEUS_URL in Grafana's environment"
        return Finding(part, f"{uid} does not reach Prometheus. {error}", remedy)
    return Finding(part, f"{uid} reaches Prometheus")


def _dashboards(client: GrafanaSetUp, _settings: Settings) -> Finding:
    missing = [uid for uid in DASHBOARDS if client.dashboard(uid) is None]
    if missing:
        remedy = (
            "copy grafana_templates/provisioning into Grafana's provisioning folder, and "
            f"grafana_templates/dashboards to where its dashboards/remas.yaml says; {READ_MORE}"
        )
        return Finding("Grafana dashboards", f"{', '.join(missing)}: not there", remedy)
    return Finding("Grafana dashboards", f"all {len(DASHBOARDS)} are there")


def _mail(client: GrafanaSetUp, _settings: Settings) -> Finding:
    smtp = client.server_settings().get("smtp", {})
    if not _is_on(smtp):
        remedy = f"set GF_SMTP_ENABLED, GF_SMTP_HOST and more for Grafana; {READ_MORE}"
        return Finding("Grafana mail", "sends none: alerts reach nobody", remedy)
    return Finding("Grafana mail", f"sends through {smtp.get('host', '?')}")


def _mailbox(settings: Settings) -> Finding:
    """Where Grafana mails what reaches nobody else, which is a sign that something is wrong."""
    part, address = "Grafana mailbox", settings.admin_email
    if address == NOBODYS_EMAIL:
        remedy = "set REMAS_ADMIN_EMAIL to a mailbox that administrators read, for the worker too"
        return Finding(part, f"alerts that reach nobody go to {address}, which is nobody's", remedy)
    return Finding(part, f"alerts that reach nobody go to {address}")


def _sign_in(client: GrafanaSetUp, settings: Settings) -> Finding:
    part, proxy = "Grafana sign-in", client.server_settings().get("auth.proxy", {})
    if _is_on(proxy) and not str(proxy.get("whitelist", "")).strip():
        remedy = "set GF_AUTH_PROXY_WHITELIST to the proxy's address; see docs/grafana-sign-in.md"
        return Finding(part, "believes everybody who names a user in a header", remedy)
    if settings.monitoring.grafana_proxy and not _is_on(proxy):
        remedy = "set GF_AUTH_PROXY_ENABLED and more for Grafana; see docs/grafana-sign-in.md"
        return Finding(part, "GRAFANA_SIGN_IN is proxy, but Grafana believes none", remedy)
    if _is_on(proxy) and not settings.monitoring.grafana_proxy:
        remedy = "set GRAFANA_SIGN_IN=proxy for REMAS"
        return Finding(part, "Grafana believes a proxy, but people are led to a password", remedy)
    if _is_on(proxy) and not _shares_host(settings):
        remedy = (
            f"set GRAFANA_REDIRECT_URL to a path of it, such as {settings.public_url}/grafana; "
            "see docs/grafana-sign-in.md"
        )
        return Finding(part, "Grafana is not under REMAS_PUBLIC_URL, so no session counts", remedy)
    return Finding(part, "by the proxy" if _is_on(proxy) else "with passwords in Grafana")


def _shares_host(settings: Settings) -> bool:
    """Whether the browser shows REMAS's cookie to Grafana, which has a path of its own there."""
    ours, theirs = urlsplit(settings.public_url), urlsplit(settings.grafana_redirect_url)
    return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc) and bool(theirs.path)


def _is_on(section: Mapping[str, Any]) -> bool:
    return str(section.get("enabled", "")).lower() in ("true", "1", "yes", "on")


def _quota(client: GrafanaSetUp, _settings: Settings) -> Finding:
    quota = client.server_settings().get("quota", {})
    most = str(quota.get("org_alert_rule", ""))
    if not _is_on(quota) or not most.isdecimal():
        return Finding("Grafana quota", "takes any number of alert rules")
    there = len(client.rules())
    if there >= NEARLY * int(most):
        remedy = "raise GF_QUOTA_ORG_ALERT_RULE for Grafana: people times nodes times notifications"
        return Finding("Grafana quota", f"{there} of at most {most} alert rules", remedy)
    return Finding("Grafana quota", f"{there} of at most {most} alert rules")


def _policies(client: GrafanaSetUp, settings: Settings) -> Finding:
    part = "Grafana policies"
    owner = client.policies().get("provenance")
    if settings.grafana_direct:
        return Finding(part, "not used: each rule names its contact point")
    if owner:
        remedy = "manage them in Grafana alone, or set GRAFANA_ROUTING=direct"
        text = f'owned by "{owner}": each rule names its contact point, and other policies see none'
        return Finding(part, text, remedy)
    return Finding(part, "REMAS may add its own")


GRAFANA_CHECKS = (
    ("Grafana data source", _data_source),
    ("Grafana dashboards", _dashboards),
    ("Grafana mail", _mail),
    ("Grafana sign-in", _sign_in),
    ("Grafana quota", _quota),
    ("Grafana policies", _policies),
)


def _unshared(settings: Settings) -> Iterator[Finding]:
    """A note where Grafana shows what REMAS hides; how the database is, is told elsewhere."""
    try:
        with opened(settings):
            found = groups.unshared()
    except SQLAlchemyError:
        return
    if found:
        named = ", ".join(found[:MOST_NAMED])
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        text = f"shows everybody in it what members of {named}{more} use, which REMAS hides"
        yield Finding("Grafana privacy", f"{text}; {READ_MORE}")


def _behind(settings: Settings) -> Iterator[Finding]:
    """How far Grafana is behind, as the database says; how that is, is told elsewhere."""
    try:
        with opened(settings):
            found = monitoring_standing.numbers()
    except SQLAlchemyError:
        return
    if found is not None:
        yield _standing(found)


def _standing(found: Numbers) -> Finding:
    part, remedy = "Grafana changes", "start `remas ticker` and `remas worker`, look at their logs"
    if found.refused:
        text = f"refused by Grafana for {_people(found.refused)}"
        return Finding(part, text, "see the status page, which says why")
    if found.passed_at is None:
        return Finding(part, "not yet made for anybody", remedy)
    if found.is_late:
        since = f" since {found.since:%Y-%m-%d %H:%M} UTC" if found.since else ""
        return Finding(part, f"not yet made for {_people(found.people)}{since}", remedy)
    if found.people:
        return Finding(part, f"just being made for {_people(found.people)}")
    return Finding(part, "all are made")


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


# Prometheus.


def prometheus(settings: Settings) -> Iterator[Finding]:
    """Whether Prometheus answers, and measures what REMAS and the alerts ask for."""
    if not settings.prometheus_url:
        yield Finding("Prometheus", "not used (PROMETHEUS_URL is not set)")
        return
    try:
        with Prometheus(settings.prometheus_url, PATIENCE) as client:
            asked = client.query("up", clock.now())
            people = client.query("count(remas_user_info)", clock.now())
    except PrometheusError as error:
        remedy = "start it, or correct PROMETHEUS_URL"
        yield Finding("Prometheus", f"cannot be asked. {error}", remedy)
        return
    yield Finding("Prometheus", "answers")
    yield _own_metrics(asked)
    yield _reserved(settings, asked, people)
    yield from _exporters(settings, asked)


def _answering(asked: Sequence[Series]) -> Mapping[tuple[str, str], bool]:
    """By node ("" where it is none) and job: whether all that is scraped answers."""
    found: dict[tuple[str, str], bool] = {}
    for row in asked:
        key = row.labels.get("node", ""), row.labels.get("job", "")
        found[key] = found.get(key, True) and bool(row.values) and row.values[-1][1] == 1
    return found


def _own_metrics(asked: Sequence[Series]) -> Finding:
    part, answers = "Prometheus on REMAS", _answering(asked).get(("", OWN_JOB))
    if answers is None:
        remedy = f"use prometheus/prometheus.yml, whose job {OWN_JOB} does; {READ_MORE}"
        return Finding(part, "it does not ask REMAS", remedy)
    if not answers:
        remedy = "correct REMAS's address in prometheus.yml"
        return Finding(part, "REMAS does not answer it", remedy)
    return Finding(part, "it reads REMAS's own metrics")


def _reserved(settings: Settings, asked: Sequence[Series], people: Sequence[Series]) -> Finding:
    part, answers = "Prometheus on what is reserved", _answering(asked).get(("", RESERVED_JOB))
    if not settings.monitoring.metrics_token:
        remedy = f"set REMAS_METRICS_TOKEN, and give it to Prometheus; {READ_MORE}"
        return Finding(part, "it may not know: dashboards show nothing of it", remedy)
    if people:
        return Finding(part, f"it knows {_people(int(people[0].values[-1][1]))}")
    if answers is None:
        remedy = f"use prometheus/prometheus.yml, whose job {RESERVED_JOB} does; {READ_MORE}"
        return Finding(part, "it does not ask", remedy)
    remedy = "write the value of REMAS_METRICS_TOKEN into the file metrics_token at prometheus.yml"
    return Finding(part, "REMAS refuses it" if not answers else "REMAS tells it of nobody", remedy)


def _exporters(settings: Settings, asked: Sequence[Series]) -> Iterator[Finding]:
    """As the database says where they are; how that is, is told elsewhere."""
    try:
        with opened(settings):
            wanted = exporters.targets()
    except SQLAlchemyError:
        return
    if not wanted:
        yield Finding("Prometheus on the nodes", "no node has an exporter")
        return
    answering = _answering(asked)
    state = {target: answering.get((target.node, target.exporter.job)) for target in wanted}
    unknown = [target for target, answers in state.items() if answers is None]
    silent = [target for target, answers in state.items() if answers is False]
    if unknown:
        remedy = "let it ask /prometheus/targets of REMAS, and look at its page Service discovery"
        yield Finding("Prometheus on the nodes", f"does not know {_listed(unknown)}", remedy)
    if silent:
        remedy = "run prometheus/install-exporters there, and let Prometheus reach the ports"
        yield Finding("Prometheus on the nodes", f"gets no answer from {_listed(silent)}", remedy)
    if not unknown and not silent:
        yield Finding("Prometheus on the nodes", f"all {len(wanted)} exporters answer")


def _listed(targets: Sequence[Target]) -> str:
    named = [f"{target.node} ({target.exporter.job})" for target in targets[:MOST_NAMED]]
    more = len(targets) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
