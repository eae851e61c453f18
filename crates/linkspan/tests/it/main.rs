//! Tests of the library through its public interface, over real links.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod address;
mod conformance;

#[tokio::test]
async fn child() {
    linkspan_test::conformance::child_main().await;
}
