//! RDS for MySQL in place of the Aurora cluster: the same guarantees, with the record of who connects and who changes what from an
//! option of the engine (PCI DSS 10.2.1). Plain queries are not recorded there: they would have passwords in them.
//!
//! The order is AWS's: the secret before the instance that gets its password, the log groups before the instance that exports
//! to them, and the host is written into the secret when it is known.

use std::collections::BTreeMap;

use payment_platform_engine::{Ref, Resource};

use super::database::{COMPONENT, Database, Ground, monitoring_role, secret, subnet_group, subscriptions, version};
use super::{Build, names};
use crate::aws::rds::{Endpoint, Insights, MysqlInstance, OptionGroup, ParameterGroup, Sources};
use crate::aws::secretsmanager::Attachment;

/// The option that records who connects and who changes what.
const AUDIT: &str = "MARIADB_AUDIT_PLUGIN";

/// What it records: connections, and statements that change tables or rights.
const AUDITED: &str = "CONNECT,QUERY_DDL,QUERY_DCL";

/// Settings that would leave somebody out of the record.
const UNSET: [&str; 2] = ["SERVER_AUDIT_EXCL_USERS", "SERVER_AUDIT_INCL_USERS"];

/// Adds the instance with all that it needs.
pub fn add(build: &mut Build<'_>, ground: Ground<'_>) -> Database {
    let subnet_group = subnet_group(build, ground.subnets);
    let parameters = parameters(build);
    let options = options(build);
    let secret = secret(build, ground.keys, names::MYSQL_PASSWORD, "mysql");
    let monitoring_role = monitoring_role(build);
    let database = build.platform.database.clone();
    let identifier = MysqlInstance::name(names::MYSQL, build.env());
    let instance = MysqlInstance {
        tags: build.tags(MysqlInstance::KIND, names::MYSQL, &identifier),
        identifier,
        engine_version: version(build),
        database: database.name,
        username: database.username,
        secret: secret.clone(),
        class: database.instance_class,
        multi_az: database.multi_az,
        allocated_storage: database.allocated_storage,
        key: ground.keys.app.clone(),
        subnet_group,
        security_group: ground.security_group,
        parameter_group: parameters.clone(),
        option_group: options,
        log_groups: ground.log_groups,
        port: build.platform.database_port,
        backup_retention_days: database.backup_retention_days,
        backup_window: database.backup_window,
        maintenance_window: database.maintenance_window,
        monitoring_seconds: database.monitoring_seconds,
        monitoring_role,
        insights: database.performance_insights.then(|| Insights {
            key: ground.keys.app.clone(),
            retention_days: database.performance_insights_retention_days,
        }),
        deletion_protection: database.deletion_protection,
        apply_immediately: database.apply_immediately,
    };
    let instance = build.graph.add(COMPONENT, &build.region, names::MYSQL, instance);
    let endpoint = Endpoint::Mysql(instance.clone());
    let attachment =
        Attachment { secret: secret.clone(), database: endpoint.clone(), port: build.platform.database_port };
    let attachment = build.graph.add(COMPONENT, &build.region, names::MYSQL_PASSWORD, attachment);
    let ready = vec![instance.node().clone(), attachment.node().clone()];
    let sources = [
        ("instance", Sources::Mysql(instance)),
        ("parameter-group", Sources::ParameterGroup(parameters)),
        // Of the kind that RDS itself once had: a VPC's groups are reported by the audit trail.
        ("security-group", Sources::All),
    ];
    subscriptions(build, ground.topic, sources);
    Database { endpoint, login: secret, ready }
}

/// The node of a group: another major version than the first has groups of its own, whose names take no dots.
fn node(build: &Build<'_>, node: &str) -> String {
    let database = &build.platform.database;
    match database.major() == database.first_major {
        true => node.to_owned(),
        false => format!("{node}-{}", database.major().replace('.', "-")),
    }
}

fn parameters(build: &mut Build<'_>) -> Ref<ParameterGroup> {
    let node = node(build, "mysql-params");
    let name = ParameterGroup::name(&node, build.env());
    let group = ParameterGroup {
        family: build.platform.database.family(),
        description: format!("Parameters of payment environment {}", build.env()),
        parameters: build.platform.database.parameters.clone(),
        tags: build.tags(ParameterGroup::KIND, &node, &name),
        name,
    };
    build.graph.add(COMPONENT, &build.region, node, group)
}

fn options(build: &mut Build<'_>) -> Ref<OptionGroup> {
    let node = node(build, "mysql-options");
    let name = OptionGroup::name(&node, build.env());
    let settings = BTreeMap::from([("SERVER_AUDIT_EVENTS".to_owned(), AUDITED.to_owned())]);
    let group = OptionGroup {
        engine: build.platform.database.engine.as_str().to_owned(),
        major_version: build.platform.database.major().to_owned(),
        description: format!("Options of payment environment {}", build.env()),
        options: BTreeMap::from([(AUDIT.to_owned(), settings)]),
        unset: UNSET.map(str::to_owned).to_vec(),
        tags: build.tags(OptionGroup::KIND, &node, &name),
        name,
    };
    build.graph.add(COMPONENT, &build.region, node, group)
}
