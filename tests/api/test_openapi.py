"""What the OpenAPI document allows is answered as it says, and nothing ends in a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from samelook.api.app import create_app
from samelook.api.settings import ApiSettings
from samelook.sql.settings import DatabaseSettings

PAGES = ("/assets", "/openapi", "/livez", "/readyz", "/status", "/metrics")
"""Nothing can be sent to them that would matter."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="session")
def fuzzed(background: Any, database_server: Any) -> Iterator[str]:
    """The address of a service that may be left in any state."""
    name = background.do(database_server.create(template=database_server.template))
    app_settings = ApiSettings(
        DatabaseSettings(url=database_server.url_of(name)),
        roles=frozenset({"hasher", "matcher", "curator", "lite", "extension"}),
        fetch_exchanges=False,  # whatever is made of the document would be asked
    )
    yield background.serve(create_app(app_settings))
    # The service ends with the others; a database that goes first disturbs nobody.
    background.do(database_server.drop(name))


def test_every_operation_keeps_its_word(fuzzed: str) -> None:
    schema = schemathesis.openapi.from_url(f"{fuzzed}/openapi/openapi.json")
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # an Err has none, and says so
        if operation.path.startswith(PAGES):
            continue
        tried += 1

        @settings(
            max_examples=5,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=operation.as_strategy())
        def keeps_its_word(case: Any) -> None:
            case.call_and_validate(checks=CHECKS, timeout=60)

        keeps_its_word()
    assert tried > 60
