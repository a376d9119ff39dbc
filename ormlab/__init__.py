"""The orchestrator: resolve a plan, deploy, check, measure, seal, judge."""
