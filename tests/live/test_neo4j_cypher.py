"""Free Cypher on a real server that is left wide open: nothing reaches a file, the network, a user or another cluster."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.model import CopilotError
from retrievers.graph import ResourceGraph
from retrievers.graph.mirror import (
    Link,
    Mirror,
    QueryFailedError,
    QueryRefusedError,
    holes,
    parse_address,
    query,
)
from tests.live.neo4j_refused import REFUSED, SCOPED
from tests.live.neo4j_server.server import Neo4jServer
from tests.unit.graph.objects import graph_of, made, pod

PASSWORD = "correct-horse"
OURS, OTHER = "uid-ours", "uid-other"
LINE = "canary-of-the-file"


@pytest.fixture(scope="module")
def hits() -> list[str]:
    """Every request that reached the listener."""
    return []


@pytest.fixture(scope="module")
def listener(hits: list[str]) -> Iterator[str]:
    class Canary(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"canary-of-the-net\n")

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/rows.csv"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def link(neo4j_open: tuple[str, Neo4jServer]) -> Iterator[Link]:
    with Link(parse_address(neo4j_open[0], "neo4j", PASSWORD)) as link:
        for statement in (
            "MATCH (n) DETACH DELETE n",
            "CREATE USER reader SET PASSWORD 'reader-reader' CHANGE NOT REQUIRED",
        ):
            link.rows(statement)
        list(Mirror(link, OURS, "ours").sync(_shop("ours-secret")))
        list(Mirror(link, OTHER, "other").sync(_shop("canary")))
        link.rows("CREATE (:Foreign {name: 'canary-foreign'})")
        yield link


def _shop(secret: str) -> ResourceGraph:
    spec = {"volumes": [{"name": "v", "secret": {"secretName": secret}}]}
    return graph_of(pod(f"{secret}-pod", spec=spec), made("Secret", secret), made("Node", "n1", ""))


def _state(link: Link) -> object:
    """Everything an attempt could have changed."""
    return (
        link.rows("MATCH (n) RETURN count(n) AS nodes, collect(DISTINCT labels(n)) AS labels"),
        link.rows("MATCH (n:Resource) RETURN n.cluster AS c, n.name AS n, n.print AS p ORDER BY c, n"),
        sorted(row["user"] for row in link.rows("SHOW USERS YIELD user")),
        sorted(row["name"] for row in link.rows("SHOW INDEXES YIELD name")),
        sorted(row["name"] for row in link.rows("SHOW CONSTRAINTS YIELD name")),
        sorted(
            row["name"] for row in link.rows("SHOW DATABASES YIELD name, currentStatus WHERE currentStatus = 'online'")
        ),
    )


@pytest.fixture(scope="module")
def before(link: Link) -> object:
    return _state(link)


def _filled(text: str, listener: str, folder: Path) -> str:
    for name, value in (("{file}", (folder / "rows.csv").as_uri()), ("{http}", listener), ("{other}", OTHER)):
        text = text.replace(name, value)
    return text.replace("{{", "{").replace("}}", "}")


def test_the_canaries_sing_where_nothing_holds_them(
    link: Link, listener: str, hits: list[str], neo4j_open: tuple[str, Neo4jServer]
) -> None:
    folder = neo4j_open[1].state
    (folder / "rows.csv").write_text(f"{LINE}\n")
    with link.reading() as transaction:
        assert transaction.rows(_filled("LOAD CSV FROM '{http}' AS row RETURN row[0] AS cell", listener, folder))
        assert hits
        read = transaction.rows(_filled("LOAD CSV FROM '{file}' AS row RETURN row[0] AS cell", listener, folder))
    assert read == [{"cell": LINE}]
    hidden = "RETURN CASE WHEN true THEN COLLECT { LOAD CSV FROM '{http}' AS row RETURN row[0] } END AS cell"
    hits.clear()
    with link.reading() as transaction:
        transaction.rows(_filled(hidden, listener, folder))
    assert hits
    hits.clear()


@pytest.mark.parametrize("text", REFUSED)
def test_an_attempt_is_refused_before_anything_of_it_runs(
    text: str, link: Link, listener: str, hits: list[str], neo4j_open: tuple[str, Neo4jServer]
) -> None:
    with pytest.raises(QueryRefusedError) as refusal:
        query(link, OURS, _filled(text, listener, neo4j_open[1].state))
    assert refusal.value.title
    assert hits == []


@pytest.mark.parametrize("text", SCOPED)
def test_a_query_sees_its_own_cluster_only(
    text: str, link: Link, listener: str, neo4j_open: tuple[str, Neo4jServer]
) -> None:
    element = link.rows("MATCH (n:Resource {name: 'canary'}) RETURN elementId(n) AS id")[0]["id"]
    asked = _filled(text, listener, neo4j_open[1].state)
    given = {"element": element} if "$element" in asked else {}
    told = str(query(link, OURS, asked, given).rows)
    assert "canary" not in told
    assert OTHER not in told


def test_the_server_stands_after_all_attempts_as_before(link: Link, before: object) -> None:
    assert _state(link) == before


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("MATCH (p:Pod)-->(s:Secret) RETURN p.name, s.name", [["ours-secret-pod", "ours-secret"]]),
        ("MATCH (s:Secret) RETURN count(s) AS n", [[1]]),
        ("MATCH (p:Pod) WHERE NOT (p)-[:RUNS_ON]->() RETURN p.name", [["ours-secret-pod"]]),
        (
            "MATCH (p:Pod {name: 'ours-secret-pod'}) RETURN p{.kind, .name}",
            [[{"kind": "Pod", "name": "ours-secret-pod"}]],
        ),
        ("MATCH (p:Pod) WHERE EXISTS { MATCH (p)-->(s) WHERE s.name = $name } RETURN p.namespace", [["shop"]]),
        ("RETURN 'it''s' AS a", None),
        ("RETURN 'a\\'b; CREATE (n)' AS a; ", [["a'b; CREATE (n)"]]),
    ],
)
def test_questions_that_people_ask_are_answered(text: str, wanted: list[object] | None, link: Link) -> None:
    given = {"name": "ours-secret"} if "$name" in text else {}
    if wanted is None:
        with pytest.raises(CopilotError):
            query(link, OURS, text, given)
    else:
        assert query(link, OURS, text, given).rows == wanted


def test_rows_and_bytes_are_cut_and_the_answer_says_so(link: Link) -> None:
    rows = query(link, OURS, "UNWIND range(1, 100000) AS i RETURN i", rows=7)
    assert (rows.rows, bool(rows.cut)) == ([[number] for number in range(1, 8)], True)
    wide = query(link, OURS, "UNWIND range(1, 1000) AS i RETURN reduce(a = 'x', j IN range(1, 12) | a + a)")
    assert 0 < len(wide.rows) < 1000
    assert "kB" in wide.cut


def test_a_query_that_takes_too_long_is_given_up(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrievers.graph.mirror.cypher.QUERY_SECONDS", 0.3)
    with pytest.raises(QueryFailedError, match="longer than allowed"):
        query(link, OURS, "UNWIND range(1, 1000000000) AS i WITH i WHERE i % 7 = 9 RETURN count(*)")


def test_doctor_names_every_hole_of_an_open_server_and_none_of_a_closed_one(link: Link, neo4j_url: str) -> None:
    assert {hole.line.partition("=")[0] for hole in holes(link)} == {
        "dbms.security.allow_csv_import_from_file_urls",
        "internal.dbms.cypher_ip_blocklist",
        "db.memory.transaction.max",
    }
    with Link(parse_address(neo4j_url)) as closed:
        assert [hole.line for hole in holes(closed)] == ["dbms.security.auth_enabled=true"]
