//! The half that encrypts.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::transport::bytes::ByteWriter;
use crate::transport::tls::channel::Channel;

/// Dropping it ends the direction.
#[derive(Debug)]
pub(super) struct Writer(pub(super) Arc<Channel>);

impl ByteWriter for Writer {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write(slices)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.writer.poll_write_ready(cx)
    }

    fn stop_waiting(&self) {
        self.0.writer.stop_waiting();
    }

    fn shutdown(&self) {
        self.0.close();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.close();
    }
}
