//! The command line, as its users see it: real processes, sockets and files.

mod call;
mod config;
mod doctor;
mod help;
mod host;
mod lifecycle;
mod network;
mod race;
mod reload;
mod status;
mod support;
mod transport;
