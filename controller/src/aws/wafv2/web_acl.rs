//! Web ACL: what is let through to the load balancer and to the content delivery network (PCI DSS 6.4.2), with a record of each
//! request in which what may hold card data or a session is blotted out (3.3.1, 10.2.1).
//!
//! AWS rules obeyed: a name is unique in account, region and scope; the scope CLOUDFRONT exists in us-east-1 only; a change
//! replaces all of the ACL and carries the lock token of the last read; a rule that is a rule group overrides actions, any other
//! has one; the log group's name begins with `aws-waf-logs-`; an ACL goes after what it stands in front of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_wafv2::types::{
    AllowAction, DefaultAction, FieldToMatch, LoggingConfiguration, QueryString, Scope, SingleHeader, Tag,
    WebAcl as Seen,
};
use futures::future::join;
use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{Class, CloudError, Context, Found, Look, Pending, Progress, Ref, Resource, Tier, Up};
use serde::{Deserialize, Serialize};

use super::rule::{Rule, metrics, visibility};
use crate::aws::error::{During, built, gone};
use crate::aws::logs::LogGroup;
use crate::aws::tags::{self, TagMap, Tags, claim};
use crate::aws::{Aws, tag_index, touches};

/// What the names of our web ACLs begin with.
const PREFIX: &str = "waf-payment-";

/// Where the scope CLOUDFRONT is.
const HOME_OF_CLOUDFRONT: &str = "us-east-1";

/// What is blotted out in the log: logins, sessions, and the query, in which an application may pass anything.
const REDACTED: [&str; 3] = ["header authorization", "header cookie", QUERY];
const QUERY: &str = "query string";

/// What stands in front of the application, or of its static assets.
#[derive(Clone, Serialize)]
pub struct WebAcl {
    pub name: String,
    pub scope: AclScope,
    pub description: String,
    /// By name.
    pub rules: BTreeMap<String, Rule>,
    pub log_group: Ref<LogGroup>,
    pub tags: Tags,
}

/// What a web ACL can be put in front of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum AclScope {
    /// Load balancers of its region.
    Regional,
    /// Distributions of CloudFront.
    Cloudfront,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    pub scope: AclScope,
    pub description: String,
    /// What is done with a request that no rule has decided on.
    pub default_action: String,
    /// By name. One that nobody has described is taken out.
    pub rules: BTreeMap<String, Rule>,
    pub visibility: String,
    pub log_destinations: BTreeSet<String>,
    pub redacted: BTreeSet<String>,
    /// Which requests are logged, where not all are.
    pub log_filter: Option<String>,
    /// Settings that ours never have, as they were read.
    pub more: BTreeMap<String, String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub arn: String,
}

impl WebAcl {
    /// `node` is what it stands in front of.
    pub fn name(node: &str, environment: &str) -> String {
        match node {
            "cdn" => format!("{PREFIX}{environment}-cdn"),
            _ => format!("{PREFIX}{environment}"),
        }
    }
}

impl AclScope {
    fn sdk(self) -> Scope {
        match self {
            Self::Regional => Scope::Regional,
            Self::Cloudfront => Scope::Cloudfront,
        }
    }

    /// Of an ACL, by its ARN: `…:regional/webacl/{name}/{id}` or `…:global/webacl/{name}/{id}`.
    fn of(arn: &str) -> Self {
        if arn.contains(":global/") { Self::Cloudfront } else { Self::Regional }
    }

    fn all(region: &str) -> &'static [Self] {
        if region == HOME_OF_CLOUDFRONT { &[Self::Regional, Self::Cloudfront] } else { &[Self::Regional] }
    }
}

impl Resource for WebAcl {
    const KIND: &'static str = "wafv2/web-acl";
    const ACTIONS: &'static [&'static str] = &[
        "iam:CreateServiceLinkedRole",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:PutResourcePolicy",
        "wafv2:CreateWebACL",
        "wafv2:DeleteWebACL",
        "wafv2:GetLoggingConfiguration",
        "wafv2:GetWebACL",
        "wafv2:ListLoggingConfigurations",
        "wafv2:ListTagsForResource",
        "wafv2:ListWebACLs",
        "wafv2:PutLoggingConfiguration",
        "wafv2:TagResource",
        "wafv2:UntagResource",
        "wafv2:UpdateWebACL",
    ];
    const CLOSE_FIRST: &'static [&'static str] =
        &["default_action", "rules", "log_destinations", "redacted", "log_filter"];
    const PLACES: Places = Places::Anywhere;
    const TIER: Tier = Tier::Fast;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        Ok(Fields {
            name: self.name.clone(),
            scope: self.scope,
            description: self.description.clone(),
            default_action: ALLOW.to_owned(),
            rules: self.rules.clone(),
            visibility: Rule::reports(&self.name),
            log_destinations: [up.get(&self.log_group)?.arn.clone()].into(),
            redacted: REDACTED.map(str::to_owned).into(),
            log_filter: None,
            more: BTreeMap::new(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let (listed, logs) = match look {
            Look::All => {
                let (listed, logs) = join(listed(&aws), logs(&aws)).await;
                (listed?, Some(Arc::new(logs)))
            }
            Look::Ids(arns) => (arns.into_iter().map(|arn| Listed { arn, lock_token: None }).collect(), None),
        };
        let found = stream::iter(listed).map(|listed| {
            let (aws, logs) = (aws.clone(), logs.clone());
            async move { read(&aws, &listed, logs.as_deref()).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let action = "wafv2:CreateWebACL";
        let call = cx.cloud.waf.create_web_acl().name(&want.name).scope(want.scope.sdk());
        let call = call.description(&want.description).default_action(allow()).visibility_config(metrics(&want.name)?);
        let call = call.set_rules(Some(rules(&want)?)).set_tags(Some(tag_list(&want.tags)?));
        let made = call.send().await.during(action)?;
        let arn = made.summary.and_then(|summary| summary.arn);
        let arn = arn.ok_or_else(|| CloudError::new(Class::Unavailable, action, "BadAnswer", "no ARN"))?;
        log(&cx.cloud, &arn, &want).await?;
        Ok(Progress::Done(Output { arn }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let aws = &cx.cloud;
        if ["description", "default_action", "rules", "visibility", "more"].iter().any(|field| touches(&changes, field))
        {
            replace(aws, &now.arn, &want).await?;
        }
        if ["log_destinations", "redacted", "log_filter"].iter().any(|field| touches(&changes, field)) {
            log(aws, &now.arn, &want).await?;
        }
        aws.tags_read.forget(&now.arn);
        let (set, remove) = tags::changed(&changes);
        if !set.is_empty() {
            let call = aws.waf.tag_resource().resource_arn(&now.arn).set_tags(Some(tag_list(&set)?));
            call.send().await.during("wafv2:TagResource")?;
        }
        if !remove.is_empty() {
            let call = aws.waf.untag_resource().resource_arn(&now.arn).set_tag_keys(Some(remove));
            call.send().await.during("wafv2:UntagResource")?;
        }
        aws.tags_read.forget(&now.arn);
        Ok(Progress::Done(now))
    }

    /// Its logging goes with it.
    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let Some((seen, lock_token)) = by_arn(&cx.cloud, &cloud_id).await? else { return Ok(Progress::Done(())) };
        let call = cx.cloud.waf.delete_web_acl().name(seen.name).id(seen.id).scope(AclScope::of(&cloud_id).sdk());
        gone(call.lock_token(lock_token).send().await.during("wafv2:DeleteWebACL"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

const ALLOW: &str = "allow";

fn allow() -> DefaultAction {
    DefaultAction::builder().allow(AllowAction::builder().build()).build()
}

fn rules(want: &Fields) -> Result<Vec<aws_sdk_wafv2::types::Rule>, CloudError> {
    want.rules.iter().map(|(name, rule)| rule.build(name)).collect()
}

fn tag_list(tags: &TagMap) -> Result<Vec<Tag>, CloudError> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    built(tags.collect(), "wafv2:TagResource")
}

/// ACLs on one page; AWS takes no more.
const PAGE: i32 = 100;

/// A web ACL as a list names it.
struct Listed {
    arn: String,
    /// Marks the state that it was in (API Reference, WebACLSummary): another state has another one.
    lock_token: Option<String>,
}

/// The web ACLs with names like ours.
async fn listed(aws: &Aws) -> Result<Vec<Listed>, CloudError> {
    let mut listed = Vec::new();
    for scope in AclScope::all(aws.region.as_str()) {
        let mut marker = None;
        loop {
            let call = aws.waf.list_web_acls().scope(scope.sdk()).limit(PAGE).set_next_marker(marker.take());
            let page = call.send().await.during("wafv2:ListWebACLs")?;
            let all = page.web_acls.unwrap_or_default();
            // AWS gives a marker with the last page too: an empty one is the end.
            let last = all.is_empty();
            let ours = all.into_iter().filter(|one| one.name.as_ref().is_some_and(|name| name.starts_with(PREFIX)));
            listed.extend(ours.filter_map(|one| Some(Listed { arn: one.arn?, lock_token: one.lock_token })));
            marker = page.next_marker.filter(|marker| !last && !marker.is_empty());
            if marker.is_none() {
                break;
            }
        }
    }
    aws.web_acls.retain(listed.iter().map(|one| one.arn.as_str()));
    Ok(listed)
}

/// Where each web ACL logs to, by ARN; one that does not is left out.
type Logs = Result<HashMap<String, LoggingConfiguration>, CloudError>;

async fn logs(aws: &Aws) -> Logs {
    let mut all = HashMap::new();
    for scope in AclScope::all(aws.region.as_str()) {
        let mut marker = None;
        loop {
            let call = aws.waf.list_logging_configurations().scope(scope.sdk()).limit(PAGE);
            let page = call.set_next_marker(marker.take()).send().await.during("wafv2:ListLoggingConfigurations")?;
            let page_of = page.logging_configurations.unwrap_or_default();
            let last = page_of.is_empty();
            all.extend(page_of.into_iter().map(|one| (one.resource_arn.clone(), one)));
            marker = page.next_marker.filter(|marker| !last && !marker.is_empty());
            if marker.is_none() {
                break;
            }
        }
    }
    Ok(all)
}

/// The ACL with its lock token; None: it is gone.
async fn by_arn(aws: &Aws, arn: &str) -> Result<Option<(Seen, String)>, CloudError> {
    let (path, id) = arn.rsplit_once('/').unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let call = aws.waf.get_web_acl().name(name).id(id).scope(AclScope::of(arn).sdk()).send().await;
    let answer = gone(call.during("wafv2:GetWebACL"))?;
    Ok(answer.and_then(|answer| Some((answer.web_acl?, answer.lock_token?))))
}

/// All of it as wanted; what the platform has no opinion on as it is.
async fn replace(aws: &Aws, arn: &str, want: &Fields) -> Result<(), CloudError> {
    let action = "wafv2:UpdateWebACL";
    let missing = || CloudError::new(Class::NotFound, action, "WAFNonexistentItemException", "it is gone");
    let (seen, lock_token) = by_arn(aws, arn).await?.ok_or_else(missing)?;
    let call = aws.waf.update_web_acl().name(seen.name).id(seen.id).scope(want.scope.sdk()).lock_token(lock_token);
    let call = call.description(&want.description).default_action(allow()).visibility_config(metrics(&want.name)?);
    let call = call.set_rules(Some(rules(want)?));
    // Others may protect more.
    let call = call.set_data_protection_config(seen.data_protection_config);
    let call = call.set_on_source_d_do_s_protection_config(seen.on_source_d_do_s_protection_config);
    call.send().await.during(action)?;
    Ok(())
}

async fn log(aws: &Aws, arn: &str, want: &Fields) -> Result<(), CloudError> {
    let action = "wafv2:PutLoggingConfiguration";
    let fields = want.redacted.iter().map(|field| match field.strip_prefix("header ") {
        Some(name) => {
            let header = built(SingleHeader::builder().name(name).build(), action)?;
            Ok(FieldToMatch::builder().single_header(header).build())
        }
        None => Ok(FieldToMatch::builder().query_string(QueryString::builder().build()).build()),
    });
    let configuration = LoggingConfiguration::builder().resource_arn(arn);
    let configuration =
        configuration.set_log_destination_configs(Some(want.log_destinations.iter().cloned().collect()));
    let configuration = configuration.set_redacted_fields(Some(fields.collect::<Result<_, CloudError>>()?)).build();
    let call = aws.waf.put_logging_configuration().logging_configuration(built(configuration, action)?);
    call.send().await.during(action)?;
    Ok(())
}

/// None: it is gone. `logs` are those of all ACLs, where they were read.
async fn read(aws: &Aws, listed: &Listed, logs: Option<&Logs>) -> Result<Option<Found<WebAcl>>, CloudError> {
    let arn = listed.arn.as_str();
    let began = Instant::now();
    let seen = match aws.web_acls.get(arn, listed.lock_token.as_deref(), began) {
        Some(seen) => seen,
        None => {
            let Some((seen, token)) = by_arn(aws, arn).await? else { return Ok(None) };
            aws.web_acls.keep(arn, token, &seen, began);
            seen
        }
    };
    let ask = async {
        let answer = aws.waf.list_tags_for_resource().resource_arn(arn).limit(100).send().await;
        let Some(answer) = gone(answer.during("wafv2:ListTagsForResource"))? else { return Ok(None) };
        let pairs = answer.tag_info_for_resource.and_then(|info| info.tag_list).unwrap_or_default();
        Ok(Some(pairs.into_iter().map(|tag| (tag.key, tag.value)).collect()))
    };
    let Some(tags) = tag_index::tags_of(aws, arn, ask).await? else { return Ok(None) };
    let logging = match logs {
        Some(logs) => logs.as_ref().map(|logs| logs.get(arn).cloned()).map_err(Clone::clone),
        None => {
            // Without logging there is no such thing.
            let logging = aws.waf.get_logging_configuration().resource_arn(arn).send().await;
            let logging = gone(logging.during("wafv2:GetLoggingConfiguration"));
            logging.map(|answer| answer.and_then(|answer| answer.logging_configuration))
        }
    };
    let claim = claim(&tags);
    let environment = tags.get("Environment").map_or("", String::as_str);
    let name = seen.name.clone();
    let groups = logging.iter().flatten().flat_map(|logging| logging.log_destination_configs().to_vec());
    Ok(Some(Found {
        name_fits: claim.as_ref().is_some_and(|claim| WebAcl::name(&claim.node.name, environment) == name),
        claim,
        name: Some(name),
        cloud_id: arn.to_owned(),
        uses: groups.filter_map(|arn| Some(arn.split_once(":log-group:")?.1.to_owned())).collect(),
        fields: logging.map(|logging| fields(arn, seen, logging, tags)),
        output: Some(Output { arn: arn.to_owned() }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}

fn fields(arn: &str, seen: Seen, logging: Option<LoggingConfiguration>, tags: TagMap) -> Fields {
    let mut more = BTreeMap::new();
    let mut set = |name: &str, value: Option<String>| value.map(|value| more.insert(name.to_owned(), value));
    set("association", seen.association_config.map(|value| format!("{value:?}")));
    set("captcha", seen.captcha_config.map(|value| format!("{value:?}")));
    set("challenge", seen.challenge_config.map(|value| format!("{value:?}")));
    set("monetization", seen.monetization_config.map(|value| format!("{value:?}")));
    let domains = seen.token_domains.filter(|domains| !domains.is_empty());
    set("token domains", domains.map(|domains| domains.join(" ")));
    let bodies =
        seen.custom_response_bodies.map(BTreeMap::from_iter).filter(|bodies: &BTreeMap<_, _>| !bodies.is_empty());
    set("custom response bodies", bodies.map(|bodies| format!("{bodies:?}")));
    let redacted = logging.iter().flat_map(|logging| logging.redacted_fields());
    Fields {
        name: seen.name,
        scope: AclScope::of(arn),
        description: seen.description.unwrap_or_default(),
        default_action: match seen.default_action {
            Some(action) if action == allow() => ALLOW.to_owned(),
            other => format!("{other:?}"),
        },
        rules: seen.rules.iter().flatten().map(|rule| (rule.name.clone(), Rule::read(rule))).collect(),
        visibility: visibility(seen.visibility_config.as_ref()),
        log_destinations: logging.iter().flat_map(|logging| logging.log_destination_configs.clone()).collect(),
        redacted: redacted.map(redaction).collect(),
        log_filter: logging.and_then(|logging| logging.logging_filter).map(|filter| format!("{filter:?}")),
        more,
        tags,
    }
}

fn redaction(field: &FieldToMatch) -> String {
    match (&field.single_header, &field.query_string) {
        (Some(header), None) => format!("header {}", header.name.to_lowercase()),
        (None, Some(_)) => QUERY.to_owned(),
        _ => format!("{field:?}"),
    }
}
