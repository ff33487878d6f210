//! Binding TCP listeners.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};

use crate::FrontError;

/// Connections the kernel holds for us while we are busy.
const BACKLOG: i32 = 1024;

/// Bind each address. Port 0 asks for a free one, and then every further port 0 in the list gets
/// that same number.
pub(crate) fn bind_all(
    listener: &'static str,
    addresses: &[SocketAddr],
) -> Result<Vec<TcpListener>, FrontError> {
    let mut port = 0;
    let mut bound = Vec::with_capacity(addresses.len());
    for &address in addresses {
        let wanted =
            if address.port() == 0 { SocketAddr::new(address.ip(), port) } else { address };
        let socket = bind(wanted).map_err(|source| FrontError::Bind {
            listener,
            address: wanted,
            source,
        })?;
        port = socket.local_addr()?.port();
        bound.push(socket);
    }
    Ok(bound)
}

/// `[::]` listens on both families unless the system lacks IPv6; other addresses on their own.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// An IPv4 address as such, also where a dual-stack socket shows it as `::ffff:a.b.c.d`.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::new(v4.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_zero_is_the_same_for_the_whole_list() {
        let any = "127.0.0.1:0".parse().unwrap();
        let other = "127.0.0.2:0".parse().unwrap();
        let bound = bind_all("https", &[any, other]).unwrap();
        let ports: Vec<u16> = bound.iter().map(|l| l.local_addr().unwrap().port()).collect();
        assert_ne!(ports[0], 0);
        assert_eq!(ports[0], ports[1]);
    }

    #[test]
    fn a_taken_port_is_named() {
        let any = "127.0.0.1:0".parse().unwrap();
        let first = bind_all("https", &[any]).unwrap();
        let taken = first[0].local_addr().unwrap();
        match bind_all("https", &[taken]) {
            Err(FrontError::Bind { listener, address, source }) => {
                assert_eq!((listener, address), ("https", taken));
                assert_eq!(source.kind(), io::ErrorKind::AddrInUse);
            }
            other => panic!("{:?}", other.map(|l| l.len())),
        }
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:443".parse().unwrap();
        assert_eq!(canonical(mapped), "192.0.2.1:443".parse().unwrap());
    }
}
