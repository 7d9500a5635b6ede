"""Who may come in: by the head alone, however oddly it is written."""

import pytest

from interlock.serve.errors import ServiceError
from interlock.serve.http.door import Door, check_type
from interlock.serve.http.request import Request

TOKEN = "0123456789abcdef" * 2


def refusal(door, path="/v1/predict", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        door.admit(Request("POST", path, "", named))
    except ServiceError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("localhost", None),
        ("localhost:8080", None),
        ("127.0.0.1:0", None),
        ("[::1]", None),
        ("[::1]:65535", None),
        (None, "S140"),
        ("", "S119"),
        (":8080", "S119"),
        ("LOCALHOST", "S119"),
        ("localhost.", "S119"),
        ("localhost.:8080", "S119"),
        ("localhost.evil.example", "S119"),
        ("evil.example:localhost", "S119"),
        ("localhost:80:80", "S119"),
        ("localhost:", "S119"),
        ("localhost:\u00b2", "S119"),
        ("localhost, evil.example", "S119"),
        ("localhost evil.example", "S119"),
        ("a@localhost", "S119"),
        ("127.0.0.1.evil.example", "S119"),
        ("127.1", "S119"),
        ("2130706433", "S119"),
        ("0.0.0.0", "S119"),
        ("::1", "S119"),
        ("[::1", "S119"),
        ("[::1]evil.example", "S119"),
        ("[::ffff:127.0.0.1]", "S119"),
        ("[0:0:0:0:0:0:0:1]", "S119"),
    ],
)
def test_on_loopback_only_this_machine_is_meant(host, code):
    headers = {} if host is None else {"host": host}
    assert refusal(Door(local=True, token=None), **headers) == code
    assert refusal(Door(local=True, token=None), path="/health/live", **headers) == code
    assert refusal(Door(local=False, token=None), **headers) is None


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (f"Bearer {TOKEN}", None),
        (f"bearer {TOKEN}", None),
        (None, "S118"),
        ("", "S118"),
        (TOKEN, "S118"),
        ("Bearer", "S118"),
        ("Bearer ", "S118"),
        (f"Bearer{TOKEN}", "S118"),
        (f"Bearer\t{TOKEN}", "S118"),
        (f"Bearer  {TOKEN}", "S118"),
        (f"Bearer {TOKEN} ", "S118"),
        (f"Bearer {TOKEN}, Bearer x", "S118"),
        (f"Bearer {TOKEN[:-1]}", "S118"),
        (f"Bearer {TOKEN.upper()}", "S118"),
        (f"Basic {TOKEN}", "S118"),
        (f"Bearer {TOKEN}\udcff", "S118"),
        ("Bearer \xff", "S118"),
    ],
)
def test_a_token_is_brought_plainly(authorization, code):
    headers = {} if authorization is None else {"authorization": authorization}
    door = Door(local=False, token=TOKEN)
    assert refusal(door, **headers) == code
    assert refusal(door, path="/health/ready", **headers) is None


@pytest.mark.parametrize(
    "path",
    [
        "/health/live/",
        "//health/live",
        "/health/live/../../v1/predict",
        "/health/live%2f..%2f..%2fv1/predict",
        "/health/live;/v1/predict",
        "/health/live#",
        "/%68ealth/live",
        "/HEALTH/LIVE",
        "/v2/health/live/x",
        "/v2/%68ealth/live",
        "health/live",
        "*",
        "",
    ],
)
def test_only_the_very_paths_of_health_need_no_token(path):
    assert refusal(Door(local=False, token=TOKEN), path=path) == "S118"


@pytest.mark.parametrize("length", ["0", "5", ""])
def test_a_request_of_two_lengths_comes_in_nowhere(length):
    door = Door(local=False, token=None)
    assert refusal(door, transfer_encoding="chunked", content_length=length) == "S140"


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "not declared as JSON; send the header content-type: application/json"),
        ({"content-type": "text/plain"}, "not declared as JSON; send the header content-type"),
        (
            {"content-type": "application/json", "content-encoding": "gzip"},
            "the body is compressed; send it without content-encoding",
        ),
    ],
)
def test_a_body_of_another_kind_is_told_what_to_send(headers, told):
    with pytest.raises(ServiceError, match=told):
        check_type(headers, may_be_silent=False)
