"""Settings: defaults, what may be set, and every mistake at once."""

from pathlib import Path

import pytest

from interlock.errors import OperatorError
from interlock.settings import LogSettings, OnlineSettings, load_settings


@pytest.fixture
def load(tmp_path):
    def loaded(text, environ=()):
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
        return load_settings(tmp_path, dict(environ))

    return loaded


@pytest.fixture
def refused(load):
    """Every mistake as (where, expected, got, fix)."""

    def mistakes(text):
        with pytest.raises(OperatorError) as caught:
            load(text)
        assert {m.code for m in caught.value.mistakes} == {"C151"}
        assert {m.what for m in caught.value.mistakes} == {"a setting is not understood"}
        return [(m.where, m.expected, m.got, m.fix) for m in caught.value.mistakes]

    return mistakes


DEFAULTS = {
    "dev": {"allow_dirty": True},
    "staging": {"allow_dirty": True},
    "prod": {"allow_dirty": False},
}


def test_without_a_pyproject_the_defaults_hold(tmp_path):
    settings = load_settings(tmp_path, {"HOME": "/home/ada"})
    assert settings.project_dir == tmp_path.resolve()
    assert settings.state_dir == tmp_path.resolve() / ".interlock"
    assert settings.product_files == ("product.py",)
    assert settings.environments == DEFAULTS
    assert settings.service == {}
    assert settings.environ == {"HOME": "/home/ada"}


@pytest.mark.parametrize(
    "text", ["", "[tool.ruff]\nline-length = 100\n", "[tool.interlock]\n", "[project]\nname='x'\n"]
)
def test_a_pyproject_that_says_nothing_changes_nothing(load, text, tmp_path):
    settings = load(text)
    assert settings.environments == DEFAULTS
    assert settings.state_dir == tmp_path.resolve() / ".interlock"


def test_everything_that_can_be_set(load, tmp_path):
    settings = load(
        """
        [tool.interlock]
        products = ["cars.py", "products/houses.py"]
        state = "var/state"
        [tool.interlock.environments.prod]
        allow_dirty = true
        present_champion = false
        [tool.interlock.environments.dev]
        [tool.interlock.service]
        host = "127.0.0.1"
        port = 9000
        token_file = "token"
        ack = "disk"
        challenger_ms = 250
        """
    )
    assert settings.product_files == ("cars.py", "products/houses.py")
    assert settings.state_dir == tmp_path.resolve() / "var" / "state"
    assert settings.environments == DEFAULTS | {
        "prod": {"allow_dirty": True, "present_champion": False}
    }
    assert settings.service == {
        "host": "127.0.0.1",
        "port": 9000,
        "token_file": "token",
        "ack": "disk",
        "challenger_ms": 250,
    }


@pytest.mark.parametrize("value", ["0", "9", "10_001", "-5"])
def test_a_challengers_time_has_its_bounds(refused, value):
    where = "pyproject.toml: tool.interlock.service.challenger_ms"
    assert refused(f"[tool.interlock.service]\nchallenger_ms = {value}\n") == [
        (where, "10 to 10000", value.replace("_", ""), "correct the value")
    ]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("port", "-1", "0 to 65535"),
        ("port", "65536", "0 to 65535"),
        ("workers", "0", "1 to 256"),
        ("workers", "257", "1 to 256"),
    ],
)
def test_the_numbers_of_a_service_have_the_bounds_of_its_command(refused, key, value, expected):
    where = f"pyproject.toml: tool.interlock.service.{key}"
    assert refused(f"[tool.interlock.service]\n{key} = {value}\n") == [
        (where, expected, value, "correct the value")
    ]


def test_what_the_environment_says_is_an_argument_and_copied(load):
    environ = {"A": "1"}
    settings = load("", environ.items())
    environ["A"] = "2"
    assert settings.environ == {"A": "1"}


def test_a_project_named_by_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings(Path(), {}).project_dir == tmp_path.resolve()


def test_every_mistake_is_reported_at_once(refused):
    found = refused(
        """
        [tool.interlock]
        product = "cars.py"
        state = 3
        [tool.interlock.environments.prod]
        alow_dirty = true
        present_champion = "abc"
        [tool.interlock.environments.production]
        allow_dirty = true
        [tool.interlock.service]
        port = "9000"
        threads = 4
        """
    )
    known = "pyproject.toml: tool.interlock"
    assert found == [
        (
            known,
            "one of products, state, environments, service, online, log",
            "product",
            "correct or remove the key",
        ),
        (f"{known}.state", "a string", "3", "correct the value"),
        (f"{known}.service.port", "a whole number", "'9000'", "correct the value"),
        (
            f"{known}.service",
            "one of host, port, workers, token_file, ack, telemetry, server, challenger_ms",
            "threads",
            "correct or remove the key",
        ),
        (
            f"{known}.environments.prod",
            "one of allow_dirty, present_champion, full_service_gate, allow_pinned_arm, waivable",
            "alow_dirty",
            "correct or remove the key",
        ),
        (
            f"{known}.environments.prod.present_champion",
            "true or false",
            "'abc'",
            "correct the value",
        ),
        (
            f"{known}.environments.production",
            "dev, staging, prod",
            "production",
            "use one of those names",
        ),
    ]


def test_a_mistake_reads_well(load):
    with pytest.raises(OperatorError) as caught:
        load("[tool.interlock]\nproducts = 'product.py'\n")
    assert str(caught.value) == (
        "error[C151]: a setting is not understood\n"
        "  where: pyproject.toml: tool.interlock.products\n"
        "  expected: a list of strings\n"
        "  got: 'product.py'\n"
        "  fix: correct the value"
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("environments = 3", ".environments"),
        ("service = []", ".service"),
        ("environments.prod = true", ".environments.prod"),
        ("environments.prod.allow_dirty = 1", ".environments.prod.allow_dirty"),
        ("environments.prod.allow_dirty = 'false'", ".environments.prod.allow_dirty"),
        ("environments.prod.present_champion = [1]", ".environments.prod.present_champion"),
        ("service.port = true", ".service.port"),
        ("service.port = 80.0", ".service.port"),
        ("products = [3]", ".products"),
        ("products = ['a.py', ['b.py']]", ".products"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_mistake_of_its_own(refused, text, where):
    found = refused(f"[tool.interlock]\n{text}\n")
    assert [place for place, *_ in found] == [f"pyproject.toml: tool.interlock{where}"]


@pytest.mark.parametrize("text", ["tool = 3\n", "[tool]\ninterlock = 3\n", "tool = [1]\n"])
def test_a_table_that_is_none_is_a_mistake(refused, text):
    (found,) = refused(text)
    assert found[1] == "a table"


@pytest.mark.parametrize("data", [b"[tool.interlock", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_pyproject_that_is_no_toml(tmp_path, data):
    (tmp_path / "pyproject.toml").write_bytes(data)
    with pytest.raises(OperatorError) as caught:
        load_settings(tmp_path, {})
    mistake = caught.value.mistakes[0]
    assert (mistake.code, mistake.what) == ("C150", "pyproject.toml cannot be read")
    assert mistake.where == str(tmp_path.resolve() / "pyproject.toml")
    assert (mistake.expected, mistake.fix) == ("TOML", "correct the file")
    assert mistake.got


def test_the_online_store_is_files_unless_a_server_is_named(load, tmp_path):
    assert load("").online == OnlineSettings()
    text = """
        [tool.interlock.online]
        url = "rediss://interlock@cache.internal:6380/2"
        unavailable = "defaults"
        password_file = "secrets/redis"
        timeout_ms = 20
        keep = 5
    """
    assert load(text).online == OnlineSettings(
        url="rediss://interlock@cache.internal:6380/2",
        unavailable="defaults",
        password_file=tmp_path.resolve() / "secrets/redis",
        timeout_ms=20,
        keep=5,
    )
    assert (OnlineSettings().unavailable, OnlineSettings().timeout_ms) == ("refuse", 50)


@pytest.mark.parametrize(
    ("text", "where", "got"),
    [
        ("url = 'redis://:hunter2@cache'", ".url", "a password, which does not belong there"),
        ("url = 'redis://a:hunter2@cache'", ".url", "a password, which does not belong there"),
        ("url = 'memcached://cache'", ".url", "another scheme, or none"),
        ("url = '/folder'", ".url", "another scheme, or none"),
        ("url = 'redis://cache:port'", ".url", "a port or a database that is no number"),
        ("url = 'redis://cache/prod'", ".url", "a port or a database that is no number"),
        ("url = 'redis://'", ".url", "no host, port and database"),
        ("url = 'redis://cache?ssl=1'", ".url", "more than host, port and database"),
        ("url = 3", ".url", "3"),
        ("unavailable = 'guess'", ".unavailable", "guess"),
        ("timeout_ms = 0", ".timeout_ms", "0"),
        ("keep = 0", ".keep", "0"),
        ("keep = '3'", ".keep", "'3'"),
        ("password = 'hunter2'", "", "password"),
        (
            "password_env = 'A'\npassword_file = 'b'",
            "",
            "password_env and password_file",
        ),
    ],
)
def test_a_mistake_about_the_online_store_is_named_and_tells_no_password(refused, text, where, got):
    [(place, _, found, _)] = refused(f"[tool.interlock.online]\n{text}\n")
    assert (place, found) == (f"pyproject.toml: tool.interlock.online{where}", got)


def test_the_log_is_shipped_and_retained_as_the_settings_say(load, tmp_path):
    assert load("").log == LogSettings()
    settings = load(
        """
        [tool.interlock.log]
        ship = "delta"
        directory = "shipped"
        every = "90s"
        size = "2MB"
        retain = "90d"
        full = "drop"
        """
    )
    assert settings.log == LogSettings(
        ship="delta",
        directory=tmp_path.resolve() / "shipped",
        every="90s",
        segment_bytes=2_000_000,
        retain="90d",
        full="drop",
    )


@pytest.mark.parametrize(
    ("text", "where", "got"),
    [
        ('ship = "s3"', "log.ship", "s3"),
        ('full = "lose"', "log.full", "lose"),
        ('every = "0m"', "log.every", "0m"),
        ('retain = "90 days"', "log.retain", "90 days"),
        ('size = "64 MB"', "log.size", "64 MB"),
        ('directory = "elsewhere"', "log", "directory alone"),
        ("compact = false", "log", "compact alone"),
        ('ship = "parquet"\ncompact = 1', "log.compact", "1"),
        ("every = 5", "log.every", "5"),
        ('evry = "5m"', "log", "evry"),
    ],
)
def test_a_mistake_about_the_log_is_named(refused, text, where, got):
    ((said, _, found, _),) = refused(f"[tool.interlock.log]\n{text}")
    assert (said, found) == (f"pyproject.toml: tool.interlock.{where}", got)


@pytest.mark.parametrize(
    ("text", "where", "expected"),
    [
        ('ack = "never"', "ack", "process or disk"),
        ('server = "uvicorn"', "server", "interlock or granian"),
    ],
)
def test_a_choice_for_the_service_that_is_none_is_named(refused, text, where, expected):
    ((said, wanted, _, _),) = refused(f"[tool.interlock.service]\n{text}")
    assert (said, wanted) == (f"pyproject.toml: tool.interlock.service.{where}", expected)
