//! Where a database is reached, whichever kind it is of.

use payment_platform_engine::{Pending, Ref, Up};
use serde::Serialize;

use super::{Cluster, MysqlInstance};

/// The database of a platform, as others use it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Endpoint {
    Cluster(Ref<Cluster>),
    Mysql(Ref<MysqlInstance>),
}

impl Endpoint {
    /// The host to write to, and the one to read from.
    pub fn hosts<'a>(&self, up: &Up<'a>) -> Result<(&'a str, &'a str), Pending> {
        Ok(match self {
            Self::Cluster(cluster) => {
                let cluster = up.get(cluster)?;
                (&cluster.endpoint, &cluster.reader_endpoint)
            }
            Self::Mysql(instance) => {
                let instance = up.get(instance)?;
                (&instance.endpoint, &instance.endpoint)
            }
        })
    }
}
