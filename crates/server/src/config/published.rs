//! The addresses from which providers say that their webhooks come, one file each with where it says
//! so and when that was read.
//!
//! Only providers that publish such a list are here. They change it, with a week's notice or none:
//! whoever allows these addresses and no others must follow the provider's announcements.

use domain::providers::ProviderId;
use engine::ingress::Network;

/// Each provider's file.
const FILES: [(ProviderId, &str); 4] = [
    (ProviderId::Stripe, include_str!("published/stripe.txt")),
    (ProviderId::Paddle, include_str!("published/paddle.txt")),
    (ProviderId::Paystack, include_str!("published/paystack.txt")),
    (
        ProviderId::Gocardless,
        include_str!("published/gocardless.txt"),
    ),
];

/// What `provider` publishes, if it publishes anything.
pub(crate) fn networks(provider: ProviderId) -> Option<Vec<Network>> {
    let (_, file) = FILES.iter().find(|(id, _)| *id == provider)?;
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    // A test reads every line of every file.
    Some(lines.filter_map(|line| line.parse().ok()).collect())
}

/// The providers that publish something, by name.
pub(crate) fn providers() -> String {
    FILES.map(|(id, _)| id.name()).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_says_where_it_is_from_and_has_networks_and_nothing_else() {
        for (id, file) in FILES {
            let (about, lines): (Vec<_>, Vec<_>) =
                file.lines().partition(|line| line.starts_with('#'));
            let says = |what: &str| about.iter().any(|line| line.starts_with(what));
            assert!(says("# source: https://") && says("# read as: "), "{id:?}");
            let read = networks(id).unwrap();
            assert!(!read.is_empty() && read.len() == lines.len(), "{id:?}");
        }
        assert_eq!(networks(ProviderId::Generic), None);
    }
}
