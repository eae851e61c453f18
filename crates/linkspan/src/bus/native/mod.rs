//! Clients that speak Linkspan's own protocol: a router that any server of rpc can have.

mod attachment;
mod dead_letters;
mod feed;
mod requests;
mod service;
mod tap;

pub(crate) use service::Native;
