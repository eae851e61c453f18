//! The Python clients of BUS/RT, as they are published, at our broker.

use std::path::Path;
use std::time::Duration;

use linkspan::Address;
use linkspan::bus::Broker;
use linkspan_test::wait;

/// Runs a script with the address of a broker; it says "all well" at its end.
async fn run(script: &str, scheme: &str) {
    let directory = tempfile::tempdir().unwrap();
    let listening = Broker::new().listen(crate::support::address(scheme, &directory));
    let serving = listening.await.unwrap();
    // They tell sockets from hosts by a slash.
    let address = match serving.address() {
        Address::Unix(path) => path.display().to_string(),
        Address::Tcp(host) => format!("{}:{}", host.host, host.port),
        other => panic!("{other} is nothing for them"),
    };
    let python = Path::new(PYTHON);
    assert!(
        python.exists(),
        "{PYTHON} is missing; `cargo xtask python` makes it"
    );
    let script = Path::new(SCRIPTS).join(script);
    let mut command = tokio::process::Command::new(python);
    let running = command
        .arg(&script)
        .arg(address)
        .kill_on_drop(true)
        .output();
    let output = wait::within("the script", running).await.unwrap();
    let [said, errors] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(
        output.status.success(),
        "{}:\n{said}{errors}",
        script.display()
    );
    assert_eq!(said, "all well\n", "{errors}");
    serving.stop(Duration::from_secs(1)).await;
}

/// Makes a test of each script, over each transport that they speak.
macro_rules! scripts {
    ($($name:ident: $script:literal over $scheme:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                run($script, $scheme).await;
            }
        )*
    };
}

scripts! {
    blocking_over_unix: "blocking.py" over "unix",
    blocking_over_tcp: "blocking.py" over "tcp",
    asynchronous_over_unix: "asynchronous.py" over "unix",
    asynchronous_over_tcp: "asynchronous.py" over "tcp",
}

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/bus_python");
/// Where `cargo xtask python` puts what they need.
const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/python-venv/bin/python"
);
