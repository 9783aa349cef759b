"""Acceptance models as files: a skops archive with the estimator, and beside it a header in JSON. Never pickle.

A file is read only when its SHA-256 is the one that was noted when it was written, and then only when every type in it
is on the list below. skops checks types, not contents, and trees hold indices that are followed without a check, so
these are checked here too. Whatever is wrong is a ModelFileError with a sentence, and the model in use stays.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import skops.io

from matching.ranking.acceptance import DESIGNS, AcceptanceModel
from matching.ranking.effects import Attention
from matching.ranking.estimators import MonotoneBoosting, VolunteerLogistic
from matching.ranking.features import NAMES

# Goes up when FEATURES, the designs or the estimators change such that an older file would mean something else.
FORMAT = 1
HEADER = "omzien.json"
MOST_BYTES = 100_000_000
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")

ESTIMATORS: dict[str, type[Any]] = {"logistic": VolunteerLogistic, "boosting": MonotoneBoosting}
NUMBERS = ("effect_sd", "base_rate", "slope", "shift", "first_h", "last_h")

# Module, class and reader of everything the estimators consist of; nothing else is built from a file.
_BOOSTING = "sklearn.ensemble._hist_gradient_boosting"
TRUSTED = (
    "matching.ranking.estimators.VolunteerLogistic",
    "matching.ranking.estimators.MonotoneBoosting",
    f"{_BOOSTING}.predictor.TreePredictor",
)
ALLOWED = frozenset(
    {
        ("builtins", "dict", "DictNode"),
        ("builtins", "list", "ListNode"),
        ("builtins", "tuple", "TupleNode"),
        ("builtins", "str", "JsonNode"),
        ("builtins", "str", "TypeNode"),
        ("numpy", "ndarray", "NdArrayNode"),
        ("numpy", "bool", "NdArrayNode"),
        ("numpy", "float64", "NdArrayNode"),
        ("numpy", "int64", "NdArrayNode"),
        ("numpy", "uint64", "NdArrayNode"),
        ("numpy.random._generator", "Generator", "RandomGeneratorNode"),
        ("matching.ranking.estimators", "VolunteerLogistic", "ObjectNode"),
        ("matching.ranking.estimators", "MonotoneBoosting", "ObjectNode"),
        ("sklearn._loss._loss", "CyHalfBinomialLoss", "LossNode"),
        ("sklearn._loss.link", "Interval", "ObjectNode"),
        ("sklearn._loss.link", "LogitLink", "ObjectNode"),
        ("sklearn._loss.loss", "HalfBinomialLoss", "ObjectNode"),
        ("sklearn.preprocessing._label", "LabelEncoder", "ObjectNode"),
        (f"{_BOOSTING}.binning", "_BinMapper", "ObjectNode"),
        (f"{_BOOSTING}.gradient_boosting", "HistGradientBoostingClassifier", "ObjectNode"),
        (f"{_BOOSTING}.predictor", "TreePredictor", "ObjectNode"),
    }
)


class ModelFileError(Exception):
    """A model file that is not used; str() is a sentence that says why."""


def save(model: AcceptanceModel, folder: str | Path) -> tuple[str, str]:
    """Write a model into a folder; returns the file's name and its SHA-256 in hex.

    Written beside its place first, so that it is never half there. Raises ModelFileError where the version cannot be a
    file name, OSError where the folder cannot be written.
    """
    if not VERSION.fullmatch(model.version):
        raise ModelFileError(f"“{model.version}” cannot be the name of a model file.")
    header = {
        "format": FORMAT,
        "version": model.version,
        "kind": model.kind,
        "features": list(model.features),
        "attention": asdict(model.attention),
        "offers": model.offers,
        **{name: getattr(model, name) for name in NUMBERS},
    }
    packed = io.BytesIO(skops.io.dumps(model.estimator, compression=zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(HEADER, json.dumps(header, indent=2))
    data, name = packed.getvalue(), f"{model.version}.skops"
    _write(Path(folder), name, data)
    return name, hashlib.sha256(data).hexdigest()


def _write(folder: Path, name: str, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".model-", delete=False) as file:
        file.write(data)
    os.replace(file.name, folder / name)


def load(path: str | Path, sha256: str) -> AcceptanceModel:
    """Read a model whose SHA-256 was noted when it was written. Raises ModelFileError with a sentence."""
    path = Path(path)
    data = _read(path)
    if data[:1] == b"\x80":
        raise ModelFileError(f"{path.name} is a pickle file, and these are never read.")
    if hashlib.sha256(data).hexdigest() != sha256.lower():
        raise ModelFileError(f"{path.name} is not the file that was written: its SHA-256 is another one.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            header, schema = _contents(archive, path.name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelFileError(f"{path.name} is broken or no model file.") from error
    _check_header(header, path.name)
    _check_types(schema, path.name)
    return _model(header, _estimator(data, header["kind"], path.name), path.name)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ModelFileError(f"{path.name} is larger than a model can be.")
        return path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path.name} cannot be read: {error.strerror or error}.") from error


def _contents(archive: zipfile.ZipFile, name: str) -> tuple[dict[str, Any], Any]:
    """Header and schema of an archive that is whole, of bearable size, and ours."""
    if not {HEADER, "schema.json"} <= set(archive.namelist()):
        raise ModelFileError(f"{name} is not a model file of Omzien.")
    if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
        raise ModelFileError(f"{name} unpacks to more than a model can be.")
    if archive.testzip() is not None:
        raise ModelFileError(f"{name} is broken or no model file.")
    try:
        header, schema = json.loads(archive.read(HEADER)), json.loads(archive.read("schema.json"))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} is broken or no model file.") from error
    if not isinstance(header, dict):
        raise ModelFileError(f"{name} is not a model file of Omzien.")
    return header, schema


def _check_header(header: dict[str, Any], name: str) -> None:
    number = header.get("format")
    if not isinstance(number, int) or isinstance(number, bool):
        raise ModelFileError(f"{name} is not a model file of Omzien.")
    if number != FORMAT:
        age = "a newer" if number > FORMAT else "an older"
        raise ModelFileError(f"{name} was written by {age} version (format {number}, this version reads {FORMAT}).")
    features = header.get("features")
    if not isinstance(features, list) or not all(isinstance(feature, str) for feature in features):
        raise ModelFileError(f"{name} does not say what it was trained on.")
    unknown = [feature for feature in features if feature not in NAMES]
    if unknown:
        raise ModelFileError(f"{name} uses features that are not known here: {', '.join(unknown)}.")
    if tuple(features) != NAMES:
        raise ModelFileError(f"{name} was trained on other features than are in use here.")
    if header.get("kind") not in ESTIMATORS:
        raise ModelFileError(f"{name} holds a kind of model that is not known here.")


def _types(node: Any) -> Iterator[tuple[Any, Any, Any]]:
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            if "__class__" in node or "__loader__" in node:
                yield node.get("__module__"), node.get("__class__"), node.get("__loader__")
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def _check_types(schema: Any, name: str) -> None:
    foreign = sorted(
        {f"{module}.{kind}" for module, kind, loader in _types(schema) if not _allowed(module, kind, loader)}
    )
    if foreign:
        raise ModelFileError(f"{name} holds types that are no part of a model: {', '.join(foreign[:5])}.")


def _allowed(*found: Any) -> bool:
    return all(isinstance(part, str) for part in found) and found in ALLOWED


def _estimator(data: bytes, kind: str, name: str) -> Any:
    try:
        estimator: Any = skops.io.loads(data, trusted=list(TRUSTED))
        if type(estimator) is not ESTIMATORS[kind]:
            raise ValueError("another estimator than the header says")
        if isinstance(estimator, MonotoneBoosting):
            _check_trees(estimator)
        unknown = DESIGNS[kind](np.full((1, len(NAMES)), np.nan))
        if not np.isfinite(estimator.decision_function(unknown)).all():
            raise ValueError("no number comes out")
    # A file can be wrong in as many ways as there are objects in it; each is a reason not to use it.
    except Exception as error:
        raise ModelFileError(f"{name} does not hold a working model ({error}).") from error
    return estimator


def _check_trees(estimator: MonotoneBoosting) -> None:
    """Raises ValueError where a tree points outside itself or its columns."""
    columns = len(estimator.unknown_)
    for (predictor,) in estimator.trees_._predictors:
        nodes = predictor.nodes
        inner = nodes[nodes["is_leaf"] == 0]
        place = np.flatnonzero(nodes["is_leaf"] == 0)
        for side in ("left", "right"):
            # Children come after their parent, so no path goes round.
            if ((inner[side] <= place) | (inner[side] >= len(nodes))).any():
                raise ValueError("a tree points outside itself")
        if (inner["feature_idx"] < 0).any() or (inner["feature_idx"] >= columns).any() or nodes["is_categorical"].any():
            raise ValueError("a tree reads a column that is not there")
        if not len(nodes) or not np.isfinite(nodes["value"]).all():
            raise ValueError("a tree has no values")


def _model(header: dict[str, Any], estimator: Any, name: str) -> AcceptanceModel:
    try:
        numbers: dict[str, Any] = {key: float(header[key]) for key in NUMBERS}
        attention = Attention(**{key: float(value) for key, value in header["attention"].items()})
        version, offers = header["version"], header["offers"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{name} lacks numbers that a model needs.") from error
    sound = 0 <= attention.reach <= 1 and 0 <= attention.rest < 1 and numbers["effect_sd"] > 0 and numbers["slope"] > 0
    if not (sound and np.isfinite(list(numbers.values())).all() and isinstance(version, str)):
        raise ModelFileError(f"{name} has numbers that cannot be.")
    return AcceptanceModel(
        version=version,
        kind=header["kind"],
        estimator=estimator,
        attention=attention,
        offers=int(offers),
        features=NAMES,
        **numbers,
    )
