"""Settings, durations and names as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.core.vocabulary.durations import format_duration, parse_duration, rough_duration
from roost.core.vocabulary.identity import check_name, derive, derive_uuid
from roost.core.vocabulary.peer import ResumePolicy, Settings, WakePolicy
from roost.core.vocabulary.settings import apply_settings, show_settings
from roost.errors import InvalidNameError, InvalidSettingError

BASE = Settings("/w", "demo")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("20s", 20),
        ("10m", 600),
        ("1h", 3600),
        ("7d", 604800),
        ("1h30m", 5400),
        ("90", 90),
        ("0.5", 0.5),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", ".", "5m3", "s", "5 s", "-5s", "1x", "5s!", "٣s", "nan", "inf", "9" * 400 + "d", "3651d"]
)
def test_other_words_are_no_durations(text: str) -> None:
    with pytest.raises(InvalidSettingError):
        parse_duration(text)


@given(st.integers(0, 10**12))
def test_durations_survive_writing_and_reading(milliseconds: int) -> None:
    if milliseconds <= 3650 * 86_400_000:
        assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds


def test_rough_durations_are_for_readers() -> None:
    assert [rough_duration(s) for s in (-1, 2.14, 45, 180, 7200, 432000)] == [
        "0.0s",
        "2.1s",
        "45s",
        "3m",
        "2h",
        "5d",
    ]


def test_settings_are_applied_in_order() -> None:
    made = apply_settings(
        BASE, [("idle", "10m"), ("wake", "ephemeral"), ("env.A", "1"), ("env.A", "2"), ("args", "-x 'y z'")]
    )
    assert (made.idle, made.wake, made.env, made.args) == (
        600.0,
        WakePolicy.EPHEMERAL,
        (("A", "2"),),
        ("-x", "y z"),
    )
    assert apply_settings(made, [("env.A", "")]).env == ()


def test_P4_contradicting_settings_are_named_in_either_order() -> None:
    for pairs in (
        [("wake", "ephemeral"), ("resume", "always")],
        [("resume", "always"), ("wake", "ephemeral")],
    ):
        with pytest.raises(InvalidSettingError, match="ephemeral"):
            apply_settings(BASE, pairs)
    resumed = Settings("/w", "demo", resume=ResumePolicy.ALWAYS)
    both = apply_settings(resumed, [("wake", "ephemeral"), ("resume", "topic")])
    assert both.resume is ResumePolicy.TOPIC


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("nope", "1"),
        ("env", "1"),
        ("idle", "0s"),
        ("idle", "0.4ms"),
        ("quiet", "fast"),
        ("restarts", "0"),
        ("restarts", "-1"),
        ("restarts", "²"),
        ("restarts", "9" * 5000),
        ("queue_limit", "1.5"),
        ("wake", "sometimes"),
        ("resume", ""),
        ("args", "'open"),
        ("args", "a\0b"),
        ("prompt", "a\0b"),
        ("env.1A", "x"),
        ("env.ROOST_TOKEN", "x"),
        ("env.A", "\0"),
    ],
)
def test_bad_settings_are_refused(key: str, value: str) -> None:
    with pytest.raises(InvalidSettingError):
        apply_settings(BASE, [(key, value)])


def test_shown_settings_can_be_set_again_and_hide_secrets() -> None:
    made = apply_settings(BASE, [("env.A", "secret"), ("args", "-x 'y z'"), ("quiet", "1500ms")])
    assert show_settings(made)["env.A"] == "(set)"
    assert apply_settings(BASE, show_settings(made, reveal=True).items()) == made


@pytest.mark.parametrize("name", ["a", "worker-1", "a" * 32])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "-a", "a_b", "a" * 33, "a\n", "é", "operator", "roost", "a b", "a/b"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        check_name(name)


def test_derived_ids_depend_on_every_part() -> None:
    assert derive("s", "a", "b") == derive("s", "a", "b")
    assert len({derive("s", "a", "b"), derive("s", "ab"), derive("t", "a", "b"), derive("s", "a", "c")}) == 4
    assert derive_uuid("s", 1)[14] == "4"
    assert derive_uuid("s", 1)[19] in "89ab"
