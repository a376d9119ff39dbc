"""One aiohttp service, one repository per ORM."""
