"""An MCP server that does what none should. Standard library only, so that it starts at once. Its argument is its manner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

MANNER = sys.argv[1]


def send(message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def tools() -> list[dict]:
    said = os.environ.get("SAID", "Reads.")
    schema = json.loads(os.environ.get("SCHEMA", '{"type": "object"}'))
    return [{"name": name, "description": said, "inputSchema": schema} for name in ("read", "other")]


def called() -> dict | None:
    match MANNER:
        case "giant":
            sys.stdout.write('{"jsonrpc": "2.0", "padding": "')
            for _ in range(800):
                sys.stdout.write("x" * 65_536)
            sys.stdout.flush()
        case "silent":
            time.sleep(60)
        case "dies":
            sys.stderr.write("\x1b[31mout of memory\n")
            sys.stderr.flush()
            os._exit(3)
        case "garbage":
            return {"content": "no list", "isError": "perhaps"}
        case "stubborn":
            pass
    return {"content": [{"type": "text", "text": "it reads"}]}


def main() -> None:
    if MANNER == "mute":
        time.sleep(60)
    if MANNER == "leaves_a_child":
        subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({os.environ.get('SLEEP', '60')})"])
    for line in sys.stdin:
        asked = json.loads(line)
        if MANNER == "noisy":
            sys.stdout.write("Listening on port 8080\n{}\n[1, 2]\n\x1b[2J\xff\n\n")
            send({"jsonrpc": "2.0", "id": 999, "result": {}})
        match asked.get("method"):
            case "initialize":
                version = asked["params"]["protocolVersion"]
                result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "r", "version": "1"}}  # fmt: skip
            case "tools/list":
                result = {"tools": tools()}
            case "tools/call":
                result = called()
            case _ if "id" in asked:
                send({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "no such method"}})
                continue
            case _:
                continue
        send({"jsonrpc": "2.0", "id": asked["id"], "result": result})
    if MANNER == "stubborn":
        time.sleep(60)


main()
