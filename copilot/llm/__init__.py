"""Language models as the copilot needs them: an endpoint, what it can do, what it cost, why it failed. Imports nothing heavy.

LangChain is imported only by `openai_chat`, inside its functions; everything else works on the base installation.
"""

from copilot.llm.endpoint import Endpoint, Mode, Secret, check_endpoint, read_key_file
from copilot.llm.errors import ModelError, ModelFailure
from copilot.llm.usage import Usage

__all__ = ["Endpoint", "Mode", "ModelError", "ModelFailure", "Secret", "Usage", "check_endpoint", "read_key_file"]
