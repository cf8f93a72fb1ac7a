"""The Neo4j server answers, keeps nothing open to the outside, and ends when told to."""

from pathlib import Path

import neo4j
import pytest
from neo4j.exceptions import AuthError, Neo4jError

from tests.live.neo4j_server.server import Neo4jServer
from tests.live.testbed.processes import ProcessName


def test_nodes_and_relationships_come_back_as_written(neo4j_url: str) -> None:
    with neo4j.GraphDatabase.driver(neo4j_url) as driver:
        driver.execute_query("MERGE (a:Pod {name: 'api'})-[:RUNS_ON]->(b:Node {name: 'node-1'})")
        records = driver.execute_query(
            "MATCH (a:Pod)-[:RUNS_ON]->(b:Node) RETURN a.name AS pod, b.name AS node"
        ).records
    assert [record.data() for record in records] == [{"pod": "api", "node": "node-1"}]


@pytest.mark.parametrize("source", ["file:///etc/passwd", "http://127.0.0.1:9/x.csv"])
def test_load_csv_reaches_neither_files_nor_the_network(neo4j_url: str, source: str) -> None:
    with (
        neo4j.GraphDatabase.driver(neo4j_url) as driver,
        driver.session() as session,
        pytest.raises(Neo4jError, match=r"(?i)load|block|access"),
    ):
        session.run("LOAD CSV FROM $source AS row RETURN row", source=source).consume()


def test_a_password_is_asked_for_when_one_is_set_and_the_server_stops(tmp_path: Path, neo4j_url: str) -> None:
    server = Neo4jServer(tmp_path)
    url = server.start(password="correct-horse")
    java = ProcessName(*server.facts()["java"])
    try:
        assert url != neo4j_url
        with neo4j.GraphDatabase.driver(url, auth=("neo4j", "wrong-horse")) as driver, pytest.raises(AuthError):
            driver.verify_connectivity()
        with neo4j.GraphDatabase.driver(url, auth=("neo4j", "correct-horse")) as driver:
            driver.verify_connectivity()
    finally:
        assert server.stop()
    assert not java.is_alive()
