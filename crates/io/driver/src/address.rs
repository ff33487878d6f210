//! Addresses as the kernel writes them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use socket2::SockAddr;

/// The same address without the v4-mapped form, in which a dual-stack socket shows IPv4 peers.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(IpAddr::V4(v4), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

/// The form a socket of the given family takes; none for an IPv6 address on an IPv4 socket.
pub(crate) fn for_socket(address: SocketAddr, ipv6: bool) -> Option<SockAddr> {
    match (address, ipv6) {
        (SocketAddr::V4(v4), true) => {
            Some(SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into())
        }
        (SocketAddr::V6(_), false) => None,
        _ => Some(address.into()),
    }
}

/// An address as a dual-stack socket's control messages carry it.
pub(crate) fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// What the kernel wrote into a name buffer, of which `length` bytes count.
pub(crate) fn read_name(
    storage: &libc::sockaddr_storage,
    length: libc::socklen_t,
) -> Option<SocketAddr> {
    let length = length as usize;
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET if length >= size_of::<libc::sockaddr_in>() => {
            // SAFETY: of this family, and a `sockaddr_storage` holds every address.
            let name = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(name.sin_port)))
        }
        libc::AF_INET6 if length >= size_of::<libc::sockaddr_in6>() => {
            // SAFETY: as above.
            let name = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            let port = u16::from_be(name.sin6_port);
            // The flow label is the sender's and no part of who it is.
            Some(canonical(SocketAddrV6::new(ip, port, 0, name.sin6_scope_id).into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_become_ipv4() {
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:5000".parse().unwrap();
        assert_eq!(canonical(mapped), "192.0.2.1:5000".parse().unwrap());
        let plain: SocketAddr = "[2001:db8::1]:5000".parse().unwrap();
        assert_eq!(canonical(plain), plain);
    }

    #[test]
    fn an_ipv4_peer_is_mapped_for_a_dual_stack_socket() {
        let peer: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        let name = for_socket(peer, true).unwrap();
        assert_eq!(name.as_socket(), Some("[::ffff:192.0.2.1]:5000".parse().unwrap()));
        assert!(for_socket("[2001:db8::1]:1".parse().unwrap(), false).is_none());
    }
}
