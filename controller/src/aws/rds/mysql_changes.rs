//! How RDS for MySQL is changed: what one ModifyDBInstance call says.

use std::collections::BTreeSet;

use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDBInstanceFluentBuilder;
use payment_platform_api::spec::Engine;
use payment_platform_engine::CloudError;
use payment_platform_engine::diff::Change;

use super::cluster::MASTER_SECRET;
use super::cluster_changes::exports;
use super::mysql_instance::{Fields, Output, Performance};
use crate::aws::secretsmanager::credentials;
use crate::aws::{Aws, touches};

/// GiB.
const STRIPED_FROM: i32 = 400;

/// Operations and throughput that storage of this size is to have: gp3 is striped from a size on, and has at least so much of both
/// then (User Guide, "gp3 storage"). What it has beyond that it keeps; RDS wants both to be said with the size.
fn performance(gib: i32, has: Option<&Performance>) -> Option<Performance> {
    let Performance { iops, throughput } = has.copied().unwrap_or_default();
    (gib >= STRIPED_FROM).then(|| Performance { iops: iops.max(12_000), throughput: throughput.max(500) })
}

/// The call that makes the changes which ModifyDBInstance can make; None: there are none.
pub async fn modification(
    aws: &Aws,
    now: &Output,
    want: &Fields,
    changes: &[Change],
) -> Result<Option<ModifyDBInstanceFluentBuilder>, CloudError> {
    let mut call = aws.rds.modify_db_instance().db_instance_identifier(&now.identifier);
    let mut modified = false;
    for field in changes.iter().map(Change::field).collect::<BTreeSet<_>>() {
        call = match field {
            "engine_version" => {
                let major = Engine::Mysql.major(&want.engine_version) != Engine::Mysql.major(&now.engine_version);
                let call = call.engine_version(&want.engine_version).allow_major_version_upgrade(major);
                match want.groups_to_be.get().filter(|_| major) {
                    Some((parameters, options)) => call.db_parameter_group_name(parameters).option_group_name(options),
                    None => call,
                }
            }
            "class" => call.db_instance_class(&want.class),
            "multi_az" => call.multi_az(want.multi_az),
            "allocated_storage" => {
                let call = call.allocated_storage(want.allocated_storage);
                match performance(want.allocated_storage, want.performance.get()) {
                    Some(Performance { iops, throughput }) => call.iops(iops).storage_throughput(throughput),
                    None => call,
                }
            }
            "storage_type" => call.storage_type(&want.storage_type),
            "security_groups" => call.set_vpc_security_group_ids(Some(want.security_groups.iter().cloned().collect())),
            "parameter_group" => call.db_parameter_group_name(&want.parameter_group),
            "option_group" => call.option_group_name(&want.option_group),
            "port" => call.db_port_number(want.port),
            "public" => call.publicly_accessible(want.public),
            "backup_retention_days" => call.backup_retention_period(want.backup_retention_days),
            "backup_window" => call.preferred_backup_window(&want.backup_window),
            "maintenance_window" => call.preferred_maintenance_window(&want.maintenance_window),
            "log_exports" => call.cloudwatch_logs_export_configuration(exports(changes)),
            "iam_authentication" => call.enable_iam_database_authentication(want.iam_authentication),
            "deletion_protection" => call.deletion_protection(want.deletion_protection),
            "copy_tags_to_snapshot" => call.copy_tags_to_snapshot(want.copy_tags_to_snapshot),
            "automatic_minor_upgrades" => call.auto_minor_version_upgrade(want.automatic_minor_upgrades),
            "password_managed_by_rds" => call.manage_master_user_password(false),
            "insights" => {
                let call = call.enable_performance_insights(want.insights.is_some());
                match &want.insights {
                    Some(insights) => call
                        .performance_insights_kms_key_id(insights.key_arn())
                        .performance_insights_retention_period(insights.retention_days),
                    None => call,
                }
            }
            // The two only together: RDS refuses one without the other.
            "monitoring_seconds" | "monitoring_role_arn" => call
                .monitoring_interval(want.monitoring_seconds)
                .set_monitoring_role_arn(want.monitoring_role_arn.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn striped_storage_has_so_much_at_least_and_keeps_more() {
        let has = |iops, throughput| Performance { iops, throughput };
        assert_eq!(performance(399, Some(&has(3000, 125))), None);
        assert_eq!(performance(400, Some(&has(3000, 125))), Some(has(12_000, 500)));
        assert_eq!(performance(500, Some(&has(15_000, 600))), Some(has(15_000, 600)));
        assert_eq!(performance(400, None), Some(has(12_000, 500)));
    }
}
