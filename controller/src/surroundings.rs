//! What a platform uses and does not own: the repository of its image, the log group of the account's enhanced monitoring. It is
//! looked at and told of in the condition `Warnings`, and never written.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use payment_platform_api::Platform;
use payment_platform_engine::{CloudError, Region};
use tokio::sync::Mutex;

use crate::aws::ecr::{Repository, Settings};
use crate::aws::logs::{self, Retention};
use crate::scope::{Identity, Scopes, Session};

/// Where enhanced monitoring writes, for all databases of an account and region (RDS User Guide, "Viewing OS metrics using
/// CloudWatch Logs").
const METRICS_GROUP: &str = "RDSOSMetrics";

/// What was seen last in one region, shared by all platforms there.
#[derive(Default)]
pub struct Surroundings {
    repositories: Seen<Option<Settings>>,
    log_groups: Seen<Option<Retention>>,
}

/// What was seen last of things, by their names.
struct Seen<T>(Mutex<HashMap<String, Last<T>>>);

/// An answer, and when it came.
type Last<T> = (Instant, Result<T, CloudError>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Seen<T> {
    /// What was seen no longer ago than `age`, else what `look` finds. What was seen before holds until it can be seen again.
    async fn of(
        &self,
        name: &str,
        age: Duration,
        look: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let mut seen = self.0.lock().await;
        if let Some((_, answer)) = seen.get(name).filter(|(at, _)| at.elapsed() < age) {
            return answer.clone();
        }
        let answer = match (look.await, seen.remove(name)) {
            (Err(error), Some((_, Ok(before)))) => {
                tracing::warn!(%error, "Could not look at what the platform uses.");
                Ok(before)
            }
            (answer, _) => answer,
        };
        seen.insert(name.to_owned(), (Instant::now(), answer.clone()));
        answer
    }
}

/// What deserves a look about them, each in a sentence without its full stop; nothing seen longer ago than `age` counts.
pub async fn remarks(
    scopes: &Scopes,
    session: &Session,
    identity: &Identity,
    platform: &Platform,
    age: Duration,
) -> Vec<String> {
    let home = scopes.scope(session, identity, &Region::new(&platform.region)).await;
    let look = logs::retention(&home.aws, METRICS_GROUP);
    let mut remarks = match home.surroundings.log_groups.of(METRICS_GROUP, age, look).await {
        Ok(group) => group.and_then(|group| of_metrics_group(group, platform.log_retention_days)).into_iter().collect(),
        Err(error) => vec![unchecked(&format!("the log group {METRICS_GROUP}"), &error)],
    };
    let repository = Repository::of_image(&platform.compute.image);
    if let Some(repository) = repository.filter(|repository| repository.account == identity.account_id) {
        let scope = scopes.scope(session, identity, &Region::new(&repository.region)).await;
        let name = format!("compute.image: the repository {} in {}", repository.name, repository.region);
        let look = repository.settings(&scope.aws);
        match scope.surroundings.repositories.of(&repository.name, age, look).await {
            Ok(settings) => remarks.extend(of_repository(&name, settings)),
            Err(error) => remarks.push(unchecked(&name, &error)),
        }
    }
    remarks
}

fn unchecked(what: &str, error: &CloudError) -> String {
    format!("{what} could not be looked at: {error}")
}

fn of_repository(name: &str, settings: Option<Settings>) -> Option<String> {
    let Some(Settings { scans, immutable, kms }) = settings else {
        return Some(format!("{name} does not exist: no new task can start until it does"));
    };
    let wrong = [
        (!scans, "does not scan images when they come (PCI DSS 6.3.1)"),
        (!immutable, "lets a tag come to mean another image"),
        (!kms, "is not encrypted by a key in KMS, which it can only be from its creation on"),
    ];
    listed(wrong).map(|wrong| format!("{name} {wrong}"))
}

fn of_metrics_group(group: Retention, days: i32) -> Option<String> {
    let kept = group.days.filter(|kept| *kept < days);
    let short = kept.map(|kept| format!("keeps its records for {kept} days instead of {days} (PCI DSS 10.5.1)"));
    let wrong = [
        (short.is_some(), short.as_deref().unwrap_or_default()),
        (!group.kms, "is not encrypted by a key in KMS (PCI DSS 3.5.1)"),
    ];
    let shared =
        format!("the log group {METRICS_GROUP}, which all databases of the account share and nothing here changes,");
    listed(wrong).map(|wrong| format!("{shared} {wrong}"))
}

/// What is the case of these, with "and" between.
fn listed<const N: usize>(all: [(bool, &str); N]) -> Option<String> {
    let named: Vec<&str> = all.iter().filter(|(is_so, _)| *is_so).map(|(_, what)| *what).collect();
    (!named.is_empty()).then(|| named.join(" and "))
}

#[cfg(test)]
mod tests {
    use payment_platform_engine::Class;

    use super::*;

    #[test]
    fn a_repository_is_told_of_for_what_it_lacks_only() {
        let told = |scans, immutable, kms| of_repository("r", Some(Settings { scans, immutable, kms }));
        assert_eq!(told(true, true, true), None);
        assert!(told(false, true, true).is_some_and(|told| told.contains("scan") && !told.contains(" and ")));
        assert!(told(true, false, false).is_some_and(|told| told.contains("tag") && told.contains("KMS")));
        assert!(of_repository("r", None).is_some_and(|told| told.contains("does not exist")));
    }

    #[test]
    fn the_metrics_group_is_told_of_when_it_keeps_less_or_has_no_key() {
        let told = |days, kms| of_metrics_group(Retention { days, kms }, 365);
        assert_eq!(told(None, true), None, "kept for ever");
        assert_eq!(told(Some(365), true), None);
        assert!(told(Some(30), true).is_some_and(|told| told.contains("30 days instead of 365")));
        assert!(told(None, false).is_some_and(|told| told.contains("KMS") && !told.contains("days")));
    }

    #[tokio::test]
    async fn what_cannot_be_read_for_once_is_as_it_was() {
        let error = || CloudError::new(Class::Throttled, "logs:DescribeLogGroups", "Throttling", "slower");
        let (seen, now, later) = (Seen::default(), Duration::ZERO, Duration::MAX);
        assert!(seen.of("a", now, async { Err(error()) }).await.is_err(), "nothing is known of it");
        assert_eq!(seen.of("a", now, async { Ok(1) }).await.ok(), Some(1));
        assert_eq!(seen.of("a", now, async { Err(error()) }).await.ok(), Some(1));
        assert_eq!(seen.of("a", now, async { Ok(2) }).await.ok(), Some(2));
        assert_eq!(seen.of("a", later, async { Ok(3) }).await.ok(), Some(2), "it need not be looked at again");
    }
}
