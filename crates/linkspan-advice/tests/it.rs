//! Wrong services, and the advice that the compiler gives.

// It runs a compiler, of which Wine has none.
#[cfg(unix)]
#[test]
fn wrong_services_are_refused_with_advice() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
