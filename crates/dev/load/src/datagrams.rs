//! UDP sockets: many datagrams per system call, in and out.

use std::io;
use std::mem::zeroed;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::clock::{Nanos, SECOND};

/// Datagrams per system call.
const BATCH: usize = 64;
/// Room for one datagram: above any path's MTU, and for a run that GRO has joined.
const DATAGRAM: usize = 2048;
const RUN: usize = 65_536;
/// Kernel buffers, in bytes: a burst to a receiver must not be lost here.
const BUFFER: usize = 4 << 20;
const CONTROL: usize = 128;
/// `linux/udp.h`: join what is received, and tell the size of its parts.
const UDP_GRO: libc::c_int = 104;

/// A bound, non-blocking UDP socket.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    socket: Socket,
    local: SocketAddr,
}

impl UdpSocket {
    pub(crate) fn bind(address: SocketAddr, gro: bool) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        for (force, plain) in
            [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
        {
            let size = BUFFER as libc::c_int;
            set(&socket, libc::SOL_SOCKET, force, size)
                .or_else(|_| set(&socket, libc::SOL_SOCKET, plain, size))?;
        }
        set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        if gro {
            set(&socket, libc::IPPROTO_UDP, UDP_GRO, 1)?;
        }
        let local = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(UdpSocket { socket, local })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends one datagram. False if the kernel didn't take it.
    pub(crate) fn send(&self, to: SocketAddr, data: &[u8]) -> bool {
        self.socket.send_to(data, &to.into()).is_ok()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn set(
    socket: &Socket,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and the pointer and length describe `value`.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What is received goes through these buffers, whichever socket it comes from.
pub(crate) struct Receiver {
    room: usize,
    buffers: Box<[u8]>,
    /// The kernel's view of the buffers; it points into this struct's boxes, which never move.
    headers: Box<[libc::mmsghdr]>,
    names: Box<[libc::sockaddr_storage]>,
    _controls: Box<[[u64; CONTROL / 8]]>,
    _iovecs: Box<[libc::iovec]>,
}

/// One datagram, as the kernel gave it.
pub(crate) struct Datagram<'a> {
    pub(crate) from: Option<SocketAddr>,
    /// When the kernel got it, on CLOCK_REALTIME; 0 if it did not tell.
    pub(crate) stamped: Nanos,
    pub(crate) data: &'a mut [u8],
}

impl Receiver {
    pub(crate) fn new(gro: bool) -> Receiver {
        let room = if gro { RUN } else { DATAGRAM };
        // SAFETY: plain old data, for which all zeros is a value.
        let (name, header): (libc::sockaddr_storage, libc::mmsghdr) = unsafe { zeroed() };
        let mut buffers = vec![0; BATCH * room].into_boxed_slice();
        let mut names = vec![name; BATCH].into_boxed_slice();
        let mut controls = vec![[0_u64; CONTROL / 8]; BATCH].into_boxed_slice();
        let mut iovecs: Box<[libc::iovec]> = buffers
            .chunks_exact_mut(room)
            .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: room })
            .collect();
        let mut headers = vec![header; BATCH].into_boxed_slice();
        for (index, header) in headers.iter_mut().enumerate() {
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut names[index]).cast();
            header.msg_control = controls[index].as_mut_ptr().cast();
            header.msg_iov = &raw mut iovecs[index];
            header.msg_iovlen = 1;
        }
        let mut receiver =
            Receiver { room, buffers, headers, names, _controls: controls, _iovecs: iovecs };
        receiver.reset(BATCH);
        receiver
    }

    /// Lengths that the kernel has overwritten.
    fn reset(&mut self, count: usize) {
        for header in &mut self.headers[..count] {
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = CONTROL;
        }
    }

    /// Reads once and hands each datagram over; the number of buffers filled. Less than a full batch
    /// means that nothing is left.
    pub(crate) fn receive(
        &mut self,
        socket: &UdpSocket,
        mut handle: impl FnMut(Datagram<'_>),
    ) -> io::Result<usize> {
        // SAFETY: each header points at a name, a control buffer and an iovec in boxes of this
        // struct, distinct, of the lengths the header says.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                // ICMP told that nobody listens there: what we sent is lost, as on any network.
                io::ErrorKind::ConnectionRefused => Ok(BATCH),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        };
        for index in 0..count {
            let header = &self.headers[index];
            // SAFETY: recvmmsg filled this header; its control buffer is in `_controls`.
            let (stamped, segment) = unsafe { read_control(&header.msg_hdr) };
            let length = (header.msg_len as usize).min(self.room);
            let start = index * self.room;
            let from = address(&self.names[index]);
            let segment = segment.unwrap_or(length).max(1);
            for data in self.buffers[start..start + length].chunks_mut(segment) {
                handle(Datagram { from, stamped, data });
            }
        }
        self.reset(count);
        Ok(count)
    }

    /// As many as one call gives at most.
    pub(crate) const fn batch() -> usize {
        BATCH
    }
}

/// The kernel's time stamp, and the size of the parts of a run.
///
/// # Safety
/// `header` is one that `recvmmsg` filled.
unsafe fn read_control(header: &libc::msghdr) -> (Nanos, Option<usize>) {
    let (mut stamped, mut segment) = (0, None);
    // SAFETY: the caller vouches for `header`; the CMSG functions stay within it.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: not null, so it points at a whole control message header within the buffer.
        let kind = unsafe { ((*message).cmsg_level, (*message).cmsg_type) };
        // SAFETY: as above; the data follows the header.
        let data = unsafe { libc::CMSG_DATA(message) };
        match kind {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: this kind carries a timespec; it may be unaligned.
                let time = unsafe { data.cast::<libc::timespec>().read_unaligned() };
                stamped = time.tv_sec as Nanos * SECOND + time.tv_nsec as Nanos;
            }
            (libc::IPPROTO_UDP, UDP_GRO) => {
                // SAFETY: this kind carries an int; it may be unaligned.
                let size = unsafe { data.cast::<libc::c_int>().read_unaligned() };
                segment = usize::try_from(size).ok();
            }
            _ => {}
        }
        // SAFETY: `message` came from this header.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    (stamped, segment)
}

fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let length = match libc::c_int::from(name.ss_family) {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        _ => return None,
    };
    // SAFETY: the family says which kind of address lies there, and the storage has room for both.
    let name = unsafe {
        let mut storage = socket2::SockAddrStorage::zeroed();
        *storage.view_as::<libc::sockaddr_storage>() = *name;
        SockAddr::new(storage, length as libc::socklen_t)
    };
    name.as_socket()
}

/// Datagrams for one destination, to leave together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    /// Where each datagram ends.
    ends: Vec<usize>,
}

impl Batch {
    /// Where the datagram under way begins.
    pub(crate) fn start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The datagram under way is whole.
    pub(crate) fn finish(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Throws the datagram under way away.
    pub(crate) fn abandon(&mut self) {
        self.bytes.truncate(self.start());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Each datagram.
    pub(crate) fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// Changes each datagram.
    pub(crate) fn each(&mut self, mut change: impl FnMut(&mut [u8])) {
        let mut start = 0;
        for end in &self.ends {
            change(&mut self.bytes[start..*end]);
            start = *end;
        }
    }

    /// Sends everything and forgets it; how many datagrams the kernel did not take.
    pub(crate) fn flush(&mut self, socket: &UdpSocket, to: SocketAddr) -> usize {
        let name = SockAddr::from(to);
        let datagrams: Vec<&[u8]> = self.datagrams().collect();
        let refused = datagrams.chunks(BATCH).map(|part| send(socket, &name, part)).sum();
        self.clear();
        refused
    }
}

fn send(socket: &UdpSocket, to: &SockAddr, datagrams: &[&[u8]]) -> usize {
    // SAFETY: plain old data, for which all zeros is a value.
    let mut iovecs: [libc::iovec; BATCH] = unsafe { zeroed() };
    // SAFETY: as above.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
    for ((header, iovec), data) in headers.iter_mut().zip(&mut iovecs).zip(datagrams) {
        iovec.iov_base = data.as_ptr().cast_mut().cast();
        iovec.iov_len = data.len();
        header.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
        header.msg_hdr.msg_namelen = to.len();
        header.msg_hdr.msg_iov = iovec;
        header.msg_hdr.msg_iovlen = 1;
    }
    let mut sent = 0;
    while sent < datagrams.len() {
        let rest = &mut headers[sent..datagrams.len()];
        // SAFETY: each header points at a name and an iovec that live until the end of this
        // function; the kernel only reads them and what they point at.
        let count = unsafe {
            let length = rest.len() as libc::c_uint;
            libc::sendmmsg(socket.as_raw_fd(), rest.as_mut_ptr(), length, libc::MSG_DONTWAIT)
        };
        match usize::try_from(count) {
            Ok(count) => sent += count,
            Err(_) => match io::Error::last_os_error().kind() {
                // Told once of an earlier datagram that nobody took; this one may go.
                io::ErrorKind::ConnectionRefused | io::ErrorKind::Interrupted => {}
                _ => return datagrams.len() - sent,
            },
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets() -> [UdpSocket; 2] {
        [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0".parse().unwrap(), false).unwrap())
    }

    #[test]
    fn a_batch_arrives_in_order_with_time_and_sender() {
        let [from, to] = sockets();
        let mut batch = Batch::default();
        for number in 0..100_u8 {
            batch.bytes.extend_from_slice(&[number; 10]);
            batch.finish();
        }
        batch.bytes.push(1);
        batch.abandon();
        assert_eq!(batch.flush(&from, to.local()), 0);
        assert!(batch.is_empty());
        let (mut receiver, mut got) = (Receiver::new(false), Vec::new());
        // In no order: the kernel stamps those that come before it has begun to when they are read.
        let mut stamped = 0;
        while got.len() < 100 {
            receiver
                .receive(&to, |datagram| {
                    assert_eq!(datagram.from, Some(from.local()));
                    stamped += u32::from(datagram.stamped != 0);
                    got.push(datagram.data[0]);
                })
                .unwrap();
        }
        assert_eq!(got, (0..100).collect::<Vec<u8>>());
        assert_eq!(stamped, 100);
        assert_eq!(receiver.receive(&to, |_| panic!("nothing is left")).unwrap(), 0);
    }

    #[test]
    fn sending_to_nobody_is_no_error() {
        let [from, to] = sockets();
        let gone = to.local();
        drop(to);
        for _ in 0..3 {
            from.send(gone, b"x");
        }
        let mut receiver = Receiver::new(false);
        receiver.receive(&from, |_| {}).unwrap();
    }
}
