use linkspan::{Address, Facts, HostPort, Platform, Verdict};

fn parse(text: &str) -> Address {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_form_prints_back_as_the_canonical_one() {
    let forms = [
        ("mem:node", "mem:node"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("unix:///run/a.sock", "unix:/run/a.sock"),
        ("/run/a.sock", "unix:/run/a.sock"),
        ("./a.sock", "unix:./a.sock"),
        ("a.sock", "unix:a.sock"),
        ("dir/a", "unix:dir/a"),
        ("ipc:///run/a.sock", "unix:/run/a.sock"),
        ("unix+tls:/run/a.sock", "unix+tls:/run/a.sock"),
        ("pipe:linkspan", "pipe:linkspan"),
        (r"\\.\pipe\linkspan", "pipe:linkspan"),
        (r"pipe:\\.\pipe\linkspan", "pipe:linkspan"),
        (r"ipc://\\.\pipe\linkspan", "pipe:linkspan"),
        ("tcp:127.0.0.1:80", "tcp:127.0.0.1:80"),
        ("tcp://localhost:80", "tcp:localhost:80"),
        ("TCP:localhost:80", "tcp:localhost:80"),
        ("tcp:[::1]:80", "tcp:[::1]:80"),
        ("tcp:[0:0:0:0:0:0:0:1]:80", "tcp:[::1]:80"),
        ("tls:example.org:443", "tls:example.org:443"),
        ("ws:localhost:8080", "ws:localhost:8080"),
        ("ws:localhost:8080/", "ws:localhost:8080"),
        ("ws://[::1]:8080/a/b", "ws:[::1]:8080/a/b"),
        ("wss://localhost:8080", "wss:localhost:8080"),
    ];
    for (text, canonical) in forms {
        let address = parse(text);
        assert_eq!(address.to_string(), canonical);
        assert_eq!(parse(canonical).to_string(), canonical);
    }
}

#[test]
fn parts_are_what_they_look_like() {
    assert_eq!(
        parse("tcp:[::1]:80"),
        Address::Tcp(HostPort::new("::1", 80))
    );
    assert_eq!(parse("unix:/a:b"), Address::Unix("/a:b".into()));
    assert_eq!(parse("ipc:///a b"), Address::Unix("/a b".into()));
}

#[test]
fn a_wrong_address_says_what_is_wrong_and_what_would_be_right() {
    let cases = [
        ("", "it has no scheme"),
        ("node", "it has no scheme"),
        (
            "http:example.org:80",
            "\"http\" is not a scheme; expected one of mem:, unix:",
        ),
        ("mem:", "the name is empty"),
        ("mem:a/b", "the name contains '/'"),
        ("unix:", "the path is empty"),
        ("unix:/run/", "the path names a directory"),
        ("unix:a\0b", "the path contains a zero byte"),
        ("ipc:/run/a", "ipc: needs two slashes"),
        ("pipe:a b", "the name contains ' '"),
        (
            "tcp:localhost",
            "the port is missing; expected tcp:HOST:PORT",
        ),
        ("tcp:localhost:", "the port is not a number from 0 to 65535"),
        (
            "tcp:localhost:65536",
            "the port is not a number from 0 to 65535",
        ),
        ("tcp::80", "the host is empty"),
        ("tcp:::1:80", "an IPv6 address is not in brackets"),
        ("tcp:[::1:80", "a bracket is not closed"),
        (
            "tcp:[localhost]:80",
            "what is in brackets is not an IPv6 address",
        ),
        ("tcp:a b:80", "the host contains a character"),
        ("ws:a:80/b c", "the path contains ' '"),
        ("ws:a:80/b?c", "the path contains '?'"),
        ("ws:a/b:80", "the port is missing"),
    ];
    for (text, expected) in cases {
        let error = text.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
        assert!(error.contains(&format!("{text:?}")), "{error}");
    }
    let long = format!("mem:{}", "x".repeat(201));
    let error = long.parse::<Address>().unwrap_err().to_string();
    assert!(
        error.contains("201 bytes exceeds the limit of 200 bytes"),
        "{error}"
    );
}

#[test]
fn the_choice_fits_the_situation() {
    let best = |same_process, same_machine, platform| {
        let mut facts = Facts::this_machine();
        (facts.same_process, facts.same_machine, facts.platform) =
            (same_process, same_machine, platform);
        let advice = Address::choose(facts);
        assert_eq!(advice.len(), 6);
        let first = &advice[0];
        assert!(!first.reason.is_empty());
        (first.scheme, first.verdict)
    };
    assert_eq!(
        best(true, true, Platform::Linux),
        ("mem", Verdict::Recommended)
    );
    assert_eq!(
        best(false, true, Platform::Linux),
        ("unix", Verdict::Recommended)
    );
    assert_eq!(
        best(false, true, Platform::MacOs),
        ("unix", Verdict::Recommended)
    );
    assert_eq!(
        best(false, true, Platform::Windows),
        ("pipe", Verdict::Recommended)
    );
    assert_eq!(
        best(false, false, Platform::Linux),
        ("tls", Verdict::NeedsSecurity)
    );
}
