"""Generated requests against the service's own OpenAPI: no 5xx, no status it does not document.

``INTERLOCK_FUZZ`` sets how many requests are posted at least (10,000 unless it says else). Most of
the time goes into generating them.
"""

import math
import os

import plain_http
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from interlock.serve.workers.process import start

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
CASES = int(os.environ.get("INTERLOCK_FUZZ", "10000"))
SHARES = {
    "/v1/predict": 0.35,
    "/v1/outcomes": 0.25,
    "/v2/models/{model}/infer": 0.25,
    "/v2/models/{model}/versions/{version}/infer": 0.15,
}
PAGE_CASES = 10  # for each page, beside those: it takes next to nothing that could be varied


@pytest.fixture(scope="module")
def service(support, tmp_path_factory):
    """A worker that explains its answers and lets callers choose the arm: all there is to ask."""
    root = tmp_path_factory.mktemp("fuzz")
    files = support.bundle_files(**{"background.json": support.background()})
    directory = support.write_bundle(root / "bundles", files)
    with start(support.plan_for(directory, log=root / "log", pinned_arms=True)) as service:
        yield service


@pytest.fixture
def client(service):
    with plain_http.Client(base_url=service.url) as client:
        yield client


def operations(client):
    document = client.get("/openapi.json").json()
    found = schemathesis.openapi.from_dict(document).get_all_operations()
    return [result.ok() for result in found]


def fuzz(operation, mode, n_cases, url):
    """Send so many generated requests; the number that was sent."""
    sent = []

    @settings(
        max_examples=n_cases,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        sent.append(case.call_and_validate(base_url=url, session=session, checks=CHECKS))

    with requests.Session() as session:
        send()
    return len(sent)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", SHARES)
def test_no_generated_request_gets_what_is_not_documented(client, service, path, mode):
    (operation,) = [found for found in operations(client) if found.path == path]
    n_cases = math.ceil(CASES * SHARES[path] / len(GenerationMode))
    assert fuzz(operation, mode, n_cases, service.url) >= n_cases


@pytest.mark.slow
def test_no_page_answers_what_is_not_documented(client, service):
    found = operations(client)
    assert {operation.path for operation in found if operation.method == "post"} == set(SHARES)
    for operation in found:
        if operation.method != "post":
            fuzz(operation, GenerationMode.POSITIVE, PAGE_CASES, service.url)


def test_the_description_names_every_path_and_the_first_of_each_fits(client, service):
    found = operations(client)
    assert {operation.path for operation in found} >= {
        "/v1/predict",
        "/v1/outcomes",
        "/v1/schema",
        "/health/ready",
        "/v2",
        "/v2/models/{model}/infer",
        "/v2/models/{model}/versions/{version}/infer",
    }
    for operation in found:
        fuzz(operation, GenerationMode.POSITIVE, 2, service.url)
