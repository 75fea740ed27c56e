//! The engine on a cloud in memory.

mod cloud;
mod driver;
mod kinds;

mod crash;
mod deletion;
mod drift;
mod order;
mod ownership;
mod passes;
mod readiness;
mod replacement;
mod twins;
