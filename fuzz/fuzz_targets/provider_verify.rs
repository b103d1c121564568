//! Any headers, query and body are a refusal, never a panic, and never a proof: no input holds
//! the secret. How an input is read, `payhook_fuzz::described` says.
#![no_main]

use domain::providers::ProviderId;
use domain::secret::Secret;
use libfuzzer_sys::fuzz_target;
use payhook_fuzz::{CHOICE, RSA_PUBLIC_KEY_OF_NOBODY, Setup, described, setup};

fuzz_target!(|input: &[u8]| {
    let Some(found) = described(input, forger) else {
        return;
    };
    let ours = setup(found.id, found.flags & CHOICE != 0);
    let trusted = match found.id {
        // The forger has the one private key that there is.
        ProviderId::Wise => Secret::new("trusted", RSA_PUBLIC_KEY_OF_NOBODY),
        _ => ours.trusted,
    };
    let verdict = ours.provider.verify(found.delivery, &[trusted]);
    assert!(verdict.is_err(), "{} took it for proved", found.id.name());
});

/// Somebody who knows how the provider signs, and a secret that is not ours.
fn forger(id: ProviderId) -> Setup {
    let setup = setup(id, false);
    let own = String::from_utf8_lossy(setup.signing.expose()).into_owned();
    let text = match (id, own.split_once('\n')) {
        (ProviderId::Wise, _) => own,
        // PayPal's own key, and the webhook of somebody else.
        (ProviderId::Paypal, Some((_, key))) => format!("another-webhook\n{key}"),
        (ProviderId::StandardWebhooks, _) => format!("whsec_{}", "9e".repeat(32)),
        (_, _) => "9e".repeat(32),
    };
    let signing = match setup.signing.id() {
        Some(id) => Secret::new("forged", text).with_id(id),
        None => Secret::new("forged", text),
    };
    Setup { signing, ..setup }
}
