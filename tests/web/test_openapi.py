"""The OpenAPI document is complete, and whatever fits it (or does not) is answered without a failure of the server."""

import json
import os
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error

from sideman.web.api import create_app
from sideman.web.settings import Settings
from tests.web.servers import EXAMPLES

API = "/api/v1"
EXAMPLES_EACH = int(os.environ.get("SIDEMAN_FUZZ_EXAMPLES", "100"))
WANTED = {
    "/classify", "/timeline", "/features", "/waveform", "/spectrogram", "/listen", "/explain", "/jobs",
    "/jobs/{job_id}",
    "/jobs/{job_id}/events", "/library", "/library/scan", "/library/tracks", "/library/facets", "/library/tracks/{id}",
    "/library/tracks/{id}/audio", "/library/tracks/{id}/similar", "/library/tracks/{id}/listen", "/library/path",
    "/library/map", "/library/playlists", "/library/playlists/export", "/library/tags/plan", "/library/tags/write",
    "/library/tags/undo", "/insights", "/feedback", "/moods", "/recommendations", "/compose", "/compose/options",
    "/lab", "/health", "/metrics", "/models", "/session",
}  # fmt: skip


@pytest.fixture(scope="module")
def document():
    return create_app(Settings()).openapi()


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def test_all_of_the_api_is_in_the_document(document):
    assert {API + path for path in WANTED} <= set(document["paths"])
    assert document["info"]["title"] == "Sideman"


def test_every_operation_says_what_it_does_and_what_it_answers(document):
    for name, operation in operations(document):
        assert operation.get("summary"), name
        assert operation.get("description"), f"{name}: its function has no docstring"
        assert operation.get("tags") or name.startswith(("GET /rest", "POST /rest")), name
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert good, name
        for status in good:
            if status != "204":
                content = operation["responses"][status].get("content", {})
                assert content, f"{name}: {status} has no content"
                assert all(form.get("schema") != {} for form in content.values()), f"{name}: {status} is anything"


def test_every_operation_of_the_api_documents_problems(document):
    for name, operation in operations(document):
        if API in name:
            for status in ("401", "403", "404", "413", "421", "422", "429"):
                content = operation["responses"][status]["content"]
                assert list(content) == ["application/problem+json"], f"{name} {status}"
    assert set(document["components"]["schemas"]["Problem"]["properties"]) == {"type", "title", "status", "detail"}


def test_all_references_lead_somewhere(document):
    text = json.dumps(document)
    known = document["components"]["schemas"]
    for part in text.split('"$ref": "')[1:]:
        assert part.split('"')[0].rpartition("/")[2] in known


def live_schema(server):
    return schemathesis.openapi.from_url(f"{server.origin}{API}/openapi.json")


def fuzz(server, examples, phases=(Phase.explicit, Phase.generate)):
    """Call every operation with generated values, fitting and not: no answer may be a 5xx."""
    schema = live_schema(server)
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.method.upper() == "DELETE" and operation.path.endswith("/session"):
            continue

        @settings(
            max_examples=examples, deadline=None, database=None, phases=phases,
            suppress_health_check=list(HealthCheck), derandomize=True,
        )  # fmt: skip
        def check(case):
            nonlocal count
            count += 1
            case.headers = {**(case.headers or {}), "Accept": "application/json"}
            response = case.call(timeout=60)
            assert response.status_code < 500, f"{case.method} {case.formatted_path}: {response.text[:300]}"
            if response.status_code >= 400:
                told = response.json()
                assert told["status"] == response.status_code
                assert "\n" not in told["detail"]
            case.validate_response(response, checks=(not_a_server_error,))

        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            # operations without parameters have no wrong ones
            with suppress(Unsatisfiable, schemathesis.errors.SchemathesisError):
                given(operation.as_strategy(generation_mode=mode))(check)()
    return count


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory, library_database):
    from tests.web.making import copy_of
    from tests.web.servers import Server

    folder = tmp_path_factory.mktemp("fuzzed")
    database = copy_of(library_database, folder)
    made = Server(folder, workers=1, database=str(database), time_limit_s=30, compose_limit_s=20, queue_n=8)
    yield made
    made.close()


def test_no_generated_request_makes_the_server_fail(fuzzed):
    assert fuzz(fuzzed, 2) > 60
    assert fuzzed.client.get("/health").json()["status"] == "ok"
    assert "Traceback" not in fuzzed.errors()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_request_of_very_many_makes_the_server_fail(fuzzed):
    assert fuzz(fuzzed, EXAMPLES_EACH) > 30 * EXAMPLES_EACH
    answer = fuzzed.client.post("/classify", files={"file": (EXAMPLES / "boom bap.ogg").open("rb")})
    assert answer.status_code == 200
    assert "Traceback" not in fuzzed.errors()
