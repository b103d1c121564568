//! Where messages of ours may be posted to: what goes out says so plainly, and leaves the machine
//! encrypted unless somebody says that the network between is trusted.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use reqwest::Url;

/// The URL of this text. `plain_http` says that it may cross a network in clear.
///
/// # Errors
/// It is none, names no host, holds credentials or a fragment, or would cross a network in clear.
/// The text itself is not repeated: it may hold what nobody should read in a log.
pub(crate) fn parse(text: &str, plain_http: bool) -> anyhow::Result<Url> {
    let url = Url::parse(text).context("url is no URL")?;
    ensure!(
        ["http", "https"].contains(&url.scheme()) && url.has_host(),
        "url must begin with https:// (or http://) and name a host"
    );
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "url holds credentials, which would be sent nowhere; leave them out"
    );
    ensure!(
        url.fragment().is_none(),
        "url has a fragment, which is never sent"
    );
    let host = url.host_str().unwrap_or_default();
    ensure!(
        url.scheme() == "https" || is_loopback(host) || plain_http,
        "url is http to another machine: anybody between could read what is told. Use https, \
         or say plain_http = true beside it if that network is trusted"
    );
    Ok(url)
}

/// Whether a host is this machine, by its name or by its address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_goes_where_it_says_and_is_not_read_on_the_way() {
        for (text, plain_http, refusal) in [
            ("https://pager.example/hunter2?x=1", false, None),
            ("http://127.0.0.1:9/x", false, None),
            ("http://[::1]/x", false, None),
            ("http://localhost/x", false, None),
            ("http://pager.example/hunter2", true, None),
            ("http://pager.example/hunter2", false, Some("plain_http")),
            ("http://10.0.0.1/hunter2", false, Some("plain_http")),
            (
                "http://localhost.example/hunter2",
                false,
                Some("plain_http"),
            ),
            ("ftp://pager.example/hunter2", true, Some("must begin")),
            ("/hunter2", true, Some("no URL")),
            ("https://u:hunter2@h/x", true, Some("credentials")),
            ("https://h/x#hunter2", true, Some("fragment")),
        ] {
            let said = parse(text, plain_http)
                .err()
                .map(|error| format!("{error:#}"));
            match (&said, refusal) {
                (None, None) => {}
                (Some(said), Some(refusal)) => assert!(said.contains(refusal), "{text}: {said}"),
                (_, _) => panic!("{text}: {said:?}"),
            }
            assert!(!said.unwrap_or_default().contains("hunter2"), "{text}");
        }
    }
}
