//! The payment-platform controller: the daemon and the command line.

pub mod aws;
pub mod cli;
mod clock;
pub mod controller;
pub mod lease;
pub mod pass;
pub mod platform;
pub mod quota;
pub mod rbac;
pub mod scope;
pub mod status;
pub mod surroundings;
