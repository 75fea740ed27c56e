//! What a platform uses and does not own: the repository of its image, the log group of the account's enhanced monitoring. It is
//! looked at and told of in the condition `Warnings`, and never written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::join;
use payment_platform_api::Platform;
use payment_platform_engine::{Class, CloudError, Region};
use tokio::sync::Mutex;

use crate::aws::ecr::{Repository, Settings};
use crate::aws::logs::{self, Retention};
use crate::scope::{Identity, Scopes, Session};
use crate::status::advice;

/// Where enhanced monitoring writes, for all databases of an account and region (RDS User Guide, "Viewing OS metrics using
/// CloudWatch Logs").
const METRICS_GROUP: &str = "RDSOSMetrics";

/// How long an answer is waited for: nothing that the platform owns waits any longer for what it does not own.
const PATIENCE: Duration = Duration::from_secs(3);

/// After what time one that did not come is asked for again.
const RETRY: Duration = Duration::from_secs(60);

/// For how long what was seen before holds while it cannot be seen again.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

/// What was seen last in one region, shared by all platforms there.
#[derive(Default)]
pub struct Surroundings {
    repositories: Answers<Option<Settings>>,
    log_groups: Answers<Option<Retention>>,
}

/// What was answered last of things, by their names. Who looks at one keeps nobody from another.
struct Answers<T> {
    by_name: StdMutex<HashMap<String, Cell<T>>>,
    patience: Duration,
}

type Cell<T> = Arc<Mutex<Option<Last<T>>>>;

struct Last<T> {
    asked: Instant,
    answer: Result<T, CloudError>,
    /// The last that was no error.
    seen: Option<(Instant, T)>,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { by_name: StdMutex::default(), patience: PATIENCE }
    }
}

impl<T: Clone> Answers<T> {
    /// What was seen no longer ago than `age`, else what `look` finds, which makes this call. What was seen before holds for a while where it cannot
    /// be seen again, unless it may not.
    async fn of(
        &self,
        name: &str,
        age: Duration,
        action: &str,
        look: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let cell =
            self.by_name.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone();
        let mut last = cell.lock().await;
        if let Some(Last { asked, answer, .. }) = &*last
            && asked.elapsed() < if answer.is_ok() { age } else { age.min(RETRY) }
        {
            return answer.clone();
        }
        let answer = match tokio::time::timeout(self.patience, look).await {
            Ok(answer) => answer,
            Err(_) => Err(CloudError::new(Class::Unavailable, action, "Timeout", "no answer in time")),
        };
        let asked = Instant::now();
        let before = last.take().and_then(|last| last.seen);
        let (answer, seen) = match (answer, before) {
            (Ok(found), _) => (Ok(found.clone()), Some((asked, found))),
            (Err(error), Some((at, found))) if error.class != Class::Denied && at.elapsed() < BELIEVED => {
                tracing::warn!(name, %error, "Could not look at what the platform uses.");
                (Ok(found.clone()), Some((at, found)))
            }
            (Err(error), _) => (Err(error), None),
        };
        *last = Some(Last { asked, answer: answer.clone(), seen });
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
    let of_group = async {
        let scope = scopes.scope(session, identity, &Region::new(&platform.region)).await;
        let look = logs::retention(&scope.aws, METRICS_GROUP);
        match scope.surroundings.log_groups.of(METRICS_GROUP, age, "logs:DescribeLogGroups", look).await {
            Ok(group) => group.and_then(|group| of_metrics_group(group, platform.log_retention_days)),
            Err(error) => Some(unchecked(&format!("the log group {METRICS_GROUP}"), &error)),
        }
    };
    let of_image = async {
        let repository = Repository::of_image(&platform.compute.image);
        let repository = repository.filter(|repository| repository.account == identity.account_id)?;
        let scope = scopes.scope(session, identity, &Region::new(&repository.region)).await;
        let name = format!("compute.image: the repository {} in {}", repository.name, repository.region);
        let look = repository.settings(&scope.aws);
        match scope.surroundings.repositories.of(&repository.name, age, "ecr:DescribeRepositories", look).await {
            Ok(settings) => of_repository(&name, settings),
            Err(error) => Some(unchecked(&name, &error)),
        }
    };
    let (group, image) = join(of_group, of_image).await;
    group.into_iter().chain(image).collect()
}

fn unchecked(what: &str, error: &CloudError) -> String {
    format!("{what} could not be looked at: {}", advice(error))
}

fn of_repository(name: &str, settings: Option<Settings>) -> Option<String> {
    let Some(Settings { scans, immutable, kms }) = settings else {
        return Some(format!("{name} does not exist: no new task can start unless a pull-through cache makes it"));
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
        let (seen, now, later) = (Answers::default(), Duration::ZERO, Duration::MAX);
        assert!(
            seen.of("a", now, "logs:DescribeLogGroups", async { Err(error()) }).await.is_err(),
            "nothing is known of it"
        );
        assert_eq!(seen.of("a", now, "logs:DescribeLogGroups", async { Ok(1) }).await.ok(), Some(1));
        assert_eq!(seen.of("a", now, "logs:DescribeLogGroups", async { Err(error()) }).await.ok(), Some(1));
        assert_eq!(seen.of("a", now, "logs:DescribeLogGroups", async { Ok(2) }).await.ok(), Some(2));
        assert_eq!(
            seen.of("a", later, "logs:DescribeLogGroups", async { Ok(3) }).await.ok(),
            Some(2),
            "it need not be looked at again"
        );
        let denied = || CloudError { class: Class::Denied, ..error() };
        assert!(
            seen.of("a", now, "logs:DescribeLogGroups", async { Err(denied()) }).await.is_err(),
            "whoever may not look is told"
        );
    }

    #[tokio::test]
    async fn what_gives_no_answer_is_not_waited_for() {
        let (seen, now) = (Answers { patience: Duration::from_millis(1), ..Answers::<i32>::default() }, Duration::ZERO);
        let silent = seen.of("a", now, "logs:DescribeLogGroups", std::future::pending()).await;
        assert_eq!(silent.err().map(|error| error.code), Some("Timeout".to_owned()));
        assert_eq!(seen.of("b", now, "logs:DescribeLogGroups", async { Ok(1) }).await.ok(), Some(1));
    }
}
