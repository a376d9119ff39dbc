"""Make the environment of a stack, or record why it cannot be made.

A broken stack is an outcome of ``build`` like any other. ``build`` raises ``HostError`` if the host
fails, which says nothing about the stack.
"""

from agent.stacks.builder import build, environment_of
from agent.stacks.reasons import HostError

__all__ = ["HostError", "build", "environment_of"]
