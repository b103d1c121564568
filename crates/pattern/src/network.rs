//! Addresses and CIDR blocks, read as EventBridge reads them: literals only, never a host name.
//!
//! An IPv4-mapped IPv6 address (`::ffff:a00:1`) is the IPv4 address. The two families never
//! match each other otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads an address literal. `None` for anything else.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b':')
        {
            return None;
        }
        let address: Ipv6Addr = text.parse().ok()?;
        return Some(
            address
                .to_ipv4_mapped()
                .map_or(IpAddr::V6(address), IpAddr::V4),
        );
    }
    // The longest is `255.255.255.255`; leading zeros are read as decimal, not octal.
    if text.len() > 15 || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut octets = [0_u8; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *octet = part.parse().ok()?;
    }
    parts
        .next()
        .is_none()
        .then(|| IpAddr::V4(Ipv4Addr::from(octets)))
}

/// A block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    V4 { bits: u32, mask: u32 },
    V6 { bits: u128, mask: u128 },
}

/// Why a text is no CIDR block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NetworkFault {
    NoSlash,
    Address,
    Mask,
    /// A mask of all bits: EventBridge wants the bare address instead.
    MaskTooLong {
        bits_max: u8,
    },
}

impl Network {
    pub(crate) fn read(text: &str) -> Result<Network, NetworkFault> {
        let (literal, mask) = text.split_once('/').ok_or(NetworkFault::NoSlash)?;
        let address = address(literal).ok_or(NetworkFault::Address)?;
        if mask.is_empty() || !mask.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NetworkFault::Mask);
        }
        let length: u32 = mask.parse().map_err(|_| NetworkFault::Mask)?;
        match address {
            IpAddr::V4(address) if length < 32 => {
                let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                Ok(Network::V4 {
                    bits: address.to_bits() & mask,
                    mask,
                })
            }
            IpAddr::V6(address) if length < 128 => {
                let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
                Ok(Network::V6 {
                    bits: address.to_bits() & mask,
                    mask,
                })
            }
            IpAddr::V4(_) => Err(NetworkFault::MaskTooLong { bits_max: 31 }),
            IpAddr::V6(_) => Err(NetworkFault::MaskTooLong { bits_max: 127 }),
        }
    }

    pub(crate) fn contains(self, text: &str) -> bool {
        match (self, address(text)) {
            (Network::V4 { bits, mask }, Some(IpAddr::V4(address))) => {
                address.to_bits() & mask == bits
            }
            (Network::V6 { bits, mask }, Some(IpAddr::V6(address))) => {
                address.to_bits() & mask == bits
            }
            (Network::V4 { .. } | Network::V6 { .. }, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_its_first_and_last_address_and_no_neighbour() {
        for (block, inside, outside) in [
            (
                "10.0.0.0/24",
                ["10.0.0.0", "10.0.0.255"],
                ["9.255.255.255", "10.0.1.0"],
            ),
            (
                "10.0.0.77/24",
                ["10.0.0.0", "10.0.0.255"],
                ["9.255.255.255", "10.0.1.0"],
            ),
            (
                "10.0.0.6/31",
                ["10.0.0.6", "10.0.0.7"],
                ["10.0.0.5", "10.0.0.8"],
            ),
            (
                "128.0.0.0/1",
                ["128.0.0.0", "255.255.255.255"],
                ["127.255.255.255", "0.0.0.0"],
            ),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "host"]),
            (
                "2001:db8::/32",
                ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
                ["2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"],
            ),
            ("::/0", ["::", "ffff::"], ["10.0.0.1", "::ffff:a00:1"]),
            (
                "::ffff:a00:0/8",
                ["10.0.0.0", "::ffff:a00:1"],
                ["11.0.0.0", "::a00:1"],
            ),
        ] {
            let network = Network::read(block).unwrap();
            for text in inside {
                assert!(network.contains(text), "{block} holds {text}");
            }
            for text in outside {
                assert!(!network.contains(text), "{block} does not hold {text}");
            }
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for (text, fault) in [
            ("10.0.0.0", NetworkFault::NoSlash),
            ("", NetworkFault::NoSlash),
            ("/8", NetworkFault::Address),
            ("host/8", NetworkFault::Address),
            ("10.0.0/8", NetworkFault::Address),
            ("10.0.0.256/8", NetworkFault::Address),
            ("10.0.0.0/8/8", NetworkFault::Mask),
            ("10.0.0.0/", NetworkFault::Mask),
            ("10.0.0.0/-1", NetworkFault::Mask),
            ("10.0.0.0/99999999999", NetworkFault::Mask),
            ("10.0.0.0/32", NetworkFault::MaskTooLong { bits_max: 31 }),
            ("::/128", NetworkFault::MaskTooLong { bits_max: 127 }),
        ] {
            assert_eq!(Network::read(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn an_address_is_a_literal_or_nothing() {
        for (text, expected) in [
            ("10.0.0.1", true),
            ("010.000.0.1", true),
            ("1.2.3.4.5", false),
            ("1.2.3", false),
            ("1.2.3.", false),
            ("0000001.2.3.4", true),
            ("0000000001.2.3.4", false),
            ("::", true),
            ("fe80::1%eth0", false),
            ("::ffff:10.0.0.1", false),
            (":", false),
            ("abcd", false),
        ] {
            assert_eq!(address(text).is_some(), expected, "{text}");
        }
    }
}
