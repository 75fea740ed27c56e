use std::time::Instant;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use payment_platform_engine::{Change, Known, Region, Step};
use serde_json::json;

use super::*;

const LIMITS: Limits =
    Limits { drift_records: 5, drift_bytes: 8192, drift_value_chars: 30, verified_interval: Duration::from_secs(3600) };

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    time("2026-06-01T12:00:00Z")
}

fn group() -> NodeId {
    NodeId::new(&Region::new("us-east-1"), "ec2/security-group-rules", "aurora")
}

fn entry(node: NodeId, step: Step, outcome: Outcome) -> Entry {
    Entry { cloud_id: Some("sg-1".to_owned()), ..Entry::new(node, "SecurityGroups", step, outcome) }
}

fn opened(outcome: Outcome) -> Entry {
    let before = json!({"a": {"rules": {"port 22": "open"}}});
    let changes = payment_platform_engine::diff::diff(&before["a"], &json!({"rules": {}}));
    Entry { drift: true, ..entry(group(), Step::Update(changes), outcome) }
}

fn twin(outcome: Outcome) -> Entry {
    let twin = entry(group(), Step::Delete, outcome);
    Entry { drift: true, extra: true, cloud_id: Some("sg-twin".to_owned()), ..twin }
}

fn in_use() -> Outcome {
    Outcome::Waiting { until: "nothing uses it".to_owned(), retry: Duration::from_secs(3), refused: true }
}

fn report(entries: Vec<Entry>) -> Report {
    Report { entries, notices: Vec::new() }
}

fn denied(action: &str) -> CloudError {
    CloudError::new(Class::Denied, action, "AccessDenied", "no")
}

fn after(previous: &PaymentPlatformStatus, now: Timestamp, entries: Vec<Entry>) -> PaymentPlatformStatus {
    let (report, memory) = (report(entries), Memory::default());
    let ended = Ended {
        platform: None,
        report: &report,
        memory: &memory,
        scopes: Vec::new(),
        account_id: "123456789012",
        paused: false,
        tag_keys: BTreeSet::new(),
        request: None,
        complete_look: true,
        approval: None,
        accepted: None,
        warnings: &[],
        limits: LIMITS,
    };
    after_pass(Base { previous, generation: Some(1), now }, &ended)
}

fn condition<'a>(status: &'a PaymentPlatformStatus, kind: &str) -> &'a Condition {
    status.conditions.iter().find(|condition| condition.type_ == kind).unwrap()
}

#[test]
fn a_correction_is_one_record_with_both_times() {
    let status = after(&PaymentPlatformStatus::default(), noon(), vec![opened(Outcome::Changed)]);
    let [record] = &status.drift[..] else { panic!("{:?}", status.drift) };
    assert_eq!((record.before.as_deref(), record.after.as_deref()), (Some("\"open\""), None));
    assert_eq!((record.detected_time.0, record.corrected_time.as_ref().unwrap().0), (noon(), noon()));
    assert_eq!(condition(&status, "DriftCorrected").reason, "Corrected");
}

#[test]
fn what_fails_stays_one_open_record_until_it_is_right() {
    let failed = || opened(Outcome::Failed(denied("ec2:RevokeSecurityGroupIngress")));
    let first = after(&PaymentPlatformStatus::default(), noon(), vec![failed()]);
    let second = after(&first, time("2026-06-01T12:01:00Z"), vec![failed()]);
    assert_eq!((second.drift.len(), second.drift[0].corrected_time.is_none()), (1, true));
    assert_eq!(condition(&second, "DriftCorrected").status, "False");
    let right = after(&second, time("2026-06-01T12:02:00Z"), vec![entry(group(), Step::Keep, Outcome::Unchanged)]);
    assert_eq!(right.drift[0].detected_time.0, noon());
    assert!(right.drift[0].corrected_time.is_some());
}

#[test]
fn a_twin_that_cannot_go_is_one_open_record_however_often_it_is_tried() {
    let own = || entry(group(), Step::Keep, Outcome::Unchanged);
    let mut status = PaymentPlatformStatus::default();
    for _ in 0..10 {
        status = after(&status, noon(), vec![own(), twin(in_use())]);
    }
    let [record] = &status.drift[..] else { panic!("{:?}", status.drift) };
    assert!(record.corrected_time.is_none() && record.id.as_deref() == Some("sg-twin"), "{record:?}");
    let status = after(&status, noon(), vec![own(), twin(Outcome::Changed)]);
    assert!(status.drift.len() == 1 && status.drift[0].corrected_time.is_some(), "{:?}", status.drift);
}

#[test]
fn two_twins_have_a_record_each() {
    let other = Entry { cloud_id: Some("sg-other".to_owned()), ..twin(in_use()) };
    let status = after(&PaymentPlatformStatus::default(), noon(), vec![twin(in_use()), other]);
    let ids: BTreeSet<_> = status.drift.iter().map(|record| record.id.clone().unwrap()).collect();
    assert_eq!(ids, BTreeSet::from(["sg-other".to_owned(), "sg-twin".to_owned()]));
}

#[test]
fn records_and_values_are_bounded() {
    let mut status = PaymentPlatformStatus::default();
    for number in 0..20 {
        let path = payment_platform_engine::diff::Path(vec![format!("field{number}")]);
        let change = Change { path, before: Some(json!("x".repeat(500))), after: None };
        let step = Step::Update(vec![change]);
        status = after(&status, noon(), vec![Entry { drift: true, ..entry(group(), step, Outcome::Changed) }]);
    }
    assert_eq!(status.drift.len(), 5);
    assert_eq!(status.drift[0].field, "field19");
    assert!(status.drift.iter().all(|record| record.before.as_ref().unwrap().chars().count() == 30));
}

#[test]
fn a_clock_that_is_set_back_makes_no_time_to_come() {
    let keep = || vec![entry(group(), Step::Keep, Outcome::Unchanged)];
    let status = after(&PaymentPlatformStatus::default(), noon(), keep());
    assert_eq!(status.last_verified_time, Some(Time(noon())));
    // A minute later it is not written again, and an hour earlier it is.
    let later = after(&status, time("2026-06-01T12:01:00Z"), keep());
    assert_eq!(later.last_verified_time, Some(Time(noon())));
    let earlier = after(&status, time("2026-06-01T11:00:00Z"), keep());
    assert_eq!(earlier.last_verified_time, Some(Time(time("2026-06-01T11:00:00Z"))));
}

#[test]
fn what_goes_later_keeps_nobody_from_being_verified_and_what_does_not_work_does() {
    let held = |hold: Hold| vec![entry(group(), Step::Hold(hold.clone()), Outcome::Held(hold))];
    let later = held(Hold::Later("snapshots hold it".to_owned()));
    let verified = after(&PaymentPlatformStatus::default(), noon(), later).last_verified_time;
    assert_eq!(verified, Some(Time(noon())));
    let broken = held(Hold::Broken(denied("ecs:ListTasks")));
    let status = after(&PaymentPlatformStatus::default(), noon(), broken);
    assert_eq!(status.last_verified_time, None);
    let stalled = condition(&status, "Stalled");
    assert_eq!((stalled.status.as_str(), stalled.reason.as_str()), ("True", "AccessDenied"));
    assert!(stalled.message.contains("allow the controller's role ecs:ListTasks"), "{}", stalled.message);
}

#[test]
fn a_secret_made_again_is_warned_of_as_long_as_it_is_recorded() {
    let record = |node: &str, field: &str, corrected: bool| Drift {
        node: node.to_owned(),
        field: field.to_owned(),
        id: None,
        before: None,
        after: None,
        detected_time: Time(noon()),
        corrected_time: corrected.then(|| Time(noon())),
    };
    let secret = "us-east-1/secretsmanager/secret/aurora-password";
    let told = |one: Drift| remade_secrets(&[one]).next();
    assert!(told(record(secret, "existence", true)).is_some_and(|told| told.contains("2026-06-01T12:00:00Z")));
    assert_eq!(told(record(secret, "existence", false)), None, "it is not made yet");
    assert_eq!(told(record(secret, "tags.Name", true)), None);
    assert_eq!(told(record("us-east-1/s3/bucket/static", "existence", true)), None);
}

#[test]
fn a_clock_that_is_set_forward_is_believed() {
    let keep = || vec![entry(group(), Step::Keep, Outcome::Unchanged)];
    let status = after(&PaymentPlatformStatus::default(), noon(), keep());
    let later = after(&status, time("2030-01-01T00:00:00Z"), keep());
    assert_eq!(later.last_verified_time, Some(Time(time("2030-01-01T00:00:00Z"))));
}

#[test]
fn nothing_is_corrected_before_it_is_found() {
    let failed = opened(Outcome::Failed(denied("ec2:RevokeSecurityGroupIngress")));
    let status = after(&PaymentPlatformStatus::default(), noon(), vec![failed]);
    let status = after(&status, time("2026-06-01T11:00:00Z"), vec![opened(Outcome::Changed)]);
    assert_eq!(status.drift[0].corrected_time, Some(Time(noon())));
}

#[test]
fn a_transition_has_the_time_of_the_flip() {
    let keep = || vec![entry(group(), Step::Keep, Outcome::Unchanged)];
    let first = after(&PaymentPlatformStatus::default(), noon(), keep());
    let second = after(&first, time("2026-06-01T13:00:00Z"), keep());
    assert_eq!(condition(&second, "Ready").last_transition_time, Time(noon()));
    let failed = vec![opened(Outcome::Failed(denied("ec2:RevokeSecurityGroupIngress")))];
    let third = after(&second, time("2026-06-01T14:00:00Z"), failed);
    assert_eq!(condition(&third, "Ready").last_transition_time, Time(time("2026-06-01T14:00:00Z")));
}

#[test]
fn what_is_denied_names_the_action_and_stalls() {
    let failed = vec![opened(Outcome::Failed(denied("ec2:RevokeSecurityGroupIngress")))];
    let status = after(&PaymentPlatformStatus::default(), noon(), failed);
    let stalled = condition(&status, "Stalled");
    assert_eq!((stalled.status.as_str(), stalled.reason.as_str()), ("True", "AccessDenied"));
    assert!(
        stalled.message.contains("allow the controller's role ec2:RevokeSecurityGroupIngress"),
        "{}",
        stalled.message
    );
}

#[test]
fn what_may_not_be_read_names_the_action_too() {
    let hold = Hold::Unread(denied("kms:GetKeyPolicy"));
    let unread = entry(group(), Step::Hold(hold.clone()), Outcome::Held(hold));
    let status = after(&PaymentPlatformStatus::default(), noon(), vec![unread]);
    let message = &condition(&status, "Ready").message;
    assert!(message.contains("allow the controller's role kms:GetKeyPolicy"), "{message}");
}

#[test]
fn a_deletion_that_may_not_look_stalls_and_says_at_what() {
    let base = Base { previous: &PaymentPlatformStatus::default(), generation: Some(2), now: noon() };
    let place = (Region::new("us-east-1"), "kms/key");
    let unread = BTreeMap::from([(place, denied("kms:ListKeys"))]);
    let status = deleting(base, &report(Vec::new()), &Memory::default(), &unread);
    let stalled = condition(&status, "Stalled");
    assert_eq!((stalled.status.as_str(), stalled.reason.as_str()), ("True", "AccessDenied"));
    assert!(stalled.message.contains("kms/key") && stalled.message.contains("kms:ListKeys"), "{}", stalled.message);
}

#[test]
fn a_deletion_that_cannot_look_just_now_goes_on() {
    let base = Base { previous: &PaymentPlatformStatus::default(), generation: Some(2), now: noon() };
    let throttled = CloudError::new(Class::Throttled, "kms:ListKeys", "ThrottlingException", "slower");
    let unread = BTreeMap::from([((Region::new("us-east-1"), "kms/key"), throttled)]);
    let status = deleting(base, &report(vec![twin(in_use())]), &Memory::default(), &unread);
    assert_eq!(condition(&status, "Stalled").status, "False");
    let message = &condition(&status, "Ready").message;
    assert!(message.contains("nothing uses it") && message.contains("kms:ListKeys"), "{message}");
}

#[test]
fn the_inventory_lists_what_is_there_and_not_what_is_gone() {
    let mut memory = Memory::default();
    let known =
        |gone| Known { cloud_id: Some("sg-1".to_owned()), gone, written: Some(Instant::now()), ..Known::default() };
    memory.nodes.insert(group(), known(false));
    memory.nodes.insert(NodeId::new(&Region::new("us-east-1"), "ec2/vpc", "main"), known(true));
    let listed: Vec<String> = inventory(&memory).into_iter().map(|entry| entry.node).collect();
    assert_eq!(listed, [group().to_string()]);
}

#[test]
fn what_takes_too_long_stalls_and_still_moves() {
    let until = "the NAT gateway is available".to_owned();
    let waiting = Outcome::Waiting { until, retry: Duration::from_secs(3), refused: false };
    let in_time = entry(group(), Step::Keep, waiting);
    let status = after(&PaymentPlatformStatus::default(), noon(), vec![in_time.clone()]);
    assert_eq!(condition(&status, "Stalled").status, "False");
    let overdue = Entry { overdue: Some(Duration::from_secs(15 * 60)), ..in_time };
    let status = after(&PaymentPlatformStatus::default(), noon(), vec![overdue]);
    let stalled = condition(&status, "Stalled");
    assert_eq!((stalled.status.as_str(), stalled.reason.as_str()), ("True", "DeadlineExceeded"));
    assert!(stalled.message.contains("until the NAT gateway is available"), "{}", stalled.message);
    assert!(stalled.message.contains("more than 15 min"), "{}", stalled.message);
    assert_eq!(condition(&status, "Ready").reason, "DeadlineExceeded");
    assert_eq!(condition(&status, "Reconciling").status, "True");
    // kstatus takes the first of the two that is true.
    let order: Vec<&str> = status.conditions.iter().map(|one| one.type_.as_str()).collect();
    assert_eq!(order[..3], ["Ready", "Stalled", "Reconciling"]);
}

#[test]
fn what_comes_later_is_said_and_keeps_nothing_from_being_ready() {
    let kept = entry(group(), Step::Keep, Outcome::Unchanged);
    let later = Entry { later: Some("it takes it on Sunday".to_owned()), ..kept };
    let status = after(&PaymentPlatformStatus::default(), noon(), vec![later.clone()]);
    assert_eq!(condition(&status, "Ready").status, "True");
    assert!(status.last_verified_time.is_some());
    let part = component_condition("SecurityGroups", &report(vec![later]));
    assert_eq!(part.status, "True");
    assert!(part.message.contains(&format!("{}: it takes it on Sunday", group())), "{}", part.message);
}

#[test]
fn what_refuses_a_whole_pass_says_what_to_do_about_it() {
    let message = |error: CloudError| {
        let base = Base { previous: &PaymentPlatformStatus::default(), generation: Some(1), now: noon() };
        let status = refused(base, &Refusal::Identity(Box::new(error)));
        let ready = condition(&status, "Ready");
        (ready.reason.clone(), ready.message.clone())
    };
    let (reason, text) = message(denied("sts:GetCallerIdentity"));
    assert!(reason == "AccessDenied" && text.ends_with("allow the controller's role sts:GetCallerIdentity"), "{text}");
    for (code, said) in [("SignatureDoesNotMatch", "Signature expired"), ("RequestExpired", "Request has expired.")] {
        let (reason, text) = message(CloudError::new(Class::Unauthenticated, "sts:GetCallerIdentity", code, said));
        assert!(reason == "Unauthenticated" && text.contains("clock"), "{text}");
    }
    let (_, text) =
        message(CloudError::new(Class::Unauthenticated, "sts:GetCallerIdentity", "ExpiredToken", "expired"));
    assert!(!text.contains("clock"), "{text}");
}
