//! `examples/production.yaml` in an account of the tests: with the certificates, the repository and the role that it names.

use anyhow::{Context, ensure};
use aws_sdk_ecr::types::{EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability};
use serde_json::{Value, json};

use crate::aws::Account;
use crate::cluster::Cluster;
use crate::root;

/// The manifest, where what it refers to is made in the account, and is referred to by the ids that it has there.
pub async fn production(cluster: &Cluster, aws: &Account) -> anyhow::Result<Value> {
    let mut kubectl = cluster.kubectl();
    kubectl.args(["create", "--dry-run=client", "-o", "json", "-f"]);
    let answer = kubectl.arg(root().join("examples/production.yaml")).output()?;
    ensure!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let text = String::from_utf8(answer.stdout)?.replace("123456789012", &aws.id);
    let mut manifest: Value = serde_json::from_str(&text)?;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": format!("arn:aws:iam::{}:root", aws.id)}}]});
    aws.iam.create_role().role_name("security").assume_role_policy_document(trust.to_string()).send().await?;
    let spec = &mut manifest["spec"];
    spec["aws"]["assumeRoleArn"] = json!(Account::role_arn(&aws.id));
    for (section, name) in [("ingress", "payments.example.com"), ("staticAssets", "static.payments.example.com")] {
        let made = aws.acm.request_certificate().domain_name(name).send().await?;
        spec[section]["certificateArn"] = json!(made.certificate_arn.context("no ARN")?);
    }
    let kms = EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms).build()?;
    let scanned = ImageScanningConfiguration::builder().scan_on_push(true).build();
    let call = aws.ecr.create_repository().repository_name("payments").encryption_configuration(kms);
    let call = call.image_tag_mutability(ImageTagMutability::Immutable).image_scanning_configuration(scanned);
    call.send().await?;
    Ok(manifest)
}
