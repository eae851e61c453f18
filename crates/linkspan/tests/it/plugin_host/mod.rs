//! Hosts and their plugins, real processes in Python.

mod calls;
mod clocks;
mod crashes;
mod loading;
mod output;
mod reload;
mod rust;
mod support;
mod waits;
mod words;
