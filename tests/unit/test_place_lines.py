"""scripts/place-lines: the same lines for a seed, places only on request, none that cannot tell its room."""

from pathlib import Path

import pytest

from tests.support.place_lines import main, telling

ROOT = Path(__file__).resolve().parents[2]


def test_a_seed_gives_its_lines_and_the_answers_where_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    def place(*arguments: str) -> str:
        main(arguments)
        return capsys.readouterr().out

    shown = place("--seed", "7")
    assert shown == place("--seed", "7")
    assert ".py" not in shown
    assert shown.count("\n\n") == 10
    answers = [line.split()[1] for line in place("--seed", "7", "--answers").splitlines() if ".py:" in line]
    assert len(answers) == 10
    for answer in answers:
        path, _, number = answer.partition(":")
        line = (ROOT / "src/roost" / path).read_text().splitlines()[int(number) - 1]
        assert f"\n{line}\n" in shown


def test_blank_lines_comments_texts_imports_and_common_words_are_left_out() -> None:
    source = (
        '"""A fleet of lanes."""\n\nimport os.path\n\n# a comment here\nlane = fleet.lanes\nreturn None\n'
    )
    assert telling(source) == {6}
    module = (ROOT / "src/roost/core/decide.py").read_text()
    assert len(telling(module)) > len(module.splitlines()) / 10
