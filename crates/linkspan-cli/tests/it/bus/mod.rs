//! `linkspan bus`, and the broker of a node: real processes on both sides.

mod configuration;
mod peer;
mod serving;
