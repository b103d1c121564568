//! Whatever was refused is explained somehow: never a panic, never without a finding, and every
//! finding has words. How an input is read, `payhook_fuzz::described` says.
#![no_main]

use domain::diagnosis::diagnose;
use domain::providers::ProviderId;
use domain::secret::Secret;
use domain::signature::SignatureRefusal;
use domain::source::{Handling, Source, SourceName};
use domain::time::Millis;
use libfuzzer_sys::fuzz_target;
use payhook_fuzz::{CHOICE, described, setup};

/// What a quarantine may have kept, from when the secrets and the clock were others.
const KEPT: [SignatureRefusal; 11] = [
    SignatureRefusal::HeaderMissing,
    SignatureRefusal::HeaderRepeated,
    SignatureRefusal::HeaderMalformed,
    SignatureRefusal::SignedPartMissing,
    SignatureRefusal::TimestampMalformed,
    SignatureRefusal::TimestampTooOld {
        age: Millis::new(u64::MAX),
    },
    SignatureRefusal::TimestampInFuture {
        ahead: Millis::new(u64::MAX),
    },
    SignatureRefusal::CertificateUntrusted,
    SignatureRefusal::CertificateUnknown,
    SignatureRefusal::NoSecretMatches,
    SignatureRefusal::Unsigned,
];

fuzz_target!(|input: &[u8]| {
    let Some(found) = described(input, |id| setup(id, false)) else {
        return;
    };
    let ours = source(found.id, "shop", Secret::new("ours", "5e".repeat(32)));
    // The sample is signed with the other source's secret: that is to be found out.
    let other = source(found.id, "other", setup(found.id, false).trusted);
    let refusal = match ours.provider.verify(found.delivery.clone(), &ours.secrets) {
        Err((refusal, _)) if found.flags & CHOICE == 0 => refusal,
        _ => KEPT[usize::from(input[3]) % KEPT.len()],
    };
    let diagnosis = diagnose(refusal, &found.delivery, &ours, &[other]);
    assert_eq!(diagnosis.refusal, refusal);
    assert!(!diagnosis.findings.is_empty());
    for finding in &diagnosis.findings {
        assert!(!finding.to_string().is_empty());
        assert_ne!(finding.advice(), Some(""));
    }
});

fn source(id: ProviderId, name: &str, secret: Secret) -> Source {
    Source {
        name: SourceName::try_new(name).expect("a name"),
        provider: setup(id, false).provider,
        secrets: vec![secret],
        when_authenticated: Handling::Accept,
    }
}
