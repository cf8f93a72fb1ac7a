"""What a model's work cost: tokens as the endpoint counted them, estimated where it did not, and their price."""

from __future__ import annotations

import msgspec

from copilot.llm.endpoint import Endpoint

CHARACTERS_PER_TOKEN = 3.5  # English with identifiers; a low figure errs towards counting too many
_MILLION = 1_000_000


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one or more calls. `estimated` where the endpoint counted none of them for us."""

    tokens_in: int = 0
    tokens_out: int = 0
    calls: int = 0
    cost: float = 0.0
    estimated: bool = False

    def plus(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            calls=self.calls + other.calls,
            cost=self.cost + other.cost,
            estimated=self.estimated or other.estimated,
        )

    def since(self, before: Usage) -> Usage:
        """What was added after `before`."""
        return Usage(
            tokens_in=self.tokens_in - before.tokens_in,
            tokens_out=self.tokens_out - before.tokens_out,
            calls=self.calls - before.calls,
            cost=self.cost - before.cost,
            estimated=self.estimated,
        )

    @property
    def tokens(self) -> int:
        """Tokens in both directions."""
        return self.tokens_in + self.tokens_out

    def __str__(self) -> str:
        """`1,204 tokens in, 96 out, 2 calls, cost 0.0012`."""
        about = "about " if self.estimated else ""
        price = f", cost {self.cost:.4f}" if self.cost else ""
        return f"{about}{self.tokens_in:,} tokens in, {self.tokens_out:,} out, {self.calls} calls{price}"


def counted(endpoint: Endpoint, tokens_in: int, tokens_out: int, *, estimated: bool = False) -> Usage:
    """The usage of one call, priced."""
    cost = (tokens_in * endpoint.price_in + tokens_out * endpoint.price_out) / _MILLION
    return Usage(tokens_in, tokens_out, 1, cost, estimated)


def estimate(text: str) -> int:
    """About how many tokens a text has; never too few by much."""
    return int(len(text) / CHARACTERS_PER_TOKEN) + 1
