"""Erasures of logs are on signed record; what nobody signed does not count as done."""

import pytest

from interlock.pipeline.erasing.log_acts import (
    ERASED,
    RETAINED,
    erased_from,
    erased_logs,
    record_act,
)

ENTITY = "e" * 64


def record(stores, where, *, kind=ERASED, act="1", signed=True, **facts):
    record_act(
        stores.ledger,
        kind,
        notary=stores.notary if signed else None,
        where=where,
        product="houses",
        act=act,
        facts={"entity": ENTITY, "by": "ann", "reason": "asked", **facts},
        rows=3,
        at=1,
    )


def test_an_act_is_recorded_once_with_where_it_was_done(stores):
    for _ in range(2):
        record(stores, "/srv/log")
    record(stores, "prod", act="2")
    first, second = stores.ledger.events(kind=ERASED)
    assert (first.subject, first.body["rows"], second.subject) == ("/srv/log", 3, "prod")
    assert erased_from(stores.notary, "houses", ENTITY) == {"/srv/log", "prod"}
    assert erased_from(stores.notary, "houses", "f" * 64) == set()
    assert erased_from(stores.notary, "flats", ENTITY) == set()
    assert erased_logs(stores.notary, "houses") == ["/srv/log", "prod"]


@pytest.mark.parametrize(
    "changes",
    [{"subject": "staging"}, {"at": 2}, {"rows": 4}, {"envelope": "{}"}, {"envelope": None}],
)
def test_an_act_that_was_not_signed_like_that_does_not_count(stores, changes):
    record(stores, "prod")
    (event,) = stores.ledger.events(kind=ERASED)
    body = {**event.body, **{k: v for k, v in changes.items() if k in event.body}}
    stores.ledger.append(
        ERASED,
        subject=changes.get("subject", "replay"),
        product="houses",
        body=body,
        at=changes.get("at", 1),
    )
    assert erased_from(stores.notary, "houses", ENTITY) == {"prod"}


def test_an_act_of_before_there_were_signatures_does_not_count_and_is_no_error(stores):
    record(stores, "prod", signed=False)
    assert erased_from(stores.notary, "houses", ENTITY) == set()
    assert erased_logs(stores.notary, "houses") == ["prod"]


def test_what_is_too_old_is_removed_unsigned(stores):
    record(stores, "prod", kind=RETAINED, signed=False)
    assert "envelope" not in stores.ledger.events(kind=RETAINED)[0].body
