"""A rule made in Grafana's editor, as a template: the person, node and amount become variables.

All else stays as it is: filled in again with the same person, node and amount, the template is the
rule that it was made of.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from remas.grafana import names, promql, rules
from remas.grafana.promql import Literal
from remas.letters import alert as templates
from remas.letters import alert_shape
from remas.letters.alert import Values

Json = dict[str, Any]

NODE_LABELS = frozenset({"node", "nodename", "instance", "host", "hostname", "Hostname"})
USER_LABELS = frozenset({"groupname", "username", "user"})
"""The labels by which what is measured is told apart."""
TAKEN = (
    *("title", "condition", "noDataState", "execErrState", "for", "keep_firing_for", "isPaused"),
    *("annotations", "labels", "data"),
)
"""What of a rule is its author's; the rest is Grafana's, or REMAS gives it."""
BOUNDS = ("gt", "gte", "lt", "lte")  # evaluators that compare with one number
AMOUNT = "allocation_amount"
_COMPARED = re.compile(r"((?:[<>]=?|==|!=)\s*(?:bool\s+)?)(\d+)(\s*)\Z")
_MARKING = re.compile(r"\$(?=[${]|\Z)")


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person by whose username or uid a matcher is recognised."""

    username: str
    uid: int | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the rule is about, as far as it is said; None: to be found."""

    node: str | None = None
    user: Somebody | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """A template, as `letters.alert.parse` gives it.

    `values`: what stood where variables are now, by variable; `times`: how often. `remarks`:
    sentences about what was not found, or is not as one would think.
    """

    rule: Json
    values: Values
    times: Mapping[str, int]
    remarks: tuple[str, ...]


def template_of(
    rule: Mapping[str, Any], nodes: Collection[str], people: Collection[Somebody], chosen: Chosen
) -> Exported:
    """The template of a rule as Grafana gives it. `nodes` and `people`: those that are known.

    Raises `ValueError` for what alerts nobody.
    """
    if rule.get("record"):
        raise ValueError("This is a recording rule: it writes down numbers, and alerts nobody.")
    taken = {name: rule[name] for name in TAKEN if rule.get(name) is not None}
    for name in ("annotations", "labels"):
        if name in taken:
            taken[name] = _own_texts(taken[name])
    remarks: list[str] = []
    marker = _Marker(
        node=chosen.node or _found_node(taken, nodes, remarks),
        user=chosen.user or _found_user(taken, people, remarks),
        amount=_found_amount(taken, remarks) if chosen.amount is None else chosen.amount,
        chosen=chosen,
    )
    made = marker.marked(taken)
    remarks += _not_there(chosen, marker.times)
    remarks += _odd(taken, made, marker.values())
    return Exported(made, marker.values(), dict(marker.times), tuple(remarks))


def filled(rule: Mapping[str, Any], values: Values) -> Json:
    """A template with its variables filled in, as it is done for Grafana."""
    whole = templates.fill(rule, values)
    return {**whole, "data": [rules.query(part, values) for part in _queries(rule)]}


@dataclass(slots=True)
class _Marker:
    """Puts variables in; counts how often."""

    node: str | None
    user: Somebody | None
    amount: int | None
    chosen: Chosen
    times: Counter[str] = field(default_factory=Counter)

    def values(self) -> Values:
        """What each variable that was put in stands for."""
        known: dict[str, str | int | None] = {
            "node_name": self.node,
            "user_username": self.user.username if self.user else None,
            "user_uid": self.user.uid if self.user else None,
            AMOUNT: self.amount,
        }
        return {name: known[name] for name in self.times}  # type: ignore[misc]  # none is None

    def marked(self, taken: Json) -> Json:
        """The rule with variables in it."""
        decides = taken.get("condition")
        made: Json = {}
        for name, part in taken.items():
            if name == "data":
                made[name] = [self._query(query, decides) for query in _queries(taken)]
            else:
                made[name] = _each_text(part, self._about)
        return made

    def _about(self, text: str) -> str:
        """A title, a label or an annotation: names as words of it."""
        words = {self.node: "node_name", self.user and self.user.username: "user_username"}
        return self._put({word: name for word, name in words.items() if word}, text)

    def _query(self, query: Json, decides: object) -> Json:
        made: Json = _each_text(query, _plain)
        model = query.get("model")
        if not isinstance(model, Mapping):
            return made
        counts = self.chosen.amount is not None or query.get("refId") == decides
        if isinstance(model.get("expr"), str):
            made["model"]["expr"] = promql.rewritten(
                model["expr"],
                lambda text: self._compared(text) if counts else _plain(text),
                self._matched,
            )
        if counts:
            self._bounds(made["model"])
        return made

    def _matched(self, literal: Literal) -> str:
        """What a label has to match."""
        words: dict[str, str] = {}
        if self.node and _is_of(literal, NODE_LABELS, USER_LABELS, self.chosen.node):
            words |= dict.fromkeys(_forms(literal, self.node), "node_name")
        if self.user and _is_of(literal, USER_LABELS, NODE_LABELS, self.chosen.user):
            words |= dict.fromkeys(_forms(literal, self.user.username), "user_username")
            if self.user.uid is not None and literal.label in USER_LABELS:
                words[str(self.user.uid)] = "user_uid"
        return self._put(words, literal.text)

    def _bounds(self, model: Json) -> None:
        for evaluator in _evaluators(model):
            if _is_whole(evaluator["params"][0]) and evaluator["params"][0] == self.amount:
                evaluator["params"][0] = templates.variable(AMOUNT)
                self.times[AMOUNT] += 1
        if model.get("type") == "math" and isinstance(model.get("expression"), str):
            # Its texts are plain already, and a number has nothing in it that would be.
            model["expression"] = self._compared(model["expression"], plain=lambda text: text)

    def _compared(self, text: str, plain: Callable[[str], str] | None = None) -> str:
        plain = plain or _plain
        found = _COMPARED.search(text)
        if found is None or self.amount is None or int(found[2]) != self.amount:
            return plain(text)
        self.times[AMOUNT] += 1
        return f"{plain(text[: found.start(2)])}${{{AMOUNT}}}{found[3]}"

    def _put(self, words: Mapping[str, str], text: str) -> str:
        """The text with variables for these words of it; all else means what it meant."""
        if not words:
            return _plain(text)
        parts, last = [], 0
        for found in _words(words).finditer(text):
            name = words[found[0]]
            self.times[name] += 1
            parts.append(f"{_plain(text[last : found.start()])}${{{name}}}")
            last = found.end()
        return "".join([*parts, _plain(text[last:])])


def _found_node(rule: Json, nodes: Collection[str], remarks: list[str]) -> str | None:
    found = {
        name
        for literal in _literals(rule)
        if literal.label in NODE_LABELS
        for name in nodes
        if _stands_in(_forms(literal, name), literal.text)
    }
    return _only(sorted(found), "node", "--node", remarks)


def _found_user(rule: Json, people: Collection[Somebody], remarks: list[str]) -> Somebody | None:
    found = {
        somebody.username: somebody
        for literal in _literals(rule)
        if literal.label in USER_LABELS
        for somebody in people
        if _stands_in(_forms_of(literal, somebody), literal.text)
    }
    username = _only(sorted(found), "user", "--user", remarks)
    return found[username] if username is not None else None


def _only(found: list[str], what: str, option: str, remarks: list[str]) -> str | None:
    if not found:
        remarks.append(f"No {what} of REMAS is named in its queries. Say which with {option}.")
    elif len(found) > 1:
        told = ", ".join(found[:10])
        remarks.append(f"Its queries name more than one {what}: {told}. Say which with {option}.")
    return found[0] if len(found) == 1 else None


def _found_amount(rule: Json, remarks: list[str]) -> int | None:
    """The number with which the query that decides compares."""
    deciding = (query for query in _queries(rule) if query.get("refId") == rule.get("condition"))
    found = {amount for query in deciding for amount in _amounts(query.get("model"))}
    if len(found) == 1:
        return found.pop()
    if found:
        told = ", ".join(map(str, sorted(found)))
        remarks.append(f"It compares with more than one amount: {told}. Say which with --amount.")
    else:
        remarks.append(
            "Where it decides, it compares with no whole number. Say which amount with --amount."
        )
    return None


def _amounts(model: object) -> Iterator[int]:
    if not isinstance(model, Mapping):
        return
    for evaluator in _evaluators(model):
        if _is_whole(evaluator["params"][0]):
            yield int(evaluator["params"][0])
    text = model.get("expression") if model.get("type") == "math" else model.get("expr")
    compared = _COMPARED.search(text) if isinstance(text, str) else None
    if compared:
        yield int(compared[2])


def _evaluators(model: Mapping[str, Any]) -> Iterator[Json]:
    conditions = model.get("conditions")
    for condition in conditions if isinstance(conditions, list) else []:
        evaluator = condition.get("evaluator") if isinstance(condition, Mapping) else None
        if isinstance(evaluator, dict) and evaluator.get("type") in BOUNDS:
            params = evaluator.get("params")
            if isinstance(params, list) and params:
                yield evaluator


def _not_there(chosen: Chosen, times: Mapping[str, int]) -> Iterator[str]:
    """What was said to be in it, and is not."""
    if chosen.node and "node_name" not in times:
        yield f"The node {chosen.node} stands nowhere in it."
    if chosen.user and not times.keys() & {"user_username", "user_uid"}:
        yield f"The user {chosen.user.username} stands nowhere in it."
    if chosen.amount is not None and AMOUNT not in times:
        yield f"It compares with the amount {chosen.amount} nowhere."


def _odd(taken: Json, made: Json, values: Values) -> Iterator[str]:
    if taken.get("isPaused"):
        yield "The rule is paused, and so will be all that are made of the template."
    if filled(made, values) != {"data": [], **taken}:
        yield (
            "Names are matched letter by letter from now on: in its patterns a sign such as "
            "a dot stood for any other as well."
        )
    for fault in alert_shape.faults(made):
        yield f"As it stands it cannot be saved in REMAS. {fault}"


def _own_texts(texts: Mapping[str, str]) -> Json:
    """Labels or annotations without those that REMAS gives, and Grafana's own."""
    return {
        name: text
        for name, text in texts.items()
        if not name.startswith(names.OUR_LABELS) and not rules.RESERVED_LABEL.fullmatch(name)
    }


def _queries(rule: Mapping[str, Any]) -> list[Json]:
    queries = rule.get("data")
    return [query for query in queries if isinstance(query, dict)] if queries else []


def _literals(rule: Json) -> list[Literal]:
    """All that labels have to match, in all queries."""
    found: list[Literal] = []

    def note(literal: Literal) -> str:
        found.append(literal)
        return literal.text

    for query in _queries(rule):
        model = query.get("model")
        if isinstance(model, Mapping) and isinstance(model.get("expr"), str):
            promql.rewritten(model["expr"], lambda text: text, note)
    return found


def _is_of(literal: Literal, own: Collection[str], others: Collection[str], chosen: object) -> bool:
    """Whether a value is looked for here: what was chosen, under labels nobody foresaw as well."""
    if literal.label is None:
        return False
    return literal.label in own or (chosen is not None and literal.label not in others)


def _forms(literal: Literal, name: str) -> set[str]:
    """How a name may be written in a literal; in patterns people leave out the escapes."""
    plain = Literal(literal.text, literal.quote, literal.label, as_pattern=False)
    return {literal.written(name), plain.written(name)}


def _forms_of(literal: Literal, somebody: Somebody) -> set[str]:
    uid = set() if somebody.uid is None else {str(somebody.uid)}
    return _forms(literal, somebody.username) | uid


def _stands_in(forms: Iterable[str], text: str) -> bool:
    there = [form for form in forms if form in text]
    return bool(there) and _words(there).search(text) is not None


def _words(words: Iterable[str]) -> re.Pattern[str]:
    """Any of these, not as a part of a longer name."""
    either = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![\w.\-\\])(?:{either})(?![\w\-\\]|\.[\w*+])")


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _each_text(part, change) for name, part in value.items()}
    if isinstance(value, list):
        return [_each_text(part, change) for part in value]
    return change(value) if isinstance(value, str) else value


def _plain(text: str) -> str:
    """A text that means itself in a template, also where a variable is put after it."""
    return _MARKING.sub("$$", text)


def _is_whole(number: object) -> bool:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return False
    return number >= 0 and number == int(number)
