#[test]
fn sizes() {
    use std::mem::size_of;
    macro_rules! p { ($($t:ty),*) => { $( println!("{:5} {}", size_of::<$t>(), stringify!($t)); )* } }
    p!(
        proto::frame::Frame,
        proto::message::Message,
        proto::message::Request,
        proto::message::Response,
        proto::session::Incoming,
        crate::session::slot::Slot,
        crate::session::Request,
        crate::session::Response,
        crate::session::CallError,
        crate::session::Context,
        crate::session::context::CallFacts,
        crate::session::driver::Driver,
        crate::session::shared::State,
        crate::session::shared::Shared,
        proto::session::Send<crate::session::slot::Slot>,
        bytes::Bytes,
        crate::session::Body,
        crate::codec::Payload,
        proto::Limits,
        proto::session::Agreement,
        tokio::net::UnixStream,
        tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>,
        tokio::time::Sleep
    );
}
