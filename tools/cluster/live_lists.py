"""Lists one kind page by page. Whatever goes wrong in one list is its outcome, never the end of the others."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec

from copilot.model import CopilotError, Reading, ReadState, Resource
from copilot.model.errors import DeniedError
from copilot.model.fields import text
from tools.cluster.discovery_known import ApiKind, is_built_in
from tools.cluster.live_page import open_page, page_resources
from tools.cluster.transport import Answer, Transport

PAGE = 500  # objects: kubectl's own chunk size, 1-2 MB of pods, so one page never holds the server for long
MAX_CUSTOM = 5_000  # objects of one custom kind: add-ons that keep a report per image would drown the cluster itself
MAX_OBJECTS = 300_000  # objects of one built-in kind: twice the pods Kubernetes supports in one cluster

_PAGES_EACH = 2  # a page may hold fewer objects than asked for; a server that sends empty pages for ever must not win


class ListRequest(msgspec.Struct, frozen=True, order=True):
    """One list to read. `namespace` "" is all of them, or a cluster-scoped kind."""

    kind: ApiKind
    namespace: str = ""


class ListOutcome(msgspec.Struct, frozen=True, eq=False):
    """What one list gave. `resource_version` is where a watch may go on; "" when the list was not read to its end."""

    request: ListRequest
    resources: list[Resource] = []
    state: ReadState = ReadState.READ
    detail: str = ""
    resource_version: str = ""
    date: datetime | None = None
    error: CopilotError | None = None

    @property
    def reading(self) -> Reading:
        """The coverage of this list."""
        kind = self.request.kind
        return Reading(
            kind=kind.kind,
            group=kind.group,
            namespace=self.request.namespace or "*",
            state=self.state,
            count=len(self.resources),
            detail=self.detail,
        )


class Lister:
    """Reads lists over one transport. Once the server has stopped answering, the lists left are given up at once."""

    _MAX_LOST = 3  # lists that lost their connection for good before the others are given up: each costs a time-out

    def __init__(self, transport: Transport, *, config_values: bool = False) -> None:
        self._transport = transport
        self._config_values = config_values
        self._lost = 0
        self._lock = threading.Lock()

    def read(self, request: ListRequest) -> ListOutcome:
        """Read one list to its end.

        Raises:
            DeniedError: The credentials are not accepted (401): no list will be.
        """
        if self._lost >= self._MAX_LOST:
            return ListOutcome(request, state=ReadState.PARTIAL, detail="Not read: the server had stopped answering.")
        found: list[Resource] = []
        try:
            return self._pages(request, found)
        except DeniedError:
            raise
        except CopilotError as error:
            with self._lock:
                self._lost += 1
            return ListOutcome(request, found, ReadState.PARTIAL, error.title, error=error)

    def _pages(self, request: ListRequest, found: list[Resource]) -> ListOutcome:
        most = MAX_OBJECTS if is_built_in(request.kind) else MAX_CUSTOM
        note = ""
        answer = self._page(request, "")
        with ThreadPoolExecutor(1, thread_name_prefix="page") as ahead:  # starts no thread for a list of one page
            for _ in range(_PAGES_EACH * most // PAGE):
                if answer.status == 410 and found:  # the list took longer than the server keeps its past
                    token = text(answer.json(), "metadata", "continue")
                    if not token:
                        return _part(request, found, "The server lost its place in the list.", answer)
                    note = "The list took so long that its last pages are newer than its first."
                    answer = self._page(request, token)
                    continue
                if not answer.ok:
                    return _refused(request, found, answer)
                try:
                    page = open_page(answer.body)
                    token = page.metadata.next
                    enough = len(found) + PAGE >= most
                    # The server makes the next page while this one is decoded.
                    following = ahead.submit(self._page, request, token) if token and not enough else None
                    found.extend(page_resources(page, request.kind, config_values=self._config_values))
                except (msgspec.DecodeError, RecursionError):
                    return _part(request, found, "The server's answer for this kind is not a list of objects.", answer)
                if token and enough:
                    return _part(request, found, f"Only the first {len(found)} were read.", answer)
                if following is None:
                    version = page.metadata.resource_version
                    return ListOutcome(request, found, ReadState.READ, note, version, answer.date)
                answer = following.result()
        return _part(request, found, "The server sent more pages than it has objects.", answer)

    def _page(self, request: ListRequest, token: str) -> Answer:
        query: list[tuple[str, str | int]] = [("limit", PAGE)]
        if token:
            query.append(("continue", token))
        return self._transport.get(request.kind.path(request.namespace), query)


def _part(request: ListRequest, found: list[Resource], detail: str, answer: Answer) -> ListOutcome:
    return ListOutcome(request, found, ReadState.PARTIAL, detail, "", answer.date)


def _refused(request: ListRequest, found: list[Resource], answer: Answer) -> ListOutcome:
    where = f" in namespace {request.namespace}" if request.namespace else ""
    what = f"{request.kind.plural}{f'.{request.kind.group}' if request.kind.group else ''}{where}"
    if answer.status == 403:
        state, detail = ReadState.REFUSED, f"You may not list {what}: {answer.reason}"
    elif answer.status in (404, 405):
        state, detail = ReadState.MISSING, f"The server has no {what}."
    else:
        state, detail = ReadState.PARTIAL, f"Listing {what} failed with HTTP {answer.status}: {answer.reason}"
    return ListOutcome(request, found, state, detail, "", answer.date)
