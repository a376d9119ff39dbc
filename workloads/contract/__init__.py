"""The contract that every service keeps: endpoints, canonical bytes, effects in the database.

``openapi.yaml`` states it for people; ``workloads.contract.suite`` checks it.
"""
