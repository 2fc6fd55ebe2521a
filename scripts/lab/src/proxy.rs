//! A proxy on a host of the VPC, as companies run them: it takes `CONNECT`, decides by its lists, and passes bytes. Or it takes
//! whole TLS connections that a name in a private zone leads to it, and passes those.
//!
//! It finds names as the VPC resolver does and goes out by the routes of its own subnet. It sees nothing of what it carries;
//! a proxy that opens TLS is another thing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::dns::{Data, Found, Zones};
use crate::fabric::INTERFACES;
use crate::realise;

/// The port that proxies listen on.
pub(crate) const PORT: u16 = 3128;
const HTTPS: u16 = 443;
/// No request of a client is longer than this.
const LONGEST_HEAD: u64 = 16 << 10;
/// How long the proxy waits for a client's request and for a host to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// One proxy of a scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proxy {
    /// The address of a host of the topology.
    pub(crate) address: Ipv4Addr,
    /// The only hosts it connects to, each with everything below it; all without.
    pub(crate) allow: Option<Vec<String>>,
    /// Hosts it never connects to, each with everything below it.
    #[serde(default)]
    pub(crate) deny: Vec<String>,
    /// The `Proxy-Authorization` it wants, such as `Basic dXNlcjpwYXNz`.
    pub(crate) authorization: Option<String>,
    /// It listens on port 443 instead and passes everything to the public addresses of this host.
    pub(crate) passes_tls_to: Option<String>,
}

/// Opens the listener of a proxy in the namespace of the calling thread.
pub(crate) fn bind(proxy: &Proxy) -> std::io::Result<StdListener> {
    let port = if proxy.passes_tls_to.is_some() { HTTPS } else { PORT };
    let listener = StdListener::bind((proxy.address, port))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves one proxy until the task is dropped.
pub(crate) async fn serve(listener: StdListener, proxy: Proxy, zones: Arc<Zones>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let proxy = Arc::new(proxy);
    loop {
        let (stream, _) = listener.accept().await?;
        let (proxy, zones) = (Arc::clone(&proxy), Arc::clone(&zones));
        // A broken connection is the client's business.
        tokio::spawn(async move { converse(stream, &proxy, &zones).await.ok() });
    }
}

async fn converse(mut client: TcpStream, proxy: &Proxy, zones: &Zones) -> std::io::Result<()> {
    if let Some(host) = &proxy.passes_tls_to {
        if let Some(mut server) = connect(proxy, addresses(zones.public(host)), HTTPS).await {
            copy_bidirectional(&mut client, &mut server).await?;
        }
        return Ok(());
    }
    let head = tokio::time::timeout(PATIENCE, read_head(&mut client)).await??;
    let refusal = match decide(proxy, &head) {
        Ok((host, port)) => match connect(proxy, known(zones, &host), port).await {
            Some(mut server) => {
                client.write_all(reply("200 Connection established", "").as_bytes()).await?;
                copy_bidirectional(&mut client, &mut server).await?;
                return Ok(());
            }
            None => reply("503 Service Unavailable", "X-Squid-Error: ERR_CONNECT_FAIL 110\r\n"),
        },
        Err(refusal) => refusal,
    };
    client.write_all(refusal.as_bytes()).await?;
    client.shutdown().await
}

/// The request up to its empty line. Nothing follows a `CONNECT` before it is answered.
async fn read_head(client: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut limited = client.take(LONGEST_HEAD);
    while !head.ends_with(b"\r\n\r\n") {
        head.push(limited.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The host and port to connect to, or the answer to a client that may not.
fn decide(proxy: &Proxy, head: &str) -> Result<(String, u16), String> {
    let mut lines = head.lines();
    let target = lines.next().and_then(|line| line.strip_prefix("CONNECT ")?.split(' ').next());
    let Some((host, port)) = target.and_then(|target| target.rsplit_once(':')) else {
        return Err(reply("501 Not Implemented", "X-Squid-Error: ERR_UNSUP_REQ 0\r\n"));
    };
    if let Some(wanted) = &proxy.authorization {
        let given = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case("proxy-authorization").then(|| value.trim().to_owned())
        });
        if given.as_ref() != Some(wanted) {
            let ask =
                "Proxy-Authenticate: Basic realm=\"corp\"\r\nX-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\n";
            return Err(reply("407 Proxy Authentication Required", ask));
        }
    }
    let host = host.to_ascii_lowercase();
    let listed = |list: &[String]| {
        list.iter().any(|each| {
            host.strip_suffix(each.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    if listed(&proxy.deny) || proxy.allow.as_ref().is_some_and(|allow| !listed(allow)) {
        return Err(reply("403 Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0\r\n"));
    }
    let port = port.parse().map_err(|_| reply("400 Bad Request", ""))?;
    Ok((host, port))
}

fn reply(status: &str, headers: &str) -> String {
    let length = if status.starts_with("200") { "" } else { "Content-Length: 0\r\n" };
    format!("HTTP/1.1 {status}\r\nVia: 1.1 proxy.corp.example (squid/6.6)\r\n{headers}{length}\r\n")
}

/// A connection from the proxy's address to the first address that answers.
async fn connect(proxy: &Proxy, addresses: Vec<IpAddr>, port: u16) -> Option<TcpStream> {
    for address in addresses {
        let source = proxy.address;
        let socket = realise::within(INTERFACES, || {
            let socket = TcpSocket::new_v4()?;
            socket.bind((source, 0).into())?;
            Ok::<_, std::io::Error>(socket)
        });
        let socket = socket.ok()?.ok()?;
        if let Ok(Ok(stream)) =
            tokio::time::timeout(PATIENCE, socket.connect(SocketAddr::new(address, port))).await
        {
            return Some(stream);
        }
    }
    None
}

/// What the VPC resolver knows of a host, which may be an address already.
fn known(zones: &Zones, host: &str) -> Vec<IpAddr> {
    match host.parse() {
        Ok(address) => vec![address],
        Err(_) => addresses(zones.private(host)),
    }
}

fn addresses(found: Found) -> Vec<IpAddr> {
    let Found::Records(records) = found else { return Vec::new() };
    let address = |record: crate::dns::Record| match record.data {
        Data::Address(address) if address.is_ipv4() => Some(address),
        _ => None,
    };
    records.into_iter().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Proxy {
        toml::from_str(&format!("address = '10.0.2.31'\n{text}")).unwrap()
    }

    fn status(proxy: &Proxy, request: &str) -> String {
        match decide(proxy, request) {
            Ok((host, port)) => format!("{host} {port}"),
            Err(reply) => reply.split(' ').nth(1).unwrap().to_owned(),
        }
    }

    #[test]
    fn lists_decide_by_whole_labels() {
        let denying = proxy("deny = ['s3.us-east-1.amazonaws.com']");
        let ask = |host: &str| status(&denying, &format!("CONNECT {host}:443 HTTP/1.1\r\n\r\n"));
        assert_eq!(ask("data.s3.us-east-1.amazonaws.com"), "403");
        assert_eq!(ask("S3.us-east-1.amazonaws.com"), "403");
        assert_eq!(ask("data-s3.us-east-1.amazonaws.com"), "data-s3.us-east-1.amazonaws.com 443");
        let allowing = proxy("allow = ['amazonaws.com']");
        assert_eq!(status(&allowing, "CONNECT example.com:443 HTTP/1.1\r\n\r\n"), "403");
    }

    #[test]
    fn who_does_not_say_who_they_are_is_asked() {
        let closed = proxy("authorization = 'Basic dXNlcjpwYXNz'");
        assert_eq!(status(&closed, "CONNECT a.example:443 HTTP/1.1\r\n\r\n"), "407");
        let known = "CONNECT a.example:443 HTTP/1.1\r\nproxy-authorization: Basic dXNlcjpwYXNz\r\n\r\n";
        assert_eq!(status(&closed, known), "a.example 443");
    }

    #[test]
    fn nothing_but_connect_is_understood() {
        assert_eq!(status(&proxy(""), "GET http://a.example/ HTTP/1.1\r\n\r\n"), "501");
    }
}
