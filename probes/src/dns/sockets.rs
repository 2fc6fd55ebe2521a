//! The sockets that hickory's streams run on.
//!
//! They differ from its own in one thing: a datagram socket is connected to the server, so that the kernel itself drops
//! datagrams from elsewhere and reports a closed port instead of leaving us to wait.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hickory_resolver::net::runtime::{DnsUdpSocket, RuntimeProvider, TokioRuntimeProvider};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

/// hickory's tokio runtime with connected datagram sockets.
#[derive(Clone, Default)]
pub(super) struct Provider(TokioRuntimeProvider);

type Future<T> = Pin<Box<dyn std::future::Future<Output = T> + Send>>;

impl RuntimeProvider for Provider {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = <TokioRuntimeProvider as RuntimeProvider>::Timer;
    type Udp = ConnectedUdp;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        limit: Option<Duration>,
    ) -> Future<io::Result<Self::Tcp>> {
        self.0.connect_tcp(server, local, limit)
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Future<io::Result<Self::Udp>> {
        Box::pin(async move {
            let socket = Arc::new(UdpSocket::bind(local).await?);
            socket.connect(server).await?;
            let error = Mutex::new(Some(Box::pin(next_error(socket.clone())) as Future<io::Error>));
            Ok(ConnectedUdp { socket, error })
        })
    }
}

/// A datagram socket that is connected to its server and tells of the errors that come back.
pub(super) struct ConnectedUdp {
    socket: Arc<UdpSocket>,
    /// The wait for the socket's error; `None` when it has come.
    error: Mutex<Option<Future<io::Error>>>,
}

impl DnsUdpSocket for ConnectedUdp {
    type Time = <TokioRuntimeProvider as RuntimeProvider>::Timer;

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        if let Poll::Ready(received) = self.socket.poll_recv_from(context, &mut buffer) {
            return Poll::Ready(received.map(|from| (buffer.filled().len(), from)));
        }
        let Ok(mut waiting) = self.error.lock() else {
            return Poll::Pending;
        };
        let polled = waiting.as_mut().map(|error| error.as_mut().poll(context));
        match polled {
            Some(Poll::Ready(error)) => {
                *waiting = None;
                Poll::Ready(Err(error))
            }
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }

    fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
        _server: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.socket.poll_send(context, bytes)
    }
}

/// Waits for the error that an ICMP message leaves on a connected socket.
///
/// The kernel reports it as an error alone, not as something to read (`EPOLLERR` without `EPOLLIN`), and a tokio read
/// waits for the latter.
async fn next_error(socket: Arc<UdpSocket>) -> io::Error {
    loop {
        if let Err(error) = socket.ready(Interest::ERROR).await {
            return error;
        }
        match socket.take_error() {
            Ok(Some(error)) | Err(error) => return error,
            // A reader took the error first; forget this readiness and wait for the next.
            Ok(None) => {
                let _: io::Result<()> = socket.try_io(Interest::ERROR, || Err(ErrorKind::WouldBlock.into()));
            }
        }
    }
}
