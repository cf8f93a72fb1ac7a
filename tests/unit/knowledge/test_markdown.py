"""How Markdown becomes sections that can be cited."""

from hypothesis import given
from hypothesis import strategies as st

from retrievers.knowledge.markdown import CHUNK_CHARACTERS, parse_page
from retrievers.knowledge.words import grams, query_words, split_identifiers

PAGE = """---
title: Disk full
causes: [node.pressure.disk]
---
# Disk full

Intro.

## Symptom

Text one.

```sh
# not a heading
df -h

du -sh /
```

### In the logs

| a | b |
|---|---|
| 1 | 2 |

Setext
------
Last.
"""


def test_a_section_knows_its_heading_path_and_its_line():
    page = parse_page(PAGE, "fallback")
    assert page.title == "Disk full"
    assert page.front["causes"] == ["node.pressure.disk"]
    assert [(section.heading, section.line) for section in page.sections] == [
        ("", 7),
        ("Symptom", 11),
        ("Symptom › In the logs", 22),
        ("Setext", 28),
    ]


def test_a_code_block_stays_whole_and_its_comments_are_no_headings():
    symptom = parse_page(PAGE, "").sections[1].text
    assert "# not a heading\ndf -h\n\ndu -sh /" in symptom


def test_an_unclosed_code_block_runs_to_the_end():
    page = parse_page("# T\n\n```\n# a\n\n# b\n", "x")
    assert [section.text for section in page.sections] == ["```\n# a\n\n# b\n"]


def test_long_sections_are_cut_between_paragraphs_and_never_inside_a_code_block():
    block = "```\n" + "\n\n".join(["line"] * 200) + "\n```"
    text = "# T\n\n## S\n\n" + "\n\n".join(["word " * 60] * 20) + "\n\n" + block
    sections = parse_page(text, "").sections
    assert len(sections) > 3
    assert all(section.heading == "S" for section in sections)
    assert any(section.text.endswith(block) for section in sections)
    assert all(len(section.text) <= CHUNK_CHARACTERS + 400 for section in sections if "```" not in section.text)


def test_a_title_comes_from_front_matter_then_the_first_heading_then_the_file():
    assert parse_page("---\ntitle: A\n---\n# B\n", "c").title == "A"
    assert parse_page("# B\n\ntext", "c").title == "B"
    assert parse_page("text", "c").title == "c"


def test_broken_front_matter_is_not_shown_as_text():
    page = parse_page("---\ntitle: [unclosed\n---\nBody.\n", "x")
    assert [section.text for section in page.sections] == ["Body."]
    assert page.front == {}


@given(st.text(alphabet="#-=`~ \n|abc\t:[]", max_size=400))
def test_any_text_is_parsed_and_no_word_of_it_is_lost(text):
    page = parse_page(text, "x")
    shown = "".join(section.heading + section.text for section in page.sections) + page.title
    if "---" not in text:
        assert (
            text.count("a") <= shown.count("a") + sum(line.lstrip().startswith("#") for line in text.split("\n")) * 400
        )
    assert all(section.text.strip() for section in page.sections)


def test_one_enormous_line_is_cut_into_readable_pieces():
    assert max(len(section.text) for section in parse_page("x" * 100_000, "t").sections) <= 6_000


def test_identifiers_are_found_by_their_parts_and_by_their_whole():
    assert split_identifiers("KubePodCrashLooping") == "KubePodCrashLooping Kube Pod Crash Looping"
    assert split_identifiers("plain words") == "plain words"
    assert query_words("Why does ImagePullBackOff happen?") == [
        "imagepullbackoff",
        "image",
        "pull",
        "back",
        "off",
        "happen",
    ]
    assert query_words("who is it") == ["who", "is", "it"]
    assert " cr" in grams(["crash"])
    assert "sh " in grams(["crash"])
