"""RO-Crate 1.1 as a Process Run Crate: the bundle, and what it holds said in JSON-LD.

    CreateAction          one a trial, with its times and how it ended; a failed one says why
    its instrument        the lab
    its object            the plan, and what is known of the subject's service
    its result            the trial's folder

``ro-crate-metadata.json`` is a view of the rest: the manifest does not list it, and the bundle
around it verifies as before. People are not named, because a bundle does not name any.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from bundle import names, storage, tree
from bundle.display import quantity
from ormlab.archive import keep

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from bundle.codec import Json
    from bundle.read import Bundle, Trial

PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"

_LAB: Final = "#ormlab"
_PLAN: Final = "inputs/plan.yaml"
_STATUS: Final = "http://schema.org/{}ActionStatus"
_LICENCE: Final = "The bundle states no licence; ask whoever published it."
# Not from mimetypes, which reads tables of the machine it runs on.
_MEDIA_TYPES: Final = {
    ".html": "text/html",
    ".http": "message/http",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".patch": "text/x-patch",
    ".sha256": "text/plain",
    ".sig": "text/plain",
    ".sql": "application/sql",
    ".toml": "application/toml",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zst": "application/zstd",
}


def write(bundle: Bundle, path: Path) -> None:
    """Write a copy of a bundle that is a crate."""
    keep.copy(bundle.path, path)
    view = json.dumps(metadata(bundle), indent=1) + "\n"
    storage.write_file(path / names.RO_CRATE, view.encode())


def metadata(bundle: Bundle) -> dict[str, Json]:
    """Return the document of ``ro-crate-metadata.json``."""
    record = bundle.record
    crate = ROCrate(version="1.1")
    crate.name = f"{record.plan.name}, {record.id}"
    crate.description = (
        "Sealed bundle of a benchmark run of ormlab: "
        f"{quantity(record.trials.completed, 'trial')} completed, "
        f"{record.trials.failed} failed, {record.trials.skipped} skipped ({record.status})."
    )
    crate.datePublished = _time(record.sealed)
    crate.license = _LICENCE
    root = crate.root_dataset
    root["identifier"] = f"urn:sha256:{bundle.seal}"
    root["conformsTo"] = _entity(
        crate, PROFILE, "CreativeWork", name="Process Run Crate", version="0.5"
    )
    _add_files(crate, bundle.path)
    lab = _entity(crate, _LAB, "SoftwareApplication", name="ormlab", version=_version(bundle))
    root["mentions"] = [_action(crate, trial, lab) for trial in bundle.trials]
    document: dict[str, Json] = crate.metadata.generate()
    return document


def _add_files(crate: ROCrate, root: Path) -> None:
    """Every file of the bundle; those of a trial are parts of its folder as well."""
    paths = [entry.path for entry in tree.scan(root) if entry.path != names.RO_CRATE]
    for folder, below in groupby(paths, key=_trial_folder):
        files = [
            crate.add_file(dest_path=path, properties=_described(root / path)) for path in below
        ]
        if folder:
            part = crate.add_dataset(
                dest_path=folder, properties={"name": f"files of {folder.split('/')[1]}"}
            )
            part["hasPart"] = files


def _trial_folder(path: str) -> str | None:
    """The folder of the trial that a file is of, with its slash."""
    parts = path.split("/")
    return "/".join(parts[:2]) + "/" if parts[0] == names.TRIALS and len(parts) > 2 else None  # noqa: PLR2004


def _described(path: Path) -> dict[str, str]:
    return {
        "name": path.name,
        "contentSize": str(path.stat().st_size),
        "encodingFormat": _MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
    }


def _action(crate: ROCrate, trial: Trial, lab: ContextEntity) -> ContextEntity:
    record = trial.record
    of_subject = f"services/{record.subject}/"
    objects = [
        entity
        for entity in crate.data_entities
        if entity.id == _PLAN or entity.id.startswith(of_subject)
    ]
    ended = {"actionStatus": _STATUS.format("Failed" if record.failure else "Completed")}
    if record.failure:
        ended["error"] = f"{record.failure.code}: {record.failure.what}"
    return _entity(
        crate,
        f"#{record.id}",
        "CreateAction",
        name=f"trial {record.index} of {record.subject}",
        description=(
            f"{record.subject} on {record.workload} under {record.load}, block {record.block}"
        ),
        startTime=_time(record.started),
        endTime=_time(record.ended),
        instrument=lab,
        object=objects,
        result=crate.dereference(f"{names.TRIALS}/{trial.path.name}/"),
        **ended,
    )


def _entity(crate: ROCrate, identifier: str, kind: str, **properties: object) -> ContextEntity:
    entity = crate.add(ContextEntity(crate, identifier, properties={"@type": kind}))
    for key, value in properties.items():
        entity[key] = value
    return entity


def _version(bundle: Bundle) -> str:
    tool = bundle.record.tool
    return f"{tool.version} at {tool.commit}" if tool.commit else tool.version


def _time(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")
