"""The contract every service keeps: endpoints, canonical bytes, effects in the database.

``openapi.yaml`` says it for people; ``workloads.contract.suite`` checks it.
"""
