"""Mutate the gate and the executor, one small lie at a time, and see which lies the tests do not notice.

Each mutant is one change of the syntax tree (a comparison turned round, a condition negated, a call left out, a
constant altered …). A process that has imported everything else is forked for each; it loads the altered module and
runs the tests that guard it. A mutant survives when they all pass.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.util
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEMORY = Path("/dev/shm")  # noqa: S108 - only the tests of a mutant write there, under its process number
SECONDS = 60  # for one mutant: a lie may well make a loop endless, which a test run notices
_GUARDS = (
    "tests/unit/guardrails/test_gate.py",
    "tests/unit/guardrails/test_approval.py",
    "tests/unit/safety/test_gate_details.py",
)
TARGETS: dict[str, tuple[str, ...]] = {
    "guardrails/approval.py": _GUARDS,
    "guardrails/gate.py": _GUARDS,
    "guardrails/requests.py": ("tests/unit/guardrails/test_requests.py", "tests/unit/safety/test_request_details.py"),
    "tools/executor/executor.py": ("tests/unit/executor/test_executor.py", "tests/unit/safety/test_executor_details.py"),
    "tools/executor/wire.py": ("tests/unit/executor/test_executor.py", "tests/unit/executor/test_wire.py", "tests/unit/safety/test_executor_details.py"),
    "tools/executor/people.py": ("tests/unit/executor/test_people.py", "tests/unit/safety/test_people_details.py"),
    "tools/executor/service.py": ("tests/unit/executor/test_service.py", "tests/unit/executor/test_emergency.py", "tests/unit/safety/test_service_details.py"),
    "tools/executor/server.py": ("tests/unit/executor/test_socket.py", "tests/unit/executor/test_races.py", "tests/unit/safety/test_server_details.py"),
}  # fmt: skip
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


class _Mutator(ast.NodeTransformer):
    """Counts the places where something can be altered, and alters the wanted one."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.count, self.what = wanted, 0, ""

    def _hit(self, node: ast.AST, what: str) -> bool:
        self.count += 1
        if self.count == self.wanted:
            self.what = f"line {getattr(node, 'lineno', '?')}: {what}"
        return self.count == self.wanted

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        for index, operator in enumerate(node.ops):
            turned = _TURNED[type(operator)]
            if self._hit(node, f"{type(operator).__name__} -> {turned.__name__} in {ast.unparse(node)}"):
                node.ops[index] = turned()
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        self.generic_visit(node)
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        if self._hit(node, f"and/or turned in {ast.unparse(node)}"):
            node.op = other
        for value in list(node.values):
            if self._hit(node, f"left out {ast.unparse(value)} of {ast.unparse(node)}"):
                rest = [each for each in node.values if each is not value]
                return rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and self._hit(node, f"not left out of {ast.unparse(node)}"):
            return node.operand
        return node

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        swapped: dict[type[ast.operator], ast.operator] = {ast.Add: ast.Sub(), ast.Sub: ast.Add()}
        dated = isinstance(node.op, ast.Add | ast.Sub) and "\0" not in ast.unparse(node)
        if dated and not _is_text(node) and self._hit(node, f"+/- turned in {ast.unparse(node)}"):
            node.op = swapped[type(node.op)]
        return node

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        if self._hit(node, f"condition negated: {ast.unparse(node.test)}"):
            node.test = ast.UnaryOp(ast.Not(), node.test)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        if self._hit(node, f"condition negated: {ast.unparse(node.test)}"):
            node.test = ast.UnaryOp(ast.Not(), node.test)
        return node

    def visit_Constant(self, node: ast.Constant) -> Any:
        match node.value:
            case bool():
                if self._hit(node, f"{node.value} -> {not node.value}"):
                    return ast.copy_location(ast.Constant(not node.value), node)
            case int():
                if self._hit(node, f"{node.value} -> {node.value + 1}"):
                    return ast.copy_location(ast.Constant(node.value + 1), node)
            case _:
                pass
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        if isinstance(node.value, ast.Constant):  # a docstring
            return node
        self.generic_visit(node)
        if isinstance(node.value, ast.Call) and self._hit(node, f"left out {ast.unparse(node)[:90]}"):
            return ast.copy_location(ast.Pass(), node)
        return node

    def visit_Return(self, node: ast.Return) -> Any:
        self.generic_visit(node)
        if (
            node.value is not None
            and not _is_none(node.value)
            and self._hit(node, f"returns None, not {ast.unparse(node.value)[:80]}")
        ):
            node.value = ast.Constant(None)
        return node

    def visit_Raise(self, node: ast.Raise) -> Any:
        if self._hit(node, f"left out {ast.unparse(node)[:90]}"):
            return ast.copy_location(ast.Pass(), node)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        return node  # words for a person

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.args = self.visit(node.args)
        node.body = [self.visit(each) for each in node.body]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        node.body = [
            self.visit(each) for each in node.body
        ]  # not its keywords: frozen=True of a Struct is no behaviour here
        return node


def _is_text(node: ast.BinOp) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str | bytes) for part in ast.walk(node))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def mutants(source: str) -> Iterator[tuple[str, ast.Module]]:
    """Every mutant of a module: what was altered, and the altered tree."""
    tree, number = ast.parse(source), 0
    while True:
        number += 1
        mutator = _Mutator(number)
        altered = mutator.visit(copy.deepcopy(tree))
        if not mutator.what:
            return
        yield mutator.what, ast.fix_missing_locations(altered)


def survives(path: str, tree: ast.Module, tests: list[str]) -> bool:
    """Run the tests of a module against one mutant, in a process of its own."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os._exit(_run(path, tree, tests))
        os._exit(1)
    deadline = time.monotonic() + SECONDS
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            shutil.rmtree(MEMORY / f"mutant-{child}", ignore_errors=True)
            return os.waitstatus_to_exitcode(status) == 0
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.02)


def _run(path: str, tree: ast.Module, tests: list[str]) -> int:
    """Load the altered module under its own name before anything else can, then run pytest."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    name = path.removesuffix(".py").replace("/", ".")
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None

    class Loader:
        """Gives out the altered module."""

        def create_module(self, _spec: Any) -> None:
            return None

        def exec_module(self, module: Any) -> None:
            exec(compile(tree, str(ROOT / path), "exec"), module.__dict__)  # noqa: S102 - our own source, altered by one node

    class Finder:
        """Comes before every other finder, for this module only."""

        def find_spec(self, wanted: str, *_: Any) -> Any:
            return importlib.util.spec_from_loader(name, Loader(), origin=str(ROOT / path)) if wanted == name else None  # type: ignore[arg-type]

    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
    import pytest

    memory = ["--basetemp", str(MEMORY / f"mutant-{os.getpid()}")] if MEMORY.is_dir() else []
    plugins = ["-p", "hypothesis.extra.pytestplugin", "-p", "syrupy", "-p", "no:cacheprovider"]
    return int(pytest.main(["-x", "-q", *plugins, *memory, *tests]))


def _warm() -> None:
    """Import what every test needs and no mutant alters: forks begin with it."""
    import hypothesis  # noqa: F401
    import kubernetes.client
    import kubernetes.config  # noqa: F401
    import msgspec  # noqa: F401
    import pytest  # noqa: F401
    import urllib3  # noqa: F401
    import yaml  # noqa: F401


def measure(paths: list[str], *, part: int = 1) -> dict[str, tuple[int, list[str]]]:
    """For each module how many mutants there were, and those that survived; with `part` only every so-manieth."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path.insert(0, str(ROOT))
    _warm()
    found = {}
    for path in paths:
        tests = [each for each in TARGETS[path] if (ROOT / each).exists()]
        count, left = 0, []
        if not survives(path, ast.parse((ROOT / path).read_text()), tests):
            sys.stdout.write(f"{path}: its tests fail without any mutant, so they prove nothing\n")
            continue
        for number, (what, tree) in enumerate(mutants((ROOT / path).read_text())):
            if number % part:
                continue
            count += 1
            if survives(path, tree, tests):
                left.append(what)
                sys.stdout.write(f"  survived: {what}\n")
                sys.stdout.flush()
        found[path] = (count, left)
        killed = count - len(left)
        sys.stdout.write(f"{path}: {killed} of {count} mutants killed ({killed / max(count, 1):.1%})\n")
        sys.stdout.flush()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", default=list(TARGETS))
    parser.add_argument("--part", type=int, default=1, help="every so-manieth mutant only")
    options = parser.parse_args()
    measure(options.paths, part=options.part)


if __name__ == "__main__":
    main()
