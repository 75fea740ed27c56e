//! Whether a service does its work, as ECS tells it: by its deployments and its events.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service, ServiceEvent};
use payment_platform_engine::{Class, CloudError, Unready};

use super::task_definition::revision;

/// Parts of the events that tell why tasks do not start or stay (Developer Guide, "Amazon ECS service event messages").
const TROUBLE: [&str; 3] = ["unable to", "fail", "unhealthy"];

/// What the events of a deployment have, which tell that it failed and not why.
const OF_DEPLOYMENT: &str = "(deployment ";

/// What is missing before the service does its work.
pub fn unready(service: &Service) -> Option<Unready> {
    let primary = primary(service)?;
    let (running, desired) = (service.running_count, service.desired_count);
    let counted = format!("{running} of {desired} tasks run");
    let says = trouble(service, primary).map(|event| format!("; ECS says: {event}")).unwrap_or_default();
    let deployed = revision(primary.task_definition().unwrap_or_default());
    let failed = |words: String| {
        let error = CloudError::new(Class::Invalid, "ecs:DescribeServices", "DeploymentFailed", words);
        Some(Unready::Failed(error))
    };
    match primary.rollout_state() {
        Some(DeploymentRolloutState::Failed) => failed(format!("the deployment of {deployed} failed, {counted}{says}")),
        _ if rolled_back(service).is_some() => {
            failed(format!("a deployment failed and ECS went back to {deployed}, {counted}{says}"))
        }
        Some(DeploymentRolloutState::Completed) if running >= desired => None,
        Some(DeploymentRolloutState::Completed) => Some(Unready::Until(format!("all tasks run, {counted}{says}"))),
        _ => Some(Unready::Until(format!("the deployment of {deployed} is complete, {counted}{says}"))),
    }
}

/// When ECS went back to an earlier revision because a deployment failed, in milliseconds since 1970, if what it went back to
/// is what runs now.
pub fn rolled_back(service: &Service) -> Option<i64> {
    let primary = primary(service)?;
    let to_it = format!("rolling back to deployment {}", primary.id()?);
    let event =
        service.events().iter().find(|event| event.message().is_some_and(|message| message.contains(&to_it)))?;
    event.created_at.and_then(|time| time.to_millis().ok())
}

/// When the deployment that should run now has failed, in milliseconds since 1970.
pub fn failed_at(service: &Service) -> Option<i64> {
    let failed = primary(service)?;
    let failed = Some(failed).filter(|primary| primary.rollout_state() == Some(&DeploymentRolloutState::Failed));
    let failed = failed.and_then(|primary| primary.updated_at.or(primary.created_at)?.to_millis().ok());
    failed.or_else(|| rolled_back(service))
}

fn primary(service: &Service) -> Option<&Deployment> {
    service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"))
}

/// The latest event that tells of trouble: of the deployment that runs now, or of the one that ECS went back from.
fn trouble<'a>(service: &'a Service, primary: &Deployment) -> Option<&'a str> {
    let since = match rolled_back(service) {
        Some(_) => None,
        None => primary.created_at,
    };
    let recent = |event: &&ServiceEvent| match (event.created_at, since) {
        (Some(at), Some(since)) => at >= since,
        _ => true,
    };
    let events = service.events().iter().filter(recent).filter_map(|event| event.message());
    let tells = |message: &&str| TROUBLE.iter().any(|part| message.contains(part)) && !message.contains(OF_DEPLOYMENT);
    events.into_iter().find(tells)
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    fn event(at: i64, message: &str) -> ServiceEvent {
        ServiceEvent::builder().created_at(DateTime::from_secs(at)).message(message).build()
    }

    fn deployment(id: &str, state: DeploymentRolloutState) -> Deployment {
        let deployment = Deployment::builder().id(id).status("PRIMARY").rollout_state(state);
        deployment.task_definition("arn:aws:ecs:r:1:task-definition/app:2").created_at(DateTime::from_secs(100)).build()
    }

    fn service(running: i32, deployment: Deployment, events: Vec<ServiceEvent>) -> Service {
        let service = Service::builder().desired_count(2).running_count(running).deployments(deployment);
        service.set_events(Some(events)).build()
    }

    #[test]
    fn a_complete_deployment_whose_tasks_run_is_ready() {
        let service = service(2, deployment("d", DeploymentRolloutState::Completed), Vec::new());
        assert_eq!((unready(&service), failed_at(&service)), (None, None));
    }

    #[test]
    fn a_deployment_under_way_says_how_far_it_is_and_what_ecs_says_of_it() {
        let events = vec![
            event(120, "(service s) (deployment d) deployment failed: tasks failed to start."),
            event(110, "(service s) was unable to place a task. Reason: no image."),
            event(50, "(service s) was unable to place a task. Reason: long ago."),
        ];
        let service = service(1, deployment("d", DeploymentRolloutState::InProgress), events);
        let Some(Unready::Until(what)) = unready(&service) else { panic!("not waiting") };
        assert!(what.contains("app:2") && what.contains("1 of 2 tasks run") && what.contains("no image"), "{what}");
    }

    #[test]
    fn a_service_that_went_back_has_failed_since_then() {
        let events = vec![
            event(130, "(service s) (deployment d) deployment completed."),
            event(105, "(service s) rolling back to deployment d."),
            event(90, "(service s) was unable to place a task. Reason: no image."),
        ];
        let service = service(2, deployment("d", DeploymentRolloutState::Completed), events);
        assert_eq!((rolled_back(&service), failed_at(&service)), (Some(105_000), Some(105_000)));
        let Some(Unready::Failed(error)) = unready(&service) else { panic!("not failed") };
        assert!(error.message.contains("no image"), "{error}");
    }
}
