//! PayPal's certificates.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};

use axum::response::Response;
use domain::signature::Certificate;
use domain::time::{Millis, Timestamp};
use engine::clock::ManualClock;
use engine::upstream::{Upstream as _, UpstreamFailure};
use futures_util::future::join_all;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize,
    date_time_ymd,
};
use upstream::{HttpUpstream, Options};

use crate::support::{Asked, reply, silent, with_server};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000); // 2026-01-01
const PAYPALS: &str = "https://api.paypal.com/v1/notifications/certs/";

/// A root of our own, an intermediate one, and what it has signed for PayPal.
struct Chain {
    root: Vec<u8>,
    middle: Vec<u8>,
    pem: String,
    leaf_key: Vec<u8>,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2030, 1, 1));
    params
}

/// A chain whose leaf says that its issuer's certificate is at `issuer`.
fn chain_of(leaf_key: &KeyPair, usage: ExtendedKeyUsagePurpose, issuer: &str) -> Chain {
    let key = |_| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let (root_key, middle_key) = (key(()), key(()));
    let root = authority("Root");
    let root_der = root.self_signed(&root_key).unwrap().der().to_vec();
    let root = Issuer::new(root, root_key);
    let middle = authority("Middle");
    let middle_certificate = middle.signed_by(&middle_key, &root).unwrap();
    let middle = Issuer::new(middle, middle_key);
    let names = ["messageverificationcerts.paypal.com", "two.paypal.com"].map(str::to_owned);
    let mut leaf = CertificateParams::new(names).unwrap();
    leaf.distinguished_name
        .push(DnType::CommonName, "messageverificationcerts.paypal.com");
    leaf.extended_key_usages = vec![usage];
    leaf.custom_extensions.push(issuer_at(issuer));
    (leaf.not_before, leaf.not_after) = (date_time_ymd(2025, 12, 1), date_time_ymd(2026, 2, 1));
    let leaf = leaf.signed_by(leaf_key, &middle).unwrap();
    Chain {
        root: root_der,
        middle: middle_certificate.der().to_vec(),
        pem: leaf.pem() + &middle_certificate.pem(),
        leaf_key: leaf_key.subject_public_key_info(),
    }
}

/// Authority information access (RFC 5280, section 4.2.2.1) with one place of the issuer's.
fn issuer_at(url: &str) -> CustomExtension {
    let wrap = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 128);
        [&[tag, length], content].concat()
    };
    let ca_issuers = [0x06, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    let access = wrap(
        0x30,
        &[&ca_issuers, &wrap(0x86, url.as_bytes())[..]].concat(),
    );
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], wrap(0x30, &access))
}

/// The first certificate of a PEM text.
fn first(pem: &str) -> &str {
    let end = "-----END CERTIFICATE-----";
    let (leaf, _) = pem.split_once(end).unwrap();
    &pem[..leaf.len() + end.len()]
}

fn chain() -> Chain {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    chain_of(&key, ExtendedKeyUsagePurpose::ServerAuth, "http://x")
}

fn upstream(base: Option<&str>, roots: &[&Chain], clock: &ManualClock) -> HttpUpstream {
    let options = Options {
        certificate_base: base.map(|base| format!("{base}/certs/")),
        extra_roots: roots.iter().map(|chain| chain.root.clone()).collect(),
        certificate_timeout: Millis::from_secs(20),
        ..Options::default()
    };
    HttpUpstream::try_new([], &options, Arc::new(clock.clone())).unwrap()
}

fn serve(pem: &str) -> impl Fn(&Asked) -> Response + Clone + Send + Sync + use<> {
    let pem = pem.to_owned();
    move |_| reply(200, pem.clone())
}

#[tokio::test]
async fn a_chain_to_a_trusted_root_gives_the_leafs_key_names_and_times() {
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let chains = [
        chain(),
        chain_of(&rsa, ExtendedKeyUsagePurpose::ServerAuth, "http://x"),
    ];
    for chain in &chains {
        let clock = ManualClock::at(NOW);
        with_server(serve(&chain.pem), async |url, log| {
            let upstream = upstream(Some(&url), &[chain], &clock);
            let asked = [format!("{PAYPALS}CERT-1"), format!("{url}/certs/CERT-1")];
            for asked in &asked {
                let expected = Certificate {
                    url: asked.clone(),
                    public_key: chain.leaf_key.clone(),
                    names: ["messageverificationcerts.paypal.com", "two.paypal.com"]
                        .map(str::to_owned)
                        .to_vec(),
                    not_before: Timestamp::from_iso("2025-12-01T00:00:00Z").unwrap(),
                    not_after: Timestamp::from_iso("2026-02-01T00:00:00Z").unwrap(),
                };
                assert_eq!(upstream.certificate(asked).await, Ok(expected));
            }
            assert_eq!(log.uris(), ["/certs/CERT-1", "/certs/CERT-1"]);
            assert!(log.all().iter().all(|asked| asked.authorization.is_none()));
        })
        .await;
    }
}

#[tokio::test]
async fn a_chain_that_does_not_hold_is_untrusted() {
    let (good, other) = (chain(), chain());
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let wrong_use = chain_of(&key, ExtendedKeyUsagePurpose::CodeSigning, "http://x");
    let leaf_only = first(&good.pem);
    let before = Timestamp::from_iso("2025-11-30T23:59:59Z").unwrap();
    let after = Timestamp::from_iso("2026-02-01T00:00:01Z").unwrap();
    for (what, pem, roots, now) in [
        ("only public roots", good.pem.as_str(), vec![], NOW),
        ("another root", &good.pem, vec![&other], NOW),
        ("no intermediate", leaf_only, vec![&good], NOW),
        ("not yet", &good.pem, vec![&good], before),
        ("no more", &good.pem, vec![&good], after),
        ("another use", &wrong_use.pem, vec![&wrong_use], NOW),
    ] {
        let clock = ManualClock::at(now);
        with_server(serve(pem), async |url, _| {
            let upstream = upstream(Some(&url), &roots, &clock);
            let found = upstream.certificate(&format!("{PAYPALS}CERT-1")).await;
            assert_eq!(found, Err(UpstreamFailure::Untrusted), "{what}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_leaf_alone_is_completed_from_where_it_says_its_issuer_is() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let made: Arc<OnceLock<Chain>> = Arc::default();
    let middle_status = Arc::new(AtomicU16::new(200));
    let (serves, says) = (Arc::clone(&made), Arc::clone(&middle_status));
    let answer = move |asked: &Asked| {
        let chain = serves.get().unwrap();
        match asked.uri.as_str() {
            "/certs/Middle.crt" => reply(says.load(Ordering::SeqCst), chain.middle.clone()),
            _ => reply(200, first(&chain.pem).to_owned()),
        }
    };
    with_server(answer, async |url, log| {
        let place = format!("{url}/certs/Middle.crt");
        let chain = chain_of(&key, ExtendedKeyUsagePurpose::ServerAuth, &place);
        assert!(made.set(chain).is_ok());
        let clock = ManualClock::at(NOW);
        let trusting = upstream(Some(&url), &[made.get().unwrap()], &clock);
        let asked = format!("{PAYPALS}CERT-1");
        assert!(trusting.certificate(&asked).await.is_ok());
        assert_eq!(log.uris(), ["/certs/CERT-1", "/certs/Middle.crt"]);
        // Without a root that is trusted, the middle one says nothing.
        let distrusting = upstream(Some(&url), &[], &clock);
        let found = distrusting.certificate(&asked).await;
        assert_eq!(found, Err(UpstreamFailure::Untrusted));
        middle_status.store(503, Ordering::SeqCst);
        let waiting = upstream(Some(&url), &[made.get().unwrap()], &clock);
        let found = waiting.certificate(&asked).await;
        assert_eq!(found, Err(UpstreamFailure::Unavailable));
    })
    .await;
}

#[tokio::test]
async fn an_issuer_is_not_looked_for_just_anywhere() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    with_server(
        |_| reply(200, "x"),
        async |elsewhere, elsewhere_log| {
            for place in [
                format!("{elsewhere}/certs/Middle.crt"),
                format!("{elsewhere}/"),
                "file:///etc/passwd".to_owned(),
                String::new(),
            ] {
                let chain = chain_of(&key, ExtendedKeyUsagePurpose::ServerAuth, &place);
                let clock = ManualClock::at(NOW);
                with_server(serve(first(&chain.pem)), async |url, log| {
                    let upstream = upstream(Some(&url), &[&chain], &clock);
                    let found = upstream.certificate(&format!("{PAYPALS}CERT-1")).await;
                    assert_eq!(found, Err(UpstreamFailure::Untrusted), "{place}");
                    assert_eq!(log.uris(), ["/certs/CERT-1"]);
                })
                .await;
            }
            assert_eq!(elsewhere_log.all(), []);
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_no_chain_is_not_read() {
    let good = chain();
    let long = format!("{}{}", good.pem, "\n".repeat(64 * 1024));
    let many = good.pem.repeat(5);
    for pem in [
        "",
        "no",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        &long,
        &many,
    ] {
        let clock = ManualClock::at(NOW);
        with_server(serve(pem), async |url, _| {
            let upstream = upstream(Some(&url), &[&good], &clock);
            let found = upstream.certificate(&format!("{PAYPALS}CERT-1")).await;
            assert_eq!(found, Err(UpstreamFailure::Unreadable));
        })
        .await;
    }
    use UpstreamFailure::{Unavailable, Unreadable};
    for (status, failure) in [
        (404, Unreadable),
        (400, Unreadable),
        (302, Unreadable),
        (403, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
    ] {
        let clock = ManualClock::at(NOW);
        with_server(
            move |_| reply(status, ""),
            async |url, _| {
                let upstream = upstream(Some(&url), &[&good], &clock);
                let found = upstream.certificate(&format!("{PAYPALS}CERT-1")).await;
                assert_eq!(found, Err(failure), "{status}");
            },
        )
        .await;
    }
}

#[tokio::test]
async fn nothing_is_asked_of_anybody_but_paypal() {
    let clock = ManualClock::at(NOW);
    with_server(
        |_| reply(200, ""),
        async |url, log| {
            // Without a stand-in, and with one elsewhere on the same machine.
            let (_listener, stand_in) = silent().await;
            for upstream in [
                upstream(None, &[], &clock),
                upstream(Some(&stand_in), &[], &clock),
            ] {
                for bad in [
                    format!("{url}/certs/CERT-1"),
                    format!("{url}/v1/notifications/certs/CERT-1"),
                    format!("{stand_in}1/certs/CERT-1"),
                    format!("{stand_in}/certsX/CERT-1"),
                    format!("{stand_in}/certs/../CERT-1"),
                    format!("{stand_in}/certs/CERT-1?x"),
                    format!("{stand_in}/certs/"),
                    format!("{PAYPALS}../CERT-1"),
                    format!("{PAYPALS}CERT-1?x"),
                    "https://evil.example/v1/notifications/certs/CERT-1".to_owned(),
                    "https://api.paypal.com.evil.example/v1/notifications/certs/C".to_owned(),
                    "http://api.paypal.com/v1/notifications/certs/C".to_owned(),
                    String::new(),
                ] {
                    let found = upstream.certificate(&bad).await;
                    assert_eq!(found, Err(UpstreamFailure::Untrusted), "{bad}");
                }
            }
            assert_eq!(log.all(), []);
        },
    )
    .await;
}

#[tokio::test]
async fn one_request_serves_everybody_for_a_day() {
    let chain = chain();
    let clock = ManualClock::at(NOW);
    with_server(serve(&chain.pem), async |url, log| {
        let upstream = upstream(Some(&url), &[&chain], &clock);
        let asked = format!("{PAYPALS}CERT-1");
        let found = join_all((0..20).map(|_| upstream.certificate(&asked))).await;
        assert!(found.iter().all(Result::is_ok));
        assert_eq!(log.all().len(), 1, "all at once");
        clock.set(NOW.after(Millis::new(24 * 60 * 60 * 1000 - 1)));
        upstream.certificate(&asked).await.unwrap();
        assert_eq!(log.all().len(), 1, "a day has not passed");
        clock.set(NOW.after(Millis::new(24 * 60 * 60 * 1000)));
        upstream.certificate(&asked).await.unwrap();
        assert_eq!(log.all().len(), 2);
        // Not beyond its own end, where it is refused.
        clock.set(Timestamp::from_iso("2026-01-31T20:00:00Z").unwrap());
        upstream.certificate(&asked).await.unwrap();
        clock.set(Timestamp::from_iso("2026-02-01T00:00:01Z").unwrap());
        let found = upstream.certificate(&asked).await;
        assert_eq!(found, Err(UpstreamFailure::Untrusted));
        assert_eq!(log.all().len(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_believed_for_half_a_minute() {
    let chain = chain();
    let clock = ManualClock::at(NOW);
    let status = Arc::new(AtomicU16::new(500));
    let (pem, says) = (chain.pem.clone(), Arc::clone(&status));
    let answer = move |_: &Asked| reply(says.load(Ordering::SeqCst), pem.clone());
    with_server(answer, async |url, log| {
        let upstream = upstream(Some(&url), &[&chain], &clock);
        let asked = format!("{PAYPALS}CERT-1");
        for _ in 0..5 {
            let found = upstream.certificate(&asked).await;
            assert_eq!(found, Err(UpstreamFailure::Unavailable));
        }
        assert_eq!(log.all().len(), 1);
        status.store(200, Ordering::SeqCst);
        clock.set(NOW.after(Millis::new(29_999)));
        assert!(upstream.certificate(&asked).await.is_err());
        assert_eq!(log.all().len(), 1);
        clock.set(NOW.after(Millis::new(30_000)));
        assert!(upstream.certificate(&asked).await.is_ok());
        assert_eq!(log.all().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_silent_server_is_a_failure_that_is_remembered() {
    let (listener, url) = silent().await;
    let clock = ManualClock::at(NOW);
    let options = Options {
        certificate_base: Some(url),
        certificate_timeout: Millis::new(50),
        ..Options::default()
    };
    let upstream = HttpUpstream::try_new([], &options, Arc::new(clock)).unwrap();
    let asked = format!("{PAYPALS}CERT-1");
    for _ in 0..2 {
        let found = upstream.certificate(&asked).await;
        assert_eq!(found, Err(UpstreamFailure::Unavailable));
    }
    listener.accept().await.unwrap();
    let second = tokio::time::timeout(Millis::new(50).to_duration(), listener.accept());
    assert!(second.await.is_err(), "asked again");
}

#[tokio::test]
async fn a_forger_with_many_names_costs_few_requests_and_nobody_their_certificate() {
    let chain = chain();
    let clock = ManualClock::at(NOW);
    let pem = chain.pem.clone();
    let answer = move |asked: &Asked| match asked.uri.as_str() {
        "/certs/GOOD" => reply(200, pem.clone()),
        _ => reply(404, ""),
    };
    with_server(answer, async |url, log| {
        let upstream = upstream(Some(&url), &[&chain], &clock);
        let good = format!("{PAYPALS}GOOD");
        upstream.certificate(&good).await.unwrap();
        for minute in 0..10 {
            clock.set(NOW.after(Millis::from_secs(minute * 60)));
            for name in 0..100 {
                let forged = format!("{PAYPALS}FORGED-{minute}-{name}");
                assert!(upstream.certificate(&forged).await.is_err());
            }
        }
        let asked = log.all().len();
        assert!((180..=200).contains(&asked), "20 a minute, not {asked}");
        // Still kept, though there were more names than there are places.
        upstream.certificate(&good).await.unwrap();
        assert_eq!(log.all().len(), asked);
        // And fetched again, though the minute's new ones are used up.
        clock.set(NOW.after(Millis::from_secs(24 * 60 * 60)));
        for name in 0..30 {
            let _refused = upstream.certificate(&format!("{PAYPALS}LAST-{name}")).await;
        }
        let asked = log.all().len();
        upstream.certificate(&good).await.unwrap();
        assert_eq!(log.all().len(), asked + 1);
    })
    .await;
}
