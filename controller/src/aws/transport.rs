//! How calls reach AWS: no oftener than agreed, never once the lease may be another controller's, and each attempt within
//! its time, which begins when it is sent.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::aws::error::FENCED;
use crate::lease::Held;

/// What stands between a call and the network.
#[derive(Clone)]
pub struct Gate {
    pace: Arc<DefaultDirectRateLimiter>,
    /// None: nothing is fenced (the command line).
    lease: Option<Held>,
    /// One attempt of a call, from being sent to the head of its answer.
    attempt: Duration,
}

impl Gate {
    /// At most `per_second` calls a second on average, and twice as many at once.
    pub fn paced(per_second: NonZeroU32, lease: Option<Held>, attempt: Duration) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(per_second.saturating_add(per_second.get()));
        Self { pace: Arc::new(RateLimiter::direct(quota)), lease, attempt }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

/// The connections of the process, shared by all accounts and regions.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    connectors: Arc<Mutex<HashMap<Timeouts, SharedHttpConnector>>>,
}

/// Connect and read timeout.
type Timeouts = (Option<Duration>, Option<Duration>);

impl Transport {
    /// What the SDK sends requests with.
    pub fn behind(&self, gate: Gate) -> SharedHttpClient {
        SharedHttpClient::new(Gated { transport: self.clone(), gate })
    }

    fn connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let connector = connectors.entry(timeouts).or_insert_with(|| {
            let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
            builder.set_connector_settings(Some(settings.clone()));
            builder.set_sleep_impl(components.sleep_impl());
            SharedHttpConnector::new(builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build())
        });
        connector.clone()
    }
}

#[derive(Debug)]
struct Gated {
    transport: Transport,
    gate: Gate,
}

impl HttpClient for Gated {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let connector = self.transport.connector(settings, components);
        SharedHttpConnector::new(GatedConnector { connector, gate: self.gate.clone() })
    }
}

#[derive(Debug)]
struct GatedConnector {
    connector: SharedHttpConnector,
    gate: Gate,
}

impl HttpConnector for GatedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (connector, gate) = (self.connector.clone(), self.gate.clone());
        HttpConnectorFuture::new(async move {
            gate.pace.until_ready().await;
            if gate.lease.is_some_and(|lease| !lease.lasts(gate.attempt)) {
                return Err(ConnectorError::user(FENCED.into()));
            }
            match tokio::time::timeout(gate.attempt, connector.call(request)).await {
                Ok(answer) => answer,
                Err(elapsed) => Err(ConnectorError::timeout(elapsed.into())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    /// Answers at once, or never.
    #[derive(Debug)]
    struct Server {
        silent: bool,
    }

    impl HttpConnector for Server {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let silent = self.silent;
            HttpConnectorFuture::new(async move {
                if silent {
                    std::future::pending::<()>().await;
                }
                Ok(HttpResponse::new(
                    200.try_into().map_err(|_| ConnectorError::user("no status".into()))?,
                    SdkBody::empty(),
                ))
            })
        }
    }

    fn behind(gate: Gate, silent: bool) -> GatedConnector {
        GatedConnector { connector: SharedHttpConnector::new(Server { silent }), gate }
    }

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn calls_beyond_the_burst_wait_their_turn() {
        let connector = behind(Gate::paced(NonZeroU32::new(50).unwrap(), None, LONG), false);
        let began = Instant::now();
        // Twice the rate goes at once, and then one every 20 ms: never sooner, however slow the machine is.
        for _ in 0..110 {
            connector.call(HttpRequest::empty()).await.unwrap();
        }
        assert!(began.elapsed() >= Duration::from_millis(180), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn without_the_lease_nothing_is_sent() {
        let connector = behind(Gate::paced(NonZeroU32::MAX, Some(Held::default()), LONG), true);
        let error = connector.call(HttpRequest::empty()).await.unwrap_err();
        assert!(error.is_user() && format!("{error:?}").contains(FENCED), "{error:?}");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_a_timeout() {
        let connector = behind(Gate::paced(NonZeroU32::MAX, None, Duration::from_millis(5)), true);
        assert!(connector.call(HttpRequest::empty()).await.unwrap_err().is_timeout());
    }
}
