//! What is done with things of the platform that no wanted node has: twins, and things of nodes that are not wanted.

use std::collections::{BTreeSet, HashSet};

use crate::hold::Hold;
use crate::id::NodeId;
use crate::inventory::{Extra, Observation, Role};
use crate::memory::Memory;
use crate::plan::{Notice, Options, Plan, Planned, Step};
use crate::resource::{AnyFound, Delete, Kind, Replace, Unready};

/// Whether we have made the node's own thing in place of this one. After a restart it is known by its age: of what is replaced
/// before it is deleted, an older thing is one that was.
pub fn was_replaced<C: 'static>(found: &AnyFound, chosen: Option<&AnyFound>, kind: &Kind<C>, memory: &Memory) -> bool {
    let replaceable = kind.replace_on.iter().any(|(_, how)| *how == Replace::CreateFirst);
    let older = found.created.zip(chosen.and_then(|chosen| chosen.created)).is_some_and(|(own, new)| own < new);
    memory.replaced.contains(&found.cloud_id) || (replaceable && older)
}

/// What holds data, everything that it uses, and what guards data: older data may be under a key that its holder does
/// not name any longer.
pub fn kept_ids<C: 'static>(extras: &[Extra], kinds: &[Kind<C>]) -> HashSet<String> {
    let kind = |node: &NodeId| kinds.iter().find(|kind| kind.name == node.kind);
    let of = |fits: fn(&Kind<C>) -> bool| {
        let extras = extras.iter().filter(move |extra| extra.role != Role::Copy && kind(&extra.node).is_some_and(fits));
        extras.map(|extra| extra.found.cloud_id.clone())
    };
    let mut kept: HashSet<String> = of(|kind| kind.stateful && !kind.outlived_by_data).collect();
    if of(|kind| kind.stateful).next().is_some() {
        kept.extend(of(|kind| kind.guards_data));
    }
    loop {
        let uses: BTreeSet<String> = extras
            .iter()
            .filter(|extra| kept.contains(&extra.found.cloud_id))
            .flat_map(|extra| extra.found.uses.iter().cloned())
            .filter(|id| !kept.contains(id))
            .collect();
        if uses.is_empty() {
            return kept;
        }
        kept.extend(uses);
    }
}

/// Adds the step for one of them, or a notice that it is left alone.
pub fn plan_extra<C: 'static>(
    extra: &Extra,
    observation: &Observation,
    kinds: &[Kind<C>],
    options: &Options,
    kept: &HashSet<String>,
    plan: &mut Plan,
) {
    let Extra { found, node, role } = extra;
    let notice =
        |message: &str| Notice { node: node.clone(), cloud_id: found.cloud_id.clone(), message: message.to_owned() };
    if *role == Role::Copy {
        plan.notices.push(notice("carries our tags under another name; it is left alone"));
        return;
    }
    let Some(kind) = kinds.iter().find(|kind| kind.name == node.kind) else { return };
    let step = if kept.contains(&found.cloud_id) {
        if found.claim.as_ref().is_some_and(|claim| claim.kept.is_some()) && !found.leaving {
            return;
        }
        Step::Leave
    } else if found.leaving {
        return;
    } else if found.busy == Some("deleting") {
        Step::Hold(Hold::Busy("deleting"))
    } else if kind.stateful && !options.deleting && !(options.approved.contains(node) && *role == Role::Unwanted) {
        if matches!(role, Role::Twin | Role::Replaced) {
            plan.notices.push(notice("is a second thing of this node and holds data; it is left alone"));
            return;
        }
        Step::Hold(Hold::HoldsData)
    } else if (kind.delete_when == Delete::Last && !observation.unread.is_empty())
        || (kind.guards_data && observation.half_read)
    {
        Step::Hold(Hold::UsersUnread)
    } else if *role == Role::Twin && options.observe {
        Step::Hold(Hold::Observing)
    } else if let Some(hold) = options.contested.get(node).filter(|_| *role == Role::Twin) {
        Step::Hold(hold.clone())
    } else if let (Some(Unready::Kept(what)), false) = (&found.unready, options.deleting) {
        Step::Hold(Hold::Later(what.clone()))
    } else {
        Step::Delete
    };
    plan.steps.push(Planned {
        node: node.clone(),
        component: "",
        step,
        drift: *role == Role::Twin,
        closes: false,
        extra: true,
        found: Some(found.clone()),
        digest: None,
        changes: Vec::new(),
    });
}
