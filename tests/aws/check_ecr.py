"""Checks of the emulator's ECR with plain boto3."""

from checks import Aws, check, same


def scanned(aws: Aws, name: str) -> list[tuple[bool, str]]:
    found = aws.ecr.batch_get_repository_scanning_configuration(repositoryNames=[name])
    return [(one["scanOnPush"], one["scanFrequency"]) for one in found["scanningConfigurations"]]


@check
def scanning_in_force_follows_the_repository(aws: Aws) -> None:
    aws.ecr.create_repository(repositoryName="plain")
    aws.ecr.create_repository(repositoryName="scanned", imageScanningConfiguration={"scanOnPush": True})
    same(scanned(aws, "plain"), [(False, "MANUAL")])
    same(scanned(aws, "scanned"), [(True, "SCAN_ON_PUSH")])
    aws.ecr.put_image_scanning_configuration(
        repositoryName="plain", imageScanningConfiguration={"scanOnPush": True}
    )
    same(scanned(aws, "plain"), [(True, "SCAN_ON_PUSH")])
    same(scanned(aws, "missing"), [])
