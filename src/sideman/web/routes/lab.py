"""Routes: models, the scoreboard, and the reports that exist on disk."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse
from pydantic import ValidationError

from sideman.web import lab_files
from sideman.web.context import Shared
from sideman.web.files import OpenedFile
from sideman.web.problems import NotFoundError
from sideman.web.schemas.lab import EvaluationHead, EvaluationWhole, LabModel, LabTold, ReportFile
from sideman.web.schemas.text import clean

router = APIRouter(tags=["lab"])
_Id = Annotated[str, Path(pattern="^[0-9a-f]{20}$")]

_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


@router.get("/lab")
def lab(context: Shared) -> LabTold:
    """Models of the lab, the scoreboard that comes with Sideman, and what lies in the folder of `--lab`."""
    folder = context.settings.lab
    reports = [
        ReportFile(
            id=file.id, title=clean(lab_files.title_of(file)), kind=lab_files.kind_of(file),
            modified_at=file.modified_at, bytes=file.bytes,
        )
        for file in lab_files.reports(folder)
    ]  # fmt: skip
    evaluations = []
    for file, content in lab_files.evaluations(folder):
        head = _head(file, content)
        if head is not None:
            evaluations.append(head)
    board = lab_files.scoreboard()
    return LabTold.model_validate(
        {"models": _models(), "scoreboard": board, "reports": reports, "evaluations": evaluations}
    )


@router.get("/lab/reports/{id}", response_class=FileResponse)
def report(context: Shared, id: _Id) -> OpenedFile:
    """A page of the lab; browsers run none of its scripts."""
    file = lab_files.report_of(context.settings.lab, id)
    headers = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store"}
    return OpenedFile(file.path, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/lab/evaluations/{id}")
def evaluation(context: Shared, id: _Id) -> EvaluationWhole:
    """All figures of an evaluation."""
    file, content = lab_files.evaluation_of(context.settings.lab, id)
    head = _head(file, content)
    names = ("settings", "input", "genres", "notes", "figures")
    try:
        if head is not None:
            return EvaluationWhole.model_validate(
                head.model_dump() | clean({name: content.get(name) for name in names})
            )
    except ValidationError:
        pass
    raise NotFoundError("this evaluation was written by another version of Sideman and cannot be shown")


def _models() -> list[LabModel]:
    from sideman.genre.registry import list_models

    told = []
    for spec in list_models():
        plain = spec.to_dict()
        heard = f"{spec.input.kind}, {' x '.join(map(str, spec.input.shape))}"
        told.append(LabModel.model_validate(plain | {"input": heard, "summary": f"{spec.title}; hears {heard}"}))
    return told


def _head(file: lab_files.LabFile, content: dict[str, Any]) -> EvaluationHead | None:
    figures = content["figures"]
    means = {
        name: told.get("mean") if isinstance(told := figures.get(name), dict) else None
        for name in ("accuracy", "balanced_accuracy", "macro_f1")
    }
    plain = {
        "id": file.id,
        "title": file.relative,
        "modified_at": file.modified_at,
        "leaky": figures.get("leaky"),
        "recordings": figures.get("tested"),
        **{name: content.get(name) for name in ("model", "protocol", "dataset")},
        **means,
    }
    try:
        return EvaluationHead.model_validate(clean(plain))
    except ValidationError:
        return None
