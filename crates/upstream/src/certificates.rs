//! PayPal's certificates: fetched from its own folder, judged, and kept.
//!
//! Their URL stands in a delivery that nobody has vouched for yet, so that whoever sends us one
//! decides what is fetched. Hence: only names in PayPal's folder; one request for one URL at a
//! time; failures are kept too; and only so many URLs a minute that were never good.
//!
//! PayPal's own Java SDK takes for granted that the certificate comes alone (its
//! `SSLUtil.validateCertificateChain` wants PayPal's name in every one that came, and ships the
//! issuer's). Where the chain is not whole, the issuer's is fetched from where the certificate says,
//! if that is in the folder of PayPal's certification authority. Revocation is not asked for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::signature::{Certificate, is_paypal_certificate_url};
use domain::time::{Millis, Timestamp};
use engine::clock::Clock;
use engine::upstream::UpstreamFailure;
use reqwest::Url;

use crate::chain::{Chain, NotHeld, Roots};
use crate::client::{self, HttpClient, Reply};
use crate::settings::{self, InvalidUpstream, Options};
use crate::within;

/// Longest certificate or chain, in bytes; one certificate is 2 to 3 KiB as PEM.
const CHAIN_BYTES_MAX: usize = 64 * 1024;

/// Most URLs that are remembered. PayPal has a handful at a time.
const URLS_MAX: usize = 64;

/// Where the certificates of PayPal's issuers are: the place that its published sandbox certificate
/// names.
const ISSUERS: &str = "http://cacerts.digicert.com";

/// Most issuers' certificates that are fetched for one chain; one is usual.
const ISSUERS_MAX: u8 = 2;

/// A certificate is fetched again after this: one that PayPal has taken away must not live on here.
const GOOD_FOR: Millis = Millis::from_secs(24 * 60 * 60);

/// A failure is believed for this long.
const FAILED_FOR: Millis = Millis::from_secs(30);

/// Most fetches a minute for URLs that have not been good yet: a forger can make up names without
/// end, and PayPal must not hear of each. Those that were good once are not counted, so that a
/// forger cannot use up their turn.
const NEW_PER_MINUTE_MAX: usize = 20;

const MINUTE: Millis = Millis::from_secs(60);

pub(crate) struct Certificates {
    client: HttpClient,
    roots: Roots,
    stand_in: Option<Url>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    slots: HashMap<String, Slot>,
    /// When new URLs were fetched within the last minute.
    fetched_at: VecDeque<Timestamp>,
}

/// One URL. The lock is held while it is fetched, so that others wait for the one answer.
struct Slot {
    used_at: Timestamp,
    kept: Arc<tokio::sync::Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    was_good: bool,
    outcome: Option<(Result<Certificate, UpstreamFailure>, Timestamp)>,
}

impl Certificates {
    pub(crate) fn try_new(
        client: HttpClient,
        options: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidUpstream> {
        let stand_in = match options.certificate_base.as_deref().map(settings::place) {
            None => None,
            Some(Some(url)) if settings::is_loopback(&url) => Some(url),
            Some(_) => return Err(InvalidUpstream::CertificateBase),
        };
        Ok(Self {
            client,
            roots: Roots::try_new(&options.extra_roots)?,
            stand_in,
            timeout: options.certificate_timeout.to_duration(),
            clock,
            shared: Mutex::default(),
        })
    }

    /// The certificate at `url`, kept or fetched.
    pub(crate) async fn get(&self, url: &str) -> Result<Certificate, UpstreamFailure> {
        let address = self.address(url).ok_or(UpstreamFailure::Untrusted)?;
        let slot = self.slot(url)?;
        let mut kept = slot.lock().await;
        let now = self.clock.now();
        if let Some((outcome, until)) = &kept.outcome
            && now < *until
        {
            return outcome.clone();
        }
        if !kept.was_good && !self.shared(|shared| shared.may_fetch(now, true)) {
            return Err(UpstreamFailure::Unavailable);
        }
        let outcome = within(self.timeout, self.fetch(url, address)).await;
        let now = self.clock.now();
        let until = match &outcome {
            Ok(certificate) => certificate.not_after.min(now.after(GOOD_FOR)),
            Err(_) => now.after(FAILED_FOR),
        };
        kept.was_good |= outcome.is_ok();
        kept.outcome = Some((outcome.clone(), until));
        outcome
    }

    /// Where `url` is fetched; `None` when it is not to be.
    fn address(&self, url: &str) -> Option<Url> {
        let Some(stand_in) = &self.stand_in else {
            return is_paypal_certificate_url(url).then(|| Url::parse(url).ok())?;
        };
        let folder = stand_in.as_str().trim_end_matches('/');
        let name = if is_paypal_certificate_url(url) {
            url.rsplit_once('/').map(|(_, name)| name)
        } else {
            url.strip_prefix(folder)
                .and_then(|rest| rest.strip_prefix('/'))
        }?;
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        is_name.then(|| Url::parse(&format!("{folder}/{name}")).ok())?
    }

    /// The place of `url`, made when there is one to be had.
    fn slot(&self, url: &str) -> Result<Arc<tokio::sync::Mutex<Kept>>, UpstreamFailure> {
        let now = self.clock.now();
        self.shared(|shared| {
            if let Some(slot) = shared.slots.get_mut(url) {
                slot.used_at = now;
                return Ok(Arc::clone(&slot.kept));
            }
            // What may not be fetched needs no place, and must take nobody else's.
            if !shared.may_fetch(now, false) {
                return Err(UpstreamFailure::Unavailable);
            }
            shared.make_room();
            let kept = Arc::default();
            let slot = Slot {
                used_at: now,
                kept: Arc::clone(&kept),
            };
            shared.slots.insert(url.to_owned(), slot);
            Ok(kept)
        })
    }

    async fn fetch(&self, url: &str, address: Url) -> Result<Certificate, UpstreamFailure> {
        let pem = self.download(address).await?;
        let mut chain = Chain::parse(&pem).ok_or(UpstreamFailure::Unreadable)?;
        let mut issuers_left = ISSUERS_MAX;
        loop {
            match self.roots.judge(url, &chain, self.clock.now()) {
                Ok(certificate) => return Ok(certificate),
                Err(NotHeld::Unreadable) => return Err(UpstreamFailure::Unreadable),
                // The leaf came alone.
                Err(NotHeld::Open) if issuers_left > 0 => issuers_left -= 1,
                Err(NotHeld::Open | NotHeld::Untrusted) => return Err(UpstreamFailure::Untrusted),
            }
            let issuer = chain.issuer_url().and_then(|url| self.issuer_address(&url));
            let issuer = issuer.ok_or(UpstreamFailure::Untrusted)?;
            chain.push(self.download(issuer).await?.to_vec());
        }
    }

    async fn download(&self, address: Url) -> Result<Bytes, UpstreamFailure> {
        match client::send(self.client.get(address), CHAIN_BYTES_MAX).await {
            Ok(Reply::Found(body)) => Ok(body),
            // A made-up name.
            Ok(Reply::Unknown | Reply::Rejected(_)) => Err(UpstreamFailure::Unreadable),
            // No credentials are sent: nobody has to mend them.
            Err(UpstreamFailure::Unauthorized) => Err(UpstreamFailure::Unavailable),
            Err(failure) => Err(failure),
        }
    }

    /// Where an issuer's certificate is fetched; `None` when it is not to be. Plain http will do:
    /// the signature under the leaf says whether it is the right one.
    fn issuer_address(&self, url: &str) -> Option<Url> {
        let folder = match &self.stand_in {
            Some(stand_in) => stand_in.as_str().trim_end_matches('/'),
            None => ISSUERS,
        };
        let name = url.strip_prefix(folder)?.strip_prefix('/')?;
        let is_name = (1..=128).contains(&name.len())
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        is_name.then(|| Url::parse(url).ok())?
    }

    fn shared<T>(&self, change: impl FnOnce(&mut Shared) -> T) -> T {
        change(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    /// Whether one more new URL may be fetched now; counts it when it `is_fetched`.
    fn may_fetch(&mut self, now: Timestamp, is_fetched: bool) -> bool {
        // A clock that was set back leaves times to come, which say nothing any more.
        self.fetched_at
            .retain(|each| *each <= now && now.since(*each) < MINUTE);
        let may = self.fetched_at.len() < NEW_PER_MINUTE_MAX;
        if may && is_fetched {
            self.fetched_at.push_back(now);
        }
        may
    }

    /// Forgets the least useful URL when there are too many: one that was never good, then the one
    /// that was used the longest ago.
    fn make_room(&mut self) {
        while self.slots.len() >= URLS_MAX {
            let least = self.slots.iter().min_by_key(|(_, slot)| {
                // One that is being fetched is as good as good.
                let was_good = slot.kept.try_lock().map_or(true, |kept| kept.was_good);
                (was_good, slot.used_at)
            });
            let Some(url) = least.map(|(url, _)| url.clone()) else {
                return;
            };
            self.slots.remove(&url);
        }
    }
}
