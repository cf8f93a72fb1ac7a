"""An MCP server that tells which alerts fire, as its file has them: where the text of an alert comes from in the agent's tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server


def server(path: Path) -> Server[Any]:
    """A server with one tool."""
    hints = types.ToolAnnotations(read_only_hint=True)
    tool = types.Tool(name="firing", description="The alerts that fire.", input_schema={"type": "object", "properties": {}}, annotations=hints)  # fmt: skip

    async def listed(_: Any, __: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool])

    async def called(_: Any, __: types.CallToolRequestParams) -> types.CallToolResult:
        said = await anyio.Path(path).read_text("utf-8")
        return types.CallToolResult(content=[types.TextContent(type="text", text=f"alert WebDown\n{said}")])

    return Server("alerts", on_list_tools=listed, on_call_tool=called)


async def _main() -> None:
    alerts = server(Path(sys.argv[1]))
    async with stdio_server() as (incoming, outgoing):
        await alerts.run(incoming, outgoing, alerts.create_initialization_options())


if __name__ == "__main__":
    anyio.run(_main)
