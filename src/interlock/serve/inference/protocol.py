"""The Open Inference Protocol (v2) over the same predictor; knows no transport.

Its paths, its pages and its errors (``{"error": "…"}``). Rows go the friendly API's way: the same
rules, limits and log. The model is the product; its version is the release's label, or the bundle's
digest where there is none (the digest is taken, too). The binary tensor extension is not offered.

Source: https://github.com/kserve/open-inference-protocol, REST.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

import msgspec

from interlock.errors import InterlockError
from interlock.serve.contract import class_name
from interlock.serve.errors import FieldMistake, ServiceError, Unready, error_body
from interlock.serve.inference.explained_tensors import explanation_tensors
from interlock.serve.inference.tensors import (
    Question,
    answer_tensors,
    input_tensor,
    output_tensors,
)
from interlock.serve.loaded.release import LoadedRelease

OPEN = ("/v2/health/live", "/v2/health/ready", "/v2/health/live/", "/v2/health/ready/")
"""Paths that need no token."""

_ENCODER = msgspec.json.Encoder()
_LISTED = 20  # mistakes in one message


@dataclass(frozen=True, slots=True)
class Asked:
    """A path read: ``page`` is server, live, ready, model, model_ready or infer."""

    page: str
    model: str = ""
    version: str = ""

    def named(self, releases: Sequence[LoadedRelease]) -> LoadedRelease:
        """The release that the path names: of these, the first where it names no version.

        Raises ServiceError S116 where it names another model or version.
        """
        product = releases[0].product
        if self.model != product:
            raise ServiceError("S116", f"there is no such model; there is {product}")
        for release in releases:
            if not self.version or self.version in (version_of(release), release.digest):
                return release
        there = " is live, ".join(map(version_of, releases))
        there += " is on trial" if len(releases) > 1 else " is live"
        raise ServiceError("S116", f"there is no such version; {there}")


def is_inference(path: str) -> bool:
    """Whether a path is this protocol's."""
    return path == "/v2" or path.startswith("/v2/")


def read_path(path: str) -> Asked:
    """What is asked for; a slash at the end changes nothing. Raises ServiceError S116."""
    match [unquote(part) for part in path.removesuffix("/").split("/")[2:]]:
        case []:
            return Asked("server")
        case ["health", ("live" | "ready") as page]:
            return Asked(page)
        case ["models", model, *rest]:
            return _model(model, rest)
    raise _no_path()


def _model(model: str, rest: list[str]) -> Asked:
    wanted = ""
    if len(rest) > 1 and rest[0] == "versions":
        wanted, rest = rest[1], rest[2:]
        if not wanted:
            raise _no_path()
    pages = {(): "model", ("ready",): "model_ready", ("infer",): "infer"}
    page = pages.get(tuple(rest))
    if page is None:
        raise _no_path()
    return Asked(page, model, wanted)


def _no_path() -> ServiceError:
    return ServiceError("S116", "there is no such path")


def version_of(release: LoadedRelease) -> str:
    """The version that clients see."""
    return release.label or release.digest


def page_of(asked: Asked, releases: Sequence[LoadedRelease], *, ready: bool) -> tuple[int, bytes]:
    """Status and body of what is not ``infer``; ``ready``: every worker has the release.

    ``releases`` are the champion's and, in a rollout, the challenger's; none where none is ready.

    Raises ServiceError S116, S127.
    """
    if asked.page == "server":
        about = {"name": "interlock", "version": version("interlock"), "extensions": []}
        return 200, _ENCODER.encode(about)
    if asked.page == "live":
        return 200, _ENCODER.encode({"live": True})
    if asked.page == "ready":
        return 200 if ready else 503, _ENCODER.encode({"ready": ready})
    if not releases:
        raise Unready("no release is ready; try again")
    release = asked.named(releases)
    if asked.page == "model_ready":
        standing = {"name": release.product, "ready": ready}
        return 200 if ready else 503, _ENCODER.encode(standing)
    return 200, _ENCODER.encode(_metadata(release, releases))


def _metadata(release: LoadedRelease, releases: Sequence[LoadedRelease]) -> dict[str, Any]:
    return {
        "name": release.product,
        "versions": list(map(version_of, releases)),
        "platform": "interlock",
        "inputs": [input_tensor(field) for field in release.contract.request.fields],
        "outputs": output_tensors(release.contract),
    }


def inferred(question: Question, status: int, content: bytes, release: LoadedRelease) -> bytes:
    """The body to send, of what the friendly API answers to the question's rows.

    Rows that champion and challenger share name digest and arm of each, separated by commas; the
    version is then the champion's, which is ``release``.
    """
    if status != 200:
        return flattened(content)
    answers = msgspec.json.decode(content)
    said = {"unit": answers[0]["unit"]} | {key: _named(answers, key) for key in ("digest", "arm")}
    own = answers[0]["release"] or answers[0]["digest"]
    marks = {key: True for key in ("degraded", "replay") if any(key in row for row in answers)}
    found = {
        "model_name": release.product,
        "model_version": version_of(release) if "," in said["arm"] else own,
        "parameters": said | marks,
        "outputs": _outputs(question, answers, release),
    }
    return _ENCODER.encode({"id": question.id, **found} if question.id else found)


def _outputs(
    question: Question, answers: list[dict[str, Any]], release: LoadedRelease
) -> list[dict[str, Any]]:
    """The tensors asked for, in that order; of none, all that there are."""
    found = answer_tensors(answers, question.outputs, release.contract)
    if question.explain:
        classes = [class_name(value) for value in release.contract.answer.spec.classes]
        found += explanation_tensors(answers, release.inputs, classes)
    by_name = {tensor["name"]: tensor for tensor in found}
    return [by_name[name] for name in question.outputs] if question.outputs else found


def _named(answers: list[dict[str, Any]], key: str) -> str:
    """What the answers say, once where all say the same."""
    found = [answer[key] for answer in answers]
    return found[0] if len(set(found)) == 1 else ",".join(found)


class _Problem(msgspec.Struct):
    code: str
    message: str
    mistakes: list[FieldMistake]


class _Envelope(msgspec.Struct):
    error: _Problem


def flattened(content: bytes) -> bytes:
    """A refusal of the friendly API in this protocol's words: its code, message and mistakes.

    >>> flattened(b'{"error": {"code": "S111", "message": "no JSON", "mistakes": []}}')
    b'{"error":"S111: no JSON"}'
    """
    problem = msgspec.json.decode(content, type=_Envelope).error
    mistakes = [_said(mistake) for mistake in problem.mistakes[:_LISTED]]
    if more := len(problem.mistakes) - len(mistakes):
        mistakes.append(f"and {more} more")
    text = f"{problem.code}: {problem.message}"
    return _ENCODER.encode({"error": ": ".join([text, "; ".join(mistakes)]) if mistakes else text})


def inference_error(error: InterlockError) -> bytes:
    """A refusal as this protocol writes one."""
    return flattened(error_body(error))


def _said(mistake: FieldMistake) -> str:
    place = mistake.field if mistake.row is None else f"{mistake.field} in row {mistake.row}"
    words = f"{place} {mistake.what}".strip()
    words += f", expected {mistake.expected}" if mistake.expected else ""
    return words + (f", got {mistake.got}" if mistake.got else "")
