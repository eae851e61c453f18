//! `linkspan bus`, and the broker of a node: real processes on both sides.

mod commands;
mod configuration;
pub(crate) mod node;
mod peer;
mod rules;
mod serving;
mod tapping;
mod tls;
