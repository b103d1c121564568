//! Judging a delivery with everything that can be asked for it: the rules decide, and where they
//! say that something is missing that only the provider has, it is asked for and they decide again.

use domain::admit::{self, Admitted, Refusal, Refused};
use domain::delivery::{HeaderValue, RawDelivery};
use domain::signature::SignatureRefusal;
use domain::source::Source;
use tracing::{Instrument as _, info_span};

use crate::upstream::{Upstream, UpstreamFailure};

/// Why a delivery is not admitted.
#[derive(Debug)]
pub(crate) enum NotAdmitted {
    /// The rules refuse it.
    Refused(Box<Refused>),
    /// What only the provider can tell could not be had; whoever sent it should try again.
    NotNow(UpstreamFailure),
}

impl From<Refused> for NotAdmitted {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

/// Judges `delivery` as of the time it was received.
pub(crate) async fn judge(
    delivery: RawDelivery,
    source: &Source,
    upstream: &dyn Upstream,
) -> Result<Admitted, NotAdmitted> {
    let mut refused = match once(delivery, source) {
        Ok(admitted) => return Ok(admitted),
        Err(refused) => refused,
    };
    if refused.refusal == Refusal::Signature(SignatureRefusal::CertificateUnknown) {
        let url = certificate_url(&refused.delivery);
        refused = match upstream.certificate(&url).await {
            Ok(certificate) => {
                let mut knowing = source.clone();
                knowing.provider = knowing.provider.with_certificate(certificate);
                match once(refused.delivery, &knowing) {
                    Ok(admitted) => return Ok(admitted),
                    Err(refused) => refused,
                }
            }
            Err(UpstreamFailure::Untrusted | UpstreamFailure::Unreadable) => Refused {
                refusal: SignatureRefusal::CertificateUntrusted.into(),
                ..refused
            },
            Err(failure) => return Err(NotAdmitted::NotNow(failure)),
        };
    }
    if refused.refusal == Refusal::MustFetch {
        let asked = upstream.truth(source, &refused.delivery);
        return match asked.instrument(info_span!("fetch")).await {
            Ok(Some(truth)) => Ok(admit::admit_fetched(refused.delivery, truth, source)?),
            Ok(None) => Err(Refused {
                refusal: Refusal::UnknownToProvider,
                ..refused
            }
            .into()),
            Err(failure) => Err(NotAdmitted::NotNow(failure)),
        };
    }
    Err(refused.into())
}

fn once(delivery: RawDelivery, source: &Source) -> Result<Admitted, Refused> {
    info_span!("verify").in_scope(|| admit::admit(delivery, source))
}

/// The URL that names the certificate; the verifier has found it to be the provider's own.
fn certificate_url(delivery: &RawDelivery) -> String {
    match delivery.headers.one("paypal-cert-url") {
        HeaderValue::Once(value) => String::from_utf8_lossy(value).into_owned(),
        HeaderValue::Missing | HeaderValue::Repeated => String::new(),
    }
}
