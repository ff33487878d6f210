//! A bound UDP socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::address::for_socket;
use crate::control::{UDP_GRO, UDP_SEGMENT};
use crate::occupants::is_open_to_everybody;

/// Sizes of the kernel's buffers in bytes; the system's limit may make them smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// What may wait to be read.
    pub receive: usize,
    /// What may wait to leave.
    pub send: usize,
}

/// A non-blocking UDP socket that tells the local address of what it receives.
#[derive(Debug)]
pub struct UdpSocket {
    socket: Socket,
    local: SocketAddr,
    ipv6: bool,
    gso: bool,
}

impl UdpSocket {
    /// Binds. `::` takes IPv4 too. Port 0 asks the system for a free one.
    ///
    /// # Errors
    /// When the address is not ours or busy, or the system refuses.
    pub fn bind(address: SocketAddr, buffers: Buffers) -> io::Result<Self> {
        Self::prepare(address, buffers, false)?.bind_to(address)
    }

    /// As [`bind`](Self::bind), but also beside sockets that [`for_client`](Self::for_client) made
    /// in another process of the same user, which has given the port up but for the clients it has.
    ///
    /// # Errors
    /// As [`bind`](Self::bind): the port is busy while anybody takes what any client sends there.
    pub fn bind_after(address: SocketAddr, buffers: Buffers) -> io::Result<Self> {
        let busy = match Self::bind(address, buffers) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => error,
            other => return other,
        };
        let Ok(socket) = Self::prepare(address, buffers, true)?.bind_to(address) else {
            return Err(busy);
        };
        // Others may share their ports with everybody of their user, on purpose or by mistake.
        if is_open_to_everybody(&socket.socket, address.port())? {
            return Err(busy);
        }
        socket.set_shared(false)?;
        Ok(socket)
    }

    /// Lets sockets of the same user be bound to the same port from now on, or not any more.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn set_shared(&self, shared: bool) -> io::Result<()> {
        set_option(&self.socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, shared.into())
    }

    /// A further socket on the same port for one client: the kernel gives it what that client sends
    /// to `local`, whoever else is bound to the port. What others sent there before it was connected
    /// waits in it too. This socket must be shared ([`set_shared`](Self::set_shared)).
    ///
    /// # Errors
    /// When no file descriptor is left, or the system refuses.
    pub fn for_client(
        &self,
        local: Option<IpAddr>,
        remote: SocketAddr,
        buffers: Buffers,
    ) -> io::Result<Self> {
        let address = SocketAddr::new(local.unwrap_or(self.local.ip()), self.local.port());
        let socket = Self::prepare(address, buffers, true)?.bind_to(address)?;
        let name = for_socket(remote, socket.ipv6).ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.socket.connect(&name)?;
        Ok(socket)
    }

    fn prepare(address: SocketAddr, buffers: Buffers, shared: bool) -> io::Result<Self> {
        let ipv6 = address.is_ipv6();
        let domain = if ipv6 { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if ipv6 {
            socket.set_only_v6(!address.ip().is_unspecified())?;
        }
        if address.ip().is_unspecified() {
            let level = if ipv6 { libc::IPPROTO_IPV6 } else { libc::IPPROTO_IP };
            let option = if ipv6 { libc::IPV6_RECVPKTINFO } else { libc::IP_PKTINFO };
            set_option(&socket, level, option, 1)?;
        }
        enlarge(&socket, buffers);
        if let Err(error) = set_option(&socket, libc::IPPROTO_UDP, UDP_GRO, 1) {
            log::debug!("the kernel does not join received datagrams: {error}");
        }
        if let Err(error) = set_option(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1) {
            log::debug!("the kernel does not count overflows: {error}");
        }
        // 0 is "no segmentation", so this only asks whether the kernel knows the option.
        let gso = set_option(&socket, libc::IPPROTO_UDP, UDP_SEGMENT, 0).is_ok();
        let socket = Self { socket, local: address, ipv6, gso };
        if shared {
            socket.set_shared(true)?;
        }
        Ok(socket)
    }

    fn bind_to(mut self, address: SocketAddr) -> io::Result<Self> {
        self.socket.bind(&address.into())?;
        self.local = self.socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(self)
    }

    /// Where it is bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether it can send to, and has, this address.
    pub fn serves(&self, local: IpAddr) -> bool {
        let own = self.local.ip();
        own == local || (own.is_unspecified() && (self.ipv6 || local.is_ipv4()))
    }

    pub(crate) fn is_ipv6(&self) -> bool {
        self.ipv6
    }

    /// True if the source address must be named for each datagram.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.local.ip().is_unspecified()
    }

    pub(crate) fn has_gso(&self) -> bool {
        self.gso
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// As much as the system allows; privileged processes may go beyond its limit.
fn enlarge(socket: &Socket, buffers: Buffers) {
    let wanted = [
        (libc::SO_RCVBUFFORCE, libc::SO_RCVBUF, buffers.receive),
        (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF, buffers.send),
    ];
    for (force, option, size) in wanted {
        let size = libc::c_int::try_from(size).unwrap_or(libc::c_int::MAX);
        let set = set_option(socket, libc::SOL_SOCKET, force, size)
            .or_else(|_| set_option(socket, libc::SOL_SOCKET, option, size));
        if let Err(error) = set {
            log::debug!("socket buffer of {size} bytes: {error}");
        }
    }
}

fn set_option(
    socket: &Socket,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and the pointer and length describe `value`.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests;
