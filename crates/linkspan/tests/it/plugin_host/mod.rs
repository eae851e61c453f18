//! Hosts and their plugins, real processes in Python.

mod calls;
mod support;
