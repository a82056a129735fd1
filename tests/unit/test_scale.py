"""What `scripts/scale` writes into its page."""

from tests.support.scale import BEGIN, END, PAGE, replaced, table

FOUND = [
    {"hosts": 3, "a host, MB": 2.4},
    {"hosts": 1000, "a host, MB": 12_345.6},
]


def test_each_size_is_a_column() -> None:
    assert table(FOUND).split("\n") == [
        "| hosts | 3 | 1,000 |",
        "|---|---|---|",
        "| a host, MB | 2.4 | 12,346 |",
    ]


def test_what_is_around_the_table_stays() -> None:
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    assert replaced(page, "new") == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert replaced(replaced(page, "new"), "old") == page


def test_the_page_has_its_table() -> None:
    measured = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert measured.startswith("\n\n| hosts |")
