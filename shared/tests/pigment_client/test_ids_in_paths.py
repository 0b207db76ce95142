"""An id is one segment of a path, whatever a user typed or a response contains."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from pigment_client.client import ClientOptions, PigmentClient
from pigment_client.errors import PigmentError
from pigment_client.keys import Keys, Purpose


@given(identifier=st.text(st.characters(codec="utf-8"), min_size=1, max_size=8))
@example(identifier="..")
@example(identifier=".")
@example(identifier="../../push/csv")
@example(identifier="%2e%2e")
@example(identifier="a/b?c#d")
def test_an_id_never_leads_to_another_address(identifier: str) -> None:
    asked: list[str] = []

    def send(_: requests.Session, method: str, url: str, **_more: object) -> requests.Response:
        prepared = requests.Request(method, url).prepare()
        asked.append(parse_url(str(prepared.url)).path or "")
        raise requests.ConnectionError

    client = PigmentClient(Keys({Purpose.IMPORT: "pgmt_x"}), ClientOptions(base_url="http://localhost", max_retries=0))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(requests.Session, "request", send)
        with pytest.raises(PigmentError):
            client.import_status(identifier)
    (path,) = asked
    begin, *segment, end = path.removeprefix("/api/v1/").split("/")
    assert (begin, len(segment), end) == ("import", 1, "status")
    assert unquote(segment[0]) == (identifier if identifier.strip(".") else identifier.replace(".", "%2E"))
