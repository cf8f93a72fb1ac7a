"""A turn of a conversation: evidence first, then the model's words, each checked, with the deterministic answer as the floor."""

from copilot.agent.conversation.turn import Conversation

__all__ = ["Conversation"]
