"""Make the environment of a stack, or record why it cannot be made.

``build`` never raises because a stack is broken: that is an outcome, kept like any other. It
raises ``HostError`` where the host is to blame, which says nothing about the stack.
"""

from agent.stacks.builder import build, environment_of
from agent.stacks.reasons import HostError

__all__ = ["HostError", "build", "environment_of"]
