//! Listeners of the load balancer, as a whole set: ports, certificates, and where requests go (PCI DSS 2.2.7, 4.2.1). A listener, rule
//! or certificate that nobody has described is taken off.
//!
//! AWS rules obeyed: a listener for HTTPS needs a certificate and a policy; a target group belongs to one load balancer; the
//! certificate that a listener begins with is exchanged, further ones are added and removed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_elasticloadbalancingv2::types::{
    Certificate, Listener as SeenListener, ListenerAttribute, MutualAuthenticationAttributes, ProtocolEnum,
};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream, try_join};
use payment_platform_engine::diff::{Change, diff};
use payment_platform_engine::resource::Create;
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::load_balancer::{LoadBalancer, is_ours, tagged};
use super::{Action, Attributes, action, tag_list, tags_of, write_tags};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim};

/// All listeners of a load balancer. Its node has the name of the load balancer's node.
#[derive(Clone, Serialize)]
pub struct Listeners {
    pub load_balancer: Ref<LoadBalancer>,
    pub listeners: Vec<Listener>,
    /// Of each listener.
    pub tags: Tags,
}

/// One port.
#[derive(Clone, Serialize)]
pub struct Listener {
    pub port: u16,
    /// None: plain HTTP.
    pub https: Option<Https>,
    pub action: Action,
}

/// How a port is encrypted.
#[derive(Clone, Serialize)]
pub struct Https {
    pub certificate_arn: String,
    /// Which versions of TLS and which ciphers.
    pub ssl_policy: String,
    /// The header Strict-Transport-Security of each answer.
    pub strict_transport_security: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub load_balancer_arn: String,
    /// By port.
    pub listeners: BTreeMap<String, ListenerFields>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerFields {
    pub protocol: String,
    pub ssl_policy: Option<String>,
    pub certificate_arn: Option<String>,
    pub further_certificates: BTreeSet<String>,
    /// Whether clients must show certificates.
    pub mutual_authentication: String,
    pub action: String,
    /// What is done with other requests, by the rule's priority. None are wanted.
    pub rules: BTreeMap<String, String>,
    pub attributes: Attributes,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// The load balancer's ARN with [`SUFFIX`]: the set must not be taken for it.
    pub id: String,
    pub load_balancer_arn: String,
    /// By port.
    pub listener_arns: BTreeMap<String, String>,
    /// By port and priority.
    pub rule_arns: BTreeMap<String, String>,
}

/// What the id of a set has behind that of its load balancer.
const SUFFIX: &str = "/listeners";

const SERVER: &str = "routing.http.response.server.enabled";
const STRICT_TRANSPORT_SECURITY: &str = "routing.http.response.strict_transport_security.header_value";

impl Output {
    fn of(load_balancer_arn: &str) -> Self {
        let id = format!("{load_balancer_arn}{SUFFIX}");
        let load_balancer_arn = load_balancer_arn.to_owned();
        Self { id, load_balancer_arn, listener_arns: BTreeMap::new(), rule_arns: BTreeMap::new() }
    }
}

impl Resource for Listeners {
    const KIND: &'static str = "elbv2/listeners";
    const ACTIONS: &'static [&'static str] = &[
        "elasticloadbalancing:AddTags",
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyListenerAttributes",
        "elasticloadbalancing:RemoveListenerCertificates",
        "elasticloadbalancing:RemoveTags",
    ];
    const CLOSE_FIRST: &'static [&'static str] = &["listeners"];
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::WithParent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let listeners = self.listeners.iter().map(|listener| {
            let port = listener.port.to_string();
            let seen = seen.and_then(|seen| seen.listeners.get(&port));
            (port, listener.fields(up, &self.tags, seen))
        });
        Ok(Fields { load_balancer_arn: up.get(&self.load_balancer)?.arn.clone(), listeners: listeners.collect() })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let look = match look {
            Look::All => Look::All,
            Look::Ids(ids) => Look::Ids(ids.iter().map(|id| id.trim_end_matches(SUFFIX).to_owned()).collect()),
        };
        let found = stream::iter(tagged(&aws, &look).await?).map(|(balancer, tags)| {
            let aws = aws.clone();
            async move {
                let arn = balancer.load_balancer_arn.unwrap_or_default();
                let name = balancer.load_balancer_name.unwrap_or_default();
                found(&aws, &arn, &name, tags).await
            }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let (listeners, now) = read(&cx.cloud, &want.load_balancer_arn).await?;
        let json = |fields: &Fields| serde_json::to_value(fields).unwrap_or_default();
        let there = Fields { load_balancer_arn: want.load_balancer_arn.clone(), listeners };
        let changes = diff(&json(&there), &json(&want));
        Self::update(want, now, changes, cx).await
    }

    async fn update(
        want: Fields,
        mut now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        let ports: BTreeSet<&str> = changes.iter().filter_map(Change::element).collect();
        // What nobody wants first, so that its port is free.
        for port in ports.iter().filter(|port| !want.listeners.contains_key(**port)) {
            if let Some(listener) = now.listener_arns.remove(*port) {
                delete(aws, &listener).await?;
            }
        }
        for port in ports {
            let Some(wanted) = want.listeners.get(port) else { continue };
            let of_it: Vec<&Change> = changes.iter().filter(|change| change.element() == Some(port)).collect();
            match now.listener_arns.get(port) {
                Some(listener) => change(aws, listener, port, wanted, &of_it, &now.rule_arns).await?,
                None => {
                    let listener = make(aws, &now.load_balancer_arn, port, wanted).await?;
                    now.listener_arns.insert(port.to_owned(), listener);
                }
            }
        }
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let arn = cloud_id.trim_end_matches(SUFFIX);
        for listener in gone(listeners(&cx.cloud, arn).await)?.unwrap_or_default() {
            delete(&cx.cloud, listener.listener_arn().unwrap_or_default()).await?;
        }
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.id
    }
}

impl Listener {
    fn fields(&self, up: &Up<'_>, tags: &Tags, seen: Option<&ListenerFields>) -> ListenerFields {
        let protocol = if self.https.is_some() { ProtocolEnum::Https } else { ProtocolEnum::Http };
        let mut attributes = seen.map(|seen| seen.attributes.clone()).unwrap_or_default();
        // Headers that others have it send, or answers that it is to allow, are not the application's.
        for value in attributes.iter_mut().filter(|(key, _)| key.ends_with(".header_value")).map(|(_, value)| value) {
            value.clear();
        }
        attributes.insert(SERVER.to_owned(), "false".to_owned());
        if let Some(https) = &self.https {
            attributes.insert(STRICT_TRANSPORT_SECURITY.to_owned(), https.strict_transport_security.clone());
        }
        ListenerFields {
            protocol: protocol.as_str().to_owned(),
            ssl_policy: self.https.as_ref().map(|https| https.ssl_policy.clone()),
            certificate_arn: self.https.as_ref().map(|https| https.certificate_arn.clone()),
            further_certificates: BTreeSet::new(),
            mutual_authentication: OFF.to_owned(),
            action: self.action.line(up),
            rules: BTreeMap::new(),
            attributes,
            tags: tags.over(seen.map(|seen| &seen.tags)),
        }
    }
}

/// The mode in which clients need no certificates.
const OFF: &str = "off";

async fn make(aws: &Aws, load_balancer: &str, port: &str, want: &ListenerFields) -> Result<String, CloudError> {
    let action = "elasticloadbalancing:CreateListener";
    let call = aws.elb.create_listener().load_balancer_arn(load_balancer).port(number(port));
    let call = call.protocol(ProtocolEnum::from(&*want.protocol)).set_ssl_policy(want.ssl_policy.clone());
    let call = call.set_certificates(certificates(want)).default_actions(action::of_line(&want.action));
    let made = call.set_tags(Some(tag_list(&want.tags))).send().await.during(action)?;
    let made = made.listeners.and_then(|all| all.into_iter().next()?.listener_arn);
    let arn = made.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no ARN"))?;
    set(aws, &arn, want.attributes.iter()).await?;
    Ok(arn)
}

async fn change(
    aws: &Aws,
    arn: &str,
    port: &str,
    want: &ListenerFields,
    changes: &[&Change],
    rules: &BTreeMap<String, String>,
) -> Result<(), CloudError> {
    let part = |change: &Change| change.path.0.get(2).cloned().unwrap_or_default();
    let of_part = |name: &str| changes.iter().filter(|change| part(change) == name).copied().collect::<Vec<_>>();
    let last = |change: &Change| change.path.0.get(3).cloned().unwrap_or_default();
    for rule in of_part("rules") {
        if let Some(rule) = rules.get(&rule_key(port, &last(rule))) {
            let call = aws.elb.delete_rule().rule_arn(rule).send().await;
            gone(call.during("elasticloadbalancing:DeleteRule"))?;
        }
    }
    let itself = ["protocol", "ssl_policy", "certificate_arn", "mutual_authentication", "action"];
    if changes.iter().any(|change| itself.contains(&&*part(change))) {
        let action = "elasticloadbalancing:ModifyListener";
        let call = aws.elb.modify_listener().listener_arn(arn).protocol(ProtocolEnum::from(&*want.protocol));
        let call = call.set_ssl_policy(want.ssl_policy.clone()).set_certificates(certificates(want));
        let call = call.default_actions(action::of_line(&want.action));
        let mutual = MutualAuthenticationAttributes::builder().mode(OFF).build();
        let call = call.set_mutual_authentication(want.certificate_arn.as_ref().map(|_| mutual));
        call.send().await.during(action)?;
    }
    let wanted = |change: &&Change| want.certificate_arn.as_deref() == Some(&*last(change));
    for certificate in of_part("further_certificates").into_iter().filter(|change| !wanted(change)) {
        let certificate = Certificate::builder().certificate_arn(last(certificate)).build();
        let call = aws.elb.remove_listener_certificates().listener_arn(arn).certificates(certificate).send().await;
        gone(call.during("elasticloadbalancing:RemoveListenerCertificates"))?;
    }
    let differing: BTreeSet<String> = of_part("attributes").into_iter().map(last).collect();
    set(aws, arn, want.attributes.iter().filter(|(key, _)| differing.contains(*key))).await?;
    let (to_go, to_set): (Vec<_>, Vec<_>) = of_part("tags").into_iter().partition(|change| change.is_removal());
    let to_set: BTreeSet<String> = to_set.into_iter().map(last).collect();
    let to_set = want.tags.iter().filter(|(key, _)| to_set.contains(*key));
    let to_set = to_set.map(|(key, value)| (key.clone(), value.clone())).collect();
    write_tags(aws, arn, &to_set, to_go.into_iter().map(last).collect()).await
}

async fn delete(aws: &Aws, arn: &str) -> Result<(), CloudError> {
    let call = aws.elb.delete_listener().listener_arn(arn).send().await;
    gone(call.during("elasticloadbalancing:DeleteListener"))?;
    Ok(())
}

async fn set<'a>(
    aws: &Aws,
    arn: &str,
    attributes: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), CloudError> {
    let one = |(key, value): (&String, &String)| ListenerAttribute::builder().key(key).value(value).build();
    let attributes: Vec<_> = attributes.into_iter().map(one).collect();
    if !attributes.is_empty() {
        let call = aws.elb.modify_listener_attributes().listener_arn(arn).set_attributes(Some(attributes));
        call.send().await.during("elasticloadbalancing:ModifyListenerAttributes")?;
    }
    Ok(())
}

fn certificates(want: &ListenerFields) -> Option<Vec<Certificate>> {
    let certificate = want.certificate_arn.as_ref()?;
    Some(vec![Certificate::builder().certificate_arn(certificate).build()])
}

fn number(port: &str) -> i32 {
    port.parse().unwrap_or_default()
}

fn rule_key(port: &str, priority: &str) -> String {
    format!("{port} {priority}")
}

/// None: the load balancer has none, or is gone.
async fn found(aws: &Aws, arn: &str, name: &str, tags: TagMap) -> Result<Option<Found<Listeners>>, CloudError> {
    let (fields, output) = match read(aws, arn).await {
        Ok((listeners, _)) if listeners.is_empty() => return Ok(None),
        Ok((listeners, output)) => (Ok(Fields { load_balancer_arn: arn.to_owned(), listeners }), output),
        Err(error) if error.class == Class::NotFound => return Ok(None),
        Err(error) => (Err(error), Output::of(arn)),
    };
    let lines = fields.iter().flat_map(|fields: &Fields| fields.listeners.values());
    let groups = lines.flat_map(|listener| listener.action.split(' ')).filter(|word| word.contains(":targetgroup/"));
    Ok(Some(Found {
        claim: claim(&tags).map(|mut claim| {
            claim.node.kind = Listeners::KIND.to_owned();
            claim
        }),
        name: None,
        name_fits: is_ours(&tags, name),
        cloud_id: output.id.clone(),
        uses: groups.map(str::to_owned).chain([arn.to_owned()]).collect(),
        fields,
        output: Some(output),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}

type Read = (BTreeMap<String, ListenerFields>, Output);

async fn read(aws: &Aws, arn: &str) -> Result<Read, CloudError> {
    let listeners = listeners(aws, arn).await?;
    let arn_of = |listener: &SeenListener| listener.listener_arn.clone().unwrap_or_default();
    let arns: Vec<String> = listeners.iter().map(arn_of).collect();
    let read = arns.iter().zip(&listeners).map(|(arn, listener)| async { gone(read_one(aws, listener, arn).await) });
    let (mut tags, read) = try_join!(tags_of(aws, &arns), try_join_all(read))?;
    let mut output = Output::of(arn);
    let mut fields = BTreeMap::new();
    for ((listener, read), arn) in listeners.iter().zip(read).zip(arns) {
        let (Some((read, rules)), Some(tags)) = (read, tags.remove(&arn)) else { continue };
        let port = listener.port.unwrap_or_default().to_string();
        output.rule_arns.extend(rules.into_iter().map(|(priority, arn)| (rule_key(&port, &priority), arn)));
        output.listener_arns.insert(port.clone(), arn);
        fields.insert(port, ListenerFields { tags, ..read });
    }
    Ok((fields, output))
}

async fn listeners(aws: &Aws, load_balancer: &str) -> Result<Vec<SeenListener>, CloudError> {
    let call = aws.elb.describe_listeners().load_balancer_arn(load_balancer).into_paginator().items().send();
    call.collect::<Result<Vec<_>, _>>().await.during("elasticloadbalancing:DescribeListeners")
}

/// A listener without its tags, and the ARNs of its rules by their priority.
async fn read_one(
    aws: &Aws,
    listener: &SeenListener,
    arn: &str,
) -> Result<(ListenerFields, BTreeMap<String, String>), CloudError> {
    let rules = async {
        let call = aws.elb.describe_rules().listener_arn(arn).into_paginator().items().send();
        call.collect::<Result<Vec<_>, _>>().await.during("elasticloadbalancing:DescribeRules")
    };
    let attributes = async {
        let call = aws.elb.describe_listener_attributes().listener_arn(arn).send().await;
        call.during("elasticloadbalancing:DescribeListenerAttributes")
    };
    let further = async {
        if listener.certificates().is_empty() {
            return Ok(BTreeSet::new());
        }
        let call = aws.elb.describe_listener_certificates().listener_arn(arn).into_paginator().items().send();
        let all = call.collect::<Result<Vec<_>, _>>().await;
        let all = all.during("elasticloadbalancing:DescribeListenerCertificates")?;
        // The default one can stand among the others a second time, and cannot be removed there.
        let default = listener.certificates().first().and_then(|first| first.certificate_arn());
        let further = all.into_iter().filter(|certificate| certificate.is_default != Some(true));
        let further = further.filter(|certificate| certificate.certificate_arn() != default);
        Ok(further.filter_map(|certificate| certificate.certificate_arn).collect())
    };
    let (rules, attributes, further_certificates) = try_join!(rules, attributes, further)?;
    let mut arns = BTreeMap::new();
    let mut described = BTreeMap::new();
    for rule in rules.into_iter().filter(|rule| rule.is_default != Some(true)) {
        let priority = rule.priority.clone().unwrap_or_default();
        described.insert(priority.clone(), action::lines(rule.actions()));
        arns.insert(priority, rule.rule_arn.unwrap_or_default());
    }
    let mutual = listener.mutual_authentication().and_then(|mutual| mutual.mode()).unwrap_or(OFF);
    let pairs = attributes.attributes.unwrap_or_default().into_iter();
    let fields = ListenerFields {
        protocol: listener.protocol().map_or("", ProtocolEnum::as_str).to_owned(),
        ssl_policy: listener.ssl_policy.clone().filter(|policy| !policy.is_empty()),
        certificate_arn: listener.certificates().first().and_then(|first| first.certificate_arn.clone()),
        further_certificates,
        mutual_authentication: mutual.to_owned(),
        action: action::lines(listener.default_actions()),
        rules: described,
        attributes: pairs.filter_map(|one| Some((one.key?, one.value.unwrap_or_default()))).collect(),
        tags: TagMap::new(),
    };
    Ok((fields, arns))
}
