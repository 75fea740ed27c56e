//! How a cluster is changed: what one ModifyDBCluster call says.

use std::collections::BTreeSet;

use aws_sdk_rds::operation::modify_db_cluster::builders::ModifyDBClusterFluentBuilder;
use aws_sdk_rds::types::CloudwatchLogsExportConfiguration;
use payment_platform_api::spec::Engine;
use payment_platform_engine::CloudError;
use payment_platform_engine::diff::Change;

use super::cluster::{Fields, MASTER_SECRET, Output};
use crate::aws::secretsmanager::credentials;
use crate::aws::{Aws, touches};

/// The call that makes the changes which ModifyDBCluster can make; None: there are none.
pub async fn modification(
    aws: &Aws,
    now: &Output,
    want: &Fields,
    changes: &[Change],
) -> Result<Option<ModifyDBClusterFluentBuilder>, CloudError> {
    let mut call = aws.rds.modify_db_cluster().db_cluster_identifier(&now.identifier);
    let mut modified = false;
    for field in changes.iter().map(Change::field).collect::<BTreeSet<_>>() {
        call = match field {
            "engine_version" => {
                let major = Engine::AuroraPostgresql.major(&want.engine_version)
                    != Engine::AuroraPostgresql.major(&now.engine_version);
                let call = call.engine_version(&want.engine_version).allow_major_version_upgrade(major);
                match want.groups_to_be.get().filter(|_| major) {
                    Some((own, of_instances)) => {
                        call.db_cluster_parameter_group_name(own).db_instance_parameter_group_name(of_instances)
                    }
                    None => call,
                }
            }
            "security_groups" => call.set_vpc_security_group_ids(Some(want.security_groups.iter().cloned().collect())),
            "parameter_group" => call.db_cluster_parameter_group_name(&want.parameter_group),
            "port" => call.port(want.port),
            "storage_type" => call.storage_type(want.storage_type.as_deref().unwrap_or("aurora")),
            "backup_retention_days" => call.backup_retention_period(want.backup_retention_days),
            "backup_window" => call.preferred_backup_window(&want.backup_window),
            "maintenance_window" => call.preferred_maintenance_window(&want.maintenance_window),
            "log_exports" => call.cloudwatch_logs_export_configuration(exports(changes)),
            "iam_authentication" => call.enable_iam_database_authentication(want.iam_authentication),
            "deletion_protection" => call.deletion_protection(want.deletion_protection),
            "copy_tags_to_snapshot" => call.copy_tags_to_snapshot(want.copy_tags_to_snapshot),
            "password_managed_by_rds" => call.manage_master_user_password(false),
            _ => continue,
        };
        modified = true;
    }
    let other_secret = changes.iter().any(|one| one.field() == "tags" && one.element() == Some(MASTER_SECRET));
    if other_secret || touches(changes, "password_managed_by_rds") {
        let login = credentials(aws, want.secret_arn.get().map_or("", String::as_str)).await?;
        call = call.set_master_user_password(login.password().map(str::to_owned));
        modified = true;
    }
    // What closes an opening needs no window: RDS makes such changes at once. With `apply_immediately` it would also make
    // whatever else is waiting.
    let at_once = want.apply_immediately.get() == Some(&true);
    Ok(modified.then(|| call.apply_immediately(at_once)))
}

/// The kinds of log to begin and to stop exporting.
pub fn exports(changes: &[Change]) -> CloudwatchLogsExportConfiguration {
    let (to_go, to_come): (Vec<&Change>, Vec<&Change>) =
        changes.iter().filter(|change| change.field() == "log_exports").partition(|change| change.is_removal());
    let kinds = |changes: Vec<&Change>| {
        let kinds: Vec<String> = changes.into_iter().filter_map(|change| change.element().map(str::to_owned)).collect();
        (!kinds.is_empty()).then_some(kinds)
    };
    CloudwatchLogsExportConfiguration::builder()
        .set_enable_log_types(kinds(to_come))
        .set_disable_log_types(kinds(to_go))
        .build()
}
