//! One controller at a time: a Lease (coordination.k8s.io), and the fence that hangs on it.
//!
//! - Taken and renewed by replacing the object with its resourceVersion, so that of two candidates one fails.
//! - Expiry is judged by our own clock, from when *we* last saw the holder renew: clocks of other machines do not count.
//!   Nobody sets that clock, and it goes on while the machine sleeps.
//! - A holder that could not renew in time stops at once; its calls are refused even earlier (see [`Held::lasts`]).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};

use crate::clock::since_boot;

/// Until when the lease is ours, by [`since_boot`].
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<Mutex<Option<Duration>>>);

impl Held {
    /// Whether the lease stays ours for at least `time` from now.
    pub fn lasts(&self, time: Duration) -> bool {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| since_boot() + time < until)
    }

    fn set(&self, until: Option<Duration>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// What we saw of another holder: its last renewal, and when we saw that.
#[derive(Default)]
struct Rival(Option<(String, Duration)>);

impl Rival {
    /// Whether `identity` may take the lease at `now`, by [`since_boot`]: it is its own, free, or not renewed for its whole
    /// duration while we watched. What time the holder says it is does not count.
    fn allows(&mut self, identity: &str, spec: Option<&LeaseSpec>, now: Duration) -> bool {
        let Some(spec) = spec else { return true };
        let Some(holder) = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty()) else { return true };
        if holder == identity {
            return true;
        }
        let renewal =
            format!("{holder} {:?} {:?}", spec.renew_time.as_ref().map(|time| time.0), spec.lease_transitions);
        let duration = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
        match &self.0 {
            Some((seen, at)) if *seen == renewal => now.saturating_sub(*at) > Duration::from_secs(duration),
            _ => {
                self.0 = Some((renewal, now));
                false
            }
        }
    }
}

/// What to lease and for how long.
pub struct Config {
    pub name: String,
    pub identity: String,
    pub duration: Duration,
}

/// A candidate for the lease.
pub struct Elector {
    api: Api<Lease>,
    config: Config,
    held: Held,
    rival: Rival,
}

impl Elector {
    pub fn new(api: Api<Lease>, config: Config, held: Held) -> Self {
        Self { api, config, held, rival: Rival::default() }
    }

    /// Waits until the lease is ours.
    pub async fn acquire(&mut self) {
        let pause = self.config.duration / 5;
        loop {
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => tracing::debug!("Another controller holds the lease."),
                Err(error) => tracing::warn!(%error, "Could not read or write the lease."),
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Renews until that fails for so long that the lease may be another's; then returns.
    pub async fn keep(&mut self) {
        let pause = self.config.duration / 5;
        loop {
            tokio::time::sleep(pause).await;
            match tokio::time::timeout(pause, self.attempt()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return self.held.set(None),
                Ok(Err(error)) => tracing::warn!(%error, "Could not renew the lease."),
                Err(_) => tracing::warn!("The API server did not answer in time to renew the lease."),
            }
            if !self.held.lasts(Duration::ZERO) {
                return;
            }
        }
    }

    /// Lets go, so that the next controller need not wait.
    pub async fn release(&mut self) {
        self.held.set(None);
        let Ok(Some(mut lease)) = self.api.get_opt(&self.config.name).await else { return };
        let Some(spec) =
            lease.spec.as_mut().filter(|spec| spec.holder_identity.as_ref() == Some(&self.config.identity))
        else {
            return;
        };
        spec.holder_identity = None;
        spec.renew_time = None;
        if let Err(error) = self.api.replace(&self.config.name, &PostParams::default(), &lease).await {
            tracing::warn!(%error, "Could not release the lease.");
        }
    }

    /// One try to take or renew the lease; whether it is ours, or the error that leaves it open. A conflict does: it may be
    /// our own write whose answer was lost, and who holds the lease is read again the next time.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let began = since_boot();
        match self.api.get_opt(&self.config.name).await? {
            None => {
                let metadata = ObjectMeta { name: Some(self.config.name.clone()), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(self.spec(None)) };
                self.api.create(&PostParams::default(), &lease).await?;
            }
            Some(mut lease) => {
                if !self.rival.allows(&self.config.identity, lease.spec.as_ref(), began) {
                    return Ok(false);
                }
                lease.spec = Some(self.spec(lease.spec.as_ref()));
                self.api.replace(&self.config.name, &PostParams::default(), &lease).await?;
            }
        }
        self.held.set(Some(began + self.config.duration));
        Ok(true)
    }

    fn spec(&self, old: Option<&LeaseSpec>) -> LeaseSpec {
        next(&self.config, old, MicroTime(Timestamp::now()))
    }
}

/// The lease as we take or renew it at `now`.
fn next(config: &Config, old: Option<&LeaseSpec>, now: MicroTime) -> LeaseSpec {
    let ours = old.is_some_and(|old| old.holder_identity.as_ref() == Some(&config.identity));
    let transitions = old.and_then(|old| old.lease_transitions).unwrap_or(0);
    LeaseSpec {
        holder_identity: Some(config.identity.clone()),
        lease_duration_seconds: Some(i32::try_from(config.duration.as_secs()).unwrap_or(i32::MAX)),
        acquire_time: old.filter(|_| ours).and_then(|old| old.acquire_time.clone()).or(Some(now.clone())),
        renew_time: Some(now),
        lease_transitions: Some(if ours { transitions } else { transitions + 1 }),
        ..LeaseSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn config(identity: &str) -> Config {
        Config { name: "controller".to_owned(), identity: identity.to_owned(), duration: Duration::from_secs(15) }
    }

    fn at(time: &str) -> MicroTime {
        MicroTime(time.parse().unwrap())
    }

    #[test]
    fn a_lease_of_nobody_and_our_own_may_be_taken_at_once() {
        let mut rival = Rival::default();
        assert!(rival.allows("we", None, MINUTE));
        assert!(rival.allows("we", Some(&LeaseSpec::default()), MINUTE));
        let released = LeaseSpec { holder_identity: Some(String::new()), ..LeaseSpec::default() };
        assert!(rival.allows("we", Some(&released), MINUTE), "released by client-go");
        assert!(rival.allows("we", Some(&next(&config("we"), None, at("2026-01-01T00:00:00Z"))), MINUTE));
    }

    #[test]
    fn what_time_the_holder_says_it_is_does_not_count() {
        for holders_time in ["2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"] {
            let (mut rival, theirs) = (Rival::default(), next(&config("they"), None, at(holders_time)));
            assert!(!rival.allows("we", Some(&theirs), MINUTE), "we have only now seen it");
            assert!(!rival.allows("we", Some(&theirs), MINUTE + Duration::from_secs(15)));
            assert!(
                rival.allows("we", Some(&theirs), MINUTE + Duration::from_secs(16)),
                "not renewed for its duration"
            );
        }
    }

    #[test]
    fn any_renewal_counts_also_one_whose_time_goes_back() {
        let mut rival = Rival::default();
        let mut theirs = next(&config("they"), None, at("2026-01-01T12:00:00Z"));
        for (seconds, time) in [(0, "2026-01-01T12:00:00Z"), (14, "2026-01-01T12:00:14Z"), (28, "2026-01-01T09:00:00Z")]
        {
            theirs.renew_time = Some(at(time));
            assert!(!rival.allows("we", Some(&theirs), MINUTE + Duration::from_secs(seconds)));
        }
        assert!(!rival.allows("we", Some(&theirs), MINUTE + Duration::from_secs(43)));
        assert!(rival.allows("we", Some(&theirs), MINUTE + Duration::from_secs(44)));
    }

    #[test]
    fn a_renewal_keeps_and_a_takeover_counts_one_more() {
        let first = next(&config("they"), None, at("2026-01-01T12:00:00Z"));
        assert_eq!(first.lease_transitions, Some(1));
        let renewed = next(&config("they"), Some(&first), at("2026-01-01T12:00:05Z"));
        assert_eq!((renewed.acquire_time, renewed.lease_transitions), (first.acquire_time.clone(), Some(1)));
        let taken = next(&config("we"), Some(&first), at("2026-01-01T12:01:00Z"));
        assert_eq!((taken.acquire_time, taken.lease_transitions), (Some(at("2026-01-01T12:01:00Z")), Some(2)));
        assert_eq!(taken.lease_duration_seconds, Some(15));
    }

    #[test]
    fn what_is_held_lasts_until_its_end() {
        let held = Held::default();
        assert!(!held.lasts(Duration::ZERO), "nothing is held before it is taken");
        held.set(Some(since_boot() + MINUTE));
        assert!(held.lasts(Duration::ZERO) && held.lasts(MINUTE / 2) && !held.lasts(MINUTE * 2));
        held.set(None);
        assert!(!held.lasts(Duration::ZERO));
    }
}
