//! libFuzzer around the targets of [`linkspan_test::fuzz`]: one program for all of them.
//!
//! `cargo xtask fuzz` builds and runs it; by hand, the name of the target stands in
//! `LINKSPAN_FUZZ_TARGET`.
#![no_main]

use std::alloc::System;
use std::env;
use std::sync::LazyLock;

use cap::Cap;
use libfuzzer_sys::fuzz_target;
use linkspan_test::fuzz::{self, Target};

fuzz_target!(|data: &[u8]| (TARGET.run)(data));

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = env::var(NAME_VARIABLE).unwrap_or_default();
    fuzz::target(&name).unwrap_or_else(|| panic!("{NAME_VARIABLE}={name:?} names no target"))
});

/// An allocation that exceeds the limit aborts the process, which is a finding.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, MAX_HEAP_BYTES);

const NAME_VARIABLE: &str = "LINKSPAN_FUZZ_TARGET";
/// What all that is alive at once may take: far above what honest limits allow, far below what a
/// length on the wire can claim.
const MAX_HEAP_BYTES: usize = 64 * 1024 * 1024;
