//! Wrong settings are refused before anything is sent, and no token is shown.

use std::sync::Arc;

use domain::source::SourceName;
use domain::time::Millis;
use engine::clock::SystemClock;
use upstream::{ApiSettings, HttpUpstream, InvalidUpstream, Options};

use crate::support::{TOKEN, api};

fn name() -> SourceName {
    SourceName::try_new("shop").unwrap()
}

fn refused(apis: Vec<(SourceName, ApiSettings)>, options: &Options) -> Option<InvalidUpstream> {
    HttpUpstream::try_new(apis, options, Arc::new(SystemClock)).err()
}

fn one(settings: ApiSettings) -> Option<InvalidUpstream> {
    refused(vec![(name(), settings)], &Options::default())
}

#[test]
fn a_base_url_is_https_or_on_this_machine() {
    for good in [
        "https://api.example",
        "https://api.example/eu/",
        "http://127.0.0.1:8080",
        "http://127.8.0.1",
        "http://localhost:1",
        "http://[::1]:1/x",
    ] {
        assert_eq!(one(api(good, TOKEN)), None, "{good}");
    }
    let mut official = api("", TOKEN);
    official.base_url = None;
    assert_eq!(one(official), None);
    let source_name = name();
    for bad in [
        "http://api.example",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
    ] {
        let expected = InvalidUpstream::PlainHttp {
            source_name: source_name.clone(),
        };
        assert_eq!(one(api(bad, TOKEN)), Some(expected), "{bad}");
    }
    for bad in [
        "",
        "api.example",
        "ftp://api.example",
        "file:///x",
        "https://user:hunter2@api.example",
        "https://user@api.example",
        "https://api.example?a=b",
        "https://api.example#a",
    ] {
        let expected = InvalidUpstream::BaseUrl {
            source_name: source_name.clone(),
        };
        assert_eq!(one(api(bad, TOKEN)), Some(expected), "{bad}");
    }
}

#[test]
fn a_token_that_cannot_be_sent_is_refused_and_never_shown() {
    for bad in ["", "hunter2\n", "hunter2 x", "hunter2\u{e9}"] {
        let error = one(api("https://api.example", bad)).unwrap();
        let expected = InvalidUpstream::Token {
            source_name: name(),
        };
        assert_eq!(error, expected);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    let settings = api("https://u:hunter2@api.example", TOKEN);
    assert!(!format!("{settings:?}").contains("hunter2"));
    let apis = vec![(name(), api("https://api.example", TOKEN))];
    let upstream = HttpUpstream::try_new(apis, &Options::default(), Arc::new(SystemClock));
    let shown = format!("{:?}", upstream.unwrap());
    assert!(
        !shown.contains("hunter2") && shown.contains("shop"),
        "{shown}"
    );
}

#[test]
fn what_cannot_work_is_refused() {
    let mut instant = api("https://api.example", TOKEN);
    instant.timeout = Millis::new(0);
    let expected = InvalidUpstream::Timeout {
        source_name: name(),
    };
    assert_eq!(one(instant), Some(expected));

    let settings = || (name(), api("https://api.example", TOKEN));
    let expected = InvalidUpstream::Twice {
        source_name: name(),
    };
    let twice = refused(vec![settings(), settings()], &Options::default());
    assert_eq!(twice, Some(expected));

    for base in ["https://api.example/certs", "http://10.0.0.1", "x"] {
        let options = Options {
            certificate_base: Some(base.to_owned()),
            ..Options::default()
        };
        let error = refused(Vec::new(), &options);
        assert_eq!(error, Some(InvalidUpstream::CertificateBase), "{base}");
    }
    let options = Options {
        extra_roots: vec![b"no certificate".to_vec()],
        ..Options::default()
    };
    assert_eq!(refused(Vec::new(), &options), Some(InvalidUpstream::Root));
}
