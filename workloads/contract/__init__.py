"""The contract every service keeps: endpoints, canonical bytes, effects in the database."""
