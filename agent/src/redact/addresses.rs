//! Addresses to other addresses, so that every relation between them stays true.
//!
//! The mapping is prefix-preserving after Crypto-PAn (Fan, Xu, Ammar, Moon: "Prefix-preserving IP address anonymization",
//! Computer Networks 46, 2004): two addresses share exactly as many leading bits after it as before. At each place of the
//! binary tree of addresses a keyed function of the bits above says whether the next bit is turned over. An address lies in
//! a block exactly where its image lies in the image of the block, for every block there is.
//!
//! What must stay what it is, is kept by turning no bit on the way to it: a class of addresses (`10.0.0.0/8`, shared,
//! unique local, …) is mapped into itself, and the addresses that AWS publishes and the constants of a host (link-local,
//! loopback, `fd00:ec2::/32`) are mapped to themselves. For the same reason the first four addresses of a block of the VPC
//! keep their place in it, of which the third is the VPC's resolver.
//!
//! The first bit that is free is always turned over, so that no address of the customer's stays what it was. A block that
//! fills its class, or lies close beside what is kept, has few free bits or none.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::key::Key;

/// Classes whose addresses are mapped among themselves: what is said of an address by its class must hold of its image.
const CLASSES: &[&str] = &[
    "10.0.0.0/8",
    "100.64.0.0/10",
    "172.16.0.0/12",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "64:ff9b:1::/48",
    "2000::/3",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/8",
    "fd00::/8",
    "fe80::/64",
];

/// What is the same on every host and tells of none (the registries of special-purpose addresses of RFC 6890, and what AWS
/// serves at link-local addresses).
const CONSTANTS: &[&str] = &[
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "fd00:ec2::/32",
    "ff00::/8",
];

/// IPv6 prefixes that hold an IPv4 address in their last 32 bits: mapped addresses, and those of NAT64.
const WITH_IPV4: [u128; 2] = [0xffff_0000_0000, 0x64_ff9b << 96];

/// The mapping under one key.
pub(super) struct Addresses<'a> {
    key: &'a Key,
    /// Blocks that are mapped to themselves, address by address.
    kept: Vec<Block>,
    /// Blocks that are mapped to themselves as a whole, those kept among them.
    fixed: Vec<Block>,
    /// Blocks of the VPC.
    vpc: Vec<Block>,
    turned: RefCell<HashMap<Block, bool>>,
}

/// The leading bits of addresses of one family, in the low bits of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Block {
    /// How many bits addresses of this family have.
    width: u8,
    length: u8,
    bits: u128,
}

impl<'a> Addresses<'a> {
    /// A mapping that keeps the published blocks as they are, and the resolver's place in each block of the VPC.
    pub(super) fn new(key: &'a Key, published: impl IntoIterator<Item = IpNet>, vpc: &[IpNet]) -> Self {
        let parsed =
            |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).map(Block::of).collect();
        let mut kept: Vec<Block> = parsed(CONSTANTS);
        kept.extend(published.into_iter().map(Block::of));
        let mut fixed: Vec<Block> = parsed(CLASSES);
        fixed.extend(&kept);
        let vpc = vpc.iter().copied().map(Block::of).collect();
        Self { key, kept, fixed, vpc, turned: RefCell::default() }
    }

    /// The image of an address.
    pub(super) fn address(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => IpAddr::V4(self.low(u32::from(v4)).into()),
            IpAddr::V6(v6) => {
                let bits = u128::from(v6);
                let embedded = WITH_IPV4.iter().find(|prefix| **prefix == bits & !u128::from(u32::MAX));
                #[expect(clippy::cast_possible_truncation, reason = "the low half of the address is meant")]
                let image = match embedded {
                    Some(prefix) => prefix | u128::from(self.low(bits as u32)),
                    None => self.image(Block { width: 128, length: 128, bits }).bits,
                };
                IpAddr::V6(image.into())
            }
        }
    }

    /// The image of a block, or of an address that is written with the length of its block.
    pub(super) fn network(&self, network: IpNet) -> IpNet {
        let image = IpNet::new(self.address(network.addr()), network.prefix_len()).unwrap_or(network);
        if network == network.trunc() { image.trunc() } else { image }
    }

    fn low(&self, bits: u32) -> u32 {
        let image = self.image(Block { width: 32, length: 32, bits: u128::from(bits) });
        // The image has as many bits as the address.
        u32::try_from(image.bits).unwrap_or(bits)
    }

    fn image(&self, address: Block) -> Block {
        let mut image = Block { bits: 0, ..address };
        let mut first = true;
        for length in 0..address.width {
            let above = address.leading(length);
            let bit = (address.bits >> (address.width - length - 1)) & 1;
            let turned = if self.is_bound(above) {
                false
            } else if std::mem::take(&mut first) {
                true
            } else {
                self.turned(above)
            };
            image.bits = (image.bits << 1) | (bit ^ u128::from(turned));
        }
        image
    }

    /// Whether the bit below these must stay as it is.
    fn is_bound(&self, above: Block) -> bool {
        self.kept.iter().any(|block| block.holds(above))
            || self.fixed.iter().any(|block| above.length < block.length && above.holds(*block))
            || self.vpc.iter().any(|block| {
                // The way from the block to its first four addresses.
                let way = above.leading(above.length.min(above.width - 2));
                block.holds(above) && block.first(way.length) == way
            })
    }

    fn turned(&self, above: Block) -> bool {
        *self.turned.borrow_mut().entry(above).or_insert_with(|| {
            let mut text = above.bits.to_be_bytes().to_vec();
            text.extend([above.width, above.length]);
            self.key.digest("address", &text)[0] & 1 == 1
        })
    }
}

impl Block {
    fn of(network: IpNet) -> Self {
        let (width, bits) = match network.network() {
            IpAddr::V4(v4) => (32, u128::from(u32::from(v4))),
            IpAddr::V6(v6) => (128, u128::from(v6)),
        };
        Self { width, length: width, bits }.leading(network.prefix_len())
    }

    /// The first bits of it.
    fn leading(self, length: u8) -> Self {
        let dropped = u32::from(self.length.saturating_sub(length));
        Self { length: length.min(self.length), bits: self.bits.checked_shr(dropped).unwrap_or(0), ..self }
    }

    /// The first block of this length in it.
    fn first(self, length: u8) -> Self {
        let added = u32::from(length.saturating_sub(self.length));
        Self { length: length.max(self.length), bits: self.bits.checked_shl(added).unwrap_or(0), ..self }
    }

    fn holds(self, other: Self) -> bool {
        self.width == other.width && self.length <= other.length && other.leading(self.length) == self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn with<T>(check: impl FnOnce(&Addresses<'_>) -> T) -> T {
        let key = Key::from_secret(b"a key for this test alone").unwrap();
        let published = networks(&["3.5.0.0/19", "52.216.0.0/15", "2600:1fa0:8000::/39"]);
        check(&Addresses::new(&key, published, &networks(&["10.0.0.0/16", "100.64.0.0/20"])))
    }

    fn shared(one: IpAddr, other: IpAddr) -> u32 {
        match (one, other) {
            (IpAddr::V4(one), IpAddr::V4(other)) => (u32::from(one) ^ u32::from(other)).leading_zeros(),
            (IpAddr::V6(one), IpAddr::V6(other)) => (u128::from(one) ^ u128::from(other)).leading_zeros(),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn two_addresses_share_as_many_leading_bits_as_their_images(one: u32, other: u32, keep in 0_u32..32) {
            // Two random addresses share few bits: the second takes over some of the first.
            let mask = u32::MAX.checked_shl(32 - keep).unwrap_or(0);
            let (one, other) = (IpAddr::V4(one.into()), IpAddr::V4((one & mask | other & !mask).into()));
            with(|addresses| {
                prop_assert_eq!(shared(one, other), shared(addresses.address(one), addresses.address(other)));
                Ok(())
            })?;
        }

        #[test]
        fn the_same_holds_for_ipv6(one: u128, other: u128, keep in 0_u32..128) {
            let mask = u128::MAX.checked_shl(128 - keep).unwrap_or(0);
            let (one, other) = (IpAddr::V6(one.into()), IpAddr::V6((one & mask | other & !mask).into()));
            with(|addresses| {
                prop_assert_eq!(shared(one, other), shared(addresses.address(one), addresses.address(other)));
                Ok(())
            })?;
        }

        #[test]
        fn an_address_keeps_its_class(bits: u32, class in 0_usize..CLASSES.len()) {
            let class: IpNet = CLASSES[class].parse().unwrap();
            let within = match class.network() {
                IpAddr::V4(v4) => IpAddr::V4((u32::from(v4) | bits >> class.prefix_len()).into()),
                IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) | u128::from(bits)).into()),
            };
            with(|addresses| {
                let image = addresses.address(within);
                prop_assert!(class.contains(&image), "{} became {}", within, image);
                Ok(())
            })?;
        }

        #[test]
        fn an_address_of_the_customer_never_stays_what_it_was(host in 4_u32..65_536) {
            let address = IpAddr::V4((0x0a00_0000 | host).into());
            with(|addresses| {
                prop_assert_ne!(addresses.address(address), address);
                Ok(())
            })?;
        }
    }

    #[test]
    fn what_is_published_and_what_is_a_constant_stays() {
        let constants = ["169.254.169.254", "127.0.0.53", "fd00:ec2::253", "::1", "0.0.0.0", "224.0.0.1"];
        for text in constants.iter().chain(&["3.5.15.40", "52.217.0.1", "2600:1fa0:8000::1"]) {
            let address = text.parse().unwrap();
            with(|addresses| assert_eq!(addresses.address(address), address, "{text}"));
        }
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/8", "3.5.0.0/19", "3.0.0.0/8"] {
            let network: IpNet = text.parse().unwrap();
            with(|addresses| assert_eq!(addresses.network(network), network, "{text}"));
        }
    }

    #[test]
    fn the_resolver_keeps_its_place_in_a_block_of_the_vpc() {
        with(|addresses| {
            for (block, resolver) in [("10.0.0.0/16", "10.0.0.2"), ("100.64.0.0/20", "100.64.0.2")] {
                let image = addresses.network(block.parse().unwrap());
                let IpAddr::V4(base) = image.network() else { panic!("{image}") };
                let third = IpAddr::V4((u32::from(base) + 2).into());
                assert_eq!(addresses.address(resolver.parse().unwrap()), third, "{block}");
                assert_ne!(image.to_string(), block);
            }
        });
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_address_is_the_same_address() {
        with(|addresses| {
            let IpAddr::V4(image) = addresses.address("10.0.1.5".parse().unwrap()) else { panic!() };
            assert_eq!(addresses.address("::ffff:10.0.1.5".parse().unwrap()), image.to_ipv6_mapped());
            let nat64 = addresses.address("64:ff9b::10.0.1.5".parse().unwrap());
            assert_eq!(nat64, format!("64:ff9b::{image}").parse::<IpAddr>().unwrap());
        });
    }

    #[test]
    fn an_address_with_a_length_keeps_its_place_in_the_block() {
        with(|addresses| {
            let block = addresses.network("10.0.1.0/24".parse().unwrap());
            let interface = addresses.network("10.0.1.23/24".parse().unwrap());
            assert_eq!(block, block.trunc());
            assert_eq!(interface.trunc(), block);
            assert_eq!(interface.addr(), addresses.address("10.0.1.23".parse().unwrap()));
        });
    }
}
