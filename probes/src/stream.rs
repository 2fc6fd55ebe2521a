//! A byte stream that carries the next step, whatever carries it: a TCP connection, or a tunnel through a proxy.

use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of one kind for all steps, so that TLS and HTTP are compiled once and not once for each thing below them.
pub(crate) type Stream = Box<dyn Duplex>;

/// What can be read and written.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}
