"""The service on Django's asynchronous ORM, without the rest of Django."""

from workloads.services.django.configuration import Options, create

__all__ = ["Options", "create"]
