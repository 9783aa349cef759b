import hashlib
import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from matching.ranking.acceptance import AcceptanceModel, PriorRule
from matching.ranking.features import NAMES
from matching.ranking.model_files import FORMAT, HEADER, ModelFileError, load, save
from matching.ranking.training import train

from .offer_logs import Made, make_log


@pytest.fixture(scope="module")
def made() -> Made:
    return make_log(3000)


@pytest.fixture(scope="module")
def models(made: Made) -> dict[str, AcceptanceModel]:
    report = train(made.log, made.end_h, PriorRule(), version="week-26")
    return {candidate.model.kind: candidate.model for candidate in report.candidates}


@pytest.fixture(params=["logistic", "boosting"])
def model(request: pytest.FixtureRequest, models: dict[str, AcceptanceModel]) -> AcceptanceModel:
    return models[request.param]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def changed(path: Path, **header: Any) -> str:
    """Write the header of a model file anew and return the new SHA-256."""
    kept = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            kept[name] = archive.read(name)
    kept[HEADER] = json.dumps(json.loads(kept[HEADER]) | header).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    return sha(path.read_bytes())


def it_reads_back_what_it_wrote(model: AcceptanceModel, made: Made, tmp_path: Path) -> None:
    name, digest = save(model, tmp_path)
    found = load(tmp_path / name, digest)
    assert name == f"{model.version}.skops" and sha((tmp_path / name).read_bytes()) == digest
    assert (found.score_log(made.log) == model.score_log(made.log)).all()
    assert replace(found, estimator=None) == replace(model, estimator=None)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def it_holds_nothing_about_any_one_volunteer(model: AcceptanceModel, tmp_path: Path) -> None:
    name, _ = save(model, tmp_path)
    with zipfile.ZipFile(tmp_path / name) as archive:
        columns = [np.load(io.BytesIO(archive.read(n))) for n in archive.namelist() if n.endswith(".npy")]
    # 1,500 volunteers; the longest columns are those of a tree or of the features.
    assert max(column.size for column in columns) < 1000


def it_refuses_a_file_that_was_changed(model: AcceptanceModel, tmp_path: Path) -> None:
    name, digest = save(model, tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelFileError, match="not the file that was written"):
        load(tmp_path / name, digest)
    with pytest.raises(ModelFileError, match="broken or no model file"):
        load(tmp_path / name, sha(bytes(data)))


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 0.999])
def it_refuses_a_file_that_was_cut_off(model: AcceptanceModel, tmp_path: Path, part: float) -> None:
    name, digest = save(model, tmp_path)
    data = (tmp_path / name).read_bytes()[: int(part * (tmp_path / name).stat().st_size)]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelFileError, match="not the file that was written"):
        load(tmp_path / name, digest)
    with pytest.raises(ModelFileError, match="broken or no model file"):
        load(tmp_path / name, sha(data))


def it_refuses_pickle_even_with_the_right_digest(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(data := pickle.dumps({"format": FORMAT}))
    with pytest.raises(ModelFileError, match="pickle file"):
        load(tmp_path / "model.skops", sha(data))


def it_refuses_a_pickle_in_the_coat_of_a_model_file(model: AcceptanceModel, tmp_path: Path) -> None:
    name, _ = save(model, tmp_path)
    with zipfile.ZipFile(tmp_path / name) as archive:
        header = archive.read(HEADER)
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr(HEADER, header)
        archive.writestr("schema.json", pickle.dumps([1]))
    with pytest.raises(ModelFileError, match="broken or no model file"):
        load(tmp_path / name, sha((tmp_path / name).read_bytes()))


def it_refuses_somebody_elses_skops_file(tmp_path: Path) -> None:
    data = skops.io.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    (tmp_path / "foreign.skops").write_bytes(data)
    with pytest.raises(ModelFileError, match="not a model file of Omzien"):
        load(tmp_path / "foreign.skops", sha(data))


def it_refuses_types_that_are_no_part_of_a_model(models: dict[str, AcceptanceModel], tmp_path: Path) -> None:
    foreign = replace(models["logistic"], estimator=LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    name, digest = save(foreign, tmp_path)
    with pytest.raises(ModelFileError, match=r"no part of a model: sklearn\.linear_model"):
        load(tmp_path / name, digest)


def it_refuses_a_function_among_the_numbers(models: dict[str, AcceptanceModel], tmp_path: Path) -> None:
    estimator = load(
        tmp_path / save(models["logistic"], tmp_path)[0], sha((tmp_path / "week-26-logistic.skops").read_bytes())
    )
    estimator.estimator.mean_ = np.log  # type: ignore[attr-defined]
    name, digest = save(estimator, tmp_path)
    with pytest.raises(ModelFileError, match="no part of a model"):
        load(tmp_path / name, digest)


def it_refuses_trees_that_point_outside_themselves(models: dict[str, AcceptanceModel], tmp_path: Path) -> None:
    name, digest = save(models["boosting"], tmp_path)
    for field, value in (("left", 10**6), ("left", 0), ("feature_idx", 10**6), ("value", np.nan)):
        model = load(tmp_path / name, digest)
        model.estimator.trees_._predictors[3][0].nodes[field][0] = value  # type: ignore[attr-defined]
        (tmp_path / "bad").mkdir(exist_ok=True)
        bad, bad_digest = save(model, tmp_path / "bad")
        with pytest.raises(ModelFileError, match="does not hold a working model"):
            load(tmp_path / "bad" / bad, bad_digest)


def it_refuses_another_estimator_than_the_header_says(model: AcceptanceModel, tmp_path: Path) -> None:
    name, _ = save(model, tmp_path)
    other = {"logistic": "boosting", "boosting": "logistic"}[model.kind]
    digest = changed(tmp_path / name, kind=other)
    with pytest.raises(ModelFileError, match="does not hold a working model"):
        load(tmp_path / name, digest)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"format": FORMAT + 1}, "written by a newer version"),
        ({"format": 0}, "written by an older version"),
        ({"format": "1"}, "not a model file of Omzien"),
        ({"features": [*NAMES, "postcode"]}, "features that are not known here: postcode"),
        ({"features": list(NAMES[1:])}, "other features than are in use"),
        ({"features": None}, "does not say what it was trained on"),
        ({"kind": "oracle"}, "a kind of model that is not known"),
        ({"slope": None}, "lacks numbers"),
        ({"attention": {"charm": 1.0}}, "lacks numbers"),
        ({"effect_sd": -1.0}, "numbers that cannot be"),
        ({"shift": float("nan")}, "numbers that cannot be"),
    ],
)
def it_refuses_a_header_it_cannot_trust(
    models: dict[str, AcceptanceModel], tmp_path: Path, header: dict[str, Any], sentence: str
) -> None:
    name, _ = save(models["logistic"], tmp_path)
    digest = changed(tmp_path / name, **header)
    with pytest.raises(ModelFileError, match=sentence):
        load(tmp_path / name, digest)


def it_says_that_a_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        load(tmp_path / "gone.skops", "0" * 64)


@pytest.mark.parametrize("version", ["", "../up", "a/b", ".hidden", "x" * 61])
def it_refuses_a_version_that_is_no_file_name(models: dict[str, AcceptanceModel], tmp_path: Path, version: str) -> None:
    with pytest.raises(ModelFileError, match="cannot be the name"):
        save(replace(models["logistic"], version=version), tmp_path)
