//! Nothing that is secret is shown: not in output, logs, audit logs, argument lists or environments
//! of any process, in a run that uses everything that is secret, rightly and wrongly.

mod hunt;
mod run;

use std::fs;

use self::run::{Run, digits};

#[test]
fn no_process_shows_a_secret() {
    let mut run = Run::new();
    certificates(&mut run);
    key_rings(&mut run);
    api_keys(&mut run);
    tokens(&mut run);
    run.is_clean();
}

fn certificates(run: &mut Run) {
    run.does(&["cert", "ca", "tls"]);
    run.does(&["cert", "issue", "tls", "server", "client"]);
    for name in ["ca", "server", "client"] {
        run.hides_pem(&format!("tls/{name}.key"));
    }
    run.does(&["cert", "renew", "tls", "server"]);
    run.does(&["cert", "show", "tls/server.pem"]);
    // What is no certificate is not shown instead of one.
    run.tries(&["cert", "show", "tls/server.key"]);
    run.tries(&["cert", "show", "tls/ca.key", "--json"]);
    run.tries(&["token", "inspect", "tls/client.key"]);
    run.tries(&["key", "list", "tls/client.key"]);
}

fn key_rings(run: &mut Run) {
    run.does(&["key", "new", "private/app.ring"]);
    run.does(&["key", "rotate", "private/app.ring", "--in", "1h"]);
    run.does(&[
        "key",
        "rotate",
        "private/app.ring",
        "--algorithm",
        "chacha20-poly1305",
    ]);
    for line in run
        .file("private/app.ring")
        .lines()
        .filter(|line| line.starts_with("key "))
    {
        run.hides_digits("a key of the ring", line.rsplit(' ').next().unwrap());
    }
    run.does(&["key", "list", "private/app.ring"]);
    run.does(&["key", "list", "private/app.ring", "--json"]);
    run.tries(&["key", "new", "private/app.ring"]);
    run.tries(&["token", "inspect", "private/app.ring"]);

    run.configures("bus.yaml", "authorization: {}");
    let broker = run.node(&["bus", "serve", "unix:./bus.sock", "-c", "bus.yaml"]);
    let bus = [
        "--address",
        "unix:./bus.sock",
        "--key-ring",
        "private/app.ring",
    ];
    let listening = run.starts(&[&["bus", "sub", "orders/#", "--json"], &bus[..]].concat());
    run.does(&[&["bus", "pub", "orders/new", "seven"], &bus[..]].concat());
    listening.says("seven");
    // A ring that is none, and one of others.
    let broken = run
        .file("private/app.ring")
        .replace("linkspan key ring 1", "linkspan key ring 9");
    run.private("private/broken.ring", &broken);
    let cut = run
        .file("private/app.ring")
        .replace("chacha20-poly1305", "rot13");
    run.private("private/odd.ring", &cut);
    for ring in ["private/broken.ring", "private/odd.ring", "tls/client.key"] {
        run.tries(&["key", "list", ring]);
        run.tries(&[
            "bus",
            "pub",
            "orders/new",
            "eight",
            "--address",
            "unix:./bus.sock",
            "--key-ring",
            ring,
        ]);
    }
    run.does(&["key", "new", "private/other.ring"]);
    run.hides_ring("private/other.ring");
    let other = [
        "--address",
        "unix:./bus.sock",
        "--key-ring",
        "private/other.ring",
    ];
    run.does(&[&["bus", "pub", "orders/new", "nine"], &other[..]].concat());
    run.ends(listening);
    run.stops(broker);
}

fn api_keys(run: &mut Run) {
    run.configures("keys.yaml", "auth: { token_type: ApiKey, key_file: keys }");
    let config = ["-c", "keys.yaml"];
    let key = run.issues(&[&["token", "issue", "ci", "--role", "deploy"], &config[..]].concat());
    run.private("ci.key", &key);
    let (id, secret) = (
        key.split('_').nth(1).unwrap(),
        key.rsplit('_').next().unwrap(),
    );
    run.hides_digits("an API key", secret.trim());
    let stored = run.file("keys");
    let verifier = stored.lines().find(|line| line.contains(id)).unwrap();
    let verifier = verifier.split(' ').nth(4).unwrap();
    for half in verifier.split(':') {
        run.hides_digits("what checks an API key", half);
    }
    let node = run.node(&["up", "-c", "keys.yaml", "--tls-dir", "tls"]);
    let at = node.address();
    let call = |file| {
        [
            "call",
            at.as_str(),
            "node.info",
            "--tls-dir",
            "tls",
            "--token-file",
            file,
            "-v",
        ]
    };
    run.does(&call("ci.key"));
    // One that was guessed, the key of another sort, and what is no key at all.
    let guessed = format!("lsk_{id}_{}", digits());
    let launch = format!("lst_{}_{}", &digits()[..16], digits());
    for (name, text) in [("guessed.key", &guessed), ("launch.token", &launch)] {
        run.hides_digits(name, text.rsplit('_').next().unwrap());
        run.private(name, text);
        run.tries(&call(name));
        run.does(&["token", "inspect", name]);
    }
    for file in ["tls/client.key", "private/app.ring", "keys"] {
        run.tries(&call(file));
    }
    let mut with_variable = run.command(&["status", &at, "--json", "--tls-dir", "tls"]);
    with_variable.env("LINKSPAN_TOKEN_FILE", "ci.key");
    run.runs(with_variable).ok();
    for asked in [
        &["token", "list"][..],
        &["token", "inspect", "ci.key", "--json"],
        &["token", "revoke", id],
        &["config", "show"],
        &["config", "show", "--json"],
        &["policy", "explain", "key:ci", "rpc.call", "node.info"],
    ] {
        run.does(&[asked, &config[..]].concat());
    }
    run.reloads(&node);
    run.tries(&call("ci.key"));
    let doctor = run.command(&["doctor", "-c", "keys.yaml"]);
    run.runs(doctor);
    // A file of keys that cannot be read is not shown for it.
    run.private("broken", &stored.replace("active", "asleep"));
    run.tries(&["token", "list", "--keys", "broken"]);
    run.stops(node);
}

fn tokens(run: &mut Run) {
    let shared = digits();
    run.hides_text("the secret of HS256", &shared);
    run.private("shared", &shared);
    run.openssl(&["genpkey", "-algorithm", "ed25519", "-out", "ed.pem"]);
    run.openssl(&["pkey", "-in", "ed.pem", "-pubout", "-out", "ed.pub"]);
    run.private("ed.pem", &run.file("ed.pem"));
    run.hides_pem("ed.pem");
    run.configures(
        "jwt.yaml",
        "auth: { token_type: Jwt, keys: [main HS256 shared, ed EdDSA ed.pub], key_file: revoked }",
    );
    let config = ["-c", "jwt.yaml"];
    let node = run.node(&["up", "-c", "jwt.yaml", "--tls-dir", "tls"]);
    let at = node.address();
    let call = |file| {
        [
            "call",
            at.as_str(),
            "node.info",
            "--tls-dir",
            "tls",
            "--token-file",
            file,
            "-v",
        ]
    };
    for (key, algorithm, file) in [("main", "HS256", "shared"), ("ed", "EdDSA", "ed.pem")] {
        let sign = [
            "token",
            "issue",
            "ada",
            "--sign-with",
            file,
            "--key-id",
            key,
        ];
        let issued = run.issues(&[&sign, &["--algorithm", algorithm][..], &config].concat());
        let (said, signature) = issued.trim().rsplit_once('.').unwrap();
        run.hides_text("the signature of a JWT", signature);
        run.private("right.jwt", &issued);
        run.does(&call("right.jwt"));
        run.does(&["token", "inspect", "right.jwt"]);
        run.private(
            "wrong.jwt",
            &format!("{said}.{}", "A".repeat(signature.len())),
        );
        run.tries(&call("wrong.jwt"));
        run.private("cut.jwt", said);
        run.tries(&call("cut.jwt"));
        // A key of another sort cannot sign.
        let other = if key == "ed" { "HS256" } else { "EdDSA" };
        run.tries(
            &[
                &sign,
                &["--algorithm", other][..],
                &["-c", "jwt.yaml", "--json"],
            ]
            .concat(),
        );
    }
    run.does(&["config", "show", "-c", "jwt.yaml", "--json"]);
    run.does(&[
        "status",
        &at,
        "--json",
        "--tls-dir",
        "tls",
        "--token-file",
        "right.jwt",
    ]);
    run.does(&["token", "revoke", "--jwt", "nobody", "-c", "jwt.yaml"]);
    run.reloads(&node);
    run.stops(node);
    wrong_keys(run, &shared);
}

/// Keys of tokens that are none, or that others can read.
fn wrong_keys(run: &mut Run, shared: &str) {
    run.private("short", &shared[..20]);
    for key in [
        "main HS256 short",
        "main EdDSA shared",
        "main EdDSA ed.pem",
        "main RS256 tls/ca.key",
    ] {
        run.configures(
            "wrong.yaml",
            &format!("auth: {{ token_type: Jwt, keys: [{key}] }}"),
        );
        run.tries(&["up", "-c", "wrong.yaml", "--tls-dir", "tls"]);
        run.does(&["config", "show", "-c", "wrong.yaml"]);
    }
    fs::set_permissions(
        run.path("shared"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .unwrap();
    run.tries(&["up", "-c", "jwt.yaml", "--tls-dir", "tls"]);
}
