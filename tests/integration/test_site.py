"""The documentation as a site: each page is listed, each link leads somewhere, nothing is from elsewhere."""

import subprocess
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support import site


class Page(HTMLParser):
    """What a page loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what it loads."""
        found = {key: value or "" for key, value in attrs}
        if tag in ("script", "img", "iframe", "source") and "src" in found:
            self.loads.append(found["src"])
        elif tag == "link" and found.get("rel") not in ("canonical", "alternate"):
            self.loads.append(found["href"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The pages of the site as it is built from this tree."""
    out = tmp_path_factory.mktemp("site") / "site"
    site.build(out)
    return {path: Page(path) for path in out.rglob("*.html") if path.name != "404.html"}


def test_each_page_is_listed_and_made(built: dict[Path, Page]) -> None:
    listed = list(_places(tomllib.loads(site.CONFIG.read_text())["project"]["nav"]))
    assert sorted(listed) == sorted(site.pages())
    assert len(built) == len(listed)


def test_nothing_is_loaded_from_another_host(built: dict[Path, Page]) -> None:
    loaded = {(path, name) for path, page in built.items() for name in page.loads}
    assert not [name for _, name in loaded if urlsplit(name).netloc]
    assert not [name for path, name in loaded if not (path.parent / urlsplit(name).path).exists()]


@pytest.mark.parametrize(
    ("link", "said"),
    [("tutorials.md", "page does not exist"), ("design.md#nothing", "anchor does not exist")],
)
def test_a_link_that_leads_nowhere_fails_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str, said: str
) -> None:
    real = site.lay_out

    def lay_out(folder: Path) -> None:
        real(folder)
        (folder / "pages/index.md").write_text(f"# roost\n\n[away]({link}), [there](design.md)\n")

    monkeypatch.setattr(site, "lay_out", lay_out)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        site.build(tmp_path / "site")
    assert said in failed.value.output
    assert "1 issue found" in failed.value.output


def _places(nav: list[dict[str, Any]]) -> Iterator[str]:
    for entry in nav:
        for value in entry.values():
            if isinstance(value, str):
                yield value
            else:
                yield from _places(value)
