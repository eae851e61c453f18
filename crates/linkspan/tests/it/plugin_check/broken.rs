//! Plugins that break one clause, and keep to all others.

use linkspan::plugin::check::Clause;

use crate::plugin_check::trial::{Trial, broken};

macro_rules! breaks {
    ($($name:ident: $clauses:expr, $program:literal;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                check(&$clauses, $program).await;
            }
        )*
    };
}

/// Adds something wrong to a plugin that has nothing wrong but that, and checks it.
async fn check(clauses: &[&str], wrong: &str) {
    let trial = Trial::of_program("trial", METHODS, &format!("{RIGHT}{wrong}"));
    let report = trial.run(Clause::all()).await;
    assert_eq!(broken(&report), clauses, "{report:#?}");
}

breaks! {
    it_describes_another_name: ["describe"], r#"
plugin.describe = lambda: {**Plugin.describe(plugin), "name": "other"}
"#;

    its_identity_has_another_version: ["identity"], r#"
choose = linkspan_plugin.handshake.choose
linkspan_plugin.handshake.choose = lambda offer, identity: choose(offer, {**identity, "version": "0.9"})
"#;

    it_lists_methods_in_any_order: ["methods"], r#"
plugin._describe_methods = lambda: Plugin._describe_methods(plugin)[::-1]
"#;

    it_has_a_method_that_its_manifest_does_not_know: ["manifest-methods"], r#"
@plugin.method
def surprise() -> None:
    pass
"#;

    it_answers_twice: ["streams"], r#"
respond = stream.Stream.respond
def twice(self, *arguments, **options):
    respond(self, *arguments, **options)
    with self.session.changing() as open:
        open.push(frame.RESPONSE, frame.ENDS, self.id, 0, b"")
stream.Stream.respond = twice
"#;

    it_skips_numbers_of_frames: ["frame-numbers"], r#"
encode = frame.encode
def skipping(kind, flags, id, *rest):
    return encode(kind, flags, 2 * id - 1, *rest)
frame.encode = skipping
"#;

    it_sends_beyond_its_credit: ["credit"], r#"
open = session.Session._open
def generous(self, identity):
    open(self, identity)
    self.credit = 1 << 62
session.Session._open = generous
"#;

    its_handlers_have_to_say_that_it_lives: ["busy"], r#"
plugin._desk = plugin._handlers
"#;

    its_calls_wait_for_room_in_the_log: ["logs"], r#"
plugin._tell_now = lambda topic, body: plugin._session.tell(topic, {}, body)
"#;

    its_log_records_have_no_level: ["events"], r#"
body = logs.LogHandler._body
logs.LogHandler._body = lambda self, record: {**body(self, record), "level": 7}
"#;

    it_does_not_look_at_sums_of_payloads: ["payload-sum"], r#"
decode = reader.decode
def trusting(header, head, payload, sums):
    return decode(header, head, payload, sums[:4] + struct.pack("<I", zlib.crc32(payload)))
reader.decode = trusting
"#;

    it_knows_what_later_kinds_mean: ["unknown-kinds"], r#"
frame.FIRST_IGNORED = 256
"#;

    it_ends_well_after_errors: ["after-an-error", "error-of-the-host"], r#"
sdk.PROTOCOL = 0
"#;

    it_stays_while_handlers_work: ["end-of-file-in-call"], r#"
def leave(code):
    plugin._handlers.wait_idle(600)
    os._exit(code)
plugin._leave = leave
"#;

    it_dies_by_sigterm: ["terminate"], r#"
sdk.signal.signal = lambda *_: None
"#;

    it_leaves_the_descriptor_to_its_children: ["descriptor-kept"], r#"
inherited = sdk.inherited
def leaving(descriptor):
    sock = inherited(descriptor)
    sock.set_inheritable(True)
    return sock
sdk.inherited = leaving
"#;

    it_speaks_the_protocol_on_stdout: ["stdout"], r#"
@plugin.on_start
def greeting():
    print("LSPN", "and more")
"#;
}

const METHODS: &str = r#"
[methods.greet]
pure = true
input = { type = "object", properties = { name = { type = "string" } }, required = ["name"] }
[methods.greet_all]
pure = true
"#;

/// A method that logs, and one that keeps its thread.
const RIGHT: &str = r#"
@plugin.method(idempotent=True)
def greet(name: str) -> str:
    logging.warning("%s is greeted", name * 500)
    return f"Hello, {name}!"

@plugin.method
def greet_all(names: Iterable[str]) -> str:
    try:
        return " and ".join(names)
    except BaseException:
        time.sleep(600)
"#;
