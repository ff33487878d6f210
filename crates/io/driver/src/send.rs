//! Sending runs of datagrams.

use std::collections::HashSet;
use std::io;
use std::mem::zeroed;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use socket2::SockAddr;

use crate::address::for_socket;
use crate::control::{Control, Writer};
use crate::socket::UdpSocket;

/// Datagrams in one GSO buffer: the bound of older kernels (newer ones take 128).
const MAX_SEGMENTS: usize = 64;
/// Bytes in one GSO buffer: what fits one IP packet, with room for the headers of either family.
const MAX_RUN: usize = 65_000;
/// Messages per `sendmmsg`; more gains nothing (measured).
const BATCH: usize = 16;
/// Routes without GSO that are remembered; beyond it they are found out anew.
const MAX_ROUTES: usize = 4096;

/// What became of what was to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendCounters {
    /// `sendmsg` and `sendmmsg`.
    pub system_calls: u64,
    /// Datagrams that left.
    pub datagrams: u64,
    /// Buffers that left as a run.
    pub gso_runs: u64,
    /// Runs that a device or route refused, and that left one by one.
    pub gso_refused: u64,
    /// Datagrams dropped because the socket's buffer was full.
    pub dropped_full: u64,
    /// Datagrams dropped because there is no way to the address.
    pub dropped_unreachable: u64,
    /// Datagrams dropped for another reason.
    pub dropped_other: u64,
}

/// Sends for every socket of a thread. What cannot leave is dropped and counted: late media is
/// worth nothing, and everything else is sent again by its protocol.
#[derive(Debug, Default)]
pub struct Sender {
    single: HashSet<IpAddr>,
    counters: SendCounters,
}

/// Where and from where.
struct Route<'a> {
    socket: &'a UdpSocket,
    name: SockAddr,
    local: Option<IpAddr>,
}

impl Sender {
    /// Makes one that believes in GSO.
    pub fn new() -> Self {
        Self::default()
    }

    /// Totals since the start.
    pub fn counters(&self) -> &SendCounters {
        &self.counters
    }

    /// Sends a run: datagrams of `segment` bytes, the last of which may be shorter, from `local`
    /// if that is given and the socket has several addresses.
    pub fn send(
        &mut self,
        socket: &UdpSocket,
        local: Option<IpAddr>,
        remote: SocketAddr,
        run: &[u8],
        segment: usize,
    ) {
        if run.is_empty() || segment == 0 {
            return;
        }
        let Some(name) = for_socket(remote, socket.is_ipv6()) else {
            self.counters.dropped_unreachable += run.len().div_ceil(segment) as u64;
            return;
        };
        let local = local.filter(|ip| socket.is_wildcard() && !ip.is_unspecified());
        let route = Route { socket, name, local };
        let gso = socket.has_gso() && !self.single.contains(&remote.ip());
        let per_buffer = (MAX_RUN / segment).clamp(1, MAX_SEGMENTS);
        for part in run.chunks(per_buffer * segment) {
            if part.len() <= segment {
                self.send_one(&route, part);
            } else if !gso {
                self.send_each(&route, part, segment);
            } else if !self.send_run(&route, part, segment) {
                self.fall_back(&route, remote.ip(), part, segment);
            }
        }
    }

    /// Sends a refused run one by one. If that works, it was the run that was refused, and the next
    /// ones on this route need not try.
    fn fall_back(&mut self, route: &Route<'_>, to: IpAddr, run: &[u8], segment: usize) {
        let before = self.counters.datagrams;
        self.send_each(route, run, segment);
        if self.counters.datagrams > before {
            self.counters.gso_refused += 1;
            if self.single.len() >= MAX_ROUTES {
                self.single.clear();
            }
            self.single.insert(to);
        }
    }

    fn send_one(&mut self, route: &Route<'_>, datagram: &[u8]) {
        match self.send_message(route, datagram, None) {
            Ok(()) => self.counters.datagrams += 1,
            Err(error) => self.drop_for(&error, 1),
        }
    }

    /// False if the run was refused as a run.
    fn send_run(&mut self, route: &Route<'_>, run: &[u8], segment: usize) -> bool {
        let Ok(size) = u16::try_from(segment) else { return false };
        let datagrams = run.len().div_ceil(segment) as u64;
        match self.send_message(route, run, Some(size)) {
            Ok(()) => {
                self.counters.datagrams += datagrams;
                self.counters.gso_runs += 1;
                true
            }
            Err(error) if is_refusal(&error) => false,
            Err(error) => {
                self.drop_for(&error, datagrams);
                true
            }
        }
    }

    fn send_message(
        &mut self,
        route: &Route<'_>,
        bytes: &[u8],
        segment: Option<u16>,
    ) -> io::Result<()> {
        let mut control = Control::new();
        let used = route.write_control(&mut control, segment);
        let mut iovec = iovec_of(bytes);
        let header = route.header(&mut iovec, &mut control, used);
        loop {
            self.counters.system_calls += 1;
            // SAFETY: `header` points at the name in `route`, at `iovec` and at `control`, which
            // all live; sendmsg only reads what they describe.
            let sent =
                unsafe { libc::sendmsg(route.socket.as_raw_fd(), &header, libc::MSG_DONTWAIT) };
            if sent >= 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    fn send_each(&mut self, route: &Route<'_>, run: &[u8], segment: usize) {
        let mut control = Control::new();
        let used = route.write_control(&mut control, None);
        for part in run.chunks(BATCH * segment) {
            // SAFETY: plain old data, for which all zeros is a value.
            let mut iovecs: [libc::iovec; BATCH] = unsafe { zeroed() };
            // SAFETY: as above.
            let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
            let datagrams = part.chunks(segment);
            let count = datagrams.len();
            for ((header, iovec), datagram) in headers.iter_mut().zip(&mut iovecs).zip(datagrams) {
                *iovec = iovec_of(datagram);
                header.msg_hdr = route.header(iovec, &mut control, used);
            }
            if let Err((error, left)) = self.send_batch(route, &mut headers[..count]) {
                self.drop_for(&error, left as u64);
            }
        }
    }

    /// Sends messages until all are gone; else the error and how many are left.
    fn send_batch(
        &mut self,
        route: &Route<'_>,
        mut headers: &mut [libc::mmsghdr],
    ) -> Result<(), (io::Error, usize)> {
        while !headers.is_empty() {
            self.counters.system_calls += 1;
            // SAFETY: the caller filled every header with pointers to what lives; sendmmsg writes
            // only to `msg_len` of each.
            let sent = unsafe {
                libc::sendmmsg(
                    route.socket.as_raw_fd(),
                    headers.as_mut_ptr(),
                    headers.len() as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            match usize::try_from(sent) {
                Ok(sent) => {
                    self.counters.datagrams += sent as u64;
                    headers = headers.split_at_mut(sent).1;
                }
                Err(_) => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err((error, headers.len()));
                    }
                }
            }
        }
        Ok(())
    }

    fn drop_for(&mut self, error: &io::Error, datagrams: u64) {
        let counter = match error.raw_os_error() {
            Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => &mut self.counters.dropped_full,
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EADDRNOTAVAIL) => {
                &mut self.counters.dropped_unreachable
            }
            _ => &mut self.counters.dropped_other,
        };
        *counter += datagrams;
        log::debug!("{datagrams} datagrams dropped: {error}");
    }
}

impl Route<'_> {
    fn write_control(&self, control: &mut Control, segment: Option<u16>) -> usize {
        let mut writer = Writer::new(control);
        if let Some(local) = self.local {
            writer.local(local, self.socket.is_ipv6());
        }
        if let Some(segment) = segment {
            writer.segment(segment);
        }
        writer.used()
    }

    fn header(&self, iovec: &mut libc::iovec, control: &mut Control, used: usize) -> libc::msghdr {
        // SAFETY: plain old data, for which all zeros is a value.
        let mut header: libc::msghdr = unsafe { zeroed() };
        header.msg_name = self.name.as_ptr().cast_mut().cast();
        header.msg_namelen = self.name.len();
        header.msg_iov = iovec;
        header.msg_iovlen = 1;
        if used > 0 {
            header.msg_control = control.as_mut_ptr();
            header.msg_controllen = used;
        }
        header
    }
}

fn iovec_of(bytes: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

/// What devices without checksum offload, small MTUs and old kernels say to a run. A single
/// datagram may yet pass.
fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP)
    )
}

#[cfg(test)]
mod tests;
