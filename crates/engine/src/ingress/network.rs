//! Networks of addresses, as allow-lists and lists of proxies name them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Every address that begins with the same bits, such as `192.0.2.0/24`; a single one is `/32` or
/// `/128`. An address of IPv4 that is written as one of IPv6 (`::ffff:192.0.2.1`) is one of IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// It is no address.
    #[error("is no address and no network such as 192.0.2.0/24")]
    NoNetwork,
    /// The address has bits beyond the prefix: one of both is a mistake.
    #[error("has an address that is not the first one of its network")]
    NotTheFirst,
}

impl Network {
    /// Whether `address` is one of its addresses.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4()
            && masked(address, self.prefix) == masked(self.first, self.prefix)
    }
}

/// The first bits of an address, at the top of a number.
fn masked(address: IpAddr, prefix: u8) -> u128 {
    let bits = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    match prefix {
        0 => 0,
        prefix => bits & (u128::MAX << (128 - u32::from(prefix))),
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| InvalidNetwork::NoNetwork)?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(text) if text.starts_with('+') => Err(InvalidNetwork::NoNetwork),
            Some(text) => text.parse().map_err(|_| InvalidNetwork::NoNetwork),
            None => Ok(bits),
        }?;
        if prefix > bits || first != first.to_canonical() {
            return Err(InvalidNetwork::NoNetwork);
        }
        if masked(first, prefix) != masked(first, bits) {
            return Err(InvalidNetwork::NotTheFirst);
        }
        Ok(Self { first, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_first_and_last_address_and_no_others() {
        for (network, inside, outside) in [
            (
                "192.0.2.4",
                &["192.0.2.4", "::ffff:192.0.2.4"][..],
                &["192.0.2.5", "::"][..],
            ),
            (
                "192.0.2.128/25",
                &["192.0.2.128", "192.0.2.255"],
                &["192.0.2.127", "192.0.3.0", "::ffff:192.0.2.127"],
            ),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::1"]),
            (
                "2001:db8::/63",
                &["2001:db8::", "2001:db8:0:1:ffff::"],
                &["2001:db8:0:2::", "1.2.3.4"],
            ),
            ("::/0", &["::1"], &["1.2.3.4", "::ffff:1.2.3.4"]),
        ] {
            let parsed: Network = network.parse().unwrap();
            let has = |text: &&str| parsed.contains(text.parse().unwrap());
            assert!(inside.iter().all(has), "{network}");
            assert!(!outside.iter().any(has), "{network}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed));
        }
    }

    #[test]
    fn what_is_no_network_is_said_to_be_none() {
        for text in [
            "",
            "x",
            "192.0.2",
            "192.0.2.0/33",
            "::/129",
            "192.0.2.0/",
            "192.0.2.0/-1",
            "192.0.2.0/+8",
            "192.0.2.0/24/1",
            "192.0.2.0 /24",
            "example.com",
            "::ffff:1.2.3.4",
        ] {
            assert_eq!(
                text.parse::<Network>(),
                Err(InvalidNetwork::NoNetwork),
                "{text}"
            );
        }
        for text in ["192.0.2.1/24", "2001:db8::1/64", "1.0.0.0/0"] {
            assert_eq!(
                text.parse::<Network>(),
                Err(InvalidNetwork::NotTheFirst),
                "{text}"
            );
        }
    }
}
