//! The credentials service that container platforms name in variables (ECS tasks, EKS Pod Identity).
//!
//! It goes only to the hosts that the SDKs allow, so that a variable cannot send a token elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Instant;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use tokio::time::timeout_at;

use super::files::{self, Variables};
use super::imds;
use super::metadata::{RoleDocument, read_role_document};

/// Where the ECS agent answers (SDK reference guide, "container credential provider").
const ECS: &str = "http://169.254.170.2";

/// Hosts beside loopback that a full URI without TLS may name: ECS, and EKS Pod Identity in both families.
const ALLOWED: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// The credentials, if a variable names where they are.
///
/// # Errors
///
/// Why they could not be had, without any secret in the text.
pub(super) async fn ask(variables: &Variables, until: Instant) -> Result<Option<RoleDocument>, String> {
    let Some(url) = wanted(variables)? else {
        return Ok(None);
    };
    let authorization = authorization(variables)?;
    let work = async {
        let mut request = imds::client().map_err(|error| imds::failure_of(&error))?.get(url);
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let response = request.send().await.map_err(|error| imds::failure_of(&error))?;
        imds::check_status(response.status())?;
        let body = imds::body(response).await?;
        let text = String::from_utf8(body).map_err(|_| imds::malformed("the answer is not text"))?;
        read_role_document(&text)
    };
    match timeout_at(until.into(), work).await {
        Ok(Ok(document)) => Ok(Some(document)),
        Ok(Err(failure)) => Err(format!("the container credentials service failed: {failure:?}")),
        Err(_) => Err("the container credentials service did not answer in time".to_owned()),
    }
}

fn wanted(variables: &Variables) -> Result<Option<Url>, String> {
    if let Some(path) = variables.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        // Without the slash the path would run into the host's name.
        if !path.starts_with('/') {
            return Err("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash".to_owned());
        }
        let url = Url::parse(&format!("{ECS}{path}"));
        return url.map(Some).map_err(|_| "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path".to_owned());
    }
    let Some(text) = variables.value("AWS_CONTAINER_CREDENTIALS_FULL_URI") else {
        return Ok(None);
    };
    let url = Url::parse(text).map_err(|_| "AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URI".to_owned())?;
    if url.scheme() != "http" {
        return Err(format!(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI with {} is not asked here",
            files::clipped(url.scheme(), 16)
        ));
    }
    if !host_is_allowed(&url) {
        return Err("AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that the SDKs do not allow".to_owned());
    }
    Ok(Some(url))
}

fn host_is_allowed(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || ALLOWED.contains(&address),
        Err(_) => host == "localhost",
    }
}

fn authorization(variables: &Variables) -> Result<Option<HeaderValue>, String> {
    let text = match variables.value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(path) => files::read(Path::new(path))
            .map_err(|error| format!("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE could not be read: {error}"))?,
        None => match variables.value("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            Some(text) => text.to_owned(),
            None => return Ok(None),
        },
    };
    let mut value = HeaderValue::from_str(text.trim())
        .map_err(|_| "the container authorization token is not one line".to_owned())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(name: &str, value: &str) -> Result<Option<String>, String> {
        wanted(&Variables::from([(name, value)])).map(|url| url.map(|url| url.to_string()))
    }

    #[test]
    fn only_the_hosts_of_the_sdks_are_asked() {
        let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        assert_eq!(
            url(relative, "/v2/credentials/x").unwrap().as_deref(),
            Some("http://169.254.170.2/v2/credentials/x")
        );
        assert!(url(relative, ".evil.example/x").is_err());
        assert!(url(relative, "@evil.example/x").is_err());
        let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        for allowed in [
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1",
            "http://127.0.0.1:1338/",
            "http://localhost/x",
        ] {
            assert!(url(full, allowed).unwrap().is_some(), "{allowed}");
        }
        for refused in [
            "http://10.0.0.1/",
            "http://evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://127.0.0.1@evil.example/",
            "https://127.0.0.1/",
            "nonsense",
        ] {
            assert!(url(full, refused).is_err(), "{refused}");
        }
        assert_eq!(url("PATH", "/bin"), Ok(None));
    }

    #[test]
    fn the_token_comes_from_the_file_first_and_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "from-file\n").unwrap();
        let named = path.to_str().unwrap();
        let variables = Variables::from([
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", named),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "from-variable"),
        ]);
        assert_eq!(authorization(&variables).unwrap().unwrap(), "from-file");
        let broken = Variables::from([("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush\r\nX: y")]);
        assert!(!authorization(&broken).unwrap_err().contains("hush"));
    }

    #[tokio::test]
    async fn a_document_is_read_from_a_service_on_loopback() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let body = r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t"}"#;
            let reply = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(reply.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let uri = format!("http://{address}/creds");
        let variables = Variables::from([
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "tok"),
        ]);
        let until = Instant::now() + std::time::Duration::from_secs(5);
        let document = ask(&variables, until).await.unwrap().unwrap();
        assert_eq!(document.keys.access_key_id, "A");
        assert!(served.await.unwrap().to_ascii_lowercase().contains("authorization: tok"));
    }
}
