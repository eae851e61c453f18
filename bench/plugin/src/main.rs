//! The plugin that is measured, with its default settings. Its argument is its name.

use std::env;
use std::process::ExitCode;

use linkspan::plugin::guest::Plugin;
use linkspan_bench_plugin::{VERSION, answers};

fn main() -> ExitCode {
    let name = env::args().nth(1);
    let name = name.as_deref().unwrap_or("echo");
    Plugin::new(name, VERSION).service(answers()).run()
}
