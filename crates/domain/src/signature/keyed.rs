//! A secret's key worked into its HMAC once, and not again for every delivery.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;

use once_cell::race::OnceBox;

use super::hmac::KeyForm;
use super::mac::{HmacAlgorithm, Keyed};
use crate::secret::Secret;

/// What the first use of a secret has worked out; it is wiped when the last copy of it goes.
///
/// A secret belongs to one source, and so to one form and one algorithm: the first is all there is.
#[derive(Clone, Default)]
pub(crate) struct KeyedOnce(Arc<OnceBox<Worked>>);

struct Worked {
    form: KeyForm,
    algorithm: HmacAlgorithm,
    /// `None` where the secret's text is not of that form.
    keyed: Option<Keyed>,
}

impl KeyedOnce {
    /// The HMAC of the secret that this belongs to; `None` where its text is not of this form.
    pub(crate) fn of<'a>(
        &'a self,
        secret: &Secret,
        form: KeyForm,
        algorithm: HmacAlgorithm,
    ) -> Option<Cow<'a, Keyed>> {
        let work_out = || {
            let key = form.key(secret.expose());
            key.map(|key| algorithm.keyed(&key))
        };
        let first = self.0.get_or_init(|| {
            Box::new(Worked {
                form,
                algorithm,
                keyed: work_out(),
            })
        });
        if (first.form, first.algorithm) == (form, algorithm) {
            return first.keyed.as_ref().map(Cow::Borrowed);
        }
        work_out().map(Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_another_form_is_another_key() {
        let secret = Secret::new("a", "c5".repeat(32));
        for _ in 0..2 {
            for form in [KeyForm::Text, KeyForm::Hex, KeyForm::WebhookSecret] {
                for algorithm in HmacAlgorithm::ALL {
                    let key = form.key(secret.expose()).expect("of every form");
                    let expected = algorithm.mac(&key, &["body"]);
                    let keyed = secret.keyed(form, algorithm).expect("of every form");
                    assert!(keyed.mac(&["body"]).is(expected.as_ref()));
                }
            }
        }
    }

    #[test]
    fn what_is_not_of_the_form_has_no_key_however_often_it_is_asked_for() {
        for (text, form) in [("", KeyForm::Text), ("no digits", KeyForm::Hex)] {
            let secret = Secret::new("a", text);
            for _ in 0..2 {
                assert!(secret.keyed(form, HmacAlgorithm::Sha256).is_none());
            }
        }
    }
}
