//! Dashboard: how the platform does, on one page (PCI DSS 10.4.1, 10.7.2: who looks sees what the alarms judge).
//!
//! AWS rules obeyed: dashboards belong to no region, and a name is unique in the account; putting a dashboard again replaces its
//! body and nothing else: tags are given when it is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use payment_platform_engine::diff::Change;
use payment_platform_engine::resource::{Create, Places};
use payment_platform_engine::{CloudError, Context, Found, Look, Pending, Progress, Region, Resource, Up};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::alarm::Dimension;
use super::{change_tags, tag_list, tags_of};
use crate::aws::Aws;
use crate::aws::error::{During, gone};
use crate::aws::tags::{TagMap, Tags, claim};

/// What the names of our dashboards begin with.
const PREFIX: &str = "payment-";

/// Of 24 columns (CloudWatch User Guide, "Dashboard body structure"): two widgets beside one another.
const WIDTH: usize = 12;
const HEIGHT: usize = 6;

/// The dashboard of one platform.
#[derive(Clone, Serialize)]
pub struct Dashboard {
    pub name: String,
    pub widgets: Vec<Widget>,
    pub tags: Tags,
}

/// One diagram.
#[derive(Clone, Serialize)]
pub struct Widget {
    pub title: String,
    /// Where its metrics are.
    pub region: Region,
    pub metrics: Vec<Metric>,
}

/// One line of a diagram.
#[derive(Clone, Serialize)]
pub struct Metric {
    pub namespace: String,
    pub metric: String,
    pub statistic: String,
    pub dimensions: BTreeMap<String, Dimension>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fields {
    pub name: String,
    /// As CloudWatch takes them, by title. One that nobody has described is taken out.
    pub widgets: BTreeMap<String, String>,
    /// Settings that ours never have.
    pub more: BTreeMap<String, String>,
    pub tags: TagMap,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    pub name: String,
    pub arn: String,
}

impl Dashboard {
    pub fn name(environment: &str) -> String {
        format!("{PREFIX}{environment}")
    }
}

impl Resource for Dashboard {
    const KIND: &'static str = "cloudwatch/dashboard";
    const ACTIONS: &'static [&'static str] = &[
        "cloudwatch:DeleteDashboards",
        "cloudwatch:GetDashboard",
        "cloudwatch:ListDashboards",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:PutDashboard",
        "cloudwatch:TagResource",
        "cloudwatch:UntagResource",
    ];
    const PLACES: Places = Places::Global;
    const CREATE: Create = Create::Idempotent;

    type Cloud = Aws;
    type Fields = Fields;
    type Output = Output;

    fn unique_name(&self) -> Option<String> {
        Some(self.name.clone())
    }

    fn fields(&self, up: &Up<'_>, seen: Option<&Fields>) -> Result<Fields, Pending> {
        let widgets = self.widgets.iter().enumerate().map(|(place, widget)| {
            let body = widget.body(place, up)?;
            Ok((widget.title.clone(), body.to_string()))
        });
        Ok(Fields {
            name: self.name.clone(),
            widgets: widgets.collect::<Result<_, _>>()?,
            more: BTreeMap::new(),
            tags: self.tags.over(seen.map(|seen| &seen.tags)),
        })
    }

    async fn sweep(aws: Arc<Aws>, look: Look) -> Result<Vec<Found<Self>>, CloudError> {
        let names = match look {
            Look::Ids(arns) => arns.iter().map(|arn| name_of(arn).to_owned()).collect(),
            Look::All => {
                let call = aws.cloudwatch.list_dashboards().dashboard_name_prefix(PREFIX).into_paginator().items();
                let all = call.send().collect::<Result<Vec<_>, _>>().await.during("cloudwatch:ListDashboards")?;
                all.into_iter().filter_map(|entry| entry.dashboard_name).collect::<Vec<_>>()
            }
        };
        let found = stream::iter(names).map(|name| {
            let aws = aws.clone();
            async move { read(&aws, name).await }
        });
        let found: Vec<Option<_>> = found.buffer_unordered(aws.limits.reads_at_once).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn create(want: Fields, cx: Context<Aws>) -> Result<Progress<Output>, CloudError> {
        let call = cx.cloud.cloudwatch.put_dashboard().dashboard_name(&want.name).dashboard_body(body(&want));
        call.set_tags(Some(tag_list(&want.tags))).send().await.during("cloudwatch:PutDashboard")?;
        let arn = arn(&cx.cloud, &want.name);
        Ok(Progress::Done(Output { name: want.name, arn }))
    }

    async fn update(
        want: Fields,
        now: Output,
        changes: Vec<Change>,
        cx: Context<Aws>,
    ) -> Result<Progress<Output>, CloudError> {
        let cloudwatch = &cx.cloud.cloudwatch;
        if changes.iter().any(|change| change.field() != "tags") {
            let call = cloudwatch.put_dashboard().dashboard_name(&now.name).dashboard_body(body(&want));
            call.send().await.during("cloudwatch:PutDashboard")?;
        }
        change_tags(&cx.cloud, &now.arn, &changes).await?;
        Ok(Progress::Done(now))
    }

    async fn delete(cloud_id: String, cx: Context<Aws>) -> Result<Progress<()>, CloudError> {
        let call = cx.cloud.cloudwatch.delete_dashboards().dashboard_names(name_of(&cloud_id)).send().await;
        gone(call.during("cloudwatch:DeleteDashboards"))?;
        Ok(Progress::Done(()))
    }

    fn cloud_id(output: &Output) -> &str {
        &output.arn
    }
}

impl Widget {
    fn body(&self, place: usize, up: &Up<'_>) -> Result<Value, Pending> {
        let metrics = self.metrics.iter().map(|metric| {
            let mut line = vec![json!(metric.namespace), json!(metric.metric)];
            for (name, dimension) in &metric.dimensions {
                line.extend([json!(name), json!(dimension.value(up)?)]);
            }
            line.push(json!({"stat": metric.statistic}));
            Ok(Value::Array(line))
        });
        Ok(json!({
            "type": "metric",
            "x": place % 2 * WIDTH,
            "y": place / 2 * HEIGHT,
            "width": WIDTH,
            "height": HEIGHT,
            "properties": {
                "title": self.title,
                "region": self.region,
                "view": "timeSeries",
                "period": 60,
                "metrics": metrics.collect::<Result<Vec<_>, Pending>>()?,
            },
        }))
    }
}

fn arn(aws: &Aws, name: &str) -> String {
    format!("arn:aws:cloudwatch::{}:dashboard/{name}", aws.account_id)
}

fn name_of(arn: &str) -> &str {
    arn.split_once(":dashboard/").map_or("", |(_, name)| name)
}

/// The body as CloudWatch takes it.
fn body(want: &Fields) -> String {
    let widgets = want.widgets.values().filter_map(|widget| serde_json::from_str::<Value>(widget).ok());
    json!({"widgets": widgets.collect::<Vec<_>>()}).to_string()
}

/// Widgets by their titles, those without one or with one that is taken by their place; and what else there is.
fn parts(body: &str) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut body: Map<String, Value> = serde_json::from_str(body).unwrap_or_default();
    let mut widgets = BTreeMap::new();
    let all = body.remove("widgets").and_then(|all| all.as_array().cloned()).unwrap_or_default();
    for (place, widget) in all.into_iter().enumerate() {
        let title = widget["properties"]["title"].as_str().filter(|title| !widgets.contains_key(*title));
        widgets.insert(title.map_or_else(|| format!("#{place}"), str::to_owned), widget.to_string());
    }
    (widgets, body.into_iter().map(|(name, value)| (name, value.to_string())).collect())
}

/// None: it is gone.
async fn read(aws: &Aws, name: String) -> Result<Option<Found<Dashboard>>, CloudError> {
    let answer = aws.cloudwatch.get_dashboard().dashboard_name(&name).send().await;
    let Some(answer) = gone(answer.during("cloudwatch:GetDashboard"))? else { return Ok(None) };
    let arn = arn(aws, &name);
    let Some(tags) = tags_of(aws, &arn).await? else { return Ok(None) };
    let environment = tags.get("Environment").map_or("", String::as_str);
    let (widgets, more) = parts(answer.dashboard_body.as_deref().unwrap_or_default());
    Ok(Some(Found {
        claim: claim(&tags),
        name_fits: Dashboard::name(environment) == name,
        name: Some(name.clone()),
        cloud_id: arn.clone(),
        uses: Vec::new(),
        fields: Ok(Fields { name: name.clone(), widgets, more, tags }),
        output: Some(Output { name, arn }),
        busy: None,
        unready: None,
        leaving: false,
        created: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_back_as_it_was_written() {
        let widgets = BTreeMap::from([("CPU".to_owned(), json!({"properties": {"title": "CPU"}}).to_string())]);
        let want = Fields { name: "payment-prd".into(), widgets, more: BTreeMap::new(), tags: TagMap::new() };
        assert_eq!(parts(&body(&want)), (want.widgets, want.more));
    }

    #[test]
    fn what_nobody_has_described_is_seen() {
        let (widgets, more) = parts(
            r#"{"start":"-PT1H","widgets":[{"type":"text"},{"properties":{"title":"a"}},{"properties":{"title":"a"}}]}"#,
        );
        assert_eq!(widgets.keys().collect::<Vec<_>>(), ["#0", "#2", "a"]);
        assert_eq!(more["start"], r#""-PT1H""#);
    }
}
