//! The method `node.echo`: what comes goes back.

use linkspan::rpc::{CallError, MethodInfo, Request, Response, Router};

/// Adds the method.
pub(crate) fn with_echo(router: Router) -> Router {
    let mut info = MethodInfo::named("node.echo");
    info.doc = "Gives back the body that it is sent, of any encoding, and streams item by item."
        .to_owned();
    info.result = "the same".to_owned();
    info.idempotent = true;
    router.raw_method(info, echo)
}

async fn echo(request: Request) -> Result<Response, CallError> {
    let codec = request.codec()?;
    Ok(Response::new(request.body).with_codec(codec))
}
