"""Formats a report as text, JSON, Markdown or GitHub annotations."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Final

from common.effects import Effect
from common.tool_errors import one_line
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from specdiff.changes import Change, Level
from specdiff.findings import Action
from specdiff.report import DriftReport

#: What each effect means for users who keep the current client.
EFFECTS: Final = {
    Effect.ABSORBED: "nothing happens",
    Effect.SURFACED: "reported as drift; attributes stay readable",
    Effect.BROKEN: "attributes cannot be read, or calls fail",
}

_COLOURS: Final = {Level.BREAKING: "31", Level.WARNING: "33", Level.INFO: "36"}
_KINDS: Final = {"answer": "refuted", "overlay": "hidden"}
_ANNOTATIONS: Final = {Level.BREAKING: "error", Level.WARNING: "warning", Level.INFO: "notice"}
_CORRECTIONS: Final = (
    "With these actions in overlays/spec.overlay.yaml, the new client reads the responses (tested):"
)


def text(report: DriftReport, *, colour: bool = False) -> str:
    """Format the report for a terminal."""

    def paint(code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if colour else text

    return "\n".join(_text(report, paint)) + "\n"


def _text(report: DriftReport, paint: Callable[[str, str], str]) -> Iterator[str]:
    yield f"{report.old} → {report.new}: {_counts(report)}"
    for reason, alike in _alike(report):
        first, *others = alike
        level = "accepted" if reason else str(first.level)
        yield ""
        yield f"{paint(_COLOURS[first.level], f'{level:8}')}  {paint('1', first.text)}"
        yield from (f"          {paint('1', change.text)}" for change in others)
        yield f"          {first.rule}, at {one_line(first.pointer)}"
        yield from (f"          and at {one_line(change.pointer)}" for change in others)
        yield f"          why: {one_line(reason or first.why)}"
        yield f"          current client: {first.effect}{_felt(first)}"
    if report.suspicions:
        yield from ("", paint("1", "Suspicious:"))
        for suspicion in report.suspicions:
            yield f"  {suspicion.id}: {suspicion.text}"
            yield f"    {suspicion.advice}"
    yield from _findings(report, paint)
    yield from ("", *_regenerated(report, paint), "", *_proof(report), "", *_release(report))
    yield ""
    yield from report.failing or ["no failures"]


def _findings(report: DriftReport, paint: Callable[[str, str], str]) -> Iterator[str]:
    for finding in report.findings:
        reason = report.reasons.get(finding.key)
        kind = (
            _KINDS[finding.rule.partition("-")[0]]
            if finding.fails
            else finding.rule.removeprefix("answer-").removeprefix("overlay-action-")
        )
        yield ""
        yield f"{paint('31' if finding.fails else '36', 'accepted' if reason else kind):8}  " + (
            paint("1", finding.text)
        )
        yield f"          {finding.rule}, at {one_line(finding.pointer)}"
        yield f"          {one_line(reason or finding.advice)}"
    if actions := corrective_actions(report):
        yield ""
        yield _CORRECTIONS
        yield from (f"  {line}" for line in actions)


def corrective_actions(report: DriftReport) -> list[str]:
    """Return the overlay actions for contradicted places, as lines of an overlay document."""
    return [
        line
        for finding in report.findings
        if finding.key not in report.reasons
        for action in finding.actions
        for line in _action(action)
    ]


def _action(action: Action) -> Iterator[str]:
    mark = "- "
    for key, value in action.items():
        yield f"{mark}{key}: {json.dumps(value)}"  # JSON is YAML, whatever is in it
        mark = "  "


def _alike(report: DriftReport) -> Iterator[tuple[str | None, list[Change]]]:
    """Yield the changes in groups; those in a group differ only in their text."""

    def sides(change: Change) -> tuple[object, ...]:
        reason = report.reasons.get(change.key)
        same = change.subject if change.places else change.key
        return reason, change.rule, change.level, change.why, change.effect, change.places, same

    for key, alike in itertools.groupby(report.changes, sides):
        yield (str(key[0]) if key[0] else None), list(alike)


def _counts(report: DriftReport) -> str:
    if not report.changes:
        return "no change"
    parts = ", ".join(f"{report.count(level)} {level}" for level in reversed(Level))
    return f"{len(report.changes)} change(s): {parts}"


def _felt(change: Change) -> str:
    places = one_line(", ".join(str(place) for place in sorted(change.places)[:3]))
    more = f" and {len(change.places) - 3} more" if len(change.places) > 3 else ""  # noqa: PLR2004 - as many as are shown
    return f" ({EFFECTS[change.effect]}){f', in {places}{more}' if places else ''}"


def _regenerated(report: DriftReport, paint: Callable[[str, str], str]) -> Iterator[str]:
    yield paint("1", "After regenerating:")
    if report.refusal:
        yield f"  the client cannot be regenerated: {one_line(report.refusal)}"
    elif not report.shifts:
        yield "  the package offers the same names and types"
    for shift in report.shifts or ():
        mark = paint("31", "breaks") if shift.breaks else "fine  "
        yield f"  {mark}  {shift.name} {shift.text}: {shift.why}"


def _proof(report: DriftReport) -> Iterator[str]:
    proof = report.proof
    if proof is None:
        yield "Backtest: not run"
        return
    faults, others = len(proof.faults), len(proof.disagreements)
    unchanged = (
        f" ({proof.unchanged} operation(s) have unchanged responses)" if proof.unchanged else ""
    )
    yield (
        f"Backtest: {proof.bodies} bodies generated from the new spec{unchanged}, "
        f"decoded by the current client: {faults} crashes, wrong values or losses; "
        f"{others} places differ from the comparison"
    )
    if report.answers is not None:
        of_answers = (f for f in report.findings if f.rule.startswith("answer"))
        refuted = sum(finding.fails for finding in of_answers)
        yield (
            f"Recorded responses: {report.answers}, decoded by the client of the new spec: they "
            f"contradict it in {refuted} place(s)"
        )
    for line in (*proof.faults, *proof.disagreements):
        yield f"  {one_line(line)}"
    for line in proof.uncovered:
        yield f"  not covered: {one_line(line)}"


def _next(report: DriftReport) -> str:
    """Return the next version and the kind of release; before 1.0 it is one level lower."""
    if report.bump == "none":
        return f"none needed, {report.version} is unchanged"
    steps = f"{report.version} → {report.following}"
    if report.version.startswith("0.") and report.bump != "patch":
        return f"{steps}, as a {report.bump} change is numbered before 1.0"
    return f"{steps} ({report.bump})"


def _release(report: DriftReport) -> Iterator[str]:
    yield f"Release: {_next(report)}"
    for entry in report.entries:
        yield f"  {entry.section}: {entry.text}"
    if report.missing:
        yield "Missing from the changelog, under Unreleased:"
        for entry in report.missing:
            yield f"  - {entry.text}"


def as_json(report: DriftReport) -> str:
    """Format the report as JSON, in ASCII."""
    return json.dumps(report.as_json(), indent=2) + "\n"


def markdown(report: DriftReport) -> str:
    """Format the report as Markdown for a pull request."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: DriftReport) -> Iterator[str]:
    yield f"## Spec: {_cell(report.old)} → {_cell(report.new)}"
    yield from ("", f"{_counts(report)}.", "")
    yield from _table(report)
    if report.suspicions:
        yield from ("", "### Suspicious", "")
        for suspicion in report.suspicions:
            yield f"- **{suspicion.id}**: {_cell(suspicion.text)}. {_cell(suspicion.advice)}."
    if report.findings:
        yield from ("", "### Found besides", "")
    for finding in report.findings:
        text = report.reasons.get(finding.key) or finding.advice
        kind = "**fails**" if finding.fails and finding.key not in report.reasons else "fine"
        yield (
            f"- {kind}: {_cell(finding.text)} ({_code(finding.rule)}, {_code(finding.pointer)}): "
            f"{_cell(text)}."
        )
    if actions := corrective_actions(report):
        yield from ("", _CORRECTIONS, "")
        yield from (f"    {line}" for line in actions)
    yield from ("", "### After regenerating", "", *_shifts(report), "", "### Backtest", "")
    for line in _proof(report):
        yield f"- {_cell(line.strip())}"
    yield from ("", f"### Release: {_next(report)}", "")
    for entry in report.entries:
        yield f"- {entry.section}: {_cell(entry.text)}"
    if report.missing:
        yield from ("", "Missing from the changelog, under `Unreleased`:", "")
        yield from (f"- {_cell(entry.text)}" for entry in report.missing)
    if report.failing:
        yield from ("", *(f"**{_cell(line)}.**" for line in report.failing))


def _table(report: DriftReport) -> Iterator[str]:
    if report.changes:
        yield "| level | change | why | current client | rule and place |"
        yield "|---|---|---|---|---|"
    for change in report.changes:
        reason = report.reasons.get(change.key)
        level = "accepted" if reason else f"**{change.level}**"
        place = _code(change.pointer.replace("|", "\\|"))
        yield (
            f"| {level} | {_cell(change.text)} | {_cell(reason or change.why)} "
            f"| {change.effect} | {_code(change.rule)}<br>{place} |"
        )


def _shifts(report: DriftReport) -> Iterator[str]:
    if report.refusal:
        yield f"The client cannot be regenerated: {_cell(report.refusal)}"
    elif not report.shifts:
        yield "The package offers the same names and types."
    else:
        yield from ("| code | what | why |", "|---|---|---|")
        for shift in report.shifts:
            breaks = "**breaks**" if shift.breaks else "fine"
            yield f"| {breaks} | {_cell(shift.name)} {_cell(shift.text)} | {_cell(shift.why)} |"


def _cell(text: str) -> str:
    """Escape Markdown and HTML outside of backticks, and table separators everywhere."""
    parts = one_line(text).replace("|", "\\|").split("`")
    prose = [re.sub(r"([\\*_\[\]<>&@#~])", _entity, part) for part in parts[::2]]
    code = [_code(part) for part in parts[1::2]]
    return "".join(piece for pair in itertools.zip_longest(prose, code) for piece in pair if piece)


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[1])};"


def _code(text: str) -> str:
    return f"`{one_line(text).replace('`', ' ')}`" if text else ""


def github(report: DriftReport, path: str, document: str) -> str:
    """Return annotations for a workflow's log (GitHub Actions, "workflow commands").

    Args:
        report: The report.
        path: The path of the new spec in the repository.
        document: The text of the new spec, to find the lines of pointers.
    """
    pointers = {change.pointer for change in report.changes}
    pointers |= {finding.pointer for finding in report.findings}
    lines = _find_lines(document, pointers)
    commands: list[str] = []
    for change in report.changes:
        kind = "notice" if change.key in report.reasons else _ANNOTATIONS[change.level]
        place = f"file={_property(path)},line={lines.get(change.pointer, 1)}"
        title = f"title={_property(change.rule)}"
        text = _message(f"{change.text}: {change.why} (current client: {change.effect})")
        commands.append(f"::{kind} {place},{title}::{text}")
    for suspicion in report.suspicions:
        text = _message(f"{suspicion.text}; {suspicion.advice}")
        commands.append(f"::warning title={_property(suspicion.id)}::{text}")
    for finding in report.findings:
        kind = "error" if finding.fails and finding.key not in report.reasons else "notice"
        place = f"file={_property(path)},line={lines.get(finding.pointer, 1)}"
        title = f"title={_property(finding.rule)}"
        commands.append(f"::{kind} {place},{title}::{_message(finding.text)}")
    commands += [f"::error ::{_message(line)}" for line in report.failing]
    return "".join(f"{command}\n" for command in commands)


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _find_lines(document: str, pointers: set[str]) -> dict[str, int]:
    """Return the line of each pointer, from 1; of a missing pointer, that of the nearest parent.

    Args:
        document: A YAML document that has been loaded before.
        pointers: JSON pointers, from `#`.
    """
    root = YAML(typ="safe", pure=True).compose(document)
    return {pointer: _line(root, pointer) for pointer in pointers}


def _line(root: Node | None, pointer: str) -> int:
    node, line = root, 1
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        step = _step(node, key)
        if step is None:
            break
        node, line = step
    return line


def _step(node: Node | None, key: str) -> tuple[Node, int] | None:
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if isinstance(name, ScalarNode) and name.value == key:
                return value, name.start_mark.line + 1
    elif isinstance(node, SequenceNode) and key.isdigit() and int(key) < len(node.value):
        value = node.value[int(key)]
        return value, value.start_mark.line + 1
    return None
