"""Where moto's ECR answers differently from AWS. Registered like the mends of mends.py."""

from collections.abc import Callable
from typing import Any

from moto.ecr.models import ECRBackend

from catalogue import around
from mends import mend


@mend("ecr-scanning-in-force", "a repository that scans on push says so where the scanning in force is asked for")
def scanning_in_force() -> None:
    """AWS: BatchGetRepositoryScanningConfiguration answers scanOnPush and SCAN_ON_PUSH for a repository whose own setting is
    so, where no rule of the registry says otherwise (API Reference, RepositoryScanningConfiguration). moto: answers MANUAL
    whatever the repository's setting is. Goes when a repository made with scanOnPush is SCAN_ON_PUSH there."""

    @around(ECRBackend, "batch_get_repository_scanning_configuration")
    def get(original: Callable, backend: Any, names: list[str]) -> Any:
        configurations, failing = original(backend, names)
        in_force = []
        for one in configurations:
            own = backend.repositories[one["repositoryName"]].image_scanning_configuration
            if own.get("scanOnPush") and one["scanFrequency"] == "MANUAL":
                one = {**one, "scanOnPush": True, "scanFrequency": "SCAN_ON_PUSH"}
            in_force.append(one)
        return in_force, failing
