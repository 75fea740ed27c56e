//! Image repositories in ECR: those of an account's images are read and told of, never written.

use aws_sdk_ecr::types::{EncryptionType, ImageTagMutability, ScanFrequency};
use futures::try_join;
use payment_platform_engine::CloudError;

use crate::aws::Aws;
use crate::aws::error::{During, gone};

/// Where an image in a registry of ECR is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    /// The account of the registry.
    pub account: String,
    pub region: String,
    pub name: String,
}

/// What a repository does for its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Images are scanned when they come, by the repository's own setting or the registry's.
    pub scans: bool,
    /// No tag can come to mean another image.
    pub immutable: bool,
    /// By a key in KMS, and not by one that AWS keeps for itself.
    pub kms: bool,
}

impl Repository {
    /// The repository of an image by the name that a task definition gives it. None: the image is in no registry of ECR.
    ///
    /// Both forms of a registry's host are known (ECR User Guide, "Amazon ECR endpoints"): `ACCOUNT.dkr.ecr.REGION.amazonaws.com`
    /// and, with IPv6, `ACCOUNT.dkr-ecr.REGION.on.aws`.
    pub fn of_image(image: &str) -> Option<Self> {
        let (host, rest) = image.split_once('/')?;
        let (account, region) = match host.strip_suffix(".amazonaws.com") {
            Some(host) => host.split_once(".dkr.ecr.")?,
            None => host.strip_suffix(".on.aws")?.split_once(".dkr-ecr.")?,
        };
        let name = rest.split(['@', ':']).next()?;
        Some(Self { account: account.to_owned(), region: region.to_owned(), name: name.to_owned() })
    }

    pub fn arn(&self) -> String {
        let Self { account, region, name } = self;
        format!("arn:aws:ecr:{region}:{account}:repository/{name}")
    }

    /// Its settings, by clients of its account and region. None: there is no such repository.
    ///
    /// Which scanning is in force is asked for by itself: the registry's rules go before what the repository says
    /// (API Reference, BatchGetRepositoryScanningConfiguration).
    pub async fn settings(&self, aws: &Aws) -> Result<Option<Settings>, CloudError> {
        let (repositories, scanning) = try_join!(
            async {
                let call = aws.ecr.describe_repositories().registry_id(&self.account).repository_names(&self.name);
                gone(call.send().await.during("ecr:DescribeRepositories"))
            },
            async {
                let call = aws.ecr.batch_get_repository_scanning_configuration().repository_names(&self.name);
                gone(call.send().await.during("ecr:BatchGetRepositoryScanningConfiguration"))
            },
        )?;
        let Some(repository) = repositories.and_then(|found| found.repositories?.into_iter().next()) else {
            return Ok(None);
        };
        let scanning = scanning.and_then(|answer| answer.scanning_configurations?.into_iter().next());
        let frequency = scanning.as_ref().and_then(|one| one.scan_frequency());
        let encryption = repository.encryption_configuration().map(|encryption| encryption.encryption_type());
        Ok(Some(Settings {
            scans: matches!(frequency, Some(ScanFrequency::ScanOnPush | ScanFrequency::ContinuousScan)),
            immutable: repository.image_tag_mutability() == Some(&ImageTagMutability::Immutable),
            kms: matches!(encryption, Some(EncryptionType::Kms | EncryptionType::KmsDsse)),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_of_an_image_is_known_by_both_forms_of_a_registry_and_however_the_image_is_named() {
        let arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/app";
        for image in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2@sha256:abc",
            "123456789012.dkr-ecr.eu-west-1.on.aws/team/app@sha256:abc",
        ] {
            assert_eq!(Repository::of_image(image).map(|repository| repository.arn()).as_deref(), Some(arn), "{image}");
        }
        for image in ["nginx", "public.ecr.aws/nginx/nginx:stable", "registry.example.com/team/app:1"] {
            assert_eq!(Repository::of_image(image), None, "{image}");
        }
    }
}
