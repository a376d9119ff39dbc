"""How a service is driven: wrk and the asyncio client."""
