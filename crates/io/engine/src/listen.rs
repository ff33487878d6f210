//! Binding everything before anything runs.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use roomline_driver::{Buffers, UdpSocket};
use roomline_front::{Front, FrontConfig, FrontError, Handover};

use crate::config::Config;
use crate::error::{Listener, StartError};
use crate::sockets::{MAX_ADDRESSES, bind_listener};

/// Times a port that the system chose for UDP is tried for TCP.
const ATTEMPTS: usize = 16;

/// The listeners, bound.
pub(crate) struct Listeners {
    pub(crate) front: Front,
    pub(crate) turn_port: u16,
    pub(crate) turn_udp: Vec<UdpSocket>,
}

/// The addresses to bind, without repetition. `::` covers every IPv4 address, and without IPv6 on
/// this machine it means `0.0.0.0`.
pub(crate) fn bind_addresses(wanted: &[IpAddr]) -> Result<Vec<IpAddr>, StartError> {
    if wanted.contains(&IpAddr::V6(Ipv6Addr::UNSPECIFIED)) {
        if !lacks_ipv6() {
            return Ok(vec![IpAddr::V6(Ipv6Addr::UNSPECIFIED)]);
        }
        log::warn!("this machine has no IPv6: listening on every IPv4 address only");
        return Ok(vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)]);
    }
    let every4 = wanted.contains(&IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in wanted.iter().map(IpAddr::to_canonical) {
        let covered = every4 && address.is_ipv4() && !address.is_unspecified();
        if !covered && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.len() > MAX_ADDRESSES {
        return Err(StartError::Config(format!(
            "bind_addresses may have {MAX_ADDRESSES} addresses; \"::\" listens on every address"
        )));
    }
    Ok(addresses)
}

fn lacks_ipv6() -> bool {
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
    let small = Buffers { receive: 4096, send: 4096 };
    let refused = UdpSocket::bind(any, small).err().and_then(|error| error.raw_os_error());
    // The first: not compiled in. The second: switched off.
    matches!(refused, Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

/// Binds TURN on UDP and starts the front door, both on the same port number. `handover` makes the
/// function that the front door calls.
pub(crate) fn listen(
    config: &Config,
    addresses: &[IpAddr],
    handover: &dyn Fn() -> Box<dyn Fn(Handover) + Send>,
) -> Result<Listeners, StartError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (turn_port, turn_udp) =
            bind_listener(addresses, config.turn_port).map_err(bind_error(Listener::TurnUdp))?;
        match start_front(config, addresses, turn_port, handover()) {
            Ok(front) => return Ok(Listeners { front, turn_port, turn_udp }),
            Err(StartError::Bind { listener: Listener::TurnTcp, source, .. })
                if config.turn_port == 0
                    && attempt < ATTEMPTS
                    && source.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
}

fn start_front(
    config: &Config,
    addresses: &[IpAddr],
    turn_port: u16,
    handover: Box<dyn Fn(Handover) + Send>,
) -> Result<Front, StartError> {
    let on = |port| addresses.iter().map(|&ip| SocketAddr::new(ip, port)).collect();
    let front = FrontConfig {
        https: on(config.https_port),
        turn_tcp: on(turn_port),
        certificate_pem: config.certificate_pem.clone(),
        private_key_pem: config.private_key_pem.clone(),
        max_connections_per_address: config.max_connections_per_address,
    };
    Front::start(front, handover).map_err(StartError::from)
}

/// Names the listener an address was meant for.
pub(crate) fn bind_error(listener: Listener) -> impl FnOnce((SocketAddr, io::Error)) -> StartError {
    move |(address, source)| StartError::Bind { listener, address, source }
}

impl From<FrontError> for StartError {
    fn from(error: FrontError) -> Self {
        match error {
            FrontError::Bind { listener, address, source } => {
                let tcp = listener == Listener::TurnTcp.as_str();
                let listener = if tcp { Listener::TurnTcp } else { Listener::Https };
                StartError::Bind { listener, address, source }
            }
            FrontError::Certificate(message) => StartError::Certificate(message),
            FrontError::Io(source) => StartError::Io { what: "the front door", source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn every_address_covers_the_others() {
        assert_eq!(bind_addresses(&ips(&["0.0.0.0", "::", "::1"])).unwrap().len(), 1);
        let both = ips(&["0.0.0.0", "::1"]);
        assert_eq!(bind_addresses(&ips(&["0.0.0.0", "127.0.0.1", "::1"])).unwrap(), both);
        let two = ips(&["127.0.0.1", "127.0.0.2"]);
        let repeated = ips(&["127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2"]);
        assert_eq!(bind_addresses(&repeated).unwrap(), two);
        let many: Vec<String> = (1..=9).map(|n| format!("127.0.0.{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(matches!(bind_addresses(&ips(&many)), Err(StartError::Config(_))));
    }
}
