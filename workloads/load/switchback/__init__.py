"""Load that switches between services which are all alive; see ``bundle.generators.switchback``."""
