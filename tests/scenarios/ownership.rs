use crate::Scenario;

pub const ALL: &[(&str, Scenario)] = &[];
