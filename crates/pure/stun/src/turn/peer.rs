//! Peer addresses: seeing through the disguises of IPv4 in IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The IPv4 address that an IPv6 address stands for, or the address itself.
///
/// Knows v4-mapped and v4-compatible addresses (RFC 4291 §2.5.5), NAT64 (RFC 6052, RFC 8215), 6to4
/// (RFC 3056), Teredo (RFC 4380) and ISATAP (RFC 5214). A list of allowed or denied addresses that
/// is asked about the disguise has a hole; ask it about this.
pub fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => embedded(v6).map_or(ip, IpAddr::V4),
    }
}

fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let v4 =
        |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match s {
        // The unspecified and the loopback address are no v4-compatible ones.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => v4(high, low),
        // IPv4-translated addresses of RFC 2765.
        [0, 0, 0, 0, 0xffff, 0, high, low] => v4(high, low),
        [0x64, 0xff9b, 0 | 1, _, _, _, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        // Teredo hides the client's address by inverting it.
        [0x2001, 0, _, _, _, _, high, low] => v4(!high, !low),
        [_, _, _, _, 0 | 0x0200, 0x5efe, high, low] => v4(high, low),
        _ => None,
    }
}

/// True for Teredo and 6to4 addresses, which a relay must accept neither as peer nor as client
/// (RFC 8656 §21.4).
pub fn is_tunnel(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if matches!(v6.segments(), [0x2002, ..] | [0x2001, 0, ..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_through_every_disguise() {
        let cases = [
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("::127.0.0.1", "127.0.0.1"),
            ("::ffff:0:10.0.0.1", "10.0.0.1"),
            ("64:ff9b::169.254.169.254", "169.254.169.254"),
            ("64:ff9b:1::10.1.2.3", "10.1.2.3"),
            ("64:ff9b:1:ffff:abcd::10.1.2.3", "10.1.2.3"),
            ("2002:c0a8:0101::1", "192.168.1.1"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
            ("fe80::200:5efe:192.0.2.1", "192.0.2.1"),
            ("2001:db8::5efe:192.0.2.1", "192.0.2.1"),
        ];
        for (disguised, plain) in cases {
            let ip: IpAddr = disguised.parse().unwrap();
            assert_eq!(canonical(ip), plain.parse::<IpAddr>().unwrap(), "{disguised}");
        }
    }

    #[test]
    fn leaves_plain_addresses_alone() {
        for plain in
            ["192.0.2.1", "::", "::1", "2001:db8::1", "2a00:1450:4001:80b::200e", "fe80::1"]
        {
            let ip: IpAddr = plain.parse().unwrap();
            assert_eq!(canonical(ip), ip, "{plain}");
            assert!(!is_tunnel(ip));
        }
    }

    #[test]
    fn tunnels_are_teredo_and_6to4() {
        for tunnel in ["2002::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"] {
            assert!(is_tunnel(tunnel.parse().unwrap()), "{tunnel}");
        }
    }
}
