//! Web sites that clients use as controls: a public host that no endpoint serves, and the one that tells one's own address.

use super::request::{Call, Reply};

/// The answer of a web site; every host that is no AWS API counts as one.
pub(crate) fn answer(call: &Call) -> Reply {
    let html = "text/html; charset=UTF-8";
    match call.host.as_str() {
        "checkip.amazonaws.com" | "checkip.amazonaws.com.cn" | "checkip.global.api.aws" => {
            Reply::new(200, "text/plain;charset=UTF-8", format!("{}\n", call.peer))
                .with("server", "lighttpd/1.4.53")
        }
        "amazon.com" | "amazonaws.com" | "www.amazonaws.com" => Reply::new(301, html, "")
            .with("location", format!("https://aws.amazon.com{}", call.path))
            .with("server", "Server"),
        "www.amazonaws.cn" | "aws.amazon.com" | "www.amazon.com" => {
            Reply::new(200, html, page("Amazon")).with("server", "Server")
        }
        host => Reply::new(200, html, page(host)),
    }
}

fn page(title: &str) -> String {
    format!(
        "<!doctype html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    )
}
