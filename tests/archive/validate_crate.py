"""Runs the validator of RO-Crates without a network: ``python validate_crate.py FOLDER...``.

It runs in the validator's own environment (requirements/roc-validator.txt). The one document that
the validator would fetch, the JSON-LD context of RO-Crate 1.1, comes from a package that carries
it; any other request fails. Prints what is wrong with each, as JSON.
"""

import importlib.resources
import json
import sys

import requests
from requests.adapters import BaseAdapter
from rocrate_validator import models, services
from rocrate_validator.utils.document_loader import install_document_loader
from rocrate_validator.utils.http import HttpRequester
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


class Shelf(BaseAdapter):
    """Answers for the context, and refuses everything else."""

    def send(self, request, **_):
        if request.url != CONTEXT:
            raise requests.ConnectionError(f"{request.url} was asked for")
        data = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").open("rb")
        answer = requests.Response()
        answer.status_code = 200
        answer.url = request.url
        answer.request = request
        answer.headers["Content-Type"] = "application/ld+json"
        answer.raw = HTTPResponse(data, status=200, preload_content=False, headers=answer.headers)
        return answer

    def close(self):
        pass


def main(folder):
    settings = services.ValidationSettings(
        rocrate_uri=folder,
        profile_identifier="process-run-crate",
        requirement_severity=models.Severity.RECOMMENDED,
        no_cache=True,
    )
    # Settings make a session of their own.
    for scheme in ("http://", "https://"):
        HttpRequester().session.mount(scheme, Shelf())
    install_document_loader()
    found = services.validate(settings)
    return {
        "checks": len(found.executed_checks),
        "issues": [
            {
                "severity": issue.severity.name,
                "about": issue.violatingEntity,
                "says": issue.message,
            }
            for issue in found.get_issues()
        ],
    }


if __name__ == "__main__":
    json.dump([main(folder) for folder in sys.argv[1:]], sys.stdout)
